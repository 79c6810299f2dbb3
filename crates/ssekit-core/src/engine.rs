//! A hub without its cluster: the history, the clients, and the tasks that write to them. Other nodes' records and this
//! process's own calls both end here.

mod attendance;
mod subscribe;

pub(crate) use self::subscribe::Since;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::delivery::deliveries::Deliveries;
use crate::delivery::inbox::{Command, Inbox};
use crate::event::audience::Audience;
use crate::event::position::{Epoch, Position};
use crate::event::{Draft, Glimpse};
use crate::history::timeline::{Place, Timeline};
use crate::session::channel::Channel;
use crate::session::client::Client;
use crate::session::lifecycle::DisconnectReason;
use crate::session::observer::Sent;
use crate::session::registry::Registry;
use crate::session::revoked::Revoked;

/// The logs of one process, its clients, and the shards that serve the clients.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) shards: Vec<(Arc<Inbox>, Arc<Deliveries>)>,
    /// Counts up to choose the shard that gets the next client.
    next_shard: AtomicUsize,
    /// Users who were logged out; their tickets are void.
    pub(crate) revoked: Revoked,
}

impl Engine {
    /// `shards` has at least one shard.
    pub(crate) fn new(
        timeline: Arc<Timeline>,
        registry: Arc<Registry>,
        shards: Vec<(Arc<Inbox>, Arc<Deliveries>)>,
    ) -> Self {
        debug_assert!(!shards.is_empty(), "validated options ask for at least one thread");
        Self { timeline, registry, shards, next_shard: AtomicUsize::new(0), revoked: Revoked::new() }
    }

    /// Puts an event into the log of its audience, and marks the clients that it is for. Returns the number of
    /// connected clients among these, and the event's position. A broadcast also needs [`Engine::wake_for_broadcasts`].
    pub(crate) fn put(&self, place: Place, audience: Audience<'_>, draft: Draft) -> (usize, Option<Position>) {
        let glimpse = self.glimpse(place, audience, &draft);
        let (clients, position) = match audience {
            Audience::All { exclude } => self.put_for_all(place, exclude, draft),
            Audience::User(id) => self.put_for_user(place, id, draft),
            Audience::Client(id) => self.put_for_client(place, id, draft),
            Audience::Channel(name) => self.put_for_channel(place, name, draft),
        };
        if let Some((glimpse, own_id)) = glimpse {
            self.show(audience, &glimpse, own_id, clients, position);
        }
        (clients, position)
    }

    /// Gives a place to an event that can be recalled, if nobody here reads its audience. `None`: put it into its log. Without
    /// a draft, its contents have not been read.
    pub(crate) fn leave_elsewhere(
        &self,
        place: Place,
        audience: Audience<'_>,
        draft: Option<&Draft>,
    ) -> Option<Position> {
        let Self { timeline, registry, .. } = self;
        let position = match audience {
            Audience::User(id) => registry.users.leave_elsewhere(id, place, timeline),
            Audience::Channel(name) => registry.channels.leave_elsewhere(name, place, timeline),
            Audience::All { .. } | Audience::Client(_) => None,
        }?;
        if let Some((glimpse, own_id)) = draft.and_then(|draft| self.glimpse(place, audience, draft)) {
            self.show(audience, &glimpse, own_id, 0, Some(position));
        }
        Some(position)
    }

    /// A look at an event and at its own id, if an observer wants it. A duplicate has been shown before.
    fn glimpse(&self, place: Place, audience: Audience<'_>, draft: &Draft) -> Option<(Glimpse, Option<String>)> {
        let glimpse = if place.is_duplicate() { None } else { self.registry.glimpse(audience, draft) };
        glimpse.map(|glimpse| (glimpse, draft.own_id().map(str::to_owned)))
    }

    fn show(
        &self,
        to: Audience<'_>,
        event: &Glimpse,
        own_id: Option<String>,
        clients: usize,
        position: Option<Position>,
    ) {
        let id = position.map(|position| own_id.unwrap_or_else(|| self.timeline.epoch().id(position)));
        let is_excluded = matches!(to, Audience::All { exclude: Some(id) } if self.registry.client(id).is_some());
        let clients = clients.saturating_sub(usize::from(is_excluded));
        self.registry.tell(|observer| observer.sent(&Sent { to, id: id.as_deref(), clients, event }));
    }

