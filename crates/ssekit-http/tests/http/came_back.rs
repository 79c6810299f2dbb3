//! A returning page that missed something gets a reset, whatever it says of itself; nobody else does.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{Connect, HistoryOptions, Hub, Link, Options};
use ssekit_testing::door::{Door, ticket_of, tickets, with_tickets};
use ssekit_testing::http2::Connection;
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, advance, data, eventually, named, resuming, standing_hub, two_shards, user, work};

/// Longer than the history of these hubs lasts.
const LONG: Duration = Duration::from_secs(12);

fn hub() -> Hub {
    let history = HistoryOptions { max_age: Duration::from_secs(8), ..HistoryOptions::default() };
    standing_hub(Options { history, ..two_shards() })
}

fn come_back(hub: &Hub, user: Option<&str>, client: &str, last_event_id: Option<&str>) -> Pull {
    Pull::of(hub.connect(Connect { user, client: Some(client), last_event_id, ..Connect::default() }).unwrap())
}

fn assert_told(mut pull: Pull, reason: &str) {
    assert!(!pull.ready.resumed);
    assert_eq!(pull.ready.id, format!("ssekit:{reason}"));
    let reset = pull.event();
    assert!(reset.is_reset(), "{reset:?}");
    assert_eq!(reset.data, format!(r#"{{"reason":"{reason}"}}"#));
    assert_eq!(pull.all(), []);
}

fn assert_not_told(hub: &Hub, mut pull: Pull) {
    assert!(!pull.ready.id.starts_with("ssekit:"), "{}", pull.ready.id);
    hub.broadcast(data("next"), None).unwrap();
    assert_eq!(pull.event().data, "next");
}

#[tokio::test(start_paused = true)]
async fn send_to_a_forgotten_client_resets_only_its_page() {
    let hub = hub();
    let [tab, other] = ["tab", "other"].map(|id| come_back(&hub, Some("ada"), id, None).ready.id);
    advance(LONG).await;
    assert_eq!(hub.stats().away, 0);
    assert!(!hub.send_to_client("tab", data("missed")).unwrap());
    assert!(come_back(&hub, Some("ada"), "other", Some(&other)).ready.resumed);
    assert!(Pull::of(resuming(&hub, Some("ada"), &other)).ready.resumed);
    let mut again = come_back(&hub, Some("ada"), "tab", Some(&tab));
    assert!(!again.ready.resumed);
    let reset = again.event();
    assert_eq!(reset.data, r#"{"reason":"evicted"}"#);
    drop(again);
    assert!(come_back(&hub, Some("ada"), "tab", Some(&reset.id)).ready.resumed, "it has been told");
    assert_told(come_back(&hub, Some("ada"), "tab", Some(&tab)), "evicted");
}

#[tokio::test(start_paused = true)]
async fn send_to_a_nameless_client_resets_its_users_pages() {
    for owner in [Some("ada"), None] {
        let hub = hub();
        let page = Pull::of(hub.connect(Connect { user: owner, ..Connect::default() }).unwrap());
        let bob = Pull::of(user(&hub, "bob")).ready.id;
        let (id, last) = (page.ready.client_id.clone(), page.ready.id.clone());
        drop(page);
        assert_eq!(hub.stats().away, 0, "nothing is kept of it");
        assert!(!hub.send_to_client(&id, data("missed")).unwrap());
        assert!(Pull::of(resuming(&hub, Some("bob"), &bob)).ready.resumed);
        assert_told(Pull::of(resuming(&hub, owner, &last)), "evicted");
        // A later client has missed nothing.
        let later = Pull::of(hub.connect(Connect { user: owner, ..Connect::default() }).unwrap()).ready.id;
        assert!(Pull::of(resuming(&hub, owner, &later)).ready.resumed);
    }
}

#[tokio::test(start_paused = true)]
async fn send_to_a_forgotten_anonymous_client_resets_returning_user() {
    let hub = hub();
    let mut page = Pull::of(user(&hub, "ada"));
    let id = page.ready.client_id.clone();
    hub.send_to_client(&id, data("seen")).unwrap();
    let seen = page.event().id;
    drop(page);
    advance(LONG).await;
    assert_eq!(hub.stats().away, 0);
    assert!(Pull::of(resuming(&hub, Some("ada"), &seen)).ready.resumed);
    hub.send_to_client(&id, data("missed")).unwrap();
    assert_told(Pull::of(resuming(&hub, Some("ada"), &seen)), "evicted");
}

#[tokio::test(start_paused = true)]
async fn forgotten_user_resets_nobody_else() {
    let hub = hub();
    let [ada, bob] = ["ada", "bob"].map(|id| Pull::of(user(&hub, id)).ready.id);
    hub.send_to_user("bob", data("missed")).unwrap();
    advance(LONG).await;
    assert_eq!(hub.stats().known_users, 0);
    assert!(Pull::of(resuming(&hub, Some("ada"), &ada)).ready.resumed);
    assert_told(Pull::of(resuming(&hub, Some("bob"), &bob)), "evicted");
}

#[tokio::test(start_paused = true)]
async fn first_connection_gets_no_reset() {
    let hub = hub();
    hub.send_to_client("tab", data("before it was ever here")).unwrap();
    hub.send_to_client("another", data("x")).unwrap();
    hub.broadcast(data("x"), None).unwrap();
    hub.send_to_user("ada", data("x")).unwrap();
    for id in ["tab", "other tab"] {
        let first = come_back(&hub, Some("ada"), id, None);
        let ready = first.ready.id.clone();
        assert_not_told(&hub, first);
        assert!(come_back(&hub, Some("ada"), id, Some(&ready)).ready.resumed);
    }
}

#[tokio::test(start_paused = true)]
async fn page_with_an_id_older_than_its_event_is_reset() {
    let hub = hub();
    let before = Pull::of(user(&hub, "ada")).ready.id;
    hub.send_to_client("tab", data("nobody keeps it")).unwrap();
    assert_told(come_back(&hub, Some("ada"), "tab", Some(&before)), "evicted");
    assert!(come_back(&hub, Some("ada"), "other", Some(&before)).ready.resumed);
}

/// The events that ada's page and others can get meanwhile.
fn send(hub: &Hub, what: &str) {
    match what {
        "to the client" => drop(hub.send_to_client("tab", data("x")).unwrap()),
        "to the user" => drop(hub.send_to_user("ada", data("x")).unwrap()),
        "to all" => drop(hub.broadcast(data("x"), None).unwrap()),
        "to all others" => drop(hub.broadcast(data("x"), Some("tab")).unwrap()),
        "to another user" => drop(hub.send_to_user("bob", data("x")).unwrap()),
        _ => drop(hub.send_to_client("other tab", data("x")).unwrap()),
    }
}

const FOR_IT: [&str; 3] = ["to the client", "to the user", "to all"];
const FOR_OTHERS: [&str; 3] = ["to all others", "to another user", "to another client"];

#[tokio::test(start_paused = true)]
async fn page_without_last_id_is_reset_after_missed_events() {
    for away in [Duration::ZERO, LONG] {
        for what in FOR_IT {
            let hub = hub();
            drop(come_back(&hub, Some("ada"), "tab", None));
            advance(away).await;
            send(&hub, what);
            advance(away).await;
            assert_told(come_back(&hub, Some("ada"), "tab", None), "unknown");
        }
        // The exclusions of an evicted broadcast are unknown.
        for what in &FOR_OTHERS[usize::from(away > Duration::ZERO)..] {
            let hub = hub();
            drop(come_back(&hub, Some("ada"), "tab", None));
            send(&hub, what);
            advance(away).await;
            assert_not_told(&hub, come_back(&hub, Some("ada"), "tab", None));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn page_without_last_id_keeps_delivered_events() {
    let hub = hub();
    for carrier in ["pulled", "handed off"] {
        let mut first = come_back(&hub, Some("ada"), "tab", None);
        FOR_IT.iter().for_each(|what| send(&hub, what));
        if carrier == "pulled" {
            assert_eq!(first.all().len(), 3);
            drop(first);
        } else {
            let mut peer = Peer::of(first.stream);
            work().await;
            assert_eq!(peer.events(3).len(), 3);
            // It is still there when its successor comes.
        }
        assert_not_told(&hub, come_back(&hub, Some("ada"), "tab", None));
    }
}

#[tokio::test(start_paused = true)]
async fn page_that_returns_before_reading_is_reset() {
    let hub = hub();
    let unread = come_back(&hub, Some("ada"), "tab", None);
    send(&hub, "to all");
    let mut again = come_back(&hub, Some("ada"), "tab", None);
    // It was put there while the one was there, and before the other was told that it begins.
    send(&hub, "to the client");
    assert_eq!(again.ready.id, "ssekit:unknown");
    assert!(again.event().is_reset());
    assert_eq!(again.data(1), ["x"]);
    drop(unread);
}

#[tokio::test(start_paused = true)]
async fn partly_written_event_counts_as_missed() {
    let hub = hub();
    let first = come_back(&hub, Some("ada"), "tab", None);
    let mut peer = Peer::narrow(first.stream);
    hub.broadcast(data("whole"), None).unwrap();
    work().await;
    assert_eq!(peer.data(1), ["whole"]);
    hub.broadcast(data(&"x".repeat(1_000_000)), None).unwrap();
    work().await;
    assert_told(come_back(&hub, Some("ada"), "tab", None), "unknown");
}

#[tokio::test(start_paused = true)]
async fn unwritten_reset_is_owed_without_last_id() {
    for away in [Duration::ZERO, LONG] {
        let hub = hub();
        drop(come_back(&hub, Some("ada"), "tab", Some("of another epoch")));
        advance(away).await;
        let mut again = come_back(&hub, Some("ada"), "tab", None);
        assert_eq!(again.ready.id, "ssekit:unknown");
        assert!(again.event().is_reset());
        drop(again);
        advance(away).await;
        assert_not_told(&hub, come_back(&hub, Some("ada"), "tab", None));
    }
}

#[tokio::test(start_paused = true)]
async fn other_users_page_with_the_id_is_new() {
    let hub = hub();
    drop(come_back(&hub, Some("ada"), "tab", None));
    advance(LONG).await;
    send(&hub, "to all");
    assert_not_told(&hub, come_back(&hub, Some("bob"), "tab", None));
}

#[test]
fn listener_resets_page_without_last_id() {
    let door = Door::open(with_tickets(tickets()));
    let target = format!("/events?clientId=tab&ticket={}", ticket_of("ada"));
    for over_http2 in [false, true] {
        let mut first = door.stream(&target);
        door.engine.send_to_user("ada", data("seen")).unwrap();
        assert_eq!(first.peer.data(1), ["seen"]);
        drop(first);
        door.wait_for_clients(0);
        let second = door.stream(&target);
        assert!(!second.ready.id.starts_with("ssekit:"), "nothing is new");
        drop(second);
        door.wait_for_clients(0);
        door.engine.send_to_user("ada", data("missed")).unwrap();
        let reset = match over_http2 {
            false => door.stream(&target).peer.event(),
            true => door.engine.block_on(async {
                let mut connection = Connection::to(door.address()).await;
                connection.stream(&target).await.event().await.unwrap()
            }),
        };
        assert_eq!(reset.data, r#"{"reason":"unknown"}"#);
        door.wait_for_clients(0);
    }
}

fn node(memory: &Memory) -> Engine {
    let node = Engine::node(memory.clone(), two_shards());
    eventually("the node is up", || node.stats().cluster.unwrap().link == Link::Up);
    node
}

#[test]
fn other_node_resets_page_without_last_id() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let who = |client| Connect { user: Some("ada"), client: Some(client), ..Connect::default() };
    let quiet = Pull::of(here.connect(who("quiet")).unwrap());
    eventually("the other node knows it", || there.active_clients().len() == 1);
    drop(quiet);
    // Nothing was ever sent that it could have missed.
    assert!(!Pull::of(there.connect(who("quiet")).unwrap()).ready.id.starts_with("ssekit:"));
    drop(Pull::of(here.connect(who("tab")).unwrap()));
    eventually("the other node knows that it has gone", || there.active_clients().is_empty());
    let sent_at = there.stats().position;
    here.send_to_user("ada", data("missed")).unwrap();
    eventually("all have read it", || there.stats().position > sent_at);
    assert_told(Pull::of(there.connect(who("tab")).unwrap()), "unknown");
    assert!(!Pull::of(there.connect(who("fresh")).unwrap()).ready.id.starts_with("ssekit:"));
}

#[tokio::test(start_paused = true)]
async fn send_to_an_expired_client_resets_its_user_cluster_wide() {
    let memory = Memory::new(10_000);
    let history = HistoryOptions { max_age: Duration::from_secs(8), ..HistoryOptions::default() };
    let options = Options { history, threads: 1, ..Options::default() };
    let runtime = tokio::runtime::Handle::current();
    let nodes = [(); 2].map(|()| Hub::start_on(memory.clone(), options.clone(), &runtime).unwrap());
    advance(Duration::from_secs(1)).await;
    nodes[0].broadcast(data("first"), None).unwrap();
    advance(Duration::from_secs(1)).await;
    let [page, bob] = ["ada", "bob"].map(|id| Pull::of(user(&nodes[0], id)));
    let (id, last, bob) = (page.ready.client_id.clone(), page.ready.id.clone(), bob.ready.id.clone());
    advance(Duration::from_secs(1)).await;
    drop(page);
    // Longer than any node remembers that the id was ada's.
    advance(Duration::from_secs(60)).await;
    assert!(!nodes[1].send_to_client(&id, data("missed")).unwrap());
    advance(Duration::from_secs(1)).await;
    for node in &nodes {
        let again = |user, last: &str| Pull::of(resuming(node, Some(user), last));
        assert!(again("bob", &bob).ready.resumed);
        assert_eq!(again("ada", &last).ready.id, "ssekit:evicted");
    }
}

#[test]
fn send_to_an_unknown_client_resets_only_its_page_cluster_wide() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let joined_at = there.stats().position;
    here.broadcast(data("first"), None).unwrap();
    eventually("all have read it", || [&here, &there].iter().all(|node| node.stats().position > joined_at));
    let before = Pull::of(named(&here, Some("ada"), "tab")).ready.id;
    let sent_at = there.stats().position;
    here.send_to_client("nobody", data("x")).unwrap();
    eventually("all have read it", || there.stats().position > sent_at);
    let who = |client, last_event_id| Connect {
        user: Some("bob"),
        client: Some(client),
        last_event_id,
        ..Connect::default()
    };
    assert!(Pull::of(there.connect(who("other", Some(&*before))).unwrap()).ready.resumed);
    assert_told(Pull::of(there.connect(who("nobody", Some(&*before))).unwrap()), "evicted");
    let mut fresh = Pull::of(there.connect(who("fresh", None)).unwrap());
    there.broadcast(data("next"), None).unwrap();
    assert_eq!(fresh.event().data, "next");
}
