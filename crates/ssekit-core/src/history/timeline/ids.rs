//! The ids of a history's events.

use crate::event::position::{Epoch, NodeId, Position, last_agreed};

/// The parts of an id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) epoch: Epoch,
    /// This node, if there are several.
    pub(super) node: Option<NodeId>,
    /// This node's events after this position are unsequenced: the nodes have yet to agree on their place. Until then, an id
    /// says what was seen here and means nothing to any other node.
    pub(super) alone: Option<Position>,
}

impl Ids {
    /// The position and the node in the id of the event at `position`.
    pub(super) fn name(&self, position: Position) -> (Position, Option<&NodeId>) {
        match (&self.node, self.alone) {
            (None, _) => (position, None),
            (Some(node), Some(_)) => (position, Some(node)),
            // Between agreed events are only this node's own notices, which no other node needs to know.
            (Some(_), None) => (last_agreed(position), None),
        }
    }

    /// The id of a copy at `position`, which stands between agreed events. Only this node has it there.
    pub(super) fn of_copy(&self, position: Position) -> String {
        match &self.node {
            None => self.epoch.id(position),
            Some(node) => self.epoch.id_of_newcomer(position, node, last_agreed(position)),
        }
    }
}
