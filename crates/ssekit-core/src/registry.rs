//! Who is connected: clients by id, users by id, and who wants to be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};
use parking_lot::RwLock;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::life::{DisconnectReason, Phase};
use crate::log::Log;
use crate::observer::Observer;
use crate::stats::Arrivals;
use crate::timeline::Timeline;
use crate::user::User;

/// The connected clients and the known users of a hub.
#[derive(Default)]
pub(crate) struct Registry {
    clients: DashMap<Arc<str>, Arc<Client>>,
    users: DashMap<Arc<str>, Arc<User>>,
    /// Users with a client.
    online: AtomicUsize,
    /// Connected clients by phase, in the order of `Phase`.
    phases: [AtomicUsize; 3],
    pub(crate) arrivals: Arrivals,
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

    /// The log for what is sent to a client that brings its own id, which may have been here before: the log of the
    /// connection that it replaces, else one that knows from where on it is complete.
    pub(crate) fn log_of_returning(&self, id: &str) -> Arc<Log> {
        match self.client(id) {
            Some(client) => Arc::clone(client.log()),
            None => Arc::new(Log::new(self.forgotten_clients.load(Ordering::Acquire))),
        }
    }

    /// Enters a client, whose user is held. A connection of the same user with the same id is replaced.
    ///
    /// # Errors
    /// The id belongs to a client of another user.
    pub(crate) fn admit(&self, client: &Arc<Client>, user: Option<&User>, timeline: &Timeline) -> Result<()> {
        let replaced = match self.clients.entry(Arc::clone(&client.info.id)) {
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::clone(client));
                None
            }
            Entry::Occupied(occupied) if occupied.get().info.user != client.info.user => {
                return Err(Error::claimed("clientId: it belongs to a client of another user"));
            }
            Entry::Occupied(mut occupied) => Some(occupied.insert(Arc::clone(client))),
        };
        self.count(Phase::Opening, 1);
        if let Some(user) = user {
            self.online.fetch_add(usize::from(user.join(client)), Ordering::Relaxed);
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
        Ok(())
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
        self.clients.remove_if(&client.info.id, |_, entered| Arc::ptr_eq(entered, client));
        self.leave_user(client);
        timeline.quiesced(|| {
            // What an application sends before it disconnects a client still goes out. Nobody else can be reached any more.
            let end = if reason == DisconnectReason::Server { timeline.head() } else { 0 };
            client.end.store(end, Ordering::Release);
            if let Some(log) = client.log_if_any() {
                self.forgotten_clients.fetch_max(log.last(), Ordering::AcqRel);
            }
        });
        if let Some(counter) = self.arrivals.disconnects(reason) {
            counter.add(1);
        }
        client.shard.leave(Arc::clone(client));
        client.wake();
        self.tell(|observer| observer.disconnected(&client.info, reason));
        true
    }

    /// Drops what was sent to a client alone, when its stream has come to its end.
    pub(crate) fn forget(&self, client: &Client, timeline: &Timeline) {
        let Some(log) = client.log_if_any() else { return };
        let successor = self.client(&client.info.id);
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
        let phases = [0, 1, 2].map(|phase| self.phases.get(phase).map_or(0, |count| count.load(Ordering::Relaxed)));
        (phases.iter().sum(), self.online.load(Ordering::Relaxed), phases)
    }

    /// Users that the registry knows, online or not.
    pub(crate) fn known_users(&self) -> usize {
        self.users.len()
    }

    fn count(&self, phase: Phase, change: isize) {
        if let Some(count) = self.phases.get(phase as usize) {
            // Wrapping is how an atomic takes a negative number; the sum never goes below zero.
            count.fetch_add(change as usize, Ordering::Relaxed);
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

    /// Tells every observer. They run without a lock, for they may take their time or panic.
    pub(crate) fn tell(&self, what: impl Fn(&dyn Observer)) {
        let observers = self.observers.read();
        if observers.is_empty() {
            return;
        }
        let all = observers.clone();
        drop(observers);
        for observer in all {
            what(&*observer);
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
