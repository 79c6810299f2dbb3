//! Publishing to channels over HTTP.

use serde_json::{Value, json};
use ssekit_core::backplane::memory::Memory;
use ssekit_core::{Connect, Hub, Link, Subscriber};
use ssekit_testing::door::Door;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, eventually, named, two_shards};

use crate::publish::{post, published, publisher};

fn watching(hub: &Hub, client: &str, channels: &[&str]) -> Pull {
    Pull::of(hub.connect(Connect { user: Some("ada"), client: Some(client), channels, ..Connect::default() }).unwrap())
}

fn to_channel(channel: &str, data: u32) -> Value {
    json!({ "channel": channel, "event": { "event": "e", "data": data } })
}

#[test]
fn channel_event_reaches_its_subscribers() {
    let door = Door::open(publisher());
    let mut tabs = ["a", "b"].map(|client| watching(&door.engine, client, &["order:42"]));
    let mut other = watching(&door.engine, "other", &["order:4"]);
    let receipt = published(&door, &to_channel("order:42", 1));
    let [first, second] = tabs.each_mut().map(Pull::event);
    assert_eq!((first.name.as_str(), first.data.as_str()), ("e", "1"));
    assert_eq!(second, first);
    assert_eq!(receipt, json!({ "clients": 2, "id": first.id }));
    assert_eq!(other.all(), []);
}

