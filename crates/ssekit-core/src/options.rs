//! Options of a hub, with their defaults and bounds.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::history::options::HistoryOptions;

/// The largest value of `max_event_bytes`: any node may have accepted an event of this size.
pub const MOST_EVENT_BYTES: usize = 64 << 20;

/// A hub's options. They are fixed once it has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether the engine may take over sockets. Default: true.
    pub handoff: bool,
    /// Largest encoded event in bytes, 1,024 to 67,108,864. Default: 1 MiB.
    pub max_event_bytes: usize,
    /// An idle connection gets a comment after this long, 100 ms to one hour. Default: 25 s.
    pub heartbeat: Duration,
    /// `retry` of a stream's first event, up to one hour. Default: 2 s.
    pub retry: Duration,
    /// Number of shards, 1 to 64. Each is one task, so this many threads can write at once. Default: one fewer than there
    /// are cores, which leaves one to the publisher; at least 1, at most 4.
    pub threads: usize,
    /// The connection ends if sent bytes stay unacknowledged this long, 1 s to one hour. Default: 30 s.
    pub timeout: Duration,
    /// A user is offline when the last client has been gone this long, up to one hour. Default: 5 s.
    pub presence_grace: Duration,
    /// How far a client may lag behind before it is disconnected.
    pub max_lag: MaxLag,
    /// How many clients may connect.
    pub limits: LimitOptions,
    /// Bounds of the history.
    pub history: HistoryOptions,
    /// How the hub works as one of several.
    pub cluster: ClusterOptions,
    /// How all clients are let go, unless a drain call says otherwise.
    pub drain: DrainOptions,
    /// Whether the hub is drained when the process is told to end. Signals are the business of the process's owner; the
    /// option is here so that all users of the hub agree. Default: true.
    pub drain_on_sigterm: bool,
}

/// Bounds of the number of connected clients. `usize::MAX`: no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitOptions {
    /// In all, 1 to 10,000,000. Default: no bound.
    pub clients: usize,
    /// Clients of one user, 1 to 10,000,000. Default: no bound.
    pub clients_per_user: usize,
    /// From one address, 1 to 10,000,000. Of an IPv6 address the first 64 bits count, because one customer has a network of
    /// that size. Default: no bound.
    pub clients_per_address: usize,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self { clients: usize::MAX, clients_per_user: usize::MAX, clients_per_address: usize::MAX }
    }
}

/// How a hub works as one of several that share a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterOptions {
    /// A node that is silent for this long counts as gone, with all its clients, 1 s to one hour. Default: 10 s.
    pub lease: Duration,
    /// How many events wait while the backplane cannot be used, 1 to 10,000,000. Beyond that, the oldest are dropped, and
    /// clients learn about the gap. Default: 100,000.
    pub max_buffered_events: usize,
    /// The bytes of those events, 1,024 to 2^40. Default: 64 MiB.
    pub max_buffered_bytes: usize,
    /// While the backplane cannot be used: whether this node's clients get its events at once, or wait so that they get the
    /// same order as everybody. Default: true.
    pub deliver_when_down: bool,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            max_buffered_events: 100_000,
            max_buffered_bytes: 64 << 20,
            deliver_when_down: true,
        }
    }
}

/// How a hub is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainOptions {
    /// Clients are let go spread over this time, up to one hour. Default: 2 s.
    pub window: Duration,
    /// A client is told to come back after this time, or up to twice as long: the time differs from client to client. Up to
    /// one hour. Default: 1 s.
    pub retry: Duration,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self { window: Duration::from_secs(2), retry: Duration::from_secs(1) }
    }
}

impl DrainOptions {
    /// Checks both bounds.
    ///
    /// # Errors
    /// A value is more than an hour.
    pub fn validate(&self) -> Result<()> {
        validate(self.numbers())
    }

    fn numbers(&self) -> [Number; 2] {
        [millis("drain.windowMs", self.window, 0, HOUR), millis("drain.retryMs", self.retry, 0, HOUR)]
    }
}

/// How far a client may lag behind before it is disconnected. Without a bound it keeps its cursor, and learns about a gap
/// when the history has dropped events that it has yet to get. `MAX` means no bound, which is the default of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxLag {
    /// Events that wait for the client, 1 to 10,000,000.
    pub events: usize,
    /// Bytes that wait for the client, 1,024 to 2^40.
    pub bytes: usize,
    /// How long an event has been waiting, 100 ms to 2^40 ms.
    pub time: Duration,
}

impl Default for MaxLag {
    fn default() -> Self {
        Self { events: usize::MAX, bytes: usize::MAX, time: Duration::MAX }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            handoff: true,
            max_event_bytes: 1 << 20,
            heartbeat: Duration::from_secs(25),
            retry: Duration::from_secs(2),
            threads: std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).clamp(1, 4)),
            timeout: Duration::from_secs(30),
            presence_grace: Duration::from_secs(5),
            max_lag: MaxLag::default(),
            limits: LimitOptions::default(),
            history: HistoryOptions::default(),
            cluster: ClusterOptions::default(),
            drain: DrainOptions::default(),
            drain_on_sigterm: true,
        }
    }
}

