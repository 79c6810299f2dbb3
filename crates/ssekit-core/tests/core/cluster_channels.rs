//! Channels on several nodes: a call on any node changes the subscriptions of a client on any other, and a client keeps
//! them wherever it comes back.

use std::collections::BTreeSet;
use std::sync::Arc;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::event::key::Key;
use ssekit_core::{
    Audience, Change, ClientFilter, ClusterOptions, Connect, ErrorKind, Event, LimitOptions, Link, Options, Page,
    Phase, Subscriber,
};
use ssekit_testing::chance::Chance;
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, Recorder, Told, data, eventually, keeping_all, lasting_lease};

fn options() -> Options {
    let cluster = ClusterOptions { max_buffered_events: 1_000_000, ..lasting_lease() };
    let limits = LimitOptions { channels_per_client: 100, ..LimitOptions::default() };
    Options { cluster, limits, ..keeping_all() }
}

fn node(memory: &Memory) -> Engine {
    let node = Engine::node(memory.clone(), options());
    is(&node, Link::Up);
    node
}

fn is(node: &Engine, link: Link) {
    eventually("the link is as it should be", || node.stats().cluster.unwrap().link == link);
}

fn flush(engine: &Engine) {
    engine.block_on(engine.flush_shared()).unwrap();
}

fn ada<'a>(client: &'a str, channels: &'a [&'a str]) -> Connect<'a> {
    Connect { user: Some("ada"), client: Some(client), channels, ..Connect::default() }
}

fn open(node: &Engine, who: Connect<'_>) -> Pull {
    node.block_on(node.caught_up(who.last_event_id.or(who.since)));
    Pull::of(node.connect(who).unwrap())
}

fn texts(events: &[Received]) -> Vec<String> {
    events.iter().map(|event| format!("{}{}", event.name, event.data)).collect()
}

