//! Outage delivery: while the backplane is unavailable, this node's own clients still get what it sends.
//!
//! Such an event enters this node's logs unsequenced, before all nodes have agreed on its place. When it comes back
//! from the history, it enters the logs again as a duplicate, which names the first one as its original. A client that
//! has had the original does not get the duplicate. Until all such events have come back, ids name this node. A page
//! that returns to this node resumes exactly where it was. A page that takes such an id to another node receives
//! `ssekit:reset`, because no other node can know what it has seen.
//!
//! The price is the order: clients here see this node's events before events that others sent at the same time.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use crate::backplane::Outgoing;
use crate::cluster::apply::{Applier, Arrival};
use crate::cluster::message::Message;
use crate::cluster::outbox::Outbox;
use crate::engine::Engine;
use crate::event::position::Position;

/// This node's own events that have not come back.
///
/// There are two locks, because the reader holds the one for delivery while it applies a record, and a caller that sends must not
/// wait for that. Whoever needs both takes the one for delivery first.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    flight: Mutex<Flight>,
    ahead: Mutex<Ahead>,
}

/// Sent records that have not come back.
#[derive(Debug, Default)]
struct Flight {
    /// The backplane is unavailable.
    cut_off: bool,
    /// Oldest first. They are kept while the backplane works, because an outage may begin before they come back.
    records: VecDeque<(u64, Bytes)>,
    /// The count of the newest record that was dropped from `records`. Outage delivery must not overtake it.
    dropped: u64,
}

/// The records that were delivered early, and how far the others have come back.
#[derive(Debug, Default)]
struct Ahead {
    /// Delivered records that have not come back, in order.
    delivered: VecDeque<Delivered>,
    /// The count of the newest record that has come back.
    heard: u64,
}

#[derive(Debug, Clone, Copy)]
struct Delivered {
    count: u64,
    /// The event's position, perhaps in a history that is lost. For a command: the position of the newest event.
    position: Position,
    is_order: bool,
}

impl Outage {
    /// Prevents outage delivery by others until the returned value is dropped.
    pub(crate) fn lock(&self) -> OutageDelivery<'_> {
        OutageDelivery { flight: &self.flight, ahead: self.ahead.lock() }
    }

    /// Appends a record. Delivers it at once if nobody knows when it will come back.
    pub(crate) fn send(&self, outbox: &Outbox, record: Outgoing, applier: Applier<'_>) {
        let mut flight = self.flight.lock();
        if !flight.cut_off {
            return flight.send(outbox, record);
        }
        drop(flight);
        self.lock().send(outbox, record, applier);
    }

    /// The backplane is available again.
    pub(crate) fn rejoin(&self) {
        self.lock().flight.lock().cut_off = false;
    }
}

impl Flight {
    /// Appends a record, under this lock so that the records here stand in order of their counts.
    fn send(&mut self, outbox: &Outbox, record: Outgoing) {
        let payload = record.payload.clone();
        self.records.push_back((outbox.push([record]), payload));
        if self.records.len() > outbox.most()
            && let Some((count, _)) = self.records.pop_front()
        {
            self.dropped = count;
        }
    }

    /// The records up to this count are not in flight any more.
    fn land(&mut self, count: u64) {
        while self.records.front().is_some_and(|(first, _)| *first <= count) {
            self.records.pop_front();
        }
    }
}

/// The right to deliver early.
pub(crate) struct OutageDelivery<'a> {
    flight: &'a Mutex<Flight>,
    ahead: MutexGuard<'a, Ahead>,
}

