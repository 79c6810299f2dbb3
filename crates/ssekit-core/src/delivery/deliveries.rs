//! A shard's counters.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::counter::Counter;
use crate::delivery::lag::Lag;
use crate::session::client::Client;
use crate::session::reset::ResetReason;

/// Counters for deliveries. Each shard has its own, so that shards do not share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Deliveries {
    pub(crate) events: Counter,
    pub(crate) bytes: Counter,
    pub(crate) heartbeats: Counter,
    pub(crate) resets: Counter,
    /// The lag that the shard's last sweep has found.
    pub(crate) lag: Mutex<Lag>,
}

/// The amounts that one iteration of a shard adds to its deliveries.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) heartbeats: u64,
    pub(crate) resets: u64,
    /// The clients that were told about gaps.
    pub(crate) told: Vec<(Arc<Client>, ResetReason)>,
}

impl Deliveries {
    /// Adds a tally and sets it to zero. Returns the clients that were told about gaps.
    pub(crate) fn add(&self, tally: &mut Tally) -> Vec<(Arc<Client>, ResetReason)> {
        let tally = std::mem::take(tally);
        self.events.add(tally.events);
        self.bytes.add(tally.bytes);
        self.heartbeats.add(tally.heartbeats);
        self.resets.add(tally.resets);
        tally.told
    }
}
