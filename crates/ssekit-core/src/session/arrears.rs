//! Arrears: the events that a returning client missed and that memory does not hold. The cluster recalls them from the backplane,
//! piece by piece, and the client's [`Reader`](crate::session::reader::Reader) gives them before anything in the logs.
//!
//! The arrears end at a position up to which the logs hold nothing that the client still needs. A piece is asked for when the one
//! before it has been read, so a slow client costs one piece of memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::event::position::Position;
use crate::history::log::Entry;
use crate::session::client::Client;
use crate::session::reset::ResetReason;

/// A client that waits for the next piece of its arrears.
pub(crate) type Waiting = (Arc<Client>, Arc<Arrears>);

/// The arrears of one client.
#[derive(Debug)]
pub(crate) struct Arrears {
    /// Takes the clients that wait for their next piece.
    desk: UnboundedSender<Waiting>,
    /// Everything has been read.
    over: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Recalled events that have not been read, in order.
    entries: VecDeque<Entry>,
    /// The client has no other events up to this position.
    reached: Position,
    /// The arrears end here.
    to: Position,
    /// The caller's own id of the last event that the client has seen, until that event has been found.
    search: Option<Arc<str>>,
    /// Somebody recalls the next piece.
    asked: bool,
    /// Nothing more can be recalled.
    gap: Option<ResetReason>,
}

/// The part of the arrears that has to be recalled next.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) after: Position,
    pub(crate) upto: Position,
    /// If set, only what comes after the event with this id.
    pub(crate) search: Option<Arc<str>>,
}

/// The next step of a reader.
#[derive(Debug)]
pub(crate) enum Step {
    /// These events, or none for now. Then everything up to `end` has been read.
    Read { entries: Vec<Entry>, end: Position, has_more: bool },
    /// The rest is gone. The client goes on behind the arrears.
    Gap(ResetReason, Position),
    /// There are no arrears any more.
    Over,
}

impl Arrears {
    /// Everything that the client has missed after `from`, or after the event with the id `search`, up to `to`.
    pub(crate) fn new(desk: UnboundedSender<Waiting>, from: Position, to: Position, search: Option<Arc<str>>) -> Self {
        let (entries, asked, gap) = Default::default();
        let state = State { entries, reached: from, to, search, asked, gap };
        Self { desk, over: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Whether everything has been read.
    pub(crate) fn are_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// The next events for a reader at `cursor`: at most `limit` events up to `head`. Asks for the next piece if there is nothing
    /// else to do.
    pub(crate) fn next(self: &Arc<Self>, client: &Arc<Client>, cursor: Position, head: Position, limit: usize) -> Step {
        let mut state = self.state.lock();
        while state.entries.front().is_some_and(|entry| entry.position <= cursor) {
            state.entries.pop_front();
        }
        if state.entries.is_empty() {
            if cursor >= state.to && (state.search.is_none() || state.gap.is_some()) {
                self.over.store(true, Ordering::Release);
                return Step::Over;
            }
            match state.gap {
                Some(reason) if head > cursor => return Step::Gap(reason, state.to.min(head)),
                Some(_) => return Step::Read { entries: Vec::new(), end: cursor, has_more: false },
                None => {}
            }
            if cursor >= state.reached && !std::mem::replace(&mut state.asked, true) {
                // An error means that the hub is gone.
                let _ = self.desk.send((Arc::clone(client), Arc::clone(self)));
            }
        }
        let end = state.reached.min(head).max(cursor);
        let entries: Vec<Entry> =
            state.entries.iter().take_while(|entry| entry.position <= end).take(limit).cloned().collect();
        match entries.last() {
            Some(last) if entries.len() == limit => Step::Read { end: last.position, entries, has_more: true },
            _ => Step::Read { entries, end, has_more: false },
        }
    }

    /// The client has been told of a gap, and goes on with its logs.
    pub(crate) fn give_up(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// The next piece.
    pub(crate) fn piece(&self) -> Piece {
        let state = self.state.lock();
        Piece { after: state.reached, upto: state.to, search: state.search.clone() }
    }

    /// Adds a piece that holds everything up to `reached`.
    pub(crate) fn add(&self, entries: Vec<Entry>, reached: Position) {
        let mut state = self.state.lock();
        state.entries.extend(entries);
        (state.reached, state.search, state.asked) = (reached, None, false);
    }

    /// There is more to recall behind the end: the logs have dropped it meanwhile.
    pub(crate) fn extend(&self, to: Position) {
        let mut state = self.state.lock();
        state.to = state.to.max(to);
    }

    /// Nothing more can be recalled.
    pub(crate) fn fail(&self, reason: ResetReason) {
        self.state.lock().gap = Some(reason);
    }
}