impl OutageDelivery<'_> {
    fn send(&mut self, outbox: &Outbox, record: Outgoing, applier: Applier<'_>) {
        let mut flight = self.flight.lock();
        if !flight.cut_off || !self.has_all(&flight, applier.engine) {
            return flight.send(outbox, record);
        }
        drop(flight);
        let payload = record.payload.clone();
        let count = outbox.push([record]);
        self.deliver(count, &payload, applier);
        applier.engine.wake_for_broadcasts();
    }

    /// Whether clients can get all records that have not come back before the next one: they are still held here, or in the logs.
    /// Those that were delivered before the history was lost are in no log any more. A client that came later gets them only
    /// when they come back, and newer ones must not overtake them.
    fn has_all(&self, flight: &Flight, engine: &Engine) -> bool {
        let base = engine.timeline.base();
        self.ahead.heard >= flight.dropped && self.ahead.delivered.front().is_none_or(|first| first.position > base)
    }

    /// The history is lost, and with it the records up to this count: they were appended, and never come back.
    pub(crate) fn forget_appended(&mut self, count: u64) {
        let lost = self.ahead.delivered.partition_point(|delivered| delivered.count <= count);
        self.ahead.delivered.drain(..lost);
    }

    /// Starts an outage: delivers the records that have not come back, and from now on every new one.
    pub(crate) fn cut_off(&mut self, applier: Applier<'_>) {
        self.flight.lock().cut_off = true;
        applier.engine.end_backfill();
        self.deliver_flying(applier);
    }

    /// Delivers the records in flight, unless an earlier one that must come first is no longer held here.
    fn deliver_flying(&mut self, applier: Applier<'_>) {
        let mut flight = self.flight.lock();
        if !flight.cut_off || flight.records.is_empty() || !self.has_all(&flight, applier.engine) {
            return;
        }
        let records = std::mem::take(&mut flight.records);
        drop(flight);
        self.begin_unsequenced(applier.engine);
        // They may have had some of these events elsewhere, and nobody can tell.
        applier.end_newcomers();
        for (count, payload) in records {
            self.deliver(count, &payload, applier);
        }
        applier.engine.wake_for_broadcasts();
    }

    fn begin_unsequenced(&self, engine: &Engine) {
        if self.first_unsequenced(engine).is_none() {
            engine.timeline.set_unsequenced_after(Some(engine.timeline.newest()));
        }
    }

    fn deliver(&mut self, count: u64, payload: &[u8], applier: Applier<'_>) {
        let Some(message) = Message::decode(payload) else { return };
        self.begin_unsequenced(applier.engine);
        if let Some(earlier) = applier.apply_unsequenced(&message) {
            let (position, is_order) = match earlier {
                Arrival::AlreadyDelivered(position) => (position, false),
                Arrival::AlreadyDone | Arrival::New => (applier.engine.timeline.newest(), true),
            };
            self.ahead.delivered.push_back(Delivered { count, position, is_order });
        }
    }

    /// Whether a record up to this count that has not come back may have been delivered.
    pub(crate) fn has_delivered(&self, count: u64) -> bool {
        self.ahead.delivered.front().is_some_and(|first| first.count <= count)
    }

    /// Notes that one of this node's own records has come back. Returns what happened to it before.
    pub(crate) fn echo(&mut self, count: u64) -> Arrival {
        self.ahead.heard = count.max(self.ahead.heard);
        // Earlier records are no longer in flight either: they were dropped.
        self.flight.lock().land(count);
        let mut earlier = Arrival::New;
        while let Some(first) = self.ahead.delivered.front().copied().filter(|first| first.count <= count) {
            earlier = match first {
                Delivered { count: its, .. } if its != count => Arrival::New,
                Delivered { is_order: true, .. } => Arrival::AlreadyDone,
                Delivered { position, .. } => Arrival::AlreadyDelivered(position),
            };
            self.ahead.delivered.pop_front();
        }
        earlier
    }

    /// Must be called after a record that came back is in the logs. If it was delivered before, tells the logs which
    /// events are still unsequenced.
    pub(crate) fn settle(&mut self, was_unsequenced: bool, applier: Applier<'_>) {
        if was_unsequenced {
            applier
                .engine
                .timeline
                .set_unsequenced_after(self.first_unsequenced(applier.engine).map(|position| position - 1));
        }
        self.deliver_flying(applier);
    }

    /// The position of the oldest event that has not come back and whose history is not lost.
    fn first_unsequenced(&self, engine: &Engine) -> Option<Position> {
        let base = engine.timeline.base();
        // Search in halves: positions never go back, and a lost history may have left very many.
        let start = self.ahead.delivered.partition_point(|delivered| delivered.position <= base);
        self.ahead.delivered.range(start..).find(|delivered| !delivered.is_order).map(|delivered| delivered.position)
    }
}
