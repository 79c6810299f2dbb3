//! A socket that a shard writes to: one send for an event, one vectored send for many, and the unsent rest of a frame.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use bytes::Bytes;
use socket2::{SockRef, Socket, TcpKeepalive};

use crate::delivery::heartbeat::heartbeat;
use crate::event::Framing;
use crate::session::lifecycle::DisconnectReason;

/// What a peer may send after its request before it is taken for something else than an event-stream client.
const MAX_STRAY_BYTES: usize = 16 * 1024;

#[cfg(any(target_os = "linux", target_os = "android"))]
const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL;
// Apple's kernels have no such flag; Node.js ignores SIGPIPE for the whole process.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEND_FLAGS: i32 = 0;

/// The state of one connection's writing side.
#[derive(Debug)]
pub(crate) struct Writer {
    socket: Socket,
    framing: Framing,
    /// The kernel takes nothing now; the poll tells when it does again.
    pub(crate) blocked: bool,
    /// Nothing is tried any more.
    broken: bool,
    /// What the kernel has not taken of a frame that was begun.
    rest: Option<Bytes>,
    stray_bytes: usize,
}

/// Lets the kernel find out that the peer has vanished: what was sent and is not acknowledged for so long ends the connection
/// (RFC 5482), and an idle connection is asked after as long. Where the system lacks the first, its own patience with
/// retransmissions ends it, which is some minutes.
pub(crate) fn expect_answers(socket: &SockRef<'_>, timeout: Duration) {
    // Errors: it is no TCP socket, and then there is no network between us and the peer.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(timeout));
    let keepalive = TcpKeepalive::new().with_time(timeout).with_interval(Duration::from_secs(1).max(timeout / 8));
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// Why a connection is gone whose socket says this.
pub(crate) fn reason_of(error: &io::Error) -> DisconnectReason {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => DisconnectReason::Timeout,
        _ => DisconnectReason::Peer,
    }
}

/// What came of looking at what the peer has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing, or little that does no harm.
    Open,
    /// That was the end. An event-stream client has nothing to say, so when it closes its side it is gone; and when it says more
    /// than any such client does, it is something else.
    Over(DisconnectReason),
}

impl Writer {
    pub(crate) fn new(socket: Socket, framing: Framing) -> Self {
        Self { socket, framing, blocked: false, broken: false, rest: None, stray_bytes: 0 }
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// Tries nothing any more.
    pub(crate) fn break_off(&mut self) {
        self.blocked = true;
        self.broken = true;
    }

    /// Whether the kernel may take more later.
    pub(crate) fn may_go_on(&self) -> bool {
        self.blocked && !self.broken
    }

    /// Whether it has nothing of its own left to send.
    pub(crate) fn is_clear(&self) -> bool {
        self.rest.is_none()
    }

    /// Sends slices as one. Fewer bytes than there are may be taken; none with `blocked` set.
    pub(crate) fn send(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let sent = match slices {
                [slice] => self.socket.send_with_flags(slice, SEND_FLAGS),
                slices => self.socket.send_vectored_with_flags(slices, SEND_FLAGS),
            };
            match sent {
                Ok(sent) => return Ok(sent),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(0);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Keeps what the kernel has not taken of a frame.
    pub(crate) fn keep(&mut self, rest: Bytes) {
        self.rest = Some(rest);
    }

    /// Sends what is left of a frame. Says how much was sent.
    pub(crate) fn send_rest(&mut self) -> io::Result<usize> {
        let mut total = 0;
        while let Some(rest) = self.rest.take() {
            let sent = self.send(&[IoSlice::new(&rest)])?;
            total += sent;
            if sent < rest.len() {
                self.rest = Some(rest.slice(sent..));
            }
            if self.blocked {
                break;
            }
        }
        Ok(total)
    }

    /// Sends a heartbeat. Says how many bytes were taken.
    pub(crate) fn send_heartbeat(&mut self) -> io::Result<usize> {
        self.keep(Bytes::from_static(heartbeat(self.framing)));
        self.send_rest()
    }

    /// Looks at what the peer has sent, and throws it away.
    pub(crate) fn discard_input(&mut self) -> Input {
        let mut scratch = [0_u8; 2048];
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) => return Input::Over(DisconnectReason::Peer),
                Ok(read) => {
                    self.stray_bytes += read;
                    if self.stray_bytes > MAX_STRAY_BYTES {
                        return Input::Over(DisconnectReason::Protocol);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Input::Open,
                Err(error) => return Input::Over(reason_of(&error)),
            }
        }
    }

    /// Ends the response as it should end, if the kernel takes it at once; a peer that does not read has to do without.
    pub(crate) fn finish(&mut self) {
        if self.framing == Framing::Chunked && self.rest.is_none() && !self.blocked {
            // A peer that has gone cannot be told; that is all an error could mean here.
            let _ = self.send(&[IoSlice::new(b"0\r\n\r\n")]);
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}
