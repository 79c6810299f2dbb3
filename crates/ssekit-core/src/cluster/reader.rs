//! Joins the history, reads it from this node's position on, and applies its records.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::backplane::{Backplane, Ends, Failure, Joined, Known, MOST_READ, NodeId, Number, Origin, Record, Topic};
use crate::cluster::apply::Arrival;
use crate::cluster::health::Side;
use crate::cluster::message::Message;
use crate::cluster::node::Cluster;
use crate::cluster::presence;
use crate::cluster::standing::{Standing, past_of};
use crate::cluster::writer::{FIRST_WAIT, LONGEST_WAIT};
use crate::engine::Engine;
use crate::event::position::agreed;

/// Records that are applied before other tasks may run.
const RECORDS_PER_ITERATION: usize = 256;

/// The maximum number of nodes whose events are counted before nodes that are gone are removed.
const MOST_COUNTS: usize = 4_096;

pub(super) async fn run(cluster: Arc<Cluster>, mut backplane: impl Backplane, engine: Weak<Engine>) {
    let mut reader = HistoryReader::default();
    let mut wait = FIRST_WAIT;
    loop {
        let ended = reader.follow(&cluster, &mut backplane, &engine).await;
        cluster.set_joined(None);
        let Some(engine) = engine.upgrade() else { return };
        if std::mem::take(&mut reader.was_up) {
            wait = FIRST_WAIT;
        }
        if let Err(failure) = ended {
            cluster.fail(Side::Reading, &failure, &engine);
            drop(engine);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// The reader's progress.
struct Reached {
    ends: Ends,
    /// The history's end when the node joined. From here on, the node is up to date.
    up_at: Number,
    /// The node has announced that it is up to date.
    told: bool,
}

#[derive(Default)]
struct HistoryReader {
    known: Known,
    /// The count of each node's last event.
    counts: HashMap<NodeId, u64>,
    /// Events are missing after the last known one.
    gap: bool,
    /// The node has been up since this flag was last cleared.
    was_up: bool,
    /// The count of this node's newest record in [`Topic::Members`].
    heard: u64,
}

impl HistoryReader {
    /// Joins, then reads until there is a reason to join again.
    async fn follow(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Weak<Engine>,
    ) -> Result<(), Failure> {
        let Some(mut reached) = self.join(cluster, backplane, engine).await? else { return Ok(()) };
        while self.read(cluster, backplane, engine, &mut reached).await? {}
        Ok(())
    }

    /// Joins the history and announces this node. `None`: the engine has ended.
    async fn join(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Weak<Engine>,
    ) -> Result<Option<Reached>, Failure> {
        let is_new = self.known.epoch.is_none();
        let joined = backplane.join(&self.known).await?;
        // First, so that a failure leaves nothing half done.
        let standing = match cluster.desk {
            Some(_) if is_new => Some(Standing::recall(backplane, engine, &joined).await?),
            _ => None,
        };
        let Some(engine) = engine.upgrade() else { return Ok(None) };
        match standing {
            Some(standing) => self.begin(cluster, &engine, &joined, &standing),
            None => self.begin_again(cluster, &engine, &joined),
        }
        Ok(Some(self.announce(cluster, &engine, &joined)))
    }

    /// Tells the other nodes about this one and asks them for their clients, instead of reading old records.
    fn announce(&mut self, cluster: &Cluster, engine: &Engine, joined: &Joined) -> Reached {
        self.known.ends.members = joined.ends.members;
        cluster.read.send_replace(self.known.ends.events);
        cluster.announcer.outbox.clear();
        cluster.remote_clients.bear_with_all();
        cluster.send_snapshot(engine);
        cluster.announcer.outbox.push([Message::SnapshotRequest.record()]);
        cluster.set_joined(Some(joined.epoch));
        Reached { ends: self.known.ends, up_at: joined.ends.events, told: false }
    }

    /// Reads once, and applies what came. Returns false if the node has to join again.
    async fn read(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Weak<Engine>,
        reached: &mut Reached,
    ) -> Result<bool, Failure> {
        let records = tokio::select! {
            records = backplane.read(reached.ends) => match records {
                // No outage: the next attempt to join finds what is there now.
                Err(failure) if failure.is_other_history() => return Ok(false),
                records => records?,
            },
            () = cluster.rejoin.notified() => return Ok(false),
        };
        let Some(engine) = engine.upgrade() else { return Ok(false) };
        if let Some(notice) = backplane.notice() {
            engine.report(&notice);
        }
        for some in records.chunks(RECORDS_PER_ITERATION) {
            let complete = self.take(cluster, backplane, &engine, some, reached).await;
            engine.wake_for_broadcasts();
            cluster.read.send_replace(reached.ends.events);
            if !complete {
                return Ok(false);
            }
            tokio::task::yield_now().await;
        }
        self.note_heard(cluster, &records);
        // Only after a read, usually of this node's own presence snapshot: joining may work where reading does not.
        if reached.ends.events >= reached.up_at && !reached.told {
            engine.end_backfill();
            cluster.recover(Side::Reading, &engine);
            (reached.told, self.was_up) = (true, true);
        }
        Ok(true)
    }

    /// Tells waiting calls which of this node's own records have come back, once nothing older is left to read.
    fn note_heard(&mut self, cluster: &Cluster, records: &[Record]) {
        let is_own = |record: &&Record| record.topic == Topic::Members && record.origin.node == cluster.node;
        self.heard = records.iter().filter(is_own).map(|record| record.origin.count).fold(self.heard, u64::max);
        if records.iter().filter(|record| record.topic == Topic::Events).count() < MOST_READ {
            cluster.heard.send_replace(self.heard);
        }
    }

    /// Begins in a history that this node reads from its beginning, or goes on in one that it knows. Events after a gap
    /// are read again for clients that come back; connected clients learn about the gap.
    fn begin_again(&mut self, cluster: &Cluster, engine: &Engine, joined: &Joined) {
        let is_same = self.known.epoch == Some(joined.epoch);
        if is_same && !self.gap {
            return;
        }
        let number = if is_same { joined.forgotten.max(self.known.ends.events) } else { joined.forgotten };
        if !is_same {
            cluster.newcomers.forget_refuted();
            cluster.claims.clear();
        }
        // Prevent outage delivery in the meantime.
        let outage = cluster.outage.lock();
        cluster.applier(engine).begin_after(joined.epoch, number);
        drop(outage);
        self.known = Known { epoch: Some(joined.epoch), ends: Ends { events: number, members: 0 }, last: None };
        self.gap = false;
    }

    /// Begins at the end of a history that can be recalled, with its standing records. The newest record is read like
    /// those that follow, so that the node notices if it is lost later.
    fn begin(&mut self, cluster: &Cluster, engine: &Engine, joined: &Joined, standing: &Standing) {
        let Standing { floor, end, .. } = *standing;
        // Prevent outage delivery in the meantime.
        let outage = cluster.outage.lock();
        cluster.applier(engine).begin_after(joined.epoch, floor);
        for (record, missed) in &standing.records {
            self.is_again(&record.origin, cluster);
            // Copies that go right before this record must still come after the records that were left out.
            engine.timeline.skip_to(agreed(record.number - 1));
            let applier = cluster.applier(engine).with(missed.as_deref());
            applier.apply(record.number, record.at, Message::decode(&record.payload), Arrival::New);
        }
        cluster.applier(engine).begin_at(end);
        drop(outage);
        self.known = Known { epoch: Some(joined.epoch), ends: Ends { events: end, members: 0 }, last: None };
    }

    /// Applies records. Returns false if one is missing.
    async fn take(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Engine,
        records: &[Record],
        reached: &mut Reached,
    ) -> bool {
        for record in records {
            let end = match record.topic {
                Topic::Events => &mut reached.ends.events,
                Topic::Members => &mut reached.ends.members,
            };
            if record.number <= *end {
                continue;
            }
            let is_next = record.number == *end + 1;
            if is_next || record.topic == Topic::Members {
                *end = record.number;
            }
            let message = Message::decode(&record.payload);
            cluster.unreadable.add(u64::from(message.is_none()));
            match record.topic {
                Topic::Events if !is_next => {
                    self.gap = true;
                    self.known.ends = reached.ends;
                    return false;
                }
                Topic::Events => {
                    self.known.last = Some(record.origin.clone());
                    // Its node appends it again if everything was lost before the node heard of the first append.
                    let again = self.is_again(&record.origin, cluster);
                    let missed = match message.as_ref().and_then(|message| past_of(message, record.number, engine)) {
                        // If it cannot be recalled, memory says what is missing.
                        Some(past) if cluster.desk.is_some() => past.recall(backplane, engine).await.unwrap_or(None),
                        _ => None,
                    };
                    cluster.apply(record, (message, missed.as_deref()), again, engine);
                }
                Topic::Members => {
                    if !is_next {
                        cluster.announcer.outbox.push([Message::SnapshotRequest.record()]);
                    }
                    if let Some(message) = message {
                        presence::hear(cluster, engine, record, &message);
                    }
                }
            }
            self.known.ends = reached.ends;
        }
        true
    }

    /// Whether this event of a node has been read before.
    fn is_again(&mut self, origin: &Origin, cluster: &Cluster) -> bool {
        if let Some(last) = self.counts.get_mut(&origin.node) {
            let again = origin.count <= *last;
            *last = origin.count.max(*last);
            return again;
        }
        if self.counts.len() >= MOST_COUNTS {
            // Nodes come and go, and nodes that are gone send nothing more.
            self.counts.retain(|node, _| *node == cluster.node || cluster.remote_clients.knows(*node));
        }
        self.counts.insert(origin.node, origin.count);
        false
    }
}
