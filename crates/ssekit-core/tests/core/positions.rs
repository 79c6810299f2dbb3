//! A page that has everything keeps a fresh id, however long it is idle. So it is never reset when it has missed nothing.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{ClusterOptions, Connect, Connected, Event, Framing, HistoryOptions, Hub, Link, Options};
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::peer::{Peer, narrow_pair};
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::{Received, ready_in};
use ssekit_testing::{
    Engine, advance, anonymous, data, eventually, named, resuming, standing_hub, two_shards, user, work,
};

const HEARTBEAT: Duration = Duration::from_secs(8);
const MAX_AGE: Duration = Duration::from_secs(48);

fn options() -> Options {
    let history = HistoryOptions { max_age: MAX_AGE, ..HistoryOptions::default() };
    Options { heartbeat: HEARTBEAT, history, ..two_shards() }
}

/// The ways in which a stream gets to its page.
#[derive(Debug, Clone, Copy)]
enum Carrier {
    Socket(Framing),
    Pulled,
}

const CARRIERS: [Carrier; 3] =
    [Carrier::Socket(Framing::Chunked), Carrier::Socket(Framing::UntilClose), Carrier::Pulled];

enum Page {
    Peer(Peer),
    Pull(Pull),
}

impl Page {
    fn of(connected: Connected, carrier: Carrier) -> Self {
        match carrier {
            Carrier::Socket(framing) => Self::Peer(Peer::with(connected.stream, framing)),
            Carrier::Pulled => Self::Pull(Pull::of(connected)),
        }
    }

    /// Lets time pass while the page reads, and `each` send something to others every now and then.
    async fn idle(&mut self, time: Duration, mut each: impl FnMut()) -> Vec<Received> {
        let mut events = Vec::new();
        for half_second in 0..time.as_secs() * 2 {
            if half_second.is_multiple_of(8) {
                each();
            }
            advance(Duration::from_millis(500)).await;
            if let Self::Pull(pull) = self {
                events.extend(pull.all());
            }
        }
        events
    }

    /// Everything that has come, when the client is disconnected.
    fn rest(&mut self) -> Vec<Received> {
        match self {
            Self::Peer(peer) => peer.finish(),
            Self::Pull(pull) => pull.all(),
        }
    }
}

/// The events of a page that is idle for three times the age of an event, and then cut.
async fn idle_page(hub: &Hub, connected: Connected, carrier: Carrier, each: impl FnMut()) -> Vec<Received> {
    let id = connected.client_id.clone();
    let mut page = Page::of(connected, carrier);
    let mut events = page.idle(MAX_AGE * 3, each).await;
    hub.disconnect_client(&id);
    work().await;
    events.extend(page.rest());
    events
}

