//! A user: a log that outlives connections, and the clients that read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::event::audience::Audience;
use crate::event::position::Position;
use crate::history::log::Log;
use crate::session::client::Client;
use crate::session::directory::Kept;

/// A user.
#[derive(Debug)]
pub struct User {
    pub(crate) id: Arc<str>,
    pub(crate) log: Arc<Log>,
    /// Up to this position, events sent to the user's single clients were lost: those clients are gone, and nobody can come
    /// back as them.
    unclaimed: AtomicU64,
    connections: Mutex<Connections>,
    /// Held while observers hear the news, so that they hear about coming and going in the order of the facts.
    telling: Mutex<()>,
}

#[derive(Debug, Default)]
struct Connections {
    /// In order of their arrival.
    clients: Vec<Arc<Client>>,
    /// Clients that are about to join.
    holds: u32,
    /// Observers know that the user is online, and not yet that they are offline.
    online: bool,
    /// When the last client left.
    left: Option<Instant>,
    /// The registry has given this user up. A caller that still holds it must look the id up again.
    retired: bool,
}

/// The result of an attempt to hold a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Held,
    /// The registry has given it up: look the id up again.
    Retired,
}

impl User {
    /// Up to `floor`, events may be missing in its log. Up to `unclaimed`, events sent to single clients may be missing.
    pub(crate) fn new(id: &str, floor: Position, unclaimed: Position) -> Self {
        Self {
            id: id.into(),
            log: Arc::new(Log::new(floor)),
            unclaimed: AtomicU64::new(unclaimed),
            connections: Mutex::default(),
            telling: Mutex::new(()),
        }
    }

    /// Keeps the user from being given up until `release`, for a client that is about to join.
    ///
    /// # Errors
    /// The user has `most` clients, counting those that are about to join.
    pub(crate) fn hold(&self, most: usize) -> Result<Hold> {
        let mut connections = self.connections.lock();
        if connections.retired {
            return Ok(Hold::Retired);
        }
        if connections.clients.len() + connections.holds as usize >= most {
            return Err(Error::user_full(most));
        }
        connections.holds += 1;
        Ok(Hold::Held)
    }

    pub(crate) fn release(&self) {
        self.connections.lock().holds -= 1;
    }

    /// Adds a client. Says whether it is the first. The user must be held.
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

    /// Runs `tell` if the user has a client and is not known to be online, before another thread can tell the contrary.
    pub(crate) fn come_online(&self, tell: impl FnOnce()) {
        let _telling = self.telling.lock();
        let mut connections = self.connections.lock();
        if !connections.online && !connections.clients.is_empty() {
            connections.online = true;
            drop(connections);
            tell();
        }
    }

    /// Runs `tell` if the user was known to be online and has had no client for the `grace` time.
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

    /// Whether observers take the user for online: the user has a client, or had one a moment ago.
    pub(crate) fn is_online(&self) -> bool {
        let connections = self.connections.lock();
        connections.online || !connections.clients.is_empty()
    }

    /// The user's clients at this moment.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.connections.lock().clients.clone()
    }

    /// The number of the user's clients.
    pub(crate) fn count(&self) -> usize {
        self.connections.lock().clients.len()
    }

    /// Marks every client. Returns their number.
    pub(crate) fn mark(&self) -> usize {
        let connections = self.connections.lock();
        for client in &connections.clients {
            client.mark();
        }
        connections.clients.len()
    }

    /// An event that was sent to one of the user's clients is out of everybody's reach.
    pub(crate) fn lose(&self, position: Position) {
        self.unclaimed.fetch_max(position, Ordering::AcqRel);
    }

    /// Whether the registry has given the user up.
    pub(crate) fn is_retired(&self) -> bool {
        self.connections.lock().retired
    }

    /// Up to this position, events sent to the user's single clients were lost.
    pub(crate) fn unclaimed(&self) -> Position {
        self.unclaimed.load(Ordering::Acquire)
    }
}

impl Kept for User {
    fn audience(name: &str) -> Audience<'_> {
        Audience::User(name)
    }

    fn log(&self) -> &Log {
        &self.log
    }

    /// No client, no news for observers, and no event, or none that a client could have read since then.
    fn is_idle(&self, unread_since: Option<Instant>) -> bool {
        let connections = self.connections.lock();
        let is_unread = unread_since.is_some_and(|since| connections.left.is_none_or(|left| left <= since));
        let has_events = !is_unread && self.log.usage().events > 0;
        connections.clients.is_empty() && connections.holds == 0 && !connections.online && !has_events
    }

    fn retire_if_idle(&self, unread_since: Option<Instant>) -> bool {
        let is_idle = self.is_idle(unread_since);
        let mut connections = self.connections.lock();
        // Ask again, because a client may have come in between.
        connections.retired |= is_idle && connections.clients.is_empty() && connections.holds == 0;
        connections.retired
    }
}
