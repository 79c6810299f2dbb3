//! Readiness of a shard's sockets.
//!
//! Each shard has its own poll inside the runtime's. The runtime watches one descriptor for all sockets of a shard, so
//! a connected client costs the runtime nothing. (A task or a waker per client costs more memory than the rest of the
//! client.) Sockets are registered once, edge-triggered: the kernel reports a socket as writable only after it has
//! refused to accept more.

#[cfg(unix)]
mod imp {
    use std::io;
    use std::os::fd::RawFd;
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};
    use tokio::io::unix::AsyncFd;

    use crate::delivery::poller::Ready;

    #[derive(Debug)]
    pub(crate) struct Poller {
        poll: AsyncFd<Poll>,
        events: Events,
    }

    impl Poller {
        /// Must be called within the runtime that will run the shard.
        pub(crate) fn new() -> io::Result<Self> {
            let poll = Poll::new()?;
            #[expect(unsafe_code)]
            // SAFETY: the descriptor must stay open while it is registered. The poll owns it, the `AsyncFd` owns the poll and
            // never gives it away, and it deregisters before it drops what it owns.
            let poll = unsafe { AsyncFd::register_with_interest(poll, tokio::io::Interest::READABLE) }?;
            Ok(Self { poll, events: Events::with_capacity(256) })
        }

        pub(crate) fn add(&self, fd: RawFd, key: usize) -> io::Result<()> {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.get_ref().registry().register(&mut SourceFd(&fd), Token(key), interest)
        }

        /// Node may keep the socket open for a moment, so closing our descriptor alone would not end the registration.
        pub(crate) fn remove(&self, fd: RawFd) {
            // This fails only if the socket is not registered, and then there is nothing to do.
            let _ = self.poll.get_ref().registry().deregister(&mut SourceFd(&fd));
        }

        /// Waits until some socket is ready.
        pub(crate) async fn ready(&mut self) {
            // Clear before taking the events, so that anything later is an edge again.
            if let Ok(mut guard) = self.poll.readable().await {
                guard.clear_ready();
            }
        }

        /// Takes some of the sockets that are ready. Returns whether there may be more.
        pub(crate) fn take(&mut self, out: &mut Vec<Ready>) -> bool {
            if self.poll.get_mut().poll(&mut self.events, Some(Duration::ZERO)).is_err() {
                return false;
            }
            out.extend(self.events.iter().map(|event| Ready {
                key: event.token().0,
                readable: event.is_readable() || event.is_read_closed() || event.is_error(),
                writable: event.is_writable(),
            }));
            !self.events.is_empty()
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io;

    use crate::delivery::poller::Ready;

    /// On systems where sockets cannot be handed over, there is nothing to poll.
    #[derive(Debug)]
    pub(crate) struct Poller;

    impl Poller {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) async fn ready(&mut self) {
            std::future::pending().await
        }

        pub(crate) fn take(&mut self, _out: &mut Vec<Ready>) -> bool {
            false
        }
    }
}

pub(crate) use imp::Poller;

/// A socket that is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) key: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}
