//! The users of a hub, by id. A user begins with its first event or client, and is given up when nothing is left of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use tokio::sync::Notify;

use crate::error::Result;
use crate::event::position::Position;
use crate::history::timeline::Timeline;
use crate::session::forgotten::Missing;
use crate::session::user::{Hold, User};

/// How many more users may come before a search for users to give up is worthwhile.
const CROWD: usize = 8_192;

/// All users about whom something is kept.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_id: DashMap<Arc<str>, Arc<User>>,
    /// For users that were given up: the position up to which their events are missing.
    missing: Missing,
    /// The same for events sent to their single clients, with ids that nobody can come back with.
    unclaimed: Missing,
    crowd: Arc<Crowd>,
}

/// Tells when there are so many users that it is time to search for users to give up. The regular sweep is not enough,
/// because events to ever new users may come faster.
#[derive(Debug)]
pub(crate) struct Crowd {
    full: AtomicUsize,
    grown: Notify,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { full: AtomicUsize::new(CROWD), grown: Notify::new() }
    }
}

impl Crowd {
    /// Waits until there are that many users.
    pub(crate) async fn grown(&self) {
        self.grown.notified().await;
    }
}

impl Users {
    /// The user with this id. A new user begins here, with its first event or client.
    pub(crate) fn get_or_begin(&self, id: &str) -> Arc<User> {
        if let Some(user) = self.get(id) {
            return user;
        }
        let new = || Arc::new(User::new(id, self.missing.of(id), self.unclaimed.of(id)));
        let user = Arc::clone(&self.by_id.entry(id.into()).or_insert_with(new));
        if self.by_id.len() >= self.crowd.full.load(Ordering::Relaxed) {
            self.crowd.grown.notify_one();
        }
        user
    }

    /// The user with this id, if one is known.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<User>> {
        self.by_id.get(id).map(|user| Arc::clone(&user))
    }

    /// The user with this id, held for a client that is about to join.
    ///
    /// # Errors
    /// The user has `most` clients.
    pub(crate) fn hold(&self, id: &str, most: usize) -> Result<Arc<User>> {
        loop {
            let user = self.get_or_begin(id);
            if user.hold(most)? == Hold::Held {
                return Ok(user);
            }
        }
    }

    /// An event that was sent to a single client of this user is out of everybody's reach.
    pub(crate) fn lose(&self, id: &str, position: Position) {
        let user = self.get_or_begin(id);
        user.lose(position);
        if user.is_retired() {
            // The user may have been given up before it knew of the loss.
            self.unclaimed.note(id, position);
        }
    }

    /// The history begins anew after this position: nothing before it is available.
    pub(crate) fn begin_after(&self, position: Position) {
        self.missing.note_all(position);
    }

    /// Gives up users with nothing left.
    pub(crate) fn sweep(&self, timeline: &Timeline) {
        let candidates: Vec<Arc<str>> =
            self.by_id.iter().filter(|user| user.is_idle()).map(|user| Arc::clone(user.key())).collect();
        for id in candidates {
            self.by_id.remove_if(&id, |_, user| {
                let retired = timeline.quiesced(|| user.retire_if_idle());
                if retired {
                    let (floor, unclaimed) = user.forgets();
                    self.missing.note(&user.id, floor);
                    self.unclaimed.note(&user.id, unclaimed);
                }
                retired
            });
        }
        self.crowd.full.store(self.len() * 2 + CROWD, Ordering::Relaxed);
    }

    /// How many users are known, online or not.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The task that gives up users waits for this.
    pub(crate) fn crowd(&self) -> Arc<Crowd> {
        Arc::clone(&self.crowd)
    }
}
