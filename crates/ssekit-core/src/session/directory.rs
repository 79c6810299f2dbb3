//! Logs by name, each with its readers: all users, or all channels. An entry begins with its first event or reader, and is
//! given up when nothing is left of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::backplane::{Address, Interest};
use crate::event::audience::Audience;
use crate::event::position::Position;
use crate::history::log::Log;
use crate::history::timeline::{Place, Timeline};
use crate::session::forgotten::Missing;

/// The number of new entries after which a search for idle ones is worthwhile.
const CROWD: usize = 8_192;

/// An entry of a directory.
pub(crate) trait Kept {
    /// The audience with this name.
    fn audience(name: &str) -> Audience<'_>;
    /// The log of its events.
    fn log(&self) -> &Log;
    /// Whether it has nothing left: no event, or none that anybody has read since this time.
    fn is_idle(&self, unread_since: Option<Instant>) -> bool;
    /// Gives the entry up if nothing is left; a caller that still holds it must look the name up again. Nothing may be
    /// published meanwhile.
    fn retire_if_idle(&self, unread_since: Option<Instant>) -> bool;
}

/// All entries about which something is kept.
#[derive(Debug)]
pub(crate) struct Directory<T> {
    by_name: DashMap<Arc<str>, Arc<T>>,
    /// For entries that were given up: the position up to which their events are missing.
    missing: Missing,
    /// The node follows whoever has an entry here.
    interest: Interest,
    crowd: Arc<Crowd>,
}

/// Tells when the number of entries makes it time to search for idle ones. The regular sweep is not enough, because
/// events to ever new names may come faster.
#[derive(Debug)]
pub(crate) struct Crowd {
    full: AtomicUsize,
    grown: Notify,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { full: AtomicUsize::new(CROWD), grown: Notify::new() }
    }
}

impl Crowd {
    /// Waits until there are that many entries.
    pub(crate) async fn grown(&self) {
        self.grown.notified().await;
    }
}

impl<T: Kept> Directory<T> {
    pub(crate) fn new(interest: Interest) -> Self {
        Self { by_name: DashMap::new(), missing: Missing::default(), interest, crowd: Arc::default() }
    }

    /// The entry with this name. `new` makes one that knows of everything after a position.
    pub(crate) fn get_or_begin(&self, name: &str, new: impl FnOnce(Position) -> T) -> Arc<T> {
        if let Some(entry) = self.get(name) {
            return entry;
        }
        let begin = || {
            self.interest.follow(Address::from(T::audience(name)));
            Arc::new(new(self.missing.of(name)))
        };
        let entry = Arc::clone(&self.by_name.entry(name.into()).or_insert_with(begin));
        if self.by_name.len() >= self.crowd.full.load(Ordering::Relaxed) {
            self.crowd.grown.notify_one();
        }
        entry
    }

    /// The entry with this name, if one is known.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<T>> {
        self.by_name.get(name).map(|entry| Arc::clone(&entry))
    }

    /// For a name without an entry: the position up to which its events are missing.
    pub(crate) fn missing_of(&self, name: &str) -> Position {
        self.missing.of(name)
    }

    /// The names of the entries that meet the condition.
    pub(crate) fn names(&self, condition: impl Fn(&T) -> bool) -> Vec<Arc<str>> {
        let matching = self.by_name.iter().filter(|entry| condition(entry.value()));
        matching.map(|entry| Arc::clone(entry.key())).collect()
    }

    /// The history begins anew after this position: nothing before it is available.
    pub(crate) fn begin_after(&self, position: Position) {
        self.missing.note_all(position);
    }

    /// Gives a place to an event that can be recalled, and that nobody here reads. `None`: it belongs in a log.
    pub(crate) fn leave_elsewhere(&self, name: &str, place: Place, timeline: &Timeline) -> Option<Position> {
        if self.by_name.contains_key(name) {
            return None;
        }
        match self.by_name.entry(name.into()) {
            Entry::Occupied(_) => None,
            // No reader can begin while the name is held. A later reader finds the note.
            Entry::Vacant(_vacant) => {
                let position = timeline.leave_elsewhere(place)?;
                self.missing.note(name, position);
                Some(position)
            }
        }
    }

    /// Gives up entries with nothing left. Events that nobody has read since `unread_since` do not count, because they can be
    /// recalled. `retired` hears of each entry before its name is free.
    pub(crate) fn sweep(&self, timeline: &Timeline, unread_since: Option<Instant>, retired: impl Fn(&str, &T)) {
        for name in self.names(|entry| entry.is_idle(unread_since)) {
            self.by_name.remove_if(&name, |_, entry| {
                let is_retired = timeline.quiesced(|| entry.retire_if_idle(unread_since));
                if is_retired {
                    timeline.clear(entry.log());
                    self.missing.note(&name, entry.log().floor());
                    // While the name is held, so that whoever begins anew follows after that.
                    self.interest.unfollow(&Address::from(T::audience(&name)));
                    retired(&name, entry);
                }
                is_retired
            });
        }
        self.crowd.full.store(self.len() * 2 + CROWD, Ordering::Relaxed);
    }

    /// The number of known entries.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The task that gives up entries waits for this.
    pub(crate) fn crowd(&self) -> Arc<Crowd> {
        Arc::clone(&self.crowd)
    }
}
