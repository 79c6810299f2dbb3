//! A channel: a log for everybody who subscribes to it, and the connected clients that do.

use std::sync::Arc;

use parking_lot::Mutex;
use slab::Slab;

use crate::event::position::Position;
use crate::history::log::Log;
use crate::options::ChannelOptions;
use crate::session::attendance::Attendance;
use crate::session::channel_log::ChannelLog;
use crate::session::client::Client;
use crate::session::directory::Kept;
use crate::session::subscriptions::Seat;

/// A channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) events: Arc<ChannelLog>,
    members: Mutex<Members>,
    /// The clients that are there, if they want to know of each other.
    pub(crate) attendance: Option<Box<Attendance>>,
}

#[derive(Debug, Default)]
struct Members {
    clients: Slab<Arc<Client>>,
    /// The registry has given this channel up. A caller that still holds it must look the name up again.
    retired: bool,
}

impl Channel {
    /// Up to `floor`, events may be missing in its log.
    pub(crate) fn new(name: &str, floor: Position, options: ChannelOptions) -> Self {
        Self {
            events: Arc::new(ChannelLog::new(name, floor, options.history)),
            members: Mutex::default(),
            attendance: options.presence.then(Box::default),
        }
    }

    /// Adds a member, which is marked for each event. `None`: the channel was given up.
    pub(crate) fn join(&self, client: &Arc<Client>) -> Option<Seat> {
        let mut members = self.members.lock();
        (!members.retired).then(|| members.clients.insert(Arc::clone(client)))
    }

    /// Removes a member, once.
    pub(crate) fn leave(&self, seat: Seat) {
        let mut members = self.members.lock();
        let left = members.clients.try_remove(seat);
        debug_assert!(left.is_some(), "a member leaves once");
        if members.clients.len() * 4 < members.clients.capacity() {
            members.clients.shrink_to_fit();
        }
    }

    /// Marks every member. Returns how many there are.
    pub(crate) fn mark(&self) -> usize {
        let members = self.members.lock();
        for (_, client) in &members.clients {
            client.mark();
        }
        members.clients.len()
    }

    /// The members at this moment.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.members.lock().clients.iter().map(|(_, client)| Arc::clone(client)).collect()
    }

    /// How many members it has.
    pub(crate) fn count(&self) -> usize {
        self.members.lock().clients.len()
    }

    /// Whether its clients think that nobody is there, and no client has its log: one that is away, or that has left the
    /// channel, must find there what it has yet to read.
    fn is_deserted(&self) -> bool {
        Arc::strong_count(&self.events) == 1 && self.attendance.as_ref().is_none_or(|attendance| attendance.is_empty())
    }

    /// Whether the registry has given the channel up.
    pub(crate) fn is_retired(&self) -> bool {
        self.members.lock().retired
    }
}

impl Kept for Channel {
    fn log(&self) -> &Log {
        &self.events.log
    }

    fn is_idle(&self) -> bool {
        self.is_deserted() && self.members.lock().clients.is_empty() && self.events.log.usage().events == 0
    }

    fn retire_if_idle(&self) -> bool {
        let is_empty = self.events.log.usage().events == 0;
        let mut members = self.members.lock();
        members.retired |= is_empty && self.is_deserted() && members.clients.is_empty();
        members.retired
    }
}
