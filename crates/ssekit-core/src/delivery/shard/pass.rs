//! A broadcast pass: writes the same bytes to each socket, some slots at a time.

use crate::delivery::broadcasts::Broadcasts;
#[cfg(unix)]
use crate::delivery::connection::Outcome;
use crate::delivery::shard::slot::ShardSlot;
use crate::delivery::shard::{BroadcastPass, SENDS_PER_ITERATION, Shard};
use crate::session::reader::MAX_EVENTS;

impl Shard {
    /// Begins a pass with the new broadcasts, if no pass is in progress.
    pub(super) fn start_pass(&mut self) {
        self.shared.inbox.take_broadcast();
        if self.pass.is_some() || !self.has_news() {
            return;
        }
        let head = self.shared.timeline.head();
        let mut entries = Vec::new();
        // After a gap the log can serve nobody as it stands: each client continues from its own cursor, or gets its
        // reset.
        let gap = self.shared.timeline.broadcasts().read(self.passed, head, MAX_EVENTS, &mut entries).is_err();
        let broadcasts = Broadcasts::new(self.passed, head, self.shared.timeline.newest_targeted(), entries);
        self.passed = broadcasts.to;
        if gap || !broadcasts.is_empty() {
            self.pass = Some(BroadcastPass { broadcasts, next: 0 });
        }
    }

    /// Whether there are broadcasts for which no pass has begun.
    pub(super) fn has_news(&self) -> bool {
        self.passed < self.shared.timeline.broadcasts().last()
    }

    pub(super) fn continue_pass(&mut self) {
        let Some(mut pass) = self.pass.take() else { return };
        let slices = pass.broadcasts.slices();
        let end = self.slots.capacity();
        // A disconnected client gets only the events from before its end, when its slot is freed.
        let has_closing = self.shared.inbox.has_closing();
        let mut room = SENDS_PER_ITERATION;
        while pass.next < end && room > 0 {
            let key = pass.next;
            pass.next += 1;
            match self.slots.get(key) {
                Some(ShardSlot::Pulled { client, .. }) => client.wake(),
                #[cfg(unix)]
                Some(ShardSlot::Socket(_)) => {
                    room -= 1;
                    self.work_on(key, |connection, timeline, tick, tally| {
                        if has_closing && !connection.client().is_connected() {
                            return Outcome::Settled;
                        }
                        connection.deliver(&pass.broadcasts, &slices, timeline, tick, tally)
                    });
                }
                // Continues when its socket does.
                #[cfg(unix)]
                Some(ShardSlot::Leaving { .. }) => {}
                Some(ShardSlot::Parting { .. }) | None => {}
            }
        }
        drop(slices);
        self.pass = (pass.next < end).then_some(pass);
    }
}
