//! A stream carried by someone else: Node's response, or an HTTP/2 body. The carrier pulls it, so the carrier's
//! backpressure also holds back the cursor: if nobody reads, the cursor stays behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::delivery::deliveries::Deliveries;
#[cfg(unix)]
use crate::delivery::handoff::{Handoff, Held};
use crate::delivery::heartbeat::Heartbeat;
use crate::delivery::inbox::Inbox;
#[cfg(unix)]
use crate::error::{Error, Result};
use crate::event::Framing;
use crate::history::timeline::Timeline;
use crate::session::client::Client;
use crate::session::lifecycle::{DisconnectReason, NotHandedOff, Phase};
use crate::session::reader::{Pending, ReadBatch, Reader};
use crate::session::registry::Registry;

/// A client's stream, read by its carrier. Dropping it before its end disconnects the client.
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
    pub(crate) heartbeat: Heartbeat,
    /// The shard that gets the socket if the stream is handed off.
    pub(crate) shard: Arc<Inbox>,
    /// Whether the listener carries the stream, by whatever means.
    pub(crate) by_listener: bool,
    /// Nothing more will come, and the carrier knows it.
    pub(crate) is_read_to_end: bool,
}

/// Some bytes of a stream: whole events only.
#[derive(Debug)]
pub struct Chunk {
    content: Content,
    has_more: bool,
}

#[derive(Debug)]
enum Content {
    Events(Vec<Pending>),
    /// For an idle stream: a heartbeat, or the client's position.
    Idle(Bytes),
}

impl Chunk {
    /// Whether more can be read at once.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Whether both hold the same events in memory. A broadcast does for all its clients, so one copy serves them all.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.content, &other.content) {
            (Content::Events(events), Content::Events(others)) => {
                let same = |(one, other): (&Pending, &Pending)| one.frame.is_shared_with(&other.frame);
                events.len() == others.len() && events.iter().zip(others).all(same)
            }
            (Content::Idle(bytes), Content::Idle(others)) => bytes == others,
            _ => false,
        }
    }

    /// The bytes. They are copied unless they belong to a single event.
    pub fn into_bytes(self) -> Bytes {
        match &self.content {
            Content::Events(events) => match events.as_slice() {
                [event] => event.frame.body(),
                _ => self.to_vec().into(),
            },
            Content::Idle(bytes) => bytes.clone(),
        }
    }

    /// A copy of the bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        match &self.content {
            Content::Events(events) => {
                let mut bytes = Vec::with_capacity(self.len());
                events.iter().for_each(|event| bytes.extend_from_slice(&event.frame.body()));
                bytes
            }
            Content::Idle(bytes) => bytes.to_vec(),
        }
    }

    fn len(&self) -> usize {
        match &self.content {
            Content::Events(events) => events.iter().map(|event| event.frame.body_len()).sum(),
            Content::Idle(bytes) => bytes.len(),
        }
    }
}

