//! Joins the history, reads it from this node's position on, and applies its records.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::backplane::{
    Backplane, Ends, Failure, Interest, Joined, Known, LogOuts, NodeId, Number, Origin, Passed, Record, Topic,
};
use crate::cluster::apply::Arrival;
use crate::cluster::health::Side;
use crate::cluster::intake::{Contents, Item, in_order};
use crate::cluster::log_outs::OwedLogOuts;
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

/// The progress towards the end that the history had when the node joined.
struct Reached {
    /// The history's end when the node joined. From here on, the node is up to date.
    up_at: Number,
    /// The node has announced that it is up to date.
    told: bool,
    /// The log-outs that the backplane remembered then.
    log_outs: LogOuts,
}

#[derive(Default)]
struct HistoryReader {
    /// The end of the events is the highest number that this node has read, in whichever history.
    known: Known,
    /// The number up to which it has read the events of the history that it has joined.
    read_up_to: Number,
    /// The count of each node's last event.
    counts: HashMap<NodeId, u64>,
    /// Events are missing after the last known one.
    gap: bool,
    /// The node has been up since this flag was last cleared.
    was_up: bool,
    /// The count of this node's newest record in [`Topic::Members`].
    heard: u64,
    /// Log-outs that this node has to append.
    owed: OwedLogOuts,
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
        Ok(Some(self.announce(cluster, &engine, joined)))
    }

    /// Tells the other nodes about this one and asks them for their clients, instead of reading old records.
    fn announce(&mut self, cluster: &Cluster, engine: &Engine, joined: Joined) -> Reached {
        // Skipped records do not count as read: one may tell that a client here has moved.
        self.known.ends.members = joined.ends.members;
        cluster.read.send_replace(self.known.ends.events);
        cluster.announcer.outbox.clear();
        cluster.remote_clients.bear_with_all();
        cluster.send_snapshot(engine);
        cluster.announcer.outbox.push([Message::SnapshotRequest.record()]);
        cluster.set_joined(Some(joined.epoch));
        Reached { up_at: joined.ends.events, told: false, log_outs: joined.log_outs }
    }

    /// Reads once, and applies what came. Returns false if the node has to join again.
    async fn read(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Weak<Engine>,
        reached: &mut Reached,
    ) -> Result<bool, Failure> {
        let Some(interest) = engine.upgrade().map(|engine| interest_of(cluster, &engine)) else { return Ok(false) };
        let news = tokio::select! {
            news = backplane.next(self.ends(), &interest) => match news {
                // No outage: the next attempt to join finds what is there now.
                Err(failure) if failure.is_other_history() => return Ok(false),
                news => news?,
            },
            () = cluster.rejoin.notified() => return Ok(false),
        };
        let Some(engine) = engine.upgrade() else { return Ok(false) };
        if let Some(notice) = backplane.notice() {
            engine.report(&notice);
        }
        let (is_all, items) = (news.is_all, in_order(news));
        let mut contents = Contents::of(&items);
        for some in items.chunks(RECORDS_PER_ITERATION) {
            let taken = self.take(cluster, backplane, &engine, (some, &mut contents)).await;
            engine.wake_for_broadcasts();
            cluster.read.send_replace(self.known.ends.events);
            match taken {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(failure) if failure.is_other_history() => return Ok(false),
                Err(failure) => return Err(failure),
            }
            tokio::task::yield_now().await;
        }
        self.note_heard(cluster, &items, is_all);
        // Only after a read, usually of this node's own presence snapshot: joining may work where reading does not.
        if self.read_up_to >= reached.up_at && !reached.told {
            self.learn_log_outs(cluster, &engine, &std::mem::take(&mut reached.log_outs)).await;
            engine.end_backfill();
            cluster.recover(Side::Reading, &engine);
            (reached.told, self.was_up) = (true, true);
        }
        self.append_log_outs(cluster);
        Ok(true)
    }

    /// Learns what the backplane remembers. Only now, because a log-out that is still in the history takes effect at its place
    /// there, after earlier events. And before connected clients may read what they have missed.
    async fn learn_log_outs(&mut self, cluster: &Cluster, engine: &Engine, log_outs: &LogOuts) {
        for some in log_outs.last.chunks(RECORDS_PER_ITERATION) {
            some.iter().for_each(|log_out| cluster.applier(engine).learn(log_out));
            tokio::task::yield_now().await;
        }
        self.owed = OwedLogOuts::new(engine.revoked.all(), log_outs);
        cluster.set_knows_log_outs(log_outs.since);
    }

    /// Appends some of the log-outs that the backplane lacks.
    fn append_log_outs(&mut self, cluster: &Cluster) {
        if let Some(record) = self.owed.next(cluster.events.room()) {
            cluster.events.push([record]);
        }
    }

    /// Tells waiting calls which of this node's own records have come back, once nothing older is left to read.
    fn note_heard(&mut self, cluster: &Cluster, items: &[Item], is_all: bool) {
        let own = items.iter().filter_map(|item| match item {
            Item::Read(Record { topic: Topic::Members, origin, .. }) if origin.node == cluster.node => {
                Some(origin.count)
            }
            _ => None,
        });
        self.heard = own.fold(self.heard, u64::max);
        if is_all {
            cluster.heard.send_replace(self.heard);
        }
    }

    /// Begins in another history, which it reads from the beginning, or goes on in one that it knows. Events after a gap are
    /// read for clients that come back; connected clients learn about the gap.
    fn begin_again(&mut self, cluster: &Cluster, engine: &Engine, joined: &Joined) {
        let is_same = self.known.epoch == Some(joined.epoch);
        if is_same && !self.gap {
            return;
        }
        let number = if is_same { joined.forgotten.max(self.read_up_to) } else { joined.forgotten };
        let highest = number.max(self.known.ends.events);
        if !is_same {
            cluster.newcomers.forget_refuted();
            cluster.claims.clear();
            cluster.remote_clients.forget_order();
            cluster.members_read.store(0, Ordering::Release);
        }
        // Prevent outage delivery in the meantime.
        let mut outage = cluster.outage.lock();
        cluster.applier(engine).begin_after(joined.epoch, highest);
        if !is_same {
            outage.forget_appended(cluster.events.count_of_appended());
        }
        drop(outage);
        self.known = Known { epoch: Some(joined.epoch), ends: Ends { events: highest, members: 0 }, last: None };
        (self.read_up_to, self.gap) = (number, false);
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
        self.read_up_to = end;
    }

    /// Applies records. Returns false if one is missing.
    async fn take(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Engine,
        (items, contents): (&[Item], &mut Contents),
    ) -> Result<bool, Failure> {
        for item in items {
            let (topic, number) = (item.topic(), item.number());
            let end = match topic {
                Topic::Events => self.read_up_to,
                Topic::Members => self.known.ends.members,
            };
            if number <= end {
                continue;
            }
            let is_next = number == end + 1;
            let is_there = match item {
                Item::Read(record) if topic == Topic::Members => {
                    self.take_member(cluster, engine, record, is_next);
                    true
                }
                _ if !is_next => false,
                Item::Read(record) => {
                    self.take_event(cluster, backplane, engine, record).await;
                    true
                }
                Item::Passed(passed) => self.pass_over(cluster, backplane, engine, (passed, contents)).await?,
            };
            if !is_there {
                self.gap = true;
                return Ok(false);
            }
            match topic {
                Topic::Events => {
                    self.read_up_to = number;
                    self.known.ends.events = number.max(self.known.ends.events);
                }
                Topic::Members => {
                    self.known.ends.members = number;
                    cluster.members_read.store(number, Ordering::Release);
                }
            }
        }
        Ok(true)
    }

    async fn take_event(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Engine,
        record: &Record,
    ) {
        let message = Message::decode(&record.payload);
        cluster.unreadable.add(u64::from(message.is_none()));
        self.note_last(record.number, &record.origin);
        let is_own = record.origin.node == cluster.node;
        message.iter().for_each(|message| self.owed.settle(message, is_own));
        if is_own && matches!(message, Some(Message::Lost(_))) && cluster.events.take_dropped_log_out() {
            // The next join finds out which one, and then it is appended again.
            cluster.lose_track();
        }
        // Its node appends it again if everything was lost before the node heard of the first append.
        let again = self.is_again(&record.origin, cluster);
        let missed = match message.as_ref().and_then(|message| past_of(message, record.number, engine)) {
            // If it cannot be recalled, memory says what is missing.
            Some(past) if cluster.desk.is_some() => past.recall(backplane, engine).await.unwrap_or(None),
            _ => None,
        };
        cluster.apply(record, (message, missed.as_deref()), again, engine);
    }

    fn take_member(&mut self, cluster: &Cluster, engine: &Engine, record: &Record, is_next: bool) {
        let message = Message::decode(&record.payload);
        cluster.unreadable.add(u64::from(message.is_none()));
        if !is_next {
            cluster.announcer.outbox.push([Message::SnapshotRequest.record()]);
        }
        if let Some(message) = message {
            presence::hear(cluster, engine, record, &message);
        }
    }

    /// Goes on behind an event that nobody here reads. If somebody does so by now, recalls it and applies it like any other.
    /// Returns false if it is gone.
    async fn pass_over(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        engine: &Engine,
        (passed, contents): (&Passed, &mut Contents),
    ) -> Result<bool, Failure> {
        let Origin { node, count } = &passed.origin;
        let again = self.counts.get(node).is_some_and(|last| count <= last);
        if cluster.pass_over(passed, again, engine) {
            self.is_again(&passed.origin, cluster);
            self.note_last(passed.number, &passed.origin);
            return Ok(true);
        }
        let record = contents.recall(backplane, engine.timeline.epoch(), passed).await?;
        if let Some(record) = &record {
            self.take_event(cluster, backplane, engine, record).await;
        }
        Ok(record.is_some())
    }

    /// The numbers up to which it has read the history that it has joined.
    fn ends(&self) -> Ends {
        Ends { events: self.read_up_to, ..self.known.ends }
    }

    /// Notes the origin of the event with the highest number.
    fn note_last(&mut self, number: Number, origin: &Origin) {
        if number > self.known.ends.events {
            self.known.last = Some(origin.clone());
        }
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

/// The audiences whose records are needed whole. While this node keeps everything, that is all of them.
fn interest_of(cluster: &Cluster, engine: &Engine) -> Interest {
    if engine.timeline.leaves_elsewhere() { cluster.interest.clone() } else { Interest::everything() }
}
