//! HTTP/1 in plain text, byte by byte: requests, heads, and somebody who asks.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use ssekit_core::Framing;

use crate::PATIENCE;
use crate::peer::Peer;
use crate::wire::{Ready, ready_in};

pub fn get(target: &str) -> String {
    request("GET", target, &[])
}

pub fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: sse.example\r\n{headers}\r\n")
}

/// The head of a request or a response: its first line, and its fields by their names in lower case.
#[derive(Debug, Clone)]
pub struct HeadText {
    pub first: String,
    pub headers: HashMap<String, String>,
}

impl HeadText {
    /// Reads a head and not a byte more. `None`: the connection has ended before it.
    pub fn read(socket: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match socket.read(&mut byte) {
                Ok(0) if text.is_empty() => return Ok(None),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                read => _ = read?,
            }
            text.push(byte[0]);
        }
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap().to_owned();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Ok(Some(Self { first, headers: headers.collect() }))
    }
}

/// The head of a response.
#[derive(Debug, Clone)]
pub struct Head {
    pub status: u16,
    pub headers: HashMap<String, String>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A response that was read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub head: Head,
    pub body: String,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.head.status
    }
}

/// An event stream that was opened.
#[derive(Debug)]
pub struct Streaming {
    pub head: Head,
    pub ready: Ready,
    pub peer: Peer,
}

/// Somebody at the door.
#[derive(Debug)]
pub struct RawClient(TcpStream);

impl RawClient {
    pub fn on(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what is taken of it before the connection is closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// A Unix socket is read and written like any other.
    pub fn on_unix(socket: std::os::unix::net::UnixStream) -> Self {
        Self::on(TcpStream::from(std::os::fd::OwnedFd::from(socket)))
    }

    /// The same connection once more, for another thread.
    pub fn try_clone(&self) -> Self {
        Self(self.0.try_clone().unwrap())
    }

    pub fn half_close(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Breaks the connection off.
    pub fn reset(self) {
        socket2::SockRef::from(&self.0).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    pub fn asks(&mut self, request: &str) -> Answer {
        self.send(request);
        self.answer(request.starts_with("HEAD"))
    }

    pub fn streams(mut self, request: &str) -> Streaming {
        self.send(request);
        self.streaming()
    }

    /// Asks for a stream, and gets one or is refused.
    pub fn tries(mut self, request: &str) -> Result<Streaming, Answer> {
        self.send(request);
        let head = self.head().expect("a head before the end of the connection");
        if head.status == 200 { Ok(self.streaming_behind(head)) } else { Err(self.answer_behind(head, false)) }
    }

    /// Reads an answer with a known length.
    pub fn answer(&mut self, head_only: bool) -> Answer {
        let head = self.head().expect("an answer before the end of the connection");
        self.answer_behind(head, head_only)
    }

    fn answer_behind(&mut self, head: Head, head_only: bool) -> Answer {
        let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if head_only { 0 } else { length }];
        self.0.read_exact(&mut body).unwrap();
        Answer { head, body: String::from_utf8(body).unwrap() }
    }

    /// Reads the beginning of an event stream.
    pub fn streaming(mut self) -> Streaming {
        let head = self.head().expect("a head before the end of the connection");
        assert_eq!(head.status, 200, "{head:?}");
        self.streaming_behind(head)
    }

    fn streaming_behind(self, head: Head) -> Streaming {
        let chunked = head.header("transfer-encoding") == Some("chunked");
        let mut peer = Peer::on(self.0, if chunked { Framing::Chunked } else { Framing::UntilClose });
        let ready = ready_of(&peer.event());
        Streaming { head, ready, peer }
    }

    /// Reads the head of a response and not a byte more. `None`: the connection has ended.
    pub fn head(&mut self) -> Option<Head> {
        let HeadText { first, headers } = HeadText::read(&mut self.0).expect("a head that is whole")?;
        Some(Head { status: first.split(' ').nth(1).unwrap().parse().unwrap(), headers })
    }

    /// The first bytes that come, or none at the end of the connection.
    pub fn beginning(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        let read = match self.0.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            read => read.unwrap(),
        };
        bytes.truncate(read);
        bytes
    }

    /// The next bytes, as many as these.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whether something has come, or the end of the connection.
    pub fn has_answer(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let peeked = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).unwrap();
        !peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Waits for the end of the connection, and returns what came before it.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            read => _ = read.unwrap(),
        }
        rest
    }
}

fn ready_of(event: &super::wire::Received) -> Ready {
    let retry = event.retry.map(|retry| format!("retry: {retry}\n")).unwrap_or_default();
    ready_in(format!("event: {}\n{retry}data: {}\nid: {}\n\n", event.name, event.data, event.id).as_bytes())
}
