//! Publishing: puts an event into the log of its audience, and wakes the clients.

use std::sync::Arc;

use crate::cluster::message;
use crate::error::Result;
use crate::event::audience::Audience;
use crate::event::position::Position;
use crate::event::{Draft, Event};
use crate::history::timeline::Place;
use crate::hub::{Hub, Inner};

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
        let mut draft = event.encode(self.inner.options.max_event_bytes)?;
        if self.inner.cluster.is_some() {
            draft.share(message::event_fields(&event));
        }
        Ok(draft)
    }

    /// Sends an encoded event.
    ///
    /// # Errors
    /// The audience's id is invalid.
    pub fn publish(&self, audience: Audience<'_>, draft: Draft) -> Result<Published> {
        audience.check()?;
        let own_id = draft.own_id().map(str::to_owned);
        let (clients, position) = self.put(audience, draft);
        let id = position.map(|position| own_id.unwrap_or_else(|| self.inner.timeline.epoch().id(position)));
        Ok(Published { clients, id })
    }

    /// Puts an event into its log. Returns how many connected clients it is for, and its position.
    pub(super) fn put(&self, audience: Audience<'_>, draft: Draft) -> (usize, Option<Position>) {
        if let Some(cluster) = &self.inner.cluster {
            return (self.put_for_all_nodes(cluster, audience, &draft), None);
        }
        let inner = &*self.inner;
        let (clients, position) = inner.put(Place::next(), audience, draft);
        if let Audience::All { exclude } = audience {
            inner.wake_for_broadcasts();
            let excluded = exclude.is_some_and(|id| inner.registry.client(id).is_some());
            return (clients.saturating_sub(usize::from(excluded)), position);
        }
        (clients, position)
    }
}

impl Inner {
    /// Puts an event into the log of its audience on this node. Returns how many connected clients it is for, and its
    /// position.
    pub(super) fn put(&self, place: Place, audience: Audience<'_>, draft: Draft) -> (usize, Option<Position>) {
        match audience {
            Audience::All { exclude } => self.put_for_all(place, exclude, draft),
            Audience::User(id) => self.put_for_user(place, id, draft),
            Audience::Client(id) => self.put_for_client(place, id, draft),
        }
    }

    fn put_for_user(&self, place: Place, user_id: &str, mut draft: Draft) -> (usize, Option<Position>) {
        loop {
            let user = self.registry.users.get_or_begin(user_id);
            match self.timeline.publish(place, draft, None, &user.log, || !user.is_retired()) {
                Ok(position) => return (user.mark(), Some(position)),
                // The user was given up after the look-up. Find or create a new one.
                Err(unpublished) => draft = unpublished,
            }
        }
    }

    fn put_for_client(&self, place: Place, client_id: &str, mut draft: Draft) -> (usize, Option<Position>) {
        let Self { timeline, registry, .. } = self;
        loop {
            let Some(client) = registry.known_client(client_id) else {
                if registry.miss(client_id, place, timeline).is_some() {
                    return (0, None);
                }
                continue;
            };
            // A client's place passes to another under the same lock, so no event goes into a log that nobody reads.
            match timeline.publish(place, draft, None, client.log(), || client.is_listed()) {
                Ok(position) if client.is_connected() => {
                    client.mark();
                    return (1, Some(position));
                }
                Ok(position) => {
                    // The client has gone since the event was put there. Its successor has the same log.
                    if let Some(successor) = registry.client(client_id) {
                        successor.mark();
                        return (1, Some(position));
                    }
                    registry.lose(&client, position);
                    return (0, Some(position));
                }
                // The client was replaced or given up after the look-up.
                Err(unpublished) => draft = unpublished,
            }
        }
    }

    fn put_for_all(&self, place: Place, exclude: Option<&str>, draft: Draft) -> (usize, Option<Position>) {
        let Self { timeline, registry, .. } = self;
        let (connected, _, _) = registry.counts();
        (connected, Some(timeline.broadcast(place, draft, exclude.map(Arc::from))))
    }

    pub(super) fn wake_for_broadcasts(&self) {
        for (inbox, _) in &self.shards {
            inbox.broadcast();
        }
    }
}
