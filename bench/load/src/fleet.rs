//! Thousands of clients in one thread.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde::Serialize;

use crate::clock;
use crate::connection::{Connection, Progress};
use crate::latencies::{Latencies, Summary};
use crate::request::Request;
use crate::scan::{Scanner, Sighting};

/// Events from this number on go to single clients, and are counted on their own.
pub const TARGETED: u64 = 1_000_000_000;

/// The clients' observations since the last report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Clients that are open.
    pub open: usize,
    /// Clients whose connection failed or ended.
    pub gone: usize,
    /// Why, and how often.
    pub reasons: BTreeMap<String, usize>,
    /// Clients that got every broadcast that was expected of them, in order, each once.
    pub complete: usize,
    /// Broadcasts that came.
    pub events: u64,
    /// Events that came out of order, for a second time, or after one that is missing.
    pub wrong: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// The latencies of the broadcasts.
    pub latency: Summary,
    /// The latencies of the events for single clients.
    pub targeted: Summary,
    /// When the last event came.
    pub last_at: u64,
    /// When this was asked for, and when it was done.
    pub from: u64,
    /// See `from`.
    pub to: u64,
    /// Processor time of this program meanwhile: close to `to - from`, it may be what was measured.
    pub processor: u64,
}

/// The events that any client has seen.
#[derive(Debug, Default)]
struct Seen {
    events: u64,
    wrong: u64,
    bytes: u64,
    last_at: u64,
    /// Open clients that got the last broadcast that is expected.
    arrived: usize,
    /// And all before it, in order, each once.
    complete: usize,
    latencies: Latencies,
    targeted: Latencies,
}

/// The clients.
pub struct Fleet {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    clients: usize,
    scanner: Scanner,
    buffer: Vec<u8>,
    seen: Seen,
    reasons: BTreeMap<String, usize>,
    opening: usize,
    open: usize,
    /// The number that a client's next broadcast has when it has got all that are expected.
    expected: u64,
}

