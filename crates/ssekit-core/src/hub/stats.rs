//! The hub's statistics.

use crate::counter::Counter;
use crate::delivery::deliveries::Deliveries;
use crate::delivery::lag::Lag;
use crate::engine::Engine;
use crate::hub::Hub;
use crate::session::lifecycle::{DisconnectReason, NotHandedOff};
use crate::stats::Stats;

impl Hub {
    /// Counters and gauges.
    pub fn stats(&self) -> Stats {
        let Engine { timeline, registry, shards, .. } = &*self.inner.engine;
        let (clients, users, [opening, stream, handoff, listener]) = registry.counts();
        let (logs, history) = timeline.usage();
        let sum = |pick: fn(&Deliveries) -> &Counter| shards.iter().map(|(_, of_shard)| pick(of_shard).get()).sum();
        Stats {
            clients,
            users,
            known_users: registry.users.len(),
            channels: registry.channels.len(),
            away: registry.away(),
            opening,
            handoff,
            stream,
            listener,
            connects: registry.arrivals.connects.get(),
            resumed: registry.arrivals.resumed.get(),
            disconnects: DisconnectReason::ALL
                .map(|reason| registry.arrivals.disconnects(reason).map_or(0, Counter::get)),
            refusals: registry.gate.refusals(),
            not_handed_off: NotHandedOff::ALL
                .map(|reason| registry.arrivals.not_handed_off(reason).map_or(0, Counter::get)),
            events: timeline.published(),
            coalesced: timeline.coalesced.get(),
            deliveries: sum(|of_shard| &of_shard.events),
            bytes: sum(|of_shard| &of_shard.bytes),
            heartbeats: sum(|of_shard| &of_shard.heartbeats),
            resets: sum(|of_shard| &of_shard.resets),
            lag: shards.iter().map(|(_, of_shard)| *of_shard.lag.lock()).fold(Lag::default(), Lag::and),
            observer_panics: registry.observer_panics.get(),
            logs,
            history,
            epoch: timeline.epoch().to_string(),
            position: timeline.head(),
            cluster: self.inner.cluster.as_ref().map(|cluster| cluster.stats()),
        }
    }
}