impl Options {
    /// Checks every bound.
    ///
    /// # Errors
    /// A value is out of its bounds; the error gives its name in JavaScript.
    pub fn validate(&self) -> Result<()> {
        validate(self.numbers())
    }

    /// Checks that `wanted` equals the options that are running.
    ///
    /// # Errors
    /// An option differs; the error gives the first one's name in JavaScript.
    pub fn check_same(&self, wanted: &Self) -> Result<()> {
        let transport = (self.handoff != wanted.handoff).then_some("transport");
        let sigterm = (self.drain_on_sigterm != wanted.drain_on_sigterm).then_some("drainOnSigterm");
        let when_down = self.cluster.deliver_when_down != wanted.cluster.deliver_when_down;
        let when_down = when_down.then_some("backplane.whenDown");
        let numbers = self.numbers().zip(wanted.numbers());
        let mut different = numbers.filter(|(own, other)| own.value != other.value).map(|(own, _)| own.name);
        match transport.or(sigterm).or(when_down).or_else(|| different.next()) {
            Some(name) => Err(Error::differs(name)),
            None => Ok(()),
        }
    }

    /// Every number, with its name in JavaScript.
    fn numbers(&self) -> impl Iterator<Item = Number> + use<> {
        let (history, lag, limits) = (&self.history, &self.max_lag, &self.limits);
        let number = |name, value: usize, least, most| Number { name, value: value as u64, least, most, none: false };
        let or_none = |number: Number| Number { none: true, ..number };
        let own = [
            number("maxEventBytes", self.max_event_bytes, 1_024, MOST_EVENT_BYTES as u64),
            millis("heartbeatMs", self.heartbeat, 100, HOUR),
            millis("retryMs", self.retry, 0, HOUR),
            number("threads", self.threads, 1, 64),
            millis("timeoutMs", self.timeout, 1_000, HOUR),
            millis("presenceGraceMs", self.presence_grace, 0, HOUR),
            or_none(number("maxLag.events", lag.events, 1, 10_000_000)),
            or_none(number("maxLag.bytes", lag.bytes, 1_024, 1 << 40)),
            or_none(millis("maxLag.ms", lag.time, 100, 1 << 40)),
            or_none(number("limits.clients", limits.clients, 1, 10_000_000)),
            or_none(number("limits.clientsPerUser", limits.clients_per_user, 1, 10_000_000)),
            or_none(number("limits.clientsPerAddress", limits.clients_per_address, 1, 10_000_000)),
            number("history.maxEvents", history.max_events, 1, 10_000_000),
            number("history.maxBytes", history.max_bytes, 1_024, 1 << 40),
            number("history.maxTotalBytes", history.max_total_bytes, 1_024, 1 << 40),
            millis("history.maxAgeMs", history.max_age, 100, 1 << 40),
            millis("backplane.leaseMs", self.cluster.lease, 1_000, HOUR),
            number("backplane.maxBufferedEvents", self.cluster.max_buffered_events, 1, 10_000_000),
            number("backplane.maxBufferedBytes", self.cluster.max_buffered_bytes, 1_024, 1 << 40),
        ];
        own.into_iter().chain(self.drain.numbers())
    }
}

/// An hour in milliseconds.
const HOUR: u64 = 3_600_000;

/// One option's value and bounds.
#[derive(Debug, Clone, Copy)]
struct Number {
    name: &'static str,
    value: u64,
    least: u64,
    most: u64,
    /// Whether the largest number there is means "no bound".
    none: bool,
}

fn millis(name: &'static str, value: Duration, least: u64, most: u64) -> Number {
    let value = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    Number { name, value, least, most, none: false }
}

fn validate(numbers: impl IntoIterator<Item = Number>) -> Result<()> {
    match numbers.into_iter().find(|number| !number.is_in_bounds()) {
        Some(Number { name, value, least, most, .. }) => {
            Err(Error::range(format!("options.{name}: got {value}, wants a number from {least} to {most}")))
        }
        None => Ok(()),
    }
}

impl Number {
    fn is_in_bounds(&self) -> bool {
        (self.least..=self.most).contains(&self.value) || (self.none && self.value == u64::MAX)
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
    fn only_a_different_option_is_named() {
        let running = Options::default();
        assert_eq!(running.check_same(&Options::default()), Ok(()));
        let error = running.check_same(&Options { retry: Duration::ZERO, ..Options::default() }).unwrap_err();
        assert!(error.is_configured());
        assert!(error.to_string().contains("retryMs"), "{error}");
    }
}
