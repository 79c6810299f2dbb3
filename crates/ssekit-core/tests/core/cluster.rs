//! Several nodes on one history: what one sends reaches clients of all, and a client may come back to any.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{ClusterOptions, Connect, DisconnectReason, DrainOptions, Event, Hub, LimitOptions, Link, Options};
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, PATIENCE, Recorder, data, eventually, lasting_lease, short_lease, two_shards};

fn options() -> Options {
    Options { cluster: lasting_lease(), ..two_shards() }
}

/// A node that has joined and knows the others.
fn node(memory: &Memory) -> Engine {
    node_with(memory, options())
}

fn node_with(memory: &Memory, options: Options) -> Engine {
    let node = Engine::node(memory.clone(), options);
    is_up(&node);
    node
}

fn is_up(hub: &Hub) {
    eventually("the node is up", || hub.stats().cluster.unwrap().link == Link::Up);
}

fn is_down(hub: &Hub) {
    eventually("the node is down", || hub.stats().cluster.unwrap().link == Link::Down);
}

fn join<'a>(hub: &Hub, user: Option<&'a str>, client: Option<&'a str>) -> Pull {
    Pull::of(hub.connect(Connect { user, client, ..Connect::default() }).unwrap())
}

/// As a route does it: after a wait for what other nodes have sent.
fn come_back(engine: &Engine, user: Option<&str>, client: Option<&str>, last_event_id: &str) -> Pull {
    engine.block_on(engine.caught_up(Some(last_event_id)));
    let who = Connect { user, client, last_event_id: Some(last_event_id), ..Connect::default() };
    Pull::of(engine.connect(who).unwrap())
}

/// Waits until a node knows this number of clients in all.
fn knows(hub: &Hub, clients: usize) {
    eventually("the node knows all clients", || hub.active_clients().len() == clients);
}

fn flush(engine: &Engine) {
    engine.block_on(engine.flush_shared()).unwrap();
}

fn named<'a>(name: &'a str, data: &'a str) -> Event<'a> {
    Event { name, data, ..Event::default() }
}

#[test]
fn all_nodes_deliver_one_order_and_ids() {
    let memory = Memory::new(10_000);
    let nodes = [node(&memory), node(&memory), node(&memory)];
    let mut pages: Vec<Pull> = nodes.iter().map(|node| join(node, Some("ada"), None)).collect();
    let mut others: Vec<Pull> = nodes.iter().map(|node| join(node, Some("bob"), None)).collect();
    nodes.iter().for_each(|node| knows(node, 6));
    for round in 0..20 {
        for (number, node) in nodes.iter().enumerate() {
            assert_eq!(node.send_to_user("ada", data(&format!("{number} {round}"))).unwrap(), 3);
            assert_eq!(node.broadcast(named("all", &format!("{number} {round}")), None).unwrap(), 6);
        }
    }
    let first = pages[0].events(120);
    for page in &mut pages[1..] {
        assert_eq!(page.events(120), first);
    }
    let broadcasts: Vec<_> = first.iter().filter(|event| event.name == "all").cloned().collect();
    for other in &mut others {
        assert_eq!(other.events(60), broadcasts);
    }
    for number in 0..3 {
        let of_node: Vec<_> = broadcasts.iter().filter(|event| event.data.starts_with(&number.to_string())).collect();
        assert!(of_node.iter().enumerate().all(|(round, event)| event.data == format!("{number} {round}")));
    }
}

#[test]
fn id_resumes_on_another_node() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut page = join(&here, Some("ada"), Some("tab"));
    knows(&there, 1);
    for number in 0..10 {
        here.send_to_user("ada", data(&format!("user {number}"))).unwrap();
        there.broadcast(data(&format!("all {number}")), None).unwrap();
        assert!(there.send_to_client("tab", data(&format!("client {number}"))).unwrap());
    }
    let seen = page.events(30);
    for (number, event) in seen.iter().enumerate() {
        let mut moved = come_back(&there, Some("ada"), Some("tab"), &event.id);
        assert!(moved.ready.resumed);
        assert_eq!(moved.events(30 - number - 1), seen[number + 1..]);
    }
    drop(here);
    let later = node(&memory);
    let mut moved = come_back(&later, Some("ada"), Some("tab"), &seen[3].id);
    assert!(moved.ready.resumed);
    assert_eq!(moved.events(26), seen[4..]);
}

