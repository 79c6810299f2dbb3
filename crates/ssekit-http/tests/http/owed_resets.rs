//! A stream that owes a reset begins where its client connected: the reset, and then everything that was sent from there on.

use std::sync::Arc;
use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{
    Client, ClientInfo, Connect, DisconnectReason, DrainOptions, HistoryOptions, Hub, Link, Observer, Options,
};
use ssekit_testing::door::Door;
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::{Received, ready_in};
use ssekit_testing::{Engine, data, eventually, standing_hub, two_shards, user, work};

/// The carriers of a stream.
#[derive(Debug, Clone, Copy)]
enum Carrier {
    Pulled,
    HandedOff,
}

const CARRIERS: [Carrier; 2] = [Carrier::Pulled, Carrier::HandedOff];

/// The page's end of a stream, and the id of its `ssekit:ready`.
enum Page {
    Pulled(Pull),
    HandedOff(Peer),
}

impl Page {
    /// Connects a page. `meanwhile` runs before the first byte after the opening is written. The hub must be a standing one.
    async fn open(hub: &Hub, who: Connect<'_>, carrier: Carrier, meanwhile: impl FnOnce(&str)) -> Self {
        let connected = hub.connect(who).unwrap();
        let id = Arc::clone(&connected.client_id);
        assert!(!ready_in(&connected.opening).resumed);
        let page = match carrier {
            Carrier::Pulled => Self::Pulled(Pull::of(connected)),
            Carrier::HandedOff => Self::HandedOff(Peer::of(connected.stream)),
        };
        meanwhile(&id);
        work().await;
        page
    }

    fn events(&mut self, count: usize) -> Vec<Received> {
        match self {
            Self::Pulled(pull) => pull.events(count),
            Self::HandedOff(peer) => peer.events(count),
        }
    }

    /// The events up to the proper end of the stream.
    fn finish(&mut self) -> Vec<Received> {
        match self {
            Self::Pulled(pull) => {
                let events = pull.all();
                assert!(pull.has_ended());
                events
            }
            Self::HandedOff(peer) => peer.finish(),
        }
    }
}

/// The data of events; for ssekit's own, their names.
fn texts(events: &[Received]) -> Vec<&str> {
    let of_event = |event: &'_ Received| event.name.starts_with("ssekit:");
    events.iter().map(|event| if of_event(event) { event.name.as_str() } else { event.data.as_str() }).collect()
}

fn ada(last_event_id: &str) -> Connect<'_> {
    Connect { user: Some("ada"), last_event_id: Some(last_event_id), ..Connect::default() }
}

fn short_history() -> Options {
    Options { history: HistoryOptions { max_events: 5, ..HistoryOptions::default() }, ..two_shards() }
}

