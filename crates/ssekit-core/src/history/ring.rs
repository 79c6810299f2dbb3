//! The content of a log: the newest events of one audience, in order of position, within bounds.
//!
//! Dropping an event raises the floor. An event that a newer one of the same key supersedes is taken out, too, but is no
//! gap: a client that has not seen it gets the newer one. Only a mark stays in its place, because a page may resume from its
//! id.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::Frame;
use crate::event::position::Position;
use crate::history::options::LogBounds;

/// The cost of an event besides the bytes of its frame: its slot, and the frame's allocations.
const SLOT_COST: usize = size_of::<RingSlot>() + 96;

/// The cost of a key besides its bytes, in two places: its entry among the keys, and its allocation.
const KEY_COST: usize = 96;

/// Up to this many marks of superseded events, a sweep is not worth it.
const FEW: usize = 32;

/// One event of a log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place in the one sequence.
    pub position: Position,
    /// Its bytes.
    pub frame: Frame,
    /// When it was published.
    pub at: Instant,
    /// Properties that few events have, kept apart so that the other events are small and quick to copy.
    special: Option<Arc<Special>>,
}

/// Properties that few events have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Special {
    /// The client that must not get it.
    pub exclude: Option<Arc<str>>,
    /// It supersedes the log's earlier event with this key.
    pub coalesce_key: Option<Arc<str>>,
    /// The position of the original, which this node delivered before all nodes agreed on its place; 0: there is no
    /// original.
    pub duplicate_of: Position,
}

impl Entry {
    /// An event at its place.
    pub fn new(position: Position, frame: Frame, at: Instant, special: Special) -> Self {
        let is_usual = special.exclude.is_none() && special.coalesce_key.is_none() && special.duplicate_of == 0;
        Self { position, frame, at, special: (!is_usual).then(|| Arc::new(special)) }
    }

    fn cost(&self) -> usize {
        SLOT_COST + self.frame.cost() + self.special.as_ref().map_or(0, |special| special.cost())
    }

    fn coalesce_key(&self) -> Option<&Arc<str>> {
        self.special.as_ref()?.coalesce_key.as_ref()
    }

    fn exclude(&self) -> Option<&str> {
        self.special.as_ref()?.exclude.as_deref()
    }

    /// Where the original of this duplicate stands; 0: there is no original.
    pub fn duplicate_of(&self) -> Position {
        self.special.as_ref().map_or(0, |special| special.duplicate_of)
    }

    /// Whether some client may not be meant to get it, or may have received it already.
    pub fn is_choosy(&self) -> bool {
        self.exclude().is_some() || self.duplicate_of() > 0
    }

    /// Whether the event is for the client with this id.
    pub fn is_for(&self, client_id: &str) -> bool {
        self.exclude().is_none_or(|excluded| excluded != client_id)
    }

    /// Whether this event is for every client that `older` is for: a client that is excluded from this one has only `older`.
    fn reaches_all_of(&self, older: &Self) -> bool {
        self.exclude().is_none() || self.exclude() == older.exclude()
    }
}

impl Special {
    fn cost(&self) -> usize {
        let exclude = self.exclude.as_ref().map_or(0, |id| id.len());
        let key = self.coalesce_key.as_ref().map_or(0, |key| KEY_COST + key.len());
        size_of::<Self>() + exclude + key
    }
}

/// The log has dropped something after the reader's cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap;

/// The events that a log holds, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Events.
    pub events: usize,
    /// Bytes, with everything that keeping an event costs.
    pub bytes: usize,
}

/// The part of a log after a cursor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events.
    pub events: usize,
    /// Bytes on the wire, if they were counted.
    pub bytes: usize,
    /// When the first of them was published.
    pub since: Option<Instant>,
}

impl Backlog {
    /// The time the first of its events has been waiting.
    pub fn age(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| Instant::now().saturating_duration_since(since))
    }

    /// The sum of both.
    pub fn and(self, other: Self) -> Self {
        let since = match (self.since, other.since) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        Self { events: self.events + other.events, bytes: self.bytes + other.bytes, since }
    }
}

