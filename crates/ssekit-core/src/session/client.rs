//! A connected client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

use crate::event::key::Key;
use crate::event::position::Position;
use crate::history::log::Entry;
use crate::session::lifecycle::{ClientInfo, DisconnectReason, NotHandedOff, Phase};
use crate::session::network::Network;
use crate::session::progress::Progress;
use crate::session::revoked::since_1970;
use crate::session::subscriptions::Subscriptions;

/// The slot number of a client that its shard has not given a slot yet.
pub const NO_SLOT: u32 = u32::MAX;

/// Observers have learned that the client is connected.
const TOLD_CONNECTED: u8 = 1;

/// Observers must learn that the client is gone. It is multiplied by the reason's number, counted from one.
const TOLD_GONE: u8 = 2;

/// Stands in for a position: the client has not received the reset that it is owed.
const OWED: Position = Position::MAX;

/// A client's requests to the shard that serves it. The client's module owns the trait, and the shard's inbox implements
/// it, so a client does not know how shards work.
pub trait ShardLink: std::fmt::Debug + Send + Sync {
    /// Its number among the hub's shards.
    fn number(&self) -> usize;
    /// One of the client's own logs has a new event.
    fn mark(&self, client: Arc<Client>);
    /// A client is being closed; `leave` will follow. The client gets nothing that is published after this.
    fn closing(&self);
    /// The client is closed.
    fn leave(&self, client: Arc<Client>);
    /// A stream that somebody else carries has made progress.
    fn progressed(&self);
}

/// Where a client begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// The client has seen everything up to this position.
    pub cursor: Position,
    /// The newest event at that moment.
    pub head: Position,
    /// Where the history begins at that moment.
    pub base: Position,
    /// The client must learn about a gap first.
    pub owes: bool,
}

impl Start {
    /// A start with nothing to catch up on.
    pub fn at(head: Position) -> Self {
        Self { cursor: head, head, base: 0, owes: false }
    }
}

