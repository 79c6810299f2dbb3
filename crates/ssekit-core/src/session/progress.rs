//! Progress of a stream that somebody else carries: the events that the carrier has taken, and the part of them that the kernel has.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::event::position::Position;

/// Progress of a stream that somebody else carries.
#[derive(Debug)]
pub struct Progress {
    /// The stream has been read up to this position.
    pulled: AtomicU64,
    /// Position of the newest event that the carrier got.
    given: AtomicU64,
    /// The kernel has the stream up to this position.
    written: AtomicU64,
    /// The carrier reports what it has written. Without reports, everything that was read counts as written.
    tells: AtomicBool,
}

impl Progress {
    /// The progress of a stream that begins after this position.
    pub fn from(cursor: Position) -> Self {
        let at = || AtomicU64::new(cursor);
        Self { pulled: at(), given: at(), written: at(), tells: AtomicBool::new(false) }
    }

    /// The carrier is going to report what it has written.
    pub fn will_be_told(&self) {
        self.tells.store(true, Ordering::SeqCst);
    }

    /// The stream has been read up to `end`. All events read may have been for others, so that the carrier got nothing.
    pub fn read_to(&self, end: Position, carrier_got_something: bool) {
        if carrier_got_something {
            // Store this first: a thread that sees the new end of the stream then sees the unwritten event before it, too.
            self.given.store(end, Ordering::SeqCst);
        }
        self.pulled.store(end, Ordering::SeqCst);
        if !carrier_got_something && self.written.load(Ordering::SeqCst) >= self.given.load(Ordering::SeqCst) {
            self.written.fetch_max(end, Ordering::SeqCst);
        }
    }

    /// The kernel has the events up to this position.
    pub fn wrote_to(&self, position: Position) {
        loop {
            let pulled = self.pulled.load(Ordering::SeqCst);
            // After the last event, there was nothing for this stream.
            let is_last = self.given.load(Ordering::SeqCst) == position;
            self.written.fetch_max(if is_last { pulled } else { position }, Ordering::SeqCst);
            // A thread that read on meanwhile may have found the last event still unwritten.
            if self.pulled.load(Ordering::SeqCst) == pulled {
                return;
            }
        }
    }

    /// The carrier is gone: there is nothing to wait for.
    pub fn give_up(&self) {
        self.written.store(Position::MAX, Ordering::SeqCst);
    }

    /// The stream has been read up to this position.
    pub fn pulled(&self) -> Position {
        self.pulled.load(Ordering::SeqCst)
    }

    /// The stream has left the process up to this position, as far as that is known.
    pub fn written(&self) -> Position {
        if self.is_told() { self.written.load(Ordering::SeqCst) } else { self.pulled() }
    }

    /// Whether the carrier reports what it has written.
    pub fn is_told(&self) -> bool {
        self.tells.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(cursor: Position) -> Progress {
        let progress = Progress::from(cursor);
        progress.will_be_told();
        progress
    }

    #[test]
    fn read_events_count_as_written_by_default() {
        let progress = Progress::from(3);
        progress.read_to(5, true);
        assert_eq!((progress.pulled(), progress.written()), (5, 5));
        progress.will_be_told();
        assert_eq!((progress.pulled(), progress.written()), (5, 3));
    }

    #[test]
    fn events_for_others_count_after_earlier_writes() {
        let progress = told(0);
        progress.read_to(2, false);
        assert_eq!(progress.written(), 2);
        progress.read_to(3, true);
        progress.read_to(5, true);
        progress.read_to(9, false);
        assert_eq!(progress.written(), 2);
        progress.wrote_to(3);
        assert_eq!(progress.written(), 3);
        progress.wrote_to(5);
        assert_eq!(progress.written(), 9);
        progress.read_to(11, false);
        assert_eq!(progress.written(), 11);
        progress.give_up();
        assert_eq!(progress.written(), Position::MAX);
    }

    #[test]
    fn concurrent_reader_and_writer_leave_nothing_behind() {
        for _ in 0..2_000 {
            let progress = told(0);
            progress.read_to(1, true);
            std::thread::scope(|scope| {
                scope.spawn(|| progress.read_to(2, false));
                scope.spawn(|| progress.wrote_to(1));
            });
            assert_eq!(progress.written(), 2);
            std::thread::scope(|scope| {
                scope.spawn(|| progress.read_to(4, true));
                scope.spawn(|| progress.wrote_to(1));
            });
            assert!(progress.written() < 4);
        }
    }
}
