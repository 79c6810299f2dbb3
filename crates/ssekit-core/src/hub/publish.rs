//! Publishing: an event goes into the log of those whom it is for, and they are told.

use std::sync::Arc;

use crate::cluster::message;
use crate::error::Result;
use crate::event::position::Position;
use crate::event::{Draft, Event, check_length};
use crate::history::timeline::Place;
use crate::hub::{Hub, Inner};

/// Whom an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// All clients of a user, those that are connected and those that come back.
    User(&'a str),
    /// One client, which is connected, or away and comes back with its id.
    Client(&'a str),
    /// All clients but, perhaps, one.
    All {
        /// The client that shall not get it.
        exclude: Option<&'a str>,
    },
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Connected clients that it was addressed to.
    pub clients: usize,
    /// The event's id. None if no client has the id that it was sent to, and always with a backplane: there it gets its id later.
    pub id: Option<String>,
}

impl Target<'_> {
    /// Checks the id in it.
    ///
    /// # Errors
    /// It is empty, or longer than 256 bytes.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::User(id) => check_length("userId", id),
            Self::Client(id) => check_length("clientId", id),
            Self::All { exclude } => exclude.map_or(Ok(()), |id| check_length("excludeClientId", id)),
        }
    }
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
    /// The id of the target cannot be used.
    pub fn publish(&self, target: Target<'_>, draft: Draft) -> Result<Published> {
        target.check()?;
        let own_id = draft.own_id().map(str::to_owned);
        let (clients, position) = self.put(target, draft);
        let id = position.map(|position| own_id.unwrap_or_else(|| self.inner.timeline.epoch().id(position)));
        Ok(Published { clients, id })
    }

    /// Puts an event into its log. Says how many connected clients it is for, and where it stands.
    pub(super) fn put(&self, target: Target<'_>, draft: Draft) -> (usize, Option<Position>) {
        if let Some(cluster) = &self.inner.cluster {
            return (self.put_for_all_nodes(cluster, target, &draft), None);
        }
        let inner = &*self.inner;
        match target {
            Target::User(id) => inner.put_for_user(Place::next(), id, draft),
            Target::Client(id) => inner.put_for_client(Place::next(), id, draft),
            Target::All { exclude } => {
                let excluded = exclude.is_some_and(|id| inner.registry.client(id).is_some());
                let (clients, position) = inner.put_for_all(Place::next(), exclude, draft);
                inner.wake_for_broadcasts();
                (clients.saturating_sub(usize::from(excluded)), position)
            }
        }
    }
}

impl Inner {
    pub(super) fn put_for_user(&self, place: Place, user_id: &str, mut draft: Draft) -> (usize, Option<Position>) {
        loop {
            let user = self.registry.users.get_or_begin(user_id);
            match self.timeline.publish(place, draft, None, &user.log, || !user.is_retired()) {
                Ok(position) => return (user.mark(), Some(position)),
                // It was given up between the look-up and now: there is a new one to be found.
                Err(unpublished) => draft = unpublished,
            }
        }
    }

    pub(super) fn put_for_client(&self, place: Place, client_id: &str, mut draft: Draft) -> (usize, Option<Position>) {
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

    pub(super) fn put_for_all(&self, place: Place, exclude: Option<&str>, draft: Draft) -> (usize, Option<Position>) {
        let Self { timeline, registry, .. } = self;
        let (connected, _, _) = registry.counts();
        let published = timeline.publish(place, draft, exclude.map(Arc::from), timeline.broadcasts(), || true);
        debug_assert!(published.is_ok(), "the log of broadcasts is never given up");
        (connected, published.ok())
    }

    pub(super) fn wake_for_broadcasts(&self) {
        for (inbox, _) in &self.shards {
            inbox.broadcast();
        }
    }
}
