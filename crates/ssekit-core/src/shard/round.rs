//! The round that each tick begins: over all seats, for those that are idle, that lag, or that have had long enough to leave.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::heartbeat::beat_pulled;
use crate::life::DisconnectReason;
use crate::shard::seat::Seat;
use crate::shard::{SENDS_PER_TURN, Shard};

/// Clients that are looked at between two looks at the inbox.
const LOOKS_PER_TURN: usize = 1024;

impl Shard {
    /// Goes on with the round over the seats that looks for those that are idle, and for those that lag.
    pub(super) fn continue_round(&mut self) {
        let Some(mut next) = self.round.take() else { return };
        let end = self.seats.capacity();
        let (mut looks, before) = (LOOKS_PER_TURN, self.tally.heartbeats);
        while next < end && looks > 0 && self.tally.heartbeats - before < SENDS_PER_TURN as u64 {
            self.look_after(next);
            next += 1;
            looks -= 1;
        }
        self.round = (next < end).then_some(next);
    }

    fn look_after(&mut self, key: usize) {
        let max_lag = self.shared.max_lag;
        match self.seats.get_mut(key) {
            Some(Seat::Pulled { client, idle_ticks }) => {
                beat_pulled(client, idle_ticks);
                let cursor = client.pulled.load(Ordering::Acquire);
                if max_lag.is_bounded() && max_lag.is_exceeded(client, cursor, &self.shared.timeline) {
                    let client = Arc::clone(client);
                    self.close(&client, DisconnectReason::Slow);
                }
            }
            #[cfg(unix)]
            Some(Seat::Socket(_)) => self.work_on(key, |connection, timeline, tick, tally| {
                connection.look_after(&max_lag, timeline, tick, tally)
            }),
            // Ticks wrap: until then it lies ahead, from then on behind.
            #[cfg(unix)]
            Some(Seat::Leaving { until, .. }) if self.tick.wrapping_sub(*until) < u32::MAX / 2 => self.free(key),
            _ => {}
        }
    }
}
