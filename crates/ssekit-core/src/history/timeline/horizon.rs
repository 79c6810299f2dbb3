//! Where memory begins, if the history before that is elsewhere.

use super::Timeline;
use crate::event::position::{Position, last_agreed};

impl Timeline {
    /// Memory holds what came after this position. Between the base and here, the history is elsewhere.
    pub fn horizon(&self) -> Position {
        self.sequencer.lock().horizon
    }

    /// The history up to this position stays elsewhere.
    pub fn begin_at(&self, position: Position) {
        let mut sequencer = self.sequencer.lock();
        let position = position.max(sequencer.newest);
        self.broadcasts.begin_after(position);
        sequencer.horizon = position;
        self.move_head(&mut sequencer, position);
    }

    /// The newest agreed position up to which a client can be served from elsewhere: everything after it is in the logs, and
    /// nothing up to it is unsequenced.
    pub fn settled(&self) -> Position {
        let sequencer = self.sequencer.lock();
        last_agreed(self.head().min(sequencer.ids.alone.unwrap_or(Position::MAX)))
    }
}
