//! A page with a plain `EventSource` that goes from node to node, and checks every event against the plan.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::{EVENTS, Scene, USERS};
use crate::PATIENCE;
use crate::chance::Chance;
use crate::door::{HeadText, get, request, ticket_of};
use crate::wire::{Dechunker, Parser, Received};

pub(crate) fn client_of(page: usize) -> String {
    format!("page-{page}")
}

pub(crate) fn user_of(page: usize) -> String {
    format!("user-{}", page % USERS)
}

pub(crate) struct Page {
    number: usize,
    chance: Chance,
    scene: Arc<Scene>,
    target: String,
    last_event_id: Option<String>,
    /// The newest event that it has got since it was told of a gap; before the first, 0.
    last: usize,
    /// It was told of a gap just now, and has to fetch what it shows anew.
    in_gap: bool,
    /// The next event has to be the word of a gap.
    gap_due: bool,
    is_done: bool,
    pub(crate) got: usize,
    pub(crate) moves: usize,
    pub(crate) gaps: usize,
}

impl Page {
    pub(crate) fn new(number: usize, chance: Chance, scene: Arc<Scene>) -> Self {
        let target = format!("/events?clientId={}&ticket={}", client_of(number), ticket_of(&user_of(number)));
        let (last_event_id, last, got, moves, gaps) = (None, 0, 0, 0, 0);
        let (in_gap, gap_due, is_done) = (false, false, false);
        Self { number, chance, scene, target, last_event_id, last, in_gap, gap_due, is_done, got, moves, gaps }
    }

    pub(crate) fn live(mut self) -> Self {
        while !self.is_done {
            let addresses = *self.scene.addresses.lock();
            let address = *self.chance.pick(&addresses);
            // Errors: the node was killed, and there are others.
            if self.visit(address).is_err() {
                thread::sleep(Duration::from_millis(10));
            }
            self.moves += 1;
        }
        self.scene.done.fetch_add(1, Ordering::Relaxed);
        self
    }

    /// One connection, up to its end, or until it has had enough events to go elsewhere.
    fn visit(&mut self, address: SocketAddr) -> std::io::Result<()> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let request = match &self.last_event_id {
            Some(id) => request("GET", &self.target, &[("Last-Event-ID", id)]),
            None => get(&self.target),
        };
        socket.write_all(request.as_bytes())?;
        let Some(head) = HeadText::read(&mut socket)? else { return Err(ErrorKind::UnexpectedEof.into()) };
        assert!(head.first.contains(" 200 "), "page {} is refused: {head:?}", self.number);
        let (mut dechunker, mut parser, mut buffer) = (Dechunker::default(), Parser::default(), vec![0; 16 * 1024]);
        let mut stay = 1 + self.chance.below(600);
        while !self.is_done && stay > 0 {
            let read = match socket.read(&mut buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("page {} waits in vain behind event {}", self.number, self.last)
                }
                read => read?,
            };
            if read == 0 {
                return Ok(());
            }
            parser.push(&dechunker.push(&buffer[..read]));
            // The events that have come stay, even if the page leaves now.
            while let Some(event) = parser.pop() {
                self.take(&event);
                stay = stay.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn take(&mut self, event: &Received) {
        let had_id = self.last_event_id.replace(event.id.clone()).is_some();
        match event.name.as_str() {
            "ssekit:ready" => {
                let resumed = event.data.contains(r#""resumed":true"#);
                assert!(!self.gap_due || !resumed, "page {}: a gap is forgotten that was not told", self.number);
                self.gap_due = had_id && !resumed;
            }
            name if self.gap_due && name != "ssekit:reset" => panic!("page {} is not told first of a gap", self.number),
            "ssekit:reset" => {
                // It is counted from here, wherever the node stands.
                (self.in_gap, self.gap_due, self.last) = (true, false, 0);
                self.gaps += 1;
            }
            "end" => {
                self.check(EVENTS + 1);
                self.is_done = true;
            }
            _ => {
                let number = event.data.split(' ').next().unwrap().parse().unwrap();
                assert!(self.is_due(number), "page {} gets {number}, which is not for it", self.number);
                self.check(number);
                (self.last, self.in_gap) = (number, false);
                self.got += 1;
            }
        }
        // A page that learned about a gap may be behind all of it.
        let reached = if self.in_gap { self.scene.sent.load(Ordering::Relaxed) } else { self.last };
        self.scene.reached[self.number].fetch_max(reached, Ordering::Relaxed);
    }

    /// Whether an event with this number may come now.
    fn check(&self, number: usize) {
        let Self { number: page, last, .. } = *self;
        assert!(number > last, "page {page} gets {number} after {last}");
        let missing = (last + 1..number).find(|number| self.is_due(*number));
        assert!(self.in_gap || missing.is_none(), "page {page} gets {number} after {last}, and {missing:?} is missing");
    }

    fn is_due(&self, number: usize) -> bool {
        self.scene.plan[number - 1].is_for(self.number)
    }
}
