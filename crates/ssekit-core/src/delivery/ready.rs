//! Streams that somebody else carries, read together. The queue tells their carrier once that there is something to read; one
//! read then covers many streams. A broadcast to thousands would otherwise cause thousands of notifications.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::delivery::stream::{Chunk, Stream};
use crate::session::lifecycle::{DisconnectReason, NotHandedOff};

/// The readable streams of one carrier.
pub struct ReadyQueue {
    /// Weak: a stream that nobody carries any more need not be read.
    readable: Mutex<VecDeque<Weak<Carried>>>,
    /// The tokens of watched streams whose handed-off sockets are closed.
    closed: Mutex<Vec<u32>>,
    /// Tells the carrier that [`ReadyQueue::take`] has something to return.
    notify: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for ReadyQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadyQueue").field("readable", &self.readable.lock().len()).finish_non_exhaustive()
    }
}

/// The result of one read of the queue.
#[derive(Debug, Default)]
pub struct Readable {
    /// The tokens of the streams, each with the index of its chunk in `chunks`. `None`: the stream has ended.
    pub streams: Vec<(u32, Option<usize>)>,
    /// Bytes that several streams share are here once.
    pub chunks: Vec<Chunk>,
    /// Whether more streams can be read. The carrier must call again, because it is not notified about them.
    pub more: bool,
    /// The tokens of watched streams whose handed-off sockets are closed.
    pub closed: Vec<u32>,
}

/// A stream, and how much of it its carrier is waiting for.
#[derive(Debug)]
pub struct Carried {
    token: u32,
    /// Only the carrier's own thread locks it.
    pulled: Mutex<Pulled>,
    place: Arc<QueuePlace>,
    /// Wakes the same `place`.
    waker: Waker,
}

#[derive(Debug)]
struct Pulled {
    stream: Stream,
    wants: Wants,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Nothing,
    /// The next chunk, once.
    Next,
    /// Every chunk, until the carrier pauses.
    All,
}

/// A stream's place in the queue.
#[derive(Debug)]
struct QueuePlace {
    /// Weak: a client's own waker must not keep it alive when nobody carries it any more. Nor may the client end inside a
    /// call of that waker.
    carried: Weak<Carried>,
    /// A stream is in the queue at most once. So a carrier that gets a chunk can say "enough" before the next chunk comes.
    is_taken: AtomicBool,
    queue: Arc<ReadyQueue>,
}

/// Dropped together with a handed-off socket. The carrier then learns that the client is gone.
#[cfg(unix)]
struct Watch {
    token: u32,
    queue: Arc<ReadyQueue>,
}

impl ReadyQueue {
    /// A queue that calls `notify` when [`ReadyQueue::take`] has something to return. `notify` may be called on any thread.
    pub fn new(notify: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { readable: Mutex::default(), closed: Mutex::default(), notify: Box::new(notify) })
    }

    /// Takes a stream that the carrier knows by this token. When it is dropped, its client is disconnected.
    pub fn carry(self: &Arc<Self>, token: u32, stream: Stream) -> Arc<Carried> {
        Arc::new_cyclic(|this| {
            let queue = Arc::clone(self);
            let place = Arc::new(QueuePlace { carried: this.clone(), is_taken: AtomicBool::new(false), queue });
            let pulled = Mutex::new(Pulled { stream, wants: Wants::Nothing });
            Carried { token, pulled, waker: Waker::from(Arc::clone(&place)), place }
        })
    }

    /// A value to be held by a socket: the queue yields this token when the socket is closed.
    #[cfg(unix)]
    pub fn watch(self: &Arc<Self>, token: u32) -> crate::delivery::handoff::Held {
        Box::new(Watch { token, queue: Arc::clone(self) })
    }

    /// Reads the streams that wait for bytes, at most `max_streams` of them, and at most `max_bytes` of each except for a
    /// first event that is larger.
    pub fn take(&self, max_streams: usize, max_bytes: usize) -> Readable {
        let mut taken = Readable { closed: std::mem::take(&mut self.closed.lock()), ..Readable::default() };
        let count = self.readable.lock().len().min(max_streams);
        for _ in 0..count {
            let Some(next) = self.readable.lock().pop_front() else { break };
            let Some(carried) = next.upgrade() else { continue };
            carried.place.leave();
            if let Poll::Ready(chunk) = carried.poll_alone(max_bytes) {
                taken.add(&carried, chunk);
            }
        }
        taken.more = !self.readable.lock().is_empty();
        taken
    }
}

