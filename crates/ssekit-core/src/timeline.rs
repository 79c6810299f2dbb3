//! The hub's one sequence: gives each event its position, puts it into its log, and keeps the history within bounds.
//!
//! The order of steps is what everything else rests on. Under one lock: take the next position, append to the log, then move
//! the head. A reader loads the head first and reads its logs up to it, so it can never see a later position before an
//! earlier one, whichever logs they are in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::event::{Draft, Event};
use crate::log::{Appended, Entry, Log, Usage};
use crate::options::HistoryOptions;
use crate::position::{Epoch, Position};
use crate::stats::Counter;

/// What a log costs beside its entries; counted so that many small logs are bounded as well.
const LOG_COST: usize = 512;

/// The one sequence.
#[derive(Debug)]
pub struct Timeline {
    epoch: Epoch,
    bounds: HistoryOptions,
    /// All events up to this position are in their logs.
    head: AtomicU64,
    /// Position of the newest event that is not for everybody.
    newest_targeted: AtomicU64,
    /// What everybody gets.
    broadcasts: Arc<Log>,
    sequencer: Mutex<Sequencer>,
    /// Events that a newer one of the same key has superseded.
    pub(crate) coalesced: Counter,
}

#[derive(Debug, Default)]
struct Sequencer {
    /// Each log that holds events, once, under the position of its front at some time: the true front is never lower. So the
    /// log with the oldest event of all is found by bringing the top up to date until it stays on top.
    oldest: BinaryHeap<Reverse<Front>>,
    usage: Usage,
    logs: usize,
}

#[derive(Debug)]
struct Front {
    position: Position,
    log: Arc<Log>,
}

impl PartialEq for Front {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
    }
}

impl Eq for Front {}

impl PartialOrd for Front {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Front {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.position.cmp(&other.position)
    }
}

impl Timeline {
    /// An empty history with an epoch of its own.
    pub fn new(bounds: HistoryOptions) -> Self {
        Self {
            epoch: Epoch::random(),
            bounds,
            head: AtomicU64::new(0),
            newest_targeted: AtomicU64::new(0),
            broadcasts: Arc::new(Log::new(0)),
            sequencer: Mutex::default(),
            coalesced: Counter::default(),
        }
    }

    /// The epoch of its ids.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Position of the newest event.
    pub fn head(&self) -> Position {
        self.head.load(Ordering::Acquire)
    }

    /// Position of the newest event that is not for everybody. Who is up to date with it has nothing in any log but that of
    /// broadcasts, which need not be looked up then: in a broadcast to thousands, that look would be what costs most beside
    /// the kernel. All up to a head that was loaded before are counted in.
    pub(crate) fn newest_targeted(&self) -> Position {
        self.newest_targeted.load(Ordering::Relaxed)
    }

    /// The log of what everybody gets.
    pub fn broadcasts(&self) -> &Arc<Log> {
        &self.broadcasts
    }

    /// Gives the event its position and puts it into `log`. `valid` runs under the lock: if it says that the log is being
    /// given up, nothing happens and the draft comes back.
    pub(crate) fn publish(
        &self,
        draft: Draft,
        exclude: Option<Arc<str>>,
        log: &Arc<Log>,
        valid: impl FnOnce() -> bool,
    ) -> Result<Position, Draft> {
        let mut sequencer = self.sequencer.lock();
        if !valid() {
            return Err(draft);
        }
        let position = self.head.load(Ordering::Relaxed) + 1;
        let coalesce_key = draft.coalesce_key().cloned();
        let frame = draft.finish(&self.epoch, position);
        let entry = Entry { position, frame, exclude, coalesce_key, at: Instant::now() };
        let appended = log.append(entry, &self.bounds);
        self.coalesced.add(u64::from(appended.superseded));
        sequencer.account(appended, log, position);
        while sequencer.bytes() > self.bounds.max_total_bytes && sequencer.usage.events > 1 {
            if !sequencer.evict_if(|_| true) {
                break;
            }
        }
        if !Arc::ptr_eq(log, &self.broadcasts) {
            self.newest_targeted.store(position, Ordering::Relaxed);
        }
        // Release: whoever sees this head sees what was appended before it.
        self.head.store(position, Ordering::Release);
        Ok(position)
    }

