//! The channels of a stream: those that its ticket names, and those that its page may ask for.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use ssekit_core::hub::Subscriber;
use ssekit_core::{LimitOptions, Options};
use ssekit_http::options::CorsOptions;
use ssekit_http::ticket::{self, NewTicket, TicketOptions};
use ssekit_http::{ListenerLimits, ListenerOptions};
use ssekit_testing::door::{Answer, Door, SECRET, anonymous, new_ticket, request, ticket_of, tickets, with_tickets};
use ssekit_testing::{Engine, data};

fn ticket_for(user: &str, channels: &[&str]) -> String {
    let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
    ticket::issue(SECRET, NewTicket { channels, ..new_ticket(user) }, ticket::now()).unwrap()
}

fn nobodys(channels: &[&str]) -> String {
    let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
    ticket::issue(SECRET, NewTicket { user: None, channels, ..new_ticket("") }, ticket::now()).unwrap()
}

fn post_to(door: &Door, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let length = body.len().to_string();
    let mut all = vec![("Content-Type", "application/json"), ("Content-Length", length.as_str())];
    all.retain(|(name, _)| headers.iter().all(|(other, _)| name != other));
    all.extend_from_slice(headers);
    door.connect().asks(&(request("POST", target, &all) + body))
}

fn post(door: &Door, ticket: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {ticket}");
    post_to(door, "/events", &[("Authorization", &bearer)], &body.to_string())
}

fn outcome(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

#[test]
fn stream_gets_the_channels_that_its_ticket_names() {
    let door = Door::open(with_tickets(tickets()));
    let mut stream = door.stream(&format!("/events?ticket={}", ticket_for("ada", &["news", "news", "order:*"])));
    for (channel, clients) in [("news", 1), ("order:1", 0), ("order:*", 0), ("other", 0)] {
        assert_eq!(door.engine.send_to_channel(channel, data(channel)), Ok(clients), "{channel}");
    }
    door.engine.send_to_user("ada", data("last")).unwrap();
    assert_eq!(stream.peer.data(2), ["news", "last"]);
}

#[test]
fn page_gets_requested_channels_that_its_ticket_allows() {
    let door = Door::open(with_tickets(tickets()));
    let ticket = ticket_for("ada", &["news", "order:*"]);
    let target = format!("/events?ticket={ticket}&channel=order%3A1&channel=news&channel=order:1&channel=order:%C3%A9");
    let mut stream = door.stream(&target);
    for (channel, clients) in [("news", 1), ("order:1", 1), ("order:é", 1), ("order:2", 0)] {
        assert_eq!(door.engine.send_to_channel(channel, data(channel)), Ok(clients), "{channel}");
    }
    assert_eq!(stream.peer.data(3), ["news", "order:1", "order:é"]);
}

#[test]
fn one_forbidden_channel_refuses_the_stream() {
    let door = Door::open(ListenerOptions { anonymous: true, ..with_tickets(tickets()) });
    let (some, all) = (ticket_for("ada", &["news", "order:*"]), ticket_for("ada", &["*"]));
    for (target, status) in [
        (format!("/events?ticket={some}&channel=order:1&channel=other"), 403),
        (format!("/events?ticket={some}&channel=*"), 403),
        (format!("/events?ticket={some}&channel=order"), 403),
        (format!("/events?ticket={some}&channel=ORDER:1"), 403),
        (format!("/events?ticket={}&channel=news", ticket_of("ada")), 403),
        ("/events?channel=news".to_owned(), 403),
        (format!("/events?ticket={all}&channel="), 400),
        (format!("/events?ticket={all}&channel=a%0Ab"), 400),
        (format!("/events?ticket={all}&channel=%ff"), 400),
        (format!("/events?ticket={all}&channel={}", "x".repeat(257)), 400),
        ("/events?ticket=x&channel=news".to_owned(), 401),
    ] {
        assert_eq!(door.get(&target).status(), status, "{target}");
        assert_eq!(door.connect().asks(&request("HEAD", &target, &[])).status(), status, "HEAD {target}");
    }
    assert_eq!(door.engine.stats().connects, 0);
    door.stream(&format!("/events?ticket={all}&channel=anything&channel=__proto__"));
}

#[test]
fn stream_has_no_more_channels_than_a_client_may_have() {
    let limits = LimitOptions { channels_per_client: 3, ..LimitOptions::default() };
    let door = Door::of(Engine::with(Options { limits, ..Options::default() }), with_tickets(tickets()));
    let ticket = ticket_for("ada", &["a", "b", "order:*"]);
    let target = format!("/events?ticket={ticket}&clientId=tab&channel=a&channel=order:1");
    assert_eq!(door.get(&format!("{target}&channel=order:2")).status(), 429);
    assert_eq!(door.get(&format!("/events?ticket={}", ticket_for("ada", &["a", "b", "c", "d"]))).status(), 429);
    let mut stream = door.stream(&target);
    // Of two requested channels there is room for one.
    let body = json!({ "clientId": "tab", "subscribe": ["order:2", "order:3"], "unsubscribe": ["a"] });
    let answer = post(&door, &ticket, &body);
    assert_eq!(answer.status(), 429);
    let told = outcome(&answer);
    assert!(told["error"].as_str().unwrap().contains("channels"), "{told}");
    assert_eq!((&told["subscribed"], &told["unsubscribed"]), (&json!(["order:2"]), &json!(["a"])));
    let names: Vec<_> = stream.peer.events(2).into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["ssekit:unsubscribed", "ssekit:subscribed"]);
    for member in ["subscribe", "unsubscribe"] {
        let many = json!({ "clientId": "tab", member: ["order:1", "order:2", "order:3", "order:4"] });
        assert_eq!(post(&door, &ticket, &many).status(), 429, "{member}");
    }
}

