//! The link between the hubs of several processes: two shared sequences of records that every node appends to and
//! reads.
//!
//! # Contract
//! A backplane keeps one *history* for all its nodes: an epoch, and a sequence of numbered records for each
//! [`Topic`].
//!
//! * **Numbers have no holes.** The records of a topic are numbered 1, 2, 3, … in one total order that all readers
//!   see. A backplane may forget the oldest records. A reader then finds that a number was skipped, and tells its
//!   clients about a gap. With any other holes, every node would reset its clients for no reason. With two orders, two
//!   nodes would give one id to different events.
//! * **Appending is idempotent.** A record is named by its node and that node's own count ([`Origin`]). After a lost
//!   answer, a node appends the same batch again, and only the records that are not there yet are added. Otherwise an
//!   outage would duplicate events.
//! * **Appending keeps the order of a node's records.** It fails with [`Failure::is_other_history`] if the history is
//!   not the one that the node knows: a node's records must not end up behind a gap that it has not seen.
//! * **A history that has lost records that were read is another history.** [`Backplane::join`] gets the last record
//!   that the node has seen, and must begin a new epoch if it has lost that record. Otherwise a number would be used twice,
//!   and a client that comes back with it would silently miss the second event.
//! * **Reading waits** for new records, but never longer than [`READ_WAIT`], and then returns nothing. A hanging read
//!   would hide that the backplane is gone.
//! * **A node is given what it follows.** [`Backplane::next`] gets the node's [`Interest`]. An audience that was followed when the
//!   call began is confirmed from the call's `after` on: the answer holds its records, whole. Of audiences that nobody at the node
//!   reads, a backplane may leave out the content, and then names the record as [`Passed`]. Records and passed records together
//!   still have no hole in their numbers. So an audience that is followed too late for a call misses nothing in silence: the
//!   node recalls what was passed. Otherwise a client that comes during a read would lose events. A backplane that does not
//!   recall passes nothing, and every backplane may give more than is followed.
//! * **A read or a recall fails with [`Failure::is_other_history`], too,** if the history is not the one that this node has joined,
//!   or may be an older copy of it (a replica that took over, a restored file): a copy has the same epoch, and perhaps other
//!   records under numbers that were read. The node joins again, and the join compares.
//! * **A read ends early only for lack of room.** It returns all new records of each topic, or the first [`MOST_READ`] of them,
//!   and [`News::is_all`] says which. A record that was appended before a record of the other topic is returned no later than
//!   that one, unless there is no room. Otherwise a node could not know that it has read everything.
//! * **Recalling leaves out nothing in between.** [`Backplane::recall`] returns the records of some audiences in a range, in
//!   order, up to the number that it names, and the `floor` below which the history knows nothing. Both come from one look.
//!   Otherwise a client would silently miss what was forgotten between the two. A node on a backplane that recalls keeps in
//!   memory only what came after its own start, and only for audiences that somebody there reads.
//! * **Log-outs outlive their records.** A record may name users who are logged out ([`Outgoing::log_outs`]). Beside the history,
//!   a backplane keeps the last log-out of each user for [`LOG_OUTS_KEPT`], of at most [`MOST_LOG_OUTS`] users, and the time since
//!   which no log-out is missing there ([`LogOuts::since`]).
//!   * Both change in the same step as the append, and [`Backplane::join`] returns both. No log-out is missing there whose record
//!     comes before the returned ends; later ones may be there. Otherwise a node could find a log-out neither in the set nor in the
//!     history, and a void ticket would be valid again.
//!   * An older log-out never takes the place of a newer one, so it does no harm to append one again. Nodes do that with what
//!     the set lacks.
//!   * Beyond the number, the oldest go first, and `since` moves to the newest of those that went. For age alone, it does not
//!     move.
//!   * A new set begins at the join that makes it. The set stays when a new epoch begins, but `since` moves to that
//!     moment if log-outs may be lost as the records are. A node trusts nothing that is older than `since`, so it must never be
//!     too early.
//! * Every call may fail, and the node simply repeats it later. No call may block a thread.
//!
//! A record has an [`Address`], so that a backplane can find one audience's records without reading the rest. Records for single
//! clients, and commands, are *standing*: a node needs all of them when it starts.
//!
//! There are three implementations: [`memory`] connects hubs of one process, the crate `ssekit-file` those of one machine,
//! and the crate `ssekit-redis` those of many.

mod address;
mod interest;
mod log_outs;
pub mod memory;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

pub use address::{Address, STANDING};
pub use interest::Interest;
pub use log_outs::{LOG_OUTS_KEPT, LogOut, LogOuts, MOST_LOG_OUTS};

use crate::event::position::Epoch;
pub use crate::event::position::NodeId;

/// The longest time that a read waits for new records.
pub const READ_WAIT: Duration = Duration::from_secs(5);

/// The maximum number of records of one topic that a read returns.
pub const MOST_READ: usize = 1_024;

/// The most events that a read looks at: those that it returns, and those that it passes over.
pub const MOST_PASSED: usize = 8_192;

/// A record's number in its topic. The first is 1; 0 means "before everything".
pub type Number = u64;

/// The two sequences of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Messages to clients, kept for clients that come back.
    Events,
    /// Messages about the nodes' clients, which nobody replays.
    Members,
}

/// The last number read in both sequences, or their ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// In [`Topic::Events`].
    pub events: Number,
    /// In [`Topic::Members`].
    pub members: Number,
}

/// A record's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The node that appended it.
    pub node: NodeId,
    /// That node's own count of the topic, from 1.
    pub count: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.count)
    }
}

