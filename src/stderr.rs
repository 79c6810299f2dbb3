//! Errors that no listener of JavaScript can hear of are written to stderr: an application without one must still be able to
//! find out that its history is not kept.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use ssekit_core::error::printable;
use ssekit_core::throttle::Throttle;
use ssekit_core::{Client, ClientInfo, DisconnectReason, Observer};

/// A fault that comes and goes must not fill the log.
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 2.0;

/// The subscriptions of JavaScript, in all environments.
static SUBSCRIPTIONS: AtomicUsize = AtomicUsize::new(0);

/// Notes that JavaScript has begun to listen.
pub(crate) fn subscribed() {
    SUBSCRIPTIONS.fetch_add(1, Ordering::Relaxed);
}

/// Notes that one of its subscriptions has ended.
pub(crate) fn unsubscribed() {
    SUBSCRIPTIONS.fetch_sub(1, Ordering::Relaxed);
}

/// The observer of every hub that writes to stderr.
pub(crate) fn observer() -> Arc<dyn Observer> {
    static OBSERVER: LazyLock<Arc<Stderr>> = LazyLock::new(|| Arc::new(Stderr(Throttle::new(BURST, PER_SECOND))));
    Arc::<Stderr>::clone(&OBSERVER)
}

struct Stderr(Throttle);

impl Observer for Stderr {
    fn connected(&self, _: &Client) {}

    fn disconnected(&self, _: &ClientInfo, _: DisconnectReason) {}

    fn failed(&self, message: &str) {
        if SUBSCRIPTIONS.load(Ordering::Relaxed) > 0 {
            return;
        }
        if let Some(line) = self.0.limit(|| format!("ssekit: {}", printable(message))) {
            // It may have been closed, and then nobody is to be told.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}