#[test]
fn client_ahead_of_its_node_waits() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut page = join(&here, None, None);
    for number in 0..200 {
        here.broadcast(data(&number.to_string()), None).unwrap();
        let seen = page.event();
        assert!(come_back(&there, None, None, &seen.id).ready.resumed, "{number}");
    }
    let mut made_up = come_back(&there, None, None, &page_after(&page_id(&here)));
    assert!(!made_up.ready.resumed);
    assert!(made_up.event().is_reset());
}

fn page_id(hub: &Hub) -> String {
    let stats = hub.stats();
    format!("{}.{}", stats.epoch, stats.position)
}

/// An id that nobody has been given.
fn page_after(id: &str) -> String {
    let (epoch, position) = id.split_once('.').unwrap();
    format!("{epoch}.{}", position.parse::<u64>().unwrap() + (1 << 30))
}

#[test]
fn every_node_knows_the_connected_users() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let (one, two) = (join(&here, Some("ada"), Some("one")), join(&there, Some("ada"), Some("two")));
    let nobody = join(&there, None, Some("three"));
    for node in [&here, &there] {
        knows(node, 3);
        let mut ids: Vec<String> = node.clients_by_user("ada").iter().map(ToString::to_string).collect();
        ids.sort();
        assert_eq!(ids, ["one", "two"]);
        assert!(node.is_online("ada") && !node.is_online("bob"));
        assert_eq!(node.broadcast(data("x"), Some("two")).unwrap(), 2);
    }
    // A node that comes later hears of them all.
    let later = node(&memory);
    knows(&later, 3);
    assert_eq!(later.stats().cluster.unwrap().nodes, 2);
    drop((one, nobody));
    for node in [&there, &later] {
        knows(node, 1);
        assert_eq!(node.clients_by_user("ada").len(), 1);
    }
    drop(two);
    eventually("ada has gone", || !later.is_online("ada") && here.active_clients().is_empty());
}

#[test]
fn crashed_node_takes_its_clients_with_it() {
    let memory = Memory::new(10_000);
    let options = || Options { cluster: short_lease(), ..options() };
    let (here, there) = (node_with(&memory, options()), node_with(&memory, options()));
    let _page = join(&there, Some("ada"), None);
    knows(&here, 1);
    there.stop();
    eventually("its lease ends", || here.active_clients().is_empty() && !here.is_online("ada"));
    assert_eq!(here.stats().cluster.unwrap().nodes, 0);
}

#[test]
fn drained_node_announces_its_end() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut page = join(&there, Some("ada"), Some("tab"));
    knows(&here, 1);
    there.block_on(there.drain(DrainOptions { window: Duration::ZERO, retry: Duration::ZERO }));
    let farewell = page.event();
    assert_eq!(farewell.name, "ssekit:drain");
    eventually("it has gone", || here.stats().cluster.unwrap().nodes == 0 && here.active_clients().is_empty());
    here.broadcast(data("meanwhile"), None).unwrap();
    let mut moved = come_back(&here, Some("ada"), Some("tab"), &farewell.id);
    assert!(moved.ready.resumed);
    assert_eq!(moved.data(1), ["meanwhile"]);
}

#[test]
fn targets_and_exclusions_reach_other_nodes() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut pages = [join(&here, None, Some("one")), join(&there, None, Some("two"))];
    [&here, &there].into_iter().for_each(|node| knows(node, 2));
    here.broadcast(data("not for two"), Some("two")).unwrap();
    assert!(here.send_to_client("two", data("for two alone")).unwrap());
    assert!(!here.send_to_client("three", data("for nobody")).unwrap());
    here.broadcast(data("for all"), None).unwrap();
    assert_eq!(pages[0].data(2), ["not for two", "for all"]);
    assert_eq!(pages[1].data(2), ["for two alone", "for all"]);
}

#[test]
fn moving_client_replaces_its_old_connection() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let recorder = Recorder::of(&here);
    let mut page = join(&here, Some("ada"), Some("tab"));
    knows(&there, 1);
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        from.send_to_client("tab", data(&format!("before {round}"))).unwrap();
        let seen = page.event();
        assert_eq!(seen.data, format!("before {round}"));
        from.send_to_client("tab", data(&format!("between {round}"))).unwrap();
        let mut moved = come_back(to, Some("ada"), Some("tab"), &seen.id);
        assert_eq!(moved.data(1), [format!("between {round}")]);
        eventually("the older connection ends", || {
            let _ = page.all();
            page.has_ended()
        });
        for node in [&here, &there] {
            eventually("it is known once", || node.clients_by_user("ada").len() == 1);
        }
        page = moved;
    }
    assert!(recorder.ends_of("tab").iter().all(|reason| *reason == DisconnectReason::Replaced));
}

