//! An encoded event, as clients get it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::event::key::Key;

/// Room for the head of an HTTP/1.1 chunk: eight hexadecimal digits and CR LF.
pub(super) const CHUNK_HEAD: usize = 10;

pub(super) const CHUNK_TAIL: &[u8] = b"\r\n";

/// The start of an event's last line.
pub(super) const ID_FIELD: &[u8] = b"id: ";

/// Writes the length of the body, right-aligned, into the room before the body, and returns where it begins. Leading zeros
/// would be legal (RFC 9112, section 7.1), but not every parser accepts them.
pub(super) fn write_chunk_head(buf: &mut BytesMut) -> u8 {
    let mut length = buf.len() - CHUNK_HEAD;
    let Some((head, _)) = buf.split_at_mut_checked(CHUNK_HEAD) else { return 0 };
    let mut start = CHUNK_HEAD - CHUNK_TAIL.len();
    for (slot, byte) in head.iter_mut().skip(start).zip(CHUNK_TAIL) {
        *slot = *byte;
    }
    for slot in head.iter_mut().take(CHUNK_HEAD - CHUNK_TAIL.len()).rev() {
        *slot = b"0123456789abcdef".get(length & 15).copied().unwrap_or(b'0');
        length >>= 4;
        start -= 1;
        if length == 0 {
            break;
        }
    }
    start as u8
}

/// The decimal digits of a number, without an allocation.
pub(super) struct Decimal {
    digits: [u8; 20],
    pub(super) start: usize,
}

impl Decimal {
    pub(super) fn of(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + (number % 10) as u8;
            number /= 10;
            start -= 1;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// The framing of a response's body on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// HTTP/1.1's chunked coding (RFC 9112, section 7.1).
    Chunked,
    /// The body ends when the connection closes, as for HTTP/1.0 (RFC 9112, section 6.3, rule 8).
    UntilClose,
}

/// One encoded event, shared by all its readers. It lies in memory inside the frame of an HTTP/1.1 chunk. A chunked
/// connection sends it as it is; any other connection sends only the part inside.
#[derive(Debug, Clone)]
pub struct Frame {
    pub(super) bytes: Bytes,
    pub(super) start: u8,
    pub(super) own_id: Option<Arc<str>>,
}

impl Frame {
    /// The event without the chunk's frame.
    pub fn body(&self) -> Bytes {
        self.bytes.slice(CHUNK_HEAD..self.bytes.len() - CHUNK_TAIL.len())
    }

    /// Length of the event without the chunk's frame, in bytes.
    pub fn body_len(&self) -> usize {
        self.bytes.len() - CHUNK_HEAD - CHUNK_TAIL.len()
    }

    /// A copy of the event with another id, in its own memory.
    #[must_use]
    #[allow(clippy::indexing_slicing, reason = "`end` was found in `body`")]
    pub fn with_id(&self, id: &str) -> Self {
        let body = self.body();
        // The id is the last field.
        let end = memchr::memmem::rfind(&body, ID_FIELD).map(|start| start + ID_FIELD.len());
        debug_assert!(end.is_some(), "every frame has an id");
        let end = end.unwrap_or(body.len());
        let mut buf = BytesMut::with_capacity(CHUNK_HEAD + end + id.len() + 4);
        buf.extend_from_slice(&[b'0'; CHUNK_HEAD]);
        buf.extend_from_slice(&body[..end]);
        buf.extend_from_slice(id.as_bytes());
        buf.extend_from_slice(b"\n\n");
        let start = write_chunk_head(&mut buf);
        buf.extend_from_slice(CHUNK_TAIL);
        Self { bytes: buf.freeze(), start, own_id: None }
    }

    /// Whether both are the same event, at the same place in memory.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        self.bytes.as_ptr() == other.bytes.as_ptr() && self.bytes.len() == other.bytes.len()
    }

    /// The event as one chunk of HTTP/1.1's chunked coding.
    pub fn chunk(&self) -> Bytes {
        self.bytes.slice(usize::from(self.start)..)
    }

    /// The length of that chunk.
    pub fn chunk_len(&self) -> usize {
        self.bytes.len() - usize::from(self.start)
    }

    /// The event in the form that a connection with this framing sends.
    pub fn framed(&self, framing: Framing) -> Bytes {
        match framing {
            Framing::Chunked => self.chunk(),
            Framing::UntilClose => self.body(),
        }
    }

    /// A copy of the event for a client with a key: its id ends with the key.
    pub fn with_key(&self, key: &Key) -> Self {
        let end = b"\n\n";
        let body = self.body();
        let mut buf = BytesMut::with_capacity(self.bytes.len() + Key::SUFFIX);
        buf.extend_from_slice(&[b'0'; CHUNK_HEAD]);
        // The id is the last field.
        buf.extend_from_slice(body.strip_suffix(end).unwrap_or(&body));
        buf.extend_from_slice(&key.suffix());
        buf.extend_from_slice(end);
        let start = write_chunk_head(&mut buf);
        buf.extend_from_slice(CHUNK_TAIL);
        Self { bytes: buf.freeze(), start, own_id: self.own_id.clone() }
    }

    /// The caller's own id for this event.
    pub fn own_id(&self) -> Option<&str> {
        self.own_id.as_deref()
    }

    /// The memory that keeping it costs, in bytes.
    pub fn cost(&self) -> usize {
        self.bytes.len() + self.own_id.as_ref().map_or(0, |id| id.len())
    }
}