    /// Drops what has outlived its age. To be called now and then.
    pub fn expire(&self) {
        let Some(deadline) = Instant::now().checked_sub(self.bounds.max_age) else { return };
        // In small steps, so that no publisher waits long for the lock.
        while self.expire_some(deadline, 256) {}
    }

    fn expire_some(&self, deadline: Instant, most: usize) -> bool {
        let mut sequencer = self.sequencer.lock();
        (0..most).all(|_| sequencer.evict_if(|at| at < deadline))
    }

    /// Runs `give_up` under the lock, so that nothing is published meanwhile.
    pub fn quiesced<T>(&self, give_up: impl FnOnce() -> T) -> T {
        let _sequencer = self.sequencer.lock();
        give_up()
    }

    /// Logs that hold events, and what they hold.
    pub fn usage(&self) -> (usize, Usage) {
        let sequencer = self.sequencer.lock();
        (sequencer.logs, Usage { bytes: sequencer.bytes(), ..sequencer.usage })
    }

    /// Drops everything that a log holds, when its audience is gone for good.
    pub fn clear(&self, log: &Log) {
        let mut sequencer = self.sequencer.lock();
        let before = log.usage();
        if before.events > 0 {
            log.clear();
            sequencer.shrink(before, Usage::default());
            sequencer.forget_cleared();
        }
    }

    /// The position that a client has seen everything up to, if `last_event_id` tells it: an id of this epoch, or the
    /// caller's own id of an event in one of `logs`.
    pub fn locate<'a>(&self, last_event_id: &str, logs: impl IntoIterator<Item = &'a Arc<Log>>) -> Option<Position> {
        match self.epoch.parse(last_event_id) {
            Some(position) => (position <= self.head()).then_some(position),
            None => logs.into_iter().filter_map(|log| log.find(last_event_id)).min(),
        }
    }

    /// An event of the engine's own for one client, with `position` as its id.
    pub(crate) fn notice(&self, event: Event<'_>, position: Position) -> crate::event::Frame {
        event.encode_unchecked().finish(&self.epoch, position)
    }
}

impl Sequencer {
    fn bytes(&self) -> usize {
        self.usage.bytes + self.logs * LOG_COST
    }

    fn account(&mut self, Appended { before, after, .. }: Appended, log: &Arc<Log>, position: Position) {
        if before.events == 0 {
            self.logs += 1;
            self.oldest.push(Reverse(Front { position, log: Arc::clone(log) }));
        }
        self.usage.events = self.usage.events + after.events - before.events;
        self.usage.bytes = self.usage.bytes + after.bytes - before.bytes;
    }

    fn shrink(&mut self, before: Usage, after: Usage) {
        self.usage.events -= before.events - after.events;
        self.usage.bytes -= before.bytes - after.bytes;
        self.logs -= usize::from(after.events == 0);
    }

    /// Drops the oldest event of all logs if its time meets the condition. Says whether it did.
    fn evict_if(&mut self, condition: impl Fn(Instant) -> bool) -> bool {
        let (before, after) = loop {
            let Some(mut top) = self.oldest.peek_mut() else { return false };
            match top.0.log.front() {
                // It was cleared, and counted out, since it was entered here.
                None => drop(PeekMut::pop(top)),
                Some((position, _)) if position != top.0.position => top.0.position = position,
                Some((_, at)) if !condition(at) => return false,
                Some(_) => {
                    let before = top.0.log.usage();
                    top.0.log.evict();
                    let after = top.0.log.usage();
                    if after.events == 0 {
                        // At once: it is entered again with its next event, which may come before the next look.
                        PeekMut::pop(top);
                    }
                    break (before, after);
                }
            }
        };
        self.shrink(before, after);
        true
    }