impl Readable {
    fn add(&mut self, carried: &Carried, chunk: Option<Chunk>) {
        let Some(chunk) = chunk else { return self.streams.push((carried.token, None)) };
        if chunk.has_more() {
            carried.place.enter();
        }
        if !self.chunks.last().is_some_and(|last| last.is_shared_with(&chunk)) {
            self.chunks.push(chunk);
        }
        self.streams.push((carried.token, Some(self.chunks.len() - 1)));
    }
}

impl Carried {
    /// The token by which its carrier knows it.
    pub fn token(&self) -> u32 {
        self.token
    }

    /// The next bytes; `None` at the end of the stream. If nothing is ready, the queue yields the next chunk, once.
    pub fn read(&self, max_bytes: usize) -> Poll<Option<Bytes>> {
        let Pulled { stream, wants } = &mut *self.pulled.lock();
        let polled = stream.poll_next(&mut Context::from_waker(&self.waker), max_bytes);
        *wants = if polled.is_pending() { Wants::Next } else { Wants::Nothing };
        polled
    }

    /// From now on, the queue yields every chunk of this stream.
    pub fn flow(&self) {
        self.pulled.lock().wants = Wants::All;
        self.place.tell();
    }

    /// Stops that: unread events stay in the log.
    pub fn pause(&self) {
        self.pulled.lock().wants = Wants::Nothing;
    }

    /// Ends the stream.
    pub fn close(&self, reason: DisconnectReason) {
        self.pulled.lock().stream.close(reason);
    }

    /// Counts that the stream stays with its carrier, and why.
    pub fn stays(&self, reason: NotHandedOff) {
        self.pulled.lock().stream.stays(reason);
    }

    /// Hands the socket over, as [`Stream::hand_off`] does. If the stream is `watched`, the queue yields its token when the
    /// socket is closed.
    ///
    /// # Errors
    /// The same as for [`Stream::hand_off`].
    #[cfg(unix)]
    pub fn hand_off(
        &self,
        socket: std::os::fd::OwnedFd,
        framing: crate::event::Framing,
        watched: bool,
    ) -> crate::error::Result<()> {
        let held = watched.then(|| self.place.queue.watch(self.token));
        self.pulled.lock().stream.hand_off_with(socket, framing, held)
    }

    /// The next chunk, if the carrier is waiting for one; `None` at the end of the stream. A panic ends only this stream: the
    /// other streams of the same read still get their bytes.
    fn poll_alone(&self, max_bytes: usize) -> Poll<Option<Chunk>> {
        catch_unwind(AssertUnwindSafe(|| self.poll(max_bytes))).unwrap_or_else(|_| {
            self.close(DisconnectReason::Fault);
            Poll::Ready(None)
        })
    }

    fn poll(&self, max_bytes: usize) -> Poll<Option<Chunk>> {
        let Pulled { stream, wants } = &mut *self.pulled.lock();
        if *wants == Wants::Nothing {
            return Poll::Pending;
        }
        let chunk = stream.poll_chunk(&mut Context::from_waker(&self.waker), max_bytes);
        if chunk.is_ready() && *wants == Wants::Next {
            *wants = Wants::Nothing;
        }
        chunk
    }
}

impl QueuePlace {
    /// The stream can be read.
    fn tell(&self) {
        if self.enter() == 1 {
            (self.queue.notify)();
        }
    }

    /// Returns the number of streams that can be read now, or 0 if this one was in the queue already.
    fn enter(&self) -> usize {
        if self.is_taken.swap(true, Ordering::AcqRel) {
            return 0;
        }
        let mut readable = self.queue.readable.lock();
        readable.push_back(self.carried.clone());
        readable.len()
    }

    /// Must be called before the stream is read, because an event that arrives during the read needs a new notification. An
    /// event that caused no notification, because the stream was already in the queue, is read now. That is why this is a
    /// swap and not just a store.
    fn leave(&self) {
        self.is_taken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for QueuePlace {
    fn wake(self: Arc<Self>) {
        self.tell();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.tell();
    }
}

#[cfg(unix)]
impl Drop for Watch {
    fn drop(&mut self) {
        let mut closed = self.queue.closed.lock();
        closed.push(self.token);
        let is_first = closed.len() == 1;
        drop(closed);
        if is_first {
            (self.queue.notify)();
        }
    }
}
