//! Joins the history, reads it from this node's position on, and applies its records.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::time::Instant;

use crate::backplane::{Backplane, Channel, Ends, Failure, Known, MOST_READ, NodeId, Number, Origin, Record};
use crate::cluster::claims::Verdict;
use crate::cluster::health::Side;
use crate::cluster::message::{Member, Message};
use crate::cluster::writer::{FIRST_WAIT, LONGEST_WAIT};
use crate::cluster::{Cluster, Local};

/// Records that are applied before other tasks get their turn.
const RECORDS_PER_TURN: usize = 256;

/// The most nodes whose events are counted before nodes that are gone are removed.
const MOST_COUNTS: usize = 4_096;

pub(super) async fn run(cluster: Arc<Cluster>, mut backplane: impl Backplane, local: Weak<dyn Local>) {
    let mut reader = Reader::default();
    let mut wait = FIRST_WAIT;
    loop {
        let ended = reader.follow(&cluster, &mut backplane, &local).await;
        cluster.set_joined(None);
        let Some(local) = local.upgrade() else { return };
        if std::mem::take(&mut reader.was_up) {
            wait = FIRST_WAIT;
        }
        if let Err(failure) = ended {
            cluster.fail(Side::Reading, &failure, &*local);
            drop(local);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// How far the reader has come.
struct Reached {
    ends: Ends,
    /// At this number the node knows everything that the history held when it joined,
    up_at: Number,
    /// and this is set once it has announced that.
    told: bool,
}

#[derive(Default)]
struct Reader {
    known: Known,
    /// The count of each node's last event.
    counts: HashMap<NodeId, u64>,
    /// Events are missing after the last known one.
    gap: bool,
    /// The node has been up since this flag was last cleared.
    was_up: bool,
    /// The count of this node's newest record in [`Channel::Members`].
    heard: u64,
}

impl Reader {
    /// Joins, then reads until there is a reason to join again.
    async fn follow(
        &mut self,
        cluster: &Cluster,
        backplane: &mut impl Backplane,
        local: &Weak<dyn Local>,
    ) -> Result<(), Failure> {
        let joined = backplane.join(&self.known).await?;
        let Some(here) = local.upgrade() else { return Ok(()) };
        let is_same = self.known.epoch == Some(joined.epoch);
        if !is_same || self.gap {
            // The remaining events are read again for clients that come back; connected clients learn about the gap.
            let number = if is_same { joined.forgotten.max(self.known.ends.events) } else { joined.forgotten };
            if !is_same {
                cluster.newcomers.forget_refuted();
                cluster.claims.clear();
            }
            // Prevent outage delivery in the meantime.
            let outage = cluster.outage.lock();
            here.begin_after(joined.epoch, number);
            drop(outage);
            self.known = Known { epoch: Some(joined.epoch), ends: Ends { events: number, members: 0 }, last: None };
            self.gap = false;
        }
        // Ask the nodes for their clients instead of reading old records.
        self.known.ends.members = joined.ends.members;
        let mut reached = Reached { ends: self.known.ends, up_at: joined.ends.events, told: false };
        cluster.read.send_replace(reached.ends.events);
        cluster.presence.clear();
        cluster.members.bear_with_all();
        cluster.call_the_roll(&*here);
        cluster.presence.push([Message::SnapshotRequest.encode()]);
        cluster.set_joined(Some(joined.epoch));
        drop(here);
        loop {
            let records = tokio::select! {
                records = backplane.read(reached.ends) => records?,
                () = cluster.rejoin.notified() => return Ok(()),
            };
            let Some(here) = local.upgrade() else { return Ok(()) };
            if let Some(notice) = backplane.notice() {
                here.failed(&notice);
            }
            for some in records.chunks(RECORDS_PER_TURN) {
                let complete = self.take(cluster, &*here, some, &mut reached);
                here.applied();
                cluster.read.send_replace(reached.ends.events);
                if !complete {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
            let is_own = |record: &&Record| record.channel == Channel::Members && record.origin.node == cluster.node;
            self.heard = records.iter().filter(is_own).map(|record| record.origin.count).fold(self.heard, u64::max);
            if records.iter().filter(|record| record.channel == Channel::Events).count() < MOST_READ {
                cluster.heard.send_replace(self.heard);
            }
            // Only after a read, usually of this node's own presence snapshot: joining may work where reading does not.
            if reached.ends.events >= reached.up_at && !reached.told {
                here.caught_up();
                cluster.recover(Side::Reading, &*here);
                (reached.told, self.was_up) = (true, true);
            }
        }
    }

    /// Applies records. Returns false if one is missing.
    fn take(&mut self, cluster: &Cluster, local: &dyn Local, records: &[Record], reached: &mut Reached) -> bool {
        for record in records {
            let end = match record.channel {
                Channel::Events => &mut reached.ends.events,
                Channel::Members => &mut reached.ends.members,
            };
            if record.number <= *end {
                continue;
            }
            let is_next = record.number == *end + 1;
            if is_next || record.channel == Channel::Members {
                *end = record.number;
            }
            let message = Message::decode(&record.payload);
            cluster.unreadable.add(u64::from(message.is_none()));
            match record.channel {
                Channel::Events if !is_next => {
                    self.gap = true;
                    self.known.ends = reached.ends;
                    return false;
                }
                Channel::Events => {
                    self.known.last = Some(record.origin.clone());
                    // Its node appends it again if everything was lost before the node heard of the first append.
                    let again = self.is_again(&record.origin, cluster);
                    cluster.apply(record, message, again, local);
                }
                Channel::Members => {
                    if !is_next {
                        cluster.presence.push([Message::SnapshotRequest.encode()]);
                    }
                    if let Some(message) = message {
                        self.hear(cluster, local, record, &message);
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
            self.counts.retain(|node, _| *node == cluster.node || cluster.members.knows(*node));
        }
        self.counts.insert(origin.node, origin.count);
        false
    }

    /// Handles a node's message about its clients.
    fn hear(&mut self, cluster: &Cluster, local: &dyn Local, record: &Record, message: &Message<'_>) {
        let (node, members) = (record.origin.node, &cluster.members);
        if node == cluster.node {
            return hear_echo(cluster, local, record.number, message);
        }
        match message {
            Message::Joined(joined) => {
                let theirs = hear_of(cluster, local, record.number, joined, true);
                members.joined(node, record.number, &theirs);
            }
            Message::Left(clients) => members.left(node, clients),
            Message::PresenceSnapshot { first, members: roll } => {
                let theirs = hear_of(cluster, local, record.number, roll, false);
                members.roll(node, record.number, *first, &theirs);
            }
            Message::Alive(_) => members.alive(node),
            Message::SnapshotRequest => *cluster.snapshot_due.lock() = true,
            Message::NodeLeft => members.bye(node),
            _ => {}
        }
    }
}

fn hear_echo(cluster: &Cluster, local: &dyn Local, number: Number, message: &Message<'_>) {
    *cluster.echo.lock() = Instant::now();
    match message {
        Message::Joined(joined) => assert_all(cluster, local, number, joined),
        Message::Left(clients) => clients.iter().for_each(|client| cluster.claims.drop(client)),
        Message::PresenceSnapshot { first, members } => {
            if *first {
                cluster.claims.clear();
            }
            assert_all(cluster, local, number, members);
        }
        Message::SnapshotRequest => *cluster.greeted.lock() = Some(Instant::now()),
        // Too many records were waiting, so the other nodes' view is out of date.
        Message::Lost(_) => *cluster.snapshot_due.lock() = true,
        _ => {}
    }
}

/// Handles clients that have come to another node, by the record with this number. Returns those that own their ids.
fn hear_of<'a>(
    cluster: &Cluster,
    local: &dyn Local,
    number: Number,
    members: &[Member<'a>],
    anew: bool,
) -> Vec<Member<'a>> {
    let is_theirs = |member: &&Member<'a>| {
        let Member { client, user, since } = **member;
        let verdict = cluster.claims.judge(client, user, if since == 0 { number } else { since }, anew);
        match verdict {
            Verdict::Moved => local.replaced_elsewhere(client),
            Verdict::Theirs => give_away(cluster, local, client, user),
            Verdict::Ours => {}
        }
        verdict != Verdict::Ours
    };
    members.iter().filter(is_theirs).cloned().collect()
}

/// Enters this node's own clients, which all nodes know from the record with this number on. Gives away those whose ids
/// belong to another user.
fn assert_all(cluster: &Cluster, local: &dyn Local, number: Number, members: &[Member<'_>]) {
    for member in members {
        let Member { client, user, since } = *member;
        let since = if since == 0 { number } else { since };
        match cluster.members.find(client) {
            Some(there) if cluster.members.is_claimed(client, user, since) => {
                give_away(cluster, local, client, there.user.as_deref());
            }
            _ => {
                cluster.members.moved_here(std::slice::from_ref(member));
                cluster.claims.assert(client, user, since);
            }
        }
    }
}

/// Gives up this node's client, and takes back what was said about it, or is about to be.
fn give_away(cluster: &Cluster, local: &dyn Local, client: &str, owner: Option<&str>) {
    if local.give_away(client, owner) {
        cluster.presence.push([Message::Left(vec![client]).encode()]);
    }
}
