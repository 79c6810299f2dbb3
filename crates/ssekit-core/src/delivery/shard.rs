//! A shard: one task that writes for its share of the clients.
//!
//! It sleeps until its inbox or the poll of its sockets wakes it. Then it works in iterations: a broadcast pass covers
//! some slots at a time, and the marked clients come between two iterations. So one user's event does not wait for
//! thousands of other clients. The shard reads a broadcast from its log once and writes the same bytes to each socket.
//! It reads for a single client only if that client lags, or has something else to get.

mod channels;
mod flushes;
mod pass;
mod slot;
mod sweep;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slab::Slab;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::delivery::broadcasts::Broadcasts;
#[cfg(unix)]
use crate::delivery::connection::{Connection, Outcome};
use crate::delivery::deliveries::{Deliveries, Tally};
use crate::delivery::idle::Idle;
use crate::delivery::inbox::{Command, Inbox};
use crate::delivery::lag::Lag;
use crate::delivery::pace::Pace;
use crate::delivery::poller::{Poller, Ready};
use crate::delivery::shard::flushes::Flushes;
use crate::delivery::shard::slot::ShardSlot;
use crate::event::position::Position;
use crate::history::timeline::Timeline;
use crate::options::MaxLag;
use crate::session::channel::Channel;
use crate::session::client::{Client, NO_SLOT};
use crate::session::lifecycle::DisconnectReason;
use crate::session::registry::Registry;
use crate::session::subscriptions::MemberKey;

/// Clients that are written to between two checks of the inbox: about a third of a millisecond of sends.
const SENDS_PER_ITERATION: usize = 48;

/// Batches in a row that a disconnected client gets for events sent before its end: more than a full log needs.
#[cfg(unix)]
const MAX_LAST_BATCHES: usize = 64;

/// The parts that a shard works with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) deliveries: Arc<Deliveries>,
    /// A connection ends if sent data stays unacknowledged for this long.
    pub(crate) timeout: Duration,
    pub(crate) max_lag: MaxLag,
    pub(crate) pace: Pace,
}

/// A pass of some broadcasts over all slots.
#[derive(Debug)]
struct BroadcastPass {
    broadcasts: Broadcasts,
    next: usize,
}

/// A pass of some of a channel's events over its members.
#[derive(Debug)]
struct ChannelPass {
    channel: Arc<Channel>,
    events: Broadcasts,
    next: MemberKey,
}

#[derive(Debug)]
pub(crate) struct Shard {
    shared: Shared,
    poller: Poller,
    slots: Slab<ShardSlot>,
    pass: Option<BroadcastPass>,
    /// Broadcasts up to this position have been passed, or are being passed now.
    passed: Position,
    channel_pass: Option<ChannelPass>,
    /// Channels with events for members that are served here. No pass has begun for these.
    marked_channels: VecDeque<Arc<Channel>>,
    /// Room for the members that a channel pass gets to.
    members: Vec<Arc<Client>>,
    /// Slots that have more to write than one iteration allows.
    unfinished: VecDeque<usize>,
    flushes: Flushes,
    /// The position of the sweep that each tick begins, if it is in progress.
    sweep: Option<usize>,
    /// The lag that the sweep has found so far.
    lag: Lag,
    tick: u32,
    tally: Tally,
    commands: Vec<Command>,
    ready: Vec<Ready>,
}

impl Shard {
    /// Must be called within the runtime that will run the shard.
    pub(crate) fn new(shared: Shared) -> std::io::Result<Self> {
        Ok(Self {
            shared,
            poller: Poller::new()?,
            slots: Slab::new(),
            pass: None,
            passed: 0,
            channel_pass: None,
            marked_channels: VecDeque::new(),
            members: Vec::new(),
            unfinished: VecDeque::new(),
            flushes: Flushes::default(),
            sweep: None,
            lag: Lag::default(),
            tick: 0,
            tally: Tally::default(),
            commands: Vec::new(),
            ready: Vec::new(),
        })
    }

