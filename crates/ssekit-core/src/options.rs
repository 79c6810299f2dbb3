//! Options of a hub, with their defaults and bounds.
//!
//! A new option is a field here with its default, a line in its struct's [`Schema`], and its documentation in `index.d.ts`.

mod channels;

use std::time::Duration;

use self::channels::KindsSlot;
pub use self::channels::{ChannelKinds, ChannelOptions};
use crate::error::Result;
use crate::history::options::HistoryOptions;
use crate::schema::{Fields, Schema};

/// The largest value of `max_event_bytes`: any node may have accepted an event of this size.
pub const MOST_EVENT_BYTES: usize = 64 << 20;

/// A hub's options. They are fixed once it has started.
///
/// ```
/// use std::time::Duration;
///
/// use ssekit_core::Options;
///
/// let options = Options { heartbeat: Duration::from_secs(15), ..Options::default() };
/// assert_eq!(options.validate(), Ok(()));
///
/// let error = Options { threads: 65, ..options }.validate().unwrap_err();
/// assert_eq!(error.to_string(), "options.threads: got 65, wants an integer from 1 to 64");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether the engine may take over sockets. Default: true.
    pub handoff: bool,
    /// Largest encoded event in bytes, 1,024 to 67,108,864. Default: 1 MiB.
    pub max_event_bytes: usize,
    /// An idle connection gets a heartbeat after this long, 100 ms to one hour. Default: 25 s.
    pub heartbeat: Duration,
    /// Whether a heartbeat is a comment, or the event `ssekit:heartbeat`, which pages can see. Default: true.
    pub heartbeat_is_comment: bool,
    /// `retry` of a stream's first event, up to one hour. Default: 2 s.
    pub retry: Duration,
    /// Number of shards, 1 to 64. Each is one task, so this many threads can write at once. Default: one fewer than there
    /// are cores, which leaves one to the publisher; at least 1, at most 4.
    pub threads: usize,
    /// The connection ends if sent bytes stay unacknowledged this long, 1 s to one hour. Default: 30 s.
    pub timeout: Duration,
    /// A user is offline when the last client has been gone this long, up to one hour. Default: 5 s.
    pub presence_grace: Duration,
    /// The maximum lag of a client before it is disconnected.
    pub max_lag: MaxLag,
    /// The maximum number of clients, and of channels of each.
    pub limits: LimitOptions,
    /// Bounds of the history.
    pub history: HistoryOptions,
    /// Options of channels.
    pub channels: ChannelKinds,
    /// Options of the hub as one of several.
    pub cluster: ClusterOptions,
    /// Options of a drain, unless its call says otherwise.
    pub drain: DrainOptions,
    /// Whether the hub is drained when the process gets a signal to end. Signals are the business of the process's owner; the
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
    /// Channels of one client, 1 to 10,000. Default: 128.
    pub channels_per_client: usize,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self {
            clients: usize::MAX,
            clients_per_user: usize::MAX,
            clients_per_address: usize::MAX,
            channels_per_client: 128,
        }
    }
}

impl Schema for LimitOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .bound("clients", &mut self.clients, 1..=MANY)
            .bound("clientsPerUser", &mut self.clients_per_user, 1..=MANY)
            .bound("clientsPerAddress", &mut self.clients_per_address, 1..=MANY)
            .count("channelsPerClient", &mut self.channels_per_client, 1..=10_000)
    }
}

/// Options of a hub as one of several that share a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterOptions {
    /// A node that is silent for this long counts as gone, with all its clients, 1 s to one hour. Default: 10 s.
    pub lease: Duration,
    /// The maximum number of events that wait while the backplane cannot be used, 1 to 10,000,000. Beyond that, the oldest
    /// are dropped, and clients learn about the gap. Default: 100,000.
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

impl Schema for ClusterOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .millis("leaseMs", &mut self.lease, 1_000..=HOUR)
            .count("maxBufferedEvents", &mut self.max_buffered_events, 1..=MANY)
            .count("maxBufferedBytes", &mut self.max_buffered_bytes, 1_024..=TEBI)
            .choice("whenDown", &mut self.deliver_when_down, ["deliver", "wait"])
    }
}

