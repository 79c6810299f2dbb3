//! Who is online: a user is from the first of their clients on, until the last one has been gone for a while. So a page that
//! reloads, or loses its connection for a moment, is not told as somebody who left and came.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::registry::Registry;
use crate::user::User;

/// Users whose last client has left, in the order of when that counts.
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

    /// When the next user is due.
    fn due(&self) -> Option<Instant> {
        self.leaving.lock().front().map(|(due, _)| *due)
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

/// Tells that users are offline when it is time, as long as there is a hub.
pub(crate) async fn keep(registry: Weak<Registry>) {
    loop {
        let Some(presence) = registry.upgrade().map(|registry| Arc::clone(&registry.presence)) else { return };
        match presence.due() {
            None => presence.news.notified().await,
            Some(due) => sleep_until(due).await,
        }
        let Some(registry) = registry.upgrade() else { return };
        while let Some(user) = presence.pop_due(Instant::now()) {
            registry.tell_offline(&user);
        }
    }
}
