//! What goes on on a connection that carries several requests at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, interval};

/// What is going on on a connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    now: AtomicUsize,
    ever: AtomicUsize,
    /// Answers that wait for the peer to have room.
    untaken: Mutex<HashMap<usize, Untaken>>,
}

#[derive(Debug, Clone, Copy)]
struct Untaken {
    since: Instant,
    /// It is a stream of which the peer has taken something.
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

    /// The answer is there for the peer.
    pub(crate) fn answered(&self, in_stream: bool) {
        self.activity.untaken.lock().insert(self.number, Untaken { since: Instant::now(), in_stream });
    }

    /// The peer has taken it, or the beginning of a stream.
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

/// Waits until nothing has gone on for as long as this.
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

/// Waits until the peer has not begun to take an answer for so long, or a quarter longer, or has taken nothing of any stream. One
/// stream that nobody reads, a tab that is held for instance, does not end the others of its connection.
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