#[test]
fn subscription_at_run_time_is_counted_and_served() {
    let door = Door::open(publisher());
    let mut tab = Pull::of(named(&door.engine, Some("ada"), "tab"));
    assert_eq!(published(&door, &to_channel("news", 1))["clients"], 0);
    door.engine.subscribe(Subscriber::Client("tab"), "news", None).unwrap();
    assert_eq!(published(&door, &to_channel("news", 2))["clients"], 1);
    door.engine.unsubscribe(Subscriber::Client("tab"), "news").unwrap();
    assert_eq!(published(&door, &to_channel("news", 3))["clients"], 0);
    assert_eq!(tab.data(3), [r#"{"channel":"news"}"#, "2", r#"{"channel":"news"}"#]);
    assert_eq!(tab.all(), []);
}

#[test]
fn channel_without_subscribers_keeps_its_events() {
    let door = Door::open(publisher());
    let mut tab = watching(&door.engine, "tab", &["news"]);
    published(&door, &to_channel("news", 1));
    let seen = tab.event().id;
    drop(tab);
    let missed = published(&door, &to_channel("news", 2));
    assert_eq!(missed["clients"], 0);
    let who = Connect { user: Some("ada"), client: Some("tab"), last_event_id: Some(&seen), ..Connect::default() };
    let mut tab = Pull::of(door.engine.connect(who).unwrap());
    assert_eq!(missed["id"], tab.event().id);
}

#[test]
fn names_of_channels_users_and_clients_are_separate() {
    let door = Door::open(publisher());
    for name in ["x", "__proto__", "42"] {
        let mut member = watching(&door.engine, &format!("member of {name}"), &[name]);
        let mut user = Pull::of(named(&door.engine, Some(name), &format!("tab of {name}")));
        let mut client = Pull::of(named(&door.engine, Some("bob"), name));
        for (number, audience) in ["channel", "userId", "clientId"].iter().enumerate() {
            let receipt = published(&door, &json!({ *audience: name, "event": { "data": number } }));
            assert_eq!(receipt["clients"], 1, "{audience} {name}");
        }
        for (number, pull) in [&mut member, &mut user, &mut client].into_iter().enumerate() {
            assert_eq!(pull.data(1), [number.to_string()]);
            assert_eq!(pull.all(), []);
        }
    }
}

#[test]
fn list_may_mix_channels_with_other_audiences() {
    let door = Door::open(publisher());
    let mut tab = watching(&door.engine, "tab", &["a", "b"]);
    let receipts = published(
        &door,
        &json!([
            to_channel("a", 1),
            { "userId": "ada", "event": { "data": 2 } },
            to_channel("c", 3),
            to_channel("b", 4),
            { "broadcast": true, "event": { "data": 5 } },
        ]),
    );
    let clients: Vec<_> = receipts.as_array().unwrap().iter().map(|receipt| receipt["clients"].clone()).collect();
    assert_eq!(clients, [1, 1, 0, 1, 1]);
    assert_eq!(tab.data(4), ["1", "2", "4", "5"]);
    let answer = post(&door, &[], &json!([to_channel("a", 6), to_channel("", 7)]).to_string());
    assert_eq!(answer.status(), 400);
    assert!(answer.body.contains("[1].channel: got an empty string"), "{}", answer.body);
    assert_eq!(tab.all(), []);
}

#[test]
fn name_may_have_256_bytes_of_any_script() {
    let door = Door::open(publisher());
    let names = ["x".repeat(256), "é".repeat(128), "😀".repeat(64), " ".to_owned(), "\u{202e}\u{2028}".to_owned()];
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut tab = watching(&door.engine, "tab", &all);
    for (number, name) in (0..).zip(all) {
        assert_eq!(published(&door, &to_channel(name, number))["clients"], 1, "{name:?}");
        assert_eq!(tab.data(1), [number.to_string()]);
    }
}

#[test]
fn invalid_channel_is_refused_with_the_reason() {
    let door = Door::open(publisher());
    let (long, wide) = (json!("x".repeat(257)).to_string(), json!("é".repeat(129)).to_string());
    for (fields, why) in [
        (r#""channel":"""#, "channel: got an empty string, wants 1 to 256 bytes"),
        (&format!(r#""channel":{long}"#), "channel: got 257 bytes, wants 1 to 256"),
        (&format!(r#""channel":{wide}"#), "channel: got 258 bytes, wants 1 to 256"),
        (r#""channel":"a\nb""#, "channel: got the control character U+000A"),
        (r#""channel":"a\u0000""#, "channel: got the control character U+0000"),
        (r#""channel":"\u007f""#, "channel: got the control character U+007F"),
        (r#""channel":"\u0085""#, "channel: got the control character U+0085"),
        (r#""channel":"\ud800""#, "body: got text that is not valid JSON"),
        (r#""channel":42"#, "channel: got 42, wants a string"),
        (r#""channel":true"#, "channel: got true, wants a string"),
        (r#""channel":["a"]"#, "channel: got a list, wants a string"),
        (r#""channel":{"__proto__":"a"}"#, "channel: got an object, wants a string"),
        (r#""channel":null"#, "wants exactly one of userId, clientId, channel and broadcast: true"),
        (r#""channel":"a","channel":"b""#, "channel: got it twice, wants it once"),
        (r#""channels":["a"]"#, "body.channels: no such option; known are userId"),
        (r#""__proto__":"a""#, "body.__proto__: no such option; known are userId"),
        (r#""channel":"a","userId":"ada""#, "body: got userId and channel, wants exactly one of userId"),
        (r#""channel":"a","clientId":"tab""#, "wants exactly one of userId"),
        (r#""channel":"a","broadcast":true"#, "wants exactly one of userId"),
        (r#""channel":"a","userId":"ada","clientId":"tab""#, "wants exactly one of userId"),
        (
            r#""channel":"a","excludeClientId":"tab""#,
            "excludeClientId: got it with channel, wants it only with broadcast: true",
        ),
    ] {
        let answer = post(&door, &[], &format!(r#"{{{fields},"event":{{}}}}"#));
        assert_eq!(answer.status(), 400, "{fields}: {}", answer.body);
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(error["error"].as_str().unwrap().contains(why), "{fields}: {error}");
    }
    assert_eq!(door.engine.stats().events, 0);
}

#[test]
fn null_channel_counts_as_absent() {
    let door = Door::open(publisher());
    let mut tab = Pull::of(named(&door.engine, Some("ada"), "tab"));
    published(&door, &json!({ "userId": "ada", "channel": null, "event": { "data": 1 } }));
    assert_eq!(tab.data(1), ["1"]);
}

#[test]
fn repeated_channel_publication_publishes_once() {
    let door = Door::open(publisher());
    let mut tab = watching(&door.engine, "tab", &["a", "b"]);
    let (key, body) = ([("Idempotency-Key", "k")], to_channel("a", 1).to_string());
    let [first, again] = [(); 2].map(|()| post(&door, &key, &body));
    assert_eq!((first.status(), &first.body), (200, &again.body));
    assert_eq!(again.head.header("idempotency-replayed"), Some("true"));
    assert_eq!(post(&door, &key, &to_channel("b", 1).to_string()).status(), 422);
    assert_eq!(tab.all().len(), 1);
}

#[test]
fn channel_event_reaches_other_nodes() {
    let memory = Memory::new(10_000);
    let [here, there] = [(); 2].map(|()| Engine::node(memory.clone(), two_shards()));
    for node in [&here, &there] {
        eventually("the node is up", || node.stats().cluster.unwrap().link == Link::Up);
    }
    let door = Door::of(here, publisher());
    let mut tabs = [(&door.engine, "here"), (&there, "there")].map(|(node, id)| watching(node, id, &["news"]));
    let mut stranger = watching(&there, "news", &["other"]);
    let receipt = published(&door, &to_channel("news", 1));
    // An event gets its place in the shared history after the answer.
    assert_eq!(receipt["id"], Value::Null);
    published(&door, &json!([to_channel("news", 2), to_channel("other", 3), to_channel("news", 4)]));
    let [mine, theirs] = tabs.each_mut().map(|tab| tab.events(3));
    assert_eq!(mine, theirs);
    let data: Vec<_> = mine.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(data, ["1", "2", "4"]);
    assert_eq!(stranger.data(1), ["3"]);
}
