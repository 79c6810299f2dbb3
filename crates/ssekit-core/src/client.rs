//! A connected client and its life cycle.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

use crate::inbox::{Command, Inbox};
use crate::log::Log;
use crate::position::Position;
use crate::user::User;

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its id.
    pub id: Arc<str>,
    /// Its user's id; none: an anonymous client.
    pub user: Option<Arc<str>>,
}

/// Why a client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The peer closed or reset the connection.
    Peer,
    /// The application ended it.
    Server,
    /// A newer connection with the same id took its place.
    Replaced,
    /// Its response was never read.
    Unopened,
    /// It sent what no event-stream client sends.
    Protocol,
    /// A fault of the engine's own.
    Fault,
}

impl DisconnectReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Peer, Self::Server, Self::Replaced, Self::Unopened, Self::Protocol, Self::Fault];

    /// Its name in JavaScript and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Server => "server",
            Self::Replaced => "replaced",
            Self::Unopened => "unopened",
            Self::Protocol => "protocol",
            Self::Fault => "fault",
        }
    }
}

/// Where a client is in its life.
///
/// | from | to | when |
/// |---|---|---|
/// | `Opening` | `Stream` | its stream is read for the second time: somebody else carries it |
/// | `Opening`, `Stream` | `Handoff` | its socket is adopted |
/// | any but `Closed` | `Closed` | once, by whoever is first; nothing leads out of it |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Connected; the response is still on its way through Node.
    Opening,
    /// Pulled by somebody else's stream.
    Stream,
    /// Written by a shard to its own socket.
    Handoff,
    /// Gone.
    Closed,
}

impl Phase {
    fn may_become(self, next: Self) -> bool {
        match next {
            Self::Opening => false,
            Self::Stream => self == Self::Opening,
            Self::Handoff => matches!(self, Self::Opening | Self::Stream),
            Self::Closed => self != Self::Closed,
        }
    }

    fn from_u8(byte: u8) -> Self {
        [Self::Opening, Self::Stream, Self::Handoff].get(usize::from(byte)).copied().unwrap_or(Self::Closed)
    }
}

/// The seat number of a client that its shard has not seated yet.
pub(crate) const UNSEATED: u32 = u32::MAX;

/// A client, from its connection to its end. It has no queue: what it still has to get stands in the logs, after the cursor
/// of its [`Reader`](crate::reader::Reader).
#[derive(Debug)]
pub struct Client {
    pub(crate) info: ClientInfo,
    pub(crate) user: Option<Arc<User>>,
    /// What is sent to this client alone. Few clients ever need one.
    log: OnceLock<Arc<Log>>,
    phase: AtomicU8,
    /// The shard that writes for it.
    pub(crate) shard: Arc<Inbox>,
    /// Its number there; only the shard sets it.
    pub(crate) seat: AtomicU32,
    /// A mark is on its way to the shard, so another would tell it nothing new.
    marked: AtomicBool,
    /// Up to where a stream that somebody else carries has been read.
    pub(crate) pulled: AtomicU64,
    /// The stream has been idle for long: its next read yields a heartbeat.
    pub(crate) heartbeat_due: AtomicBool,
    /// The stream has been read since the shard's last look, so it is not idle.
    pub(crate) stirred: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Client {
    pub(crate) fn new(
        info: ClientInfo,
        user: Option<Arc<User>>,
        log: OnceLock<Arc<Log>>,
        shard: Arc<Inbox>,
        cursor: Position,
    ) -> Self {
        Self {
            info,
            user,
            log,
            phase: AtomicU8::new(Phase::Opening as u8),
            shard,
            seat: AtomicU32::new(UNSEATED),
            marked: AtomicBool::new(false),
            pulled: AtomicU64::new(cursor),
            heartbeat_due: AtomicBool::new(false),
            stirred: AtomicBool::new(true),
            waker: Mutex::new(None),
        }
    }

    /// Who it is.
    pub fn info(&self) -> &ClientInfo {
        &self.info
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Acquire))
    }

    /// Whether events still reach it.
    pub(crate) fn is_connected(&self) -> bool {
        self.phase() != Phase::Closed
    }

    /// Goes on to `next` if the table of [`Phase`] has that step, and returns where it came from.
    pub(crate) fn advance(&self, next: Phase) -> Option<Phase> {
        let step = |phase| Phase::from_u8(phase).may_become(next).then_some(next as u8);
        self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).ok().map(Phase::from_u8)
    }

    /// The log of what is sent to this client alone, made at its first use.
    pub(crate) fn log(&self) -> &Arc<Log> {
        self.log.get_or_init(|| Arc::new(Log::new(0)))
    }

    /// That log, if anything was ever sent so.
    pub(crate) fn log_if_any(&self) -> Option<&Arc<Log>> {
        self.log.get()
    }

    /// Tells the shard that something in a log of this client's own is new.
    pub(crate) fn mark(self: &Arc<Self>) {
        if !self.marked.swap(true, Ordering::AcqRel) {
            self.shard.push(Command::Mark(Arc::clone(self)));
        }
    }

    /// The shard is about to look: what comes after this needs another mark. A read-modify-write, for a plain store could be
    /// overtaken by the look at the head that follows, and a mark would be lost between them.
    pub(crate) fn unmark(&self) {
        self.marked.swap(false, Ordering::AcqRel);
    }

    /// Who to wake when the stream has something to read.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        match slot.as_mut() {
            Some(own) => own.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Wakes who reads the stream, if somebody waits.
    pub(crate) fn wake(&self) {
        // The lock is released first: waking may run anything.
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_goes_forward_and_ends_once() {
        use Phase::{Closed, Handoff, Opening, Stream};
        let all = [Opening, Stream, Handoff, Closed];
        let steps: Vec<_> = all
            .iter()
            .flat_map(|from| all.iter().filter(|to| from.may_become(**to)).map(move |to| (*from, *to)))
            .collect();
        assert_eq!(
            steps,
            [
                (Opening, Stream),
                (Opening, Handoff),
                (Opening, Closed),
                (Stream, Handoff),
                (Stream, Closed),
                (Handoff, Closed)
            ]
        );
    }

    #[test]
    fn a_phase_survives_its_number() {
        for phase in [Phase::Opening, Phase::Stream, Phase::Handoff, Phase::Closed] {
            assert_eq!(Phase::from_u8(phase as u8), phase);
        }
    }

    #[test]
    fn reasons_are_numbered_in_order() {
        for (number, reason) in DisconnectReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
    }
}
