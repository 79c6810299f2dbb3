//! The lines of an inspector, as the body of a response that hyper carries.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::state::Shared;
use ssekit_core::Observer;
use ssekit_inspector::{TICK, Watch};

/// The lines of a watch, as a body that hyper pulls: a page that reads slowly gets fewer lines.
pub(crate) struct Lines {
    watch: Watch,
    observer: Arc<dyn Observer>,
    shared: Arc<Shared>,
    ticks: Interval,
}

impl Lines {
    pub(crate) fn of(watch: Watch, shared: &Arc<Shared>) -> Self {
        let observer = watch.observer();
        shared.hub.observe(Arc::clone(&observer));
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { watch, observer, shared: Arc::clone(shared), ticks }
    }

    /// The next line; `None` when the listener or the hub is about to end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        ready!(self.ticks.poll_tick(cx));
        let (hub, is_over) = (&self.shared.hub, !self.shared.is_open() || self.shared.hub.is_draining());
        Poll::Ready((!is_over).then(|| self.watch.line(Some(hub), &hub.stats()).into()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.hub.unobserve(&self.observer);
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lines").field(&self.watch).finish()
    }
}
