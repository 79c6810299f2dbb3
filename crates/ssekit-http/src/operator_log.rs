//! Tells the operator, but not the peer, why something was refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use ssekit_core::hub::Hub;

/// How many messages may come at once, and how many per second after that. A peer that is refused all the time must not fill
/// the log.
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 2.0;

/// Tells the hub's observers, but not too often.
#[derive(Debug)]
pub(crate) struct OperatorLog {
    hub: Hub,
    allowance: Mutex<(f64, Instant)>,
    suppressed: AtomicU64,
}

impl OperatorLog {
    pub(crate) fn new(hub: Hub) -> Arc<Self> {
        Arc::new(Self { hub, allowance: Mutex::new((BURST, Instant::now())), suppressed: AtomicU64::new(0) })
    }

    /// Tells the observers, unless there are too many messages. The message is only built if it is sent.
    pub(crate) fn write(&self, message: impl FnOnce() -> String) {
        if !self.may_write() {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut message = format!("listener: {}", message());
        match self.suppressed.swap(0, Ordering::Relaxed) {
            0 => {}
            count => message.push_str(&format!(" (and {count} more messages that were left out)")),
        }
        self.hub.report(&message);
    }

    fn may_write(&self) -> bool {
        let mut allowance = self.allowance.lock();
        let now = Instant::now();
        let earned = now.duration_since(allowance.1).as_secs_f64() * PER_SECOND;
        let left = (allowance.0 + earned).min(BURST);
        let may = left >= 1.0;
        *allowance = (if may { left - 1.0 } else { left }, now);
        may
    }
}
