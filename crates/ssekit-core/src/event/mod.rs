//! An event on its way to bytes: checked at the door, encoded once, shared by all its readers.
//!
//! The format is the WHATWG event stream,
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>, with two habits that were
//! measured on third-party clients. The `id` comes after the `data`, so a cut inside the event never loses the event on
//! resume. A space always follows the colon, so a value keeps its own leading space.

pub mod audience;
mod draft;
mod encoded;
mod frame;
mod glimpse;
pub mod key;
mod lines;
pub mod position;
mod stored;
pub mod trace;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};

pub use draft::Draft;
pub(crate) use encoded::Encoded;
pub use frame::{Frame, Framing};
pub use glimpse::Glimpse;
pub use stored::StoredEvent;

use crate::error::{Error, Result, grouped};
use crate::event::frame::{CHUNK_HEAD, CHUNK_TAIL, ID_FIELD};
use crate::event::lines::{Lines, line_starts};
use crate::event::position::MAX_ID_BYTES;
use crate::event::trace::TraceContext;

/// Event names and ids with this prefix belong to the engine.
pub const RESERVED_PREFIX: &str = "ssekit:";

/// The largest integer that JavaScript holds exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// One event, as a caller describes it.
///
/// ```
/// use ssekit_core::Event;
///
/// // A line break would end the field and forge another one.
/// let forged = Event { name: "a\nid: 7", ..Event::default() };
/// assert!(forged.encode(1 << 20).unwrap_err().to_string().contains("U+000A"));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The name; empty means `message`.
    pub name: &'a str,
    /// The data: any text. Each of its lines becomes a `data` line.
    pub data: &'a str,
    /// The caller's own id. Without one, the event's position is its id.
    pub id: Option<&'a str>,
    /// The page's reconnection time in milliseconds.
    pub retry: Option<u64>,
    /// A lagging client gets only the newest event with this key.
    pub coalesce_key: Option<&'a str>,
    /// The event's distributed trace, for clients that read comments.
    pub trace: Option<&'a TraceContext>,
}

impl<'a> Event<'a> {
    /// Encodes a caller's event, except for its position.
    ///
    /// # Errors
    /// Refuses text that could forge another field (CWE-93), an id that nobody could resume from, and an encoding of more
    /// than `max_bytes`.
    pub fn encode(&self, max_bytes: usize) -> Result<Draft> {
        self.validate()?;
        let draft = self.encode_unchecked();
        draft.check_size(max_bytes)?;
        Ok(draft)
    }

    fn validate(&self) -> Result<()> {
        check_no_control("event.event", self.name)?;
        check_not_reserved("event.event", self.name)?;
        check_id_and_key(self.id, self.coalesce_key)?;
        match self.retry {
            Some(retry) if retry > MAX_SAFE_INTEGER => Err(Error::argument(format!(
                "event.retry: got {retry}, wants milliseconds as a non-negative safe integer"
            ))),
            _ => Ok(()),
        }
    }

    /// Encodes an event of the engine, whose parts need no check.
    pub fn encode_unchecked(&self) -> Draft {
        let lines = line_starts(self.data);
        let capacity = CHUNK_HEAD
            + self.trace.map_or(0, trace_len)
            + "event: \nretry: 9007199254740991\nid: \n\n".len()
            + self.name.len()
            + self.data.len()
            + lines * "data: \n".len()
            + self.id.map_or(MAX_ID_BYTES, str::len)
            + CHUNK_TAIL.len();
        let mut buf = BytesMut::with_capacity(capacity);
        buf.extend_from_slice(&[b'0'; CHUNK_HEAD]);
        if let Some(trace) = self.trace {
            comments(&mut buf, trace);
        }
        if !self.name.is_empty() {
            field(&mut buf, EVENT, self.name);
        }
        if let Some(retry) = self.retry {
            field(&mut buf, RETRY, &retry.to_string());
        }
        for line in Lines::of(self.data) {
            field(&mut buf, DATA, line);
        }
        buf.extend_from_slice(ID_FIELD);
        Draft { buf, own_id: self.id.map(Box::from), coalesce_key: self.coalesce_key.map(Arc::from) }
    }
}

fn field(buf: &mut BytesMut, start: &str, value: &str) {
    buf.extend_from_slice(start.as_bytes());
    buf.extend_from_slice(value.as_bytes());
    buf.put_u8(b'\n');
}

/// The starts of lines, apart from the id.
const EVENT: &str = "event: ";
const RETRY: &str = "retry: ";
const DATA: &str = "data: ";
const TRACE_PARENT: &str = ": traceparent=";
const TRACE_STATE: &str = ": tracestate=";

/// Length of a trace's comments, in bytes.
fn trace_len(trace: &TraceContext) -> usize {
    let line = |start: &str, value: &str| start.len() + value.len() + "\n".len();
    line(TRACE_PARENT, trace.parent()) + trace.state().map_or(0, |state| line(TRACE_STATE, state))
}

/// Writes a trace as comments, which clients ignore unless they look for them. The comments stand before the event's first
/// field, so that their reader has them when the event is complete.
fn comments(buf: &mut BytesMut, trace: &TraceContext) {
    for (start, value) in [(TRACE_PARENT, Some(trace.parent())), (TRACE_STATE, trace.state())] {
        let Some(value) = value else { continue };
        field(buf, start, value);
    }
}

fn check_id_and_key(id: Option<&str>, coalesce_key: Option<&str>) -> Result<()> {
    if let Some(id) = id {
        check_header_text("event.id", id)?;
        check_not_reserved("event.id", id)?;
    }
    coalesce_key.map_or(Ok(()), |key| check_length("event.coalesceKey", key))
}

