//! Memory as a part of a history that is elsewhere: it holds the events after a position, for audiences that somebody here reads.

use std::time::Duration;

use tokio::time::Instant;

use super::{Place, Sequencer, Timeline};
use crate::event::position::{Position, is_agreed, last_agreed};

/// The last time when this node delivered alone.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Where the events that this node alone has delivered begin, until all of them have their agreed place. Until then, an earlier
    /// one's place may be ahead of a later one.
    pub(super) began: Option<Position>,
    /// When the last unsequenced event got its agreed place.
    agreed_again: Option<Instant>,
}

impl Outage {
    /// Events after this position are unsequenced; `None`: all have their agreed place.
    pub(super) fn goes_on_after(&mut self, after: Option<Position>) {
        self.began = after.and(self.began.or(after));
        self.agreed_again = Some(Instant::now());
    }
}

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
    /// belongs in a log, because a page may need it that only this node can serve: events that this node alone has delivered
    /// are still kept, and ids that name them.
    pub fn leave_elsewhere(&self, place: Place) -> Option<Position> {
        let mut sequencer = self.sequencer.lock();
        let position = place.after(sequencer.newest);
        let is_plain = is_agreed(position) && place.duplicate_of == 0;
        (is_plain && sequencer.leaves_elsewhere(self.bounds.max_age)).then(|| {
            sequencer.published += 1;
            self.move_head(&mut sequencer, position);
            position
        })
    }

    /// Whether events may be [left elsewhere](Timeline::leave_elsewhere) at this time.
    pub fn leaves_elsewhere(&self) -> bool {
        self.sequencer.lock().leaves_elsewhere(self.bounds.max_age)
    }

    /// Whether a page that has everything up to an agreed position of this node can be served from elsewhere: none of the events
    /// that this node alone has delivered to it gets its agreed place after that.
    pub fn is_agreed_upon(&self, cursor: Position) -> bool {
        is_agreed(cursor) && self.sequencer.lock().first_unseen(cursor).is_some_and(|first| first > cursor)
    }

    /// Whether this node has unsequenced events.
    pub fn has_unsequenced(&self) -> bool {
        self.sequencer.lock().ids.alone.is_some()
    }

    /// Whether everything in the logs of users and channels can be recalled: the last unsequenced event of this node is from
    /// before `too_old`, so it is not kept any more.
    pub fn is_all_elsewhere(&self, too_old: Option<Instant>) -> bool {
        let sequencer = self.sequencer.lock();
        let is_too_old = |agreed_again| too_old.is_some_and(|too_old| agreed_again < too_old);
        !sequencer.hidden && sequencer.ids.alone.is_none() && sequencer.outage.agreed_again.is_none_or(is_too_old)
    }

    /// The newest agreed position up to which a client can be served from elsewhere: everything after it is in the logs, and
    /// nothing up to it is unsequenced.
    pub fn settled(&self) -> Position {
        let sequencer = self.sequencer.lock();
        last_agreed(self.head().min(sequencer.outage.began.unwrap_or(Position::MAX)))
    }
}

impl Sequencer {
    /// Not while this node delivers alone, and not until the events of that time are too old to be kept.
    fn leaves_elsewhere(&self, max_age: Duration) -> bool {
        let is_long_ago = |agreed_again: Instant| agreed_again.elapsed() > max_age;
        !self.hidden && self.ids.alone.is_none() && self.outage.agreed_again.is_none_or(is_long_ago)
    }
}
