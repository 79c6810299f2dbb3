//! The hub as one of several nodes: what it sends goes into the shared history, and what stands there is put into its logs.

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
    /// Waits until it knows what other nodes have sent, so that a client that comes from one of them can go on where it was: for
    /// some seconds at most. Of a hub that is alone, and as a rule, there is nothing to wait for.
    pub async fn caught_up(&self, last_event_id: Option<&str>) {
        let Some(cluster) = &self.inner.cluster else { return };
        if cluster.is_starting(last_event_id.is_some()) {
            cluster.starts().await;
        }
        if let Some(position) = self.ahead(last_event_id) {
            cluster.reaches(position).await;
        }
    }

    /// Waits until it has joined the others and has heard who is there, for some seconds at most. Says whether it has.
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

    /// The position that an id names, if this node has not come so far yet.
    fn ahead(&self, last_event_id: Option<&str>) -> Option<Position> {
        let timeline = &self.inner.timeline;
        let id = last_event_id.map(|id| Key::split(id).map_or(id, |(bare, _)| bare))?;
        let seen = timeline.epoch().parse_seen(id)?;
        let position = if seen.only_at.is_some() { seen.elsewhere } else { last_agreed(seen.position) };
        // Another node's id waits for nothing: only there it is known what it means.
        (position > timeline.head() && timeline.locate(id, []).is_none_or(|known| known.elsewhere == position))
            .then_some(position)
    }

    /// Notes that a client has seen more than this node, until it is known to be so. False: it is not known any more what it has seen.
    pub(super) fn welcome(&self, client: &Arc<Client>, last_event_id: Option<&str>, seen: Position) -> bool {
        let Some(cluster) = self.inner.cluster.as_ref().filter(|cluster| seen > cluster.read()) else { return true };
        cluster.newcomers.add(client, seen, cluster.probe());
        // Once more, for something may have been delivered alone meanwhile, and whoever does that ends those that it finds noted.
        last_event_id.is_none_or(|id| self.inner.timeline.locate(id, []).is_some())
    }

    /// Whether what a client says that it has seen was never there.
    pub(super) fn is_refuted(&self, seen: Position) -> bool {
        let Some(cluster) = self.inner.cluster.as_ref().filter(|cluster| seen > cluster.read()) else { return false };
        cluster.newcomers.is_refuted(seen)
    }

    /// Sends an event to all nodes, this one among them. Says how many clients it is for, as far as this node knows.
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
            // A client that no node has heard of has no owner. Its page learns that something is missing when it connects.
            Audience::Client(id) => self.owner_of(cluster, id).map_or(0, |(user, connected)| {
                owner = Some(user);
                usize::from(connected)
            }),
        };
        let owner = owner.as_ref().map(|user| user.as_deref().map_or(Owner::Anonymous, Owner::User));
        cluster.send(message::event_for(Addressee { audience, owner }, draft.shared()), &*self.inner);
        clients
    }

    /// What other nodes know of a client that wants to come in here: how many clients its user has there, and whether one of them
    /// is this one, whose place it takes.
    ///
    /// # Errors
    /// Its id belongs to a client of another user.
    pub(super) fn look_elsewhere(&self, user: Option<&str>, client: Option<&str>) -> Result<(usize, bool)> {
        let Some(cluster) = &self.inner.cluster else { return Ok((0, false)) };
        let there = client.and_then(|id| cluster.members.find(id));
        if there.as_ref().is_some_and(|there| there.user.as_deref() != user) {
            return Err(Error::refused(Refusal::Claimed));
        }
        let replaces = there.is_some_and(|there| there.connected);
        Ok((user.map_or(0, |user| cluster.members.count_of(user)), replaces))
    }

    /// How far a page may have come on other nodes that was there with this id as this user, as far as is known: not how much of what
    /// stands in the history it has been given.
    pub(super) fn earlier_elsewhere(&self, user: Option<&str>, client: &str) -> Option<Earlier> {
        let there = self.inner.cluster.as_ref()?.members.find(client)?;
        (there.user.as_deref() == user).then(|| Earlier { reached: Some(self.inner.timeline.base()) })
    }

    /// Whether another node has an anonymous client with this id, or had one a moment ago. Its key is not known here.
    pub(super) fn is_anonymous_elsewhere(&self, client: &str) -> bool {
        let there = self.inner.cluster.as_ref().and_then(|cluster| cluster.members.find(client));
        there.is_some_and(|there| there.user.is_none())
    }

    /// Whose client it is, and whether it is connected, on any node.
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

    /// What was sent before still goes out, so the order stands in the history behind it.
    pub(super) fn disconnect_user_everywhere(&self, cluster: &Cluster, user_id: &str) -> usize {
        let now = since_1970();
        self.inner.revoked.revoke(user_id, now);
        let here = self.inner.registry.users.get(user_id).map_or(0, |user| user.count());
        cluster.send(Message::DisconnectUser(user_id, now.as_millis() as u64).encode(), &*self.inner);
        if cluster.link() != Link::Up {
            // Whoever logs out has done so, whatever is to be waited for.
            self.inner.disconnect_user(user_id, now);
        }
        here + cluster.members.count_of(user_id)
    }
}

