//! The hub as one of several nodes. It sends events into the shared history, and puts events from the history into its
//! logs.

use std::sync::Arc;

use tokio::time::Instant;

use crate::backplane::Number;
use crate::cluster::message::{self, Addressee, Message, Owner};
use crate::cluster::{Arrival, Cluster, Link, Local};
use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::event::audience::Audience;
use crate::event::key::Key;
use crate::event::position::{Epoch, Position, agreed, is_agreed, last_agreed};
use crate::event::{Draft, Event};
use crate::history::timeline::Place;
use crate::hub::{Hub, Inner};
use crate::options::MOST_EVENT_BYTES;
use crate::session::client::{Client, ShardLink};
use crate::session::forgotten::Earlier;
use crate::session::lifecycle::{ClientInfo, DisconnectReason};
use crate::session::revoked::{end_of_millisecond, since_1970};

impl Hub {
    /// Waits until this node knows what other nodes have sent, so that a client from one of them can resume here. Waits
    /// a few seconds at most. Usually there is nothing to wait for, and a hub without a cluster never waits.
    pub async fn caught_up(&self, last_event_id: Option<&str>) {
        let Some(cluster) = &self.inner.cluster else { return };
        if cluster.is_starting(last_event_id.is_some()) {
            cluster.starts().await;
        }
        if let Some(position) = self.ahead(last_event_id) {
            cluster.reaches(position).await;
        }
    }

    /// Waits, for a few seconds at most, until this node has joined the others and knows their clients. Returns whether
    /// it has.
    pub async fn ready(&self) -> bool {
        match &self.inner.cluster {
            Some(cluster) => cluster.knows_all().await,
            None => true,
        }
    }

    /// Whether there is nothing to wait for.
    pub fn is_caught_up(&self, last_event_id: Option<&str>) -> bool {
        let Some(cluster) = &self.inner.cluster else { return true };
        !cluster.is_starting(last_event_id.is_some()) && self.ahead(last_event_id).is_none()
    }

    /// The position that an id names, if this node has not reached it yet.
    fn ahead(&self, last_event_id: Option<&str>) -> Option<Position> {
        let timeline = &self.inner.timeline;
        let id = last_event_id.map(|id| Key::split(id).map_or(id, |(bare, _)| bare))?;
        let seen = timeline.epoch().parse_seen(id)?;
        let position = if seen.only_at.is_some() { seen.elsewhere } else { last_agreed(seen.position) };
        // The part of an id that names another node is not worth waiting for, because only that node knows what it
        // means.
        (position > timeline.head() && timeline.locate(id, []).is_none_or(|known| known.elsewhere == position))
            .then_some(position)
    }

    /// Notes that a client has seen more than this node, until the node can verify it. Returns false if the node can no
    /// longer tell what the client has seen.
    pub(super) fn welcome(&self, client: &Arc<Client>, last_event_id: Option<&str>, seen: Position) -> bool {
        let Some(cluster) = self.inner.cluster.as_ref().filter(|cluster| seen > cluster.read()) else { return true };
        cluster.newcomers.add(client, seen, cluster.probe());
        // Check again: an outage delivery may have begun in the meantime, and it ends only the newcomers that it finds
        // noted.
        last_event_id.is_none_or(|id| self.inner.timeline.locate(id, []).is_some())
    }

    /// Whether the history never reached the position that a client claims to have seen.
    pub(super) fn is_refuted(&self, seen: Position) -> bool {
        let Some(cluster) = self.inner.cluster.as_ref().filter(|cluster| seen > cluster.read()) else { return false };
        cluster.newcomers.is_refuted(seen)
    }

    /// Sends an event to all nodes, including this one. Returns how many clients it is for, as far as this node knows.
    pub(super) fn put_for_all_nodes(&self, cluster: &Cluster, audience: Audience<'_>, draft: &Draft) -> usize {
        let (registry, members) = (&self.inner.registry, &cluster.members);
        let mut owner = None;
        let clients = match audience {
            Audience::All { exclude } => {
                let is_there =
                    |id| registry.client(id).is_some() || members.find(id).is_some_and(|there| there.connected);
                let excluded = usize::from(exclude.is_some_and(is_there));
                (registry.counts().0 + members.count()).saturating_sub(excluded)
            }
            Audience::User(id) => registry.users.get(id).map_or(0, |user| user.count()) + members.count_of(id),
            // A client that no node knows has no owner. Its page learns about the missing event when it connects.
            Audience::Client(id) => self.owner_of(cluster, id).map_or(0, |(user, connected)| {
                owner = Some(user);
                usize::from(connected)
            }),
        };
        let owner = owner.as_ref().map(|user| user.as_deref().map_or(Owner::Anonymous, Owner::User));
        cluster.send(message::event_for(Addressee { audience, owner }, draft.shared()), &*self.inner);
        clients
    }