fn check_not_reserved(argument: &str, text: &str) -> Result<()> {
    if text.starts_with(RESERVED_PREFIX) {
        return Err(Error::argument(format!(
            "{argument}: got text that begins with `{RESERVED_PREFIX}`, wants another beginning, because this one is reserved for ssekit"
        )));
    }
    Ok(())
}

/// Text that travels in an HTTP header unharmed, as messages describe it.
pub const HEADER_TEXT: &str = "1 to 256 printable ASCII characters, without a space at either end";

/// Checks text that must travel in an HTTP header unharmed: printable ASCII, no blanks at either end, 1 to 256 bytes.
pub fn check_header_text(argument: &str, text: &str) -> Result<()> {
    let problem: Cow<'_, str> = match text.bytes().find(|byte| !(0x20..=0x7e).contains(byte)) {
        Some(byte) if byte < 0x80 => format!("got the control character U+{byte:04X}").into(),
        Some(_) => "got a character outside of ASCII".into(),
        None if text.is_empty() => "got an empty string".into(),
        None if text.len() > MAX_TEXT => format!("got {} characters", grouped(text.len() as u64)).into(),
        None if text.starts_with(' ') || text.ends_with(' ') => "got a space at the start or end".into(),
        None => return Ok(()),
    };
    Err(Error::argument(format!("{argument}: {problem}, wants {HEADER_TEXT}")))
}

/// Checks text that only ssekit reads: the id of a user or a client, or a key.
pub fn check_length(argument: &str, text: &str) -> Result<()> {
    match text.len() {
        0 => Err(Error::argument(format!("{argument}: got an empty string, wants 1 to {MAX_TEXT} bytes"))),
        length if length > MAX_TEXT => {
            let length = grouped(length as u64);
            Err(Error::argument(format!("{argument}: got {length} bytes, wants 1 to {MAX_TEXT}")))
        }
        _ => Ok(()),
    }
}

/// Checks the name of a channel.
pub fn check_channel(name: &str) -> Result<()> {
    check_channel_at("channel", name)
}

/// Checks the name of a channel that is in this argument.
pub fn check_channel_at(argument: &str, name: &str) -> Result<()> {
    check_length(argument, name)?;
    check_no_control(argument, name)
}

fn check_no_control(argument: &str, text: &str) -> Result<()> {
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(Error::argument(format!(
            "{argument}: got the control character U+{:04X}, wants a name without control characters",
            u32::from(c)
        ))),
        None => Ok(()),
    }
}

/// The maximum number of bytes that an id or a key may have.
const MAX_TEXT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::frame::Decimal;
    use crate::event::key::Key;
    use crate::event::position::{Epoch, Position};

    #[test]
    fn id_fits_into_the_encoded_event() {
        let long = "x".repeat(300);
        let (id, huge) = ("i".repeat(256), "\r\n".repeat(1_000));
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceContext::parse(parent, Some("a=1")).unwrap();
        for name in ["", "name", &long] {
            for data in ["", "x", "\n", "\n\n\n", &long, &huge] {
                for own in [None, Some("i"), Some(&*id)] {
                    for retry in [None, Some(0), Some(MAX_SAFE_INTEGER)] {
                        for trace in [None, Some(&trace)] {
                            let event = Event { name, data, id: own, retry, coalesce_key: None, trace };
                            let draft = event.encode(1 << 20).unwrap();
                            let (room, bound) = (draft.buf.capacity(), draft.body_len_bound());
                            let frame = draft.finish(&Epoch::random(), Position::MAX);
                            assert!(frame.bytes.len() <= room, "{} bytes in a room of {room}", frame.bytes.len());
                            assert_eq!(frame.body().len(), bound);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn key_changes_only_the_id() {
        let key = Key::random();
        let suffix = String::from_utf8(key.suffix().to_vec()).unwrap();
        let epoch = Epoch::random();
        // Also lengths around those where the head of the chunk gets another digit.
        for length in (0..40).chain(200..260).chain(4_050..4_100) {
            let text = "x".repeat(length);
            for event in [
                Event { data: &text, ..Event::default() },
                Event { name: "n", data: &text, id: Some("own"), retry: Some(5), ..Event::default() },
                Event { data: "\n\n", id: Some("id: a~0123456789abcdef"), ..Event::default() },
            ] {
                let frame = event.encode(1 << 20).unwrap().finish(&epoch, 7);
                let body = String::from_utf8(frame.body().to_vec()).unwrap();
                let expected = format!("{}{suffix}\n\n", body.strip_suffix("\n\n").unwrap());
                let keyed = frame.with_key(&key);
                assert_eq!(keyed.body(), expected);
                assert_eq!(keyed.framed(Framing::UntilClose), expected);
                assert_eq!(keyed.chunk(), format!("{:x}\r\n{expected}\r\n", expected.len()));
                assert_eq!((keyed.chunk_len(), keyed.body_len()), (keyed.chunk().len(), expected.len()));
                assert_eq!(keyed.own_id(), frame.own_id());
                assert!(!keyed.is_shared_with(&frame));
            }
        }
    }

    #[test]
    fn other_id_changes_nothing_else() {
        for data in ["", "id: 7", "id: 7\nid: \n"] {
            let draft = || Event { name: "n", data, ..Event::default() }.encode(1 << 20).unwrap();
            let epoch = Epoch::random();
            for id in [epoch.id(1), format!("{}-x", epoch.id(123_456))] {
                let changed = draft().finish(&epoch, 99_999).with_id(&id);
                let event = Event { name: "n", data, id: Some(&id), ..Event::default() };
                let expected = event.encode(1 << 20).unwrap().finish(&epoch, 99_999);
                assert_eq!((changed.chunk(), changed.body()), (expected.chunk(), expected.body()));
            }
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            assert_eq!(Decimal::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }
}
