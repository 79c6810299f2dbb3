//! One client: a connection that has asked for an event stream and counts what comes.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;

use crate::scan::{Scanner, Sighting};

/// The end of a response's head.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Connecting, or waiting for the response's head.
    Opening,
    /// The head was there: events may come.
    Open,
    /// The connection is gone.
    Gone,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    socket: TcpStream,
    /// Not sent yet.
    request: Vec<u8>,
    /// The head of the response as far as it has come, then what is cut off of an event.
    carry: Vec<u8>,
    /// Where it is.
    pub state: State,
    /// How far it is with the broadcasts.
    pub progress: Progress,
}

/// How far a client is with the broadcasts.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The number of the broadcast that has to come next.
    pub next: u64,
    /// What has come is below this number, in whatever order, and whatever is missing.
    pub end: u64,
}

impl Client {
    /// A client whose socket is connecting.
    pub fn new(socket: TcpStream, request: Vec<u8>, next: u64) -> Self {
        let progress = Progress { next, end: next };
        Self { socket, request, carry: Vec::new(), state: State::Opening, progress }
    }

    /// Its socket, to be polled.
    pub fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Sends what is left of the request.
    ///
    /// # Errors
    /// The connection failed.
    pub fn send_request(&mut self) -> io::Result<()> {
        while !self.request.is_empty() {
            match self.socket.write(&self.request) {
                Ok(sent) => drop(self.request.drain(..sent)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.request = Vec::new();
        Ok(())
    }

    /// Reads what is there. Says how many bytes that was.
    ///
    /// # Errors
    /// The connection has ended, or was answered with something else than 200.
    pub fn receive(
        &mut self,
        scanner: &Scanner,
        buffer: &mut [u8],
        mut found: impl FnMut(Sighting, &mut Progress),
    ) -> io::Result<usize> {
        let mut total = 0;
        loop {
            let read = match self.socket.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
                Err(error) => return Err(error),
            };
            total += read;
            let bytes = buffer.get(..read).unwrap_or_default();
            let body = if self.state == State::Opening { self.read_head(bytes)? } else { bytes };
            let progress = &mut self.progress;
            scanner.scan(&mut self.carry, body, |sighting| found(sighting, progress));
            if read < buffer.len() {
                // The poll tells of what comes after this.
                return Ok(total);
            }
        }
    }

    /// Returns what comes after the head.
    fn read_head<'a>(&mut self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let before = self.carry.len();
        self.carry.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&self.carry, BLANK_LINE) else { return Ok(&[]) };
        if !self.carry.starts_with(b"HTTP/1.1 200 ") {
            let line = self.carry.split(|byte| *byte == b'\r').next().unwrap_or_default();
            return Err(io::Error::other(String::from_utf8_lossy(line).into_owned()));
        }
        self.state = State::Open;
        self.carry = Vec::new();
        Ok(bytes.get((end + BLANK_LINE.len()).saturating_sub(before)..).unwrap_or_default())
    }
}
