//! Counters and gauges; see `SSEStats` in index.d.ts.

use napi_derive::napi;
use ssekit_core::{ClusterStats, DisconnectReason, NotHandedOff, Refusal, Stats};

use crate::hub;

/// Counters and gauges of this moment, as JSON text.
#[napi(catch_unwind)]
pub fn stats() -> String {
    json(&hub::stats())
}

/// The same in Prometheus' text format.
#[napi(catch_unwind)]
pub fn metrics() -> String {
    hub::stats().metrics()
}

/// Nothing here needs escaping. Counts beyond 2^53 would lose their last digit in JavaScript; at a million a second that
/// takes 285 years.
fn json(stats: &Stats) -> String {
    let Stats { clients, users, away, opening, handoff, stream, listener, .. } = stats;
    let Stats { connects, events, coalesced, deliveries, bytes, heartbeats, resets, .. } = stats;
    let Stats { lag, logs, history, epoch, position, .. } = stats;
    let lag_ms = lag.time.as_millis();
    let disconnects = counts(DisconnectReason::ALL.map(DisconnectReason::as_str), stats.disconnects);
    let refusals = counts(Refusal::ALL.map(Refusal::as_str), stats.refusals);
    let kept = counts(NotHandedOff::ALL.map(NotHandedOff::as_str), stats.not_handed_off);
    let cluster = stats.cluster.as_ref().map_or_else(|| "null".to_owned(), cluster);
    format!(
        r#"{{
            "clients": {clients}, "users": {users}, "away": {away},
            "transports": {{"opening": {opening}, "handoff": {handoff}, "stream": {stream}, "listener": {listener}}},
            "connects": {connects}, "disconnects": {{{disconnects}}}, "refusals": {{{refusals}}},
            "notHandedOff": {{{kept}}},
            "events": {events}, "coalesced": {coalesced}, "deliveries": {deliveries}, "bytes": {bytes},
            "heartbeats": {heartbeats}, "resets": {resets},
            "lag": {{"clients": {}, "events": {}, "ms": {lag_ms}}},
            "history": {{"logs": {logs}, "events": {}, "bytes": {}}},
            "epoch": "{epoch}", "position": {position}, "cluster": {cluster}
        }}"#,
        lag.clients, lag.events, history.events, history.bytes,
    )
}

fn cluster(stats: &ClusterStats) -> String {
    let ClusterStats { link, nodes, clients, buffered, outages, .. } = stats;
    format!(
        r#"{{
            "link": "{}", "nodes": {nodes}, "clients": {clients},
            "buffered": {}, "bufferedBytes": {}, "dropped": {}, "outages": {outages}
        }}"#,
        link.as_str(),
        buffered.records,
        buffered.bytes,
        buffered.dropped,
    )
}

fn counts<const N: usize>(names: [&str; N], counts: [u64; N]) -> String {
    let members = names.into_iter().zip(counts).map(|(name, count)| format!(r#""{name}": {count}"#));
    members.collect::<Vec<_>>().join(", ")
}
