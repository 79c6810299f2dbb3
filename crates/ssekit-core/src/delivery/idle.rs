//! A stream that someone else carries gets its heartbeats and positions when it is read.

use std::sync::atomic::Ordering;

use crate::delivery::pace::Pace;
use crate::session::client::Client;

/// The time that a stream carried by someone else has been idle.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    /// Ticks without an event.
    ticks: u32,
    /// The id of the last event was old when it was written.
    pub(crate) id_was_old: bool,
}

impl Idle {
    /// The stream of a client that has just connected.
    pub(crate) fn of(client: &Client) -> Self {
        Self { ticks: 0, id_was_old: client.came_behind }
    }

    /// Makes an idle stream yield a heartbeat, or the client's position, at its next read.
    pub(crate) fn beat(&mut self, client: &Client, pace: &Pace) {
        self.ticks = if client.stirred.swap(false, Ordering::Relaxed) { 0 } else { self.ticks.saturating_add(1) };
        let is_position_due = self.ticks >= pace.until_position(self.id_was_old);
        let is_heartbeat_due = self.ticks > 0 && self.ticks.is_multiple_of(pace.heartbeat);
        if is_position_due {
            // It stays due until the stream yields it.
            self.id_was_old = false;
            client.position_due.store(true, Ordering::Relaxed);
        }
        if is_heartbeat_due {
            client.heartbeat_due.store(true, Ordering::Relaxed);
        }
        if is_position_due || is_heartbeat_due {
            client.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;
    use crate::delivery::heartbeat::Heartbeat;
    use crate::delivery::inbox::Inbox;
    use crate::session::client::Start;

    /// The number of times each flag is set in each number of ticks, if the stream takes it at once.
    fn beats(start: Start, ticks: &[u32]) -> Vec<(u32, u32)> {
        let pace = Pace::new(Duration::from_secs(8), Duration::from_secs(48), Heartbeat::Comment);
        let info = crate::session::lifecycle::ClientInfo { id: "c".into(), user: None };
        let client = Client::new(info, None, Default::default(), Arc::new(Inbox::default()), start);
        let mut idle = Idle::of(&client);
        let count = |ticks: &u32| {
            let (mut heartbeats, mut positions) = (0, 0);
            for _ in 0..*ticks {
                idle.beat(&client, &pace);
                let take = |due: &AtomicBool| due.swap(false, Ordering::Relaxed);
                if take(&client.position_due) {
                    positions += 1;
                    take(&client.heartbeat_due);
                    client.stirred.store(true, Ordering::Relaxed);
                }
                heartbeats += u32::from(take(&client.heartbeat_due));
            }
            (heartbeats, positions)
        };
        ticks.iter().map(count).collect()
    }

    #[test]
    fn idle_stream_gets_a_heartbeat_when_due() {
        // The first tick sees a fresh client.
        assert_eq!(beats(Start::at(0), &[8, 1, 7, 1]), [(0, 0), (1, 0), (0, 0), (1, 0)]);
    }

    #[test]
    fn every_third_heartbeat_is_a_position() {
        // Half of the age is three heartbeats. A tick is lost after each position, for the look that sees it written.
        assert_eq!(beats(Start::at(0), &[25, 25, 25]), [(2, 1), (2, 1), (2, 1)]);
    }

    #[test]
    fn old_id_is_replaced_sooner() {
        let behind = Start { head: 1, ..Start::at(0) };
        assert_eq!(beats(behind, &[6, 1, 24, 1]), [(0, 0), (0, 1), (2, 0), (0, 1)]);
    }
}
