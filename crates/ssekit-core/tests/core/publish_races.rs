//! Publishing from several threads while clients come and go: nobody sees a hole, a double, or another order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ssekit_core::{Connect, Connected, Hub};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::{Received, position_of, ready_in};
use ssekit_testing::{Engine, anonymous, data, eventually, keeping_all, named, user};

/// Either way in which a client's events come.
enum Page {
    Socket(Box<Peer>),
    Pulled(Box<Pull>),
}

impl Page {
    fn open(connected: Connected, number: usize) -> Self {
        match number % 2 {
            0 => Self::Socket(Box::new(Peer::of(connected.stream))),
            _ => Self::Pulled(Box::new(Pull::of(connected))),
        }
    }

    fn event(&mut self) -> Received {
        match self {
            Self::Socket(peer) => peer.event(),
            Self::Pulled(pull) => pull.event(),
        }
    }
}

/// Checks that positions grow and that each publisher's numbers come without a hole, from the first that is seen.
#[derive(Default)]
struct Order {
    position: u64,
    next: HashMap<String, usize>,
    seen: usize,
}

impl Order {
    fn check(&mut self, event: &Received) {
        assert!(!event.is_reset(), "{event:?}");
        assert!(event.position() > self.position, "{event:?} after {}", self.position);
        self.position = event.position();
        let (publisher, number) = event.data.split_once(' ').unwrap();
        let number: usize = number.parse().unwrap();
        let next = self.next.entry(publisher.to_owned()).or_insert(number);
        assert_eq!(*next, number, "of {publisher}");
        *next += 1;
        self.seen += 1;
    }
}

#[test]
fn earlier_client_gets_everything_once_in_order() {
    const EACH: usize = 2_000;
    let engine = Engine::start();
    let chosen = named(&engine, Some("ada"), "chosen");
    let pages: Vec<_> = (0..6).map(|number| (Page::open(user(&engine, "ada"), number), 4 * EACH)).collect();
    let others = (0..6).map(|number| (Page::open(anonymous(&engine), number), 2 * EACH));
    let pages: Vec<_> = [(Page::open(chosen, 0), 6 * EACH)].into_iter().chain(pages).chain(others).collect();

    thread::scope(|scope| {
        for publisher in 0..6 {
            let hub = &engine.hub;
            scope.spawn(move || {
                for number in 0..EACH {
                    let text = format!("{publisher} {number}");
                    match publisher % 3 {
                        0 => assert_eq!(hub.send_to_user("ada", data(&text)).unwrap(), 7),
                        1 => assert!(hub.send_to_client("chosen", data(&text)).unwrap()),
                        _ => assert_eq!(hub.broadcast(data(&text), None).unwrap(), 13),
                    }
                }
            });
        }
        for (mut page, count) in pages {
            scope.spawn(move || {
                let mut order = Order::default();
                for _ in 0..count {
                    order.check(&page.event());
                }
                assert!(order.next.values().all(|next| *next == EACH), "{:?}", order.next);
            });
        }
    });
    assert_eq!(engine.stats().position, 6 * EACH as u64);
}

/// Counts one down when it is dropped, however its thread ends.
struct Finished<'a>(&'a AtomicUsize);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[test]
fn client_arriving_between_gets_all_that_follows() {
    const OPENERS: usize = 4;
    let engine = Engine::with(keeping_all());
    let opening = AtomicUsize::new(OPENERS);
    thread::scope(|scope| {
        scope.spawn(|| {
            // As long as clients arrive, and then one last event that ends them all.
            while opening.load(Ordering::Acquire) > 0 {
                engine.broadcast(data("one"), None).unwrap();
            }
            engine.broadcast(data("last"), None).unwrap();
        });
        for opener in 0..OPENERS {
            let (engine, opening) = (&engine, &opening);
            scope.spawn(move || {
                let still_opening = Finished(opening);
                let pages: Vec<_> = (0..40)
                    .map(|_| {
                        let connected = anonymous(engine);
                        let cursor = position_of(&ready_in(&connected.opening).id);
                        (Page::open(connected, opener), cursor)
                    })
                    .collect();
                drop(still_opening);
                for (mut page, mut cursor) in pages {
                    let mut event = page.event();
                    while event.data != "last" {
                        assert!(!event.is_reset());
                        // All events are for everybody, so that not one position may be left out.
                        assert_eq!(event.position(), cursor + 1);
                        cursor += 1;
                        event = page.event();
                    }
                }
            });
        }
    });
}

/// Reads a user's events to the last one over connections that it cuts off again and again.
fn read_in_pieces(hub: &Hub, user: &str, reader: usize, connected: Connected, total: usize) {
    let mut order = Order::default();
    let mut last_event_id = ready_in(&connected.opening).id;
    let mut page = Page::open(connected, reader);
    let mut pieces = reader;
    while order.seen < total {
        // Uneven pieces, so that the readers do not fall into step.
        for _ in 0..(pieces * 37) % 61 {
            if order.seen < total {
                let event = page.event();
                order.check(&event);
                last_event_id = event.id;
            }
        }
        pieces += 1;
        drop(page);
        let who = Connect { user: Some(user), last_event_id: Some(&last_event_id), ..Connect::default() };
        let connected = hub.connect(who).unwrap();
        assert!(ready_in(&connected.opening).resumed);
        page = Page::open(connected, pieces);
    }
}

#[test]
fn repeatedly_cut_client_misses_nothing() {
    const EACH: usize = 1_000;
    let engine = Engine::with(keeping_all());
    let users = ["ada", "bob", "eve"];
    thread::scope(|scope| {
        for (reader, user_id) in users.into_iter().cycle().take(9).enumerate() {
            let (hub, connected) = (&engine.hub, user(&engine, user_id));
            scope.spawn(move || read_in_pieces(hub, user_id, reader, connected, 3 * EACH));
        }
        for publisher in 0..5 {
            let hub = &engine.hub;
            scope.spawn(move || {
                for number in 0..EACH {
                    let text = format!("{publisher} {number}");
                    match users.get(publisher) {
                        Some(user_id) => hub.send_to_user(user_id, data(&text)).unwrap(),
                        None => hub.broadcast(data(&text), None).unwrap(),
                    };
                }
            });
        }
    });
    eventually("all that were cut have left", || engine.stats().clients == 0);
    assert_eq!(engine.stats().resets, 0);
}

#[test]
fn replacing_connection_gets_the_clients_events() {
    const EVENTS: usize = 5_000;
    let engine = Engine::with(keeping_all());
    let first = named(&engine, Some("ada"), "tab");
    let (mut order, mut last_event_id) = (Order::default(), ready_in(&first.opening).id);
    let mut page = Page::open(first, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..EVENTS {
                let reached = engine.send_to_client("tab", data(&format!("c {number}"))).unwrap();
                assert!(reached, "there is always one");
            }
        });
        let mut connections = 0;
        while order.seen < EVENTS {
            for _ in 0..(connections % 17).min(EVENTS - order.seen) {
                let event = page.event();
                order.check(&event);
                last_event_id = event.id;
            }
            // The new connection is there before the old one is gone, as with a page that has noticed nothing yet.
            let who = Connect {
                user: Some("ada"),
                client: Some("tab"),
                last_event_id: Some(&last_event_id),
                ..Connect::default()
            };
            page = Page::open(engine.connect(who).unwrap(), connections);
            connections += 1;
        }
    });
    assert_eq!(order.next["c"], EVENTS);
}