/// Expects that the page, which has missed nothing since its first id, resumes.
fn expect_resume(hub: &Hub, first: &str, events: &[Received]) {
    let last = events.last().map_or(first, |event| &event.id);
    let mut again = Pull::of(resuming(hub, Some("ada"), last));
    assert!(again.ready.resumed && !again.all().iter().any(Received::is_reset), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn idle_page_keeps_a_fresh_id() {
    for carrier in CARRIERS {
        let hub = standing_hub(options());
        let page = user(&hub, "ada");
        let (id, first) = (page.client_id.clone(), ready_in(&page.opening).id);
        let events = idle_page(&hub, page, carrier, || drop(hub.broadcast(data("x"), Some(&id)))).await;
        expect_resume(&hub, &first, &events);
        assert!(events.iter().all(Received::is_position), "{carrier:?}: {events:?}");
        // Half of the age apart, and a tick later where a look has to see first that it was written.
        assert!((5..=6).contains(&events.len()), "{carrier:?}: {events:?}");
        assert!(events.windows(2).all(|pair| pair[0].position() < pair[1].position()), "{events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn position_replaces_an_evicted_own_id() {
    for carrier in CARRIERS {
        let hub = standing_hub(options());
        let page = user(&hub, "ada");
        let first = ready_in(&page.opening).id;
        hub.send_to_user("ada", Event { id: Some("order 7"), data: "x", ..Event::default() }).unwrap();
        let events = idle_page(&hub, page, carrier, || ()).await;
        assert_eq!(events[0].id, "order 7");
        assert!(Pull::of(resuming(&hub, Some("ada"), "order 7")).event().is_reset(), "it is not in the history");
        expect_resume(&hub, &first, &events);
    }
}

#[tokio::test(start_paused = true)]
async fn position_outlives_lost_events_of_siblings() {
    for carrier in CARRIERS {
        let hub = standing_hub(options());
        let page = user(&hub, "ada");
        let first = ready_in(&page.opening).id;
        let mut sibling = Some(user(&hub, "ada"));
        let leave = || {
            if let Some(sibling) = sibling.take() {
                hub.send_to_client(&sibling.client_id, data("for the other tab")).unwrap();
            }
        };
        let events = idle_page(&hub, page, carrier, leave).await;
        expect_resume(&hub, &first, &events);
    }
}

#[tokio::test(start_paused = true)]
async fn busy_page_gets_no_position() {
    for carrier in CARRIERS {
        let hub = standing_hub(options());
        let page = user(&hub, "ada");
        let events = idle_page(&hub, page, carrier, || drop(hub.send_to_user("ada", data("x")))).await;
        assert!(events.len() == 36 && !events.iter().any(Received::is_position), "{carrier:?}: {events:?}");
        assert_eq!(hub.stats().heartbeats, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn positions_count_as_heartbeats() {
    for carrier in CARRIERS {
        let hub = standing_hub(options());
        let page = user(&hub, "ada");
        let events = idle_page(&hub, page, carrier, || ()).await;
        let stats = hub.stats();
        assert_eq!((stats.deliveries, stats.events, stats.resets), (0, 0, 0));
        assert!((15..=18).contains(&stats.heartbeats) && events.len() >= 5, "{carrier:?}: {}", stats.heartbeats);
    }
}

#[tokio::test(start_paused = true)]
async fn returning_page_soon_replaces_its_old_id() {
    for carrier in CARRIERS {
        let hub = standing_hub(options());
        let last = Pull::of(user(&hub, "ada")).ready.id;
        hub.send_to_user("bob", data("x")).unwrap();
        let mut page = Page::of(resuming(&hub, Some("ada"), &last), carrier);
        let mut events = page.idle(HEARTBEAT, || ()).await;
        hub.disconnect_user("ada");
        work().await;
        events.extend(page.rest());
        let [position] = events.as_slice() else { panic!("{carrier:?}: {events:?}") };
        assert!(position.is_position() && position.position() == 1, "{position:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn page_with_unread_events_gets_no_position_before_them() {
    let hub = standing_hub(options());
    let page = user(&hub, "ada");
    let id = page.client_id.clone();
    let mut peer = Peer::try_of(page.stream, Framing::Chunked, narrow_pair()).unwrap();
    let large = "x".repeat(1_000_000);
    hub.send_to_user("ada", data(&large)).unwrap();
    hub.send_to_user("ada", data("next")).unwrap();
    work().await;
    advance(MAX_AGE / 4 * 3).await;
    assert_eq!(hub.stats().heartbeats, 0);
    let (tell, told) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let unread = peer.events(2);
        tell.send(()).unwrap();
        [unread, peer.finish()].concat()
    });
    // The clock stands still meanwhile, or what the page has yet to read would become too old.
    while told.try_recv().is_err() {
        work().await;
        std::thread::yield_now();
    }
    while hub.stats().heartbeats == 0 {
        advance(Duration::from_secs(1)).await;
    }
    hub.disconnect_client(&id);
    work().await;
    let events = reading.join().unwrap();
    assert_eq!(events.iter().map(|event| event.data.len()).collect::<Vec<_>>(), [large.len(), 4, 2]);
    assert!(events[2].is_position(), "its id was old when it was written");
}

#[tokio::test(start_paused = true)]
async fn keyed_page_gets_its_key_with_the_position() {
    let hub = standing_hub(options());
    let mut pull = Pull::of(named(&hub, None, "tab"));
    hub.send_to_user("bob", data("x")).unwrap();
    advance(MAX_AGE).await;
    let (_, key) = pull.ready.id.split_once('~').unwrap();
    let expected = format!("event: ssekit:position\ndata: {{}}\nid: {}.1~{key}\n\n", hub.stats().epoch);
    assert_eq!(pull.bytes(), expected);
}

#[tokio::test(start_paused = true)]
async fn owed_reset_comes_before_any_position() {
    let hub = standing_hub(options());
    let mut pull = Pull::of(resuming(&hub, Some("ada"), "unknown"));
    advance(MAX_AGE).await;
    let events = pull.all();
    assert!(events[0].is_reset() && events[1..].iter().all(Received::is_position), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn position_says_nothing_of_later_events() {
    let hub = standing_hub(options());
    let mut pull = Pull::of(anonymous(&hub));
    advance(MAX_AGE).await;
    // Due, and then there is an event.
    hub.broadcast(data("x"), None).unwrap();
    let events = pull.all();
    assert_eq!((events[0].data.as_str(), events[0].position()), ("x", 1));
    assert!(events[1..].iter().all(|event| event.is_position() && event.position() == 1), "{events:?}");
}

fn quick() -> Options {
    let history = HistoryOptions { max_age: Duration::from_millis(800), ..HistoryOptions::default() };
    let cluster = ClusterOptions { lease: Duration::from_secs(1), ..ClusterOptions::default() };
    Options { heartbeat: Duration::from_millis(400), history, cluster, ..two_shards() }
}

fn node(memory: &Memory) -> (Engine, HalfOpen) {
    let way = HalfOpen::to(memory);
    let node = Engine::node(way.clone(), quick());
    is(&node, Link::Up);
    (node, way)
}

fn is(node: &Engine, link: Link) {
    eventually("the link is as it should be", || node.stats().cluster.unwrap().link == link);
}

/// The next position of a page to which nothing else is sent, once it is at this record or a later one.
fn position_at(page: &mut Pull, record: u64) -> String {
    loop {
        let event = page.event();
        assert!(event.is_position(), "{event:?}");
        let (_, place) = event.id.split_once('.').unwrap();
        let number: u64 = place.split_once('-').map_or(place, |(number, _)| number).parse().unwrap();
        if number >> 20 >= record {
            return event.id;
        }
    }
}

fn come_back(node: &Engine, last_event_id: &str) -> Pull {
    node.block_on(node.caught_up(Some(last_event_id)));
    Pull::of(
        node.connect(Connect { user: Some("ada"), last_event_id: Some(last_event_id), ..Connect::default() }).unwrap(),
    )
}

#[test]
fn idle_page_resumes_on_a_node_that_began_later() {
    let memory = Memory::new(10);
    let (here, _) = node(&memory);
    let mut page = Pull::of(user(&here, "ada"));
    for number in 0..100 {
        here.send_to_user("bob", data(&number.to_string())).unwrap();
        here.block_on(here.flush_shared()).unwrap();
    }
    let last = position_at(&mut page, 100);
    let (there, _) = node(&memory);
    assert!(!come_back(&there, &page.ready.id).ready.resumed, "that node does not know what came after the first id");
    let mut again = come_back(&there, &last);
    assert!(again.ready.resumed, "{last}");
    here.send_to_user("ada", data("next")).unwrap();
    let next = std::iter::repeat_with(|| again.event()).find(|event| !event.is_position()).unwrap();
    assert_eq!(next.data, "next");
}

#[test]
fn outage_of_others_leaves_an_id_for_all_nodes() {
    let memory = Memory::new(1_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut page = Pull::of(user(&here, "ada"));
    there.send_to_user("bob", data("agreed")).unwrap();
    way.let_append(0);
    here.send_to_user("bob", data("unsequenced")).unwrap();
    is(&here, Link::Down);
    let last = position_at(&mut page, 1);
    assert!(!last.contains('-'), "{last}");
    assert!(come_back(&there, &last).ready.resumed);
    assert!(come_back(&here, &last).ready.resumed);
}

#[test]
fn page_with_outage_events_gets_an_id_for_its_node() {
    let memory = Memory::new(1_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut page = Pull::of(user(&here, "ada"));
    way.let_append(0);
    here.send_to_user("ada", data("unsequenced")).unwrap();
    assert_eq!(page.event().data, "unsequenced");
    here.send_to_user("bob", data("x")).unwrap();
    let here_only = position_at(&mut page, 0);
    assert!(here_only.contains('-'), "{here_only}");
    let mut again = come_back(&here, &here_only);
    assert!(again.ready.resumed && again.all().is_empty(), "it has had the event");
    assert!(!come_back(&there, &here_only).ready.resumed);
    // When all nodes have agreed, the id means the same on all of them, and nothing comes twice.
    way.let_append(u64::MAX);
    is(&here, Link::Up);
    let last = position_at(&mut page, 2);
    assert!(!last.contains('-'), "{last}");
    for node in [&here, &there] {
        let mut again = come_back(node, &last);
        assert!(again.ready.resumed, "{last}");
        assert!(again.all().iter().all(Received::is_position), "nothing comes twice");
    }
}

#[test]
fn page_ahead_of_its_node_keeps_its_id() {
    let memory = Memory::new(1_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut page = Pull::of(user(&there, "ada"));
    way.let_read(false);
    is(&here, Link::Down);
    there.send_to_user("ada", data("seen")).unwrap();
    let seen = std::iter::repeat_with(|| page.event()).find(|event| !event.is_position()).unwrap();
    let mut moved = come_back(&here, &seen.id);
    let heartbeats = here.stats().heartbeats;
    eventually("it is idle", || {
        assert_eq!(moved.all(), []);
        here.stats().heartbeats > heartbeats + 3
    });
    way.let_read(true);
    assert_eq!(position_at(&mut moved, 1), seen.id);
}
