//! Heartbeats keep idle connections open, and reveal dead ones.

use std::sync::atomic::Ordering;

use crate::event::Framing;
use crate::session::client::Client;

/// A comment, without a blank line after it, because several clients take that for an empty event.
const COMMENT: &[u8] = b":\n";

/// Idle time is counted in ticks, this many for each heartbeat interval.
pub(crate) const TICKS_PER_HEARTBEAT: u32 = 8;

/// The heartbeat in the bytes of this framing.
pub(crate) fn heartbeat(framing: Framing) -> &'static [u8] {
    match framing {
        Framing::Chunked => b"2\r\n:\n\r\n",
        Framing::UntilClose => COMMENT,
    }
}

/// Makes an idle stream that someone else carries yield a heartbeat at its next read.
pub(crate) fn beat_pulled(client: &Client, idle_ticks: &mut u32) {
    *idle_ticks = if client.stirred.swap(false, Ordering::Relaxed) { 0 } else { *idle_ticks + 1 };
    if *idle_ticks >= TICKS_PER_HEARTBEAT {
        *idle_ticks = 0;
        client.heartbeat_due.store(true, Ordering::Relaxed);
        client.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::delivery::inbox::Inbox;
    use crate::session::client::Start;

    #[test]
    fn idle_stream_gets_a_heartbeat_when_due() {
        let info = crate::session::lifecycle::ClientInfo { id: "c".into(), user: None };
        let client = Client::new(info, None, Default::default(), Arc::new(Inbox::default()), Start::at(0));
        let mut idle_ticks = 0;
        let mut beats = |ticks: u32| {
            (0..ticks)
                .filter(|_| {
                    beat_pulled(&client, &mut idle_ticks);
                    client.heartbeat_due.swap(false, Ordering::Relaxed)
                })
                .count()
        };
        assert_eq!(beats(TICKS_PER_HEARTBEAT), 0, "the first tick saw a fresh client");
        assert_eq!(beats(1), 1);
        assert_eq!(beats(TICKS_PER_HEARTBEAT * 3), 3);
    }
}
