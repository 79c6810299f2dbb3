//! The events of the past: where a page's snapshot ends, and reading back.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::event::audience::Audience;
use crate::event::{RESERVED_PREFIX, StoredEvent};
use crate::history::log::Log;
use crate::history::timeline::Located;
use crate::hub::Hub;

impl Hub {
    /// "Everything up to here". Read it before the data that a page is rendered with, and let the page connect with it:
    /// see [`Connect::since`](crate::Connect::since).
    pub fn cursor(&self) -> String {
        self.inner.engine.timeline.cursor()
    }

    /// The newest events that were sent to an audience, after the event with the id `after`, or of all that is in memory. At most
    /// `limit`, the newest last. See [`Hub::read_back`].
    ///
    /// # Errors
    /// An id or a name is invalid, or events after `after` are gone.
    pub fn history(&self, audience: Audience<'_>, after: Option<&str>, limit: usize) -> Result<Vec<StoredEvent>> {
        self.check_process()?;
        audience.check()?;
        let timeline = &self.inner.engine.timeline;
        let log = self.log_of(audience);
        let mut cursor = match after {
            None => log.floor(),
            Some(id) => match timeline.locate(id, |own| log.find(own, 0)) {
                Some(Located { cursor, .. }) if cursor >= timeline.horizon() => cursor,
                Some(_) => return Err(Error::evicted(id)),
                None => return Err(Error::unknown_event(id)),
            },
        };
        let mut entries = Vec::new();
        while log.read(cursor, timeline.head(), usize::MAX, &mut entries).is_err() {
            match after {
                Some(id) => return Err(Error::evicted(id)),
                // Events were dropped after the look at the floor.
                None => cursor = log.floor(),
            }
        }
        let is_sent = |event: &StoredEvent| !event.name.starts_with(RESERVED_PREFIX);
        let sent = entries.iter().rev().filter_map(|entry| StoredEvent::of(&entry.frame)).filter(is_sent);
        let mut newest: Vec<StoredEvent> = sent.take(limit).collect();
        newest.reverse();
        Ok(newest)
    }

    /// An audience without kept events has an empty log, which knows the position up to which events are missing.
    pub(super) fn log_of(&self, audience: Audience<'_>) -> Arc<Log> {
        let registry = &self.inner.engine.registry;
        let without = |missing| Arc::new(Log::new(missing));
        match audience {
            Audience::All { .. } => Arc::clone(self.inner.engine.timeline.broadcasts()),
            Audience::User(id) => {
                let user = registry.users.get(id);
                user.map_or_else(|| without(registry.users.missing_of(id)), |user| Arc::clone(&user.log))
            }
            Audience::Client(id) => match registry.known_client(id) {
                Some(client) => client.subscriptions.own_if_any().cloned().unwrap_or_else(|| without(0)),
                None => without(registry.missing_of(id)),
            },
            Audience::Channel(name) => {
                let channel = registry.channels.get(name);
                let missing = || without(registry.channels.missing_of(name));
                channel.map_or_else(missing, |channel| Arc::clone(&channel.events.log))
            }
        }
    }
}