/// A client, from its connection to its end. It has no queue: the events that it has yet to get are in the logs, after the
/// cursor of its [`Reader`](crate::session::reader::Reader).
#[derive(Debug)]
pub struct Client {
    /// Its id and its user.
    pub info: ClientInfo,
    /// Its page chose the id and comes back with it.
    pub brings_id: bool,
    /// The secret at the end of its event ids. A page must show it to come back as this client, unless a user vouches for
    /// the page.
    pub key: Option<Key>,
    /// A ticket says which channels it may have.
    pub by_ticket: bool,
    /// Its description of itself for others, as JSON.
    pub data: Option<Arc<str>>,
    /// When it connected, in time since 1970.
    pub connected_at: Duration,
    /// When somebody said who its user is, in time since 1970. Usually that is when it connected.
    pub identified_at: Duration,
    /// Where it comes from, at the granularity that the limits count.
    pub network: Option<Network>,
    /// The logs that it reads.
    pub(crate) subscriptions: Subscriptions,
    phase: AtomicU8,
    /// The client gets nothing after this position. Set when it is disconnected, so that events sent before still go out.
    end: AtomicU64,
    /// It has a place in the registry: events sent to its id go into its log. It keeps the place while it is away, until a
    /// new client takes it or the registry gives the client up.
    listed: AtomicBool,
    /// The application has ended it, so anybody may use its id.
    released: AtomicBool,
    /// The reports that observers have received about it. Different threads may report its arrival and its departure, and
    /// the reports must be in order.
    told: AtomicU8,
    /// The shard that writes for it.
    pub shard: Arc<dyn ShardLink>,
    /// Its slot number there; only the shard sets it.
    pub slot: AtomicU32,
    /// A mark is on its way to the shard, so another one would add nothing.
    marked: AtomicBool,
    /// The newest event when it connected. It catches up with everything before that as fast as it can.
    pub came_at: Position,
    /// Where the history began when it connected. It has received none of this node's unsequenced events from before.
    base: Position,
    /// There were events after its last id when it connected, so it is not known how old that id is.
    pub(crate) came_behind: bool,
    /// The stream's progress, if somebody else carries it.
    pub progress: Progress,
    /// It has received whole events up to this position, or [`OWED`].
    reached: AtomicU64,
    /// The stream has been idle for a long time: its next read yields a heartbeat.
    pub heartbeat_due: AtomicBool,
    /// The stream has had no event for so long that its next read yields the client's position, if it has everything.
    pub(crate) position_due: AtomicBool,
    /// Somebody has read the stream since the shard's last look, so it is not idle.
    pub stirred: AtomicBool,
    /// Why its stream stays with its carrier: the reason's number, counted from one.
    stays: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl Client {
    /// A client whose own log exists already brings its id.
    pub fn new(
        info: ClientInfo,
        network: Option<Network>,
        subscriptions: Subscriptions,
        shard: Arc<dyn ShardLink>,
        start: Start,
    ) -> Self {
        let connected_at = since_1970();
        Self {
            info,
            brings_id: subscriptions.own_if_any().is_some(),
            key: None,
            by_ticket: false,
            data: None,
            connected_at,
            identified_at: connected_at,
            network,
            subscriptions,
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
            came_behind: start.cursor < start.head,
            progress: Progress::from(start.cursor),
            reached: AtomicU64::new(if start.owes { OWED } else { start.cursor }),
            heartbeat_due: AtomicBool::new(false),
            position_due: AtomicBool::new(false),
            stirred: AtomicBool::new(true),
            stays: AtomicU8::new(0),
            waker: Mutex::new(None),
        }
    }

    /// Its id and its user.
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

    /// The client gets nothing after this position.
    pub fn end_at(&self, position: Position) {
        self.end.fetch_min(position, Ordering::AcqRel);
    }

    /// The position after which the client gets nothing.
    pub fn end(&self) -> Position {
        self.end.load(Ordering::Acquire)
    }

    /// Whether events sent to its id go into its log.
    pub fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Acquire)
    }

    /// Another client has its place, or no client has it. Nothing may be published meanwhile.
    pub fn unlist(&self) {
        self.listed.store(false, Ordering::Release);
    }

    /// It has received everything up to this position. Only its reader calls this, and often: a store never waits.
    pub fn has_got(&self, position: Position) {
        self.reached.store(position, Ordering::Release);
    }

    /// It had received everything up to this position a moment ago. `None`: not even the reset that it is owed.
    pub fn reached(&self) -> Option<Position> {
        Some(self.reached.load(Ordering::Acquire)).filter(|position| *position != OWED)
    }

    /// The position of the newest event that was sent to it alone; 0: there was none.
    pub(crate) fn newest_own(&self) -> Position {
        self.subscriptions.own_if_any().map_or(0, |log| log.last())
    }

    /// Whether there is something to come back to: its own id, or events that may not have arrived.
    pub fn is_worth_keeping(&self) -> bool {
        self.brings_id || self.newest_own() > 0
    }

    /// Whether a client that shows this key may take its place. If it has a user, the user vouches; that is checked
    /// elsewhere.
    pub fn is_continued_by(&self, shown: Option<&Key>) -> bool {
        self.info.user.is_some() || self.key.zip(shown).is_some_and(|(key, shown)| key.matches(shown))
    }

    /// Whether a page without a user that shows this key is this client. A client without a user and without a key is
    /// proved by its id, which only its own page knows: it was made at random.
    pub fn is_proved_by(&self, shown: Option<&Key>) -> bool {
        let fits = |key: Key| shown.is_some_and(|shown| key.matches(shown));
        self.info.user.is_none() && self.key.is_none_or(fits)
    }

    /// Whether its successor gets its channels. A ticket allowed them, so a successor without one does not.
    pub(crate) fn hands_down_channels(&self, to_ticket: bool) -> bool {
        to_ticket || !self.by_ticket
    }

    /// Whether anybody may use its id once it is gone.
    pub fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// If `released`, anybody may use its id from its end on. This cannot be undone.
    pub fn release_if(&self, released: bool) {
        self.released.fetch_or(released, Ordering::AcqRel);
    }

    /// Moves on to `next` if the table of [`Phase`] has that step. Returns the phase that it came from.
    pub fn advance(&self, next: Phase) -> Option<Phase> {
        let step = |phase| Phase::from_u8(phase).may_become(next).then_some(next as u8);
        self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).ok().map(Phase::from_u8)
    }

    /// Observers know that it is connected. Returns why it is gone, if they must now learn that, too.
    pub fn told_connected(&self) -> Option<DisconnectReason> {
        let before = self.told.fetch_or(TOLD_CONNECTED, Ordering::AcqRel);
        DisconnectReason::ALL.get(usize::from(before / TOLD_GONE).checked_sub(1)?).copied()
    }

    /// It is gone. Says whether observers may learn that now. Otherwise they have yet to learn that it came, and the thread
    /// that tells them then tells them this, too.
    pub fn may_tell_gone(&self, reason: DisconnectReason) -> bool {
        self.told.fetch_or((reason as u8 + 1) * TOLD_GONE, Ordering::AcqRel) & TOLD_CONNECTED != 0
    }

    /// Its stream stays with its carrier.
    pub(crate) fn stays(&self, reason: NotHandedOff) {
        self.stays.store(reason as u8 + 1, Ordering::Relaxed);
    }

    /// Why its stream stays with its carrier, if that is known.
    pub(crate) fn not_handed_off(&self) -> Option<NotHandedOff> {
        NotHandedOff::ALL.get(usize::from(self.stays.load(Ordering::Relaxed)).checked_sub(1)?).copied()
    }

    /// Whether this event is for it and new to it.
    pub fn wants(&self, entry: &Entry) -> bool {
        // A client that has read past the original has received it.
        entry.duplicate_of() <= self.base && entry.is_for(&self.info.id)
    }

    /// Tells the shard that one of this client's own logs has a new event.
    pub fn mark(self: &Arc<Self>) {
        if !self.marked.swap(true, Ordering::AcqRel) {
            self.shard.mark(Arc::clone(self));
        }
    }

    /// The shard is about to look: a later event needs another mark. This is a read-modify-write, because the look at the
    /// head that follows could overtake a plain store, and a mark would be lost between them.
    pub fn unmark(&self) {
        self.marked.swap(false, Ordering::AcqRel);
    }

    /// Sets the waker that is called when the stream has something to read.
    pub fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        match slot.as_mut() {
            Some(own) => own.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Wakes the reader of the stream, if one waits.
    pub fn wake(&self) {
        // Release the lock first, because waking may run anything.
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shard that writes nothing.
    #[derive(Debug)]
    struct NoShard;

    impl ShardLink for NoShard {
        fn number(&self) -> usize {
            0
        }

        fn mark(&self, _: Arc<Client>) {}
        fn closing(&self) {}
        fn leave(&self, _: Arc<Client>) {}
        fn progressed(&self) {}
    }

    fn client() -> Client {
        let info = ClientInfo { id: "c".into(), user: None };
        Client::new(info, None, Subscriptions::default(), Arc::new(NoShard), Start::at(0))
    }

    #[test]
    fn phases_follow_the_table_and_end_once() {
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
    fn departure_is_reported_once_after_arrival() {
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