#[test]
fn id_belongs_to_its_user_on_every_node() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let page = join(&here, Some("ada"), Some("tab"));
    knows(&there, 1);
    let claim = |user| there.connect(Connect { user, client: Some("tab"), ..Connect::default() });
    assert!(claim(Some("bob")).unwrap_err().is_claimed());
    assert!(claim(None).unwrap_err().is_claimed());
    drop(page);
    knows(&there, 0);
    assert!(claim(Some("bob")).unwrap_err().is_claimed(), "ada may come back");
    // An event for ada's client does not go to bob's, whatever the sending node knew.
    assert!(!there.send_to_client("tab", data("for ada")).unwrap());
    flush(&there);
    let later = node(&memory);
    let claim = later.connect(Connect { user: Some("bob"), client: Some("tab"), ..Connect::default() });
    assert!(claim.unwrap_err().is_claimed(), "the history says whose it is");
    let mut adas = join(&later, Some("ada"), Some("tab"));
    later.broadcast(data("for all"), None).unwrap();
    assert_eq!(adas.data(1), ["for all"]);
}

#[test]
fn log_out_holds_on_every_node() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut pages = [join(&here, Some("ada"), None), join(&there, Some("ada"), None), join(&there, Some("bob"), None)];
    [&here, &there].into_iter().for_each(|node| knows(node, 3));
    here.send_to_user("ada", data("goodbye")).unwrap();
    assert_eq!(here.disconnect_user("ada"), 2);
    for page in &mut pages[..2] {
        assert_eq!(page.data(1), ["goodbye"]);
        eventually("the stream ends", || page.has_ended());
    }
    let bobs = pages[2].ready.client_id.clone();
    assert!(here.disconnect_client(&bobs));
    eventually("the stream ends", || pages[2].has_ended());
    eventually("nobody is left", || here.active_clients().is_empty());
    assert!(!here.disconnect_client(&bobs));
    assert_eq!(here.disconnect_user("ada"), 0);
}

#[test]
fn client_limit_per_user_holds_cluster_wide() {
    let memory = Memory::new(10_000);
    let limits = LimitOptions { clients_per_user: 2, ..LimitOptions::default() };
    let nodes = [(); 2].map(|()| Engine::node(memory.clone(), Options { limits, ..options() }));
    nodes.iter().for_each(|node| is_up(node));
    let _pages = [join(&nodes[0], Some("ada"), Some("one")), join(&nodes[1], Some("ada"), Some("two"))];
    for node in &nodes {
        knows(node, 2);
        assert!(node.connect(Connect { user: Some("ada"), ..Connect::default() }).is_err());
        join(node, Some("bob"), None);
    }
    // One that moves is not one more.
    let moved = come_back(&nodes[1], Some("ada"), Some("one"), &page_id(&nodes[1]));
    assert!(moved.ready.resumed);
}

