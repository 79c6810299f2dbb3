//! What connects the hubs of several processes: two shared sequences of records that every node appends to and reads.
//!
//! # Contract
//! A backplane keeps, for all its nodes together, a *history*: an epoch, and one sequence of numbered records per [`Channel`].
//!
//! * **Numbers have no holes.** The records of a channel are numbered 1, 2, 3, … in one total order that all readers see. A
//!   backplane may forget the oldest; a reader then finds that the next record's number is not the next, and tells its
//!   clients of a gap. With holes of another kind every node would reset its clients for nothing; with two orders, two nodes
//!   would give one id to different events.
//! * **Appending is idempotent.** A record is named by its node and that node's own count ([`Origin`]). Appending a batch
//!   again, after an answer that was lost, adds only what is not there yet. Else an outage would double events.
//! * **Appending keeps the order of a node's records**, and is refused with [`Failure::is_other_history`] if the history is not
//!   the one that the node knows: what a node appends must not end up behind a gap that it has not seen.
//! * **A history that has lost records that were read is another history.** [`Backplane::join`] is told what the node has seen
//!   last, and must begin a new epoch if that is not there any more. Else a number would be used twice, and a client that comes
//!   back with it would miss the second event without a word.
//! * **Reading waits** for news, but never longer than [`READ_WAIT`], and returns nothing then. A read that hangs would hide that
//!   the backplane is gone.
//! * **A read leaves out nothing but for want of room**: of each channel it returns what there is, or the first [`MOST_READ`] records.
//!   And what was appended to one channel before a record of the other was is returned no later than that. Else a node could not
//!   know that it has read everything.
//! * Every call may fail, and is simply made again later. Nothing here may block a thread.
//!
//! Two implementations: [`memory`] connects hubs of one process, and [`redis`] those of many.

pub mod memory;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::event::position::Epoch;
pub use crate::event::position::NodeId;

/// The longest that a read waits for news.
pub const READ_WAIT: Duration = Duration::from_secs(5);

/// Records of one channel that a read returns at most.
pub const MOST_READ: usize = 1_024;

/// A record's number in its channel; the first is 1, and 0 is "before everything".
pub type Number = u64;

/// The two sequences of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// What is sent to clients, which is kept for those who come back.
    Events,
    /// Who is there, which nobody comes back to.
    Members,
}

/// How far both sequences have been read, or reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// In [`Channel::Events`].
    pub events: Number,
    /// In [`Channel::Members`].
    pub members: Number,
}

/// The name of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The node that appended it.
    pub node: NodeId,
    /// That node's own count of the channel, from 1.
    pub count: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.count)
    }
}

/// What one node appends to one channel at once.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Who appends.
    pub node: NodeId,
    /// Where.
    pub channel: Channel,
    /// The node's count of the first record; the others follow.
    pub first: u64,
    /// The records, at least one.
    pub records: Vec<Bytes>,
}

/// A record as it is read.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its channel.
    pub channel: Channel,
    /// Its number there.
    pub number: Number,
    /// Its name.
    pub origin: Origin,
    /// When it was appended, as well as the backplane knows.
    pub at: Instant,
    /// What it says.
    pub payload: Bytes,
}

/// What a node knows of the history when it joins.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The epoch; none: it has never joined.
    pub epoch: Option<Epoch>,
    /// What it has read.
    pub ends: Ends,
    /// The newest event's record that it has read.
    pub last: Option<Origin>,
}

/// The history that a node has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its epoch. If it is the one that the node knows, all that the node has read is still there, or older than what is.
    pub epoch: Epoch,
    /// Where both sequences end at this moment.
    pub ends: Ends,
    /// The events after this number are there.
    pub forgotten: Number,
}

/// Why a call failed. All of them are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    other_history: bool,
}

impl Failure {
    /// It cannot be reached, or refuses; the message is for whoever runs it.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), other_history: false }
    }

    /// The history is not the one that the caller knows.
    pub fn other_history() -> Self {
        Self { message: "the history is another one".into(), other_history: true }
    }

    /// Whether the caller has to join anew before anything else.
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

/// One node's way to the history: see the [contract](self). A node has two, one that appends and one that reads, so that neither
/// waits for the other.
pub trait Backplane: Clone + Send + 'static {
    /// Joins the history, or begins one.
    fn join(&mut self, known: &Known) -> impl Future<Output = Result<Joined, Failure>> + Send;

    /// Appends records to the history with this epoch. Returns the number at which the channel ends then.
    fn append(&mut self, epoch: Epoch, batch: &Batch) -> impl Future<Output = Result<Number, Failure>> + Send;

    /// Reads what comes after these ends in both channels, each in its order, and waits for it for [`READ_WAIT`] at most.
    fn read(&mut self, after: Ends) -> impl Future<Output = Result<Vec<Record>, Failure>> + Send;

    /// Something that was read and is no failure, but that whoever runs it should know; each once.
    fn notice(&mut self) -> Option<String> {
        None
    }
}
