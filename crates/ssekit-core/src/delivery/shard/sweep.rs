//! The sweep that begins with each tick. It looks at all slots for clients that are idle, that lag, or whose time to
//! leave is over.

use std::sync::Arc;

#[cfg(unix)]
use crate::delivery::connection::Outcome;
use crate::delivery::lag::Lag;
use crate::delivery::shard::slot::ShardSlot;
use crate::delivery::shard::{SENDS_PER_ITERATION, Shard};
use crate::session::lifecycle::DisconnectReason;

/// Clients that are checked between two checks of the inbox.
const CHECKS_PER_ITERATION: usize = 1024;

impl Shard {
    /// Continues the sweep over the slots.
    pub(super) fn continue_sweep(&mut self) {
        let Some(mut next) = self.sweep.take() else { return };
        if next == 0 {
            self.lag = Lag::default();
        }
        let end = self.slots.capacity();
        let (mut looks, before) = (CHECKS_PER_ITERATION, self.tally.heartbeats);
        while next < end && looks > 0 && self.tally.heartbeats - before < SENDS_PER_ITERATION as u64 {
            self.look_after(next);
            next += 1;
            looks -= 1;
        }
        self.sweep = (next < end).then_some(next);
        if self.sweep.is_none() {
            *self.shared.deliveries.lag.lock() = self.lag;
        }
    }

    fn look_after(&mut self, key: usize) {
        let (max_lag, pace, mut lag) = (self.shared.max_lag, self.shared.pace, self.lag);
        match self.slots.get_mut(key) {
            Some(ShardSlot::Pulled { client, idle }) => {
                idle.beat(client, &pace);
                let cursor = client.progress.pulled();
                let backlog = max_lag.backlog_of(client, cursor, &self.shared.timeline);
                if max_lag.is_exceeded_by(&backlog) {
                    let client = Arc::clone(client);
                    self.close(&client, DisconnectReason::Slow);
                } else if backlog.age() > pace.tick {
                    // For an event that was just published, the carrier has only been woken so far, so that is no lag.
                    lag.count(&backlog);
                    idle.id_was_old = true;
                }
            }
            #[cfg(unix)]
            Some(ShardSlot::Socket(_)) => self.work_on(key, |connection, timeline, tick, tally| {
                match connection.backlog(&max_lag, timeline) {
                    Some(backlog) if max_lag.is_exceeded_by(&backlog) => {
                        return Outcome::Gone(DisconnectReason::Slow);
                    }
                    Some(backlog) => lag.count(&backlog),
                    None => {}
                }
                connection.beat(&pace, timeline, tick, tally)
            }),
            // Ticks wrap around: `until` is ahead before that tick, and behind from then on.
            Some(ShardSlot::Parting { until, .. }) if self.tick.wrapping_sub(*until) < u32::MAX / 2 => self.free(key),
            #[cfg(unix)]
            Some(ShardSlot::Leaving { until, .. }) if self.tick.wrapping_sub(*until) < u32::MAX / 2 => self.free(key),
            _ => {}
        }
        self.lag = lag;
    }
}
