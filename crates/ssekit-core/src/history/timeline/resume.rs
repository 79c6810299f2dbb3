//! Where a returning page goes on, judged by its last event id.

use super::{Ids, Sequencer, Timeline};
use crate::event::position::{Position, Seen, last_agreed};

/// Where a returning client goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The client has seen everything up to this position.
    pub cursor: Position,
    /// It has seen all agreed events up to this position, which this node may not have received yet.
    pub elsewhere: Position,
    /// It came with an id that ssekit made, which says more than its position does.
    pub keeps_id: bool,
}

impl Timeline {
    /// Where a client goes on, if `last_event_id` says so: an id of this epoch, or the caller's own id of an event that `find`
    /// finds in the client's logs.
    pub fn locate(&self, last_event_id: &str, find: impl FnOnce(&str) -> Option<Position>) -> Option<Located> {
        let sequencer = self.sequencer.lock();
        let (ids, head) = (&sequencer.ids, self.head());
        let Some(seen) = ids.epoch.parse_seen(last_event_id) else {
            drop(sequencer);
            let here = |cursor| Located { cursor, elsewhere: 0, keeps_id: false };
            return find(last_event_id).map(here);
        };
        let Seen { position: cursor, only_at, elsewhere } = seen;
        match (&ids.node, only_at) {
            (None, None) => (cursor <= head).then_some(Located { cursor, elsewhere: 0, keeps_id: true }),
            (Some(own), Some(node)) if own.as_str() == node => {
                (cursor <= head).then_some(Located { cursor, elsewhere, keeps_id: true })
            }
            (Some(_), None) => sequencer.locate_newcomer(last_agreed(cursor), head),
            _ => None,
        }
    }

    /// The id of this node's event at `position` for a page that is catching up. The page has seen all agreed events up to
    /// `elsewhere`, and this node's unsequenced events up to this one.
    pub fn id_of_newcomer(&self, position: Position, elsewhere: Position) -> String {
        let sequencer = self.sequencer.lock();
        let Ids { epoch, node, .. } = &sequencer.ids;
        match node {
            Some(node) if sequencer.first_unseen(elsewhere).is_none_or(|first| first <= position) => {
                epoch.id_of_newcomer(position, node, elsewhere)
            }
            _ => epoch.id(elsewhere),
        }
    }
}

impl Sequencer {
    /// The first unsequenced event of this node that is new to a page that has seen all agreed events up to `seen`. `None`:
    /// it is not known any more.
    pub(super) fn first_unseen(&self, seen: Position) -> Option<Position> {
        let waiting = self.ids.alone.map_or(Position::MAX, |alone| alone.max(self.duplicates.last()) + 1);
        let met = self.duplicates.first_unseen(seen).ok()?;
        Some(met.unwrap_or(Position::MAX).min(waiting))
    }

    /// Where a page that has seen all agreed events up to `seen` goes on. It first reads the unsequenced events of this node
    /// that it has yet to get, then goes on where it was.
    fn locate_newcomer(&self, seen: Position, head: Position) -> Option<Located> {
        // An event that has not come back may stand in the part of the history that only the page knows.
        if seen > head && self.ids.alone.is_some() {
            return None;
        }
        let mut cursor = seen.min(head).min(self.first_unseen(seen)? - 1);
        // No other node knows anything between the two.
        if last_agreed(self.base) == seen {
            cursor = cursor.max(self.base);
        }
        Some(Located { cursor, elsewhere: seen, keeps_id: true })
    }
}
