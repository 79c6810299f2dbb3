//! Options as JavaScript has them.

use std::time::Duration;

use napi_derive::napi;
use ssekit_core::{ClusterOptions, DrainOptions, HistoryOptions, LimitOptions, MaxLag, Options, RedisOptions};

/// Bounds of the history; see `HistoryOptions` in index.d.ts.
#[napi(object, object_to_js = false)]
#[derive(Clone, Copy, Default)]
pub struct NativeHistoryOptions {
    pub max_events: Option<f64>,
    pub max_bytes: Option<f64>,
    pub max_total_bytes: Option<f64>,
    pub max_age_ms: Option<f64>,
}

/// See `MaxLag` in index.d.ts.
#[napi(object, object_to_js = false)]
#[derive(Clone, Copy, Default)]
pub struct NativeMaxLag {
    pub events: Option<f64>,
    pub bytes: Option<f64>,
    pub ms: Option<f64>,
}

/// See `LimitOptions` in index.d.ts.
#[napi(object, object_to_js = false)]
#[derive(Clone, Copy, Default)]
pub struct NativeLimits {
    pub clients: Option<f64>,
    pub clients_per_user: Option<f64>,
    pub clients_per_address: Option<f64>,
}

/// See `DrainOptions` in index.d.ts.
#[napi(object)]
#[derive(Clone, Copy, Default)]
pub struct NativeDrainOptions {
    pub window_ms: Option<f64>,
    pub retry_ms: Option<f64>,
}

/// See `BackplaneOptions` in index.d.ts.
#[napi(object, object_to_js = false)]
#[derive(Clone, Default)]
pub struct NativeBackplaneOptions {
    pub redis: Option<String>,
    pub prefix: Option<String>,
    pub ca: Option<String>,
    pub max_stream_events: Option<f64>,
    pub lease_ms: Option<f64>,
    pub max_buffered_events: Option<f64>,
    pub max_buffered_bytes: Option<f64>,
    pub deliver_when_down: Option<bool>,
}

/// Options of the hub; see `SSEOptions` in index.d.ts. Numbers are non-negative integers.
#[napi(object, object_to_js = false)]
#[derive(Clone)]
pub struct NativeOptions {
    pub handoff: Option<bool>,
    pub max_event_bytes: Option<f64>,
    pub heartbeat_ms: Option<f64>,
    pub retry_ms: Option<f64>,
    pub threads: Option<f64>,
    pub timeout_ms: Option<f64>,
    pub presence_grace_ms: Option<f64>,
    pub max_lag: Option<NativeMaxLag>,
    pub limits: Option<NativeLimits>,
    pub history: Option<NativeHistoryOptions>,
    pub backplane: Option<NativeBackplaneOptions>,
    pub drain: Option<NativeDrainOptions>,
    pub drain_on_sigterm: Option<bool>,
}

fn count(given: Option<f64>, default: usize) -> usize {
    given.map_or(default, |value| value as usize)
}

fn millis(given: Option<f64>, default: Duration) -> Duration {
    given.map_or(default, |value| Duration::from_millis(value as u64))
}

impl From<NativeOptions> for Options {
    fn from(given: NativeOptions) -> Self {
        let default = Self::default();
        let backplane = given.backplane.unwrap_or_default();
        Self {
            cluster: backplane.cluster(),
            redis: backplane.redis(),
            handoff: given.handoff.unwrap_or(default.handoff),
            max_event_bytes: count(given.max_event_bytes, default.max_event_bytes),
            heartbeat: millis(given.heartbeat_ms, default.heartbeat),
            retry: millis(given.retry_ms, default.retry),
            threads: count(given.threads, default.threads),
            timeout: millis(given.timeout_ms, default.timeout),
            presence_grace: millis(given.presence_grace_ms, default.presence_grace),
            max_lag: given.max_lag.unwrap_or_default().into(),
            limits: given.limits.unwrap_or_default().into(),
            history: given.history.unwrap_or_default().into(),
            drain: given.drain.unwrap_or_default().over(default.drain),
            drain_on_sigterm: given.drain_on_sigterm.unwrap_or(default.drain_on_sigterm),
        }
    }
}

impl NativeBackplaneOptions {
    fn cluster(&self) -> ClusterOptions {
        let default = ClusterOptions::default();
        ClusterOptions {
            lease: millis(self.lease_ms, default.lease),
            max_buffered_events: count(self.max_buffered_events, default.max_buffered_events),
            max_buffered_bytes: count(self.max_buffered_bytes, default.max_buffered_bytes),
            deliver_when_down: self.deliver_when_down.unwrap_or(default.deliver_when_down),
        }
    }

    fn redis(self) -> Option<RedisOptions> {
        let default = RedisOptions::at(self.redis?);
        Some(RedisOptions {
            prefix: self.prefix.unwrap_or(default.prefix),
            max_stream_events: self.max_stream_events.map_or(default.max_stream_events, |events| events as u64),
            ca: self.ca,
            url: default.url,
        })
    }
}

impl NativeDrainOptions {
    /// With others where nothing is said.
    pub(crate) fn over(self, others: DrainOptions) -> DrainOptions {
        DrainOptions { window: millis(self.window_ms, others.window), retry: millis(self.retry_ms, others.retry) }
    }
}

impl From<NativeHistoryOptions> for HistoryOptions {
    fn from(given: NativeHistoryOptions) -> Self {
        let default = Self::default();
        Self {
            max_events: count(given.max_events, default.max_events),
            max_bytes: count(given.max_bytes, default.max_bytes),
            max_total_bytes: count(given.max_total_bytes, default.max_total_bytes),
            max_age: millis(given.max_age_ms, default.max_age),
        }
    }
}

impl From<NativeMaxLag> for MaxLag {
    fn from(given: NativeMaxLag) -> Self {
        let default = Self::default();
        Self {
            events: count(given.events, default.events),
            bytes: count(given.bytes, default.bytes),
            time: millis(given.ms, default.time),
        }
    }
}

impl From<NativeLimits> for LimitOptions {
    fn from(given: NativeLimits) -> Self {
        let default = Self::default();
        Self {
            clients: count(given.clients, default.clients),
            clients_per_user: count(given.clients_per_user, default.clients_per_user),
            clients_per_address: count(given.clients_per_address, default.clients_per_address),
        }
    }
}