    /// Other nodes' view of a client that wants to connect here: how many clients its user has there, and whether one
    /// of them is this client, whose place it takes.
    ///
    /// # Errors
    /// The id belongs to a client of another user.
    pub(super) fn look_elsewhere(&self, user: Option<&str>, client: Option<&str>) -> Result<(usize, bool)> {
        let Some(cluster) = &self.inner.cluster else { return Ok((0, false)) };
        let there = client.and_then(|id| cluster.members.find(id));
        if there.as_ref().is_some_and(|there| there.user.as_deref() != user) {
            return Err(Error::refused(Refusal::Claimed));
        }
        let replaces = there.is_some_and(|there| there.connected);
        Ok((user.map_or(0, |user| cluster.members.count_of(user)), replaces))
    }

    /// How far a page with this id and user may have read on other nodes. Nobody knows how much of the current history
    /// it has received, so the answer is the base of the history.
    pub(super) fn earlier_elsewhere(&self, user: Option<&str>, client: &str) -> Option<Earlier> {
        let there = self.inner.cluster.as_ref()?.members.find(client)?;
        (there.user.as_deref() == user).then(|| Earlier { reached: Some(self.inner.timeline.base()) })
    }

    /// Whether another node has an anonymous client with this id, or had one a moment ago. This node does not know its
    /// key.
    pub(super) fn is_anonymous_elsewhere(&self, client: &str) -> bool {
        let there = self.inner.cluster.as_ref().and_then(|cluster| cluster.members.find(client));
        there.is_some_and(|there| there.user.is_none())
    }

    /// The owner of a client on any node, and whether the client is connected.
    fn owner_of(&self, cluster: &Cluster, client_id: &str) -> Option<(Option<Arc<str>>, bool)> {
        let here =
            self.inner.registry.known_client(client_id).map(|client| (client.info.user.clone(), client.is_connected()));
        let there = cluster.members.find(client_id).map(|there| (there.user, there.connected));
        match (here, there) {
            (Some((_, false)), Some(there)) => Some(there),
            (here, there) => here.or(there),
        }
    }

    pub(super) fn disconnect_client_anywhere(&self, cluster: &Cluster, client_id: &str) -> bool {
        let connected = self.owner_of(cluster, client_id).is_some_and(|(_, connected)| connected);
        cluster.send(Message::DisconnectClient(client_id).encode(), &*self.inner);
        connected
    }

    /// Earlier events still go out, so the order to disconnect follows them in the history.
    pub(super) fn disconnect_user_everywhere(&self, cluster: &Cluster, user_id: &str) -> usize {
        let now = since_1970();
        self.inner.revoked.revoke(user_id, now);
        let here = self.inner.registry.users.get(user_id).map_or(0, |user| user.count());
        cluster.send(Message::DisconnectUser(user_id, now.as_millis() as u64).encode(), &*self.inner);
        if cluster.link() != Link::Up {
            // A log-out takes effect here at once, even if the other nodes learn about it later.
            self.inner.disconnect_user(user_id, now);
        }
        here + cluster.members.count_of(user_id)
    }
}

impl Local for Inner {
    fn begin_after(&self, epoch: Epoch, number: Number) {
        // Positions that these clients saw in the other history mean nothing in this one.
        self.end_newcomers();
        self.timeline.begin_backfill();
        self.begin_anew(epoch, agreed(number));
        self.wake_for_broadcasts();
    }

    fn apply(&self, number: Number, at: Instant, message: Option<Message<'_>>, earlier: Arrival) {
        let position = agreed(number);
        let place = Place::given(position, at);
        let place = match earlier {
            Arrival::New => Some(place),
            Arrival::AlreadyDelivered(original) => {
                self.timeline.meet_duplicate(original, position);
                Some(place.as_duplicate(original))
            }
            Arrival::AlreadyDone => None,
        };
        if let Some((message, place)) = message.zip(place) {
            self.carry_out(&message, place);
        }
        self.timeline.skip_to(position);
    }

    fn apply_unsequenced(&self, message: &Message<'_>) -> Option<Arrival> {
        // No room is left for this node's own events: the next position belongs to an agreed one.
        if is_agreed(self.timeline.newest() + 1) {
            return None;
        }
        let Message::Event(to, event, trace) = message else {
            self.carry_out(message, Place::next());
            return Some(Arrival::AlreadyDone);
        };
        let placed = self.apply_event(Place::next(), *to, &Event { trace: trace.as_ref(), ..*event });
        // The event is for no client here. It still uses up a position, because it is part of the history.
        Some(Arrival::AlreadyDelivered(placed.unwrap_or_else(|| self.timeline.leave_out(Place::next()))))
    }

    fn set_unsequenced_after(&self, after: Option<Position>) {
        self.timeline.set_unsequenced_after(after);
    }

    fn newest(&self) -> Position {
        self.timeline.newest()
    }

