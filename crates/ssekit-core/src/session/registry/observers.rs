//! The observers, who hear about clients and users.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Registry;
use crate::session::observer::Observer;

impl Registry {
    /// Adds an observer.
    pub(crate) fn observe(&self, observer: Arc<dyn Observer>) {
        self.observers.write().push(observer);
    }

    /// Removes an observer.
    pub(crate) fn unobserve(&self, observer: &Arc<dyn Observer>) {
        self.observers.write().retain(|other| !Arc::ptr_eq(other, observer));
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
