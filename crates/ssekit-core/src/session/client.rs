//! A connected client.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

use crate::event::key::Key;
use crate::event::position::Position;
use crate::history::log::{Entry, Log};
use crate::session::lifecycle::{ClientInfo, DisconnectReason, Phase};
use crate::session::network::Network;
use crate::session::progress::Progress;

/// The slot number of a client that its shard has not given a slot yet.
pub const NO_SLOT: u32 = u32::MAX;

/// Observers were told that the client is connected.
const TOLD_CONNECTED: u8 = 1;

/// Observers are to be told that the client is gone; this times the number of the reason, counted from one.
const TOLD_GONE: u8 = 2;

/// In place of a position: the client has not got the reset that it is owed.
const OWED: Position = Position::MAX;

/// What a client asks of the shard that serves it. The client owns the trait and the shard's inbox implements it, so that a
/// client need not know how shards work.
pub trait ShardLink: std::fmt::Debug + Send + Sync {
    /// Something in a log of the client's own is new.
    fn mark(&self, client: Arc<Client>);
    /// A client is being closed; `leave` will follow. What is published after this is not for it.
    fn closing(&self);
    /// The client is closed.
    fn leave(&self, client: Arc<Client>);
    /// A stream that somebody else carries has got on.
    fn progressed(&self);
}

/// Where a client begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// It has seen everything up to here.
    pub cursor: Position,
    /// The newest event of that moment.
    pub head: Position,
    /// Where the history of that moment begins.
    pub base: Position,
    /// It is to be told of a gap first.
    pub owes: bool,
}

impl Start {
    /// With nothing to catch up with.
    pub fn at(head: Position) -> Self {
        Self { cursor: head, head, base: 0, owes: false }
    }
}

/// A client, from its connection to its end. It has no queue: what it still has to get stands in the logs, after the cursor
/// of its [`Reader`](crate::session::reader::Reader).
#[derive(Debug)]
pub struct Client {
    /// Who it is.
    pub info: ClientInfo,
    /// Its page has chosen the id and comes back with it.
    pub brings_id: bool,
    /// What its ids end with, and what whoever comes back as this client has to show, if no user vouches for that.
    pub key: Option<Key>,
    /// Where it comes from, as far as that is counted.
    pub network: Option<Network>,
    /// What is sent to its user.
    pub user_log: Option<Arc<Log>>,
    /// What is sent to this client alone. Few clients ever need one.
    log: OnceLock<Arc<Log>>,
    phase: AtomicU8,
    /// What comes after this position is not for it any more. Set when it is disconnected: what was sent before still goes out.
    end: AtomicU64,
    /// It has its place in the registry: what is sent to its id goes into its log. It keeps it while it is away, until it comes
    /// back as another client or is given up.
    listed: AtomicBool,
    /// The application has ended it, so that its id is anybody's.
    released: AtomicBool,
    /// What observers were told of it, for its coming and its going may be told by different threads, and must be in order.
    told: AtomicU8,
    /// The shard that writes for it.
    pub shard: Arc<dyn ShardLink>,
    /// Its number there; only the shard sets it.
    pub slot: AtomicU32,
    /// A mark is on its way to the shard, so another would tell it nothing new.
    marked: AtomicBool,
    /// The newest event when it came in: what was there before, it catches up with as fast as it can.
    pub came_at: Position,
    /// Where the history began when it came: it has had nothing of what this node delivered alone before.
    base: Position,
    /// How far the stream is if somebody else carries it.
    pub progress: Progress,
    /// Up to where it has got whole events, or [`OWED`].
    reached: AtomicU64,
    /// The stream has been idle for long: its next read yields a heartbeat.
    pub heartbeat_due: AtomicBool,
    /// The stream has been read since the shard's last look, so it is not idle.
    pub stirred: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Client {
    /// `log` is there for a client that brings its id, which may have been here before.
    pub fn new(
        info: ClientInfo,
        network: Option<Network>,
        logs: (Option<Arc<Log>>, OnceLock<Arc<Log>>),
        shard: Arc<dyn ShardLink>,
        start: Start,
    ) -> Self {
        let (user_log, log) = logs;
        Self {
            info,
            brings_id: log.get().is_some(),
            key: None,
            network,
            user_log,
            log,
            listed: AtomicBool::new(true),
            released: AtomicBool::new(false),
            phase: AtomicU8::new(Phase::Opening as u8),
            end: AtomicU64::new(Position::MAX),
            told: AtomicU8::new(0),
            shard,
            slot: AtomicU32::new(NO_SLOT),
            marked: AtomicBool::new(false),
            came_at: start.head,
            base: start.base,
            progress: Progress::from(start.cursor),
            reached: AtomicU64::new(if start.owes { OWED } else { start.cursor }),
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
    pub fn is_connected(&self) -> bool {
        self.phase() != Phase::Closed
    }

    /// What comes after this position is not for it any more.
    pub fn end_at(&self, position: Position) {
        self.end.fetch_min(position, Ordering::AcqRel);
    }

    /// What comes after this position is not for it.
    pub fn end(&self) -> Position {
        self.end.load(Ordering::Acquire)
    }

    /// Whether what is sent to its id goes into its log.
    pub fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Acquire)
    }

    /// Another has its place, or nobody. Nothing may be published meanwhile.
    pub fn unlist(&self) {
        self.listed.store(false, Ordering::Release);
    }

    /// It has got everything up to here. Only its reader says so, and often: a store waits for nobody.
    pub fn has_got(&self, position: Position) {
        self.reached.store(position, Ordering::Release);
    }

    /// It had got everything up to here a moment ago. None: not even the reset that it is owed.
    pub fn reached(&self) -> Option<Position> {
        Some(self.reached.load(Ordering::Acquire)).filter(|position| *position != OWED)
    }

    /// Whether there is something to come back to: an id of its own, or events that may not have arrived.
    pub fn is_worth_keeping(&self) -> bool {
        self.brings_id || self.log_if_any().is_some_and(|log| log.last() > 0)
    }

    /// Whether who shows this key may take its place. Of a user's client the user does, whose it is checked elsewhere.
    pub fn is_continued_by(&self, shown: Option<&Key>) -> bool {
        self.info.user.is_some() || self.key.zip(shown).is_some_and(|(key, shown)| key.matches(shown))
    }

    /// Whether its id is anybody's once it is gone.
    pub fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// From its end on, its id is anybody's; once so, always so.
    pub fn release_if(&self, released: bool) {
        self.released.fetch_or(released, Ordering::AcqRel);
    }

    /// Goes on to `next` if the table of [`Phase`] has that step, and returns where it came from.
    pub fn advance(&self, next: Phase) -> Option<Phase> {
        let step = |phase| Phase::from_u8(phase).may_become(next).then_some(next as u8);
        self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).ok().map(Phase::from_u8)
    }

