//! Maps this node's unsequenced events to their agreed positions. The node delivered them alone, before all nodes agreed
//! on their place.
//!
//! A node's events come back in the order in which it sent them. So a page that has seen a part of the agreed sequence has
//! received the unsequenced events before some position, and no event after it. [`Duplicates`] answers which position that
//! is.

use std::collections::VecDeque;

use crate::event::position::{Position, agreed, number_of};

/// The maximum number of runs kept. A run lasts as long as both sequences go on without another node's event in between.
const MOST_RUNS: usize = 4_096;

/// Unsequenced events that have come back.
#[derive(Debug, Default)]
pub struct Duplicates {
    runs: VecDeque<Run>,
    /// The first unsequenced event of the dropped runs, and the agreed place of the last one.
    dropped: Option<(Position, Position)>,
}

/// `len` unsequenced events in a row whose agreed places are in a row, too.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: Position,
    number: u64,
    len: u64,
}

impl Run {
    fn last_agreed(&self) -> Position {
        agreed(self.number + self.len - 1)
    }
}

/// The answer was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten;

impl Duplicates {
    /// The unsequenced event at `lone` now stands at `place` as well.
    pub fn add(&mut self, lone: Position, place: Position) {
        let number = number_of(place);
        if let Some(run) = self.runs.back_mut()
            && run.first + run.len == lone
            && run.number + run.len == number
        {
            run.len += 1;
            return;
        }
        self.runs.push_back(Run { first: lone, number, len: 1 });
        if self.runs.len() > MOST_RUNS
            && let Some(run) = self.runs.pop_front()
        {
            let first = self.dropped.map_or(run.first, |(first, _)| first);
            self.dropped = Some((first, run.last_agreed()));
        }
    }

    /// The first unsequenced event that is new to a page that has seen everything up to `seen` in the agreed sequence.
    /// `None`: the page has received all that have come back.
    ///
    /// # Errors
    /// The event is among those that are not known any more.
    pub fn first_unseen(&self, seen: Position) -> Result<Option<Position>, Forgotten> {
        // A page before all of them reads them where they stand.
        if self.dropped.is_some_and(|(first, last)| first <= seen && seen < last) {
            return Err(Forgotten);
        }
        let index = self.runs.partition_point(|run| run.last_agreed() <= seen);
        Ok(self.runs.get(index).map(|run| run.first + (number_of(seen) + 1).saturating_sub(run.number)))
    }

    /// The newest of them; 0 if there is no such event.
    pub fn last(&self) -> Position {
        self.runs.back().map_or(0, |run| run.first + run.len - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_unseen_follows_the_last_seen_event() {
        let mut duplicates = Duplicates::default();
        for (lone, number) in [(11, 5), (12, 6), (13, 8), (20, 9)] {
            duplicates.add(lone, agreed(number));
        }
        let first = |number| duplicates.first_unseen(agreed(number)).unwrap();
        assert_eq!([4, 5, 6, 7, 8, 9].map(first), [Some(11), Some(12), Some(13), Some(13), Some(20), None]);
        assert_eq!((duplicates.runs.len(), duplicates.last()), (3, 20));
    }

    #[test]
    fn dropped_runs_affect_only_pages_inside_them() {
        let mut duplicates = Duplicates::default();
        // Every second number belongs to another node.
        let place = |run: u64| agreed(2 * run);
        for run in 1..=MOST_RUNS as u64 + 10 {
            duplicates.add(run * 100, place(run));
        }
        assert_eq!(duplicates.runs.len(), MOST_RUNS);
        assert_eq!(duplicates.first_unseen(99), Ok(Some(1_100)), "all of them lie after it");
        assert_eq!(duplicates.first_unseen(place(9)), Err(Forgotten));
        assert_eq!(duplicates.first_unseen(place(10)), Ok(Some(1_100)));
    }
}
