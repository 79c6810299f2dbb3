//! An encoded event on its way between nodes. It is encoded once, by the node that sends it.

use std::sync::Arc;

use bytes::BytesMut;

use crate::error::{Error, Result};
use crate::event::draft::Draft;
use crate::event::frame::{CHUNK_HEAD, CHUNK_TAIL, ID_FIELD};
use crate::event::lines::Lines;
use crate::event::position::MAX_ID_BYTES;
use crate::event::{DATA, EVENT, RESERVED_PREFIX, RETRY, TRACE_PARENT, TRACE_STATE, check_id_and_key};

/// An encoded event without its position, as another node says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoded<'a> {
    /// The event up to the start of its id.
    pub(crate) body: &'a str,
    /// The caller's own id.
    pub(crate) own_id: Option<&'a str>,
    /// The key by which it supersedes an earlier event.
    pub(crate) coalesce_key: Option<&'a str>,
}

impl Encoded<'_> {
    /// Takes the event over as it is.
    ///
    /// # Errors
    /// It is not one whole event as [`Event::encode`](crate::event::Event::encode) writes it. Anything else could forge an
    /// event of the engine, or a second event.
    pub(crate) fn draft(&self, max_bytes: usize) -> Result<Draft> {
        check_id_and_key(self.own_id, self.coalesce_key)?;
        if !is_one_event(self.body) {
            return Err(Error::argument("event: got bytes that are not one encoded event"));
        }
        let capacity = CHUNK_HEAD + self.body.len() + self.own_id.map_or(MAX_ID_BYTES, str::len) + 2 + CHUNK_TAIL.len();
        let mut buf = BytesMut::with_capacity(capacity);
        buf.extend_from_slice(&[b'0'; CHUNK_HEAD]);
        buf.extend_from_slice(self.body.as_bytes());
        let own_id = self.own_id.map(Box::from);
        let draft = Draft { buf, own_id, coalesce_key: self.coalesce_key.map(Arc::from) };
        draft.check_size(max_bytes)?;
        Ok(draft)
    }
}

fn is_one_event(body: &str) -> bool {
    let fields = std::str::from_utf8(ID_FIELD).ok().and_then(|id| body.strip_suffix(id)?.strip_suffix('\n'));
    fields.is_some_and(|fields| Lines::of(fields).all(is_field))
}

fn is_field(line: &str) -> bool {
    let is_name = |name: &str| !name.starts_with(RESERVED_PREFIX);
    [DATA, RETRY, TRACE_PARENT, TRACE_STATE].iter().any(|start| line.starts_with(start))
        || line.strip_prefix(EVENT).is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::event::position::Epoch;
    use crate::event::trace::TraceContext;

    fn body_of(draft: &Draft) -> String {
        String::from_utf8(draft.buf[CHUNK_HEAD..].to_vec()).unwrap()
    }

    #[test]
    fn an_encoded_event_arrives_as_the_sender_would_frame_it() {
        let trace =
            TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("a=1")).unwrap();
        let epoch = Epoch::random();
        for event in [
            Event::default(),
            Event { name: "n", data: "a\r\n\nb\rid: 7\n", retry: Some(5), ..Event::default() },
            Event { data: "x", id: Some("own"), coalesce_key: Some("k"), trace: Some(&trace), ..Event::default() },
        ] {
            let draft = event.encode(1 << 20).unwrap();
            let body = body_of(&draft);
            let encoded = Encoded { body: &body, own_id: event.id, coalesce_key: event.coalesce_key };
            let arrived = encoded.draft(1 << 20).unwrap();
            let room = arrived.buf.capacity();
            assert_eq!(arrived.coalesce_key(), draft.coalesce_key());
            let frame = arrived.finish(&epoch, u64::MAX);
            assert!(frame.chunk_len() <= room, "the buffer was not moved");
            assert_eq!(frame.chunk(), draft.finish(&epoch, u64::MAX).chunk());
        }
    }

    #[test]
    fn bytes_that_are_not_one_event_are_refused() {
        for body in [
            "",
            "id: ",
            "\nid: ",
            "data: a\n",
            "data: a\n\ndata: b\nid: ",
            "\ndata: a\nid: ",
            "data: a\r\rdata: b\nid: ",
            "data: a\rid: 7\nid: ",
            "data: a\nid: 7\nid: ",
            "event: ssekit:reset\ndata: {}\nid: ",
            "data: a\nevent: ssekit:reset\nid: ",
            "datum: a\nid: ",
            "data: aid: ",
        ] {
            let encoded = Encoded { body, own_id: None, coalesce_key: None };
            assert!(encoded.draft(1 << 20).is_err(), "{body:?}");
        }
        let body = "data: a\nid: ";
        assert!(Encoded { body, own_id: None, coalesce_key: None }.draft(1 << 20).is_ok());
        assert!(Encoded { body, own_id: None, coalesce_key: None }.draft(20).is_err());
        assert!(Encoded { body, own_id: Some("ssekit:evicted"), coalesce_key: None }.draft(1 << 20).is_err());
        assert!(Encoded { body, own_id: Some("a\nb"), coalesce_key: None }.draft(1 << 20).is_err());
        assert!(Encoded { body, own_id: None, coalesce_key: Some("") }.draft(1 << 20).is_err());
    }
}