    fn base(&self) -> Position {
        self.timeline.base()
    }

    fn caught_up(&self) {
        self.registry.knows_nobody_before(self.timeline.newest() + 1);
        if self.timeline.end_backfill() {
            self.wake_for_broadcasts();
        }
    }

    fn applied(&self) {
        self.wake_for_broadcasts();
    }

    fn end_newcomers(&self) {
        let Some(cluster) = &self.cluster else { return };
        cluster.newcomers.take().iter().for_each(|client| self.end_stray(client));
    }

    fn end_stray(&self, client: &Arc<Client>) {
        self.registry.remove(client, DisconnectReason::Fault, &self.timeline);
    }

    fn replaced_elsewhere(&self, client: &str) {
        if let Some(client) = self.registry.client(client) {
            self.registry.remove(&client, DisconnectReason::Replaced, &self.timeline);
        }
    }

    fn forgotten_elsewhere(&self, client: ClientInfo) {
        self.registry.departed_elsewhere(client, &self.timeline);
    }

    fn give_away(&self, client: &str, owner: Option<&str>) -> bool {
        let here = self.registry.client(client).filter(|client| client.info.user.as_deref() != owner);
        here.is_some_and(|client| {
            client.release_if(true);
            self.registry.remove(&client, DisconnectReason::Replaced, &self.timeline)
        })
    }

    fn members(&self) -> Vec<ClientInfo> {
        self.registry.connected().iter().map(|client| client.info.clone()).collect()
    }

    fn clients(&self) -> usize {
        self.registry.counts().0
    }

    fn failed(&self, message: &str) {
        self.registry.tell(|observer| observer.failed(message));
    }
}

impl Inner {
    /// Nothing up to this position is known any more; connected clients learn about the gap.
    fn begin_anew(&self, epoch: Epoch, position: Position) {
        let base = self.timeline.renew(epoch, position);
        self.registry.begin_after(base);
    }

    fn carry_out(&self, message: &Message<'_>, place: Place) {
        match message {
            Message::Event(to, event, trace) => {
                self.apply_event(place, *to, &Event { trace: trace.as_ref(), ..*event });
            }
            Message::DisconnectUser(user, at) => {
                self.timeline.skip_to(place.position());
                self.disconnect_user(user, end_of_millisecond(*at));
            }
            Message::DisconnectClient(client) => {
                self.timeline.skip_to(place.position());
                self.disconnect_client(client);
            }
            Message::Lost(_) => self.begin_anew(self.timeline.epoch(), place.position()),
            _ => {}
        }
    }

    /// Puts an event into its log. Returns its position, if there is such a log.
    fn apply_event(&self, place: Place, to: Addressee<'_>, event: &Event<'_>) -> Option<Position> {
        // The sending node has checked the event against its own bounds.
        let draft = match event.encode(MOST_EVENT_BYTES) {
            Ok(draft) => draft,
            Err(error) => {
                self.failed(&format!("an event from another node cannot be used here: {error}"));
                // The clients it was for learn that something is missing.
                if place.position() > 0 {
                    self.begin_anew(self.timeline.epoch(), place.position());
                }
                return None;
            }
        };
        if let Audience::Client(id) = to.audience {
            match self.expects(id, to.owner, place) {
                Expected::Here => {}
                Expected::Missed(position) => return Some(position),
                Expected::Never => return None,
            }
        }
        self.put(place, to.audience, draft).1
    }

    /// Decides how to handle an event for this client alone.
    fn expects(&self, id: &str, owner: Option<Owner<'_>>, place: Place) -> Expected {
        let owner = owner.map(|owner| match owner {
            Owner::User(user) => Some(Arc::from(user)),
            Owner::Anonymous => None,
        });
        if let Some(known) = self.registry.known_client(id) {
            // Never deliver an event that was meant for another user's client.
            let is_owner = owner.is_none_or(|user| user == known.info.user);
            return if is_owner { Expected::Here } else { Expected::Never };
        }
        let there = || self.cluster.as_ref()?.members.find(id).map(|there| there.user);
        let Some(user) = owner.or_else(there) else {
            // A client that comes with this id later learns that something is missing.
            return self.registry.miss(id, place, &self.timeline).map_or(Expected::Here, Expected::Missed);
        };
        let Some((inbox, _)) = self.shards.first() else { return Expected::Never };
        let link = Arc::clone(inbox) as Arc<dyn ShardLink>;
        self.registry.expect_client(ClientInfo { id: id.into(), user }, link, &self.timeline);
        Expected::Here
    }
}

/// The fate of an event for one client.
enum Expected {
    /// The client has a log: it is here, was here, or may come from another node.
    Here,
    /// Nobody knows the client. The event took this position, and the client's page will learn about it.
    Missed(Position),
    /// The event is meant for another user's client.
    Never,
}
