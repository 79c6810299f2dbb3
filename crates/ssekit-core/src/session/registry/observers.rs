//! The observers, who hear about clients and users.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Registry;
use crate::event::audience::Audience;
use crate::event::{Draft, Glimpse};
use crate::session::observer::Observer;

impl Registry {
    /// Adds an observer.
    pub(crate) fn observe(&self, observer: Arc<dyn Observer>) {
        let mut observers = self.observers.write();
        observers.push(observer);
        self.onlookers.store(onlookers(&observers), Ordering::Relaxed);
    }

    /// Removes an observer.
    pub(crate) fn unobserve(&self, observer: &Arc<dyn Observer>) {
        let mut observers = self.observers.write();
        observers.retain(|other| !Arc::ptr_eq(other, observer));
        self.onlookers.store(onlookers(&observers), Ordering::Relaxed);
    }

    /// Whether an observer looks at events.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.onlookers.load(Ordering::Relaxed) > 0
    }

    /// A look at an event that is about to be sent, if an observer wants it. Without such observers, this is one load.
    pub(crate) fn glimpse(&self, to: Audience<'_>, draft: &Draft) -> Option<Glimpse> {
        if !self.is_looked_at() {
            return None;
        }
        let name = draft.name();
        let is_wanted = Cell::new(false);
        // Every observer is asked, because each counts for itself.
        self.tell(|observer| is_wanted.set(observer.wants(to, name) || is_wanted.get()));
        is_wanted.get().then(|| draft.glimpse())
    }

    /// Tells every observer. They run without a lock, because they may take their time or panic. If one panics, the others
    /// still hear the news and the caller goes on.
    pub(crate) fn tell(&self, what: impl Fn(&dyn Observer)) {
        let observers = self.observers.read();
        if observers.is_empty() {
            return;
        }
        let all = observers.clone();
        drop(observers);
        for observer in all {
            if catch_unwind(AssertUnwindSafe(|| what(&*observer))).is_err() {
                self.observer_panics.add(1);
            }
        }
    }
}

fn onlookers(observers: &[Arc<dyn Observer>]) -> usize {
    observers.iter().filter(|observer| observer.looks_at_events()).count()
}
