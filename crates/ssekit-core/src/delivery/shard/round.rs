//! The round that each tick begins: over all seats, for those that are idle, that lag, or that have had long enough to leave.

use std::sync::Arc;

#[cfg(unix)]
use crate::delivery::connection::Outcome;
use crate::delivery::heartbeat::beat_pulled;
use crate::delivery::lag::Lag;
use crate::delivery::shard::seat::Seat;
use crate::delivery::shard::{SENDS_PER_TURN, Shard};
use crate::session::life::DisconnectReason;

/// Clients that are looked at between two looks at the inbox.
const LOOKS_PER_TURN: usize = 1024;

impl Shard {
    /// Goes on with the round over the seats that looks for those that are idle, and for those that lag.
    pub(super) fn continue_round(&mut self) {
        let Some(mut next) = self.round.take() else { return };
        if next == 0 {
            self.lag = Lag::default();
        }
        let end = self.seats.capacity();
        let (mut looks, before) = (LOOKS_PER_TURN, self.tally.heartbeats);
        while next < end && looks > 0 && self.tally.heartbeats - before < SENDS_PER_TURN as u64 {
            self.look_after(next);
            next += 1;
            looks -= 1;
        }
        self.round = (next < end).then_some(next);
        if self.round.is_none() {
            *self.shared.deliveries.lag.lock() = self.lag;
        }
    }

    fn look_after(&mut self, key: usize) {
        let (max_lag, mut lag) = (self.shared.max_lag, self.lag);
        match self.seats.get_mut(key) {
            Some(Seat::Pulled { client, idle_ticks }) => {
                beat_pulled(client, idle_ticks);
                let cursor = client.progress.pulled();
                let backlog = max_lag.backlog_of(client, cursor, &self.shared.timeline);
                if max_lag.is_exceeded_by(&backlog) {
                    let client = Arc::clone(client);
                    self.close(&client, DisconnectReason::Slow);
                } else if backlog.age() > self.tick_length {
                    // What has just been published its carrier has only been woken for.
                    lag.count(&backlog);
                }
            }
            #[cfg(unix)]
            Some(Seat::Socket(_)) => self.work_on(key, |connection, timeline, tick, tally| {
                match connection.backlog(&max_lag, timeline) {
                    Some(backlog) if max_lag.is_exceeded_by(&backlog) => {
                        return Outcome::Gone(DisconnectReason::Slow);
                    }
                    Some(backlog) => lag.count(&backlog),
                    None => {}
                }
                connection.beat(tick, tally)
            }),
            // Ticks wrap: until then it lies ahead, from then on behind.
            Some(Seat::Parting { until, .. }) if self.tick.wrapping_sub(*until) < u32::MAX / 2 => self.free(key),
            #[cfg(unix)]
            Some(Seat::Leaving { until, .. }) if self.tick.wrapping_sub(*until) < u32::MAX / 2 => self.free(key),
            _ => {}
        }
        self.lag = lag;
    }
}
