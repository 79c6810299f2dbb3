//! A channel pass: offers a channel's new events to the members that this shard serves, some at a time.

use std::io::IoSlice;
use std::sync::Arc;

use crate::delivery::broadcasts::Broadcasts;
use crate::delivery::shard::slot::ShardSlot;
use crate::delivery::shard::{ChannelPass, SENDS_PER_ITERATION, Shard};
use crate::session::client::Client;
use crate::session::reader::MAX_EVENTS;

impl Shard {
    /// Goes on with the oldest pass, then with others, as long as there is room.
    pub(super) fn continue_channels(&mut self) {
        let mut room = SENDS_PER_ITERATION;
        while room > 0
            && let Some(pass) = self.channel_pass.take().or_else(|| self.start_channel_pass())
        {
            // A pass without a member also takes its time.
            room -= self.continue_channel(pass, room).clamp(1, room);
        }
        // Do not keep the memory of a burst for ever.
        self.marked_channels.shrink_to(1024);
    }

    /// Returns the number of members that it got to.
    fn continue_channel(&mut self, mut pass: ChannelPass, most: usize) -> usize {
        let mut members = std::mem::take(&mut self.members);
        let next = pass.channel.copy(self.shared.inbox.number, pass.next, most, &mut members);
        let (count, slices) = (members.len(), pass.events.slices());
        // Without the channel's lock, because a client that turns out to be gone leaves the channel.
        for client in members.drain(..) {
            self.offer(&client, &pass.events, &slices);
        }
        drop(slices);
        self.members = members;
        if let Some(next) = next {
            pass.next = next;
            self.channel_pass = Some(pass);
        }
        count
    }

    /// Whether a channel has events that have yet to be offered to members.
    pub(super) fn has_channel_news(&self) -> bool {
        self.channel_pass.is_some() || !self.marked_channels.is_empty()
    }

    fn start_channel_pass(&mut self) -> Option<ChannelPass> {
        let channel = self.marked_channels.pop_front()?;
        let (shard, timeline) = (self.shared.inbox.number, &self.shared.timeline);
        let from = channel.unmark(shard)?;
        // The newest event may not be readable yet.
        let (head, mut entries) = (timeline.head().max(from), Vec::new());
        let log = &channel.events.log;
        // After a gap, each client continues from its own cursor, or gets its reset. The pass also takes place if there is
        // nothing new for the channel: a member may have come while its newest event was being put into the log.
        let gap = log.read(from, head, MAX_EVENTS, &mut entries).is_err();
        let events = Broadcasts::of_channel(log, from, head, timeline.broadcasts().last(), entries);
        channel.set_offered(shard, events.to);
        if !gap && events.to < head {
            self.marked_channels.push_back(Arc::clone(&channel));
        }
        Some(ChannelPass { channel, events, next: 0 })
    }

    #[cfg_attr(not(unix), allow(unused_variables, reason = "no socket is handed off here"))]
    fn offer(&mut self, client: &Arc<Client>, events: &Broadcasts, slices: &[IoSlice<'_>]) {
        let Some(key) = self.key_of(client) else { return client.wake() };
        match self.slots.get(key) {
            Some(ShardSlot::Pulled { client, .. }) => client.wake(),
            // A disconnected client gets only the events from before its end, when its slot is freed.
            #[cfg(unix)]
            Some(ShardSlot::Socket(_)) if client.is_connected() => self
                .work_on(key, |connection, timeline, tick, tally| {
                    connection.deliver(events, slices, timeline, tick, tally)
                }),
            _ => {}
        }
    }
}
