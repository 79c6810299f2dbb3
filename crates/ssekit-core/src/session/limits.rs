//! Limits on connecting: bounds of the number of clients, and the gate that closes before the process ends.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};

use crate::counter::Counter;
use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::options::LimitOptions;
use crate::session::network::Network;

/// Counts the clients that are in, and lets in those that may come.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: LimitOptions,
    closed: AtomicBool,
    clients: AtomicUsize,
    by_network: DashMap<Network, usize>,
    refusals: [Counter; Refusal::ALL.len()],
}

impl Gate {
    pub(crate) fn new(limits: LimitOptions) -> Self {
        let (closed, clients) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { limits, closed, clients, by_network: DashMap::new(), refusals: Default::default() }
    }

    /// Lets no more clients in. Says whether the gate was open.
    pub(crate) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::SeqCst)
    }

    /// Whether the gate lets no more clients in. A client that was let in just before is entered first and asks then. So
    /// either it sees this, or the thread that closed the gate sees the client.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// The maximum number of clients of one user.
    pub(crate) fn clients_per_user(&self) -> usize {
        self.limits.clients_per_user
    }

    /// The maximum number of channels of one client.
    pub(crate) fn channels_per_client(&self) -> usize {
        self.limits.channels_per_client
    }

    /// Lets a client in, or refuses it. A client that takes another's place does not raise the number of clients, so the
    /// bounds do not apply to it. A client that was let in must [`leave`](Self::leave), once.
    ///
    /// # Errors
    /// The gate is closed, or a bound is reached.
    pub(crate) fn enter(&self, network: Option<Network>, replaces: bool) -> Result<()> {
        if self.is_closed() {
            return Err(Error::draining());
        }
        let most = if replaces { usize::MAX } else { self.limits.clients };
        let one_more = |count: usize| (count < most).then_some(count + 1);
        if self.clients.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            return Err(Error::full(most));
        }
        if !self.enter_from(network, replaces) {
            self.clients.fetch_sub(1, Ordering::AcqRel);
            return Err(Error::address_full(self.limits.clients_per_address));
        }
        Ok(())
    }

    fn enter_from(&self, network: Option<Network>, replaces: bool) -> bool {
        let Some(network) = self.counted(network) else { return true };
        let mut count = self.by_network.entry(network).or_insert(0);
        let fits = replaces || *count < self.limits.clients_per_address;
        *count += usize::from(fits);
        fits
    }

    pub(crate) fn leave(&self, network: Option<Network>) {
        self.clients.fetch_sub(1, Ordering::AcqRel);
        let Some(network) = self.counted(network) else { return };
        if let Entry::Occupied(mut occupied) = self.by_network.entry(network) {
            *occupied.get_mut() -= 1;
            if *occupied.get() == 0 {
                occupied.remove();
            }
        }
    }

    /// Addresses are counted only if they are bounded.
    fn counted(&self, network: Option<Network>) -> Option<Network> {
        network.filter(|_| self.limits.clients_per_address < usize::MAX)
    }

    /// Counts the error if it is a refusal.
    pub(crate) fn count(&self, error: &Error) {
        if let Some(counter) = error.refusal().and_then(|refusal| self.refusals.get(refusal as usize)) {
            counter.add(1);
        }
    }

    /// Refusals since the start, in the order of [`Refusal::ALL`].
    pub(crate) fn refusals(&self) -> [u64; Refusal::ALL.len()] {
        self.refusals.each_ref().map(Counter::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Option<Network> {
        Some(Network::of(text.parse().unwrap()))
    }

    fn refused(entered: Result<()>) -> Option<Refusal> {
        entered.err().and_then(|error| error.refusal())
    }

    #[test]
    fn departure_makes_room_for_one_more() {
        let gate = Gate::new(LimitOptions { clients: 3, clients_per_address: 2, ..LimitOptions::default() });
        let (here, there) = (network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(gate.enter(here, false), Ok(()));
        assert_eq!(gate.enter(here, false), Ok(()));
        assert_eq!(refused(gate.enter(here, false)), Some(Refusal::Address));
        assert_eq!(gate.enter(there, false), Ok(()));
        assert_eq!(refused(gate.enter(None, false)), Some(Refusal::Clients));
        assert_eq!(gate.enter(here, true), Ok(()), "it takes another's place");
        gate.leave(here);
        gate.leave(here);
        assert_eq!(gate.enter(here, false), Ok(()));
        for network in [here, here, there] {
            gate.leave(network);
        }
        assert_eq!((gate.clients.load(Ordering::Relaxed), gate.by_network.len()), (0, 0));
    }

    #[test]
    fn closed_gate_admits_nobody() {
        let gate = Gate::new(LimitOptions::default());
        assert!(gate.close());
        assert!(!gate.close());
        assert_eq!(refused(gate.enter(None, true)), Some(Refusal::Draining));
    }
}
