//! A user: a log that outlives connections, and the clients that read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::event::position::Position;
use crate::history::log::Log;
use crate::session::client::Client;

/// A user.
#[derive(Debug)]
pub struct User {
    pub(crate) id: Arc<str>,
    pub(crate) log: Arc<Log>,
    /// Up to here, something was sent to a single client of theirs that has gone and that nobody can come back as.
    pub(crate) unclaimed: AtomicU64,
    connections: Mutex<Connections>,
    /// Held while observers are told, so that they hear of coming and going in the order of the facts.
    telling: Mutex<()>,
}

#[derive(Debug, Default)]
struct Connections {
    /// In order of their arrival.
    clients: Vec<Arc<Client>>,
    /// Clients that are about to join.
    holds: u32,
    /// Observers were told that the user is online, and not yet that they are offline.
    online: bool,
    /// When the last client left.
    left: Option<Instant>,
    /// The registry has given this user up; whoever still holds it must look the id up again.
    retired: bool,
}

/// What became of an attempt to hold a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Held,
    /// The registry has given it up: look the id up again.
    Retired,
}

impl User {
    /// Up to `floor` events may be missing in its log, and up to `unclaimed` what was sent to single clients.
    pub(crate) fn new(id: &str, floor: Position, unclaimed: Position) -> Self {
        Self {
            id: id.into(),
            log: Arc::new(Log::new(floor)),
            unclaimed: AtomicU64::new(unclaimed),
            connections: Mutex::default(),
            telling: Mutex::new(()),
        }
    }

    /// Keeps it from being given up until `release`, for a client that is about to join.
    ///
    /// # Errors
    /// It has `most` clients, with those that are about to join.
    pub(crate) fn hold(&self, most: usize) -> Result<Hold> {
        let mut connections = self.connections.lock();
        if connections.retired {
            return Ok(Hold::Retired);
        }
        if connections.clients.len() + connections.holds as usize >= most {
            return Err(Error::refused(Refusal::User));
        }
        connections.holds += 1;
        Ok(Hold::Held)
    }

    pub(crate) fn release(&self) {
        self.connections.lock().holds -= 1;
    }

    /// Adds a client, and says whether it is the first. The user must be held.
    pub(crate) fn join(&self, client: &Arc<Client>) -> bool {
        let mut connections = self.connections.lock();
        connections.clients.push(Arc::clone(client));
        connections.left = None;
        connections.clients.len() == 1
    }

    /// Removes a client. Says whether it was the last.
    pub(crate) fn leave(&self, client: &Arc<Client>) -> bool {
        let mut connections = self.connections.lock();
        let before = connections.clients.len();
        connections.clients.retain(|other| !Arc::ptr_eq(other, client));
        let was_last = before > connections.clients.len() && connections.clients.is_empty();
        if was_last {
            connections.left = Some(Instant::now());
        }
        was_last
    }

    /// Runs `tell` if the user has a client and is not known to be online, and before anybody can tell the contrary.
    pub(crate) fn come_online(&self, tell: impl FnOnce()) {
        let _telling = self.telling.lock();
        let mut connections = self.connections.lock();
        if !connections.online && !connections.clients.is_empty() {
            connections.online = true;
            drop(connections);
            tell();
        }
    }

    /// Runs `tell` if the user was known to be online and has had no client for so long.
    pub(crate) fn go_offline(&self, grace: Duration, tell: impl FnOnce()) {
        let _telling = self.telling.lock();
        let mut connections = self.connections.lock();
        let is_due = connections.left.is_some_and(|left| left.elapsed() >= grace);
        if connections.online && is_due {
            connections.online = false;
            drop(connections);
            tell();
        }
    }

    /// Whether observers take it for online: it has a client, or had one a moment ago.
    pub(crate) fn is_online(&self) -> bool {
        let connections = self.connections.lock();
        connections.online || !connections.clients.is_empty()
    }

    /// Its clients of this moment.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.connections.lock().clients.clone()
    }

    /// How many clients it has.
    pub(crate) fn count(&self) -> usize {
        self.connections.lock().clients.len()
    }

    /// Marks every client, and says how many there are.
    pub(crate) fn mark(&self) -> usize {
        let connections = self.connections.lock();
        for client in &connections.clients {
            client.mark();
        }
        connections.clients.len()
    }

    /// Something that was sent to one of their clients cannot be had by anybody any more.
    pub(crate) fn lose(&self, position: Position) {
        self.unclaimed.fetch_max(position, Ordering::AcqRel);
    }

    /// Whether the registry has given it up.
    pub(crate) fn is_retired(&self) -> bool {
        self.connections.lock().retired
    }

    /// Whether nothing is left of it: no client, no event, and nothing to be told.
    pub(crate) fn is_idle(&self) -> bool {
        let connections = self.connections.lock();
        connections.clients.is_empty() && connections.holds == 0 && !connections.online && self.log.usage().events == 0
    }

    /// Gives it up if nothing is left of it. Nothing may be published meanwhile.
    pub(crate) fn retire_if_idle(&self) -> bool {
        let is_idle = self.is_idle();
        let mut connections = self.connections.lock();
        // Asked again: somebody may have come in between.
        connections.retired |= is_idle && connections.clients.is_empty() && connections.holds == 0;
        connections.retired
    }

    /// What is not known any more when it is given up: of its log, and of what was sent to single clients.
    pub(crate) fn forgets(&self) -> (Position, Position) {
        (self.log.floor(), self.unclaimed.load(Ordering::Acquire))
    }
}