/// A hub, and ids for which ada is owed a reset, with its reason.
fn owing() -> (Hub, [(String, &'static str); 4]) {
    let hub = standing_hub(short_history());
    let first = Pull::of(user(&hub, "ada")).ready.id;
    for number in 0..8 {
        hub.send_to_user("ada", data(&format!("old {number}"))).unwrap();
    }
    let ids = [
        ("0123456789.3".to_owned(), "unknown"),
        (first, "evicted"),
        ("ssekit:unknown".to_owned(), "unknown"),
        ("ssekit:evicted".to_owned(), "evicted"),
    ];
    (hub, ids)
}

fn assert_reset(event: &Received, reason: &str, hub: &Hub, position: u64) {
    assert!(event.is_reset(), "{event:?}");
    assert_eq!(event.data, format!(r#"{{"reason":"{reason}"}}"#));
    assert_eq!(event.id, format!("{}.{position}", hub.stats().epoch));
}

#[tokio::test(start_paused = true)]
async fn everything_sent_before_the_first_write_follows_an_owed_reset() {
    for carrier in CARRIERS {
        let (hub, ids) = owing();
        for (id, reason) in ids {
            let connected_at = hub.stats().position;
            let send = |client: &str| {
                hub.send_to_client(client, data("to the client")).unwrap();
                hub.send_to_user("ada", data("to the user")).unwrap();
                hub.send_to_user("bob", data("to another")).unwrap();
                hub.broadcast(data("to others"), Some(client)).unwrap();
                hub.broadcast(data("to all"), None).unwrap();
            };
            let mut page = Page::open(&hub, ada(&id), carrier, send).await;
            let events = page.events(4);
            assert_eq!(texts(&events), ["ssekit:reset", "to the client", "to the user", "to all"], "{carrier:?} {id}");
            assert_reset(&events[0], reason, &hub, connected_at);
            hub.send_to_user("ada", data("live")).unwrap();
            work().await;
            assert_eq!(texts(&page.events(1)), ["live"]);
        }
        assert_eq!(hub.stats().resets, 4);
    }
}

#[tokio::test(start_paused = true)]
async fn page_cut_after_its_reset_resumes_there() {
    let (hub, ids) = owing();
    for (id, _) in ids {
        let greet = |_: &str| _ = hub.send_to_user("ada", data("between")).unwrap();
        let mut page = Page::open(&hub, ada(&id), Carrier::Pulled, greet).await;
        let reset = &page.events(2)[0];
        let mut again = Pull::of(hub.connect(ada(&reset.id)).unwrap());
        assert!(again.ready.resumed);
        assert_eq!(again.data(1), ["between"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_word_follows_an_owed_reset() {
    for carrier in CARRIERS {
        let (hub, ids) = owing();
        for (number, (id, _)) in ids.iter().enumerate() {
            let say_goodbye = |client: &str| {
                hub.send_to_client(client, data("goodbye")).unwrap();
                match number % 2 {
                    0 => assert!(hub.disconnect_client(client)),
                    _ => assert_eq!(hub.disconnect_user("ada"), 1),
                }
                hub.send_to_user("ada", data("secret")).unwrap();
            };
            let mut page = Page::open(&hub, ada(id), carrier, say_goodbye).await;
            assert_eq!(texts(&page.finish()), ["ssekit:reset", "goodbye"], "{carrier:?} {id}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_farewell_of_a_drain_follows_an_owed_reset() {
    for carrier in CARRIERS {
        let (hub, ids) = owing();
        let mut pages = Vec::new();
        for (id, _) in &ids {
            pages.push(Page::open(&hub, ada(id), carrier, |_| {}).await);
        }
        let connected = hub.connect(ada("?")).unwrap();
        let mut unread = Pull::of(connected);
        hub.drain(DrainOptions { window: Duration::ZERO, ..DrainOptions::default() }).await;
        for page in &mut pages {
            assert_eq!(texts(&page.finish()), ["ssekit:reset", "ssekit:drain"], "{carrier:?}");
        }
        assert_eq!(texts(&unread.all()), ["ssekit:reset", "ssekit:drain"]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_reset_covers_what_is_evicted_before_the_first_write() {
    for carrier in CARRIERS {
        let (hub, ids) = owing();
        for (id, reason) in ids {
            let flood = |client: &str| {
                for number in 0..8 {
                    hub.send_to_user("ada", data(&number.to_string())).unwrap();
                }
                hub.send_to_client(client, data("to the client")).unwrap();
            };
            let mut page = Page::open(&hub, ada(&id), carrier, flood).await;
            // The oldest three since the connection are gone: the reset stands behind them.
            let events = page.events(7);
            assert_eq!(texts(&events), ["ssekit:reset", "3", "4", "5", "6", "7", "to the client"], "{carrier:?} {id}");
            assert_reset(&events[0], reason, &hub, hub.stats().position - 6);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn gap_in_mid_stream_keeps_the_last_word() {
    let hub = standing_hub(short_history());
    let mut pull = Pull::of(user(&hub, "ada"));
    for number in 0..8 {
        hub.send_to_user("ada", data(&number.to_string())).unwrap();
    }
    hub.drain(DrainOptions { window: Duration::ZERO, ..DrainOptions::default() }).await;
    let events = pull.all();
    assert_eq!(texts(&events), ["ssekit:reset", "3", "4", "5", "6", "7", "ssekit:drain"]);
    assert_reset(&events[0], "evicted", &hub, 3);
}

#[tokio::test(start_paused = true)]
async fn long_last_word_reaches_a_socket_in_transfer() {
    let hub = standing_hub(two_shards());
    let send = |client: &str| {
        for number in 0..3_000 {
            hub.send_to_user("ada", data(&number.to_string())).unwrap();
        }
        assert!(hub.disconnect_client(client));
    };
    let mut page = Page::open(&hub, ada("?"), Carrier::HandedOff, send).await;
    assert_eq!(page.finish().len(), 3_001);
}

/// Greets each client in the moment when it comes.
struct Greeter(Hub);

impl Observer for Greeter {
    fn connected(&self, client: &Client) {
        self.0.send_to_client(&client.info().id, data("welcome")).unwrap();
    }

    fn disconnected(&self, _: &ClientInfo, _: DisconnectReason) {}

    fn failed(&self, _: &str) {}
}

#[test]
fn a_greeting_follows_an_owed_reset_at_the_listener() {
    let door = Door::anonymous();
    let hub = &door.engine.hub;
    hub.observe(Arc::new(Greeter(hub.clone())));
    for id in ["0123456789.3", "ssekit:evicted"] {
        let target = format!("/events?lastEventId={id}");
        assert_eq!(texts(&door.stream(&target).peer.events(2)), ["ssekit:reset", "welcome"], "over HTTP/1.1");
        door.engine.block_on(async {
            let mut connection = ssekit_testing::http2::Connection::to(door.address()).await;
            let mut stream = connection.stream(&target).await;
            let told = [stream.event().await.unwrap(), stream.event().await.unwrap()];
            assert_eq!(texts(&told), ["ssekit:reset", "welcome"], "over HTTP/2");
        });
    }
}

#[test]
fn cluster_stream_begins_at_its_nodes_head() {
    let memory = Memory::new(10_000);
    let node = Engine::node(memory, two_shards());
    eventually("the node is up", || node.stats().cluster.unwrap().link == Link::Up);
    let joined_at = node.stats().position;
    node.send_to_user("ada", data("before")).unwrap();
    eventually("it has come back", || node.stats().position > joined_at);
    for id in ["0123456789.3", "ssekit:unknown", "?"] {
        let connected_at = node.stats().position;
        let connected = node.connect(ada(id)).unwrap();
        node.send_to_user("ada", data("between")).unwrap();
        eventually("it has come back", || node.stats().position > connected_at);
        let mut pull = Pull::of(connected);
        let events = pull.events(2);
        assert_reset(&events[0], "unknown", &node, connected_at);
        assert_eq!(texts(&events), ["ssekit:reset", "between"]);
    }
}
