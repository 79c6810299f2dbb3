//! Commands from other threads to a shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

#[cfg(unix)]
use crate::delivery::handoff::Handoff;
use crate::event::position::Position;
use crate::session::channel::Channel;
use crate::session::client::{Client, ShardLink};

/// A command to a shard.
#[derive(Debug)]
pub(crate) enum Command {
    /// Give a slot to a client that is still opening.
    Join(Arc<Client>),
    /// Take over the client's socket.
    #[cfg(unix)]
    Adopt(Box<Handoff>),
    /// One of the client's own logs has something new.
    Mark(Arc<Client>),
    /// A channel has an event for members that the shard serves.
    Channel(Arc<Channel>),
    /// The client is closed: free its slot.
    Leave(Arc<Client>),
    /// Answer when every client has everything up to this position.
    Flush(Position, oneshot::Sender<()>),
}

/// A shard's inbox.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// The number of its shard in the hub.
    pub(crate) number: usize,
    commands: Mutex<Vec<Command>>,
    broadcast: AtomicBool,
    stop: AtomicBool,
    /// Closed clients that the shard does not know about yet.
    closing: AtomicUsize,
    /// A flush is waiting, so streams carried by others have to report their progress.
    flushing: AtomicBool,
    notify: Notify,
}

impl Inbox {
    /// The inbox of the hub's shard with this number.
    pub(crate) fn of(number: usize) -> Self {
        Self { number, ..Self::default() }
    }

    /// After the end of the shard, drops the command, because nobody would ever take it. So its socket is closed, and a
    /// waiting flush stops waiting.
    pub(crate) fn push(&self, command: Command) {
        let mut commands = self.commands.lock();
        if !self.is_stopped() {
            commands.push(command);
            drop(commands);
            self.notify.notify_one();
        }
    }

    /// Tells the shard that the log of broadcasts has something new, once for all its clients.
    pub(crate) fn broadcast(&self) {
        if !self.broadcast.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    pub(crate) fn set_flushing(&self, flushing: bool) {
        self.flushing.store(flushing, Ordering::Relaxed);
        // Each side writes its own value, then reads the other's. With a fence in both, at least one sees the other's
        // write: the shard sees the stream's progress, or the stream sees that it has to report.
        fence(Ordering::SeqCst);
    }

    /// Ends the shard.
    pub(crate) fn stop(&self) {
        let mut commands = self.commands.lock();
        self.stop.store(true, Ordering::Release);
        let orphans = std::mem::take(&mut *commands);
        drop(commands);
        drop(orphans);
        self.notify.notify_one();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Swaps the commands for an empty list, whose memory is reused.
    pub(crate) fn take(&self, empty: &mut Vec<Command>) {
        std::mem::swap(&mut *self.commands.lock(), empty);
    }

    /// The shard is about to look for broadcasts; anything newer needs another notification.
    pub(crate) fn take_broadcast(&self) {
        self.broadcast.swap(false, Ordering::AcqRel);
    }

    /// Whether a closed client may still have its slot.
    pub(crate) fn has_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed) > 0
    }

    /// The shard has learned about a closed client.
    pub(crate) fn closed(&self) {
        self.closing.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits until there is something to do.
    pub(crate) async fn wait(&self) {
        self.notify.notified().await;
    }
}

impl ShardLink for Inbox {
    fn number(&self) -> usize {
        self.number
    }

    fn mark(&self, client: Arc<Client>) {
        self.push(Command::Mark(client));
    }

    fn closing(&self) {
        // Relaxed is enough. This runs under the timeline's lock, so a thread that sees a later event also sees this.
        self.closing.fetch_add(1, Ordering::Relaxed);
    }

    fn leave(&self, client: Arc<Client>) {
        self.push(Command::Leave(client));
    }

    fn progressed(&self) {
        fence(Ordering::SeqCst);
        if self.flushing.load(Ordering::Relaxed) {
            self.notify.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flush() -> (Command, oneshot::Receiver<()>) {
        let (done, answer) = oneshot::channel();
        (Command::Flush(0, done), answer)
    }

    #[test]
    fn inbox_drops_its_contents_when_the_shard_ends() {
        let inbox = Inbox::default();
        let ((before, answer_before), (after, answer_after)) = (flush(), flush());
        inbox.push(before);
        inbox.stop();
        inbox.push(after);
        assert!(answer_before.blocking_recv().is_err());
        assert!(answer_after.blocking_recv().is_err());
        let mut commands = Vec::new();
        inbox.take(&mut commands);
        assert!(commands.is_empty());
    }
}
