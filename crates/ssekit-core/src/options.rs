//! Options of a hub, with their defaults and bounds.

use std::time::Duration;

use crate::error::{Error, Result};

/// What a hub can be told. Fixed once it has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether sockets may be handed over to the engine. Default: true.
    pub handoff: bool,
    /// Largest encoded event in bytes, 1,024 to 67,108,864. Default: 1 MiB.
    pub max_event_bytes: usize,
    /// An idle connection gets a comment after this long, 100 ms to one hour. Default: 25 s.
    pub heartbeat: Duration,
    /// `retry` of a stream's first event, up to one hour. Default: 2 s.
    pub retry: Duration,
    /// Shards, one task each, and so the threads that can write at once, 1 to 64. Default: the number of cores, at most 4.
    pub threads: usize,
    /// Bounds of the history.
    pub history: HistoryOptions,
}

/// Bounds of the history. An event that falls out of it before a client has seen it is told to that client as a gap.
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

impl Default for Options {
    fn default() -> Self {
        Self {
            handoff: true,
            max_event_bytes: 1 << 20,
            heartbeat: Duration::from_secs(25),
            retry: Duration::from_secs(2),
            threads: std::thread::available_parallelism().map_or(2, |cores| cores.get().min(4)),
            history: HistoryOptions::default(),
        }
    }
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self { max_events: 10_000, max_bytes: 8 << 20, max_total_bytes: 64 << 20, max_age: Duration::from_secs(300) }
    }
}

impl Options {
    /// Checks every bound.
    ///
    /// # Errors
    /// A value out of its bounds, by the name that it has in JavaScript.
    pub fn validate(&self) -> Result<()> {
        let history = &self.history;
        let millis = |duration: Duration| duration.as_millis() as u64;
        let bounds = [
            ("maxEventBytes", self.max_event_bytes as u64, 1_024, 64 << 20),
            ("heartbeatMs", millis(self.heartbeat), 100, 3_600_000),
            ("retryMs", millis(self.retry), 0, 3_600_000),
            ("threads", self.threads as u64, 1, 64),
            ("history.maxEvents", history.max_events as u64, 1, 10_000_000),
            ("history.maxBytes", history.max_bytes as u64, 1_024, 1 << 40),
            ("history.maxTotalBytes", history.max_total_bytes as u64, 1_024, 1 << 40),
            ("history.maxAgeMs", millis(history.max_age), 100, 1 << 40),
        ];
        match bounds.into_iter().find(|(_, value, least, most)| value < least || value > most) {
            Some((name, value, least, most)) => {
                Err(Error::range(format!("options.{name}: got {value}, wants a number from {least} to {most}")))
            }
            None => Ok(()),
        }
    }

    /// Checks that `wanted` is what is running already.
    ///
    /// # Errors
    /// The first option that differs, by the name that it has in JavaScript.
    pub fn check_same(&self, wanted: &Self) -> Result<()> {
        let (a, b) = (&self.history, &wanted.history);
        let same = [
            ("transport", self.handoff == wanted.handoff),
            ("maxEventBytes", self.max_event_bytes == wanted.max_event_bytes),
            ("heartbeatMs", self.heartbeat == wanted.heartbeat),
            ("retryMs", self.retry == wanted.retry),
            ("threads", self.threads == wanted.threads),
            ("history.maxEvents", a.max_events == b.max_events),
            ("history.maxBytes", a.max_bytes == b.max_bytes),
            ("history.maxTotalBytes", a.max_total_bytes == b.max_total_bytes),
            ("history.maxAgeMs", a.max_age == b.max_age),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            Some((name, _)) => Err(Error::configured(format!(
                "options.{name}: the hub of this process already runs with another value; \
                 call SSEService.configure once, before the first client or event"
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_bounds() {
        assert_eq!(Options::default().validate(), Ok(()));
    }

    #[test]
    fn a_value_out_of_bounds_is_named() {
        let history = HistoryOptions { max_events: 0, ..HistoryOptions::default() };
        let error = Options { history, ..Options::default() }.validate().unwrap_err();
        assert!(error.is_range());
        assert!(error.to_string().contains("history.maxEvents"), "{error}");
    }

    #[test]
    fn a_different_option_is_named_and_the_same_ones_pass() {
        let running = Options::default();
        assert_eq!(running.check_same(&Options::default()), Ok(()));
        let error = running.check_same(&Options { retry: Duration::ZERO, ..Options::default() }).unwrap_err();
        assert!(error.is_configured());
        assert!(error.to_string().contains("retryMs"), "{error}");
    }
}
