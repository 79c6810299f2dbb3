//! A socket that a shard writes to: one send for one event, one vectored send for many, and the unsent rest of a frame.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use bytes::Bytes;
use socket2::{SockRef, Socket, TcpKeepalive};

use crate::event::Framing;
use crate::session::lifecycle::DisconnectReason;

/// The maximum number of bytes that a peer may send after its request. A peer that sends more is no event-stream client.
const MAX_STRAY_BYTES: usize = 16 * 1024;

#[cfg(any(target_os = "linux", target_os = "android"))]
const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL;
// Apple's kernels have no such flag; Node.js ignores SIGPIPE for the whole process.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEND_FLAGS: i32 = 0;

/// The writing side of one connection.
#[derive(Debug)]
pub(crate) struct Writer {
    socket: Socket,
    framing: Framing,
    /// The kernel accepts nothing now; the poll reports when it does again.
    pub(crate) blocked: bool,
    /// The writer tries nothing any more.
    broken: bool,
    /// The part of a started frame that the kernel has not accepted.
    rest: Option<Bytes>,
    stray_bytes: usize,
}

/// Lets the kernel detect a vanished peer. Data that stays unacknowledged for this long ends the connection (RFC 5482),
/// and an idle connection is probed after the same time. On systems without the first option, the system's own
/// retransmission limit ends the connection, after some minutes.
pub(crate) fn expect_answers(socket: &SockRef<'_>, timeout: Duration) {
    // An error means that it is no TCP socket; then there is no network between us and the peer.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(timeout));
    let keepalive = TcpKeepalive::new().with_time(timeout).with_interval(Duration::from_secs(1).max(timeout / 8));
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// The reason for a disconnect, from the socket's error.
pub(crate) fn reason_of(error: &io::Error) -> DisconnectReason {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => DisconnectReason::Timeout,
        _ => DisconnectReason::Peer,
    }
}

/// The result of checking the peer's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing, or so little that it does no harm.
    Open,
    /// The connection is over. An event-stream client has nothing to send, so it is gone when it closes its side. If it
    /// sends more than any such client does, it is something else.
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

    /// Stops all further attempts.
    pub(crate) fn break_off(&mut self) {
        self.blocked = true;
        self.broken = true;
    }

    /// Whether the kernel may accept more later.
    pub(crate) fn may_go_on(&self) -> bool {
        self.blocked && !self.broken
    }

    /// Whether it takes anything.
    pub(crate) fn is_open(&self) -> bool {
        !self.broken
    }

    /// Whether no part of a frame is left to send.
    pub(crate) fn is_clear(&self) -> bool {
        self.rest.is_none()
    }

    /// Sends the slices as one. The kernel may accept fewer bytes; if it accepts none, `blocked` is set.
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

    /// Keeps the part of a frame that the kernel has not accepted.
    pub(crate) fn keep(&mut self, rest: Bytes) {
        self.rest = Some(rest);
    }

    /// Sends the rest of a frame. Returns the number of bytes sent.
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

    /// Sends a frame of its own; a part that the kernel does not accept is kept. Returns the number of bytes sent.
    pub(crate) fn send_frame(&mut self, frame: Bytes) -> io::Result<usize> {
        self.keep(frame);
        self.send_rest()
    }

    /// Reads the peer's input and discards it.
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

    /// Ends the response properly if the kernel accepts that at once. A peer that does not read gets no proper end.
    pub(crate) fn finish(&mut self) {
        if self.framing == Framing::Chunked && self.rest.is_none() && !self.blocked {
            // An error can only mean that the peer has gone, and then nobody needs the end.
            let _ = self.send(&[IoSlice::new(b"0\r\n\r\n")]);
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}
