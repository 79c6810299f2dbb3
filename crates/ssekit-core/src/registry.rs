//! Who is connected: clients by id, users by id, and who wants to be told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};

use dashmap::{DashMap, Entry};
use parking_lot::RwLock;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::life::{DisconnectReason, Phase};
use crate::log::Log;
use crate::observer::Observer;
use crate::stats::{Arrivals, Counter};
use crate::timeline::Timeline;
use crate::user::User;

/// The connected clients and the known users of a hub.
#[derive(Default)]
pub(crate) struct Registry {
    clients: DashMap<Arc<str>, Arc<Client>>,
    users: DashMap<Arc<str>, Arc<User>>,
    /// Users with a client. Like the next ones below zero for a moment, when somebody is counted out by another thread before
    /// he is counted in.
    online: AtomicIsize,
    /// Connected clients by phase, in the order of `Phase`.
    phases: [AtomicIsize; 3],
    pub(crate) arrivals: Arrivals,
    pub(crate) observer_panics: Counter,
    /// Up to here, events of users that were given up may be missing.
    forgotten_users: AtomicU64,
    /// Likewise for what was sent to single clients that are gone.
    forgotten_clients: AtomicU64,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
}

impl Registry {
    /// The user with this id, who comes into being with the first event or client.
    pub(crate) fn user(&self, id: &str) -> Arc<User> {
        if let Some(user) = self.users.get(id) {
            return Arc::clone(&user);
        }
        let new = || Arc::new(User::new(id, self.forgotten_users.load(Ordering::Acquire)));
        Arc::clone(&self.users.entry(id.into()).or_insert_with(new))
    }

    /// The same, held for a client that is about to join.
    pub(crate) fn hold_user(&self, id: &str) -> Arc<User> {
        loop {
            let user = self.user(id);
            if user.hold() {
                return user;
            }
        }
    }

    /// The user with this id, if one is known.
    pub(crate) fn user_if_known(&self, id: &str) -> Option<Arc<User>> {
        self.users.get(id).map(|user| Arc::clone(&user))
    }

    /// The connected client with this id.
    pub(crate) fn client(&self, id: &str) -> Option<Arc<Client>> {
        self.clients.get(id).map(|client| Arc::clone(&client))
    }

    /// The connection that a client of this user with this id of its own is going to replace. Never another user's: that
    /// one's log must not come near this client, even if the id is free a moment later.
    pub(crate) fn predecessor(&self, id: &str, user: Option<&str>) -> Option<Arc<Client>> {
        self.client(id).filter(|client| client.info.user.as_deref() == user)
    }

    /// The log for what is sent to a client that brings its own id, which may have been here before: that of the connection
    /// that it replaces, else one that knows from where on it is complete.
    pub(crate) fn log_of_returning(&self, predecessor: Option<&Arc<Client>>) -> Arc<Log> {
        match predecessor {
            Some(client) => Arc::clone(client.log()),
            None => Arc::new(Log::new(self.forgotten_clients.load(Ordering::Acquire))),
        }
    }

