//! The inspector at the listener: a page without data, and requests that need the token.

use serde_json::{Value, json};
use ssekit_http::{InspectorOptions, ListenerOptions};
use ssekit_testing::data;
use ssekit_testing::door::{Answer, Door, RawClient, TOKEN, anonymous, get, request};

fn inspected(rights: InspectorOptions) -> Door {
    let inspector = Some(InspectorOptions { token: TOKEN.to_owned(), ..rights });
    Door::open(ListenerOptions { inspector, ..anonymous() })
}

fn all() -> InspectorOptions {
    InspectorOptions { data: true, send: true, disconnect: true, ..InspectorOptions::default() }
}

fn asking(token: Option<&str>, body: &str) -> String {
    let (length, bearer) = (body.len().to_string(), token.map(|token| format!("Bearer {token}")));
    let mut headers = vec![("Content-Type", "application/json"), ("Content-Length", length.as_str())];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    request("POST", "/inspector", &headers) + body
}

fn ask(door: &Door, token: Option<&str>, body: &str) -> Answer {
    door.connect().asks(&asking(token, body))
}

/// The lines of a watch, from chunks that each hold one.
struct Lines(RawClient);

impl Lines {
    fn of(door: &Door, body: &str) -> Self {
        let mut client = door.connect();
        client.send(asking(Some(TOKEN), body));
        let head = client.head().unwrap();
        assert_eq!((head.status, head.header("cache-control")), (200, Some("no-store, no-transform")));
        assert_eq!(head.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
        Self(client)
    }

    fn next(&mut self) -> Value {
        let length = usize::from_str_radix(&self.line(), 16).unwrap();
        let line = self.line();
        assert_eq!((line.len() + 1, self.line().as_str()), (length, ""));
        serde_json::from_str(&line).unwrap()
    }

    /// Up to the end of a line.
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            line.extend(self.0.bytes(1));
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }
}

#[test]
fn page_is_there_only_with_the_option_and_has_its_policy() {
    assert_eq!(Door::anonymous().get("/inspector").status(), 404);
    let door = inspected(InspectorOptions::default());
    let page = door.get("/inspector");
    assert_eq!((page.status(), page.head.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(
        (page.head.header("cache-control"), page.head.header("referrer-policy")),
        (Some("no-store"), Some("no-referrer"))
    );
    assert!(page.head.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
    assert!(page.body.starts_with("<!doctype html>"));
    let head = door.connect().asks(&request("HEAD", "/inspector", &[]));
    assert_eq!(head.head.header("content-length"), Some(page.body.len().to_string().as_str()));
    assert_eq!(door.connect().asks(&request("PUT", "/inspector", &[("Content-Length", "0")])).status(), 405);
    let taken = ListenerOptions { path: "/inspector".to_owned(), ..anonymous() };
    assert!(taken.validate().is_err());
}

#[test]
fn requests_need_the_token() {
    let door = inspected(all());
    let watch = r#"{"watch":{}}"#;
    for token in [None, Some(""), Some("wrong"), Some(&TOKEN[1..])] {
        let answer = ask(&door, token, watch);
        assert_eq!(answer.status(), 401, "{token:?}");
        assert!(answer.body.contains("error") && !answer.body.contains(TOKEN));
    }
    // A token in the URL is none: URLs are logged.
    let in_url = request(
        "POST",
        &format!("/inspector?token={TOKEN}"),
        &[("Content-Type", "application/json"), ("Content-Length", "12")],
    );
    assert_eq!(door.connect().asks(&(in_url + watch)).status(), 401);
    let plain = format!("Bearer {TOKEN}");
    let headers = [("Authorization", plain.as_str()), ("Content-Type", "text/plain"), ("Content-Length", "12")];
    assert_eq!(door.connect().asks(&(request("POST", "/inspector", &headers) + watch)).status(), 415);
    assert_eq!(ask(&door, Some(TOKEN), "{}").status(), 400);
}

#[test]
fn watch_shows_what_happens_until_the_listener_ends() {
    let door = inspected(all());
    let mut lines = Lines::of(&door, r#"{"watch":{"find":"order"}}"#);
    let hello = lines.next();
    assert_eq!(hello["hello"]["rights"], json!({"data": true, "send": true, "disconnect": true}));
    door.engine.broadcast(data("other"), None).unwrap();
    door.engine.broadcast(ssekit_core::Event { name: "order", ..data("{}") }, None).unwrap();
    let seen = std::iter::from_fn(|| Some(lines.next())).find_map(|line| line["tick"]["feed"].get(0).cloned()).unwrap();
    assert_eq!((&seen["event"], &seen["data"], &seen["receivers"]), (&json!("order"), &json!("{}"), &json!(0)));
    door.close();
    assert!(lines.0.rest().ends_with(b"0\r\n\r\n"));
}

#[test]
fn page_does_only_what_the_options_allow() {
    let door = inspected(InspectorOptions { send: true, ..InspectorOptions::default() });
    let mut stream = door.stream("/events");
    let sent = ask(&door, Some(TOKEN), r#"{"send":{"to":{"all":true},"event":"hi","data":1}}"#);
    assert_eq!((sent.status(), sent.body.as_str()), (200, r#"{"receivers":1}"#));
    let event = stream.peer.event();
    assert_eq!((event.name.as_str(), event.data.as_str()), ("hi", "1"));
    assert_eq!(ask(&door, Some(TOKEN), r#"{"disconnect":{"user":"ada"}}"#).status(), 403);
    let mut lines = Lines::of(&door, r#"{"watch":{}}"#);
    lines.next();
    door.engine.broadcast(data("secret"), None).unwrap();
    let seen = std::iter::from_fn(|| Some(lines.next())).find_map(|line| line["tick"]["feed"].get(0).cloned()).unwrap();
    assert_eq!(seen["data"], Value::Null);
}

#[test]
fn ninth_watch_is_told_to_come_later_and_an_ended_one_makes_room() {
    let door = inspected(all());
    let mut open: Vec<Lines> = (0..8).map(|_| Lines::of(&door, r#"{"watch":{}}"#)).collect();
    open.iter_mut().for_each(|lines| drop(lines.next()));
    let ninth = ask(&door, Some(TOKEN), r#"{"watch":{}}"#);
    assert_eq!((ninth.status(), ninth.head.header("retry-after").is_some()), (429, true));
    open.pop();
    ssekit_testing::eventually("there is room for another one", || {
        let mut client = door.connect();
        client.send(asking(Some(TOKEN), r#"{"watch":{}}"#));
        client.head().unwrap().status == 200
    });
    assert_eq!(door.connect().asks(&get("/healthz")).status(), 200);
}
