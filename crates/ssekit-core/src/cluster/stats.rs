//! A node's view of its cluster.

use crate::cluster::outbox::Buffered;

/// The state of a node's link to the backplane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The node has not joined yet.
    Starting,
    /// The node has joined, and knows everything that the history held at that moment.
    Up,
    /// The node cannot reach the backplane.
    Down,
}

impl Link {
    /// The state's name in JavaScript and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A node's view of its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterStats {
    /// The link to the backplane.
    pub link: Link,
    /// The records that wait to be appended.
    pub buffered: Buffered,
    /// The number of times the backplane became unavailable.
    pub outages: u64,
    /// Records that this node could not understand.
    pub unreadable: u64,
    /// The number of other nodes.
    pub nodes: usize,
    /// The number of clients connected to the other nodes.
    pub clients: usize,
}
