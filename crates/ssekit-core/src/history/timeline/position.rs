//! The position of a client that has everything, as its next id.

use super::Timeline;
use crate::event::position::{Position, last_agreed};
use crate::event::{Event, Frame};

impl Timeline {
    /// `ssekit:position` for a client that has everything up to `cursor`. `None` if that is not the head, or if the head
    /// stands still for a backfill. `has_news` says whether the client may have received an event after a position.
    pub fn position_notice(&self, cursor: Position, has_news: impl FnOnce(Position) -> bool) -> Option<Frame> {
        let sequencer = self.sequencer.lock();
        // Under the lock. Otherwise an unsequenced event before the cursor could get its agreed place behind it meanwhile, and
        // a plain id would not say that the client has had it.
        if sequencer.hidden || self.head() != cursor {
            return None;
        }
        let ids = sequencer.ids;
        let (named, only) = match ids.alone {
            // Until the client has one of this node's unsequenced events, it may still resume on any node.
            Some(alone) if !has_news(alone) => (last_agreed(cursor), None),
            _ => ids.name(cursor),
        };
        drop(sequencer);
        let event = Event { name: "ssekit:position", data: "{}", ..Event::default() };
        Some(event.encode_unchecked().finish_for(&ids.epoch, named, only))
    }
}
