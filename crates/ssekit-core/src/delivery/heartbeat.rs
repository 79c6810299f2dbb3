//! A heartbeat keeps an idle connection open, and reveals a dead one.

use crate::event::Framing;
use crate::options::Options;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_has_the_same_content_and_its_length() {
        for heartbeat in [Heartbeat::Comment, Heartbeat::Event] {
            let content = heartbeat.bytes(Framing::UntilClose);
            let chunk = [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat();
            assert_eq!(heartbeat.bytes(Framing::Chunked), chunk);
        }
    }
}
