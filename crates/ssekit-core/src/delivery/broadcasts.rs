//! Events on their way to many clients at once: broadcasts, or those of a channel.
#![cfg_attr(not(unix), allow(dead_code, reason = "no socket is handed off here"))]

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;

use crate::event::position::Position;
use crate::history::log::{Entry, Log};
use crate::session::reader::{MAX_EVENTS, Reader};

/// Some events of a log, read from it once for all clients that are to get exactly these next.
#[derive(Debug)]
pub(crate) struct Broadcasts {
    /// They are all events of their log after this position,
    pub(crate) from: Position,
    /// up to this one.
    pub(crate) to: Position,
    pub(super) entries: Vec<Entry>,
    pub(super) chunks: Vec<Bytes>,
    /// The length of all chunks.
    pub(super) bytes: usize,
    /// Whether any of them excludes a client.
    choosy: bool,
    others: Others,
}

/// The other events that a client may have to get.
#[derive(Debug)]
enum Others {
    /// These are broadcasts. The newest targeted event was at this position when they were read.
    Targeted(Position),
    /// These are of a channel with this log. The newest broadcast was at this position when they were read.
    ButOf(Arc<Log>, Position),
}

impl Broadcasts {
    /// Broadcasts. The head must be loaded before `newest_targeted`.
    pub(crate) fn new(from: Position, head: Position, newest_targeted: Position, entries: Vec<Entry>) -> Self {
        Self::with(from, head, Others::Targeted(newest_targeted), entries)
    }

    /// Events of a channel with this log. The head must be loaded before `newest_broadcast`.
    pub(crate) fn of_channel(
        log: &Arc<Log>,
        from: Position,
        head: Position,
        newest_broadcast: Position,
        entries: Vec<Entry>,
    ) -> Self {
        Self::with(from, head, Others::ButOf(Arc::clone(log), newest_broadcast), entries)
    }

    fn with(from: Position, head: Position, others: Others, entries: Vec<Entry>) -> Self {
        let to = match entries.last() {
            Some(last) if entries.len() == MAX_EVENTS => last.position,
            _ => head,
        };
        let chunks: Vec<Bytes> = entries.iter().map(|entry| entry.frame.chunk()).collect();
        let bytes = chunks.iter().map(Bytes::len).sum();
        let choosy = entries.iter().any(Entry::is_choosy);
        Self { from, to, entries, chunks, bytes, choosy, others }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        self.chunks.iter().map(|chunk| IoSlice::new(chunk)).collect()
    }

    /// Whether they are exactly the next events for this reader. For broadcasts, this usually needs no look at the client or
    /// its logs, which by now have left the processor's caches.
    pub(super) fn suit(&self, reader: &Reader) -> bool {
        let cursor = reader.cursor();
        let Some(first) = self.entries.first().map(|first| first.position) else { return false };
        self.from <= cursor
            && cursor < first
            && !(self.choosy && self.entries.iter().any(|entry| !reader.wants(entry)))
            && match &self.others {
                Others::Targeted(newest) => reader.wants_only_broadcasts(*newest),
                Others::ButOf(log, newest_broadcast) => *newest_broadcast <= cursor && reader.wants_only(log, first),
            }
    }
}
