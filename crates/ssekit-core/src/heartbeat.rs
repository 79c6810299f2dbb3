//! What keeps an idle connection open, and tells that a dead one is dead.

use crate::event::Framing;

/// A comment. Without a blank line after it: several clients take that for an empty event.
const COMMENT: &[u8] = b":\n";

/// An idle connection's time is counted in ticks of this part of the heartbeat.
pub(crate) const TICKS_PER_HEARTBEAT: u32 = 8;

/// The heartbeat as it stands on a connection with this framing.
pub(crate) fn heartbeat(framing: Framing) -> &'static [u8] {
    match framing {
        Framing::Chunked => b"2\r\n:\n\r\n",
        Framing::UntilClose => COMMENT,
    }
}