    fn put_for_user(&self, place: Place, user_id: &str, mut draft: Draft) -> (usize, Option<Position>) {
        loop {
            let user = self.registry.users.get_or_begin(user_id);
            match self.timeline.publish(place, draft, None, &user.log, |_| !user.is_retired()) {
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
            match timeline.publish(place, draft, None, client.subscriptions.own(), |_| client.is_listed()) {
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

    fn put_for_channel(&self, place: Place, name: &str, mut draft: Draft) -> (usize, Option<Position>) {
        loop {
            let channel = self.registry.channel(name);
            match self.timeline.publish(place, draft, None, &channel.events.log, |_| !channel.is_retired()) {
                Ok(position) => return (self.mark_members(&channel), Some(position)),
                Err(unpublished) => draft = unpublished,
            }
        }
    }

    /// Returns the number of members.
    fn mark_members(&self, channel: &Arc<Channel>) -> usize {
        channel.mark(|shard| {
            if let Some((inbox, _)) = self.shards.get(shard) {
                inbox.push(Command::Channel(Arc::clone(channel)));
            }
        })
    }

    fn put_for_all(&self, place: Place, exclude: Option<&str>, draft: Draft) -> (usize, Option<Position>) {
        let (connected, _, _) = self.registry.counts();
        (connected, Some(self.timeline.broadcast(place, draft, exclude.map(Arc::from))))
    }

    /// Makes every shard look for new broadcasts.
    pub(crate) fn wake_for_broadcasts(&self) {
        for (inbox, _) in &self.shards {
            inbox.broadcast();
        }
    }

    /// Assigns clients to the shards in turn.
    #[allow(clippy::indexing_slicing, reason = "an engine has at least one shard")]
    pub(crate) fn next_shard(&self) -> (Arc<Inbox>, Arc<Deliveries>) {
        let number = self.next_shard.fetch_add(1, Ordering::Relaxed);
        self.shards[number % self.shards.len()].clone()
    }

    /// Nothing up to this position is known any more; connected clients learn about the gap.
    pub(crate) fn begin_anew(&self, epoch: Epoch, position: Position) {
        let base = self.timeline.renew(epoch, position);
        self.registry.begin_after(base);
    }

    /// Begins memory after this position. Earlier events stay in the backplane, except those for single clients.
    pub(crate) fn begin_at(&self, position: Position) {
        self.timeline.begin_at(position);
        self.registry.begin_at(self.timeline.horizon());
    }

    /// Everything that was appended out of sight of connected clients may be read.
    pub(crate) fn end_backfill(&self) {
        self.registry.knows_nobody_before(self.timeline.newest() + 1);
        if self.timeline.end_backfill() {
            self.wake_for_broadcasts();
        }
    }

    /// Ends a client's stream. Returns whether this call ended it.
    pub(crate) fn end(&self, client: &Arc<Client>, reason: DisconnectReason) -> bool {
        self.registry.remove(client, reason, &self.timeline)
    }

    /// Ends the stream of the client with this id. Returns whether there was one.
    pub(crate) fn disconnect_client(&self, client_id: &str) -> bool {
        self.registry.client(client_id).is_some_and(|client| self.end(&client, DisconnectReason::Server))
    }

    /// Ends all streams of a user, and voids the user's tickets from before `now`. Returns the number of streams.
    pub(crate) fn disconnect_user(&self, user_id: &str, now: Duration) -> usize {
        // First, because otherwise a page could come back in between.
        self.revoked.revoke(user_id, now);
        self.end_clients(user_id, Duration::MAX)
    }

    /// The same for a log-out that happened at this time, and that this node learns about late: a client whose user was
    /// identified afterwards stays. Returns false if the log-out, or a later one, is known.
    pub(crate) fn learn_log_out(&self, user_id: &Arc<str>, at: Duration) -> bool {
        let is_news = self.revoked.learn(user_id, at);
        if is_news {
            self.end_clients(user_id, at);
        }
        is_news
    }

    /// Ends the clients whose user was identified up to this time, and the channels of those that are away.
    fn end_clients(&self, user_id: &str, until: Duration) -> usize {
        let mut clients = self.registry.users.get(user_id).map_or_else(Vec::new, |user| user.clients());
        clients.retain(|client| client.identified_at <= until);
        let count = clients.iter().filter(|client| self.end(client, DisconnectReason::Server)).count();
        self.registry.end_channels(&clients, (user_id, until), &self.timeline);
        count
    }

    /// Reports a problem that no caller can receive.
    pub(crate) fn report(&self, message: &str) {
        self.registry.tell(|observer| observer.failed(message));
    }
}
