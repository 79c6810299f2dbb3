//! A hub behind a listener. Who talks to it is `http1`, or `http2`.

use std::net::{SocketAddr, TcpStream};

use ssekit_http::ticket::{self, NewTicket, TicketOptions};
use ssekit_http::{Listener, ListenerOptions};

pub use crate::http1::*;
use crate::{Engine, PATIENCE, eventually};

/// A secret that only tests share.
pub const SECRET: &str = "a secret that only these tests know of";

/// A publisher's token that only tests share.
pub const TOKEN: &str = "a-token-that-only-these-tests-know-of";

/// An engine and its listener.
pub struct Door {
    pub engine: Engine,
    pub listener: Listener,
}

impl Door {
    pub fn open(options: ListenerOptions) -> Self {
        Self::of(Engine::start(), options)
    }

    pub fn of(engine: Engine, options: ListenerOptions) -> Self {
        let hub = engine.hub.clone();
        let started = async { Listener::start(hub, options, &tokio::runtime::Handle::current()) };
        let listener = engine.block_on(started).unwrap();
        Self { engine, listener }
    }

    /// With default limits, for everybody.
    pub fn anonymous() -> Self {
        Self::open(anonymous())
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A connection to it.
    pub fn connect(&self) -> RawClient {
        RawClient::on(TcpStream::connect(self.address()).unwrap())
    }

    /// The answer to a GET on its own connection.
    pub fn get(&self, target: &str) -> Answer {
        self.connect().asks(&get(target))
    }

    /// An event stream on its own connection.
    pub fn stream(&self, target: &str) -> Streaming {
        self.connect().streams(&get(target))
    }

    /// Waits until this number of clients is connected.
    pub fn wait_for_clients(&self, clients: usize) {
        eventually("all clients are connected", || self.engine.stats().clients == clients);
    }

    /// Waits until nobody is connected any more, in any way.
    pub fn wait_until_empty(&self) {
        self.wait_for_clients(0);
        eventually("no connection is left", || self.listener.connections() == 0);
    }

    pub fn close(&self) {
        self.engine.block_on(self.listener.close());
    }
}

pub fn anonymous() -> ListenerOptions {
    ListenerOptions { anonymous: true, ..ListenerOptions::default() }
}

pub fn with_tickets(tickets: TicketOptions) -> ListenerOptions {
    ListenerOptions { tickets: Some(tickets), ..ListenerOptions::default() }
}

pub fn tickets() -> TicketOptions {
    TicketOptions { secrets: vec![SECRET.to_owned()], ..TicketOptions::default() }
}

pub fn new_ticket(user: &str) -> NewTicket {
    NewTicket { user: Some(user.to_owned()), ttl: PATIENCE * 10, ..NewTicket::default() }
}

/// A good ticket.
pub fn ticket_of(user: &str) -> String {
    ticket::issue(SECRET, new_ticket(user), ticket::now()).unwrap()
}
