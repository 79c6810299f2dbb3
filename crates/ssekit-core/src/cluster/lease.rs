//! A node's regular work: it reports that it is alive, and notices nodes that are gone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cluster::message::Message;
use crate::cluster::node::Cluster;
use crate::cluster::stats::Link;
use crate::engine::Engine;

/// The number of times per lease that a node reports that it is alive.
const BEATS_PER_LEASE: u32 = 3;

/// The maximum delay of a requested presence snapshot. All requests in the meantime share one snapshot.
const TICK: Duration = Duration::from_millis(100);

pub(super) async fn run(cluster: Arc<Cluster>, engine: Weak<Engine>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beat = Instant::now();
    loop {
        ticks.tick().await;
        let Some(engine) = engine.upgrade() else { return };
        if cluster.link() != Link::Up {
            continue;
        }
        if *cluster.snapshot_due.lock() {
            cluster.send_snapshot(&engine);
        }
        cluster.review_newcomers(&engine);
        if beat.elapsed() >= cluster.lease() / BEATS_PER_LEASE {
            beat = Instant::now();
            cluster.announcer.outbox.push([Message::Alive(engine.registry.counts().0 as u64).record()]);
            let is_there = |client: &str, channel: &str| cluster.remote_clients.is_member(client, channel);
            engine.registry.check_attendance(is_there, cluster.lease());
            for client in cluster.remote_clients.expire(cluster.lease(), cluster.memory) {
                engine.registry.departed_elsewhere(client, &engine.timeline);
            }
            // The node's own records must come back. A reader that hears nothing may hang on a connection that only
            // looks healthy.
            if cluster.echo.lock().elapsed() > cluster.lease() {
                *cluster.echo.lock() = Instant::now();
                cluster.lose_track();
            }
        }
    }
}