    /// Observers know that it is connected. Returns why it is gone, if that is now to be told, too.
    pub fn told_connected(&self) -> Option<DisconnectReason> {
        let before = self.told.fetch_or(TOLD_CONNECTED, Ordering::AcqRel);
        DisconnectReason::ALL.get(usize::from(before / TOLD_GONE).checked_sub(1)?).copied()
    }

    /// It is gone. Says whether that can be told; otherwise observers have yet to hear that it came, and whoever tells them
    /// that goes on to tell them this.
    pub fn may_tell_gone(&self, reason: DisconnectReason) -> bool {
        self.told.fetch_or((reason as u8 + 1) * TOLD_GONE, Ordering::AcqRel) & TOLD_CONNECTED != 0
    }

    /// The log of what is sent to this client alone, made at its first use.
    pub fn log(&self) -> &Arc<Log> {
        self.log.get_or_init(|| Arc::new(Log::new(0)))
    }

    /// That log, if anything was ever sent so.
    pub fn log_if_any(&self) -> Option<&Arc<Log>> {
        self.log.get()
    }

    /// Whether this event is for it, and not one that it has had already.
    pub fn wants(&self, entry: &Entry) -> bool {
        // Whoever has read past the original has had it.
        entry.duplicate_of() <= self.base && entry.is_for(&self.info.id)
    }

    /// Whether what was sent to its user or to itself goes beyond `cursor`.
    pub fn has_own_news(&self, cursor: Position) -> bool {
        let beyond = |log: &Arc<Log>| log.last() > cursor;
        self.user_log.as_ref().is_some_and(beyond) || self.log_if_any().is_some_and(beyond)
    }

    /// Tells the shard that something in a log of this client's own is new.
    pub fn mark(self: &Arc<Self>) {
        if !self.marked.swap(true, Ordering::AcqRel) {
            self.shard.mark(Arc::clone(self));
        }
    }

    /// The shard is about to look: what comes after this needs another mark. A read-modify-write, for a plain store could be
    /// overtaken by the look at the head that follows, and a mark would be lost between them.
    pub fn unmark(&self) {
        self.marked.swap(false, Ordering::AcqRel);
    }

    /// Who to wake when the stream has something to read.
    pub fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        match slot.as_mut() {
            Some(own) => own.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Wakes who reads the stream, if somebody waits.
    pub fn wake(&self) {
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

    /// Nobody writes for it.
    #[derive(Debug)]
    struct NoShard;

    impl ShardLink for NoShard {
        fn mark(&self, _: Arc<Client>) {}
        fn closing(&self) {}
        fn leave(&self, _: Arc<Client>) {}
        fn progressed(&self) {}
    }

    fn client() -> Client {
        let info = ClientInfo { id: "c".into(), user: None };
        Client::new(info, None, (None, OnceLock::new()), Arc::new(NoShard), Start::at(0))
    }

    #[test]
    fn a_life_goes_on_by_its_table_and_ends_once() {
        let client = client();
        assert_eq!(client.advance(Phase::Stream), Some(Phase::Opening));
        assert_eq!(client.advance(Phase::Stream), None);
        assert_eq!(client.advance(Phase::Handoff), Some(Phase::Stream));
        assert!(client.is_connected());
        assert_eq!(client.advance(Phase::Closed), Some(Phase::Handoff));
        assert_eq!(client.advance(Phase::Closed), None);
        assert!(!client.is_connected());
    }

    #[test]
    fn that_a_client_is_gone_is_told_once_and_after_that_it_came() {
        for reason in DisconnectReason::ALL {
            let usual = client();
            assert_eq!(usual.told_connected(), None);
            assert!(usual.may_tell_gone(reason));
            let overtaken = client();
            assert!(!overtaken.may_tell_gone(reason));
            assert_eq!(overtaken.told_connected(), Some(reason));
        }
    }
}
