//! The users who are online. A user is online from their first client on, until their last client has been gone for a while.
//! So observers do not hear that a user left and came when a page only reloads, or loses its connection for a moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::session::user::User;

/// Users whose last client has left, in the order in which that takes effect.
#[derive(Debug)]
pub(crate) struct Presence {
    grace: Duration,
    leaving: Mutex<VecDeque<(Instant, Arc<User>)>>,
    news: Notify,
}

impl Presence {
    pub(crate) fn new(grace: Duration) -> Self {
        Self { grace, leaving: Mutex::default(), news: Notify::new() }
    }

    /// The last client of a user has left.
    pub(crate) fn left(&self, user: Arc<User>) {
        self.leaving.lock().push_back((Instant::now() + self.grace, user));
        self.news.notify_one();
    }

    /// Waits for the next user whose time without a client may be over.
    pub(crate) async fn next(&self) -> Arc<User> {
        loop {
            let due = self.leaving.lock().front().map(|(due, _)| *due);
            match due {
                None => self.news.notified().await,
                Some(due) => sleep_until(due).await,
            }
            if let Some(user) = self.pop_due(Instant::now()) {
                return user;
            }
        }
    }

    fn pop_due(&self, now: Instant) -> Option<Arc<User>> {
        let mut leaving = self.leaving.lock();
        if leaving.front().is_none_or(|(due, _)| *due > now) {
            return None;
        }
        let next = leaving.pop_front();
        if leaving.len() * 4 < leaving.capacity() {
            leaving.shrink_to_fit();
        }
        next.map(|(_, user)| user)
    }

    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }
}
