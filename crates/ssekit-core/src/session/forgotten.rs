//! Remembers a little about clients and users after the hub has dropped everything else. So a page that comes back learns
//! about the events that it has missed, and no other page does. The hub remembers ids by their hashes, keyed by a secret of
//! the process. If two hashes are ever the same, some page gets an extra reset.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::aging::AgingMap;
use crate::event::position::Position;

/// The maximum number of ids that each table remembers.
const MOST: usize = 65_536;

/// A bounded table by id; the oldest entries give way.
#[derive(Debug)]
struct Table<T> {
    hasher: RandomState,
    entries: AgingMap<u64, T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), entries: AgingMap::default() }
    }
}

impl<T> Table<T> {
    fn get(&self, id: &str) -> Option<&T> {
        self.entries.get(&self.hasher.hash_one(id))
    }

    /// Adds an entry, in place of an earlier one for the id. Returns the entry for which there is no room.
    fn insert(&mut self, id: &str, entry: T) -> Option<T> {
        self.entries.insert(self.hasher.hash_one(id), entry);
        self.entries.pop_oldest_if(|_, count| count > MOST).map(|(_, dropped)| dropped)
    }
}

/// The position up to which events are missing, for ids that have no other state.
#[derive(Debug, Default)]
pub(crate) struct Missing(Mutex<MissingPositions>);

#[derive(Debug, Default)]
struct MissingPositions {
    /// Up to this position, events may be missing for any id.
    of_anybody: Position,
    of_some: Table<Position>,
}

impl Missing {
    /// An event at this position is missing for this id.
    pub(crate) fn note(&self, id: &str, position: Position) {
        let mut missing = self.0.lock();
        let MissingPositions { of_anybody, of_some } = &mut *missing;
        if position > of_some.get(id).copied().unwrap_or(0).max(*of_anybody) {
            let dropped = of_some.insert(id, position).unwrap_or_default();
            *of_anybody = dropped.max(*of_anybody);
        }
    }

    /// Up to this position, events may be missing for any id.
    pub(crate) fn note_all(&self, position: Position) {
        let mut missing = self.0.lock();
        missing.of_anybody = missing.of_anybody.max(position);
    }

    /// The position up to which events are missing for this id.
    pub(crate) fn of(&self, id: &str) -> Position {
        let missing = self.0.lock();
        missing.of_some.get(id).copied().unwrap_or(0).max(missing.of_anybody)
    }
}

/// A client that has gone, and about which nothing else is kept.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    pub(crate) user: Option<Arc<str>>,
    /// Its page may come back with its id.
    pub(crate) brings_id: bool,
    /// It had received everything up to this position. `None`: it was owed a reset.
    pub(crate) reached: Option<Position>,
}

/// The progress of a returning page as an earlier client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier {
    /// `None`: it had not received the reset that it was owed.
    pub(crate) reached: Option<Position>,
}

/// Clients that have gone.
#[derive(Debug, Default)]
pub(crate) struct Departed(Mutex<DepartedClients>);

#[derive(Debug, Default)]
struct DepartedClients {
    clients: Table<(Gone, Position)>,
    /// Some clients that left before this position are not remembered.
    unknown_before: Position,
}

impl Departed {
    /// A client has gone while the head was at this position.
    pub(crate) fn note(&self, id: &str, gone: Gone, head: Position) {
        let mut departed = self.0.lock();
        let DepartedClients { clients, unknown_before } = &mut *departed;
        if let Some((_, head)) = clients.insert(id, (gone, head)) {
            *unknown_before = (head + 1).max(*unknown_before);
        }
    }

    /// The same, unless the client is remembered already.
    pub(crate) fn note_if_unknown(&self, id: &str, gone: Gone, head: Position) {
        if self.find(id).is_err() {
            self.note(id, gone, head);
        }
    }

    /// Some clients that left before this position are not remembered.
    pub(crate) fn knows_nobody_before(&self, position: Position) {
        let mut departed = self.0.lock();
        departed.unknown_before = departed.unknown_before.max(position);
    }

    /// The memory of the client with this id. If there is none, the error is the position before which the client may have
    /// left.
    pub(crate) fn find(&self, id: &str) -> Result<Gone, Position> {
        let departed = self.0.lock();
        departed.clients.get(id).map(|(gone, _)| gone.clone()).ok_or(departed.unknown_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_event_of_one_id_affects_no_other() {
        let missing = Missing::default();
        missing.note("tab", 5);
        missing.note("tab", 3);
        assert_eq!((missing.of("tab"), missing.of("other")), (5, 0));
        missing.note_all(4);
        assert_eq!((missing.of("tab"), missing.of("other")), (5, 4));
    }

    #[test]
    fn oldest_forgotten_id_may_be_anybodys() {
        let missing = Missing::default();
        for number in 0..MOST as u64 {
            missing.note(&number.to_string(), number + 1);
        }
        assert_eq!(missing.of("other"), 0);
        missing.note("one more", MOST as u64 + 1);
        assert_eq!((missing.of("other"), missing.of("1")), (1, 2));
    }

    #[test]
    fn repeatedly_missed_id_evicts_nobody() {
        let missing = Missing::default();
        missing.note("first", 1);
        for position in 2..4 * MOST as u64 {
            missing.note("busy", position);
        }
        assert_eq!(missing.of("busy"), 4 * MOST as u64 - 1);
        assert_eq!((missing.of("first"), missing.of("other")), (1, 0));
    }

    #[test]
    fn unremembered_departures_are_judged_by_time() {
        let departed = Departed::default();
        let gone = |user: &str| Gone { user: Some(user.into()), brings_id: false, reached: Some(0) };
        departed.note("tab", gone("ada"), 7);
        assert_eq!(departed.find("tab").unwrap().user.as_deref(), Some("ada"));
        assert_eq!(departed.find("other").unwrap_err(), 0);
        for number in 0..MOST {
            departed.note(&number.to_string(), gone("bob"), 9);
        }
        assert_eq!(departed.find("tab").unwrap_err(), 8);
    }
}
