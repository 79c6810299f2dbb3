//! The hub's one sequence. It gives each event its position, puts the event into its log, and keeps the history within
//! bounds.
//!
//! Everything else relies on the order of steps. Under one lock: take the next position, append to the log, then move the
//! head. A reader loads the head first and reads its logs up to it. So it never sees a later position before an earlier one,
//! whichever logs they are in.

mod front;
mod horizon;
mod ids;
mod position;
mod resume;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use self::front::Front;
use self::horizon::Outage;
use self::ids::Ids;
pub use self::resume::Located;
use crate::counter::Counter;
use crate::event::position::{Epoch, NodeId, ONLY_AT, Position};
use crate::event::{Draft, Event, Frame};
use crate::history::duplicates::Duplicates;
use crate::history::log::{Appended, Entry, Log, Usage};
use crate::history::options::HistoryOptions;
use crate::history::ring::Special;

/// The cost of a log besides its entries. It counts, so that many small logs are bounded, too.
const LOG_COST: usize = 512;

/// The one sequence.
#[derive(Debug)]
pub struct Timeline {
    bounds: HistoryOptions,
    /// All events up to this position are in their logs and may be read.
    head: AtomicU64,
    /// Position of the newest targeted event: one that is not for everybody.
    newest_targeted: AtomicU64,
    /// The events for everybody.
    broadcasts: Arc<Log>,
    sequencer: Mutex<Sequencer>,
    /// Events that a newer one of the same key has superseded.
    pub coalesced: Counter,
}

/// An event's position and time.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// `None`: right after the newest event.
    position: Option<Position>,
    at: Instant,
    duplicate_of: Position,
}

impl Place {
    /// Right after the newest event, now.
    pub fn next() -> Self {
        Self { position: None, at: Instant::now(), duplicate_of: 0 }
    }

    /// The position comes from a history that is shared with other hubs. It must be after the newest event.
    pub fn given(position: Position, at: Instant) -> Self {
        Self { position: Some(position), at, duplicate_of: 0 }
    }

    /// The position at this place if the newest event is at `newest`.
    fn after(self, newest: Position) -> Position {
        let next = newest + 1;
        self.position.map_or(next, |given| given.max(next))
    }

    /// Makes it a duplicate of the event at `original`; 0 if there is no original.
    pub fn as_duplicate(self, original: Position) -> Self {
        Self { duplicate_of: original, ..self }
    }

    /// Whether the event has been put into a log before.
    pub fn is_duplicate(self) -> bool {
        self.duplicate_of > 0
    }

    /// The given position; 0 if none was given.
    pub fn position(self) -> Position {
        self.position.unwrap_or(0)
    }
}

#[derive(Debug)]
struct Sequencer {
    ids: Ids,
    /// Position of the newest event, which may not be readable yet.
    newest: Position,
    /// The history begins after this position; everything before it is gone.
    base: Position,
    /// Memory holds the events after this position. Earlier events must be recalled, except those for single clients.
    horizon: Position,
    outage: Outage,
    /// New events in the logs may not be read for now: see [`Timeline::begin_backfill`].
    hidden: bool,
    /// Events that were put into logs.
    published: u64,
    /// Unsequenced events of this node that have their agreed place by now.
    duplicates: Duplicates,
    /// Each log that holds events, once, under the position of its front at some time: the true front is never lower. To
    /// find the log with the oldest event of all, bring the top up to date until it stays on top.
    oldest: BinaryHeap<Reverse<Front>>,
    usage: Usage,
    logs: usize,
}

impl Timeline {
    /// An empty history with its own epoch.
    pub fn new(bounds: HistoryOptions) -> Self {
        Self {
            bounds,
            head: AtomicU64::new(0),
            newest_targeted: AtomicU64::new(0),
            broadcasts: Arc::new(Log::new(0)),
            sequencer: Mutex::new(Sequencer::new()),
            coalesced: Counter::default(),
        }
    }

    /// The epoch of its ids.
    pub fn epoch(&self) -> Epoch {
        self.sequencer.lock().ids.epoch
    }

    /// The history belongs to one node of several.
    pub fn belong_to(&self, node: NodeId) {
        self.sequencer.lock().ids.node = Some(node);
    }

    /// Events after this position are unsequenced: they stand only here, until all nodes have agreed on their place and a
    /// duplicate is put there. `None`: all events have an agreed place.
    pub fn set_unsequenced_after(&self, after: Option<Position>) {
        let mut sequencer = self.sequencer.lock();
        sequencer.ids.alone = after;
        sequencer.outage.goes_on_after(after);
    }

