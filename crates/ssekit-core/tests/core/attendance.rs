//! Channels whose clients want to know who comes and goes.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{ChannelKinds, ChannelOptions, ClientFilter, Connect, Hub, Link, LogBounds, Options, Subscriber};
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, advance, data, eventually, keeping_all, lasting_lease, short_lease, standing_hub};

fn options() -> Options {
    let mut channels = ChannelKinds::default();
    channels.add("room:*", ChannelOptions { presence: true, ..ChannelOptions::default() }).unwrap();
    Options { channels, cluster: lasting_lease(), presence_grace: Duration::from_secs(1), ..keeping_all() }
}

fn open(hub: &Hub, client: &str, channels: &[&str], last_event_id: Option<&str>) -> Pull {
    let data = format!(r#"{{"name":"{client}"}}"#);
    let who = Connect {
        user: Some("ada"),
        client: Some(client),
        channels,
        last_event_id,
        data: Some(&data),
        ..Connect::default()
    };
    Pull::of(hub.connect(who).unwrap())
}

/// The contents of an event: a member, and what that member does.
fn said(event: &Received) -> (String, String) {
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
    let name = data["data"]["name"].as_str().map_or_else(|| data["member"].to_string(), str::to_owned);
    (event.name.clone(), name)
}

fn joins(event: &Received, who: &str) -> String {
    assert_eq!(said(event), ("ssekit:join".into(), who.to_owned()), "{event:?}");
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(data["userId"], "ada");
    data["member"].as_str().unwrap().to_owned()
}

fn leaves(event: &Received, member: &str) {
    let expected = format!(r#"{{"channel":"room:1","member":"{member}","userId":"ada"}}"#);
    assert_eq!((&*event.name, &*event.data), ("ssekit:leave", &*expected));
}

#[tokio::test(start_paused = true)]
async fn clients_learn_who_comes_and_goes() {
    let hub = standing_hub(options());
    let mut watcher = open(&hub, "watcher", &["room:1"], None);
    advance(Duration::from_millis(10)).await;
    joins(&watcher.all()[0], "watcher");
    let tab = open(&hub, "tab", &["room:1", "quiet"], None);
    advance(Duration::from_millis(10)).await;
    let events = watcher.all();
    assert_eq!(events.len(), 1, "{events:?}");
    let member = joins(&events[0], "tab");
    assert!(!member.contains("tab"), "the id of a client may be its proof");
    let details = hub.clients(ClientFilter { channel: Some("quiet"), ..ClientFilter::default() });
    assert_eq!(details[0].member(), member, "the server calls it what pages call it");
    // It reloads in time.
    drop(tab);
    advance(Duration::from_millis(500)).await;
    let tab = open(&hub, "tab", &["room:1"], None);
    advance(Duration::from_secs(5)).await;
    assert_eq!(watcher.all(), []);
    drop(tab);
    advance(Duration::from_millis(900)).await;
    assert_eq!(watcher.all(), []);
    advance(Duration::from_millis(200)).await;
    let events = watcher.all();
    leaves(&events[0], &member);
    assert_eq!(events.len(), 1, "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn subscribing_is_coming_and_unsubscribing_is_going() {
    let hub = standing_hub(options());
    let mut watcher = open(&hub, "watcher", &["room:1"], None);
    let mut tab = open(&hub, "tab", &[], None);
    advance(Duration::from_millis(10)).await;
    watcher.all();
    hub.subscribe(Subscriber::Client("tab"), "room:1", None).unwrap();
    advance(Duration::from_millis(10)).await;
    let member = joins(&watcher.all()[0], "tab");
    hub.unsubscribe(Subscriber::Client("tab"), "room:1").unwrap();
    advance(Duration::from_millis(10)).await;
    leaves(&watcher.all()[0], &member);
    assert_eq!(hub.history(ssekit_core::Audience::Channel("room:1"), None, 10), Ok(vec![]), "nobody has sent anything");
    let names: Vec<String> = tab.all().into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["ssekit:subscribed", "ssekit:join", "ssekit:unsubscribed"]);
}

#[tokio::test(start_paused = true)]
async fn next_user_of_a_client_id_is_another_member() {
    let hub = standing_hub(options());
    let mut watcher = open(&hub, "watcher", &["room:1"], None);
    let _tab = open(&hub, "tab", &["room:1"], None);
    advance(Duration::from_millis(10)).await;
    let member = joins(&watcher.all()[1], "tab");
    // Ada logs out there, and Bob logs in before anybody has heard of it.
    hub.disconnect_client("tab");
    let who = Connect { user: Some("bob"), client: Some("tab"), channels: &["room:1"], ..Connect::default() };
    let _bob = Pull::of(hub.connect(who).unwrap());
    advance(Duration::from_secs(5)).await;
    let events = watcher.all();
    assert_eq!(events.len(), 2, "{events:?}");
    leaves(&events[0], &member);
    assert_eq!(events[1].data, format!(r#"{{"channel":"room:1","member":"{member}","userId":"bob"}}"#));
}

#[tokio::test(start_paused = true)]
async fn deserted_channels_are_given_up() {
    let options = Options {
        history: ssekit_core::HistoryOptions { max_age: Duration::from_secs(1), ..options().history },
        ..options()
    };
    let hub = standing_hub(options);
    drop(open(&hub, "tab", &["room:1"], None));
    advance(Duration::from_secs(5)).await;
    assert_eq!((hub.stats().logs, hub.stats().away), (0, 0));
}

#[test]
fn channels_have_bounds_of_their_own() {
    let mut channels = ChannelKinds::default();
    let history = Some(LogBounds { max_events: 2, ..LogBounds::default() });
    channels.add("short:*", ChannelOptions { history, ..ChannelOptions::default() }).unwrap();
    let engine = Engine::with(Options { channels, ..keeping_all() });
    for (channel, kept) in [("short:1", 2), ("long", 5)] {
        for text in ["1", "2", "3", "4", "5"] {
            engine.send_to_channel(channel, data(text)).unwrap();
        }
        assert_eq!(engine.history(ssekit_core::Audience::Channel(channel), None, 10).unwrap().len(), kept);
    }
}

fn node(memory: &Memory) -> Engine {
    node_with(memory, options())
}

fn node_with(memory: &Memory, options: Options) -> Engine {
    let node = Engine::node(memory.clone(), Options { presence_grace: Duration::from_millis(100), ..options });
    eventually("the node is up", || node.stats().cluster.unwrap().link == Link::Up);
    node
}

#[test]
fn clients_on_all_nodes_learn_the_same() {
    let memory = Memory::new(10_000);
    let (one, two) = (node(&memory), node(&memory));
    let mut here = open(&one, "here", &["room:1"], None);
    joins(&here.event(), "here");
    // The other node must not tell it to a client that comes later.
    eventually("the other node has read it", || two.stats().position >> 20 >= 1);
    let mut there = open(&two, "there", &["room:1"], None);
    let member = joins(&here.event(), "there");
    joins(&there.event(), "there");
    // It moves to the other node, and nobody hears of it.
    let left = there.ready.id.clone();
    drop(there);
    let moved = open(&one, "there", &["room:1"], Some(&left));
    eventually("the other node knows", || two.clients_by_channel("room:1").len() == 2);
    two.send_to_channel("room:1", data("in between")).unwrap();
    assert_eq!(here.event().data, "in between");
    drop(moved);
    leaves(&here.event(), &member);
}

#[test]
fn clients_of_a_lost_node_are_gone() {
    let memory = Memory::new(10_000);
    let node = || node_with(&memory, Options { cluster: short_lease(), ..options() });
    let (one, two) = (node(), node());
    let mut here = open(&one, "here", &["room:1"], None);
    joins(&here.event(), "here");
    let lost = open(&two, "lost", &["room:1"], None);
    let member = joins(&here.event(), "lost");
    // Without a word, as if it was killed.
    two.stop();
    leaves(&here.event(), &member);
    drop(lost);
}
