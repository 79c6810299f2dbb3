//! Counters of clients that came and went.

use crate::counter::Counter;
use crate::session::lifecycle::{DisconnectReason, NotHandedOff};

/// Connects and disconnects.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) connects: Counter,
    /// Those that the application was not asked about.
    pub(crate) resumed: Counter,
    disconnects: [Counter; DisconnectReason::ALL.len()],
    not_handed_off: [Counter; NotHandedOff::ALL.len()],
}

impl Arrivals {
    pub(crate) fn not_handed_off(&self, reason: NotHandedOff) -> Option<&Counter> {
        self.not_handed_off.get(reason as usize)
    }

    pub(crate) fn disconnects(&self, reason: DisconnectReason) -> Option<&Counter> {
        self.disconnects.get(reason as usize)
    }
}
