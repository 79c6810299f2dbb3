//! Flushes that wait until everything up to a position has been sent.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::event::position::Position;

/// The longest time that a flush waits for clients that do not read.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Flush {
    position: Position,
    done: oneshot::Sender<()>,
    deadline: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Flushes(Vec<Flush>);

impl Flushes {
    pub(crate) fn push(&mut self, position: Position, done: oneshot::Sender<()>) {
        self.0.push(Flush { position, done, deadline: Instant::now() + PATIENCE });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next time at which a flush stops waiting.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.iter().map(|flush| flush.deadline).min()
    }

    /// Answers the flushes that are complete, and those that have waited long enough. If `not_yet`, no flush can be
    /// complete. Returns whether it looked at the flushes.
    pub(crate) fn answer(&mut self, not_yet: bool, has_sent: impl Fn(Position) -> bool) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let now = Instant::now();
        if not_yet && self.0.iter().all(|flush| now < flush.deadline) {
            return false;
        }
        for flush in std::mem::take(&mut self.0) {
            if flush.deadline <= now || has_sent(flush.position) {
                // A caller that has stopped waiting does not need the answer.
                let _ = flush.done.send(());
            } else {
                self.0.push(flush);
            }
        }
        true
    }
}
