//! The users of a hub, by id: they come into being with their first event or client, and are given up when nothing is left of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use tokio::sync::Notify;

use crate::error::Result;
use crate::event::position::Position;
use crate::history::timeline::Timeline;
use crate::session::forgotten::Missing;
use crate::session::user::{Hold, User};

/// Users that may come before it is worth looking whether some of them can be given up.
const CROWD: usize = 8_192;

/// All users of whom something is kept.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_id: DashMap<Arc<str>, Arc<User>>,
    /// Up to where events of users are missing that were given up.
    missing: Missing,
    /// Likewise, what was sent to single clients of theirs with ids that nobody can come back with.
    unclaimed: Missing,
    crowd: Arc<Crowd>,
}

/// Tells when there are so many users that it is time to look which of them can be given up: events to ever new users may come
/// faster than time passes.
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
    /// Waits for that.
    pub(crate) async fn grown(&self) {
        self.grown.notified().await;
    }
}

impl Users {
    /// The user with this id, who comes into being with the first event or client.
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

    /// Something that was sent to a single client of this user cannot be had by anybody any more.
    pub(crate) fn lose(&self, id: &str, position: Position) {
        let user = self.get_or_begin(id);
        user.lose(position);
        if user.is_retired() {
            // Perhaps before it knew.
            self.unclaimed.note(id, position);
        }
    }

    /// The history begins anew after this position: nothing before it can be had.
    pub(crate) fn begin_after(&self, position: Position) {
        self.missing.note_all(position);
    }

    /// Gives up those of whom nothing is left.
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

    /// How many are known, online or not.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whoever gives up users waits for this.
    pub(crate) fn crowd(&self) -> Arc<Crowd> {
        Arc::clone(&self.crowd)
    }
}
