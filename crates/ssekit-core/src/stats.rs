//! Counters of a hub.

use crate::cluster::{Buffered, ClusterStats, Link};
use crate::delivery::lag::Lag;
use crate::error::Refusal;
use crate::event::position::Position;
use crate::history::log::Usage;
use crate::session::lifecycle::{DisconnectReason, NotHandedOff};

/// A hub's counters and gauges at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connected clients.
    pub clients: usize,
    /// Users with a connected client.
    pub users: usize,
    /// Users with a client or an event in the history.
    pub known_users: usize,
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
    /// Heartbeats written.
    pub heartbeats: u64,
    /// Gaps that clients learned about.
    pub resets: u64,
    /// How far clients lag behind, according to the shards' last sweeps, each at most an eighth of a heartbeat ago.
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
}