    /// The unsequenced event at `lone` is about to be put at `place`, where all nodes have it.
    pub fn meet_duplicate(&self, lone: Position, place: Position) {
        let mut sequencer = self.sequencer.lock();
        // The events of a lost history are not here any more.
        if lone > sequencer.base {
            sequencer.duplicates.add(lone, place);
        }
    }

    /// Position of the newest event that may be read.
    pub fn head(&self) -> Position {
        self.head.load(Ordering::Acquire)
    }

    /// Position of the newest event.
    pub fn newest(&self) -> Position {
        self.sequencer.lock().newest
    }

    /// Where the history begins. Everything before it is gone, and every client of that time has been told.
    pub fn base(&self) -> Position {
        self.sequencer.lock().base
    }

    /// Events appended from now on are backfill; connected clients must not see them. Nobody reads them before
    /// [`Timeline::end_backfill`], so that a client that learns about a gap meanwhile goes on after all of them.
    pub fn begin_backfill(&self) {
        self.sequencer.lock().hidden = true;
    }

    /// Makes everything in the logs readable. Says whether a backfill was under way.
    pub fn end_backfill(&self) -> bool {
        let mut sequencer = self.sequencer.lock();
        let was_hidden = std::mem::take(&mut sequencer.hidden);
        self.head.store(sequencer.newest, Ordering::Release);
        was_hidden
    }

    /// Position of the newest targeted event, counting all events up to a head that was loaded before. A client that has
    /// read past it has nothing new outside the log of broadcasts, so its other logs need no look-up. In a broadcast to
    /// thousands, that look-up would cost the most after the kernel.
    pub fn newest_targeted(&self) -> Position {
        self.newest_targeted.load(Ordering::Relaxed)
    }

    /// The log of the events for everybody.
    pub fn broadcasts(&self) -> &Arc<Log> {
        &self.broadcasts
    }

    /// Gives the event its position and puts it into `log`. `valid` runs under the lock, with that position: if it says that
    /// the log is being given up, nothing happens and the draft comes back.
    pub fn publish(
        &self,
        place: Place,
        draft: Draft,
        exclude: Option<Arc<str>>,
        log: &Arc<Log>,
        valid: impl FnOnce(Position) -> bool,
    ) -> Result<Position, Draft> {
        let mut sequencer = self.sequencer.lock();
        if !valid(place.after(sequencer.newest)) {
            return Err(draft);
        }
        Ok(self.append(&mut sequencer, place, draft, exclude, log))
    }

    /// Puts `earlier` events into `log`, right before an event of the engine, with new positions and without anything in
    /// between. Both closures run under the lock. `begins` gets the position of the engine's event; if it says that the log
    /// is being given up, nothing happens and the draft comes back.
    pub fn publish_behind(
        &self,
        place: Place,
        draft: Draft,
        earlier: impl FnOnce() -> Vec<Frame>,
        log: &Arc<Log>,
        begins: impl FnOnce(Position) -> bool,
    ) -> Result<Position, Draft> {
        let mut sequencer = self.sequencer.lock();
        let earlier = earlier();
        if !begins(place.after(sequencer.newest + earlier.len() as Position)) {
            return Err(draft);
        }
        for frame in earlier {
            let position = sequencer.newest + 1;
            let frame = if frame.own_id().is_some() { frame } else { frame.with_id(&sequencer.ids.of_copy(position)) };
            self.store(&mut sequencer, Entry::new(position, frame, place.at, Special::default()), log);
        }
        Ok(self.append(&mut sequencer, place, draft, None, log))
    }

    /// Gives a broadcast its position and puts it into the log of broadcasts, which is never given up.
    pub fn broadcast(&self, place: Place, draft: Draft, exclude: Option<Arc<str>>) -> Position {
        self.append(&mut self.sequencer.lock(), place, draft, exclude, &self.broadcasts)
    }

    fn append(
        &self,
        sequencer: &mut Sequencer,
        place: Place,
        draft: Draft,
        exclude: Option<Arc<str>>,
        log: &Arc<Log>,
    ) -> Position {
        let position = place.after(sequencer.newest);
        // A duplicate is no newer event, so it supersedes nothing: a reader that skips one of the two must find the other.
        let coalesce_key = if place.duplicate_of == 0 { draft.coalesce_key().cloned() } else { None };
        let (named, only) = sequencer.ids.name(position);
        let frame = draft.finish_for(&sequencer.ids.epoch, named, only);
        let special = Special { exclude, coalesce_key, duplicate_of: place.duplicate_of };
        self.store(sequencer, Entry::new(position, frame, place.at, special), log);
        position
    }

