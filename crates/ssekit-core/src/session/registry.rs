//! The clients that are connected, or were a moment ago, and the users, each by id; and the observers.

mod channels;
mod gone;
mod observers;

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::backplane::Interest;
use crate::counter::Counter;
use crate::error::{Error, Result};
use crate::event::key::Key;
use crate::event::position::Position;
use crate::history::log::Log;
use crate::history::timeline::Timeline;
use crate::options::{ChannelKinds, Options};
use crate::session::arrivals::Arrivals;
use crate::session::attendance::Checks;
use crate::session::away::Away;
use crate::session::channel::Channel;
use crate::session::client::{Client, ShardLink, Start};
use crate::session::directory::Directory;
use crate::session::forgotten::{Departed, Missing};
use crate::session::lifecycle::{ClientInfo, DisconnectReason, Phase};
use crate::session::limits::Gate;
use crate::session::observer::Observer;
use crate::session::presence::Presence;
use crate::session::subscriptions::{Span, Subscription, Subscriptions};
use crate::session::user::User;
use crate::session::users::Users;

/// The clients and the users of a hub.
pub(crate) struct Registry {
    /// The connected clients, and those that are away and may come back with their id.
    clients: DashMap<Arc<str>, Arc<Client>>,
    /// Those that are away.
    away: Away,
    pub(crate) users: Users,
    pub(crate) channels: Directory<Channel>,
    kinds: ChannelKinds,
    /// Clients that may have come to a channel or gone from it.
    pub(crate) checks: Arc<Checks>,
    /// Users with a client. This gauge and the next ones may fall below zero for a moment, when one thread counts a client
    /// out before another thread has counted it in.
    online: AtomicIsize,
    /// Connected clients by phase, in the order of `Phase`.
    phases: [AtomicIsize; Phase::CONNECTED],
    pub(crate) gate: Gate,
    pub(crate) presence: Arc<Presence>,
    pub(crate) arrivals: Arrivals,
    pub(crate) observer_panics: Counter,
    /// For clients that were given up or unknown: the position up to which their events may be missing.
    of_clients: Missing,
    /// Up to this position, events were sent to anonymous clients with ids that nobody can come back with.
    unclaimed: AtomicU64,
    /// The same for clients whose owner is not known any more.
    unclaimed_of_anybody: AtomicU64,
    /// Clients that were given up, or were not worth keeping.
    departed: Departed,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
    /// The observers that look at events.
    onlookers: AtomicUsize,
}

impl Registry {
    /// `interest` learns about the users and the channels that are known.
    pub(crate) fn new(options: &Options, interest: &Interest) -> Self {
        Self {
            clients: DashMap::new(),
            away: Away::default(),
            users: Users::new(interest.clone()),
            channels: Directory::new(interest.clone()),
            kinds: options.channels.clone(),
            checks: Arc::default(),
            online: AtomicIsize::new(0),
            phases: Default::default(),
            gate: Gate::new(options.limits),
            presence: Arc::new(Presence::new(options.presence_grace)),
            arrivals: Arrivals::default(),
            observer_panics: Counter::default(),
            of_clients: Missing::default(),
            unclaimed: AtomicU64::new(0),
            unclaimed_of_anybody: AtomicU64::new(0),
            departed: Departed::default(),
            observers: RwLock::default(),
            onlookers: AtomicUsize::new(0),
        }
    }

    /// The user with this id, held for a client that is about to join. The user has `elsewhere` clients on other nodes. A
    /// client that takes another's place is always allowed.
    ///
    /// # Errors
    /// The user already has the maximum number of clients.
    pub(crate) fn hold_user(&self, id: &str, elsewhere: usize, replaces: bool) -> Result<Arc<User>> {
        let most = if replaces { usize::MAX } else { self.gate.clients_per_user().saturating_sub(elsewhere) };
        self.users.hold(id, most)
    }

    /// The client with this id, connected or away.
    pub(crate) fn known_client(&self, id: &str) -> Option<Arc<Client>> {
        self.clients.get(id).map(|client| Arc::clone(&client))
    }

    /// The connected client with this id.
    pub(crate) fn client(&self, id: &str) -> Option<Arc<Client>> {
        self.known_client(id).filter(|client| client.is_connected())
    }

    /// The client, connected or away, whose place a client of this user with this id is going to take. It is never another
    /// user's client: that client's log must not come near this one, even if the id is free a moment later. `shown` is the
    /// key that a client without a user shows.
    pub(crate) fn predecessor(
        &self,
        id: &str,
        user: Option<&str>,
        shown: Option<&Key>,
        timeline: &Timeline,
    ) -> Option<Arc<Client>> {
        let known = self.known_client(id)?;
        if known.info.user.as_deref() == user && known.is_continued_by(shown) {
            return Some(known);
        }
        // The application ended that client, for example at a log-out: its id is free for the next user.
        if !known.is_connected() && known.is_released() {
            self.give_up(&known, timeline);
        }
        None
    }

