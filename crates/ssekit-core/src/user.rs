//! A user: a log that outlives connections, and the clients that read it.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::client::Client;
use crate::log::Log;
use crate::position::Position;

/// A user.
#[derive(Debug)]
pub struct User {
    pub(crate) id: Arc<str>,
    pub(crate) log: Arc<Log>,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    /// In order of their arrival.
    clients: Vec<Arc<Client>>,
    /// Clients that are about to join.
    holds: u32,
    /// The registry has given this user up; whoever still holds it must look the id up again.
    retired: bool,
}

impl User {
    pub(crate) fn new(id: &str, floor: Position) -> Self {
        Self { id: id.into(), log: Arc::new(Log::new(floor)), seats: Mutex::default() }
    }

    /// Keeps it from being given up until `release`, for a client that is about to join. False: too late.
    pub(crate) fn hold(&self) -> bool {
        let mut seats = self.seats.lock();
        seats.holds += u32::from(!seats.retired);
        !seats.retired
    }

    pub(crate) fn release(&self) {
        self.seats.lock().holds -= 1;
    }

    /// Adds a client, and says whether it is the first. The user must be held.
    pub(crate) fn join(&self, client: &Arc<Client>) -> bool {
        let mut seats = self.seats.lock();
        seats.clients.push(Arc::clone(client));
        seats.clients.len() == 1
    }

    /// Removes a client. Says whether it was the last.
    pub(crate) fn leave(&self, client: &Arc<Client>) -> bool {
        let mut seats = self.seats.lock();
        let before = seats.clients.len();
        seats.clients.retain(|other| !Arc::ptr_eq(other, client));
        before > seats.clients.len() && seats.clients.is_empty()
    }

    /// Its clients of this moment.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.seats.lock().clients.clone()
    }

    /// Marks every client, and says how many there are.
    pub(crate) fn mark(&self) -> usize {
        let seats = self.seats.lock();
        for client in &seats.clients {
            client.mark();
        }
        seats.clients.len()
    }

    /// Whether it has a client.
    pub(crate) fn is_online(&self) -> bool {
        !self.seats.lock().clients.is_empty()
    }

    /// Whether the registry has given it up.
    pub(crate) fn is_retired(&self) -> bool {
        self.seats.lock().retired
    }

    /// Gives it up if nothing is left of it: no client and no event. Nothing may be published meanwhile.
    pub(crate) fn retire_if_idle(&self) -> bool {
        let mut seats = self.seats.lock();
        seats.retired |= seats.clients.is_empty() && seats.holds == 0 && self.log.usage().events == 0;
        seats.retired
    }
}
