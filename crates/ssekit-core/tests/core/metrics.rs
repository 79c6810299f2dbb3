//! Prometheus' text. Names and help texts must not change, because dashboards and alerts go by them.

use std::time::Duration;

use ssekit_core::delivery::lag::Lag;
use ssekit_core::history::log::Usage;
use ssekit_core::{Buffered, ClusterStats, Link, Stats};

fn stats() -> Stats {
    let buffered = Buffered { records: 25, bytes: 26, dropped: 27 };
    let cluster = ClusterStats { link: Link::Up, buffered, outages: 28, unreadable: 29, nodes: 30, clients: 31 };
    Stats {
        clients: 1,
        users: 2,
        known_users: 3,
        away: 4,
        opening: 5,
        handoff: 6,
        stream: 7,
        listener: 8,
        connects: 9,
        resumed: 13,
        disconnects: [10; 10],
        refusals: [11; 5],
        not_handed_off: [12; 10],
        events: 13,
        coalesced: 14,
        deliveries: 15,
        bytes: 16,
        heartbeats: 17,
        resets: 18,
        lag: Lag { clients: 19, events: 20, time: Duration::from_millis(1_500) },
        observer_panics: 21,
        logs: 22,
        history: Usage { events: 23, bytes: 24 },
        channels: 32,
        cluster: Some(cluster),
        ..Stats::default()
    }
}

#[test]
fn text_is_what_dashboards_know() {
    assert_eq!(stats().metrics(), TEXT.trim_start());
}

const TEXT: &str = r#"
# HELP ssekit_clients Connected clients by transport.
# TYPE ssekit_clients gauge
ssekit_clients{transport="opening"} 5
ssekit_clients{transport="handoff"} 6
ssekit_clients{transport="stream"} 7
ssekit_clients{transport="listener"} 8
# HELP ssekit_resumed_total Pages that were let in by a ticket, before the framework.
# TYPE ssekit_resumed_total counter
ssekit_resumed_total 13
# HELP ssekit_disconnects_total Clients gone, by reason.
# TYPE ssekit_disconnects_total counter
ssekit_disconnects_total{reason="peer"} 10
ssekit_disconnects_total{reason="server"} 10
ssekit_disconnects_total{reason="replaced"} 10
ssekit_disconnects_total{reason="unopened"} 10
ssekit_disconnects_total{reason="protocol"} 10
ssekit_disconnects_total{reason="fault"} 10
ssekit_disconnects_total{reason="timeout"} 10
ssekit_disconnects_total{reason="slow"} 10
ssekit_disconnects_total{reason="drained"} 10
ssekit_disconnects_total{reason="expired"} 10
# HELP ssekit_refusals_total Clients not let in, by reason.
# TYPE ssekit_refusals_total counter
ssekit_refusals_total{reason="clients"} 11
ssekit_refusals_total{reason="user"} 11
ssekit_refusals_total{reason="address"} 11
ssekit_refusals_total{reason="claimed"} 11
ssekit_refusals_total{reason="draining"} 11
# HELP ssekit_not_handed_off_total Streams that stayed with Node, by reason.
# TYPE ssekit_not_handed_off_total counter
ssekit_not_handed_off_total{reason="transport"} 12
ssekit_not_handed_off_total{reason="protocol"} 12
ssekit_not_handed_off_total{reason="shared"} 12
ssekit_not_handed_off_total{reason="response"} 12
ssekit_not_handed_off_total{reason="body"} 12
ssekit_not_handed_off_total{reason="wrapped"} 12
ssekit_not_handed_off_total{reason="head"} 12
ssekit_not_handed_off_total{reason="request"} 12
ssekit_not_handed_off_total{reason="bytes"} 12
ssekit_not_handed_off_total{reason="system"} 12
# HELP ssekit_away Clients that are gone and may come back to their ids.
# TYPE ssekit_away gauge
ssekit_away 4
# HELP ssekit_coalesced_total Events that a newer one of their key has superseded.
# TYPE ssekit_coalesced_total counter
ssekit_coalesced_total 14
# HELP ssekit_users Users with a connected client.
# TYPE ssekit_users gauge
ssekit_users 2
# HELP ssekit_known_users Users of whom there is a client or an event in the history.
# TYPE ssekit_known_users gauge
ssekit_known_users 3
# HELP ssekit_channels Channels of which there is a client or an event in the history.
# TYPE ssekit_channels gauge
ssekit_channels 32
# HELP ssekit_connects_total Clients connected.
# TYPE ssekit_connects_total counter
ssekit_connects_total 9
# HELP ssekit_events_total Events published.
# TYPE ssekit_events_total counter
ssekit_events_total 13
# HELP ssekit_deliveries_total Events written to a client, once per client.
# TYPE ssekit_deliveries_total counter
ssekit_deliveries_total 15
# HELP ssekit_sent_bytes_total Bytes written to clients.
# TYPE ssekit_sent_bytes_total counter
ssekit_sent_bytes_total 16
# HELP ssekit_heartbeats_total Heartbeats written.
# TYPE ssekit_heartbeats_total counter
ssekit_heartbeats_total 17
# HELP ssekit_resets_total Gaps that clients were told of.
# TYPE ssekit_resets_total counter
ssekit_resets_total 18
# HELP ssekit_observer_panics_total Panics of observers that were caught.
# TYPE ssekit_observer_panics_total counter
ssekit_observer_panics_total 21
# HELP ssekit_history_logs Logs that hold events.
# TYPE ssekit_history_logs gauge
ssekit_history_logs 22
# HELP ssekit_history_events Events in the history.
# TYPE ssekit_history_events gauge
ssekit_history_events 23
# HELP ssekit_history_bytes Bytes that the history takes.
# TYPE ssekit_history_bytes gauge
ssekit_history_bytes 24
# HELP ssekit_lagging_clients Clients whose socket is full, or whose stream is not read.
# TYPE ssekit_lagging_clients gauge
ssekit_lagging_clients 19
# HELP ssekit_lag_events Events that wait for the client that lags most.
# TYPE ssekit_lag_events gauge
ssekit_lag_events 20
# HELP ssekit_lag_seconds For how long an event has been waiting for a client that lags, at most.
# TYPE ssekit_lag_seconds gauge
ssekit_lag_seconds 1.5
# HELP ssekit_backplane_up Whether the backplane can be used.
# TYPE ssekit_backplane_up gauge
ssekit_backplane_up 1
# HELP ssekit_backplane_outages_total Times that it could not be used any more.
# TYPE ssekit_backplane_outages_total counter
ssekit_backplane_outages_total 28
# HELP ssekit_backplane_buffered Events that wait for it.
# TYPE ssekit_backplane_buffered gauge
ssekit_backplane_buffered 25
# HELP ssekit_backplane_buffered_bytes Their bytes.
# TYPE ssekit_backplane_buffered_bytes gauge
ssekit_backplane_buffered_bytes 26
# HELP ssekit_backplane_dropped_total Events that were dropped because too many waited.
# TYPE ssekit_backplane_dropped_total counter
ssekit_backplane_dropped_total 27
# HELP ssekit_backplane_unreadable_total Records that could not be understood.
# TYPE ssekit_backplane_unreadable_total counter
ssekit_backplane_unreadable_total 29
# HELP ssekit_cluster_other_nodes Other nodes that are known.
# TYPE ssekit_cluster_other_nodes gauge
ssekit_cluster_other_nodes 30
# HELP ssekit_cluster_other_clients Clients that are connected to them.
# TYPE ssekit_cluster_other_clients gauge
ssekit_cluster_other_clients 31
"#;