#[derive(Debug)]
enum RingSlot {
    Live(Entry),
    /// A newer event has taken the place of this one.
    Superseded {
        position: Position,
        at: Instant,
        own_id: Option<Arc<str>>,
    },
}

impl RingSlot {
    fn position(&self) -> Position {
        match self {
            Self::Live(Entry { position, .. }) | Self::Superseded { position, .. } => *position,
        }
    }

    fn at(&self) -> Instant {
        match self {
            Self::Live(Entry { at, .. }) | Self::Superseded { at, .. } => *at,
        }
    }

    fn own_id(&self) -> Option<&str> {
        match self {
            Self::Live(entry) => entry.frame.own_id(),
            Self::Superseded { own_id, .. } => own_id.as_deref(),
        }
    }

    fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Live(entry) => Some(entry),
            Self::Superseded { .. } => None,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Live(entry) => entry.cost(),
            Self::Superseded { own_id, .. } => size_of::<Self>() + own_id.as_ref().map_or(0, |id| id.len()),
        }
    }
}

/// The newest events of one audience, within bounds.
#[derive(Debug)]
pub struct Ring {
    slots: VecDeque<RingSlot>,
    bytes: usize,
    /// The ring has all events of this audience after this position, except for superseded ones.
    floor: Position,
    /// Slots whose event was superseded.
    superseded: usize,
    /// Position of the newest event of each key.
    #[expect(
        clippy::box_collection,
        reason = "few logs ever need it, and there may be very many of those that do not"
    )]
    newest: Option<Box<HashMap<Arc<str>, Position>>>,
}

impl Ring {
    /// An empty ring that knows of everything after `floor`.
    pub fn new(floor: Position) -> Self {
        Self { slots: VecDeque::new(), bytes: 0, floor, superseded: 0, newest: None }
    }

    /// Adds an event, whose position must be higher than all before, and drops the excess over the bounds of one log. Says
    /// whether it superseded another event.
    pub fn append(&mut self, entry: Entry, bounds: LogBounds) -> bool {
        let superseded = self.supersede(&entry);
        self.bytes += entry.cost();
        self.slots.push_back(RingSlot::Live(entry));
        if self.superseded > FEW + self.slots.len() / 2 {
            self.sweep(|own_id| own_id.is_some());
        }
        while self.slots.len() > 1 && self.exceeds(bounds) {
            // Drop marks before events.
            if self.superseded > self.slots.len() / 2 {
                self.sweep(|_| false);
            } else {
                self.evict();
            }
        }
        superseded
    }

    fn exceeds(&self, bounds: LogBounds) -> bool {
        self.slots.len() > bounds.max_events || self.bytes > bounds.max_bytes
    }

    fn supersede(&mut self, newer: &Entry) -> bool {
        let Some(key) = newer.coalesce_key() else { return false };
        let newest = self.newest.get_or_insert_default();
        let Some(older) = newest.insert(Arc::clone(key), newer.position) else { return false };
        let Ok(index) = self.slots.binary_search_by_key(&older, RingSlot::position) else { return false };
        let Some(slot) = self.slots.get_mut(index) else { return false };
        let Some(entry) = slot.entry().filter(|older| newer.reaches_all_of(older)) else { return false };
        let own_id = entry.frame.own_id().map(Arc::from);
        let mark = RingSlot::Superseded { position: entry.position, at: entry.at, own_id };
        self.bytes = self.bytes + mark.cost() - entry.cost();
        *slot = mark;
        self.superseded += 1;
        true
    }

    /// Takes out the marks of superseded events. `keep` decides by the caller's own id which marks stay.
    fn sweep(&mut self, keep: impl Fn(Option<&str>) -> bool) {
        let (mut bytes, mut gone) = (0, 0);
        self.slots.retain(|slot| {
            let stays = slot.entry().is_some() || keep(slot.own_id());
            if !stays {
                bytes += slot.cost();
                gone += 1;
            }
            stays
        });
        self.bytes -= bytes;
        self.superseded -= gone;
    }

