//! The trace that a publisher names goes out with the event, as comments that nobody else notices (W3C trace context).

use serde_json::{Value, json};
use ssekit_http::ListenerOptions;
use ssekit_testing::door::{Door, TOKEN, anonymous, request};
use ssekit_testing::wire::{Received, events_in};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn tracing() -> ListenerOptions {
    ListenerOptions { trace_context: true, publish_token: Some(TOKEN.to_owned()), ..anonymous() }
}

fn publish(door: &Door, headers: &[(&str, &str)], body: &Value) {
    let body = body.to_string();
    let (bearer, length) = (format!("Bearer {TOKEN}"), body.len().to_string());
    let own = [("Authorization", &*bearer), ("Content-Type", "application/json"), ("Content-Length", &*length)];
    let answer = door.connect().asks(&(request("POST", "/publish", &[&own, headers].concat()) + &body));
    assert_eq!(answer.status(), 200, "{}", answer.body);
}

fn broadcast(event: &Value) -> Value {
    json!({ "broadcast": true, "event": event })
}

/// A client's event from one publication with these headers.
fn received(door: &Door, headers: &[(&str, &str)], event: &Value) -> Received {
    let mut client = door.stream("/events");
    publish(door, headers, &broadcast(event));
    client.peer.event()
}

#[test]
fn trace_comment_precedes_the_fields_of_its_event() {
    let door = Door::open(tracing());
    let mut client = door.connect();
    client.send("GET /events HTTP/1.0\r\n\r\n");
    client.head().unwrap();
    let ready = client.beginning();
    assert!(ready.ends_with(b"\n\n"), "the first event as a whole");
    let event = json!({ "event": "e", "data": 1, "id": "mine", "retry": 5 });
    publish(&door, &[("traceparent", PARENT), ("tracestate", "a=1 ,b=2")], &broadcast(&event));
    let bytes = String::from_utf8(client.beginning()).unwrap();
    let wanted = format!(": traceparent={PARENT}\n: tracestate=a=1,b=2\nevent: e\nretry: 5\ndata: 1\nid: mine\n\n");
    assert_eq!(bytes, wanted);
    let [received] = events_in(bytes.as_bytes()).try_into().unwrap();
    assert_eq!((received.name, received.data, received.id), ("e".to_owned(), "1".to_owned(), "mine".to_owned()));
}

#[test]
fn trace_is_kept_for_later_clients() {
    let door = Door::open(tracing());
    let first = door.stream("/events");
    publish(&door, &[("traceparent", PARENT)], &broadcast(&json!({ "data": 1 })));
    let mut later = door.stream(&format!("/events?lastEventId={}", first.ready.id));
    assert_eq!(later.peer.event().comments, [format!("traceparent={PARENT}")]);
}

#[test]
fn no_trace_is_sent_without_the_option() {
    let door = Door::open(ListenerOptions { trace_context: false, ..tracing() });
    let event = json!({ "data": 1, "traceparent": OTHER, "tracestate": "a=1" });
    let received = received(&door, &[("traceparent", PARENT), ("tracestate", "a=1")], &event);
    assert_eq!((received.data.as_str(), received.comments), ("1", vec![]));
}

#[test]
fn each_event_of_a_list_may_have_its_own_trace() {
    let door = Door::open(tracing());
    let mut client = door.stream("/events");
    let list = json!([
        broadcast(&json!({ "event": "e" })),
        broadcast(&json!({ "event": "e", "traceparent": OTHER })),
        broadcast(&json!({ "event": "e", "traceparent": OTHER, "tracestate": "own=1" })),
        // Not good, and so as if they were not there.
        broadcast(&json!({ "event": "e", "traceparent": "nonsense", "tracestate": "own=1" })),
        broadcast(&json!({ "event": "e", "traceparent": null, "tracestate": "own=1" })),
    ]);
    publish(&door, &[("traceparent", PARENT), ("tracestate", "of=request")], &list);
    let comments: Vec<Vec<String>> = (0..5).map(|_| client.peer.event().comments).collect();
    let (parent, other) = (format!("traceparent={PARENT}"), format!("traceparent={OTHER}"));
    let (of_request, own) = ("tracestate=of=request".to_owned(), "tracestate=own=1".to_owned());
    let of_the_request = vec![parent, of_request];
    assert_eq!(
        comments,
        [of_the_request.clone(), vec![other.clone()], vec![other, own], of_the_request.clone(), of_the_request]
    );
}

#[test]
fn event_with_an_invalid_trace_is_still_published() {
    let door = Door::open(tracing());
    let upper = PARENT.to_uppercase();
    for headers in [
        &[("traceparent", upper.as_str()), ("tracestate", "a=1")][..],
        &[("traceparent", PARENT), ("traceparent", OTHER)],
        &[("traceparent", "é")],
        &[("tracestate", "a=1")],
    ] {
        assert_eq!(received(&door, headers, &json!({ "event": "e" })).comments, Vec::<String>::new(), "{headers:?}");
    }
    let parent = format!("traceparent={PARENT}");
    for states in [&["a=1", "A=1"][..], &["é"], &["", " "]] {
        let headers: Vec<_> =
            [("traceparent", PARENT)].into_iter().chain(states.iter().map(|s| ("tracestate", *s))).collect();
        assert_eq!(received(&door, &headers, &json!({ "event": "e" })).comments, [parent.as_str()], "{states:?}");
    }
    // Several fields are one list (RFC 9110, section 5.3).
    let headers = [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")];
    assert_eq!(received(&door, &headers, &json!({ "event": "e" })).comments, [parent.as_str(), "tracestate=a=1,b=2"]);
}

#[test]
fn no_trace_forges_a_line() {
    let door = Door::open(tracing());
    for forged in ["a=1\ndata: forged", "a=1\rid: forged", "a=1\r\n\r\ndata: forged\n\n", "a=\u{2028}"] {
        let event = json!({ "data": "true", "traceparent": PARENT, "tracestate": forged });
        let one = received(&door, &[], &event);
        assert_eq!((one.data.as_str(), one.comments.len()), ("\"true\"", 1), "{forged:?}");
        let event = json!({ "data": "true", "traceparent": format!("{PARENT}{forged}") });
        assert_eq!(received(&door, &[], &event).comments, Vec::<String>::new(), "{forged:?}");
    }
}
