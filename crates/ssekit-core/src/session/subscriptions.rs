//! The logs that a client reads besides the broadcasts.

use std::sync::{Arc, OnceLock};

use crate::event::position::Position;
use crate::history::log::Log;

/// The logs of one client, in no particular order. The client's cursor covers all of them.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// The events sent to its user.
    user: Option<Arc<Log>>,
    /// The events sent to this client alone. Few clients ever need this log.
    own: OnceLock<Arc<Log>>,
}

impl Subscriptions {
    /// The logs of a client of this user. Its own log exists already if it brings its id, because it may have been here
    /// before.
    pub(crate) fn new(user: Option<Arc<Log>>, own: Option<Arc<Log>>) -> Self {
        Self { user, own: own.map_or_else(OnceLock::new, OnceLock::from) }
    }

    /// All logs that exist.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Log>> {
        self.user.iter().chain(self.own.get())
    }

    /// The log of events sent to this client alone, made at its first use.
    pub(crate) fn own(&self) -> &Arc<Log> {
        self.own.get_or_init(|| Arc::new(Log::new(0)))
    }

    /// That log, if it exists.
    pub(crate) fn own_if_any(&self) -> Option<&Arc<Log>> {
        self.own.get()
    }

    /// Whether a log has an event after `cursor`.
    pub(crate) fn has_news(&self, cursor: Position) -> bool {
        self.iter().any(|log| log.last() > cursor)
    }
}
