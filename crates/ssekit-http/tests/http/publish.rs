//! Publishing over HTTP, as other processes and languages do it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use ssekit_core::Options;
use ssekit_http::{ListenerLimits, ListenerOptions};
use ssekit_testing::door::{Answer, Door, TOKEN, anonymous, request};
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, named, two_shards};

pub(crate) fn publisher() -> ListenerOptions {
    ListenerOptions { publish_token: Some(TOKEN.to_owned()), ..anonymous() }
}

pub(crate) fn post(door: &Door, headers: &[(&str, &str)], body: &str) -> Answer {
    let (bearer, length) = (format!("Bearer {TOKEN}"), body.len().to_string());
    let mut all = vec![
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Content-Length", length.as_str()),
    ];
    all.retain(|(name, _)| headers.iter().all(|(other, _)| name != other));
    all.extend_from_slice(headers);
    door.connect().asks(&(request("POST", "/publish", &all) + body))
}

pub(crate) fn published(door: &Door, body: &Value) -> Value {
    let answer = post(door, &[], &body.to_string());
    assert_eq!(answer.status(), 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn answer_to_each_kind_has_count_and_id() {
    let door = Door::open(publisher());
    let mut tab = Pull::of(named(&door.engine, Some("ada"), "tab"));
    let mut other = Pull::of(named(&door.engine, Some("ada"), "other"));
    let to_user = published(&door, &json!({ "userId": "ada", "event": { "event": "e", "data": { "a": 1 } } }));
    let received = tab.event();
    assert_eq!((received.name.as_str(), received.data.as_str()), ("e", r#"{"a":1}"#));
    assert_eq!(to_user, json!({ "clients": 2, "id": received.id }));
    let to_client = published(&door, &json!({ "clientId": "tab", "event": { "data": "x", "id": "mine", "retry": 5 } }));
    let received = tab.event();
    assert_eq!((received.id.as_str(), received.retry), ("mine", Some(5)));
    assert_eq!(to_client, json!({ "clients": 1, "id": "mine" }));
    let to_others =
        published(&door, &json!({ "broadcast": true, "excludeClientId": "tab", "event": { "event": "e" } }));
    assert_eq!(to_others["clients"], 1);
    assert_eq!(other.data(2), [r#"{"a":1}"#, "null"]);
    // An absent user gets it later, but an absent client never does.
    assert_eq!(published(&door, &json!({ "userId": "bob", "event": { "data": null } }))["clients"], 0);
    assert_eq!(
        published(&door, &json!({ "clientId": "gone", "event": { "event": "e" } })),
        json!({ "clients": 0, "id": null })
    );
}

#[test]
fn user_number_equals_its_decimal_string() {
    let door = Door::open(publisher());
    let mut pull = Pull::of(ssekit_testing::user(&door.engine, "42"));
    assert_eq!(published(&door, &json!({ "userId": 42, "event": { "data": 1 } }))["clients"], 1);
    assert_eq!(pull.data(1), ["1"]);
}

#[test]
fn data_arrives_unchanged_on_one_line() {
    let door = Door::open(publisher());
    let mut pull = Pull::of(ssekit_testing::user(&door.engine, "ada"));
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for (written, arrives) in [
        ("9007199254740993", "9007199254740993"),
        ("1.10", "1.10"),
        ("\"\\ud800\\u2028 \\n\"", "\"\\ud800\\u2028 \\n\""),
        ("{\"__proto__\":1,\"a\":1,\"a\":2}", "{\"__proto__\":1,\"a\":1,\"a\":2}"),
        ("{\r\n  \"a\": [\n1]\r}", "{    \"a\": [ 1] }"),
        (deep.as_str(), deep.as_str()),
    ] {
        let answer = post(&door, &[], &format!(r#"{{"userId":"ada","event":{{"data":{written}}}}}"#));
        assert_eq!(answer.status(), 200, "{}", answer.body);
        assert_eq!(pull.data(1), [arrives]);
    }
}

#[test]
fn list_is_published_in_order_or_not_at_all() {
    let door = Door::open(publisher());
    let mut pull = Pull::of(ssekit_testing::user(&door.engine, "ada"));
    let item = |data: u32| json!({ "userId": "ada", "event": { "data": data } });
    let receipts = published(&door, &json!([item(1), item(2), item(3)]));
    assert_eq!(receipts.as_array().unwrap().len(), 3);
    assert_eq!(pull.data(3), ["1", "2", "3"]);
    let bad = json!([item(4), { "userId": "ada", "event": { "event": "a\nb" } }]);
    let answer = post(&door, &[], &bad.to_string());
    assert_eq!(answer.status(), 400);
    assert!(answer.body.contains("[1].event.event"), "{}", answer.body);
    assert_eq!(published(&door, &json!([])), json!([]));
    published(&door, &item(5));
    assert_eq!(pull.data(1), ["5"]);
}

#[test]
fn invalid_publication_is_refused_with_the_reason() {
    let engine = Engine::with(Options { max_event_bytes: 2_000, ..two_shards() });
    let limits = ListenerLimits { body_bytes: 4_000, ..ListenerLimits::default() };
    let door = Door::of(engine, ListenerOptions { limits, ..publisher() });
    let event = |field: &str| format!(r#"{{"userId":"ada","event":{{{field}}}}}"#);
    let (long, longer) = ("x".repeat(2_000), "x".repeat(4_000));
    for (body, status, why) in [
        ("", 400, "body: got nothing, wants { userId"),
        ("{", 400, "body: got JSON that ends too early"),
        ("nonsense", 400, "body: got text that is not valid JSON at line 1, column 2"),
        ("5", 400, "body: got 5, wants { userId"),
        ("{}", 400, "event: got none, wants an object"),
        ("[{}]", 400, "[0].event: got none, wants an object"),
        (r#"{"userId":"ada","event":5}"#, 400, "event: got 5, wants an object"),
        (r#"{"event":{}}"#, 400, "one of userId"),
        (r#"{"userId":"ada","clientId":"tab","event":{}}"#, 400, "one of userId"),
        (
            r#"{"userId":"ada","excludeClientId":"tab","event":{}}"#,
            400,
            "excludeClientId: got it with userId, wants it only with broadcast: true",
        ),
        (r#"{"userId":"","event":{}}"#, 400, "userId"),
        (r#"{"userId":1.5,"event":{}}"#, 400, "userId: got 1.5, wants a string or an integer"),
        (r#"{"userId":"ada","user":"bob","event":{}}"#, 400, "body.user: no such option; known are userId, clientId"),
        (r#"{"userId":"ada","userId":"bob","event":{}}"#, 400, "userId: got it twice, wants it once"),
        (&event(""), 400, "event: got neither event nor data, wants at least one of them"),
        (&event(r#""id":"7""#), 400, "event: got neither event nor data"),
        (&event(r#""event":"a\nid: 1""#), 400, "event.event"),
        (&event(r#""event":"ssekit:ready""#), 400, "reserved for ssekit"),
        (&event(r#""id":"é""#), 400, "event.id"),
        (&event(r#""retry":-1"#), 400, "event.retry: got -1, wants milliseconds"),
        (&event(r#""retry":1.5"#), 400, "event.retry: got 1.5, wants milliseconds"),
        (&event(r#""retry":"5""#), 400, "event.retry: got \"5\", wants milliseconds"),
        (&event(r#""retry":1e21"#), 400, "event.retry: got 1e21, wants milliseconds"),
        (&event(r#""retry":9007199254740993"#), 400, "event.retry"),
        (&event(&format!(r#""data":"{long}""#)), 413, "maxEventBytes"),
        (&event(&format!(r#""data":"{longer}""#)), 413, "wants at most 4,000"),
    ] {
        let answer = post(&door, &[], body);
        assert_eq!(answer.status(), status, "{body}: {}", answer.body);
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(error["error"].as_str().unwrap().contains(why), "{body}: {error}");
    }
    assert_eq!(door.engine.stats().events, 0);
}

#[test]
fn openapi_names_every_field_of_a_publication() {
    let door = Door::open(publisher());
    let description: Value = serde_json::from_str(&door.get("/openapi.json").body).unwrap();
    let schemas = &description["components"]["schemas"];
    for (schema, body) in [("Publication", r#"{"x":1}"#), ("Event", r#"{"userId":"ada","event":{"x":1}}"#)] {
        let refused: Value = serde_json::from_str(&post(&door, &[], body).body).unwrap();
        let (_, known) = refused["error"].as_str().unwrap().split_once("known are ").unwrap();
        let known: BTreeSet<&str> = known.split(", ").collect();
        let described = schemas[schema]["properties"].as_object().unwrap();
        assert_eq!(described.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    }
}

#[test]
fn missing_token_is_refused_before_the_body() {
    let door = Door::open(publisher());
    let wrong = format!("Bearer {TOKEN}x");
    let basic = format!("Basic {TOKEN}");
    for headers in [&[("Authorization", wrong.as_str())][..], &[("Authorization", &basic)], &[("Authorization", "")]] {
        let answer = post(&door, headers, r#"{"broadcast":true,"event":{}}"#);
        assert_eq!((answer.status(), answer.body.as_str()), (401, "Unauthorized.\n"));
        assert_eq!(answer.head.header("www-authenticate"), Some("Bearer"));
    }
    // A body that never comes is not waited for.
    let asked = request("POST", "/publish", &[("Content-Type", "application/json"), ("Content-Length", "1000")]);
    assert_eq!(door.connect().asks(&asked).status(), 401);
    assert_eq!(door.engine.stats().events, 0);
}

#[test]
fn only_json_is_taken() {
    let door = Door::open(publisher());
    assert_eq!(post(&door, &[("Content-Type", "text/plain")], "{}").status(), 415);
    let body = r#"{"broadcast":true,"event":{"data":null}}"#;
    assert_eq!(post(&door, &[("Content-Type", "Application/JSON; charset=utf-8")], body).status(), 200);
}

#[test]
fn repeated_request_publishes_once() {
    let door = Door::open(publisher());
    let key = [("Idempotency-Key", "order 7")];
    let first = post(&door, &key, r#"{"broadcast":true,"event":{"data":1}}"#);
    let again = post(&door, &key, r#"{"broadcast":true,"event":{"data":1}}"#);
    assert_eq!((first.status(), &first.body), (again.status(), &again.body));
    assert_eq!(first.head.header("idempotency-replayed"), None);
    assert_eq!(again.head.header("idempotency-replayed"), Some("true"));
    assert_eq!(door.engine.stats().events, 1);
    assert_eq!(post(&door, &key, r#"{"broadcast":true,"event":{"data":2}}"#).status(), 422);
    for (key, got) in [("", "an empty one"), (&*"k".repeat(257), "257 bytes"), ("é", "a character outside of")] {
        let answer = post(&door, &[("Idempotency-Key", key)], r#"{"broadcast":true,"event":{}}"#);
        assert_eq!(answer.status(), 400, "{key}");
        assert!(answer.body.contains(&format!("Idempotency-Key: got {got}")), "{answer:?}");
    }
    assert_eq!(door.engine.stats().events, 1);
}

#[test]
fn simultaneous_repeats_publish_once() {
    let door = Door::open(publisher());
    let bodies: Vec<String> = std::thread::scope(|scope| {
        let sent = (0..16).map(|_| {
            scope.spawn(|| post(&door, &[("Idempotency-Key", "k")], r#"{"userId":"ada","event":{"data":1}}"#).body)
        });
        sent.collect::<Vec<_>>().into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(door.engine.stats().events, 1);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[test]
fn late_body_is_408() {
    let limits = ListenerLimits { body_timeout: Duration::from_millis(100), ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..publisher() });
    let asked = post(&door, &[("Content-Length", "1000")], r#"{"broadcast":true,"#);
    assert_eq!(asked.status(), 408);
    assert_eq!(door.engine.stats().events, 0);
}

#[test]
fn body_in_tiny_pieces_is_accepted() {
    let door = Door::open(publisher());
    let body = format!(r#"{{"broadcast":true,"event":{{"data":"{}"}}}}"#, "x".repeat(50_000));
    let pieces: String = body.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let headers = [
        ("Authorization", &*format!("Bearer {TOKEN}")),
        ("Content-Type", "application/json"),
        ("Transfer-Encoding", "chunked"),
    ];
    let answer = door.connect().asks(&(request("POST", "/publish", &headers) + &pieces + "0\r\n\r\n"));
    assert_eq!(answer.status(), 200, "{}", answer.body);
}

#[test]
fn body_without_a_length_is_limited() {
    let limits = ListenerLimits { body_bytes: 4_000, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..publisher() });
    let headers = [
        ("Authorization", &*format!("Bearer {TOKEN}")),
        ("Content-Type", "application/json"),
        ("Transfer-Encoding", "chunked"),
    ];
    let mut visitor = door.connect();
    visitor.send(request("POST", "/publish", &headers));
    // It is still being sent when the answer comes.
    while visitor.try_send(format!("3e8\r\n{}\r\n", "x".repeat(1_000))) && !visitor.has_answer() {}
    assert_eq!(visitor.answer(false).status(), 413);
}
