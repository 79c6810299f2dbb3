//! How a node stands with the others.

use crate::cluster::outbox::Buffered;

/// Where a node stands with the backplane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It has not joined yet.
    Starting,
    /// It has joined, and knows all that there was then.
    Up,
    /// It cannot reach it.
    Down,
}

impl Link {
    /// Its name in JavaScript and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// How a node stands with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterStats {
    /// The backplane.
    pub link: Link,
    /// What waits to be appended.
    pub buffered: Buffered,
    /// Times that the backplane could not be used any more.
    pub outages: u64,
    /// Records that could not be understood.
    pub unreadable: u64,
    /// Other nodes.
    pub nodes: usize,
    /// Clients that are connected to them.
    pub clients: usize,
}
