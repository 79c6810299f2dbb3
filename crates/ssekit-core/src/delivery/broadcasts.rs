//! Broadcasts on their way to many clients at once.
#![cfg_attr(not(unix), allow(dead_code, reason = "no socket is handed off here"))]

use std::io::IoSlice;

use bytes::Bytes;

use crate::event::position::Position;
use crate::history::log::Entry;
use crate::session::reader::{MAX_EVENTS, Reader};

/// Some broadcasts, read from their log once for all clients that are to get exactly these next.
#[derive(Debug)]
pub(crate) struct Broadcasts {
    /// They are all broadcasts after this position,
    pub(crate) from: Position,
    /// up to this one.
    pub(crate) to: Position,
    pub(super) entries: Vec<Entry>,
    pub(super) chunks: Vec<Bytes>,
    /// The length of all chunks.
    pub(super) bytes: usize,
    /// Whether any of them excludes a client.
    choosy: bool,
    /// The newest event for single users or clients when the broadcasts were read.
    newest_targeted: Position,
}

impl Broadcasts {
    /// The head must be loaded before `newest_targeted`.
    pub(crate) fn new(from: Position, head: Position, newest_targeted: Position, entries: Vec<Entry>) -> Self {
        let to = match entries.last() {
            Some(last) if entries.len() == MAX_EVENTS => last.position,
            _ => head,
        };
        let chunks: Vec<Bytes> = entries.iter().map(|entry| entry.frame.chunk()).collect();
        let bytes = chunks.iter().map(Bytes::len).sum();
        let choosy = entries.iter().any(Entry::is_choosy);
        Self { from, to, entries, chunks, bytes, choosy, newest_targeted }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        self.chunks.iter().map(|chunk| IoSlice::new(chunk)).collect()
    }

    /// Whether they are exactly the next events for this reader. Usually this needs no look at the client or its logs,
    /// which by now have left the processor's caches.
    pub(super) fn suit(&self, reader: &Reader) -> bool {
        let cursor = reader.cursor();
        self.from <= cursor
            && self.entries.first().is_some_and(|first| cursor < first.position)
            && !(self.choosy && self.entries.iter().any(|entry| !reader.wants(entry)))
            && reader.wants_only_broadcasts(self.newest_targeted)
    }
}
