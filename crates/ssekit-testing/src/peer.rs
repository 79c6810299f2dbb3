//! The other end of a socket that was handed off.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use socket2::{Domain, SockRef, Socket, Type};
use ssekit_core::{Connected, Framing, Result, Stream};

use crate::PATIENCE;
use crate::wire::{Dechunker, Parser, Received};

/// Two connected sockets: the server's and the peer's.
pub fn socket_pair() -> (TcpStream, TcpStream) {
    pair_with(None)
}

/// Two connected sockets whose kernel buffers are as small as the kernel allows.
pub fn narrow_pair() -> (TcpStream, TcpStream) {
    pair_with(Some(4096))
}

fn pair_with(buffer: Option<usize>) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    if let Some(bytes) = buffer {
        // Before the connection exists, because its window is agreed on then.
        peer.set_recv_buffer_size(bytes).unwrap();
    }
    peer.connect(&listener.local_addr().unwrap().into()).unwrap();
    let (server, _) = listener.accept().unwrap();
    if let Some(bytes) = buffer {
        SockRef::from(&server).set_send_buffer_size(bytes).unwrap();
    }
    (server, peer.into())
}

/// A page's end of a connection.
#[derive(Debug)]
pub struct Peer {
    socket: TcpStream,
    framing: Framing,
    dechunker: Dechunker,
    parser: Parser,
    ended: bool,
}

impl Peer {
    /// Hands a stream off and is its other end.
    pub fn of(stream: Stream) -> Self {
        Self::try_of(stream, Framing::Chunked, socket_pair()).unwrap()
    }

    pub fn narrow(stream: Stream) -> Self {
        Self::try_of(stream, Framing::Chunked, narrow_pair()).unwrap()
    }

    pub fn with(stream: Stream, framing: Framing) -> Self {
        Self::try_of(stream, framing, socket_pair()).unwrap()
    }

    pub fn try_of(mut stream: Stream, framing: Framing, pair: (TcpStream, TcpStream)) -> Result<Self> {
        let (server, peer) = pair;
        stream.hand_off(server.into(), framing)?;
        Ok(Self::on(peer, framing))
    }

    pub fn on(socket: TcpStream, framing: Framing) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { socket, framing, dechunker: Dechunker::default(), parser: Parser::default(), ended: false }
    }

    /// Reads once what is there, or waits until something is. False: the connection has ended.
    pub fn receive(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let read = match self.socket.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            read => read.expect("bytes, or the end of the connection, in time"),
        };
        let bytes = &buffer[..read];
        match self.framing {
            Framing::Chunked => self.parser.push(&self.dechunker.push(bytes)),
            Framing::UntilClose => self.parser.push(bytes),
        }
        self.ended = read == 0;
        read > 0
    }

    /// The next event, when it comes.
    pub fn event(&mut self) -> Received {
        self.next_or_end().expect("an event before the end of the connection")
    }

    pub fn events(&mut self, count: usize) -> Vec<Received> {
        (0..count).map(|_| self.event()).collect()
    }

    pub fn data(&mut self, count: usize) -> Vec<String> {
        self.events(count).into_iter().map(|event| event.data).collect()
    }

    /// The next event, or none if the connection ends before it.
    pub fn next_or_end(&mut self) -> Option<Received> {
        loop {
            match self.parser.pop() {
                Some(event) => return Some(event),
                None if self.ended || !self.receive() => return None,
                None => {}
            }
        }
    }

    /// Reads to the end of the connection. Returns the events before it; the body must have ended as it should.
    pub fn finish(&mut self) -> Vec<Received> {
        let events = std::iter::from_fn(|| self.next_or_end()).collect();
        assert!(self.has_ended_properly(), "the body has not ended as it should");
        events
    }

    pub fn has_ended_properly(&self) -> bool {
        let whole = self.parser.is_clear() && self.dechunker.is_clear();
        self.ended && whole && (self.dechunker.ended || self.framing == Framing::UntilClose)
    }

    pub fn heartbeats(&self) -> usize {
        self.parser.heartbeats
    }

    /// Sends bytes that no event-stream client sends.
    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Sends bytes unless the connection is gone.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).is_ok()
    }

    /// From here on what is not there already is not waited for.
    pub fn set_nonblocking(&self, nonblocking: bool) {
        self.socket.set_nonblocking(nonblocking).unwrap();
    }

    /// Says that nothing more will be sent, and goes on reading.
    pub fn half_close(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Breaks the connection off with a reset.
    pub fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
}

/// Hands a stream off to a pair of sockets that keep each write apart, and returns the other end.
pub fn hand_off_to_packets(connected: Connected) -> Socket {
    let Connected { mut stream, .. } = connected;
    let (server, peer) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    stream.hand_off(server.into(), Framing::Chunked).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer
}

/// The bytes that one write put on such a connection.
pub fn one_write(peer: &Socket) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 20];
    let read = (&mut &*peer).read(&mut buffer).unwrap();
    buffer.truncate(read);
    buffer
}
