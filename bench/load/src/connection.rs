//! One connection: it asks for event streams, and counts what comes on each.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;

use crate::http1::Http1;
use crate::http2::Http2;
use crate::request::{Part, Request};
use crate::scan::{Scanner, Sighting};

/// One event stream, as a client sees it.
#[derive(Debug)]
pub struct Stream {
    /// The beginning of an event whose end has not come yet.
    carry: Vec<u8>,
    /// The head of the response was there: events may come.
    pub is_open: bool,
    /// Its progress with the broadcasts.
    pub progress: Progress,
}

/// A client's progress with the broadcasts.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The number of the broadcast that has to come next.
    pub next: u64,
    /// All events so far are below this number, in any order, with or without gaps.
    pub end: u64,
}

/// The form of the streams' URLs.
#[derive(Debug)]
enum Protocol {
    Http1(Http1),
    Http2(Http2),
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    /// Not sent yet.
    outgoing: Vec<u8>,
    protocol: Protocol,
    streams: Vec<Stream>,
    /// The number of its streams that have opened.
    pub opened: usize,
    /// It has failed, or ended.
    pub is_gone: bool,
}

impl Connection {
    /// One for a single stream, whose socket is connecting. The first broadcast that it is to get has the number `next`.
    pub fn http1(socket: TcpStream, request: &Request, next: u64) -> Self {
        Self::new(socket, Http1::request(request), Protocol::Http1(Http1::default()), vec![Stream::new(next)])
    }

    /// One for a stream per request.
    pub fn http2(socket: TcpStream, requests: &[Request], next: u64) -> Self {
        let streams = requests.iter().map(|_| Stream::new(next)).collect();
        Self::new(socket, Http2::requests(requests), Protocol::Http2(Http2::default()), streams)
    }

    fn new(socket: TcpStream, outgoing: Vec<u8>, protocol: Protocol, streams: Vec<Stream>) -> Self {
        Self { socket, outgoing, protocol, streams, opened: 0, is_gone: false }
    }

    /// Its socket, to be polled.
    pub fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Its streams.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Sends what there is to be sent.
    ///
    /// # Errors
    /// The connection failed.
    pub fn send(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match self.socket.write(&self.outgoing) {
                Ok(sent) => drop(self.outgoing.drain(..sent)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.outgoing = Vec::new();
        Ok(())
    }

    /// Reads what is there. Says how many bytes that was.
    ///
    /// # Errors
    /// The connection has ended, or a request was answered with something else than 200.
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
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            total += read;
            let bytes = buffer.get(..read).unwrap_or_default();
            let (streams, opened) = (&mut self.streams, &mut self.opened);
            let part = |number: usize, part: Part<'_>| match (streams.get_mut(number), part) {
                (Some(stream), Part::Head) => {
                    *opened += usize::from(!stream.is_open);
                    stream.is_open = true;
                }
                (Some(Stream { carry, progress, .. }), Part::Body(body)) => {
                    scanner.scan(carry, body, |sighting| found(sighting, progress));
                }
                (None, _) => {}
            };
            match &mut self.protocol {
                Protocol::Http1(http1) => http1.read(bytes, part)?,
                Protocol::Http2(http2) => http2.read(bytes, &mut self.outgoing, part)?,
            }
            if read < buffer.len() {
                // The poll tells of what comes after this.
                break;
            }
        }
        self.send()?;
        Ok(total)
    }
}

impl Stream {
    fn new(next: u64) -> Self {
        Self { carry: Vec::new(), is_open: false, progress: Progress { next, end: next } }
    }
}
