//! Which of this node's events it delivered alone, before all nodes had agreed on their place, and where they stand since.
//!
//! A node's events come back in the order in which it sent them. So whoever has seen a part of the agreed sequence has had the lone
//! events before some position, and none of those after it: that position is what is asked here.

use std::collections::VecDeque;

use crate::event::position::{Position, agreed, number_of};

/// Runs that are kept. One is as long as both sequences go on without an event of another node in between.
const MOST_RUNS: usize = 4_096;

/// Lone events that have come back.
#[derive(Debug, Default)]
pub struct Duplicates {
    runs: VecDeque<Run>,
    /// The first lone event of the runs that were dropped, and where the last of them stands now.
    dropped: Option<(Position, Position)>,
}

/// So many lone events, one behind the other, whose agreed places follow one another, too.
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

/// Nobody knows any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten;

impl Duplicates {
    /// The lone event at this position now stands at `place` as well.
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

    /// The first lone event that a page has not had which has seen everything up to `seen` in the agreed sequence; none of those
    /// that have come back, perhaps.
    ///
    /// # Errors
    /// It is among those that are not known any more.
    pub fn first_unseen(&self, seen: Position) -> Result<Option<Position>, Forgotten> {
        // Whoever stands before all of them reads them where they stand.
        if self.dropped.is_some_and(|(first, last)| first <= seen && seen < last) {
            return Err(Forgotten);
        }
        let index = self.runs.partition_point(|run| run.last_agreed() <= seen);
        Ok(self.runs.get(index).map(|run| run.first + (number_of(seen) + 1).saturating_sub(run.number)))
    }

    /// The newest of them; 0: there is none.
    pub fn last(&self) -> Position {
        self.runs.back().map_or(0, |run| run.first + run.len - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_unseen_is_the_first_that_came_back_behind_what_was_seen() {
        let mut duplicates = Duplicates::default();
        for (lone, number) in [(11, 5), (12, 6), (13, 8), (20, 9)] {
            duplicates.add(lone, agreed(number));
        }
        let first = |number| duplicates.first_unseen(agreed(number)).unwrap();
        assert_eq!([4, 5, 6, 7, 8, 9].map(first), [Some(11), Some(12), Some(13), Some(13), Some(20), None]);
        assert_eq!((duplicates.runs.len(), duplicates.last()), (3, 20));
    }

    #[test]
    fn dropped_runs_are_unknown_to_pages_in_their_midst_only() {
        let mut duplicates = Duplicates::default();
        // Every second number is another node's.
        let place = |turn: u64| agreed(2 * turn);
        for turn in 1..=MOST_RUNS as u64 + 10 {
            duplicates.add(turn * 100, place(turn));
        }
        assert_eq!(duplicates.runs.len(), MOST_RUNS);
        assert_eq!(duplicates.first_unseen(99), Ok(Some(1_100)), "all of them lie after it");
        assert_eq!(duplicates.first_unseen(place(9)), Err(Forgotten));
        assert_eq!(duplicates.first_unseen(place(10)), Ok(Some(1_100)));
    }
}
