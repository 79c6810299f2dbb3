//! Tracks the activity on a connection that carries several requests at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use ssekit_core::hub::Hub;
use ssekit_core::session::client::Client;
use ssekit_core::session::lifecycle::DisconnectReason;
use tokio::time::{Instant, interval};

/// The activity on a connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    now: AtomicUsize,
    ever: AtomicUsize,
    /// Answers that wait until the peer has room for them.
    untaken: Mutex<HashMap<usize, Untaken>>,
}

#[derive(Debug, Clone)]
struct Untaken {
    since: Instant,
    /// The client of an event stream that the peer has begun to take.
    client: Option<Weak<Client>>,
}

/// Something that keeps a connection from being idle.
#[derive(Debug)]
pub(crate) struct Busy {
    activity: Arc<Activity>,
    number: usize,
}

impl Busy {
    pub(crate) fn on(activity: &Arc<Activity>) -> Self {
        activity.now.fetch_add(1, Ordering::Relaxed);
        let number = activity.ever.fetch_add(1, Ordering::Relaxed);
        Self { activity: Arc::clone(activity), number }
    }

    /// The answer is ready for the peer.
    pub(crate) fn answered(&self) {
        self.wait_for_peer(None);
    }

    /// The same for a further piece of a client's stream.
    pub(crate) fn streamed(&self, client: Option<&Arc<Client>>) {
        self.wait_for_peer(Some(client.map(Arc::downgrade).unwrap_or_default()));
    }

    fn wait_for_peer(&self, client: Option<Weak<Client>>) {
        self.activity.untaken.lock().insert(self.number, Untaken { since: Instant::now(), client });
    }

    /// The peer has taken the answer, or the beginning of a stream.
    pub(crate) fn taken(&self) {
        self.activity.untaken.lock().remove(&self.number);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.taken();
        self.activity.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until there has been no activity for `patience`.
pub(crate) async fn idle(activity: &Activity, patience: Duration) {
    let mut looks = interval(patience);
    let mut seen = None;
    loop {
        looks.tick().await;
        let ever = activity.ever.load(Ordering::Relaxed);
        if activity.now.load(Ordering::Relaxed) == 0 && seen == Some(ever) {
            return;
        }
        seen = Some(ever);
    }
}

/// Waits until the peer leaves an answer untaken for `patience`, or up to a quarter longer, or takes nothing of any stream. A stream that
/// the peer leaves untaken beside others ends alone: a stopped browser tab does not end the streams of other tabs.
pub(crate) async fn stalls(activity: &Activity, hub: &Hub, patience: Duration) {
    let mut looks = interval(patience / 4);
    loop {
        looks.tick().await;
        let late: Vec<_> = {
            let untaken = activity.untaken.lock();
            untaken.values().filter(|untaken| untaken.since.elapsed() >= patience).cloned().collect()
        };
        let all_are_late = late.len() >= activity.now.load(Ordering::Relaxed);
        if !late.is_empty() && (all_are_late || late.iter().any(|untaken| untaken.client.is_none())) {
            return;
        }
        for client in late.iter().filter_map(|untaken| untaken.client.as_ref()?.upgrade()) {
            hub.end(&client, DisconnectReason::Timeout);
        }
    }
}
