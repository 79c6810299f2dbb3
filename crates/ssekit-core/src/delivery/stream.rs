//! A stream that somebody else carries: Node's response, or an HTTP/2 body. It is pulled, so that the carrier's
//! backpressure is the cursor's: who does not read, leaves the cursor behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::delivery::deliveries::Deliveries;
#[cfg(unix)]
use crate::delivery::handoff::{Handoff, Held};
use crate::delivery::heartbeat::heartbeat;
use crate::delivery::inbox::Inbox;
#[cfg(unix)]
use crate::error::{Error, Result};
use crate::event::Framing;
use crate::history::timeline::Timeline;
use crate::session::client::Client;
use crate::session::lifecycle::{DisconnectReason, NotHandedOff, Phase};
use crate::session::reader::{Batch, Pending, Reader};
use crate::session::registry::Registry;

/// A client's stream, to be read by whoever carries it. Dropped before its end, it disconnects the client.
#[derive(Debug)]
pub struct Stream {
    pub(crate) parts: Option<Parts>,
}

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) reader: Reader,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) deliveries: Arc<Deliveries>,
    /// The shard that will have the socket, if it is handed off.
    pub(crate) shard: Arc<Inbox>,
    /// Whether the listener carries it, in which way ever.
    pub(crate) by_listener: bool,
    /// Nothing comes any more: whoever carries it has been told so.
    pub(crate) is_read_to_end: bool,
}

/// Some bytes of a stream, of whole events.
#[derive(Debug)]
pub struct Chunk {
    content: Content,
    has_more: bool,
}

#[derive(Debug)]
enum Content {
    Events(Vec<Pending>),
    Heartbeat,
}

impl Chunk {
    /// Whether there is more to read at once.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Whether both are the same events in memory, as a broadcast is for all who get it: then one copy serves them all.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.content, &other.content) {
            (Content::Events(events), Content::Events(others)) => {
                let same = |(one, other): (&Pending, &Pending)| one.frame.is_shared_with(&other.frame);
                events.len() == others.len() && events.iter().zip(others).all(same)
            }
            (Content::Heartbeat, Content::Heartbeat) => true,
            _ => false,
        }
    }

    /// Its bytes, which are copied unless they are those of one event.
    pub fn into_bytes(self) -> Bytes {
        match &self.content {
            Content::Events(events) => match events.as_slice() {
                [event] => event.frame.body(),
                _ => self.to_vec().into(),
            },
            Content::Heartbeat => Bytes::from_static(heartbeat(Framing::UntilClose)),
        }
    }

    /// A copy of its bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        match &self.content {
            Content::Events(events) => {
                let mut bytes = Vec::with_capacity(self.len());
                events.iter().for_each(|event| bytes.extend_from_slice(&event.frame.body()));
                bytes
            }
            Content::Heartbeat => heartbeat(Framing::UntilClose).to_vec(),
        }
    }

    fn len(&self) -> usize {
        match &self.content {
            Content::Events(events) => events.iter().map(|event| event.frame.body_len()).sum(),
            Content::Heartbeat => heartbeat(Framing::UntilClose).len(),
        }
    }
}

