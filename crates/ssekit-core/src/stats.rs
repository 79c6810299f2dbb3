//! Counters of a hub.
//!
//! A new one is a field here, a line in [`Stats::table`], and its documentation in `index.d.ts` and `docs/listener.md`.

use crate::cluster::{Buffered, ClusterStats, Link};
use crate::delivery::lag::Lag;
use crate::error::Refusal;
use crate::event::position::Position;
use crate::history::log::Usage;
use crate::metrics::{self, Metric, Reading};
use crate::session::lifecycle::{DisconnectReason, NotHandedOff};

/// A hub's counters and gauges at one moment.
///
/// ```
/// use ssekit_core::Stats;
///
/// let stats = Stats { events: 3, ..Stats::default() };
/// assert!(stats.metrics().contains("ssekit_events_total 3\n"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connected clients.
    pub clients: usize,
    /// Users with a connected client.
    pub users: usize,
    /// Users with a client or an event in the history.
    pub known_users: usize,
    /// Channels with a client or an event in the history.
    pub channels: usize,
    /// Clients that are away and may come back with their id.
    pub away: usize,
    /// Connected clients that do not have a transport yet.
    pub opening: usize,
    /// Connected clients whose socket the engine writes to.
    pub handoff: usize,
    /// Connected clients that somebody else's stream carries.
    pub stream: usize,
    /// Connected clients of ssekit's own listener.
    pub listener: usize,
    /// Clients connected since the start.
    pub connects: u64,
    /// Those among them that got their stream back before the framework saw the request.
    pub resumed: u64,
    /// Clients gone since the start, in the order of [`DisconnectReason::ALL`].
    pub disconnects: [u64; DisconnectReason::ALL.len()],
    /// Clients refused since the start, in the order of [`Refusal::ALL`].
    pub refusals: [u64; Refusal::ALL.len()],
    /// Streams that stayed with Node since the start, in the order of [`NotHandedOff::ALL`].
    pub not_handed_off: [u64; NotHandedOff::ALL.len()],
    /// Events published.
    pub events: u64,
    /// Events that a newer event with the same key has superseded.
    pub coalesced: u64,
    /// Events written to clients, counted once per client.
    pub deliveries: u64,
    /// Bytes written to clients.
    pub bytes: u64,
    /// Heartbeats written, and positions in their place.
    pub heartbeats: u64,
    /// Gaps that clients learned about.
    pub resets: u64,
    /// The lag of clients, according to the shards' last sweeps, each at most an eighth of a heartbeat ago.
    pub lag: Lag,
    /// Caught panics of observers.
    pub observer_panics: u64,
    /// Logs that hold events.
    pub logs: usize,
    /// The size of the logs.
    pub history: Usage,
    /// The epoch of the ids.
    pub epoch: String,
    /// Position of the newest event.
    pub position: Position,
    /// The state of the other nodes, if the hub is one of several.
    pub cluster: Option<ClusterStats>,
}

impl Stats {
    /// The stats of a hub that has not started, so it has no epoch either.
    pub fn before_start(is_one_of_several: bool) -> Self {
        let cluster = ClusterStats {
            link: Link::Starting,
            buffered: Buffered::default(),
            outages: 0,
            unreadable: 0,
            nodes: 0,
            clients: 0,
        };
        Self { cluster: is_one_of_several.then_some(cluster), ..Self::default() }
    }

    /// Everything with its names, as JavaScript and Prometheus get it. Names and help texts must not change, because dashboards go
    /// by them.
    pub fn table(&self) -> Vec<Metric> {
        let mut table = self.clients_table();
        table.extend(self.events_table());
        match &self.cluster {
            Some(cluster) => table.extend(cluster_table(cluster)),
            None => table.push(Metric::stat("cluster", Reading::Null)),
        }
        table
    }

    /// The stats as Prometheus reads them. Names begin with `ssekit_`; counters end with `_total`.
    pub fn metrics(&self) -> String {
        metrics::text(self.table())
    }