#[test]
fn kept_channels_count_towards_the_limit() {
    let limits = LimitOptions { channels_per_client: 2, ..LimitOptions::default() };
    let door = Door::of(Engine::with(Options { limits, ..Options::default() }), with_tickets(tickets()));
    let target = format!("/events?ticket={}&clientId=tab", ticket_for("ada", &["a", "b"]));
    let _stream = door.stream(&target);
    let tab = Subscriber::Client("tab");
    assert_eq!(door.engine.unsubscribe(tab, "a"), Ok(1));
    assert_eq!(door.engine.subscribe(tab, "c", None), Ok(1));
    // It keeps `b` and `c`, and its ticket names `a` again.
    let answer = door.get(&target);
    assert_eq!(answer.status(), 429);
    assert!(
        answer.body.starts_with("channel: got one more channel, wants at most 2 (limits.channelsPerClient)"),
        "{answer:?}"
    );
}

#[test]
fn refused_request_says_which_and_why() {
    let door = Door::open(ListenerOptions { anonymous: true, ..with_tickets(tickets()) });
    let ticket = format!("ticket={}", ticket_for("ada", &["news"]));
    for (query, says) in [
        (format!("{ticket}&channel=a%22b"), "channel: got \"a\\\"b\", wants a channel that the ticket allows.\n"),
        // Nobody gave this page a ticket.
        ("channel=a".to_owned(), "channel: got \"a\", wants no channel, because this stream is anonymous.\n"),
        (format!("{ticket}&channel="), "channel: got an empty string, wants 1 to 256 bytes.\n"),
        (format!("{ticket}&channel=%ff"), "channel: got bytes that are not UTF-8, wants a name in UTF-8.\n"),
        (
            format!("{ticket}&clientId=%01"),
            "clientId: got the control character U+0001, wants 1 to 256 printable ASCII characters, without a space at either end.\n",
        ),
    ] {
        assert_eq!(door.get(&format!("/events?{query}")).body, says, "{query}");
    }
}

