//! A node's regular work: it reports that it is alive, and notices nodes that are gone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cluster::message::Message;
use crate::cluster::{Cluster, Link, Local};

/// How many times per lease a node reports that it is alive.
const BEATS_PER_LEASE: u32 = 3;

/// How soon a requested presence snapshot is sent. All requests in the meantime share one snapshot.
const TICK: Duration = Duration::from_millis(100);

pub(super) async fn run(cluster: Arc<Cluster>, local: Weak<dyn Local>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beat = Instant::now();
    loop {
        ticks.tick().await;
        let Some(local) = local.upgrade() else { return };
        if cluster.link() != Link::Up {
            continue;
        }
        if *cluster.snapshot_due.lock() {
            cluster.call_the_roll(&*local);
        }
        cluster.review_newcomers(&*local);
        if beat.elapsed() >= cluster.lease() / BEATS_PER_LEASE {
            beat = Instant::now();
            cluster.presence.push([Message::Alive(local.clients() as u64).encode()]);
            for client in cluster.members.expire(cluster.lease(), cluster.memory) {
                local.forgotten_elsewhere(client);
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
