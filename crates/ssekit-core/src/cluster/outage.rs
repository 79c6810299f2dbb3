//! What this node does while the backplane cannot be used: its own clients go on getting what it sends.
//!
//! Such an event stands in this node's logs before all nodes have agreed on its place. When it comes back from the history it is put
//! there a second time, and names the first one as its original; a client that has had the one does not get the other. Until all have come
//! back, ids name this node: whoever returns to it goes on exactly where they were, and whoever comes to another node with one is told
//! of a gap, for there nobody can know what they have seen.
//!
//! What is given up is the order: clients here see what this node has sent before what others sent at the same time.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::cluster::local::{Arrival, Local};
use crate::cluster::message::Message;
use crate::cluster::outbox::Outbox;
use crate::event::position::Position;

/// What this node knows of its own events.
#[derive(Debug, Default)]
pub(crate) struct OutageDelivery {
    /// The backplane cannot be used.
    cut_off: bool,
    /// What was sent and has not come back, oldest first, as long as the backplane can be used: it may be cut off in between.
    flying: VecDeque<(u64, Bytes)>,
    /// What was delivered and has not come back, in order.
    ahead: VecDeque<Delivered>,
    /// The count of the newest that was dropped of what was on its way: nothing is delivered alone that would overtake it.
    dropped: u64,
    /// The count of the newest that has come back.
    heard: u64,
}

#[derive(Debug, Clone, Copy)]
struct Delivered {
    count: u64,
    /// Where it stands, or stood in a history that is lost; of an order, where the newest event stood.
    position: Position,
    is_order: bool,
}

impl OutageDelivery {
    /// Appends a record, and delivers it if nobody knows when it will come back.
    pub(crate) fn send(&mut self, outbox: &Outbox, payload: Bytes, local: &dyn Local) {
        let count = outbox.push([payload.clone()]);
        if self.cut_off && self.has_all() {
            self.deliver(count, &payload, local);
            return local.applied();
        }
        self.flying.push_back((count, payload));
        if self.flying.len() > outbox.most()
            && let Some((count, _)) = self.flying.pop_front()
        {
            self.dropped = count;
        }
    }

    /// Whether all that has not come back is here.
    fn has_all(&self) -> bool {
        self.heard >= self.dropped
    }

    /// The backplane cannot be used any more: what has not come back is delivered, and what comes.
    pub(crate) fn cut_off(&mut self, local: &dyn Local) {
        self.cut_off = true;
        local.caught_up();
        self.deliver_flying(local);
    }

    /// Delivers what was on its way, unless some of that must come first that is not here any more.
    fn deliver_flying(&mut self, local: &dyn Local) {
        if !self.cut_off || !self.has_all() || self.flying.is_empty() {
            return;
        }
        self.begin_unsequenced(local);
        // They may have had some of it elsewhere, and nobody knows.
        local.end_newcomers();
        for (count, payload) in std::mem::take(&mut self.flying) {
            self.deliver(count, &payload, local);
        }
        local.applied();
    }

    fn begin_unsequenced(&self, local: &dyn Local) {
        if self.first_unsequenced(local).is_none() {
            local.set_unsequenced_after(Some(local.newest()));
        }
    }

    /// The backplane can be used again.
    pub(crate) fn rejoin(&mut self) {
        self.cut_off = false;
    }

    fn deliver(&mut self, count: u64, payload: &[u8], local: &dyn Local) {
        let Some(message) = Message::decode(payload) else { return };
        self.begin_unsequenced(local);
        if let Some(earlier) = local.apply_unsequenced(&message) {
            let (position, is_order) = match earlier {
                Arrival::AlreadyDelivered(position) => (position, false),
                Arrival::AlreadyDone | Arrival::New => (local.newest(), true),
            };
            self.ahead.push_back(Delivered { count, position, is_order });
        }
    }

    /// One of this node's own records has come back. Says what became of it before.
    pub(crate) fn echo(&mut self, count: u64) -> Arrival {
        self.heard = count.max(self.heard);
        // Those before it are no longer on their way either: they were dropped.
        while self.flying.front().is_some_and(|(first, _)| *first <= count) {
            self.flying.pop_front();
        }
        let mut earlier = Arrival::New;
        while let Some(first) = self.ahead.front().copied().filter(|first| first.count <= count) {
            earlier = match first {
                Delivered { count: its, .. } if its != count => Arrival::New,
                Delivered { is_order: true, .. } => Arrival::AlreadyDone,
                Delivered { position, .. } => Arrival::AlreadyDelivered(position),
            };
            self.ahead.pop_front();
        }
        earlier
    }

    /// To be called after what came back has been put into the logs: tells them what has not, if it was delivered before.
    pub(crate) fn settle(&mut self, was_unsequenced: bool, local: &dyn Local) {
        if was_unsequenced {
            local.set_unsequenced_after(self.first_unsequenced(local).map(|position| position - 1));
        }
        self.deliver_flying(local);
    }

    /// Where the oldest event stands that has not come back, and whose history is not lost.
    fn first_unsequenced(&self, local: &dyn Local) -> Option<Position> {
        let base = local.base();
        // Positions never go back, and of a history that is lost there may be very many.
        let start = self.ahead.partition_point(|delivered| delivered.position <= base);
        self.ahead.range(start..).find(|delivered| !delivered.is_order).map(|delivered| delivered.position)
    }
}
