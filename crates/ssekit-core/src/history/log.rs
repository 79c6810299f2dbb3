//! A log: the newest events of one audience, in order of position, within bounds.
//!
//! A log is written under the timeline's lock. Any number of readers read it, each with its own cursor. Dropping an event
//! raises the log's floor, and a reader whose cursor lies below the floor knows that it has missed something.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::event::position::Position;
use crate::history::options::HistoryOptions;
pub use crate::history::options::LogBounds;
use crate::history::ring::Ring;
pub use crate::history::ring::{Backlog, Entry, Gap, Special, Usage};

/// The newest events of one audience.
#[derive(Debug)]
pub struct Log {
    /// Position of the newest event, readable without the lock: most reads of most logs end here.
    last: AtomicU64,
    ring: Mutex<Ring>,
    /// Its own bounds. Few logs have any.
    bounds: Option<Box<LogBounds>>,
}

/// The effect of an added event.
#[derive(Debug, Clone, Copy)]
pub struct Appended {
    /// The log's usage before.
    pub before: Usage,
    /// Its usage now.
    pub after: Usage,
    /// The event has superseded an older one with the same key.
    pub superseded: bool,
}

impl Log {
    /// An empty log that knows of everything after `floor`.
    pub fn new(floor: Position) -> Self {
        Self::bounded(floor, None)
    }

    /// The same, with bounds of its own.
    pub fn bounded(floor: Position, bounds: Option<LogBounds>) -> Self {
        Self { last: AtomicU64::new(0), ring: Mutex::new(Ring::new(floor)), bounds: bounds.map(Box::new) }
    }

    /// Adds an event, whose position must be higher than all before, and drops the oldest beyond the log's own bounds.
    pub fn append(&self, entry: Entry, bounds: &HistoryOptions) -> Appended {
        let mut ring = self.ring.lock();
        let (before, position) = (ring.usage(), entry.position);
        let superseded = ring.append(entry, self.bounds.as_deref().copied().unwrap_or(bounds.of_one_log()));
        // Relaxed, because readers come here after an acquiring load of the timeline's head, which is stored after this.
        self.last.store(position, Ordering::Relaxed);
        Appended { before, after: ring.usage(), superseded }
    }

    /// Drops the oldest event. Returns its cost, if there was one.
    pub fn evict(&self) -> Option<usize> {
        self.ring.lock().evict()
    }

    /// Drops all events, and frees their memory.
    pub fn clear(&self) {
        self.ring.lock().clear();
    }

    /// Drops all events, and knows only of events after this position.
    pub fn begin_after(&self, floor: Position) {
        let mut ring = self.ring.lock();
        *ring = Ring::new(floor);
        self.last.store(floor, Ordering::Relaxed);
    }

    /// Position and time of the oldest event.
    pub fn front(&self) -> Option<(Position, Instant)> {
        self.ring.lock().front()
    }

    /// Its usage now.
    pub fn usage(&self) -> Usage {
        self.ring.lock().usage()
    }

    /// Position of the newest event ever appended.
    pub fn last(&self) -> Position {
        self.last.load(Ordering::Relaxed)
    }

    /// The log knows of everything after this position.
    pub fn floor(&self) -> Position {
        self.ring.lock().floor()
    }

    /// Copies at most `limit` entries after `cursor` and up to `head` to `out`.
    ///
    /// # Errors
    /// [`Gap`] if the log has dropped events after `cursor`; nothing is copied then.
    pub fn read(&self, cursor: Position, head: Position, limit: usize, out: &mut Vec<Entry>) -> Result<(), Gap> {
        self.ring.lock().read(cursor, head, limit, out)
    }

    /// The events after `cursor`. Counts their bytes only if `weigh` is set.
    pub fn backlog(&self, cursor: Position, weigh: bool) -> Backlog {
        self.ring.lock().backlog(cursor, weigh)
    }

    /// The lowest position after `cursor` of an event with this caller's id: the lowest, so that a repeated id loses nothing.
    pub fn find(&self, own_id: &str, cursor: Position) -> Option<Position> {
        self.ring.lock().find(own_id, cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::event::position::Epoch;
    use crate::history::ring::Special;

    fn entry(position: Position, data: &str) -> Entry {
        let draft = Event { data, ..Event::default() }.encode(1 << 20).unwrap();
        let frame = draft.finish(&Epoch::random(), position);
        Entry::new(position, frame, Instant::now(), Special::default())
    }

    fn bounds(max_events: usize, max_bytes: usize) -> HistoryOptions {
        HistoryOptions { max_events, max_bytes, ..HistoryOptions::default() }
    }

    fn positions(log: &Log, cursor: Position, head: Position, limit: usize) -> Result<Vec<Position>, Gap> {
        let mut out = Vec::new();
        log.read(cursor, head, limit, &mut out)?;
        Ok(out.iter().map(|entry| entry.position).collect())
    }

    #[test]
    fn reader_gets_events_between_cursor_and_head() {
        let log = Log::new(0);
        for position in [2, 3, 5, 8, 13] {
            log.append(entry(position, "x"), &bounds(10, 1 << 20));
        }
        assert_eq!(positions(&log, 0, 13, 100), Ok(vec![2, 3, 5, 8, 13]));
        assert_eq!(positions(&log, 3, 8, 100), Ok(vec![5, 8]));
        assert_eq!(positions(&log, 4, 7, 100), Ok(vec![5]));
        assert_eq!(positions(&log, 0, 13, 2), Ok(vec![2, 3]));
        assert_eq!(positions(&log, 13, 13, 100), Ok(vec![]));
        assert_eq!(log.last(), 13);
    }

    #[test]
    fn evicted_event_is_a_gap_only_if_unseen() {
        let log = Log::new(0);
        for position in [2, 4, 6] {
            log.append(entry(position, "x"), &bounds(2, 1 << 20));
        }
        assert_eq!(positions(&log, 1, 6, 100), Err(Gap));
        assert_eq!(positions(&log, 2, 6, 100), Ok(vec![4, 6]));
        assert_eq!(log.floor(), 2);
    }

    #[test]
    fn late_log_knows_nothing_of_earlier_events() {
        let log = Log::new(7);
        assert_eq!(positions(&log, 6, 10, 100), Err(Gap));
        assert_eq!(positions(&log, 7, 10, 100), Ok(vec![]));
    }

    #[test]
    fn byte_limit_spares_the_newest_event() {
        let log = Log::new(0);
        let big = "x".repeat(2_000);
        for position in 1..=3 {
            log.append(entry(position, &big), &bounds(100, 1_024));
        }
        assert_eq!(positions(&log, 2, 3, 100), Ok(vec![3]));
        assert_eq!(log.usage().events, 1);
        assert!(log.evict().is_some());
        assert_eq!(log.usage(), Usage::default());
        assert_eq!(log.floor(), 3);
    }

    #[test]
    fn repeated_id_means_its_first_event() {
        let log = Log::new(0);
        for position in 1..=3 {
            let draft = Event { id: Some("same"), data: "x", ..Event::default() }.encode(1 << 20).unwrap();
            let frame = draft.finish(&Epoch::random(), position);
            let entry = Entry::new(position, frame, Instant::now(), Special::default());
            log.append(entry, &bounds(100, 1 << 20));
        }
        assert_eq!(log.find("same", 0), Some(1));
        assert_eq!(log.find("same", 1), Some(2));
        assert_eq!((log.find("same", 3), log.find("other", 0)), (None, None));
    }
}
