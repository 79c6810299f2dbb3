//! What memory holds, if the whole history is elsewhere: what came after a position, for audiences that somebody here reads.

use tokio::time::Instant;

use super::{Place, Timeline};
use crate::event::position::{Position, is_agreed, last_agreed};

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

    /// Gives a place to an event that no log here holds, because nobody here reads it. It can be recalled later. `None`: it
    /// belongs into a log, because it may have to be read beside events that cannot be recalled.
    pub fn leave_elsewhere(&self, place: Place) -> Option<Position> {
        let mut sequencer = self.sequencer.lock();
        let position = place.after(sequencer.newest);
        let is_plain =
            is_agreed(position) && place.duplicate_of == 0 && !sequencer.hidden && sequencer.ids.alone.is_none();
        is_plain.then(|| {
            sequencer.published += 1;
            self.move_head(&mut sequencer, position);
            position
        })
    }

    /// Whether everything in the logs of users and channels can be recalled: the last unsequenced event of this node is from
    /// before `too_old`, so it is not kept any more.
    pub fn is_all_elsewhere(&self, too_old: Option<Instant>) -> bool {
        let sequencer = self.sequencer.lock();
        let is_too_old = |agreed_again| too_old.is_some_and(|too_old| agreed_again < too_old);
        !sequencer.hidden && sequencer.ids.alone.is_none() && sequencer.agreed_again.is_none_or(is_too_old)
    }

    /// The newest agreed position up to which a client can be served from elsewhere: everything after it is in the logs, and
    /// nothing up to it is unsequenced.
    pub fn settled(&self) -> Position {
        let sequencer = self.sequencer.lock();
        last_agreed(self.head().min(sequencer.ids.alone.unwrap_or(Position::MAX)))
    }
}
