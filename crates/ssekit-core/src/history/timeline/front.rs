//! Logs in the order of their oldest events.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::event::position::Position;
use crate::history::log::Log;

/// A log, under the position of its oldest event at some time.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) position: Position,
    pub(super) log: Arc<Log>,
}

impl PartialEq for Front {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
    }
}

impl Eq for Front {}

impl PartialOrd for Front {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Front {
    fn cmp(&self, other: &Self) -> Ordering {
        self.position.cmp(&other.position)
    }
}