fn subscribed(channel: &str) -> String {
    format!(r#"ssekit:subscribed{{"channel":"{channel}"}}"#)
}

fn unsubscribed(channel: &str) -> String {
    format!(r#"ssekit:unsubscribed{{"channel":"{channel}"}}"#)
}

fn watchers(node: &Engine, channel: &str, count: usize) {
    eventually("the node knows who has subscribed", || node.clients_by_channel(channel).len() == count);
}

#[test]
fn any_node_changes_the_subscriptions_of_a_client_on_another() {
    let memory = Memory::new(10_000);
    let (one, two, three) = (node(&memory), node(&memory), node(&memory));
    let mut tab = open(&one, ada("tab", &["named"]));
    watchers(&two, "named", 1);
    watchers(&three, "named", 1);
    assert_eq!(two.subscribe(Subscriber::Client("tab"), "news", None), Ok(1));
    flush(&two);
    assert_eq!(three.send_to_channel("named", data("1")), Ok(1));
    three.send_to_channel("news", data("2")).unwrap();
    for node in [&one, &two, &three] {
        watchers(node, "news", 1);
        let mut channels: Vec<String> = node.channels().iter().map(ToString::to_string).collect();
        channels.sort_unstable();
        assert_eq!(channels, ["named", "news"]);
    }
    assert_eq!(two.subscribe(Subscriber::User("ada"), "news", None), Ok(0), "it has subscribed before");
    flush(&two);
    assert_eq!(three.send_to_channel("news", data("3")), Ok(1));
    flush(&three);
    assert_eq!(three.unsubscribe(Subscriber::Client("tab"), "news"), Ok(1));
    flush(&three);
    watchers(&two, "news", 0);
    assert_eq!(two.send_to_channel("news", data("4")), Ok(0));
    assert_eq!(two.send_to_channel("named", data("5")), Ok(1));
    let expected = [subscribed("news"), "1".into(), "2".into(), "3".into()];
    let mut got = texts(&tab.events(6));
    got[..2].sort_unstable_by_key(|text| text.len() < 10);
    assert_eq!(got[..4], expected);
    assert_eq!(got[4..], [r#"ssekit:unsubscribed{"channel":"news"}"#, "5"]);
}

#[test]
fn client_keeps_its_channels_on_another_node() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    let mut tab = open(&one, ada("tab", &["named"]));
    one.subscribe(Subscriber::Client("tab"), "added", None).unwrap();
    watchers(&two, "named", 1);
    watchers(&two, "added", 1);
    let seen = tab.event();
    assert_eq!(texts(std::slice::from_ref(&seen)), [subscribed("added")]);
    drop(tab);
    watchers(&two, "added", 0);
    for (channel, text) in [("named", "1"), ("added", "2"), ("other", "3")] {
        two.send_to_channel(channel, data(text)).unwrap();
    }
    let mut moved = open(&two, Connect { last_event_id: Some(&seen.id), ..ada("tab", &[]) });
    assert_eq!(moved.data(2), ["1", "2"]);
    watchers(&one, "named", 1);
    // It leaves a channel there, and comes back to the first node.
    one.unsubscribe(Subscriber::Client("tab"), "named").unwrap();
    let left = moved.event();
    drop(moved);
    for channel in ["named", "added"] {
        two.send_to_channel(channel, data(channel)).unwrap();
    }
    let mut back = open(&one, Connect { last_event_id: Some(&left.id), ..ada("tab", &[]) });
    assert_eq!(back.data(1), ["added"]);
    flush(&one);
    assert_eq!(back.all(), []);
}

#[test]
fn client_may_name_a_channel_again_that_it_has_left() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    let mut tab = open(&one, ada("tab", &["news"]));
    watchers(&two, "news", 1);
    two.unsubscribe(Subscriber::Client("tab"), "news").unwrap();
    let left = tab.event();
    watchers(&two, "news", 0);
    let again = open(&one, Connect { last_event_id: Some(&left.id), ..ada("tab", &["news"]) });
    watchers(&two, "news", 1);
    drop(again);
    let mut moved = open(&two, Connect { last_event_id: Some(&left.id), ..ada("tab", &[]) });
    two.send_to_channel("news", data("1")).unwrap();
    assert_eq!(moved.data(1), ["1"]);
}

#[test]
fn snapshot_of_one_node_is_good_on_another() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    one.send_to_channel("news", data("in the snapshot")).unwrap();
    flush(&one);
    let cursor = one.cursor();
    for text in ["1", "2"] {
        one.send_to_channel("news", data(text)).unwrap();
    }
    flush(&one);
    let mut page = open(&two, Connect { since: Some(&cursor), channels: &["news"], ..Connect::default() });
    assert_eq!(page.data(2), ["1", "2"]);
    let mut tab = open(&two, ada("tab", &[]));
    eventually("the client is known", || one.active_clients().len() == 2);
    one.subscribe(Subscriber::Client("tab"), "news", Some(&cursor)).unwrap();
    one.send_to_channel("news", data("3")).unwrap();
    let events = tab.events(4);
    assert_eq!(texts(&events), ["1".to_owned(), "2".into(), subscribed("news"), "3".into()]);
    drop(tab);
    flush(&one);
    // Wherever the page is cut, it gets the rest, once.
    for (cut, seen) in events.iter().enumerate() {
        let mut again = open(&two, Connect { last_event_id: Some(&seen.id), ..ada("tab", &[]) });
        assert!(again.ready.resumed);
        assert_eq!(texts(&again.all()), texts(&events[cut + 1..]), "after {:?}", seen.data);
    }
    // The other node has not made these copies in the same places, and says so.
    for (seen, resumes) in events.iter().zip([false, false, true, true]) {
        let moved = open(&one, Connect { last_event_id: Some(&seen.id), ..ada("tab", &[]) });
        assert_eq!(moved.ready.resumed, resumes, "after {:?}", seen.data);
    }
}

#[test]
fn gap_of_a_node_is_a_gap_of_its_channels() {
    // Keeps no more than twenty.
    let memory = Memory::new(10);
    let one = node(&memory);
    let way = HalfOpen::to(&memory);
    let two = Engine::node(way.clone(), options());
    is(&two, Link::Up);
    let mut tab = open(&two, ada("tab", &["known"]));
    two.broadcast(data("before"), None).unwrap();
    assert_eq!(tab.data(1), ["before"]);
    let cursor = two.cursor();
    way.let_read(false);
    is(&two, Link::Down);
    for channel in ["known", "unknown"] {
        one.send_to_channel(channel, data("lost")).unwrap();
    }
    for number in 0..50 {
        one.broadcast(data(&number.to_string()), None).unwrap();
        flush(&one);
    }
    way.let_read(true);
    is(&two, Link::Up);
    reads(&two, one.stats().position >> 20);
    let lost = two.history(Audience::Channel("known"), Some(&cursor), 10);
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::Evicted);
    assert!(tab.event().is_reset());
    two.unsubscribe(Subscriber::Client("tab"), "known").unwrap();
    for channel in ["known", "unknown"] {
        two.subscribe(Subscriber::Client("tab"), channel, Some(&cursor)).unwrap();
    }
    let told: Vec<String> =
        std::iter::from_fn(|| tab.next_event()).filter(Received::is_reset).take(2).map(|event| event.data).collect();
    assert_eq!(told, ["known", "unknown"].map(|name| format!(r#"{{"channel":"{name}","reason":"evicted"}}"#)));
}

#[test]
fn bounds_hold_on_every_node() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let named: Vec<&str> = names.iter().map(|name| &**name).collect();
    let _tab = open(&one, ada("tab", &named));
    watchers(&two, "99", 1);
    for node in [&one, &two] {
        let error = node.subscribe(Subscriber::Client("tab"), "one more", None).unwrap_err();
        assert!(error.is_range(), "{error}");
        assert_eq!(node.subscribe(Subscriber::Client("nobody"), "news", None), Ok(0));
    }
}

#[test]
fn page_with_all_its_channels_changes_them_in_one_step_on_any_node() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let named: Vec<&str> = names.iter().map(|name| &**name).collect();
    let mut tab = open(&one, ada("tab", &named));
    watchers(&two, "99", 1);
    let page = Page { client: "tab", user: Some("ada"), key: None };
    for (node, new) in [(&one, "a"), (&two, "b")] {
        let leaves = if new == "a" { "0" } else { "1" };
        let subscribe = [(new, None), ("2", None), ("one too many", None)];
        let change = Change { unsubscribe: &[leaves], subscribe: &subscribe };
        let changed = node.change(page, change).unwrap();
        assert_eq!((changed.unsubscribed, changed.subscribed), (1, 2));
        assert!(changed.stopped.is_some_and(|error| error.is_range()));
        watchers(&one, leaves, 0);
        watchers(&two, new, 1);
        watchers(&two, leaves, 0);
        assert_eq!(texts(&tab.events(2)), [unsubscribed(leaves), subscribed(new)]);
    }
    assert!(one.clients_by_channel("one too many").is_empty());
}

#[test]
fn page_speaks_for_its_own_client_on_any_node() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    let mut of_ada = open(&one, ada("of ada", &[]));
    let mut visitor = open(&one, Connect::default());
    let mut keyed = open(&one, Connect { client: Some("keyed"), ..Connect::default() });
    eventually("all are known", || two.active_clients().len() == 3);
    let visitor_id = &*visitor.ready.client_id;
    let key = Key::split(&keyed.ready.id).unwrap().1;
    let page = |client, user, key| Subscriber::Page(Page { client, user, key });
    for node in [&one, &two] {
        for stranger in [
            page("of ada", Some("eve"), None),
            page("of ada", None, Some(key)),
            page(visitor_id, Some("ada"), None),
            page("keyed", Some("ada"), Some(key)),
            page("nobody", None, None),
        ] {
            let refused = |error: ssekit_core::Error| error.kind() == ErrorKind::UnknownClient;
            assert!(node.subscribe(stranger, "stolen", None).is_err_and(refused), "{stranger:?}");
        }
    }
    // Only its own node knows the key, so another node sends the command on.
    assert_eq!(two.subscribe(page("keyed", None, None), "stolen", None), Ok(1));
    assert_eq!(two.subscribe(page("keyed", None, Some(Key::random())), "stolen", None), Ok(1));
    for own in [page("of ada", Some("ada"), None), page(visitor_id, None, None), page("keyed", None, Some(key))] {
        assert_eq!(two.subscribe(own, "news", None), Ok(1), "{own:?}");
    }
    flush(&two);
    two.send_to_channel("stolen", data("secret")).unwrap();
    two.send_to_channel("news", data("1")).unwrap();
    for page in [&mut of_ada, &mut visitor, &mut keyed] {
        assert_eq!(texts(&page.events(2)), [subscribed("news"), "1".into()]);
    }
}