    fn store(&self, sequencer: &mut Sequencer, entry: Entry, log: &Arc<Log>) {
        let position = entry.position;
        sequencer.published += 1;
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
        self.move_head(sequencer, position);
    }

    /// Moves the head past events that no log here holds.
    pub fn skip_to(&self, position: Position) {
        let mut sequencer = self.sequencer.lock();
        let newest = position.max(sequencer.newest);
        self.move_head(&mut sequencer, newest);
    }

    /// Gives a place to an event that no log holds, and returns it. A client that comes after the event starts behind it.
    pub fn leave_out(&self, place: Place) -> Position {
        let mut sequencer = self.sequencer.lock();
        let position = place.after(sequencer.newest);
        self.move_head(&mut sequencer, position);
        position
    }

    fn move_head(&self, sequencer: &mut Sequencer, newest: Position) {
        sequencer.newest = newest;
        if !sequencer.hidden {
            // Release: a thread that sees this head sees everything that was appended before it.
            self.head.store(newest, Ordering::Release);
        }
    }

    /// Begins the history anew after `position`, with ids of this epoch. Every connected client learns about a gap.
    /// Positions never go back, because cursors do not.
    pub fn renew(&self, epoch: Epoch, position: Position) -> Position {
        let mut sequencer = self.sequencer.lock();
        // One more than the newest, so that even an up-to-date cursor lies before it.
        let base = position.max(sequencer.newest + 1);
        (sequencer.ids.epoch, sequencer.ids.alone, sequencer.outage.began) = (epoch, None, None);
        sequencer.duplicates = Duplicates::default();
        for Reverse(front) in std::mem::take(&mut sequencer.oldest) {
            front.log.clear();
        }
        (sequencer.usage, sequencer.logs) = Default::default();
        self.broadcasts.begin_after(base);
        (sequencer.base, sequencer.horizon) = (base, base);
        self.move_head(&mut sequencer, base);
        base
    }

    /// Events that were put into logs since the start.
    pub fn published(&self) -> u64 {
        self.sequencer.lock().published
    }

    /// Drops events that have outlived their age. Call it now and then.
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

    /// The number of logs that hold events, and what they hold.
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

    /// The id of everything up to now.
    pub fn cursor(&self) -> String {
        let sequencer = self.sequencer.lock();
        let Ids { epoch, .. } = &sequencer.ids;
        match sequencer.ids.name(self.head()) {
            (position, None) => epoch.id(position),
            (position, Some(node)) => format!("{}{ONLY_AT}{node}", epoch.id(position)),
        }
    }

    /// An event of the engine for one client, with `position` as its id.
    pub fn notice(&self, event: Event<'_>, position: Position) -> Frame {
        let ids = self.sequencer.lock().ids;
        let (named, only) = ids.name(position);
        event.encode_unchecked().finish_for(&ids.epoch, named, only)
    }
}

impl Sequencer {
    fn new() -> Self {
        let ids = Ids { epoch: Epoch::random(), node: None, alone: None };
        let (outage, duplicates, oldest, usage) = Default::default();
        let (newest, base, horizon, hidden, published, logs) = Default::default();
        Self { ids, newest, base, horizon, outage, hidden, published, duplicates, oldest, usage, logs }
    }

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
                // The log was cleared, and counted out, after it was entered here.
                None => drop(PeekMut::pop(top)),
                Some((position, _)) if position != top.0.position => top.0.position = position,
                Some((_, at)) if !condition(at) => return false,
                Some(_) => {
                    let before = top.0.log.usage();
                    top.0.log.evict();
                    let after = top.0.log.usage();
                    if after.events == 0 {
                        // Remove it at once: its next event enters it again, possibly before the next look.
                        PeekMut::pop(top);
                    }
                    break (before, after);
                }
            }
        };
        self.shrink(before, after);
        true
    }

    /// A cleared log stays entered until it reaches the top, which takes long in a long-lived history. Before such logs
    /// outnumber the others, they are taken out.
    fn forget_cleared(&mut self) {
        if self.oldest.len() > 2 * self.logs + 64 {
            self.oldest.retain(|Reverse(front)| front.log.usage().events > 0);
        }
    }
}

#[cfg(test)]
mod tests;
