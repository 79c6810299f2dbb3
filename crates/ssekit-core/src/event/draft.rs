//! An encoded event that waits for its position.

use std::sync::Arc;

use bytes::BytesMut;

use crate::error::{Error, Result, grouped};
use crate::event::frame::{CHUNK_HEAD, CHUNK_TAIL, Decimal, Frame, write_chunk_head};
use crate::event::position::{Epoch, MAX_ID_BYTES, NodeId, ONLY_AT, Position};

/// An encoded event that has no position yet. The remaining work is small enough to do under the hub's lock.
#[derive(Debug)]
pub struct Draft {
    /// Room for the head of a chunk, then the event up to the start of its id.
    pub(super) buf: BytesMut,
    pub(super) own_id: Option<Box<str>>,
    pub(super) coalesce_key: Option<Arc<str>>,
}

impl Draft {
    /// The key by which this event supersedes an earlier one.
    pub fn coalesce_key(&self) -> Option<&Arc<str>> {
        self.coalesce_key.as_ref()
    }

    /// The caller's own id for this event.
    pub fn own_id(&self) -> Option<&str> {
        self.own_id.as_deref()
    }

    /// The parts of an event that other nodes get: its buffer, with room at the front, and where the event begins in it.
    pub(crate) fn into_parts(self) -> (BytesMut, usize, Option<Box<str>>, Option<Arc<str>>) {
        (self.buf, CHUNK_HEAD, self.own_id, self.coalesce_key)
    }

    /// Checks the length of the event.
    pub(super) fn check_size(&self, max_bytes: usize) -> Result<()> {
        let bytes = self.body_len_bound();
        if bytes > max_bytes {
            let (got, most) = (grouped(bytes as u64), grouped(max_bytes as u64));
            return Err(Error::range(format!(
                "event: got {got} bytes, wants at most {most} on the wire (maxEventBytes)"
            )));
        }
        Ok(())
    }

    pub(super) fn body_len_bound(&self) -> usize {
        self.buf.len() - CHUNK_HEAD + self.own_id.as_ref().map_or(MAX_ID_BYTES, |id| id.len()) + "\n\n".len()
    }

    /// The event as a frame that gets its id later: see [`Frame::with_id`].
    pub(crate) fn without_id(mut self) -> Frame {
        self.own_id = Some(Box::from(""));
        Frame { own_id: None, ..self.finish_for(&Epoch::random(), 0, None) }
    }

    /// Gives the event its position. The buffer already has room for the id, so nothing is allocated or moved here.
    pub fn finish(self, epoch: &Epoch, position: Position) -> Frame {
        self.finish_for(epoch, position, None)
    }

    /// Like [`Self::finish`], but the id may name a node and then means something to that node alone. Such an id is rare and
    /// may move the buffer.
    pub fn finish_for(mut self, epoch: &Epoch, position: Position, only: Option<&NodeId>) -> Frame {
        match &self.own_id {
            Some(id) => self.buf.extend_from_slice(id.as_bytes()),
            None => {
                self.buf.extend_from_slice(epoch.as_str().as_bytes());
                self.buf.extend_from_slice(b".");
                self.buf.extend_from_slice(Decimal::of(position).as_bytes());
                if let Some(node) = only {
                    self.buf.extend_from_slice(&[ONLY_AT as u8]);
                    self.buf.extend_from_slice(node.as_str().as_bytes());
                }
            }
        }
        self.buf.extend_from_slice(b"\n\n");
        let start = write_chunk_head(&mut self.buf);
        self.buf.extend_from_slice(CHUNK_TAIL);
        Frame { bytes: self.buf.freeze(), start, own_id: self.own_id.map(Into::into) }
    }
}