/// Options of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainOptions {
    /// Clients are let go spread over this time, up to one hour. Default: 2 s.
    pub window: Duration,
    /// A client comes back after this time, or up to twice as long: the time differs from client to client. Up to
    /// one hour. Default: 1 s.
    pub retry: Duration,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self { window: Duration::from_secs(2), retry: Duration::from_secs(1) }
    }
}

impl Schema for DrainOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default().millis("windowMs", &mut self.window, 0..=HOUR).millis("retryMs", &mut self.retry, 0..=HOUR)
    }
}

/// The maximum lag of a client before it is disconnected. Without a bound it keeps its cursor, and learns about a gap
/// when the history has dropped events that it has yet to get. `MAX` means no bound, which is the default of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxLag {
    /// Events that wait for the client, 1 to 10,000,000.
    pub events: usize,
    /// Bytes that wait for the client, 1,024 to 2^40.
    pub bytes: usize,
    /// The maximum time that an event waits, 100 ms to 2^40 ms.
    pub time: Duration,
}

impl Default for MaxLag {
    fn default() -> Self {
        Self { events: usize::MAX, bytes: usize::MAX, time: Duration::MAX }
    }
}

impl Schema for MaxLag {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .bound("events", &mut self.events, 1..=MANY)
            .bound("bytes", &mut self.bytes, 1_024..=TEBI)
            .millis_bound("ms", &mut self.time, 100..=TEBI)
    }
}

impl Schema for HistoryOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .count("maxEvents", &mut self.max_events, 1..=MANY)
            .count("maxBytes", &mut self.max_bytes, 1_024..=TEBI)
            .count("maxTotalBytes", &mut self.max_total_bytes, 1_024..=TEBI)
            .millis("maxAgeMs", &mut self.max_age, 100..=TEBI)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            handoff: true,
            max_event_bytes: 1 << 20,
            heartbeat: Duration::from_secs(25),
            heartbeat_is_comment: true,
            retry: Duration::from_secs(2),
            threads: std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).clamp(1, 4)),
            timeout: Duration::from_secs(30),
            presence_grace: Duration::from_secs(5),
            max_lag: MaxLag::default(),
            limits: LimitOptions::default(),
            history: HistoryOptions::default(),
            channels: ChannelKinds::default(),
            cluster: ClusterOptions::default(),
            drain: DrainOptions::default(),
            drain_on_sigterm: true,
        }
    }
}

impl Schema for Options {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .choice("transport", &mut self.handoff, ["auto", "stream"])
            .count("maxEventBytes", &mut self.max_event_bytes, 1_024..=MOST_EVENT_BYTES as u64)
            .millis("heartbeatMs", &mut self.heartbeat, 100..=HOUR)
            .choice("heartbeat", &mut self.heartbeat_is_comment, ["comment", "event"])
            .millis("retryMs", &mut self.retry, 0..=HOUR)
            .count("threads", &mut self.threads, 1..=64)
            .millis("timeoutMs", &mut self.timeout, 1_000..=HOUR)
            .millis("presenceGraceMs", &mut self.presence_grace, 0..=HOUR)
            .group("maxLag", &mut self.max_lag)
            .group("limits", &mut self.limits)
            .group("history", &mut self.history)
            .slot("channels", KindsSlot(&mut self.channels))
            .group("backplane", &mut self.cluster)
            .group("drain", &mut self.drain)
            .flag("drainOnSigterm", &mut self.drain_on_sigterm)
    }
}

impl Options {
    /// Checks every bound.
    ///
    /// # Errors
    /// A value is out of its bounds; the error gives its name in JavaScript.
    pub fn validate(&self) -> Result<()> {
        self.check_bounds("options")
    }
}

/// An hour in milliseconds.
const HOUR: u64 = 3_600_000;

/// More clients or events than a process can have.
const MANY: u64 = 10_000_000;

/// More bytes than a process can have.
const TEBI: u64 = 1 << 40;

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
    fn difference_names_the_option() {
        let running = Options::default();
        assert_eq!(running.difference(&Options::default()), None);
        let other = Options { retry: Duration::ZERO, ..Options::default() };
        assert_eq!(running.difference(&other).as_deref(), Some("retryMs"));
    }
}
