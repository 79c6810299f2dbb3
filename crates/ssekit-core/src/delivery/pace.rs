//! A shard's pace: the intervals of its sweep over its clients, and of an idle client's heartbeats and positions.

use std::time::Duration;

use crate::delivery::heartbeat::Heartbeat;

/// The least number of looks in a heartbeat interval, and in the age of an event.
const LOOKS: u32 = 8;

/// The intervals of a shard's sweep, and of an idle client's heartbeats and positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The time between two looks.
    pub(crate) tick: Duration,
    /// A client to which nothing was written for this many ticks gets a heartbeat.
    pub(crate) heartbeat: u32,
    /// A client that got no event for this many ticks gets its position: half of the time for which the history keeps an
    /// event.
    position: u32,
    /// The form of its heartbeats.
    pub(crate) form: Heartbeat,
}

impl Pace {
    pub(crate) fn new(heartbeat: Duration, max_age: Duration, form: Heartbeat) -> Self {
        let tick = (heartbeat.min(max_age) / LOOKS).max(Duration::from_millis(1));
        // Far below the number at which a shard's counter of ticks begins anew.
        let ticks = |time: Duration| u32::try_from(time.as_nanos() / tick.as_nanos()).unwrap_or(u32::MAX).min(1 << 30);
        Self { tick, heartbeat: ticks(heartbeat), position: ticks(max_age / 2), form }
    }

    /// After how many ticks without an event a client gets its position. An id that was old when it was written has to be
    /// replaced sooner, but not at the first tick, which may follow the write at once.
    pub(crate) fn until_position(&self, id_was_old: bool) -> u32 {
        if id_was_old { (self.position / 4).max(2) } else { self.position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn shorter_of_both_times_sets_the_pace() {
        let pace = Pace::new(SECOND * 24, SECOND * 300, Heartbeat::Comment);
        assert_eq!((pace.tick, pace.heartbeat, pace.position), (SECOND * 3, 8, 50));
        let pace = Pace::new(SECOND * 3_600, SECOND * 8, Heartbeat::Comment);
        assert_eq!((pace.tick, pace.heartbeat, pace.position), (SECOND, 3_600, 4));
        assert_eq!((pace.until_position(false), pace.until_position(true)), (4, 2));
    }

    #[test]
    fn extreme_times_are_counted() {
        let (shortest, longest) = (Duration::from_millis(100), Duration::from_millis(1 << 40));
        for (heartbeat, max_age) in [(shortest, longest), (longest, shortest), (shortest, shortest)] {
            let pace = Pace::new(heartbeat, max_age, Heartbeat::Comment);
            assert!(pace.heartbeat >= 8 && pace.until_position(true) >= 2, "{pace:?}");
        }
    }
}
