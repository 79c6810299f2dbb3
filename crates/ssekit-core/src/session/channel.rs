//! A channel: a log for everybody who subscribes to it, and the connected clients that do.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::event::audience::Audience;
use crate::event::position::Position;
use crate::history::log::Log;
use crate::options::ChannelOptions;
use crate::session::attendance::Attendance;
use crate::session::channel_log::ChannelLog;
use crate::session::client::Client;
use crate::session::directory::Kept;
use crate::session::members::Members;
use crate::session::subscriptions::MemberKey;

/// A channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) events: Arc<ChannelLog>,
    state: Mutex<State>,
    /// The clients that are there, if they want to know of each other.
    pub(crate) attendance: Option<Box<Attendance>>,
}

#[derive(Debug, Default)]
struct State {
    members: Members,
    /// When the last member left.
    left: Option<Instant>,
    /// The registry has given this channel up. A caller that still holds it must look the name up again.
    retired: bool,
}

impl Channel {
    /// Up to `floor`, events may be missing in its log.
    pub(crate) fn new(name: &str, floor: Position, options: ChannelOptions) -> Self {
        Self {
            events: Arc::new(ChannelLog::new(name, floor, options.history)),
            state: Mutex::default(),
            attendance: options.presence.then(Box::default),
        }
    }

    /// Adds a member, which each event reaches. `None`: the channel was given up.
    pub(crate) fn join(&self, client: &Arc<Client>) -> Option<MemberKey> {
        let mut state = self.state.lock();
        (!state.retired).then(|| state.members.join(client, self.events.log.last()))
    }

    /// Removes a member, once.
    pub(crate) fn leave(&self, client: &Client, key: MemberKey) {
        let mut state = self.state.lock();
        state.members.leave(client, key);
        if state.members.count() == 0 {
            state.left = Some(Instant::now());
        }
    }

    /// There is a new event: runs `tell` for each shard that has to learn about it. Returns the number of members.
    pub(crate) fn mark(&self, tell: impl FnMut(usize)) -> usize {
        let mut state = self.state.lock();
        state.members.mark().for_each(tell);
        state.members.count()
    }

    /// Clears a shard's mark before the shard looks for events, so that a later event sets a new one. Returns the position
    /// up to which the shard has offered events; `None`: it has no members.
    pub(crate) fn unmark(&self, shard: usize) -> Option<Position> {
        self.state.lock().members.unmark(shard)
    }

    /// A shard is about to offer the events up to this position to its members.
    pub(crate) fn set_offered(&self, shard: usize, to: Position) {
        self.state.lock().members.set_offered(shard, to);
    }

    /// Copies at most `most` of a shard's members, from a key on. Returns the key at which to go on; `None`: there are no
    /// more.
    pub(crate) fn copy(
        &self,
        shard: usize,
        from: MemberKey,
        most: usize,
        out: &mut Vec<Arc<Client>>,
    ) -> Option<MemberKey> {
        self.state.lock().members.copy(shard, from, most, out)
    }

    /// The members at this moment.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.state.lock().members.all()
    }

    /// The number of its members.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().members.count()
    }

    /// Whether nobody is listed as present, and no client holds the log. A client that is away, or that has left the
    /// channel, may still have to read from it.
    fn is_deserted(&self) -> bool {
        Arc::strong_count(&self.events) == 1 && self.attendance.as_ref().is_none_or(|attendance| attendance.is_empty())
    }

    /// Whether the registry has given the channel up.
    pub(crate) fn is_retired(&self) -> bool {
        self.state.lock().retired
    }
}

impl Kept for Channel {
    fn audience(name: &str) -> Audience<'_> {
        Audience::Channel(name)
    }

    fn log(&self) -> &Log {
        &self.events.log
    }

    /// No member, nobody who is listed as present or holds the log, and no event, or none that a member could have read since
    /// then.
    fn is_idle(&self, unread_since: Option<Instant>) -> bool {
        self.is_deserted() && self.state.lock().is_idle(&self.events.log, unread_since)
    }

    fn retire_if_idle(&self, unread_since: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        state.retired |= state.is_idle(&self.events.log, unread_since) && self.is_deserted();
        state.retired
    }
}

impl State {
    fn is_idle(&self, log: &Log, unread_since: Option<Instant>) -> bool {
        let is_unread = unread_since.is_some_and(|since| self.left.is_none_or(|left| left <= since));
        self.members.count() == 0 && (is_unread || log.usage().events == 0)
    }
}
