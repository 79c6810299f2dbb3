//! Who is connected, and who was a moment ago: clients by id, users by id, and who wants to be told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use dashmap::{DashMap, Entry};
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::counter::Counter;
use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::event::key::Key;
use crate::event::position::Position;
use crate::history::log::Log;
use crate::history::timeline::{Place, Timeline};
use crate::options::Options;
use crate::session::arrivals::Arrivals;
use crate::session::away::Away;
use crate::session::client::{Client, ShardLink, Start};
use crate::session::forgotten::{Departed, Earlier, Gone, Missing};
use crate::session::lifecycle::{ClientInfo, DisconnectReason, Phase};
use crate::session::limits::Gate;
use crate::session::observer::Observer;
use crate::session::presence::Presence;
use crate::session::user::User;
use crate::session::users::Users;

/// The clients and the users of a hub.
pub(crate) struct Registry {
    /// The connected ones, and those that are away and may come back with their id.
    clients: DashMap<Arc<str>, Arc<Client>>,
    /// Those that are away.
    away: Away,
    pub(crate) users: Users,
    /// Users with a client. Like the next ones below zero for a moment, when somebody is counted out by another thread before
    /// he is counted in.
    online: AtomicIsize,
    /// Connected clients by phase, in the order of `Phase`.
    phases: [AtomicIsize; Phase::CONNECTED],
    pub(crate) gate: Gate,
    pub(crate) presence: Arc<Presence>,
    pub(crate) arrivals: Arrivals,
    pub(crate) observer_panics: Counter,
    /// Up to where something is missing that was sent to clients that were given up, or that nobody knew.
    of_clients: Missing,
    /// Up to here, something was sent to an anonymous client with an id that nobody can come back with.
    unclaimed: AtomicU64,
    /// Likewise, to one of whom it is not known any more whose it was.
    unclaimed_of_anybody: AtomicU64,
    /// Clients that were given up, or were not worth keeping.
    departed: Departed,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
}