#[test]
fn page_changes_its_channels_at_run_time() {
    let door = Door::open(with_tickets(tickets()));
    let ticket = ticket_for("ada", &["order:*"]);
    let mut stream = door.stream(&format!("/events?ticket={ticket}&clientId=tab&channel=order:1"));
    let cursor = door.engine.cursor();
    door.engine.send_to_channel("order:3", data("missed")).unwrap();
    let requests = json!(["order:2", { "channel": "order:3", "since": cursor }, "order:2", "secret"]);
    let body = json!({ "clientId": "tab", "subscribe": requests, "unsubscribe": ["order:1", "order:1", "never"] });
    let answer = post(&door, &ticket, &body);
    assert_eq!(answer.status(), 200, "{answer:?}");
    let expected = json!({
        "subscribed": ["order:2", "order:3"],
        "unsubscribed": ["order:1", "never"],
        "refused": ["secret"],
    });
    assert_eq!(outcome(&answer), expected);
    for (channel, clients) in [("order:1", 0), ("order:2", 1), ("order:3", 1), ("secret", 0)] {
        assert_eq!(door.engine.send_to_channel(channel, data(channel)), Ok(clients), "{channel}");
    }
    let told: Vec<_> = stream.peer.events(6).into_iter().map(|event| (event.name, event.data)).collect();
    let told: Vec<_> = told.iter().map(|(name, data)| (name.as_str(), data.as_str())).collect();
    let expected = [
        ("ssekit:unsubscribed", r#"{"channel":"order:1"}"#),
        ("ssekit:subscribed", r#"{"channel":"order:2"}"#),
        ("", "missed"),
        ("ssekit:subscribed", r#"{"channel":"order:3"}"#),
        ("", "order:2"),
        ("", "order:3"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn ticket_may_come_in_every_place() {
    let cors =
        CorsOptions { origins: vec!["https://app.example".to_owned()], credentials: true, ..CorsOptions::default() };
    let door = Door::open(ListenerOptions { cors: Some(cors), ..with_tickets(tickets()) });
    let ticket = ticket_for("ada", &["*"]);
    let _stream = door.stream(&format!("/events?ticket={ticket}&clientId=tab"));
    let (cookie, in_query) = (format!("ssekit_ticket={ticket}"), format!("/events?ticket={ticket}&clientId=other"));
    let body = r#"{"clientId":"tab","subscribe":["news"]}"#;
    let by_cookie = |origin: &str| post_to(&door, "/events", &[("Cookie", &cookie), ("Origin", origin)], body).status();
    assert_eq!(post_to(&door, "/events", &[("Cookie", &cookie)], body).status(), 200);
    assert_eq!(by_cookie("https://app.example"), 200);
    assert_eq!(by_cookie("https://sse.example"), 200);
    for foreign in ["https://evil.example", "null", "https://app.example.evil"] {
        assert_eq!(by_cookie(foreign), 401, "{foreign}");
    }
    // The browser does not send what it would have to know, so any page may.
    let answer = post_to(&door, &in_query, &[("Origin", "https://app.example")], body);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.head.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(post_to(&door, "/events", &[], body).status(), 401);
    assert_eq!(post_to(&door, "/events?ticket=x", &[("Cookie", &cookie)], body).status(), 401);
}

#[test]
fn page_changes_only_its_own_client() {
    let door = Door::open(ListenerOptions { anonymous: true, ..with_tickets(tickets()) });
    let (ada, bob) = (ticket_for("ada", &["*"]), ticket_for("bob", &["*"]));
    let mut adas = door.stream(&format!("/events?ticket={ada}&clientId=adas"));
    let named = door.stream("/events?clientId=named");
    let body = |client: &str| json!({ "clientId": client, "subscribe": ["news"], "unsubscribe": ["other"] });
    for (ticket, client, status) in [
        (&bob, "adas", 404),
        (&bob, "named", 404),
        (&ada, "named", 404),
        (&ada, "unknown", 404),
        (&nobodys(&["*"]), "adas", 404),
        (&ada, "", 400),
        (&ada, &"x".repeat(257), 400),
    ] {
        assert_eq!(post(&door, ticket, &body(client)).status(), status, "{client}");
    }
    // A page without a user shows the key of its stream.
    let last = named.ready.id.as_str();
    let (place, _) = last.split_once('~').unwrap();
    let thiefs = door.stream("/events?clientId=thief").ready.id;
    let forged = format!("{place}~0123456789abcdef");
    for (id, status) in [
        (None, 404),
        (Some(place), 404),
        (Some(&*forged), 404),
        (Some(&*thiefs), 404),
        (Some(""), 404),
        (Some(last), 200),
    ] {
        let body = json!({ "clientId": "named", "subscribe": ["news"], "lastEventId": id });
        assert_eq!(post(&door, &nobodys(&["*"]), &body).status(), status, "{id:?}");
    }
    assert_eq!(door.engine.send_to_channel("news", data("x")), Ok(1));
    door.engine.send_to_user("ada", data("mine")).unwrap();
    assert_eq!(adas.peer.data(1), ["mine"]);
}

#[test]
fn page_without_a_ticket_may_only_leave() {
    let door = Door::open(anonymous());
    let mut stream = door.stream("/events?clientId=tab");
    let subscriber = ssekit_core::Subscriber::Client("tab");
    assert_eq!(door.engine.subscribe(subscriber, "news", None), Ok(1));
    let body =
        json!({ "clientId": "tab", "subscribe": ["a"], "unsubscribe": ["news"], "lastEventId": stream.ready.id });
    let answer = post_to(&door, "/events", &[], &body.to_string());
    assert_eq!(answer.status(), 200);
    assert_eq!(outcome(&answer), json!({ "subscribed": [], "unsubscribed": ["news"], "refused": ["a"] }));
    let names: Vec<_> = stream.peer.events(2).into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["ssekit:subscribed", "ssekit:unsubscribed"]);
}

#[test]
fn ticket_for_a_client_changes_no_other() {
    let door = Door::open(with_tickets(tickets()));
    let bound = NewTicket { client: Some("tab".into()), channels: vec!["*".into()], ..new_ticket("ada") };
    let bound = ticket::issue(SECRET, bound, ticket::now()).unwrap();
    let _tab = door.stream(&format!("/events?ticket={bound}"));
    let _other = door.stream(&format!("/events?ticket={}&clientId=other", ticket_of("ada")));
    let body = |client: &str| json!({ "clientId": client, "subscribe": ["news"] });
    assert_eq!(post(&door, &bound, &body("other")).status(), 401);
    assert_eq!(post(&door, &bound, &body("tab")).status(), 200);
}

#[test]
fn bad_ticket_changes_nothing() {
    let door = Door::open(with_tickets(tickets()));
    let good = ticket_for("ada", &["*"]);
    let _stream = door.stream(&format!("/events?ticket={good}&clientId=tab"));
    let short = NewTicket { ttl: Duration::from_secs(1), channels: vec!["*".into()], ..new_ticket("ada") };
    let expired = ticket::issue(SECRET, short, ticket::now() - Duration::from_secs(60)).unwrap();
    let all = NewTicket { channels: vec!["*".into()], ..new_ticket("ada") };
    let forged = ticket::issue(&"x".repeat(32), all, ticket::now()).unwrap();
    // The claims of a ticket for everything, signed for one for nothing.
    let none = ticket_of("ada");
    let parts: Vec<&str> = none.split('.').collect();
    let mixed = format!("{}.{}.{}", parts[0], good.split('.').nth(1).unwrap(), parts[2]);
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
    let body = json!({ "clientId": "tab", "subscribe": ["news"] });
    for ticket in [&expired, &forged, &mixed, &unsigned, "", "x"] {
        assert_eq!(post(&door, ticket, &body).status(), 401, "{ticket}");
    }
    assert_eq!(post(&door, &none, &body).status(), 200);
    assert_eq!(door.engine.send_to_channel("news", data("x")), Ok(0));
    assert_eq!(door.engine.disconnect_user("ada"), 1);
    assert_eq!(post(&door, &good, &body).status(), 401);
    assert!(door.engine.channels().is_empty());
}

#[test]
fn one_time_ticket_speaks_only_for_its_stream() {
    let door = Door::open(with_tickets(TicketOptions { one_time: true, ..tickets() }));
    let (first, second) = (ticket_for("ada", &["*"]), ticket_for("ada", &["*"]));
    let body = |client: &str, id: &str| json!({ "clientId": client, "subscribe": ["news"], "lastEventId": id });
    // A ticket that has opened nothing speaks for nothing, and stays good.
    assert_eq!(post(&door, &first, &body("tab", "x~0123456789abcdef")).status(), 401);
    let stream = door.stream(&format!("/events?ticket={first}&clientId=tab"));
    let other = door.stream(&format!("/events?ticket={second}&clientId=other"));
    let (mine, others) = (stream.ready.id.as_str(), other.ready.id.as_str());
    let (place, _) = mine.split_once('~').unwrap();
    for (ticket, client, id) in [
        (&first, "tab", ""),
        (&first, "tab", place),
        (&first, "tab", "x~0123456789abcdef"),
        (&first, "tab", others),
        (&first, "other", mine),
        (&first, "other", others),
        (&second, "tab", mine),
        (&second, "tab", others),
    ] {
        assert_eq!(post(&door, ticket, &body(client, id)).status(), 401, "{client} {id}");
    }
    assert!(door.engine.channels().is_empty());
    // As often as it likes.
    for _ in 0..2 {
        assert_eq!(post(&door, &first, &body("tab", mine)).status(), 200);
    }
    // The stream continues with another ticket, and the first does not speak for it any more.
    let third = ticket_for("ada", &["*"]);
    let again = door.stream(&format!("/events?ticket={third}&clientId=tab"));
    assert_eq!(post(&door, &first, &body("tab", mine)).status(), 401);
    assert_eq!(post(&door, &third, &body("tab", &again.ready.id)).status(), 200);
}

#[test]
fn one_time_ticket_knows_its_client_by_both_ids() {
    let door = Door::open(with_tickets(TicketOptions { one_time: true, ..tickets() }));
    let _holder = door.stream(&format!("/events?clientId=tab&ticket={}", nobodys(&[])));
    let ticket = nobodys(&["news"]);
    let stream = door.stream(&format!("/events?clientId=tab&ticket={ticket}"));
    door.engine.unsubscribe(ssekit_core::Subscriber::Client(&stream.ready.client_id), "news").unwrap();
    for client in ["tab", &stream.ready.client_id] {
        let body = json!({ "clientId": client, "subscribe": ["news"], "lastEventId": stream.ready.id });
        assert_eq!(post(&door, &ticket, &body).status(), 200, "{client}");
    }
    let subscribed = door.engine.clients_by_channel("news");
    assert_eq!(subscribed.iter().map(|id| &**id).collect::<Vec<_>>(), [&*stream.ready.client_id]);
}

#[test]
fn reconnect_keeps_the_channels_of_its_client() {
    let door = Door::open(with_tickets(tickets()));
    let target = |ticket: &str| format!("/events?clientId=tab&ticket={ticket}");
    let mut stream = door.stream(&target(&ticket_for("ada", &["news", "order:*"])));
    let ticket = ticket_for("ada", &["order:*"]);
    assert_eq!(post(&door, &ticket, &json!({ "clientId": "tab", "subscribe": ["order:1"] })).status(), 200);
    let seen = stream.peer.event();
    assert_eq!(seen.name, "ssekit:subscribed");
    drop(stream);
    // A ticket gives, and takes nothing away. The application does that.
    let mut stream = door.stream(&format!("{}&lastEventId={}", target(&ticket_of("ada")), seen.id));
    assert_eq!(door.engine.unsubscribe(ssekit_core::Subscriber::User("ada"), "news"), Ok(1));
    for channel in ["news", "order:1"] {
        door.engine.send_to_channel(channel, data(channel)).unwrap();
    }
    assert_eq!(stream.peer.data(2), [r#"{"channel":"news"}"#, "order:1"]);
}

#[test]
fn first_connection_begins_at_its_snapshot() {
    let door = Door::open(with_tickets(tickets()));
    let ticket = ticket_for("ada", &["order:1"]);
    let cursor = door.engine.cursor();
    door.engine.send_to_channel("order:1", data("1")).unwrap();
    let seen = door.engine.cursor();
    door.engine.send_to_user("ada", data("2")).unwrap();
    let target = format!("/events?ticket={ticket}&since={cursor}");
    assert_eq!(door.stream(&target).peer.data(2), ["1", "2"]);
    // The last event id of the page says more.
    assert_eq!(door.stream(&format!("{target}&lastEventId={seen}")).peer.data(1), ["2"]);
    for forged in ["", "nonsense", "0000000000.1"] {
        let mut stream = door.stream(&format!("/events?ticket={ticket}&since={forged}"));
        assert!(stream.peer.event().is_reset(), "{forged:?}");
    }
}

#[test]
fn ending_process_changes_nothing() {
    let door = Door::open(with_tickets(tickets()));
    let ticket = ticket_for("ada", &["*"]);
    let stream = door.stream(&format!("/events?ticket={ticket}&clientId=tab"));
    drop(stream);
    door.engine.block_on(door.engine.drain(ssekit_core::DrainOptions::default()));
    let answer = post(&door, &ticket, &json!({ "clientId": "tab", "subscribe": ["news"] }));
    assert_eq!(answer.status(), 503);
    assert!(answer.head.header("retry-after").is_some());
}

#[test]
fn preflight_allows_the_change() {
    let cors = CorsOptions { origins: vec!["https://app.example".to_owned()], ..CorsOptions::default() };
    let door = Door::open(ListenerOptions { cors: Some(cors), ..with_tickets(tickets()) });
    let asked = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST")];
    let head = door.connect().asks(&request("OPTIONS", "/events", &asked)).head;
    assert!(head.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    assert!(head.header("access-control-allow-headers").is_some_and(|headers| headers.contains("content-type")));
}

#[test]
fn unusable_bodies_have_their_answers() {
    let door = Door::open(with_tickets(tickets()));
    let ticket = ticket_for("ada", &["*"]);
    let _stream = door.stream(&format!("/events?ticket={ticket}&clientId=tab"));
    let target = format!("/events?ticket={ticket}");
    let long = format!(r#"{{"clientId":"tab","subscribe":["{}"]}}"#, "x".repeat(257));
    for body in [
        "",
        " ",
        "null",
        "[]",
        r#"["tab",["a"],[],null]"#,
        "{}",
        "{",
        r#"{"clientId":"tab"}"#,
        r#"{"clientId":"tab","subscribe":[],"unsubscribe":[]}"#,
        r#"{"subscribe":["a"]}"#,
        r#"{"clientId":7,"subscribe":["a"]}"#,
        r#"{"clientId":"tab","subscribe":"a"}"#,
        r#"{"clientId":"tab","subscribe":null}"#,
        r#"{"clientId":"tab","subscribe":[7]}"#,
        r#"{"clientId":"tab","subscribe":[["a","b"]]}"#,
        r#"{"clientId":"tab","subscribe":[{}]}"#,
        r#"{"clientId":"tab","subscribe":[{"channel":"a","since":7}]}"#,
        r#"{"clientId":"tab","subscribe":[{"channel":"a","sinse":"x"}]}"#,
        r#"{"clientId":"tab","subscribe":[{"channel":"a","__proto__":"x"}]}"#,
        r#"{"clientId":"tab","subscribe":["a"],"__proto__":{}}"#,
        r#"{"clientId":"tab","subscribe":["a"],"userId":"bob"}"#,
        r#"{"clientId":"tab","clientId":"b","subscribe":["a"]}"#,
        r#"{"clientId":"tab","subscribe":["a"],"lastEventId":7}"#,
        r#"{"clientId":"tab","subscribe":[""]}"#,
        r#"{"clientId":"tab","subscribe":["a\n"]}"#,
        r#"{"clientId":"tab","unsubscribe":["\u0000"]}"#,
        r#"{"clientId":"tab","unsubscribe":[{"channel":"a"}]}"#,
        r#"{"clientId":"tab","subscribe":["\ud800"]}"#,
        &long,
        r#"{"clientId":"tab","subscribe":["a"]} x"#,
    ] {
        let answer = post_to(&door, &target, &[], body);
        assert_eq!(answer.status(), 400, "{body}: {answer:?}");
        let says = outcome(&answer)["error"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
        // Each names its argument, and no words of the decoder reach the page.
        assert!(says.contains(": ") && !says.contains("expected") && !says.contains('`'), "{body}: {says}");
    }
    let good = r#"{"clientId":"tab","subscribe":["a"]}"#;
    for (kind, status) in [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("", 415)] {
        assert_eq!(post_to(&door, &target, &[("Content-Type", kind)], good).status(), status, "{kind}");
    }
    let large = format!("{good}{}", " ".repeat(64 << 10));
    assert_eq!(post_to(&door, &target, &[], &large).status(), 413);
    assert!(door.engine.channels().is_empty());
    assert_eq!(post_to(&door, &target, &[("Content-Type", "Application/JSON; charset=utf-8")], good).status(), 200);
}

#[test]
fn body_that_does_not_arrive_is_given_up() {
    let limits = ListenerLimits { body_timeout: Duration::from_millis(20), ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..with_tickets(tickets()) });
    let target = format!("/events?ticket={}", ticket_for("ada", &["*"]));
    let headers = [("Content-Type", "application/json"), ("Content-Length", "100")];
    assert_eq!(door.connect().asks(&(request("POST", &target, &headers) + "{")).status(), 408);
}

/// Pieces of a body that is nearly good.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "7",
    "true",
    "\"clientId\"",
    "\"tab\"",
    "\"subscribe\"",
    "\"unsubscribe\"",
    "\"lastEventId\"",
    "\"since\"",
    "\"channel\"",
    "[\"news\"]",
    "{\"channel\":\"news\"}",
    "\u{0}",
    "é",
    "{\"clientId\":\"tab\",\"subscribe\":[",
    "\"secret\"",
    "]}",
];

#[test]
fn no_body_gives_a_channel_that_the_ticket_does_not() {
    let door = Door::open(with_tickets(tickets()));
    let target = format!("/events?ticket={}", ticket_for("ada", &["news"]));
    let _stream = door.stream(&format!("{target}&clientId=tab"));
    let bodies = proptest::collection::vec(proptest::sample::select(PIECES), 0..12);
    proptest!(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() }, |(pieces in bodies)| {
        let answer = post_to(&door, &target, &[], &pieces.concat());
        prop_assert!([200, 400, 404].contains(&answer.status()), "{answer:?}");
        prop_assert!(outcome(&answer).is_object());
        let channels = door.engine.channels();
        prop_assert!(channels.iter().all(|channel| &**channel == "news"), "{channels:?}");
    });
}