    /// Drops the oldest event. Returns its cost, if there was one.
    pub fn evict(&mut self) -> Option<usize> {
        let slot = self.slots.pop_front()?;
        let cost = slot.cost();
        self.bytes -= cost;
        match slot {
            RingSlot::Live(entry) => {
                self.floor = entry.position;
                self.forget_key(&entry);
            }
            // The newer event is still here.
            RingSlot::Superseded { .. } => self.superseded -= 1,
        }
        self.give_room_back();
        Some(cost)
    }

    fn forget_key(&mut self, gone: &Entry) {
        if let (Some(key), Some(newest)) = (gone.coalesce_key(), &mut self.newest)
            && newest.get(key) == Some(&gone.position)
        {
            newest.remove(key);
            if newest.is_empty() {
                self.newest = None;
            }
        }
    }

    /// A burst must not keep its memory for ever. An empty log keeps none, because there may be very many empty logs.
    fn give_room_back(&mut self) {
        if self.slots.is_empty() {
            self.slots = VecDeque::new();
        } else if self.slots.len() * 4 < self.slots.capacity() && self.slots.capacity() > 64 {
            self.slots.shrink_to(self.slots.len() * 2);
        }
    }

    /// Drops all events, and frees their memory.
    pub fn clear(&mut self) {
        let floor = self.slots.back().map_or(self.floor, RingSlot::position);
        *self = Self::new(floor);
    }

    /// Position and time of the oldest event.
    pub fn front(&self) -> Option<(Position, Instant)> {
        self.slots.front().map(|slot| (slot.position(), slot.at()))
    }

    /// The events that it holds, and their bytes.
    pub fn usage(&self) -> Usage {
        Usage { events: self.slots.len(), bytes: self.bytes }
    }

    /// The ring has all events of this audience after this position, except for superseded ones.
    pub fn floor(&self) -> Position {
        self.floor
    }

    /// Copies at most `limit` entries after `cursor` and up to `head` to `out`.
    pub fn read(&self, cursor: Position, head: Position, limit: usize, out: &mut Vec<Entry>) -> Result<(), Gap> {
        if cursor < self.floor {
            return Err(Gap);
        }
        let news = self.after(cursor).take_while(|entry| entry.position <= head).take(limit);
        out.extend(news.cloned());
        Ok(())
    }

    /// The first slot after `cursor`.
    fn start(&self, cursor: Position) -> usize {
        self.slots.partition_point(|slot| slot.position() <= cursor)
    }

    fn after(&self, cursor: Position) -> impl Iterator<Item = &Entry> {
        self.slots.range(self.start(cursor)..).filter_map(RingSlot::entry)
    }

    /// The events after `cursor`. Counts their bytes only if `weigh` is set, because that looks at each event. Otherwise it
    /// looks at events only if some were superseded.
    pub fn backlog(&self, cursor: Position, weigh: bool) -> Backlog {
        if !weigh && self.superseded == 0 {
            let start = self.start(cursor);
            let since = self.slots.get(start).map(RingSlot::at);
            return Backlog { events: self.slots.len() - start, bytes: 0, since };
        }
        self.after(cursor).fold(Backlog::default(), |sum, entry| Backlog {
            events: sum.events + 1,
            bytes: sum.bytes + if weigh { entry.frame.chunk_len() } else { 0 },
            since: sum.since.or(Some(entry.at)),
        })
    }

    /// The lowest position after `cursor` of an event with this caller's id.
    pub fn find(&self, own_id: &str, cursor: Position) -> Option<Position> {
        self.slots.range(self.start(cursor)..).find(|slot| slot.own_id() == Some(own_id)).map(RingSlot::position)
    }
}

#[cfg(test)]
mod tests;
