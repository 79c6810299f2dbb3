//! Tells the operator, but not the peer, why something was refused.

use std::sync::Arc;

use ssekit_core::hub::Hub;
use ssekit_core::throttle::Throttle;

/// The number of messages in a burst, and per second after it. A peer that is refused all the time must not fill the log.
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 2.0;

/// Tells the hub's observers, but not too often.
#[derive(Debug)]
pub(crate) struct OperatorLog {
    hub: Hub,
    throttle: Throttle,
}

impl OperatorLog {
    pub(crate) fn new(hub: Hub) -> Arc<Self> {
        Arc::new(Self { hub, throttle: Throttle::new(BURST, PER_SECOND) })
    }

    /// Tells the observers, unless there are too many messages. The message is only built if it is sent.
    pub(crate) fn write(&self, message: impl FnOnce() -> String) {
        if let Some(message) = self.throttle.limit(|| format!("listener: {}", message())) {
            self.hub.report(&message);
        }
    }
}