impl Fleet {
    /// No clients yet.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1_024),
            connections: Vec::new(),
            clients: 0,
            scanner: Scanner::default(),
            buffer: vec![0; 256 * 1_024],
            seen: Seen::default(),
            reasons: BTreeMap::new(),
            opening: 0,
            open: 0,
            expected: 0,
        })
    }

    /// Adds clients, a number at a time, and waits until each has its response's head, or has failed. `{i}` in the path and
    /// in the headers is the number of the client; the first broadcast that it is to get has the number `next`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn connect(&mut self, wanted: &Wanted<'_>) -> io::Result<Report> {
        let (from, processor) = (clock::now(), clock::processor_time());
        let deadline = from + wanted.patience.as_nanos() as u64;
        let mut left = wanted.clients;
        while (left > 0 || self.opening > 0) && clock::now() < deadline {
            while left > 0 && self.opening < wanted.at_a_time {
                left -= self.add(wanted, left)?;
            }
            self.poll_once(Duration::from_millis(100))?;
        }
        Ok(self.report(from, processor))
    }

    /// Adds a connection with as many clients as go onto it. Says how many those are.
    fn add(&mut self, wanted: &Wanted<'_>, left: usize) -> io::Result<usize> {
        let streams = wanted.streams.unwrap_or(1).min(left);
        let request = |number: usize| {
            let number = number.to_string();
            let (path, headers) = (wanted.path.replace("{i}", &number), wanted.headers.replace("{i}", &number));
            Request { authority: wanted.address.to_string(), path, headers }
        };
        let requests: Vec<Request> = (self.clients..self.clients + streams).map(request).collect();
        let socket = TcpStream::connect(wanted.address)?;
        let mut connection = match (wanted.streams, requests.first()) {
            (None, Some(request)) => Connection::http1(socket, request, wanted.next),
            _ => Connection::http2(socket, &requests, wanted.next),
        };
        let token = Token(self.connections.len());
        self.poll.registry().register(connection.socket(), token, Interest::READABLE | Interest::WRITABLE)?;
        self.connections.push(connection);
        self.clients += streams;
        self.opening += streams;
        Ok(streams)
    }

    /// Expects every client to get all broadcasts before `end`.
    pub fn expect(&mut self, end: u64) {
        self.expected = end;
        let count = |has: fn(&Progress) -> u64| {
            let streams =
                self.connections.iter().filter(|connection| !connection.is_gone).flat_map(Connection::streams);
            streams.filter(|stream| stream.is_open && has(&stream.progress) >= end).count()
        };
        (self.seen.complete, self.seen.arrived) = (count(|progress| progress.next), count(|progress| progress.end));
    }

    /// Waits until every open client has got the last broadcast that is expected, and the number of events for single clients has come.
    /// Events missing by then never come, because a connection keeps the order.
    ///
    /// # Errors
    /// The system refuses.
    pub fn collect(&mut self, targeted: usize, patience: Duration) -> io::Result<Report> {
        let (from, processor) = (clock::now(), clock::processor_time());
        let deadline = from + patience.as_nanos() as u64;
        while (self.seen.arrived < self.open || self.seen.targeted.len() < targeted) && clock::now() < deadline {
            self.poll_once(Duration::from_millis(20))?;
        }
        Ok(self.report(from, processor))
    }

    /// Reads what comes until the time is over.
    ///
    /// # Errors
    /// The system refuses.
    pub fn watch(&mut self, time: Duration) -> io::Result<Report> {
        let (from, processor) = (clock::now(), clock::processor_time());
        let end = from + time.as_nanos() as u64;
        loop {
            let now = clock::now();
            if now >= end {
                return Ok(self.report(from, processor));
            }
            self.poll_once(Duration::from_nanos(end - now))?;
        }
    }

    /// Ends all connections, by a reset if asked for: that leaves no port waiting.
    pub fn close(&mut self, reset: bool) {
        for connection in &mut self.connections {
            if reset && !connection.is_gone {
                // It fails for a connection that is gone already.
                let _ = socket2::SockRef::from(&*connection.socket()).set_linger(Some(Duration::ZERO));
            }
        }
        self.connections.clear();
        (self.clients, self.opening, self.open) = (0, 0, 0);
        self.reasons.clear();
        self.seen = Seen::default();
    }

    fn report(&mut self, from: u64, processor: u64) -> Report {
        let seen = &mut self.seen;
        Report {
            open: self.open,
            gone: self.clients - self.open - self.opening,
            reasons: self.reasons.clone(),
            complete: seen.complete,
            events: std::mem::take(&mut seen.events),
            wrong: std::mem::take(&mut seen.wrong),
            bytes: std::mem::take(&mut seen.bytes),
            latency: seen.latencies.take(),
            targeted: seen.targeted.take(),
            last_at: seen.last_at,
            from,
            to: clock::now(),
            processor: clock::processor_time() - processor,
        }
    }

    /// Waits for the poll once, and does what it tells.
    fn poll_once(&mut self, patience: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let Self { events, connections, scanner, buffer, seen, reasons, opening, open, expected, .. } = self;
        for event in events.iter() {
            let Some(connection) = connections.get_mut(event.token().0).filter(|connection| !connection.is_gone) else {
                continue;
            };
            let before = connection.opened;
            let took = |sighting, progress: &mut Progress| seen.take(sighting, progress, *expected);
            let outcome = connection.send().and_then(|()| match event.is_readable() {
                true => connection.receive(scanner, buffer, took),
                false => Ok(0),
            });
            *opening -= connection.opened - before;
            *open += connection.opened - before;
            match outcome {
                Ok(bytes) => seen.bytes += bytes as u64,
                Err(error) => {
                    let streams = connection.streams().len();
                    *reasons.entry(error.to_string()).or_default() += streams;
                    *open -= connection.opened;
                    *opening -= streams - connection.opened;
                    connection.is_gone = true;
                }
            }
        }
        Ok(())
    }
}

impl Seen {
    fn take(&mut self, sighting: Sighting, progress: &mut Progress, expected: u64) {
        let now = clock::now();
        self.last_at = now;
        let late = now.saturating_sub(sighting.at);
        if sighting.seq >= TARGETED {
            self.targeted.add(late);
            return;
        }
        self.events += 1;
        self.latencies.add(late);
        if sighting.seq >= progress.end {
            self.arrived += usize::from(progress.end < expected && sighting.seq + 1 >= expected);
            progress.end = sighting.seq + 1;
        }
        if sighting.seq == progress.next {
            progress.next += 1;
            self.complete += usize::from(progress.next == expected);
        } else {
            self.wrong += 1;
        }
    }
}

/// Clients to be added.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The server to connect to.
    pub address: SocketAddr,
    /// The request to send.
    pub path: &'a str,
    /// Headers of their own, each with its line end.
    pub headers: &'a str,
    /// The number of clients.
    pub clients: usize,
    /// The number of clients on a connection, over HTTP/2. `None`: each has its own connection, over HTTP/1.1.
    pub streams: Option<usize>,
    /// The maximum number of clients that are opening at the same time.
    pub at_a_time: usize,
    /// The number of the first broadcast that they get.
    pub next: u64,
    /// The maximum time that all of it may take.
    pub patience: Duration,
}
