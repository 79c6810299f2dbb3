//! Limits how many connections there may be, in all and from one address, and how fast they may come.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::options::ListenerLimits;
use ssekit_core::session::network::Network;

/// The decision about a new connection.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// Admitted.
    Yes(Permit),
    /// Over the limit; accepted only to send the refusal.
    Refused(Overload, Permit),
    /// Over both limits; closed without an answer.
    Rejection,
}

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overload {
    /// Too many connections in all.
    Full,
    /// Too many connections from this address.
    AddressFull,
}

/// Counts the connections of a listener.
#[derive(Debug)]
pub(crate) struct Admission {
    most: usize,
    most_per_address: usize,
    /// Connections beyond the limit that are accepted only to send the refusal.
    most_refused: usize,
    counts: Mutex<Counts>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    refused: usize,
    /// Only kept if there is a limit per address.
    by_network: HashMap<Network, usize>,
}

impl Admission {
    pub(crate) fn new(limits: &ListenerLimits) -> Self {
        Self {
            most: limits.connections,
            most_per_address: limits.connections_per_address,
            most_refused: 16 + limits.connections / 16,
            counts: Mutex::default(),
            left: Notify::new(),
        }
    }

    /// Asks for a permit. Dropping the permit returns it.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Admitted {
        let network = address.filter(|_| self.most_per_address > 0).map(Network::of);
        let mut counts = self.counts.lock();
        let from_here = network.and_then(|network| counts.by_network.get(&network)).copied().unwrap_or(0);
        let refusal = if counts.all >= self.most {
            Some(Overload::Full)
        } else if network.is_some() && from_here >= self.most_per_address {
            Some(Overload::AddressFull)
        } else {
            None
        };
        let Some(refusal) = refusal else {
            counts.all += 1;
            if let Some(network) = network {
                *counts.by_network.entry(network).or_default() += 1;
            }
            return Admitted::Yes(Permit { admission: Arc::clone(self), network, refused: false });
        };
        if counts.refused >= self.most_refused {
            return Admitted::Rejection;
        }
        counts.refused += 1;
        Admitted::Refused(refusal, Permit { admission: Arc::clone(self), network: None, refused: true })
    }

    /// The number of admitted connections.
    pub(crate) fn connections(&self) -> usize {
        self.counts.lock().all
    }

    /// Waits until all connections are gone.
    pub(crate) async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            {
                let counts = self.counts.lock();
                if counts.all + counts.refused == 0 {
                    return;
                }
            }
            left.await;
        }
    }
}

/// A connection's permit.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    network: Option<Network>,
    refused: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        if self.refused {
            counts.refused -= 1;
        } else {
            counts.all -= 1;
        }
        if let Some(network) = self.network
            && let Some(count) = counts.by_network.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_network.remove(&network);
            }
        }
        drop(counts);
        self.admission.left.notify_waiters();
    }
}

/// Lets a fixed number through per second, evenly, apart from a burst of a tenth of that number.
#[derive(Debug)]
pub(crate) struct Pace {
    step: Duration,
    burst: Duration,
    /// When the next one would be due without the burst.
    due: Instant,
}

impl Pace {
    /// At most `per_second`. Returns `None`, which means no limit, for 0.
    pub(crate) fn of(per_second: usize) -> Option<Self> {
        let step = Duration::from_secs(1).checked_div(u32::try_from(per_second).ok()?)?;
        let (now, burst) = (Instant::now(), Duration::from_millis(100));
        Some(Self { step, burst, due: now.checked_sub(burst).unwrap_or(now) })
    }

    /// Waits until the next connection may come in.
    pub(crate) async fn wait(&mut self) {
        let now = Instant::now();
        self.due = self.due.max(now.checked_sub(self.burst).unwrap_or(now)) + self.step;
        if self.due > now {
            tokio::time::sleep_until(self.due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: usize, connections_per_address: usize) -> Arc<Admission> {
        Arc::new(Admission::new(&ListenerLimits { connections, connections_per_address, ..ListenerLimits::default() }))
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn released_place_is_free_again() {
        let admission = admission(1, 0);
        let Admitted::Yes(permit) = admission.admit(None) else { panic!("refused") };
        let Admitted::Refused(Overload::Full, told) = admission.admit(None) else { panic!("not refused") };
        drop(permit);
        assert!(matches!(admission.admit(None), Admitted::Yes(_)));
        drop(told);
        assert_eq!(admission.connections(), 0);
    }

    #[test]
    fn connections_kept_for_a_refusal_are_limited() {
        let admission = admission(1, 0);
        let _place = admission.admit(None);
        let refused: Vec<_> = (0..100).map(|_| admission.admit(None)).collect();
        assert_eq!(refused.iter().filter(|refused| matches!(refused, Admitted::Refused(..))).count(), 16);
        assert!(matches!(refused.last(), Some(Admitted::Rejection)));
    }

    #[test]
    fn one_address_takes_no_places_of_others() {
        let admission = admission(10, 2);
        let permits: Vec<_> = (0..2).map(|_| admission.admit(address("2001:db8::1"))).collect();
        // Another address of the same network.
        assert!(matches!(admission.admit(address("2001:db8::2")), Admitted::Refused(Overload::AddressFull, _)));
        assert!(matches!(admission.admit(address("2001:db8:1::1")), Admitted::Yes(_)));
        assert!(matches!(admission.admit(address("192.0.2.1")), Admitted::Yes(_)));
        // A socket for both kinds of addresses shows IPv4 addresses as IPv6 addresses. These do not count as one network.
        let mapped = ["::ffff:192.0.2.2", "::ffff:192.0.2.3", "::ffff:192.0.2.4"].map(address);
        let places_of_mapped = mapped.map(|address| admission.admit(address));
        assert!(places_of_mapped.iter().all(|admitted| matches!(admitted, Admitted::Yes(_))));
        drop(places_of_mapped);
        drop(permits);
        assert!(admission.counts.lock().by_network.is_empty());
        assert!(matches!(admission.admit(address("2001:db8::2")), Admitted::Yes(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn connections_above_the_rate_wait() {
        let mut pace = Pace::of(100).unwrap();
        let start = Instant::now();
        for _ in 0..210 {
            pace.wait().await;
        }
        // 200 take two seconds; the burst of a tenth of a second comes at once.
        assert_eq!(start.elapsed().as_millis(), 2_000);
        assert!(Pace::of(0).is_none());
    }
}
