//! A part of a log that a client reads.

use std::sync::Arc;

use crate::event::position::Position;
use crate::history::log::{Backlog, Entry, Gap, Log};

/// A part of a log that a client reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(super) log: &'a Arc<Log>,
    pub(super) since: Position,
    pub(super) until: Position,
}

impl<'a> Part<'a> {
    /// A log that the client reads wherever its cursor is.
    pub(crate) fn whole(log: &'a Arc<Log>) -> Self {
        Self { log, since: 0, until: Position::MAX }
    }

    /// Where a client that has read up to `cursor` reads on.
    fn after(&self, cursor: Position) -> Position {
        cursor.max(self.since)
    }

    /// Whether the client needs nothing more of the log.
    fn is_read(&self, cursor: Position) -> bool {
        self.until <= cursor
    }

    /// Whether the client gets everything in this log from `first` on.
    pub(super) fn is_all_of(&self, log: &Arc<Log>, first: Position) -> bool {
        Arc::ptr_eq(self.log, log) && self.since < first && self.until == Position::MAX
    }

    /// Whether there is an event after `cursor`.
    pub(crate) fn has_news(&self, cursor: Position) -> bool {
        !self.is_read(cursor) && self.log.last() > self.after(cursor)
    }

    /// Copies at most `limit` entries after `cursor` and up to `head` to `out`.
    ///
    /// # Errors
    /// [`Gap`] if the log has dropped events that the client has yet to read; nothing is copied then.
    pub(crate) fn read(&self, cursor: Position, head: Position, limit: usize, out: &mut Vec<Entry>) -> Result<(), Gap> {
        let (from, to) = (cursor.max(self.since), head.min(self.until));
        if from >= to { Ok(()) } else { self.log.read(from, to, limit, out) }
    }

    /// The events after `cursor`. Counts their bytes only if `weigh` is set.
    pub(crate) fn backlog(&self, cursor: Position, weigh: bool) -> Backlog {
        if self.is_read(cursor) { Backlog::default() } else { self.log.backlog(self.after(cursor), weigh) }
    }

    /// Up to where events are missing that the client has yet to read.
    pub(crate) fn floor(&self, cursor: Position) -> Position {
        if self.has_gap(cursor) { self.log.floor().min(self.until) } else { 0 }
    }

    /// The lowest position of an event with this caller's id.
    pub(crate) fn find(&self, own_id: &str) -> Option<Position> {
        self.log.find(own_id, self.since).filter(|position| *position <= self.until)
    }

    /// Whether the log has dropped events after `cursor`.
    pub(crate) fn has_gap(&self, cursor: Position) -> bool {
        !self.is_read(cursor) && self.log.floor() > self.after(cursor)
    }
}