impl Local for Inner {
    fn begin_after(&self, epoch: Epoch, number: Number) {
        // What they have seen of the other history says nothing of this one.
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
        // So many events of one node between two that all agree on would run into the next of those.
        if is_agreed(self.timeline.newest() + 1) {
            return None;
        }
        let Message::Event(to, event, trace) = message else {
            self.carry_out(message, Place::next());
            return Some(Arrival::AlreadyDone);
        };
        let placed = self.apply_event(Place::next(), *to, &Event { trace: trace.as_ref(), ..*event });
        // Nobody here is to get it. It uses a position up all the same, for it stands in the history.
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
    /// Nothing up to this position is known any more, and whoever is here is told so.
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

    /// Puts an event into its log. Says where it stands, if there is such a log.
    fn apply_event(&self, place: Place, to: Addressee<'_>, event: &Event<'_>) -> Option<Position> {
        // It was checked where it was sent, by the bounds of that node.
        let draft = match event.encode(MOST_EVENT_BYTES) {
            Ok(draft) => draft,
            Err(error) => {
                self.failed(&format!("an event from another node cannot be used here: {error}"));
                // Whoever it was for is told that something is missing.
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

    /// What is to be done with what is sent to this client alone.
    fn expects(&self, id: &str, owner: Option<Owner<'_>>, place: Place) -> Expected {
        let owner = owner.map(|owner| match owner {
            Owner::User(user) => Some(Arc::from(user)),
            Owner::Anonymous => None,
        });
        if let Some(known) = self.registry.known_client(id) {
            // Never what was meant for another user's client.
            let is_owner = owner.is_none_or(|user| user == known.info.user);
            return if is_owner { Expected::Here } else { Expected::Never };
        }
        let there = || self.cluster.as_ref()?.members.find(id).map(|there| there.user);
        let Some(user) = owner.or_else(there) else {
            // Whoever comes with this id later is told that something is missing.
            return self.registry.miss(id, place, &self.timeline).map_or(Expected::Here, Expected::Missed);
        };
        let Some((inbox, _)) = self.shards.first() else { return Expected::Never };
        let link = Arc::clone(inbox) as Arc<dyn ShardLink>;
        self.registry.expect_client(ClientInfo { id: id.into(), user }, link, &self.timeline);
        Expected::Here
    }
}

/// What becomes of an event for one client.
enum Expected {
    /// There is a log for it: the client is here, or was, or may come from another node.
    Here,
    /// Nobody knows the client. The event took this position, and its page will be told.
    Missed(Position),
    /// It is meant for another user's client.
    Never,
}
