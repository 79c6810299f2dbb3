//! Tracks the activity on a connection that carries several requests at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, interval};

/// The activity on a connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    now: AtomicUsize,
    ever: AtomicUsize,
    /// Answers that wait until the peer has room for them.
    untaken: Mutex<HashMap<usize, Untaken>>,
}

#[derive(Debug, Clone, Copy)]
struct Untaken {
    since: Instant,
    /// Whether it is a stream that the peer has begun to read.
    in_stream: bool,
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
    pub(crate) fn answered(&self, in_stream: bool) {
        self.activity.untaken.lock().insert(self.number, Untaken { since: Instant::now(), in_stream });
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

/// Waits until the peer stalls for `patience`, or up to a quarter longer. It stalls if it does not begin to take some answer,
/// or if it takes nothing from any stream. One unread stream, such as that of a suspended tab, does not end the others on its
/// connection.
pub(crate) async fn stalls(activity: &Activity, patience: Duration) {
    let mut looks = interval(patience / 4);
    loop {
        looks.tick().await;
        let untaken = activity.untaken.lock();
        let mut late = untaken.values().filter(|untaken| untaken.since.elapsed() >= patience).peekable();
        let some_are_late = late.peek().is_some();
        let all_are_late = late.clone().count() >= activity.now.load(Ordering::Relaxed);
        if some_are_late && (all_are_late || late.any(|untaken| !untaken.in_stream)) {
            return;
        }
    }
}
