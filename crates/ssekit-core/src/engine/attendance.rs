//! Clients that come to a channel and go, for channels whose clients want to know.

use crate::engine::Engine;
use crate::history::timeline::Place;
use crate::session::attendance::Attendee;

impl Engine {
    /// Tells a channel's clients that another one has come or gone, if they do not know that already.
    pub(crate) fn apply_attendance(&self, place: Place, attendee: Attendee<'_>, comes: bool) {
        let mut notice = attendee.notice(comes);
        loop {
            let channel = self.registry.channel(attendee.channel);
            let Some(attendance) = &channel.attendance else { return };
            let mut is_new = false;
            let note = |_| {
                !channel.is_retired() && {
                    is_new = attendance.note(attendee, comes);
                    is_new
                }
            };
            match self.timeline.publish(place, notice, None, &channel.events.log, note) {
                Ok(_) => {
                    self.mark_members(&channel);
                    return;
                }
                Err(_) if !channel.is_retired() => return,
                // The channel was given up after the look-up.
                Err(unpublished) => notice = unpublished,
            }
        }
    }
}
