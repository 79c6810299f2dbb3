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
use crate::log::{Entry, Log, Usage};
use crate::options::HistoryOptions;
use crate::position::{Epoch, Position};

/// What a log costs beside its entries; counted so that many small logs are bounded as well.
const LOG_COST: usize = 512;

/// The one sequence.
#[derive(Debug)]
pub struct Timeline {
    epoch: Epoch,
    bounds: HistoryOptions,
    /// All events up to this position are in their logs.
    head: AtomicU64,
    /// What everybody gets.
    broadcasts: Arc<Log>,
    sequencer: Mutex<Sequencer>,
}

#[derive(Debug, Default)]
struct Sequencer {
    /// Each log that holds events once, under the position of its front at some time: the true front is never lower. So the
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
            broadcasts: Arc::new(Log::new(0)),
            sequencer: Mutex::default(),
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
        let frame = draft.finish(&self.epoch, position);
        let (before, after) = log.append(Entry { position, frame, exclude, at: Instant::now() }, &self.bounds);
        sequencer.account(before, after, log, position);
        while sequencer.bytes() > self.bounds.max_total_bytes && sequencer.usage.events > 1 {
            if !sequencer.evict_if(|_| true) {
                break;
            }
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
            while log.evict().is_some() {}
            sequencer.shrink(before, Usage::default());
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

    fn account(&mut self, before: Usage, after: Usage, log: &Arc<Log>, position: Position) {
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
        let Some(log) = self.log_of_oldest_if(condition) else { return false };
        let before = log.usage();
        log.evict();
        self.shrink(before, log.usage());
        true
    }

    fn log_of_oldest_if(&mut self, condition: impl Fn(Instant) -> bool) -> Option<Arc<Log>> {
        while let Some(mut top) = self.oldest.peek_mut() {
            match top.0.log.front() {
                // Emptied, and counted out, since it was entered here.
                None => {
                    PeekMut::pop(top);
                }
                Some((position, _)) if position != top.0.position => top.0.position = position,
                Some((_, at)) => return condition(at).then(|| Arc::clone(&top.0.log)),
            }
        }
        None
    }
}