    /// A log that was cleared stays entered until it comes to the top, which with a long-lived history is far off. Before
    /// there are more of those than others, they are taken out.
    fn forget_cleared(&mut self) {
        if self.oldest.len() > 2 * self.logs + 64 {
            self.oldest.retain(|Reverse(front)| front.log.usage().events > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(max_total_bytes: usize) -> Timeline {
        Timeline::new(HistoryOptions { max_total_bytes, ..HistoryOptions::default() })
    }

    fn publish(timeline: &Timeline, log: &Arc<Log>) -> Position {
        let draft = Event { data: "x", ..Event::default() }.encode(1_024).unwrap();
        timeline.publish(draft, None, log, || true).unwrap()
    }

    fn entered(timeline: &Timeline) -> usize {
        timeline.sequencer.lock().oldest.len()
    }

    #[test]
    fn a_log_that_is_emptied_and_filled_again_and_again_is_entered_once() {
        // Room for one event, so that each one drives out that of the other log.
        let timeline = timeline(1_024);
        let logs = [(); 2].map(|()| Arc::new(Log::new(0)));
        for turn in 0..1_000 {
            publish(&timeline, &logs[turn % 2]);
            assert!(entered(&timeline) <= 2, "{} after {turn}", entered(&timeline));
        }
        assert_eq!(timeline.usage().0, 1);
    }

    #[test]
    fn logs_that_were_cleared_do_not_pile_up_behind_an_old_event() {
        let timeline = timeline(1 << 30);
        publish(&timeline, timeline.broadcasts());
        for _ in 0..10_000 {
            let log = Arc::new(Log::new(0));
            publish(&timeline, &log);
            timeline.clear(&log);
        }
        assert!(entered(&timeline) < 100, "{}", entered(&timeline));
        let (logs, usage) = timeline.usage();
        assert_eq!((logs, usage.events), (1, 1));
    }

    #[test]
    fn the_oldest_event_of_all_logs_is_dropped_first() {
        let timeline = timeline(1 << 30);
        let logs = [(); 3].map(|()| Arc::new(Log::new(0)));
        // Logs in no particular order, some with several events in a row.
        for log in [2, 0, 0, 1, 2, 1, 0, 2, 2, 1] {
            publish(&timeline, &logs[log]);
        }
        let fronts = || logs.iter().filter_map(|log| log.front()).map(|(position, _)| position).min();
        for position in 1..=10 {
            assert_eq!(fronts(), Some(position));
            assert!(timeline.sequencer.lock().evict_if(|_| true));
        }
        assert_eq!(fronts(), None);
        assert!(!timeline.sequencer.lock().evict_if(|_| true));
        assert_eq!((entered(&timeline), timeline.usage()), (0, (0, Usage::default())));
    }

    #[test]
    fn a_clear_counts_a_log_out_and_raises_its_floor() {
        let timeline = timeline(1 << 30);
        let log = Arc::new(Log::new(0));
        publish(&timeline, &log);
        let last = publish(&timeline, &log);
        timeline.clear(&log);
        timeline.clear(&log);
        assert_eq!((log.floor(), log.usage(), timeline.usage()), (last, Usage::default(), (0, Usage::default())));
        publish(&timeline, &log);
        assert_eq!((timeline.usage().0, timeline.usage().1.events), (1, 1));
    }

    #[test]
    fn a_log_that_is_being_given_up_gets_nothing() {
        let timeline = timeline(1 << 30);
        let log = Arc::new(Log::new(0));
        let draft = Event { data: "x", ..Event::default() }.encode(1_024).unwrap();
        assert!(timeline.publish(draft, None, &log, || false).is_err());
        assert_eq!((timeline.head(), log.last(), timeline.usage().0), (0, 0, 0));
    }
}