    fn clients_table(&self) -> Vec<Metric> {
        let transports = [
            ("opening", self.opening as u64),
            ("handoff", self.handoff as u64),
            ("stream", self.stream as u64),
            ("listener", self.listener as u64),
        ];
        let disconnects = DisconnectReason::ALL.map(DisconnectReason::as_str).into_iter().zip(self.disconnects);
        let refusals = Refusal::ALL.map(Refusal::as_str).into_iter().zip(self.refusals);
        let kept = NotHandedOff::ALL.map(NotHandedOff::as_str).into_iter().zip(self.not_handed_off);
        vec![
            Metric::stat("clients", self.clients),
            Metric::gauge("clients", "Connected clients by transport.", Reading::by("transport", transports))
                .named("transports"),
            Metric::counter("resumed", "Pages that were let in by a ticket, before the framework.", self.resumed)
                .named("resumed"),
            Metric::counter("disconnects", "Clients gone, by reason.", Reading::by("reason", disconnects))
                .named("disconnects"),
            Metric::counter("refusals", "Clients not let in, by reason.", Reading::by("reason", refusals))
                .named("refusals"),
            Metric::counter("not_handed_off", "Streams that stayed with Node, by reason.", Reading::by("reason", kept))
                .named("notHandedOff"),
        ]
    }

    fn events_table(&self) -> Vec<Metric> {
        let Self { lag, history, .. } = self;
        vec![
            Metric::gauge("away", "Clients that are gone and may come back to their ids.", self.away).named("away"),
            Metric::counter("coalesced", "Events that a newer one of their key has superseded.", self.coalesced)
                .named("coalesced"),
            Metric::gauge("users", "Users with a connected client.", self.users).named("users"),
            Metric::gauge(
                "known_users",
                "Users of whom there is a client or an event in the history.",
                self.known_users,
            ),
            Metric::gauge("channels", "Channels of which there is a client or an event in the history.", self.channels)
                .named("channels"),
            Metric::counter("connects", "Clients connected.", self.connects).named("connects"),
            Metric::counter("events", "Events published.", self.events).named("events"),
            Metric::counter("deliveries", "Events written to a client, once per client.", self.deliveries)
                .named("deliveries"),
            Metric::counter("sent_bytes", "Bytes written to clients.", self.bytes).named("bytes"),
            Metric::counter("heartbeats", "Heartbeats written.", self.heartbeats).named("heartbeats"),
            Metric::counter("resets", "Gaps that clients were told of.", self.resets).named("resets"),
            Metric::counter("observer_panics", "Panics of observers that were caught.", self.observer_panics),
            Metric::gauge("history_logs", "Logs that hold events.", self.logs).named("history.logs"),
            Metric::gauge("history_events", "Events in the history.", history.events).named("history.events"),
            Metric::gauge("history_bytes", "Bytes that the history takes.", history.bytes).named("history.bytes"),
            Metric::gauge("lagging_clients", "Clients whose socket is full, or whose stream is not read.", lag.clients)
                .named("lag.clients"),
            Metric::gauge("lag_events", "Events that wait for the client that lags most.", lag.events)
                .named("lag.events"),
            Metric::gauge(
                "lag_seconds",
                "For how long an event has been waiting for a client that lags, at most.",
                lag.time,
            )
            .named("lag.ms"),
            Metric::stat("epoch", self.epoch.as_str()),
            Metric::stat("position", self.position),
        ]
    }
}

fn cluster_table(cluster: &ClusterStats) -> Vec<Metric> {
    let Buffered { records, bytes, dropped } = cluster.buffered;
    let up = u64::from(cluster.link == Link::Up);
    vec![
        Metric::stat("cluster.link", cluster.link.as_str()),
        Metric::gauge("backplane_up", "Whether the backplane can be used.", up),
        Metric::counter("backplane_outages", "Times that it could not be used any more.", cluster.outages)
            .named("cluster.outages"),
        Metric::gauge("backplane_buffered", "Events that wait for it.", records).named("cluster.buffered"),
        Metric::gauge("backplane_buffered_bytes", "Their bytes.", bytes).named("cluster.bufferedBytes"),
        Metric::counter("backplane_dropped", "Events that were dropped because too many waited.", dropped)
            .named("cluster.dropped"),
        Metric::counter("backplane_unreadable", "Records that could not be understood.", cluster.unreadable),
        Metric::gauge("cluster_other_nodes", "Other nodes that are known.", cluster.nodes).named("cluster.nodes"),
        Metric::gauge("cluster_other_clients", "Clients that are connected to them.", cluster.clients)
            .named("cluster.clients"),
    ]
}
