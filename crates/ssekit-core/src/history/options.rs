//! Bounds of the history: number, bytes and age of events.

use std::time::Duration;

/// Bounds of one log, in place of those of all logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// Events, 1 to 10,000,000. Default: 10,000.
    pub max_events: usize,
    /// Bytes, 1,024 to 2^40; the newest event is always kept. Default: 8 MiB.
    pub max_bytes: usize,
}

impl Default for LogBounds {
    fn default() -> Self {
        HistoryOptions::default().of_one_log()
    }
}

impl HistoryOptions {
    /// The bounds of each log.
    pub fn of_one_log(&self) -> LogBounds {
        LogBounds { max_events: self.max_events, max_bytes: self.max_bytes }
    }
}

/// Bounds of the history. A client that has not seen an event that drops out of it learns about a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryOptions {
    /// Events in one log, 1 to 10,000,000. Default: 10,000.
    pub max_events: usize,
    /// Bytes in one log, 1,024 to 2^40; the newest event is always kept. Default: 8 MiB.
    pub max_bytes: usize,
    /// Bytes in all logs together, 1,024 to 2^40. Default: 64 MiB.
    pub max_total_bytes: usize,
    /// Age of an event, 100 ms to 2^40 ms. Default: five minutes.
    pub max_age: Duration,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self { max_events: 10_000, max_bytes: 8 << 20, max_total_bytes: 64 << 20, max_age: Duration::from_secs(300) }
    }
}
