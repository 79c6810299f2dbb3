//! Publishing: puts an event into the log of its audience, and wakes the clients.

use crate::error::Result;
use crate::event::audience::Audience;
use crate::event::position::Position;
use crate::event::{Draft, Event};
use crate::history::timeline::Place;
use crate::hub::Hub;

/// The outcome of publishing an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Connected clients that the event was addressed to.
    pub clients: usize,
    /// The event's id. `None` if no client has the target id, and always with a backplane, where the event gets its id
    /// later.
    pub id: Option<String>,
}

impl Hub {
    /// Encodes an event without sending it. So a caller can check many events before it sends any of them.
    ///
    /// # Errors
    /// The event is invalid.
    pub fn encode(&self, event: Event<'_>) -> Result<Draft> {
        self.check_process()?;
        event.encode(self.inner.options.max_event_bytes)
    }

    /// Sends an encoded event.
    ///
    /// # Errors
    /// The audience's id is invalid.
    pub fn publish(&self, audience: Audience<'_>, draft: Draft) -> Result<Published> {
        audience.check()?;
        let own_id = draft.own_id().map(str::to_owned);
        let (clients, position) = self.put(audience, draft);
        let id = position.map(|position| own_id.unwrap_or_else(|| self.inner.engine.timeline.epoch().id(position)));
        Ok(Published { clients, id })
    }

    /// Puts an event into its log. Returns the number of connected clients that it is for, and its position.
    pub(super) fn put(&self, audience: Audience<'_>, draft: Draft) -> (usize, Option<Position>) {
        if let Some(cluster) = &self.inner.cluster {
            return (self.put_for_all_nodes(cluster, audience, draft), None);
        }
        let engine = &self.inner.engine;
        let (clients, position) = engine.put(Place::next(), audience, draft);
        if let Audience::All { exclude } = audience {
            engine.wake_for_broadcasts();
            let excluded = exclude.is_some_and(|id| engine.registry.client(id).is_some());
            return (clients.saturating_sub(usize::from(excluded)), position);
        }
        (clients, position)
    }
}
