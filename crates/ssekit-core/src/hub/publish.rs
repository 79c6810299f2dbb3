//! Publishing: an event goes into the log of those whom it is for, and they are told.

use std::sync::Arc;

use crate::cluster::message;
use crate::error::Result;
use crate::event::audience::Audience;
use crate::event::position::Position;
use crate::event::{Draft, Event};
use crate::history::timeline::Place;
use crate::hub::{Hub, Inner};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Connected clients that it was addressed to.
    pub clients: usize,
    /// The event's id. None if no client has the id that it was sent to, and always with a backplane: there it gets its id later.
    pub id: Option<String>,
}

impl Hub {
    /// Encodes an event, without sending it yet: of many, either all can be sent or none is.
    ///
    /// # Errors
    /// The event cannot be used.
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
    /// The audience's id cannot be used.
    pub fn publish(&self, audience: Audience<'_>, draft: Draft) -> Result<Published> {
        audience.check()?;
        let own_id = draft.own_id().map(str::to_owned);
        let (clients, position) = self.put(audience, draft);
        let id = position.map(|position| own_id.unwrap_or_else(|| self.inner.timeline.epoch().id(position)));
        Ok(Published { clients, id })
    }

    /// Puts an event into its log. Says how many connected clients it is for, and where it stands.
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
    /// Puts an event into the log of its audience on this node. Says how many connected clients it is for, and where it stands.
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
                // It was given up between the look-up and now: there is a new one to be found.
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
            // A client's place is given to another under the same lock, so that nothing is put where nobody reads it.
            match timeline.publish(place, draft, None, client.log(), || client.is_listed()) {
                Ok(position) if client.is_connected() => {
                    client.mark();
                    return (1, Some(position));
                }
                Ok(position) => {
                    // It has gone since it was put there; the one that has come in its place has the same log.
                    if let Some(successor) = registry.client(client_id) {
                        successor.mark();
                        return (1, Some(position));
                    }
                    registry.lose(&client, position);
                    return (0, Some(position));
                }
                // It was replaced or given up between the look-up and now.
                Err(unpublished) => draft = unpublished,
            }
        }
    }

    #[allow(clippy::unreachable, reason = "a publication that is lost must be seen")]
    fn put_for_all(&self, place: Place, exclude: Option<&str>, draft: Draft) -> (usize, Option<Position>) {
        let Self { timeline, registry, .. } = self;
        let (connected, _, _) = registry.counts();
        let published = timeline.publish(place, draft, exclude.map(Arc::from), timeline.broadcasts(), || true);
        // Silence would lose the event for everybody.
        let position = published.unwrap_or_else(|_| unreachable!("the log of broadcasts is never given up"));
        (connected, Some(position))
    }

    pub(super) fn wake_for_broadcasts(&self) {
        for (inbox, _) in &self.shards {
            inbox.broadcast();
        }
    }
}
