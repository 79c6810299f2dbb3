//! Options of the hub, by their names in index.d.ts.

use ssekit_core::{ClusterOptions, DrainOptions, Error, HistoryOptions, LimitOptions, MaxLag, Options, Result};
use ssekit_redis::RedisOptions;

use crate::given::Given;

/// The settings that a hub starts with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) hub: Options,
    /// The backplane. Without one, the hub runs alone.
    pub(crate) redis: Option<RedisOptions>,
}

impl Settings {
    /// Checks every bound.
    ///
    /// # Errors
    /// A value is out of bounds. The message has its name in JavaScript.
    pub(crate) fn validate(&self) -> Result<()> {
        self.hub.validate()?;
        self.redis.as_ref().map_or(Ok(()), RedisOptions::validate)
    }

    /// Checks that `wanted` equals the running settings.
    ///
    /// # Errors
    /// An option differs. The message has its name in JavaScript.
    pub(crate) fn check_same(&self, wanted: &Self) -> Result<()> {
        let differs = RedisOptions::difference(self.redis.as_ref(), wanted.redis.as_ref());
        differs.map_or(Ok(()), |name| Err(Error::differs(name)))?;
        self.hub.check_same(&wanted.hub)
    }
}

pub(crate) fn settings(given: &mut Given) -> Settings {
    Settings { redis: redis(given), hub: hub(given) }
}

fn hub(given: &mut Given) -> Options {
    let default = Options::default();
    Options {
        cluster: cluster(given),
        handoff: given.flag("handoff", default.handoff),
        max_event_bytes: given.count("maxEventBytes", default.max_event_bytes),
        heartbeat: given.millis("heartbeatMs", default.heartbeat),
        retry: given.millis("retryMs", default.retry),
        threads: given.count("threads", default.threads),
        timeout: given.millis("timeoutMs", default.timeout),
        presence_grace: given.millis("presenceGraceMs", default.presence_grace),
        max_lag: max_lag(given),
        limits: limits(given),
        history: history(given),
        drain: drain(given, default.drain),
        drain_on_sigterm: given.flag("drainOnSigterm", default.drain_on_sigterm),
    }
}

/// Options that are not given come from `others`.
pub(crate) fn drain(given: &mut Given, others: DrainOptions) -> DrainOptions {
    DrainOptions {
        window: given.millis("drain.windowMs", others.window),
        retry: given.millis("drain.retryMs", others.retry),
    }
}

fn cluster(given: &mut Given) -> ClusterOptions {
    let default = ClusterOptions::default();
    ClusterOptions {
        lease: given.millis("backplane.leaseMs", default.lease),
        max_buffered_events: given.count("backplane.maxBufferedEvents", default.max_buffered_events),
        max_buffered_bytes: given.count("backplane.maxBufferedBytes", default.max_buffered_bytes),
        deliver_when_down: given.flag("backplane.deliverWhenDown", default.deliver_when_down),
    }
}

fn redis(given: &mut Given) -> Option<RedisOptions> {
    // Takes every option, even if there is nothing to connect to.
    let [url, prefix, ca] = ["backplane.redis", "backplane.prefix", "backplane.ca"].map(|name| given.text(name));
    let max_stream_events = given.number("backplane.maxStreamEvents");
    let default = RedisOptions::at(url?);
    Some(RedisOptions {
        prefix: prefix.unwrap_or(default.prefix),
        max_stream_events: max_stream_events.unwrap_or(default.max_stream_events),
        ca,
        url: default.url,
    })
}

fn history(given: &mut Given) -> HistoryOptions {
    let default = HistoryOptions::default();
    HistoryOptions {
        max_events: given.count("history.maxEvents", default.max_events),
        max_bytes: given.count("history.maxBytes", default.max_bytes),
        max_total_bytes: given.count("history.maxTotalBytes", default.max_total_bytes),
        max_age: given.millis("history.maxAgeMs", default.max_age),
    }
}

fn max_lag(given: &mut Given) -> MaxLag {
    let default = MaxLag::default();
    MaxLag {
        events: given.count("maxLag.events", default.events),
        bytes: given.count("maxLag.bytes", default.bytes),
        time: given.millis("maxLag.ms", default.time),
    }
}

fn limits(given: &mut Given) -> LimitOptions {
    let default = LimitOptions::default();
    LimitOptions {
        clients: given.count("limits.clients", default.clients),
        clients_per_user: given.count("limits.clientsPerUser", default.clients_per_user),
        clients_per_address: given.count("limits.clientsPerAddress", default.clients_per_address),
    }
}
