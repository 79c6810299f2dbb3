//! Heartbeats keep idle connections open, and reveal dead ones.

use std::sync::atomic::Ordering;

use crate::delivery::pace::Pace;
use crate::event::Framing;
use crate::options::Options;
use crate::session::client::Client;

/// The form of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heartbeat {
    /// A comment, without a blank line after it, because several clients take that for an empty event.
    Comment,
    /// An event, because a page with the native `EventSource` sees no comments. Without an id, so the page keeps its last one.
    Event,
}

impl Heartbeat {
    pub(crate) fn of(options: &Options) -> Self {
        if options.heartbeat_is_comment { Self::Comment } else { Self::Event }
    }

    /// Its bytes in this framing.
    pub(crate) fn bytes(self, framing: Framing) -> &'static [u8] {
        match (self, framing) {
            (Self::Comment, Framing::Chunked) => b"2\r\n:\n\r\n",
            (Self::Comment, Framing::UntilClose) => b":\n",
            (Self::Event, Framing::Chunked) => b"22\r\nevent: ssekit:heartbeat\ndata: {}\n\n\r\n",
            (Self::Event, Framing::UntilClose) => b"event: ssekit:heartbeat\ndata: {}\n\n",
        }
    }
}

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
    fn chunk_has_the_same_content_and_its_length() {
        for heartbeat in [Heartbeat::Comment, Heartbeat::Event] {
            let content = heartbeat.bytes(Framing::UntilClose);
            let chunk = [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat();
            assert_eq!(heartbeat.bytes(Framing::Chunked), chunk);
        }
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