/// Records that one node appends to one topic in one call.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The node that appends.
    pub node: NodeId,
    /// The topic that it appends to.
    pub topic: Topic,
    /// The node's count of the first record; the others follow.
    pub first: u64,
    /// The records, at least one.
    pub records: Vec<Outgoing>,
}

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its address. Means nothing in [`Topic::Members`].
    pub to: Address,
    /// The record's content.
    pub payload: Bytes,
    /// The users whom it logs out, in [`Topic::Events`] only.
    pub log_outs: Vec<LogOut>,
}

impl Outgoing {
    /// A record that logs nobody out.
    pub fn new(to: Address, payload: Bytes) -> Self {
        Self { to, payload, log_outs: Vec::new() }
    }
}

/// A record as it is read.
#[derive(Debug, Clone)]
pub struct Record {
    /// The record's topic.
    pub topic: Topic,
    /// The record's number in that topic.
    pub number: Number,
    /// The record's name.
    pub origin: Origin,
    /// The time of the append, as precisely as the backplane knows it.
    pub at: Instant,
    /// The record's content.
    pub payload: Bytes,
}

/// A record of [`Topic::Events`] whose content was not read, because its audience was not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The record's number.
    pub number: Number,
    /// The record's name.
    pub origin: Origin,
    /// The time of the append.
    pub at: Instant,
    /// The record's address.
    pub to: Address,
}

/// The records after the ends that a node has read.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Records of both topics, each in order.
    pub records: Vec<Record>,
    /// Events that were passed over, in order. Their numbers stand between those of `records`.
    pub passed: Vec<Passed>,
    /// There are no more events after these at this moment.
    pub is_all: bool,
}

impl News {
    /// Whether nothing has come.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.passed.is_empty()
    }
}

/// The records to recall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The records with one of these addresses.
    Addresses(Vec<Address>),
    /// All [standing](Address::is_standing) records.
    Standing,
}

/// A part of the events' topic to recall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The records to return.
    pub whose: Whose,
    /// They come after this number,
    pub after: Number,
    /// and up to this one.
    pub upto: Number,
    /// The maximum number of records. The backplane may return fewer for lack of room, but at least one if there is one.
    pub most: usize,
    /// If there are more than that, return the newest of them and not the oldest.
    pub newest: bool,
}

impl Recall {
    /// Cuts what was found, in order, to the records that one call may return.
    pub fn bounded(&self, mut found: Vec<Record>, floor: Number) -> Recalled {
        let most = self.most.max(1);
        let excess = found.len().saturating_sub(most);
        let reached = match self.newest {
            true => {
                found.drain(..excess);
                found.first().filter(|_| excess > 0).map_or(self.after, |first| first.number.saturating_sub(1))
            }
            false => {
                found.truncate(most);
                found.last().filter(|_| excess > 0).map_or(self.upto, |last| last.number)
            }
        };
        Recalled { records: found, reached, floor }
    }
}

/// Recalled records.
#[derive(Debug, Clone, Default)]
pub struct Recalled {
    /// In order of their number.
    pub records: Vec<Record>,
    /// The records are all that was asked for between here and where the call began: after `after`, or, for the newest, up to
    /// `upto`.
    pub reached: Number,
    /// The history knows nothing up to this number. If that is after `after`, records may be missing.
    pub floor: Number,
}

/// A node's knowledge of the history when it joins.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The epoch; `None` if the node has never joined.
    pub epoch: Option<Epoch>,
    /// The last numbers that the node has read.
    pub ends: Ends,
    /// The newest record of [`Topic::Events`] that the node has read.
    pub last: Option<Origin>,
}

/// The history that a node has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its epoch. If the node knows this epoch, every record that it has read either is still there or is older than
    /// the oldest record left.
    pub epoch: Epoch,
    /// Where both sequences end at this moment.
    pub ends: Ends,
    /// The events after this number are still there.
    pub forgotten: Number,
    /// The log-outs that are remembered at this moment.
    pub log_outs: LogOuts,
}

/// The reason why a call failed. Every failed call is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    other_history: bool,
}

impl Failure {
    /// The backplane is unreachable or refuses the call. The message is for the operator.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), other_history: false }
    }

    /// The history is not the one that the caller knows.
    pub fn other_history() -> Self {
        Self { message: "the history is another one".into(), other_history: true }
    }

    /// Whether the caller has to join again before anything else.
    pub fn is_other_history(&self) -> bool {
        self.other_history
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// One node's access to the history: see the [contract](self). A node has two, one for appending and one for reading,
/// so that neither waits for the other.
pub trait Backplane: Clone + Send + 'static {
    /// Whether it can [recall](Backplane::recall). Otherwise a node reads the whole history when it starts, and has an interest
    /// in everything.
    const RECALLS: bool = false;

    /// Joins the history, or starts one.
    fn join(&mut self, known: &Known) -> impl Future<Output = Result<Joined, Failure>> + Send;

    /// Appends records to the history with this epoch. Returns the number at which the topic ends afterwards.
    fn append(&mut self, epoch: Epoch, batch: &Batch) -> impl Future<Output = Result<Number, Failure>> + Send;

    /// The records after these ends in both topics, each in order, of audiences in which the node has an interest. Waits for
    /// them for at most [`READ_WAIT`].
    fn next(&mut self, after: Ends, interest: &Interest) -> impl Future<Output = Result<News, Failure>> + Send;

    /// Recalls records of some audiences from the history with this epoch.
    fn recall(&mut self, _epoch: Epoch, _what: &Recall) -> impl Future<Output = Result<Recalled, Failure>> + Send {
        async { Err(Failure::new("this backplane does not recall")) }
    }

    /// A finding during a read that is no failure, but that the operator should know about. Each is returned once.
    fn notice(&mut self) -> Option<String> {
        None
    }
}