impl Registry {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            clients: DashMap::new(),
            away: Away::default(),
            users: Users::default(),
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
        }
    }

    /// The user with this id, held for a client that is about to join, and who has so many elsewhere. One that takes another's place always may.
    ///
    /// # Errors
    /// The user has as many clients as one may have.
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

    /// The client whose place one of this user with this id of its own is going to take, be it connected or away. Never another
    /// user's: that one's log must not come near this client, even if the id is free a moment later.
    /// `shown` is the key with which a client comes that no user vouches for.
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
        // The application has ended that one, at a log-out for instance: its id is free for whoever logs in.
        if !known.is_connected() && known.is_released() {
            self.give_up(&known, timeline);
        }
        None
    }

    /// The log for what is sent to a client that brings its own id, which may have been here before: that of the one whose place
    /// it takes, else one that knows up to where something is missing. What is missing came before the client.
    pub(crate) fn log_of_returning(predecessor: Option<&Arc<Client>>, missing: Position, head: Position) -> Arc<Log> {
        predecessor.map_or_else(|| Arc::new(Log::new(missing.min(head))), |client| Arc::clone(client.log()))
    }

    /// Up to where something that was sent to this client alone is missing, if nobody has its place.
    pub(crate) fn missing_of(&self, client_id: &str) -> Position {
        self.of_clients.of(client_id)
    }

    /// How far the client had come whose page comes back with this id of its own: the predecessor, or one that was given up. None:
    /// no client of this user was ever here with it, as far as is known.
    pub(crate) fn earlier(&self, id: &str, user: Option<&str>, predecessor: Option<&Arc<Client>>) -> Option<Earlier> {
        match predecessor {
            Some(client) => client.brings_id.then(|| Earlier { reached: client.reached() }),
            None => {
                let gone = self.departed.find(id).ok()?;
                (gone.brings_id && gone.user.as_deref() == user).then_some(Earlier { reached: gone.reached })
            }
        }
    }

    /// Up to where a client that has not brought an id may have missed what was sent to it alone: with another id, before it
    /// was cut.
    pub(crate) fn unclaimed(&self, user: Option<&User>) -> Position {
        let own = user.map_or(&self.unclaimed, |user| &user.unclaimed).load(Ordering::Acquire);
        own.max(self.unclaimed_of_anybody.load(Ordering::Acquire))
    }

    /// The history begins anew after this position: nothing before it can be had.
    pub(crate) fn begin_after(&self, position: Position) {
        self.users.begin_after(position);
        self.of_clients.note_all(position);
    }

    /// Something was sent to a client that nobody knows: its page is told of it if it comes back. Returns the position that the
    /// event took, or nothing if the client has come meanwhile.
    pub(crate) fn miss(&self, client_id: &str, place: Place, timeline: &Timeline) -> Option<Position> {
        let (position, departed) = match self.clients.entry(client_id.into()) {
            Entry::Occupied(_) => return None,
            // While nobody can come in with this id: whoever does so later finds it, and stands behind it.
            Entry::Vacant(_vacant) => {
                let position = timeline.leave_out(place);
                self.of_clients.note(client_id, position);
                (position, self.departed.find(client_id))
            }
        };
        match departed {
            Ok(gone) if !gone.brings_id => self.lose_of(gone.user.as_deref(), position),
            Ok(_) => {}
            // It may be one of those that are not remembered any more.
            Err(unknown_before) => drop(self.unclaimed_of_anybody.fetch_max(unknown_before, Ordering::AcqRel)),
        }
        Some(position)
    }

    /// Makes room for what is sent to a client of another node, which may come here: as if it had been here, and were away.
    pub(crate) fn expect_client(&self, info: ClientInfo, link: Arc<dyn ShardLink>, timeline: &Timeline) {
        let log = OnceLock::from(Arc::new(Log::new(self.missing_of(&info.id))));
        let mut client = Client::new(info, None, (None, log), link, Start::default());
        // It may be one that cannot say who it was.
        client.brings_id = false;
        let client = Arc::new(client);
        client.advance(Phase::Closed);
        if let Entry::Vacant(vacant) = self.clients.entry(Arc::clone(&client.info.id)) {
            vacant.insert(Arc::clone(&client));
            self.keep_away(client, timeline);
        }
    }

    /// Something was sent to a single client that has gone.
    pub(crate) fn lose(&self, client: &Client, position: Position) {
        if client.brings_id {
            return;
        }
        self.lose_of(client.info.user.as_deref(), position);
    }

    fn lose_of(&self, user: Option<&str>, position: Position) {
        match user {
            Some(id) => self.users.lose(id, position),
            None => drop(self.unclaimed.fetch_max(position, Ordering::AcqRel)),
        }
    }

    /// Enters a client, whose user is held and which was let in, in the place of its predecessor; without one, it knows up to where
    /// something is missing of it. False: others were faster, so that its log is not the right one any more, and it must be made anew.
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
                return Err(Error::refused(Refusal::Claimed));
            }
            Entry::Occupied(mut occupied) => match predecessor {
                Some(predecessor) if Arc::ptr_eq(predecessor, occupied.get()) => {
                    Some(occupied.insert(Arc::clone(client)))
                }
                _ => return Ok(false),
            },
        };
        self.count(Phase::Opening, 1);
        if let Some(user) = user {
            self.online.fetch_add(isize::from(user.join(client)), Ordering::Relaxed);
            if !client.is_connected() {
                // It was disconnected by its id in this very moment.
                self.leave_user(client);
            }
        }
        if let Some(replaced) = replaced {
            // Before the client is opened: what somebody has put into the log for the other one meanwhile, it will read.
            timeline.quiesced(|| replaced.unlist());
            self.away.remove(&replaced);
            self.remove(&replaced, DisconnectReason::Replaced, timeline);
        }
        self.arrivals.connects.add(1);
        self.tell(|observer| observer.connected(&client.info));
        if let Some(user) = user {
            user.come_online(|| self.tell(|observer| observer.user_online(&user.id)));
        }
        if let Some(reason) = client.told_connected() {
            self.tell(|observer| observer.disconnected(&client.info, reason));
        }
        Ok(true)
    }

    /// Moves a client on in its life. False: it is not there any more, or already further.
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
        // Under the lock, so that who is publishing to it at this moment has either finished or will find it closed.
        timeline.quiesced(|| {
            client.shard.closing();
            // What an application sends before it disconnects a client still goes out. Nobody else can be reached any more.
            client.end_at(if reason.is_by_server() { timeline.head() } else { 0 });
            if !client.is_worth_keeping() {
                client.unlist();
            }
        });
        client.release_if(reason == DisconnectReason::Server);
        self.leave_user(client);
        if client.is_listed() {
            self.lose(client, client.log_if_any().map_or(0, |log| log.last()));
            self.keep_away(Arc::clone(client), timeline);
        } else {
            // One with an id of its own has a successor, which will tell.
            if !client.brings_id {
                self.depart(client, timeline);
            }
            self.clients.remove_if(&client.info.id, |_, entered| Arc::ptr_eq(entered, client));
        }
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
            // Somebody has taken its place meanwhile, and did not find it among those that are away.
            self.away.remove(&client);
        }
    }

    /// Gives a client up that is away: its id is free, and what was sent to it alone is dropped.
    fn give_up(&self, client: &Arc<Client>, timeline: &Timeline) {
        self.away.remove(client);
        let given_up = self.clients.remove_if(&client.info.id, |_, entered| {
            let is_away = Arc::ptr_eq(entered, client) && !client.is_connected();
            if is_away {
                // Before it leaves the map, so that who does not find it there knows what it takes with it.
                timeline.quiesced(|| {
                    client.unlist();
                    self.of_clients.note(&client.info.id, client.log_if_any().map_or(0, |log| log.last()));
                });
                self.depart(client, timeline);
            }
            is_away
        });
        if let (Some(_), Some(log)) = (given_up, client.log_if_any()) {
            timeline.clear(log);
        }
    }

    /// Remembers little more of a client than whose it was, for as many as there is room for.
    fn depart(&self, client: &Client, timeline: &Timeline) {
        let ClientInfo { id, user } = client.info();
        let gone = Gone { user: user.clone(), brings_id: client.brings_id, reached: client.reached() };
        self.departed.note(id, gone, timeline.head());
    }

    /// Remembers whose a client of another node was. Whether it had brought its id is not known.
    pub(crate) fn departed_elsewhere(&self, client: ClientInfo, timeline: &Timeline) {
        let gone = Gone { user: client.user, brings_id: false, reached: None };
        self.departed.note_if_unknown(&client.id, gone, timeline.head());
    }

    /// Of clients that left before this position, some are not remembered: they were on other nodes before this one began.
    pub(crate) fn knows_nobody_before(&self, position: Position) {
        self.departed.knows_nobody_before(position);
    }

    /// Gives up clients that have been away since before `deadline`, and users of whom nothing is left.
    pub(crate) fn sweep(&self, deadline: Option<Instant>, timeline: &Timeline) {
        while let Some(client) = deadline.and_then(|deadline| self.away.pop(deadline)) {
            self.give_up(&client, timeline);
        }
        self.users.sweep(timeline);
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

    /// Adds somebody who wants to know.
    pub(crate) fn observe(&self, observer: Arc<dyn Observer>) {
        self.observers.write().push(observer);
    }

    /// Removes an observer.
    pub(crate) fn unobserve(&self, observer: &Arc<dyn Observer>) {
        self.observers.write().retain(|other| !Arc::ptr_eq(other, observer));
    }

    /// Tells every observer. They run without a lock, for they may take their time or panic; and one that panics keeps neither
    /// the others from being told nor the caller from going on.
    pub(crate) fn tell(&self, what: impl Fn(&dyn Observer)) {
        let observers = self.observers.read();
        if observers.is_empty() {
            return;
        }
        let all = observers.clone();
        drop(observers);
        for observer in all {
            if catch_unwind(AssertUnwindSafe(|| what(&*observer))).is_err() {
                self.observer_panics.add(1);
            }
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("clients", &self.clients.len()).field("users", &self.users.len()).finish()
    }
}
