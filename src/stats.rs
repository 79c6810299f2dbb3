//! Counters and gauges; see `SSEStats` in index.d.ts.

use napi::Env;
use napi_derive::napi;
use ssekit_core::{ClusterStats, DisconnectReason, Refusal, Stats};

use crate::hub::hub;

/// Connected clients by transport.
#[napi(object, object_from_js = false)]
pub struct NativeTransports {
    pub opening: u32,
    pub handoff: u32,
    pub stream: u32,
    pub listener: u32,
}

/// How often something has happened.
#[napi(object, object_from_js = false)]
pub struct NativeCount {
    pub name: &'static str,
    pub count: f64,
}

/// What the history holds.
#[napi(object, object_from_js = false)]
pub struct NativeHistory {
    pub logs: f64,
    pub events: f64,
    pub bytes: f64,
}

/// How far clients lag behind.
#[napi(object, object_from_js = false)]
pub struct NativeLag {
    pub clients: u32,
    pub events: f64,
    pub ms: f64,
}

/// How this process stands with the others.
#[napi(object, object_from_js = false)]
pub struct NativeCluster {
    pub link: &'static str,
    pub nodes: u32,
    pub clients: u32,
    pub buffered: f64,
    pub buffered_bytes: f64,
    pub dropped: f64,
    pub outages: f64,
}

/// Counters and gauges of the hub.
#[napi(object, object_from_js = false)]
pub struct NativeStats {
    pub clients: u32,
    pub users: u32,
    pub away: u32,
    pub transports: NativeTransports,
    pub connects: f64,
    pub disconnects: Vec<NativeCount>,
    pub refusals: Vec<NativeCount>,
    pub events: f64,
    pub coalesced: f64,
    pub deliveries: f64,
    pub bytes: f64,
    pub heartbeats: f64,
    pub resets: f64,
    pub lag: NativeLag,
    pub history: NativeHistory,
    pub epoch: String,
    pub position: f64,
    pub cluster: Option<NativeCluster>,
}

/// Counters and gauges of this moment.
#[napi(catch_unwind)]
pub fn stats(env: Env) -> napi::Result<NativeStats> {
    Ok(hub(&env)?.stats().into())
}

/// The same in Prometheus' text format.
#[napi(catch_unwind)]
pub fn metrics(env: Env) -> napi::Result<String> {
    Ok(hub(&env)?.stats().metrics())
}

impl From<Stats> for NativeStats {
    fn from(stats: Stats) -> Self {
        // Counts beyond 2^53 would lose their last digit; a million a second take 285 years to get there.
        let disconnects = counts(DisconnectReason::ALL.map(DisconnectReason::as_str), stats.disconnects);
        let refusals = counts(Refusal::ALL.map(Refusal::as_str), stats.refusals);
        Self {
            clients: stats.clients as u32,
            users: stats.users as u32,
            away: stats.away as u32,
            transports: NativeTransports {
                opening: stats.opening as u32,
                handoff: stats.handoff as u32,
                stream: stats.stream as u32,
                listener: stats.listener as u32,
            },
            connects: stats.connects as f64,
            disconnects,
            refusals,
            events: stats.events as f64,
            coalesced: stats.coalesced as f64,
            deliveries: stats.deliveries as f64,
            bytes: stats.bytes as f64,
            heartbeats: stats.heartbeats as f64,
            resets: stats.resets as f64,
            lag: NativeLag {
                clients: stats.lag.clients as u32,
                events: stats.lag.events as f64,
                ms: stats.lag.time.as_millis() as f64,
            },
            history: NativeHistory {
                logs: stats.logs as f64,
                events: stats.history.events as f64,
                bytes: stats.history.bytes as f64,
            },
            epoch: stats.epoch,
            position: stats.position as f64,
            cluster: stats.cluster.map(NativeCluster::from),
        }
    }
}

impl From<ClusterStats> for NativeCluster {
    fn from(stats: ClusterStats) -> Self {
        Self {
            link: stats.link.as_str(),
            nodes: stats.nodes as u32,
            clients: stats.clients as u32,
            buffered: stats.buffered.records as f64,
            buffered_bytes: stats.buffered.bytes as f64,
            dropped: stats.buffered.dropped as f64,
            outages: stats.outages as f64,
        }
    }
}

fn counts<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> Vec<NativeCount> {
    names.into_iter().zip(counts).map(|(name, count)| NativeCount { name, count: count as f64 }).collect()
}