    /// Enters a client, whose user is held, in the place of its predecessor. False: others were faster, so that its log is
    /// not the right one any more, and it must be made anew.
    ///
    /// # Errors
    /// The id belongs to a client of another user.
    pub(crate) fn admit(
        &self,
        client: &Arc<Client>,
        user: Option<&User>,
        predecessor: Option<&Arc<Client>>,
        timeline: &Timeline,
    ) -> Result<bool> {
        let replaced = match self.clients.entry(Arc::clone(&client.info.id)) {
            Entry::Vacant(_) if predecessor.is_some() || self.was_forgotten(client) => return Ok(false),
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::clone(client));
                None
            }
            Entry::Occupied(occupied) if occupied.get().info.user != client.info.user => {
                return Err(Error::claimed("clientId: it belongs to a client of another user"));
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
            self.remove(&replaced, DisconnectReason::Replaced, timeline);
        }
        self.arrivals.connects.add(1);
        self.tell(|observer| observer.connected(&client.info));
        if let Some(reason) = client.told_connected() {
            self.tell(|observer| observer.disconnected(&client.info, reason));
        }
        Ok(true)
    }

    /// Whether something may have been sent to an earlier client with this id since the client's log was made.
    fn was_forgotten(&self, client: &Client) -> bool {
        client.log_if_any().is_some_and(|log| log.floor() < self.forgotten_clients.load(Ordering::Acquire))
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
        if let Some(user) = client.info.user.as_deref().and_then(|id| self.user_if_known(id))
            && user.leave(client)
        {
            self.online.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Ends a client's life, once. Says whether this call did it.
    pub(crate) fn remove(&self, client: &Arc<Client>, reason: DisconnectReason, timeline: &Timeline) -> bool {
        let Some(from) = client.advance(Phase::Closed) else { return false };
        self.count(from, -1);
        // Under the lock, so that who is publishing to it at this moment has either finished or will find it closed. And before
        // it leaves the map, so that who does not find it there knows what it takes with it.
        timeline.quiesced(|| {
            // What an application sends before it disconnects a client still goes out. Nobody else can be reached any more.
            let end = if reason == DisconnectReason::Server { timeline.head() } else { 0 };
            client.end.store(end, Ordering::Release);
            if let Some(log) = client.log_if_any()
                && reason != DisconnectReason::Replaced
            {
                self.forgotten_clients.fetch_max(log.last(), Ordering::AcqRel);
            }
        });
        self.clients.remove_if(&client.info.id, |_, entered| Arc::ptr_eq(entered, client));
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

    /// Drops what was sent to a client alone, when its stream has come to its end.
    pub(crate) fn forget(&self, client: &Client, timeline: &Timeline) {
        let Some(log) = client.log_if_any() else { return };
        let successor = self.client(&client.info.id).filter(|other| !std::ptr::eq(&raw const **other, client));
        let inherited =
            successor.is_some_and(|heir| heir.log_if_any().is_some_and(|of_heir| Arc::ptr_eq(of_heir, log)));
        if !inherited {
            timeline.clear(log);
        }
    }

    /// Gives up users of whom nothing is left.
    pub(crate) fn sweep(&self, timeline: &Timeline) {
        let idle = |user: &User| !user.is_online() && user.log.usage().events == 0;
        let candidates: Vec<Arc<str>> =
            self.users.iter().filter(|user| idle(user)).map(|user| Arc::clone(user.key())).collect();
        for id in candidates {
            self.users.remove_if(&id, |_, user| {
                let retired = timeline.quiesced(|| user.retire_if_idle());
                if retired {
                    self.forgotten_users.fetch_max(user.log.floor(), Ordering::AcqRel);
                }
                retired
            });
        }
    }

    /// Ids of the connected clients.
    pub(crate) fn client_ids(&self) -> Vec<Arc<str>> {
        self.clients.iter().map(|entry| Arc::clone(entry.key())).collect()
    }

    /// Connected clients, users online, and connected clients by phase.
    pub(crate) fn counts(&self) -> (usize, usize, [usize; 3]) {
        let gauge = |count: isize| count.max(0) as usize;
        let phases = self.phases.each_ref().map(|count| count.load(Ordering::Relaxed));
        (gauge(phases.iter().sum()), gauge(self.online.load(Ordering::Relaxed)), phases.map(gauge))
    }

    /// Users that the registry knows, online or not.
    pub(crate) fn known_users(&self) -> usize {
        self.users.len()
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

/// Whether an id may name a user or a client, by what JavaScript passed.
///
/// # Errors
/// Empty, or more than 256 bytes.
pub(crate) fn check_id(argument: &str, id: &str) -> Result<()> {
    const MAX_ID_BYTES: usize = 256;
    match id.len() {
        0 => Err(Error::argument(format!("{argument}: got an empty string, wants 1 to {MAX_ID_BYTES} bytes"))),
        length if length > MAX_ID_BYTES => {
            Err(Error::argument(format!("{argument}: got {length} bytes, wants 1 to {MAX_ID_BYTES}")))
        }
        _ => Ok(()),
    }
}
