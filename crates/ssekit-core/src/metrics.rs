//! A hub's counters and gauges in Prometheus' text format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{Display, Write};

use crate::cluster::ClusterStats;
use crate::cluster::Link;
use crate::delivery::lag::Lag;
use crate::error::Refusal;
use crate::session::lifecycle::{DisconnectReason, NotHandedOff};
use crate::stats::Stats;

/// The content type of this text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Stats {
    /// The stats as Prometheus reads them. Names begin with `ssekit_`; counters end with `_total`.
    pub fn metrics(&self) -> String {
        let mut text = String::with_capacity(4096);
        let transports = [
            ("opening", self.opening as u64),
            ("handoff", self.handoff as u64),
            ("stream", self.stream as u64),
            ("listener", self.listener as u64),
        ];
        let reasons = DisconnectReason::ALL.iter().map(|reason| reason.as_str()).zip(self.disconnects);
        family(&mut text, "clients", "gauge", "Connected clients by transport.", "transport", transports);
        family(&mut text, "disconnects_total", "counter", "Clients gone, by reason.", "reason", reasons);
        let refusals = Refusal::ALL.iter().map(|refusal| refusal.as_str()).zip(self.refusals);
        family(&mut text, "refusals_total", "counter", "Clients not let in, by reason.", "reason", refusals);
        let kept = NotHandedOff::ALL.iter().map(|reason| reason.as_str()).zip(self.not_handed_off);
        family(
            &mut text,
            "not_handed_off_total",
            "counter",
            "Streams that stayed with Node, by reason.",
            "reason",
            kept,
        );
        for (name, kind, help, value) in [
            ("away", "gauge", "Clients that are gone and may come back to their ids.", self.away as u64),
            ("coalesced_total", "counter", "Events that a newer one of their key has superseded.", self.coalesced),
            ("users", "gauge", "Users with a connected client.", self.users as u64),
            (
                "known_users",
                "gauge",
                "Users of whom there is a client or an event in the history.",
                self.known_users as u64,
            ),
            ("connects_total", "counter", "Clients connected.", self.connects),
            ("events_total", "counter", "Events published.", self.events),
            ("deliveries_total", "counter", "Events written to a client, once per client.", self.deliveries),
            ("sent_bytes_total", "counter", "Bytes written to clients.", self.bytes),
            ("heartbeats_total", "counter", "Heartbeats written.", self.heartbeats),
            ("resets_total", "counter", "Gaps that clients were told of.", self.resets),
            ("observer_panics_total", "counter", "Panics of observers that were caught.", self.observer_panics),
            ("history_logs", "gauge", "Logs that hold events.", self.logs as u64),
            ("history_events", "gauge", "Events in the history.", self.history.events as u64),
            ("history_bytes", "gauge", "Bytes that the history takes.", self.history.bytes as u64),
        ] {
            single(&mut text, name, kind, help, value);
        }
        let Lag { clients, events, time } = self.lag;
        single(
            &mut text,
            "lagging_clients",
            "gauge",
            "Clients whose socket is full, or whose stream is not read.",
            clients,
        );
        single(&mut text, "lag_events", "gauge", "Events that wait for the client that lags most.", events);
        let help = "For how long an event has been waiting for a client that lags, at most.";
        single(&mut text, "lag_seconds", "gauge", help, time.as_secs_f64());
        if let Some(cluster) = &self.cluster {
            cluster.metrics(&mut text);
        }
        text
    }
}

impl ClusterStats {
    fn metrics(&self, text: &mut String) {
        let up = u64::from(self.link == Link::Up);
        for (name, kind, help, value) in [
            ("backplane_up", "gauge", "Whether the backplane can be used.", up),
            ("backplane_outages_total", "counter", "Times that it could not be used any more.", self.outages),
            ("backplane_buffered", "gauge", "Events that wait for it.", self.buffered.records as u64),
            ("backplane_buffered_bytes", "gauge", "Their bytes.", self.buffered.bytes as u64),
            (
                "backplane_dropped_total",
                "counter",
                "Events that were dropped because too many waited.",
                self.buffered.dropped,
            ),
            ("backplane_unreadable_total", "counter", "Records that could not be understood.", self.unreadable),
            ("cluster_other_nodes", "gauge", "Other nodes that are known.", self.nodes as u64),
            ("cluster_other_clients", "gauge", "Clients that are connected to them.", self.clients as u64),
        ] {
            single(text, name, kind, help, value);
        }
    }
}

// Writing to a String cannot fail.

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP ssekit_{name} {help}\n# TYPE ssekit_{name} {kind}");
}

fn single(text: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    head(text, name, kind, help);
    let _ = writeln!(text, "ssekit_{name} {value}");
}

fn family<'a>(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    label: &str,
    values: impl IntoIterator<Item = (&'a str, u64)>,
) {
    head(text, name, kind, help);
    for (of, value) in values {
        let _ = writeln!(text, "ssekit_{name}{{{label}=\"{of}\"}} {value}");
    }
}