    /// The log of a client that brings its own id and may have been here before. It is the predecessor's log, or a new one
    /// that knows up to where events are missing. Missing events came before the client, so `head` is the limit.
    pub(crate) fn log_of_returning(predecessor: Option<&Arc<Client>>, missing: Position, head: Position) -> Arc<Log> {
        predecessor
            .map_or_else(|| Arc::new(Log::new(missing.min(head))), |client| Arc::clone(client.subscriptions.own()))
    }

    /// The history begins anew after this position: nothing before it is available.
    pub(crate) fn begin_after(&self, position: Position) {
        self.users.begin_after(position);
        self.channels.begin_after(position);
        self.of_clients.note_all(position);
    }

    /// Events of users and channels up to this position are elsewhere.
    pub(crate) fn begin_at(&self, position: Position) {
        self.users.begin_after(position);
        self.channels.begin_after(position);
    }

    /// Makes room for the events of another node's client that may come here, as if it had been here and were away.
    /// `spans` are its channels.
    pub(crate) fn expect_client(
        &self,
        info: ClientInfo,
        spans: &[Span],
        link: Arc<dyn ShardLink>,
        timeline: &Timeline,
    ) {
        let own = Arc::new(Log::new(self.missing_of(&info.id)));
        let channel = |span: &Span| Subscription::known_elsewhere(self.channel_log(&span.channel), span);
        let subscriptions = Subscriptions::new(None, Some(own), spans.iter().map(channel).collect(), 0);
        let mut client = Client::new(info, None, subscriptions, link, Start::default());
        // It may be a client that cannot say who it was.
        client.brings_id = false;
        let client = Arc::new(client);
        client.advance(Phase::Closed);
        if let Entry::Vacant(vacant) = self.clients.entry(Arc::clone(&client.info.id)) {
            vacant.insert(Arc::clone(&client));
            self.keep_away(client, timeline);
        }
    }

