//! A hub behind a listener, and somebody who talks plain HTTP/1 to it, byte by byte.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use ssekit_core::Framing;
use ssekit_core::listener::ticket::{self, DEFAULT_AUDIENCE, NewTicket, TicketOptions};
use ssekit_core::listener::{Listener, ListenerOptions};

use super::peer::Peer;
use super::wire::{Ready, ready_in};
use super::{Engine, PATIENCE, eventually};

/// A secret that only tests share.
pub(crate) const SECRET: &str = "a secret that only these tests know of";

/// A publisher's token that only tests share.
pub(crate) const TOKEN: &str = "a-token-that-only-these-tests-know-of";

/// An engine and its listener.
pub(crate) struct Door {
    pub(crate) engine: Engine,
    pub(crate) listener: Listener,
}

impl Door {
    pub(crate) fn open(options: ListenerOptions) -> Self {
        Self::of(Engine::start(), options)
    }

    pub(crate) fn of(engine: Engine, options: ListenerOptions) -> Self {
        let hub = engine.hub.clone();
        let started = async { Listener::start(hub, options, &tokio::runtime::Handle::current()) };
        let listener = engine.block_on(started).unwrap();
        Self { engine, listener }
    }

    /// With default limits, for everybody.
    pub(crate) fn anonymous() -> Self {
        Self::open(anonymous())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A connection to it.
    pub(crate) fn knock(&self) -> Visitor {
        Visitor::on(TcpStream::connect(self.address()).unwrap())
    }

    /// What comes of a GET on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.knock().asks(&get(target))
    }

    /// An event stream on a connection of its own.
    pub(crate) fn stream(&self, target: &str) -> Streaming {
        self.knock().streams(&get(target))
    }

    /// Waits until there are so many clients.
    pub(crate) fn wait_for_clients(&self, clients: usize) {
        eventually("there are so many clients", || self.engine.stats().clients == clients);
    }

    /// Waits until nobody is connected any more, in any way.
    pub(crate) fn wait_until_empty(&self) {
        self.wait_for_clients(0);
        eventually("no connection is left", || self.listener.connections() == 0);
    }

    pub(crate) fn close(&self) {
        self.engine.block_on(self.listener.close());
    }
}

pub(crate) fn anonymous() -> ListenerOptions {
    ListenerOptions { anonymous: true, ..ListenerOptions::default() }
}

pub(crate) fn with_tickets(tickets: TicketOptions) -> ListenerOptions {
    ListenerOptions { tickets: Some(tickets), ..ListenerOptions::default() }
}

pub(crate) fn tickets() -> TicketOptions {
    TicketOptions { secrets: vec![SECRET.to_owned()], ..TicketOptions::default() }
}

pub(crate) fn new_ticket(user: &str) -> NewTicket<'_> {
    NewTicket {
        user: Some(user),
        client: None,
        ttl: PATIENCE * 10,
        not_before: std::time::Duration::ZERO,
        audience: DEFAULT_AUDIENCE,
        issuer: None,
    }
}

/// A good ticket.
pub(crate) fn ticket_of(user: &str) -> String {
    ticket::issue(SECRET, new_ticket(user), ticket::now()).unwrap()
}

pub(crate) fn get(target: &str) -> String {
    request("GET", target, &[])
}

pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: sse.example\r\n{headers}\r\n")
}

/// The head of a response.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A response that was read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status
    }
}

/// An event stream that was opened.
#[derive(Debug)]
pub(crate) struct Streaming {
    pub(crate) head: Head,
    pub(crate) ready: Ready,
    pub(crate) peer: Peer,
}

/// Somebody at the door.
#[derive(Debug)]
pub(crate) struct Visitor(TcpStream);

impl Visitor {
    pub(crate) fn on(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what is taken of it before the connection is closed.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// A Unix socket is read and written like any other.
    pub(crate) fn on_unix(socket: std::os::unix::net::UnixStream) -> Self {
        Self::on(TcpStream::from(std::os::fd::OwnedFd::from(socket)))
    }

    /// The same connection once more, for another thread.
    pub(crate) fn twin(&self) -> Self {
        Self(self.0.try_clone().unwrap())
    }

    pub(crate) fn half_close(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Breaks the connection off.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.0).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    pub(crate) fn asks(&mut self, request: &str) -> Answer {
        self.send(request);
        self.answer(request.starts_with("HEAD"))
    }

    pub(crate) fn streams(mut self, request: &str) -> Streaming {
        self.send(request);
        self.streaming()
    }

    /// Reads an answer whose length is told.
    pub(crate) fn answer(&mut self, head_only: bool) -> Answer {
        let head = self.head().expect("an answer before the end of the connection");
        let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if head_only { 0 } else { length }];
        self.0.read_exact(&mut body).unwrap();
        Answer { head, body: String::from_utf8(body).unwrap() }
    }

    /// Reads the beginning of an event stream.
    pub(crate) fn streaming(mut self) -> Streaming {
        let head = self.head().expect("a head before the end of the connection");
        assert_eq!(head.status, 200, "{head:?}");
        let chunked = head.header("transfer-encoding") == Some("chunked");
        let mut peer = Peer::on(self.0, if chunked { Framing::Chunked } else { Framing::UntilClose });
        let ready = ready_of(&peer.event());
        Streaming { head, ready, peer }
    }

    /// Reads the head of a response and not a byte more. None: the connection has ended.
    pub(crate) fn head(&mut self) -> Option<Head> {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(0) if text.is_empty() => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                read => assert_eq!(read.unwrap(), 1, "the connection ended within a head"),
            }
            text.push(byte[0]);
        }
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Some(Head { status, headers: headers.collect() })
    }

    /// The first bytes that come, or none at the end of the connection.
    pub(crate) fn beginning(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        let read = match self.0.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            read => read.unwrap(),
        };
        bytes.truncate(read);
        bytes
    }

    /// Whether something has come, or the end of the connection.
    pub(crate) fn has_answer(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let peeked = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).unwrap();
        !peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Waits for the end of the connection, and returns what came before it.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
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