impl Stream {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Some(parts) }
    }

    /// The listener carries it.
    pub fn by_listener(mut self) -> Self {
        if let Some(parts) = &mut self.parts {
            parts.by_listener = true;
        }
        self
    }

    /// Whose it is.
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.parts.as_ref().map(|parts| parts.reader.client())
    }

    /// The next bytes, of whole events: about `max_bytes` of them, more if one event is larger. `None`: the stream has ended.
    /// The waker is woken when there is something to read again.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, max_bytes: usize) -> Poll<Option<Bytes>> {
        let Some(parts) = &mut self.parts else { return Poll::Ready(None) };
        let taken = match parts.take(max_bytes) {
            Poll::Ready(chunk) => Poll::Ready(chunk),
            Poll::Pending => {
                parts.reader.client().set_waker(cx.waker());
                // Once more: what came before the waker was set has woken nobody.
                parts.take(max_bytes)
            }
        };
        taken.map(|chunk| chunk.map(Chunk::into_bytes))
    }

    /// The same for who reads on without asking whether there is more: the waker is set also when there is something to read. It
    /// is woken by what is not in the chunk, unless the chunk says that there is more; and now and then by nothing.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>, max_bytes: usize) -> Poll<Option<Chunk>> {
        let Some(parts) = &mut self.parts else { return Poll::Ready(None) };
        // Before the look: what comes after it is to wake.
        parts.reader.client().set_waker(cx.waker());
        parts.take(max_bytes)
    }

    /// Hands the stream's connection over to the engine: from here on a shard writes to `socket`, from the stream's cursor on.
    /// What was read from the stream must be in the kernel already.
    ///
    /// # Errors
    /// The client was disconnected meanwhile, or the system refuses; the stream then goes on as it was.
    #[cfg(unix)]
    pub fn hand_off(&mut self, socket: std::os::fd::OwnedFd, framing: Framing) -> Result<()> {
        self.hand_off_with(socket, framing, None)
    }

    /// The same, with something that is dropped when the engine closes the socket.
    ///
    /// # Errors
    /// As for [`Stream::hand_off`].
    #[cfg(unix)]
    pub fn hand_off_with(&mut self, socket: std::os::fd::OwnedFd, framing: Framing, held: Option<Held>) -> Result<()> {
        let socket = socket2::Socket::from(socket);
        socket.set_nonblocking(true).map_err(|error| Error::system("handing a socket over", &error))?;
        self.hand_off_holding(socket.into(), framing, held).map_err(|_| Error::gone())
    }

    /// Counts that the stream stays with who carries it, and why.
    pub fn stays(&self, reason: NotHandedOff) {
        if let Some(counter) = self.parts.as_ref().and_then(|parts| parts.registry.arrivals.not_handed_off(reason)) {
            counter.add(1);
        }
    }

    /// The same for a socket that does not block, with something that is dropped when the socket is closed.
    ///
    /// # Errors
    /// The client was disconnected meanwhile: the socket comes back.
    #[cfg(unix)]
    pub fn hand_off_holding(
        &mut self,
        socket: std::os::fd::OwnedFd,
        framing: Framing,
        held: Option<Held>,
    ) -> std::result::Result<(), std::os::fd::OwnedFd> {
        // Not taken before this succeeds: a client that was just disconnected still reads to its end.
        let settles = |parts: &mut Parts| parts.registry.settle(parts.reader.client(), parts.phase(Phase::Handoff));
        let Some(parts) = self.parts.take_if(settles) else { return Err(socket) };
        let handoff = Handoff { reader: parts.reader, socket: socket.into(), framing, held };
        parts.shard.push(crate::delivery::inbox::Command::Adopt(Box::new(handoff)));
        Ok(())
    }

    /// Ends the stream and disconnects its client.
    pub fn close(&mut self, reason: DisconnectReason) {
        if let Some(parts) = self.parts.take() {
            parts.registry.remove(parts.reader.client(), reason, &parts.timeline);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.as_ref().filter(|parts| !parts.is_read_to_end) {
            let client = parts.reader.client();
            client.progress.give_up();
            client.shard.progressed();
        }
        self.close(DisconnectReason::Peer);
    }
}

impl Parts {
    /// What its client settles on that is carried like this.
    fn phase(&self, usual: Phase) -> Phase {
        if self.by_listener { Phase::Listener } else { usual }
    }

    fn take(&mut self, max_bytes: usize) -> Poll<Option<Chunk>> {
        // First: what was sent before the client was closed is read below.
        let closed = self.reader.client().phase() == Phase::Closed;
        self.registry.settle(self.reader.client(), self.phase(Phase::Stream));
        let batch = self.next_batch(max_bytes);
        let client = self.reader.client();
        if !batch.events.is_empty() {
            client.heartbeat_due.store(false, Ordering::Relaxed);
            client.stirred.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(self.chunk_of(batch, closed)));
        }
        if closed {
            self.is_read_to_end = true;
            return Poll::Ready(None);
        }
        if client.heartbeat_due.swap(false, Ordering::Relaxed) {
            self.deliveries.heartbeats.add(1);
            let chunk = Chunk { content: Content::Heartbeat, has_more: false };
            self.deliveries.bytes.add(chunk.len() as u64);
            return Poll::Ready(Some(chunk));
        }
        Poll::Pending
    }

    /// The next batch with an event in it, if there is one: all that was read may have been for others.
    fn next_batch(&mut self, max_bytes: usize) -> Batch {
        loop {
            let batch = self.reader.next(&self.timeline, max_bytes);
            let moved = batch.end != self.reader.cursor();
            if moved || !batch.events.is_empty() {
                self.reader.advance(batch.end);
            }
            if moved {
                let client = self.reader.client();
                client.progress.read_to(batch.end, !batch.events.is_empty());
                client.shard.progressed();
            }
            if !moved || !batch.events.is_empty() {
                return batch;
            }
        }
    }

    /// Of a client that was closed before it was read, the end is still to be read.
    fn chunk_of(&self, batch: Batch, closed: bool) -> Chunk {
        let resets = batch.events.iter().filter(|event| event.is_reset).count() as u64;
        self.deliveries.resets.add(resets);
        self.deliveries.events.add(batch.events.len() as u64 - resets);
        let chunk = Chunk { content: Content::Events(batch.events), has_more: batch.has_more || closed };
        self.deliveries.bytes.add(chunk.len() as u64);
        chunk
    }
}