#[test]
fn every_node_describes_all_clients() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    let tab = open(&one, Connect { data: Some(r#"{"name":"Ada"}"#), ..ada("tab", &["news"]) });
    let _other = open(&two, ada("other", &[]));
    watchers(&two, "news", 1);
    let found = two.clients(ClientFilter { channel: Some("news"), ..ClientFilter::default() });
    let here = one.clients(ClientFilter { channel: Some("news"), ..ClientFilter::default() });
    assert_eq!((found.len(), here.len()), (1, 1));
    assert_eq!((found[0].transport, here[0].transport), (None, Some(Phase::Opening)));
    assert_eq!(found[0].connected_at.as_millis(), here[0].connected_at.as_millis());
    assert_eq!((&found[0].user, &found[0].data, &found[0].channels), (&here[0].user, &here[0].data, &here[0].channels));
    assert_eq!(two.clients(ClientFilter { user: Some("ada"), ..ClientFilter::default() }).len(), 2);
    // A node that comes later learns all of it from the snapshots.
    let late = node(&memory);
    watchers(&late, "news", 1);
    assert_eq!(late.clients(ClientFilter { channel: Some("news"), ..ClientFilter::default() }), found);
    drop(tab);
    watchers(&late, "news", 0);
}

#[test]
fn logged_out_user_comes_back_without_channels_on_any_node() {
    let memory = Memory::new(10_000);
    let (one, two, three) = (node(&memory), node(&memory), node(&memory));
    let tab = open(&one, ada("tab", &["named"]));
    let away = open(&one, ada("away", &["named"]));
    one.subscribe(Subscriber::Client("tab"), "added", None).unwrap();
    [&two, &three].iter().for_each(|node| watchers(node, "added", 1));
    let (seen, left) = (tab.ready.id.clone(), away.ready.id.clone());
    drop(away);
    [&two, &three].iter().for_each(|node| watchers(node, "named", 1));
    assert_eq!(two.disconnect_user("ada"), 1);
    [&one, &two, &three].iter().for_each(|node| watchers(node, "named", 0));
    for (client, last) in [("tab", &seen), ("away", &left)] {
        for node in [&one, &two, &three] {
            let back = || open(node, Connect { last_event_id: Some(last), ..ada(client, &[]) });
            let mut again = back();
            node.send_to_channel("named", data("secret")).unwrap();
            node.send_to_channel("added", data("secret")).unwrap();
            node.send_to_user("ada", data("end")).unwrap();
            loop {
                // A node that hears late where the client was before takes it for gone.
                let Some(event) = again.next_event() else {
                    again = back();
                    continue;
                };
                assert_ne!(event.data, "secret", "{client}");
                if event.data == "end" {
                    break;
                }
            }
        }
    }
}

#[test]
fn node_that_is_cut_off_changes_its_own_clients_at_once() {
    let memory = Memory::new(10_000);
    let way = HalfOpen::to(&memory);
    let one = Engine::node(way.clone(), options());
    is(&one, Link::Up);
    let two = node(&memory);
    let mut tab = open(&one, ada("tab", &[]));
    eventually("the client is known", || two.active_clients().len() == 1);
    way.let_append(0);
    one.broadcast(data("0"), None).unwrap();
    is(&one, Link::Down);
    assert_eq!(one.subscribe(Subscriber::Client("tab"), "news", None), Ok(1));
    one.send_to_channel("news", data("1")).unwrap();
    assert_eq!(texts(&tab.events(3)), ["0".to_owned(), subscribed("news"), "1".into()]);
    way.let_append(u64::MAX);
    is(&one, Link::Up);
    flush(&one);
    watchers(&two, "news", 1);
    two.send_to_channel("news", data("2")).unwrap();
    let seen = tab.event();
    assert_eq!(seen.data, "2");
    drop(tab);
    two.send_to_channel("news", data("3")).unwrap();
    let mut moved = open(&two, Connect { last_event_id: Some(&seen.id), ..ada("tab", &[]) });
    assert_eq!(moved.data(1), ["3"]);
}

#[test]
fn wandering_client_gets_exactly_its_events() {
    for seed in 0..5 {
        wander(seed);
    }
}

/// Waits until a node has read `number` records.
fn reads(node: &Engine, number: u64) {
    eventually("it has read so far", || node.stats().position >> 20 >= number);
}

/// Everything happens in one order: each step waits until the history has the steps before it.
fn wander(seed: u64) {
    let mut chance = Chance::of(seed);
    let memory = Memory::new(1_000_000);
    let nodes = [node(&memory), node(&memory), node(&memory)];
    let faults = nodes.each_ref().map(|node| Recorder::of(node));
    let names: Vec<String> = (0..40).map(|number| format!("channel {number}")).collect();
    let (mut mine, mut expected) = (BTreeSet::new(), Vec::new());
    let mut tab = open(&nodes[0], ada("tab", &[]));
    nodes.iter().for_each(|node| eventually("the client is known", || node.active_clients().len() == 1));
    let (mut got, mut last, mut actor) = (Vec::new(), tab.ready.id.clone(), 0);
    for number in 0..3_000_u64 {
        if chance.below(10) == 0 {
            actor = chance.below(3);
            reads(&nodes[actor], number);
        }
        let (node, text, channel) = (&nodes[actor], number.to_string(), chance.below(40));
        let event = Event { data: &text, ..Event::default() };
        let is_mine = match chance.below(100) {
            0..15 => node.broadcast(event, None).map(|_| true).unwrap(),
            15..25 => node.send_to_user("ada", event).map(|_| true).unwrap(),
            25..30 => node.send_to_user("bob", event).map(|_| false).unwrap(),
            30..40 => node.send_to_client("tab", event).map(|_| true).unwrap(),
            40..85 => node.send_to_channel(&names[channel], event).map(|_| mine.contains(&channel)).unwrap(),
            85..95 => {
                node.subscribe(Subscriber::Client("tab"), &names[channel], None).unwrap();
                if mine.insert(channel) {
                    expected.push(subscribed(&names[channel]));
                }
                false
            }
            _ => {
                node.unsubscribe(Subscriber::Client("tab"), &names[channel]).unwrap();
                if mine.remove(&channel) {
                    expected.push(format!(r#"ssekit:unsubscribed{{"channel":"{}"}}"#, names[channel]));
                }
                false
            }
        };
        if is_mine {
            expected.push(text);
        }
        if chance.below(60) == 0 {
            let seen = tab.some(chance.below(5));
            last = seen.last().map_or(last, |event| event.id.clone());
            got.extend(texts(&seen));
            drop(tab);
            let next = &nodes[chance.below(3)];
            tab = open(next, Connect { last_event_id: Some(&last), ..ada("tab", &[]) });
            assert!(tab.ready.resumed, "seed {seed}, event {number}");
        }
    }
    while got.len() < expected.len() {
        match tab.next_event() {
            Some(event) => {
                last.clone_from(&event.id);
                got.extend(texts(&[event]));
            }
            // A node that heard late where the client was before takes it for gone.
            None => tab = open(&nodes[0], Connect { last_event_id: Some(&last), ..ada("tab", &[]) }),
        }
    }
    let first = got.iter().zip(&expected).position(|(got, expected)| got != expected);
    assert_eq!(first.map(|at| (&got[at], &expected[at])), None, "seed {seed}");
    nodes.iter().for_each(|node| reads(node, 3_000));
    assert_eq!(tab.all(), [], "seed {seed}");
    let told: Vec<Told> = faults.iter().flat_map(|faults: &Arc<Recorder>| faults.told()).collect();
    assert!(!told.iter().any(|told| matches!(told, Told::Failed(_))), "{told:?}");
}