impl Stream {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Some(parts) }
    }

    /// Marks the stream as carried by the listener.
    pub fn by_listener(mut self) -> Self {
        if let Some(parts) = &mut self.parts {
            parts.by_listener = true;
        }
        self
    }

    /// The client that the stream belongs to.
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.parts.as_ref().map(|parts| parts.reader.client())
    }

    /// The next bytes: whole events, about `max_bytes` in total, or more if one event is larger. `None` means that the
    /// stream has ended. Wakes the waker when there is something to read again.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, max_bytes: usize) -> Poll<Option<Bytes>> {
        let Some(parts) = &mut self.parts else { return Poll::Ready(None) };
        let taken = match parts.take(max_bytes) {
            Poll::Ready(chunk) => Poll::Ready(chunk),
            Poll::Pending => {
                parts.reader.client().set_waker(cx.waker());
                // Try again, because events that came before the waker was set have woken nobody.
                parts.take(max_bytes)
            }
        };
        taken.map(|chunk| chunk.map(Chunk::into_bytes))
    }

    /// The same for a carrier that keeps reading without asking whether there is more. It also sets the waker when it
    /// returns a chunk. Events that are not in the chunk wake it, unless the chunk says that there is more. Spurious
    /// wake-ups happen.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>, max_bytes: usize) -> Poll<Option<Chunk>> {
        let Some(parts) = &mut self.parts else { return Poll::Ready(None) };
        // Before reading, so that anything that comes later wakes it.
        parts.reader.client().set_waker(cx.waker());
        parts.take(max_bytes)
    }

    /// Hands the stream's connection over to the engine. From now on a shard writes to `socket`, starting at the
    /// stream's cursor. Everything read from the stream must already be in the kernel.
    ///
    /// # Errors
    /// The client was disconnected in the meantime, or the system refuses. The stream then continues as before.
    #[cfg(unix)]
    pub fn hand_off(&mut self, socket: std::os::fd::OwnedFd, framing: Framing) -> Result<()> {
        self.hand_off_with(socket, framing, None)
    }

    /// The same, with a value that is dropped when the engine closes the socket.
    ///
    /// # Errors
    /// The same as for [`Stream::hand_off`].
    #[cfg(unix)]
    pub fn hand_off_with(&mut self, socket: std::os::fd::OwnedFd, framing: Framing, held: Option<Held>) -> Result<()> {
        let socket = socket2::Socket::from(socket);
        socket.set_nonblocking(true).map_err(|error| Error::system("handing a socket over", &error))?;
        let handed_off = self.hand_off_holding(socket.into(), framing, held);
        handed_off.map_err(|_| Error::gone(self.client().map(|client| client.info.id.as_ref())))
    }

    /// Counts that the stream stays with its carrier, and why.
    pub fn stays(&self, reason: NotHandedOff) {
        if let Some(counter) = self.parts.as_ref().and_then(|parts| parts.registry.arrivals.not_handed_off(reason)) {
            counter.add(1);
        }
        if let Some(client) = self.client() {
            client.stays(reason);
        }
    }

    /// The same for a non-blocking socket, with a value that is dropped when the socket is closed.
    ///
    /// # Errors
    /// The client was disconnected in the meantime; returns the socket.
    #[cfg(unix)]
    pub fn hand_off_holding(
        &mut self,
        socket: std::os::fd::OwnedFd,
        framing: Framing,
        held: Option<Held>,
    ) -> std::result::Result<(), std::os::fd::OwnedFd> {
        self.adopt(socket, framing, None, held)
    }

    /// Gives the engine a socket on which nothing was answered yet. `first`, the head and the opening, goes out before
    /// everything else.
    ///
    /// # Errors
    /// The same as for [`Stream::hand_off`].
    #[cfg(unix)]
    pub fn resume_on(
        &mut self,
        socket: std::os::fd::OwnedFd,
        framing: Framing,
        first: Bytes,
        held: Option<Held>,
    ) -> Result<()> {
        let socket = socket2::Socket::from(socket);
        socket.set_nonblocking(true).map_err(|error| Error::system("handing a socket over", &error))?;
        let resumed = self.parts.as_ref().map(|parts| Arc::clone(&parts.registry));
        let adopted = self.adopt(socket.into(), framing, Some(first), held);
        adopted.map_err(|_| Error::gone(self.client().map(|client| client.info.id.as_ref())))?;
        resumed.iter().for_each(|registry| registry.arrivals.resumed.add(1));
        Ok(())
    }

    #[cfg(unix)]
    fn adopt(
        &mut self,
        socket: std::os::fd::OwnedFd,
        framing: Framing,
        first: Option<Bytes>,
        held: Option<Held>,
    ) -> std::result::Result<(), std::os::fd::OwnedFd> {
        // Take the parts only on success: a client that was just disconnected still reads to its end.
        let settles = |parts: &mut Parts| parts.registry.settle(parts.reader.client(), parts.phase(Phase::Handoff));
        let Some(parts) = self.parts.take_if(settles) else { return Err(socket) };
        let handoff = Handoff { reader: parts.reader, socket: socket.into(), framing, first, held };
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
    /// The phase of a client that is carried like this.
    fn phase(&self, usual: Phase) -> Phase {
        if self.by_listener { Phase::Listener } else { usual }
    }

    fn take(&mut self, max_bytes: usize) -> Poll<Option<Chunk>> {
        // Check first, because the events sent before the client was closed are read below.
        let closed = self.reader.client().phase() == Phase::Closed;
        self.registry.settle(self.reader.client(), self.phase(Phase::Stream));
        let batch = self.next_batch(max_bytes);
        let client = self.reader.client();
        if !batch.events.is_empty() {
            client.heartbeat_due.store(false, Ordering::Relaxed);
            client.stirred.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(self.chunk_of(batch, closed)));
        }
        if closed && !self.reader.has_arrears() {
            self.is_read_to_end = true;
            return Poll::Ready(None);
        }
        match self.idle_bytes() {
            Some(bytes) => {
                self.deliveries.heartbeats.add(1);
                self.deliveries.bytes.add(bytes.len() as u64);
                Poll::Ready(Some(Chunk { content: Content::Idle(bytes), has_more: false }))
            }
            None => Poll::Pending,
        }
    }

    /// The bytes that are due on an idle stream.
    fn idle_bytes(&self) -> Option<Bytes> {
        let client = self.reader.client();
        if client.position_due.load(Ordering::Relaxed)
            && let Some(frame) = self.reader.position(&self.timeline)
        {
            client.position_due.store(false, Ordering::Relaxed);
            client.heartbeat_due.store(false, Ordering::Relaxed);
            client.stirred.store(true, Ordering::Relaxed);
            return Some(frame.body());
        }
        let is_due = client.heartbeat_due.swap(false, Ordering::Relaxed);
        is_due.then(|| Bytes::from_static(self.heartbeat.bytes(Framing::UntilClose)))
    }

    /// The next batch with at least one event, if there is one: all the events just read may have been for others.
    fn next_batch(&mut self, max_bytes: usize) -> ReadBatch {
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

    /// If the client was closed before this read, its carrier still has to read the end.
    fn chunk_of(&self, batch: ReadBatch, closed: bool) -> Chunk {
        let reset = batch.events.first().and_then(|event| event.reset);
        let resets = u64::from(reset.is_some());
        self.deliveries.resets.add(resets);
        if let Some(reason) = reset {
            let client = self.reader.client();
            self.registry.tell(|observer| observer.was_reset(&client.info, reason));
        }
        self.deliveries.events.add(batch.events.len() as u64 - resets);
        let chunk = Chunk {
            content: Content::Events(batch.events),
            has_more: batch.has_more || (closed && !self.reader.has_arrears()),
        };
        self.deliveries.bytes.add(chunk.len() as u64);
        chunk
    }
}
