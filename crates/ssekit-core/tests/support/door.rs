//! A hub behind a listener. Who talks to it is `http1`, or `http2`.

use std::net::{SocketAddr, TcpStream};

use ssekit_core::listener::ticket::{self, DEFAULT_AUDIENCE, NewTicket, TicketOptions};
use ssekit_core::listener::{Listener, ListenerOptions};

pub(crate) use super::http1::*;
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
