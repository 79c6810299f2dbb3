//! A carrier of a stream that pulls it, as Node's response or an HTTP/2 body would.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use ssekit_core::{Connected, Stream};

use crate::PATIENCE;
use crate::wire::{Parser, Ready, Received, ready_in};

/// Counts how often it is woken.
#[derive(Debug, Default)]
pub struct Bell {
    rings: Mutex<usize>,
    rung: Condvar,
}

impl Bell {
    pub fn rings(&self) -> usize {
        *self.rings.lock()
    }

    /// Waits until it has rung more than `heard` times.
    fn wait_for_more_than(&self, heard: usize) {
        let mut rings = self.rings.lock();
        while *rings <= heard {
            let waited = self.rung.wait_for(&mut rings, PATIENCE);
            assert!(!waited.timed_out(), "waited in vain for a stream to be woken");
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rings.lock() += 1;
        self.rung.notify_all();
    }
}

/// A stream and who pulls it.
#[derive(Debug)]
pub struct Pull {
    pub stream: Stream,
    pub bell: Arc<Bell>,
    pub ready: Ready,
    parser: Parser,
    events: VecDeque<Received>,
    max_bytes: usize,
}

impl Pull {
    pub fn of(connected: Connected) -> Self {
        Self::by(connected, 64 * 1024)
    }

    /// Pulls at most `max_bytes` at a time.
    pub fn by(connected: Connected, max_bytes: usize) -> Self {
        let Connected { opening, stream, .. } = connected;
        let (bell, parser, events) = (Arc::default(), Parser::default(), VecDeque::new());
        Self { stream, bell, ready: ready_in(&opening), parser, events, max_bytes }
    }

    /// One pull.
    pub fn poll(&mut self) -> Poll<Option<Bytes>> {
        let waker = Waker::from(Arc::clone(&self.bell));
        self.stream.poll_next(&mut Context::from_waker(&waker), self.max_bytes)
    }

    /// The bytes of a pull that must yield some now.
    pub fn bytes(&mut self) -> Bytes {
        let Poll::Ready(Some(bytes)) = self.poll() else { panic!("nothing to read") };
        bytes
    }

    /// Waits to be woken, as a carrier does, and pulls again. `None`: the stream has ended.
    pub fn wait(&mut self) -> Option<Bytes> {
        loop {
            let heard = self.bell.rings();
            match self.poll() {
                Poll::Ready(bytes) => return bytes,
                Poll::Pending => self.bell.wait_for_more_than(heard),
            }
        }
    }

    /// The next event, when it comes.
    pub fn event(&mut self) -> Received {
        self.next_event().expect("an event before the end of the stream")
    }

    /// The same. `None`: the stream has ended.
    pub fn next_event(&mut self) -> Option<Received> {
        let hung = Instant::now() + PATIENCE;
        loop {
            // Heartbeats would keep it waiting for ever.
            assert!(Instant::now() < hung, "waited in vain for an event");
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let bytes = self.wait()?;
            self.take(&bytes);
        }
    }

    pub fn events(&mut self, count: usize) -> Vec<Received> {
        (0..count).map(|_| self.event()).collect()
    }

    pub fn data(&mut self, count: usize) -> Vec<String> {
        self.events(count).into_iter().map(|event| event.data).collect()
    }

    /// All events that are there now.
    pub fn all(&mut self) -> Vec<Received> {
        let mut pulls = 0;
        while let Poll::Ready(Some(bytes)) = self.poll() {
            self.take(&bytes);
            pulls += 1;
            assert!(pulls < 1_000_000, "a stream without end");
        }
        self.events.drain(..).collect()
    }

    /// The events of this number of pulls.
    pub fn some(&mut self, pulls: usize) -> Vec<Received> {
        for _ in 0..pulls {
            if let Poll::Ready(Some(bytes)) = self.poll() {
                self.take(&bytes);
            }
        }
        self.events.drain(..).collect()
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.poll(), Poll::Ready(None))
    }

    fn take(&mut self, bytes: &[u8]) {
        self.parser.push(bytes);
        assert!(self.parser.is_clear(), "a pull yields whole events");
        self.events.extend(std::iter::from_fn(|| self.parser.pop()));
    }
}
