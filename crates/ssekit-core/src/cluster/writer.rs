//! Appends waiting records in order until they are in the history. A failed call is repeated with the same counts.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::backplane::{Backplane, Batch, Topic};
use crate::cluster::health::Side;
use crate::cluster::node::Cluster;
use crate::engine::Engine;

/// The first and the longest wait between two attempts.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(50);
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(2);

pub(super) async fn run(cluster: Arc<Cluster>, mut backplane: impl Backplane, engine: Weak<Engine>) {
    let (mut joined, mut wait) = (cluster.joined.subscribe(), FIRST_WAIT);
    loop {
        let Ok(epoch) = joined.wait_for(Option::is_some).await.map(|epoch| *epoch) else { return };
        let (Some(epoch), Some(batch)) = (epoch, next(&cluster).await) else { continue };
        let appended = backplane.append(epoch, &batch).await;
        let Some(engine) = engine.upgrade() else { return };
        match appended {
            Ok(end) => {
                wait = FIRST_WAIT;
                cluster.recover(Side::Writing, &engine);
                let count = batch.first + batch.records.len() as u64 - 1;
                match batch.topic {
                    Topic::Events => {
                        // Before a task that waits for the append goes on to wait for the read.
                        *cluster.appended.lock() = end;
                        cluster.events.appended(count);
                    }
                    Topic::Members => cluster.announcer.outbox.appended(count),
                }
            }
            Err(failure) if failure.is_other_history() => cluster.lose_track(),
            Err(failure) => {
                cluster.fail(Side::Writing, &failure, &engine);
                drop(engine);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

/// The next batch to append: announcements of clients go before the events for them. `None`: check again whether a history is joined.
async fn next(cluster: &Cluster) -> Option<Batch> {
    loop {
        for (topic, outbox) in [(Topic::Members, &cluster.announcer.outbox), (Topic::Events, &cluster.events)] {
            if let Some((first, records)) = outbox.peek() {
                return Some(Batch { node: cluster.node, topic, first, records });
            }
        }
        tokio::select! {
            () = cluster.announcer.outbox.news.notified() => {}
            () = cluster.events.news.notified() => {}
            () = tokio::time::sleep(LONGEST_WAIT) => return None,
        }
    }
}