    /// Enters a client in the place of its predecessor. The gate has let it in, and its user is held. Without a predecessor,
    /// the client's log knows that events up to `missing` are missing. Returns false if others were faster: the client has
    /// the wrong log then, and must be made anew.
    ///
    /// # Errors
    /// The id belongs to a client of another user.
    pub(crate) fn admit(
        &self,
        client: &Arc<Client>,
        user: Option<&Arc<User>>,
        (predecessor, missing): (Option<&Arc<Client>>, Position),
        timeline: &Timeline,
    ) -> Result<bool> {
        let replaced = match self.clients.entry(Arc::clone(&client.info.id)) {
            Entry::Vacant(_) if predecessor.is_some() => return Ok(false),
            Entry::Vacant(_) if client.brings_id && self.missing_of(&client.info.id) > missing => return Ok(false),
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::clone(client));
                None
            }
            Entry::Occupied(occupied) if occupied.get().info.user != client.info.user => {
                return Err(Error::claimed());
            }
            Entry::Occupied(mut occupied) => match predecessor {
                Some(predecessor) if Arc::ptr_eq(predecessor, occupied.get()) => {
                    // Before anybody finds the client, so that no command for it gets lost. And before it is opened, so that
                    // it reads what others have put into the log for its predecessor meanwhile.
                    timeline.quiesced(|| {
                        predecessor.unlist();
                        if predecessor.hands_down_channels(client.by_ticket) {
                            client.subscriptions.inherit(&predecessor.subscriptions);
                        }
                    });
                    Some(occupied.insert(Arc::clone(client)))
                }
                _ => return Ok(false),
            },
        };
        self.count(Phase::Opening, 1);
        if let Some(user) = user {
            self.online.fetch_add(isize::from(user.join(client)), Ordering::Relaxed);
            if !client.is_connected() {
                // It was disconnected by its id at this very moment.
                self.leave_user(client);
            }
        }
        if let Some(replaced) = replaced {
            self.away.remove(&replaced);
            self.remove(&replaced, DisconnectReason::Replaced, timeline);
        }
        self.arrivals.connects.add(1);
        self.tell(|observer| observer.connected(client));
        if let Some(user) = user {
            user.come_online(|| self.tell(|observer| observer.user_online(&user.id)));
        }
        if let Some(reason) = client.told_connected() {
            self.tell(|observer| observer.disconnected(&client.info, reason));
        }
        Ok(true)
    }

    /// Moves a client on in its life. Returns false if it is gone or already further.
    pub(crate) fn settle(&self, client: &Client, next: Phase) -> bool {
        let Some(from) = client.advance(next) else { return false };
        self.count(from, -1);
        self.count(next, 1);
        true
    }

    fn leave_user(&self, client: &Arc<Client>) {
        // A user who has clients is known.
        if let Some(user) = client.info.user.as_deref().and_then(|id| self.users.get(id))
            && user.leave(client)
        {
            self.online.fetch_sub(1, Ordering::Relaxed);
            self.presence.left(user);
        }
    }

    /// A user's time without a client may be over.
    pub(crate) fn tell_offline(&self, user: &User) {
        user.go_offline(self.presence.grace(), || self.tell(|observer| observer.user_offline(&user.id)));
    }

    /// Ends a client's life, once. Says whether this call did it.
    pub(crate) fn remove(&self, client: &Arc<Client>, reason: DisconnectReason, timeline: &Timeline) -> bool {
        let Some(from) = client.advance(Phase::Closed) else { return false };
        self.count(from, -1);
        self.gate.leave(client.network);
        // Under the lock, so that a publisher to this client has either finished or finds it closed.
        timeline.quiesced(|| {
            client.shard.closing();
            // Events that the application sends before it disconnects a client still go out. Any other client that goes is
            // out of reach.
            client.end_at(if reason.is_by_server() { timeline.head() } else { 0 });
            if !client.is_worth_keeping() {
                client.unlist();
            }
        });
        client.release_if(reason == DisconnectReason::Server);
        self.leave_channels(client);
        if client.is_listed() {
            // A page that cannot say who it was comes back without the channels that it was subscribed to meanwhile.
            let lost = if client.subscriptions.has_by_command() { timeline.newest() + 1 } else { client.newest_own() };
            self.lose(client, lost);
            self.keep_away(Arc::clone(client), timeline);
        } else {
            // A client that brings its id has a successor here, which is noted in its place.
            if !client.brings_id {
                self.depart(client, timeline);
            }
            self.clients.remove_if(&client.info.id, |_, entered| Arc::ptr_eq(entered, client));
        }
        // Last, so that a log-out finds it: among the user's clients, or else among those that are away.
        self.leave_user(client);
        if let Some(counter) = self.arrivals.disconnects(reason) {
            counter.add(1);
        }
        client.shard.leave(Arc::clone(client));
        client.wake();
        if client.may_tell_gone(reason) {
            self.tell(|observer| observer.disconnected(&client.info, reason));
        }
        true
    }

    fn keep_away(&self, client: Arc<Client>, timeline: &Timeline) {
        for client in self.away.keep(&client) {
            self.give_up(&client, timeline);
        }
        if !client.is_listed() {
            // Another client has taken its place meanwhile, and did not find it among those that are away.
            self.away.remove(&client);
        }
    }

    /// Gives up a client that is away: its id is free, and the events sent to it alone are dropped.
    fn give_up(&self, client: &Arc<Client>, timeline: &Timeline) {
        self.away.remove(client);
        let given_up = self.clients.remove_if(&client.info.id, |_, entered| {
            let is_away = Arc::ptr_eq(entered, client) && !client.is_connected();
            if is_away {
                // Before it leaves the map: a thread that does not find it there must know which events went with it.
                timeline.quiesced(|| {
                    client.unlist();
                    self.of_clients.note(&client.info.id, client.newest_own());
                });
                self.depart(client, timeline);
            }
            is_away
        });
        if let (Some(_), Some(log)) = (given_up, client.subscriptions.own_if_any()) {
            timeline.clear(log);
        }
    }

    /// Gives up clients that have been away since before `deadline`, and users and channels with nothing left. Their events that
    /// nobody has read since `unread_since` do not count, because they can be recalled.
    pub(crate) fn sweep(&self, deadline: Option<Instant>, unread_since: Option<Instant>, timeline: &Timeline) {
        while let Some(client) = deadline.and_then(|deadline| self.away.pop(deadline)) {
            self.give_up(&client, timeline);
        }
        self.users.sweep(timeline, unread_since);
        self.channels.sweep(timeline, unread_since, |_, _| {});
    }

    /// The connected clients.
    pub(crate) fn connected(&self) -> Vec<Arc<Client>> {
        let connected = self.clients.iter().filter(|entry| entry.is_connected());
        connected.map(|entry| Arc::clone(&entry)).collect()
    }

    /// Clients that are away and may come back.
    pub(crate) fn away(&self) -> usize {
        let connected: isize = self.phases.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        self.clients.len().saturating_sub(connected.max(0) as usize)
    }

    /// Connected clients, users online, and connected clients by phase.
    pub(crate) fn counts(&self) -> (usize, usize, [usize; Phase::CONNECTED]) {
        let gauge = |count: isize| count.max(0) as usize;
        let phases = self.phases.each_ref().map(|count| count.load(Ordering::Relaxed));
        (gauge(phases.iter().sum()), gauge(self.online.load(Ordering::Relaxed)), phases.map(gauge))
    }

    fn count(&self, phase: Phase, change: isize) {
        if let Some(count) = self.phases.get(phase as usize) {
            count.fetch_add(change, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("clients", &self.clients.len()).field("users", &self.users.len()).finish()
    }
}