#[test]
fn outage_delays_events_and_loses_none() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory), node(&memory));
    let recorder = Recorder::of(&here);
    let mut pages = [join(&here, None, None), join(&there, None, None)];
    [&here, &there].into_iter().for_each(|node| knows(node, 2));
    here.broadcast(data("before"), None).unwrap();
    assert!(pages.iter_mut().all(|page| page.event().data == "before"));
    memory.set_outage(Some("nobody gets through"));
    here.broadcast(data("0"), None).unwrap();
    is_down(&here);
    for number in 1..100 {
        here.broadcast(data(&number.to_string()), None).unwrap();
    }
    let failed = here.block_on(here.flush_shared()).unwrap_err();
    assert!(failed.is_backplane() && failed.to_string().contains("nobody gets through"), "{failed}");
    assert_eq!(here.stats().cluster.unwrap().buffered.records, 100);
    memory.set_outage(None);
    for page in &mut pages {
        assert_eq!(page.data(100), (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
    }
    flush(&here);
    is_up(&here);
    let stats = here.stats().cluster.unwrap();
    assert_eq!((stats.buffered.records, stats.buffered.dropped, stats.outages), (0, 0, 1));
    [&here, &there].into_iter().for_each(|node| knows(node, 2));
    let told: Vec<String> =
        recorder.told().iter().map(|told| format!("{told:?}")).filter(|told| told.contains("backplane")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("nobody gets through") && told[1].contains("again"));
}

#[test]
fn full_buffer_becomes_a_gap() {
    let memory = Memory::new(10_000);
    let cluster = ClusterOptions { max_buffered_events: 10, ..options().cluster };
    let here = Engine::node(memory.clone(), Options { cluster, ..options() });
    let there = node(&memory);
    is_up(&here);
    let mut page = join(&there, None, None);
    memory.set_outage(Some("gone"));
    here.broadcast(data("0"), None).unwrap();
    is_down(&here);
    for number in 1..25 {
        here.broadcast(data(&number.to_string()), None).unwrap();
    }
    memory.set_outage(None);
    assert!(page.event().is_reset());
    flush(&here);
    // The page may have fetched the state right behind the gap, so those events may be missing.
    here.broadcast(data("after"), None).unwrap();
    let got = std::iter::from_fn(|| Some(page.event().data)).take_while(|data| data != "after");
    assert!(got.map(|data| data.parse::<u32>().unwrap()).is_sorted_by(|one, other| one + 1 == *other));
    assert_eq!(here.stats().cluster.unwrap().buffered.dropped, 15);
}

#[test]
fn lost_history_resets_every_client() {
    let memory = Memory::new(10_000);
    // A node notices by what it appends, at the latest when it renews its lease.
    let options = || Options { cluster: short_lease(), ..options() };
    let (here, there) = (node_with(&memory, options()), node_with(&memory, options()));
    let mut pages = [join(&here, None, Some("one")), join(&there, None, Some("two"))];
    here.broadcast(data("before"), None).unwrap();
    let seen: Vec<_> = pages.iter_mut().map(|page| page.event().id).collect();
    let before = here.stats().epoch;
    memory.lose_everything();
    for page in &mut pages {
        assert!(page.event().is_reset());
    }
    eventually("both have joined it", || {
        let epochs = [&here, &there].map(|node| node.stats().epoch);
        epochs[0] == epochs[1] && epochs[0] != before
    });
    [&here, &there].into_iter().for_each(|node| is_up(node));
    there.broadcast(data("after"), None).unwrap();
    for page in &mut pages {
        let mut event = page.event();
        while event.is_reset() {
            event = page.event();
        }
        assert_eq!(event.data, "after");
    }
    let mut late = come_back(&here, None, None, &seen[0]);
    assert!(!late.ready.resumed && late.event().is_reset());
}

#[test]
fn node_away_too_long_resets_its_clients() {
    // Keeps no more than twenty.
    let memory = Memory::new(10);
    let (here, there) = (node(&memory), node(&memory));
    let mut page = join(&there, None, None);
    here.broadcast(data("before"), None).unwrap();
    assert_eq!(page.data(1), ["before"]);
    // Far more than a read returns at once, so that the reader falls behind what is kept.
    for number in 0..50_000 {
        here.broadcast(data(&number.to_string()), None).unwrap();
        if number % 5_000 == 0 {
            flush(&here);
        }
    }
    flush(&here);
    let mut event = page.event();
    let (mut next, mut resets) = (0, 0);
    while event.name != "last" {
        if event.is_reset() {
            resets += 1;
        } else {
            let number: usize = event.data.parse().unwrap();
            // Every missing event was covered by a reset.
            assert!(number == next || (resets > 0 && number > next), "{number} after {next}");
            (next, resets) = (number + 1, 0);
        }
        // Another one each time, because a reset covers those that the node reads before it has caught up.
        here.broadcast(named("last", ""), None).unwrap();
        event = page.event();
    }
    assert!(next == 50_000 || resets > 0);
}

#[test]
fn sending_process_may_end_after_flush() {
    let memory = Memory::new(10_000);
    let web = node(&memory);
    let mut page = join(&web, Some("ada"), None);
    let worker = Engine::node(memory, options());
    for number in 0..10 {
        worker.send_to_user("ada", data(&number.to_string())).unwrap();
    }
    flush(&worker);
    drop(worker);
    assert_eq!(page.data(10), (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn unjoined_node_serves_its_clients() {
    let memory = Memory::new(10_000);
    memory.set_outage(Some("not there yet"));
    let here = Engine::node(memory.clone(), options());
    is_down(&here);
    let mut page = join(&here, None, None);
    here.broadcast(data("x"), None).unwrap();
    assert_eq!(page.data(1), ["x"]);
    memory.set_outage(None);
    // Its history until then was its own.
    assert!(page.event().is_reset());
    is_up(&here);
    flush(&here);
    here.broadcast(data("y"), None).unwrap();
    let got: Vec<_> = std::iter::from_fn(|| Some(page.event().data)).take_while(|data| data != "y").collect();
    assert!(got.is_empty() || got == ["x"], "{got:?}");
    assert!(PATIENCE > Duration::from_secs(5), "a test outlasts what a hub waits for");
}