    /// Works until the inbox is stopped.
    pub(crate) async fn run(mut self) {
        let mut ticks = interval(self.shared.pace.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut more = false;
        while !self.shared.inbox.is_stopped() {
            let ticked = if more { yield_now(&mut ticks).await } else { self.wait(&mut ticks).await };
            if ticked {
                self.tick = self.tick.wrapping_add(1);
                // A sweep in progress does not restart; otherwise it might never reach the last slots.
                self.sweep.get_or_insert(0);
            }
            more = self.iterate();
            self.answer_flushes();
        }
    }

    /// Sleeps until there is work. Returns whether the clock ticked.
    async fn wait(&mut self, ticks: &mut Interval) -> bool {
        let flush_due = self.flushes.due();
        let overdue = async {
            match flush_due {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shared.inbox.wait() => false,
            () = self.poller.ready() => false,
            () = overdue => false,
            _ = ticks.tick() => true,
        }
    }

    /// Does a bounded part of the work. Returns whether there is more.
    fn iterate(&mut self) -> bool {
        self.process_commands();
        let more_ready = self.poll_sockets();
        self.start_pass();
        self.continue_pass();
        self.continue_channels();
        self.continue_unfinished();
        self.continue_sweep();
        for (client, reason) in self.shared.deliveries.add(&mut self.tally) {
            self.shared.registry.tell(|observer| observer.was_reset(&client.info, reason));
        }
        let has_passes = self.pass.is_some() || self.has_news() || self.has_channel_news();
        more_ready || has_passes || !self.unfinished.is_empty() || self.sweep.is_some()
    }

    /// Carries out the commands in the inbox.
    fn process_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        self.shared.inbox.take(&mut commands);
        for command in commands.drain(..) {
            match command {
                Command::Join(client) => self.join(client),
                #[cfg(unix)]
                Command::Adopt(handoff) => self.adopt(*handoff),
                Command::Mark(client) => {
                    client.unmark();
                    self.serve(&client);
                }
                Command::Channel(channel) => self.marked_channels.push_back(channel),
                Command::Leave(client) => self.leave(&client),
                Command::Flush(position, done) => {
                    self.flushes.push(position, done);
                    self.shared.inbox.set_flushing(true);
                }
            }
        }
        // Do not keep the memory of a burst for ever.
        commands.shrink_to(1024);
        self.commands = commands;
    }

    fn join(&mut self, client: Arc<Client>) {
        let slot = self.slots.vacant_entry();
        client.slot.store(slot.key() as u32, Ordering::Relaxed);
        // A pass in progress may already be past this slot.
        client.wake();
        let idle = Idle::of(&client);
        slot.insert(ShardSlot::Pulled { client, idle });
    }

    /// The slot number of a client, if it has one here.
    fn key_of(&self, client: &Arc<Client>) -> Option<usize> {
        let key = client.slot.load(Ordering::Relaxed);
        (key != NO_SLOT).then_some(key as usize)
    }

    #[cfg(unix)]
    fn adopt(&mut self, handoff: crate::delivery::handoff::Handoff) {
        let is_resumed = handoff.first.is_some();
        let mut connection = Connection::new(handoff, self.shared.timeout, self.tick);
        if is_resumed {
            // Its request may be unread. With that, the end of the connection would be a reset that takes the last bytes with it.
            connection.writer.discard_input();
        }
        let client = Arc::clone(connection.client());
        // Recalled events may still arrive for this client.
        let waits = connection.reader.has_arrears();
        let (Some(key), true) = (self.key_of(&client), client.is_connected() || waits) else {
            // The client was disconnected while its socket was on its way. It gets the events sent before that, as far
            // as the socket accepts them.
            let (timeline, tick) = (&self.shared.timeline, self.tick);
            let has_more = |_: &usize| connection.write_pending(timeline, tick, &mut self.tally) == Outcome::More;
            let _batches = (0..MAX_LAST_BATCHES).take_while(has_more).count();
            return if waits { self.keep(connection) } else { connection.writer.finish() };
        };
        let added = self.poller.add(connection.writer.fd(), key);
        if let Some(slot) = self.slots.get_mut(key) {
            *slot = ShardSlot::Socket(connection);
        }
        match added {
            Ok(()) => {
                self.work_on(key, |connection, timeline, tick, tally| connection.write_pending(timeline, tick, tally))
            }
            Err(error) => self.fail(&client, &format!("a socket cannot be polled: {error}")),
        }
    }

    /// Gives a client that was let go another slot, until it has what has to be recalled.
    #[cfg(unix)]
    fn keep(&mut self, mut connection: Connection) {
        let slot = self.slots.vacant_entry();
        let key = slot.key();
        if !connection.is_owed() || self.poller.add(connection.writer.fd(), key).is_err() {
            return connection.writer.finish();
        }
        connection.client().slot.store(key as u32, Ordering::Relaxed);
        let until = self.tick.wrapping_add(self.shared.pace.heartbeat);
        slot.insert(ShardSlot::Leaving { connection, until });
    }

    /// Serves a client that has something new in its own logs.
    fn serve(&mut self, client: &Arc<Client>) {
        let Some(key) = self.key_of(client) else { return client.wake() };
        match self.slots.get(key) {
            #[cfg(unix)]
            Some(ShardSlot::Socket(connection) | ShardSlot::Leaving { connection, .. })
                if !connection.writer.blocked =>
            {
                self.work_on(key, |connection, timeline, tick, tally| connection.write_pending(timeline, tick, tally));
            }
            Some(ShardSlot::Pulled { client, .. }) => client.wake(),
            _ => {}
        }
    }

    fn leave(&mut self, client: &Arc<Client>) {
        if !client.is_connected() {
            self.shared.inbox.closed();
        }
        let Some(key) = self.key_of(client) else { return };
        client.slot.store(NO_SLOT, Ordering::Relaxed);
        self.finish(key);
        if !self.lingers(key, client) {
            self.free(key);
        }
    }

    /// Writes the events that a client was sent before it was disconnected, as far as its socket accepts them now.
    #[cfg_attr(not(unix), allow(unused_variables, reason = "no socket is handed off here"))]
    fn finish(&mut self, key: usize) {
        #[cfg(unix)]
        for _ in 0..MAX_LAST_BATCHES {
            let unfinished = self.unfinished.len();
            self.work_on(key, |connection, timeline, tick, tally| connection.write_pending(timeline, tick, tally));
            if self.unfinished.len() == unfinished {
                return;
            }
            self.unfinished.pop_back();
        }
    }

    /// Lets a client that was let go keep its slot until it has everything. Returns whether it keeps the slot.
    fn lingers(&mut self, key: usize, client: &Arc<Client>) -> bool {
        // It may take one heartbeat interval to read the events sent before.
        let until = self.tick.wrapping_add(self.shared.pace.heartbeat);
        if let Some(slot) = self.slots.get_mut(key)
            && matches!(slot, ShardSlot::Pulled { .. })
            && client.progress.is_told()
            && !slot.has_sent(client.end(), self.shared.timeline.broadcasts())
        {
            *slot = ShardSlot::Parting { client: Arc::clone(client), until };
            client.wake();
            return true;
        }
        #[cfg(unix)]
        if let Some(slot) = self.slots.get_mut(key)
            && matches!(slot, ShardSlot::Socket(connection) if connection.is_owed())
        {
            let placeholder = ShardSlot::Pulled { client: Arc::clone(client), idle: Idle::default() };
            if let ShardSlot::Socket(connection) = std::mem::replace(slot, placeholder) {
                // Recalled events must still find this client's slot.
                client.slot.store(key as u32, Ordering::Relaxed);
                *slot = ShardSlot::Leaving { connection, until };
                return true;
            }
        }
        false
    }

    /// Frees a slot and closes its socket.
    fn free(&mut self, key: usize) {
        match self.slots.try_remove(key) {
            Some(ShardSlot::Pulled { client, .. }) => client.wake(),
            Some(ShardSlot::Parting { .. }) => {}
            #[cfg(unix)]
            Some(ShardSlot::Socket(mut connection) | ShardSlot::Leaving { mut connection, .. }) => {
                connection.client().slot.store(NO_SLOT, Ordering::Relaxed);
                connection.writer.finish();
                self.poller.remove(connection.writer.fd());
            }
            None => {}
        }
        if self.slots.len() * 4 < self.slots.capacity() {
            self.slots.shrink_to_fit();
        }
    }

    /// Handles the sockets that are ready. Returns whether there may be more of them.
    #[cfg_attr(not(unix), allow(unused_variables, reason = "no socket is handed off here"))]
    fn poll_sockets(&mut self) -> bool {
        let mut ready = std::mem::take(&mut self.ready);
        let more = self.poller.take(&mut ready);
        for Ready { key, readable, writable } in ready.drain(..) {
            #[cfg(unix)]
            self.work_on(key, |connection, timeline, tick, tally| {
                // Some kinds of sockets report that they are writable whenever their peer has read.
                let waited = connection.writer.blocked && writable;
                match connection.on_ready(readable, writable) {
                    Some(reason) => Outcome::Gone(reason),
                    None if waited => connection.write_pending(timeline, tick, tally),
                    None => Outcome::Settled,
                }
            });
        }
        self.ready = ready;
        more
    }

    #[cfg_attr(not(unix), allow(unused_variables, reason = "no socket is handed off here"))]
    fn continue_unfinished(&mut self) {
        for _ in 0..self.unfinished.len().min(SENDS_PER_ITERATION) {
            if let Some(key) = self.unfinished.pop_front() {
                #[cfg(unix)]
                self.work_on(key, |connection, timeline, tick, tally| connection.write_pending(timeline, tick, tally));
            }
        }
    }

    fn answer_flushes(&mut self) {
        // During a pass some clients have not been served yet. Looking for one in every iteration would cost more than
        // the pass.
        let is_passing = self.pass.is_some() || self.has_channel_news();
        let (slots, broadcasts) = (&self.slots, self.shared.timeline.broadcasts());
        let has_sent = |position| slots.iter().all(|(_, slot)| slot.has_sent(position, broadcasts));
        if self.flushes.answer(is_passing, has_sent) {
            self.shared.inbox.set_flushing(!self.flushes.is_empty());
        }
    }

    /// Runs some work on a connection and handles the outcome. A panic ends only that client.
    #[cfg(unix)]
    fn work_on(&mut self, key: usize, work: impl FnOnce(&mut Connection, &Timeline, u32, &mut Tally) -> Outcome) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let is_leaving = matches!(slot, ShardSlot::Leaving { .. });
        let Some(connection) = slot.connection_mut() else { return };
        let (timeline, tick, tally) = (&*self.shared.timeline, self.tick, &mut self.tally);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection, timeline, tick, tally)));
        match outcome {
            Ok(Outcome::More) => self.unfinished.push_back(key),
            Ok(Outcome::Settled) if is_leaving && connection.is_owed() => {}
            // The client has everything, or can get no more.
            _ if is_leaving => self.free(key),
            Ok(Outcome::Settled) => {}
            Ok(Outcome::Gone(reason)) => {
                connection.writer.break_off();
                let client = Arc::clone(connection.client());
                self.close(&client, reason);
            }
            Err(_) => {
                connection.writer.break_off();
                let client = Arc::clone(connection.client());
                self.fail(&client, "a panic while writing to a client, which was disconnected");
            }
        }
    }

    fn close(&self, client: &Arc<Client>, reason: DisconnectReason) {
        let Shared { registry, timeline, .. } = &self.shared;
        // An observer may panic; that must not stop delivery for everybody.
        let _ = catch_unwind(AssertUnwindSafe(|| registry.remove(client, reason, timeline)));
    }

    fn fail(&self, client: &Arc<Client>, message: &str) {
        self.close(client, DisconnectReason::Fault);
        let _ = catch_unwind(AssertUnwindSafe(|| self.shared.registry.tell(|observer| observer.failed(message))));
    }
}

/// However the shard ends, nobody may keep waiting for it.
impl Drop for Shard {
    fn drop(&mut self) {
        self.shared.inbox.stop();
    }
}

/// Lets other tasks run between two iterations. Returns whether the clock ticked.
async fn yield_now(ticks: &mut Interval) -> bool {
    tokio::select! {
        biased;
        _ = ticks.tick() => true,
        () = tokio::task::yield_now() => false,
    }
}

#[cfg(test)]
mod tests;
