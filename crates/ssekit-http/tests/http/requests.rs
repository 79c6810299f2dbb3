//! Requests that are not what they should be: each has its answer, and none does harm.

use std::time::Duration;

use ssekit_http::{CorsOptions, ListenerLimits, ListenerOptions, MetricsAccess};
use ssekit_testing::data;
use ssekit_testing::door::{Answer, Door, TOKEN, anonymous, get, request};

/// The answer to some bytes.
fn answer_to(door: &Door, bytes: &str) -> Answer {
    let mut visitor = door.connect();
    visitor.send(bytes);
    visitor.answer(false)
}

/// Somebody who comes afterwards is served as if nothing had been.
fn assert_unharmed(door: &Door) {
    let mut stream = door.stream("/events");
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
    drop(stream);
    door.wait_until_empty();
}

#[test]
fn unknown_path_is_404_and_wrong_method_405() {
    let door = Door::open(ListenerOptions { publish_token: Some(TOKEN.to_owned()), ..anonymous() });
    assert_eq!(door.get("/").status(), 404);
    assert_eq!(door.get("/events/").status(), 404);
    assert_eq!(door.get("/metrics").status(), 404);
    for (method, path, allow) in [
        ("PUT", "/events", "GET, HEAD, POST, OPTIONS"),
        ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
        ("BREW", "/readyz", "GET, HEAD, OPTIONS"),
        ("GET", "/publish", "POST, OPTIONS"),
    ] {
        let answer = answer_to(&door, &request(method, path, &[("Content-Length", "0")]));
        assert_eq!((answer.status(), answer.head.header("allow")), (405, Some(allow)), "{method} {path}");
    }
    for (path, allow) in [("/events", "GET, HEAD, POST, OPTIONS"), ("/publish", "POST, OPTIONS")] {
        let answer = answer_to(&door, &request("OPTIONS", path, &[]));
        assert_eq!((answer.status(), answer.head.header("allow")), (204, Some(allow)), "{path}");
    }
    assert_unharmed(&door);
}

#[test]
fn publish_path_needs_configuration() {
    let door = Door::anonymous();
    assert_eq!(answer_to(&door, &request("POST", "/publish", &[("Content-Length", "0")])).status(), 404);
}

#[test]
fn request_that_rejects_event_streams_gets_406() {
    let door = Door::anonymous();
    let answer = answer_to(&door, &request("GET", "/events", &[("Accept", "text/html, application/json")]));
    assert_eq!(answer.status(), 406);
    assert_unharmed(&door);
}

#[test]
fn large_head_is_431_and_long_url_414() {
    let limits = ListenerLimits { header_bytes: 8_192, headers: 10, url_bytes: 100, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..anonymous() });
    let long = "x".repeat(10_000);
    assert_eq!(answer_to(&door, &request("GET", "/events", &[("X-Long", &long)])).status(), 431);
    let many: Vec<_> = (0..20).map(|_| ("X-Many", "x")).collect();
    assert_eq!(answer_to(&door, &request("GET", "/events", &many)).status(), 431);
    assert_eq!(door.get(&format!("/events?{}", "x".repeat(100))).status(), 414);
    // Too long for a head altogether.
    assert_eq!(door.get(&format!("/events?{}", "x".repeat(70_000))).status(), 431);
    assert_unharmed(&door);
}

#[test]
fn malformed_http_is_400_and_closes_the_connection() {
    let door = Door::anonymous();
    for bytes in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\r\n\r\n",
        "GET /events\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "POST /publish HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST /publish HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let mut visitor = door.connect();
        visitor.send(bytes);
        assert_eq!(visitor.answer(false).status(), 400, "{bytes:?}");
        assert!(visitor.rest().is_empty(), "{bytes:?}");
    }
    assert_unharmed(&door);
}

#[test]
fn request_without_exactly_one_host_is_400() {
    let door = Door::open(ListenerOptions { publish_token: Some(TOKEN.to_owned()), ..anonymous() });
    let hosts =
        ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: u@a\r\n", "Host: a, b/c\r\n"];
    for (host, line) in hosts
        .into_iter()
        .flat_map(|host| ["GET /events", "HEAD /events", "GET /healthz", "POST /publish"].map(|line| (host, line)))
    {
        let mut visitor = door.connect();
        visitor.send(format!("{line} HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n{}", get("/healthz")));
        let answer = visitor.answer(line.starts_with("HEAD"));
        assert_eq!((answer.status(), answer.head.header("connection")), (400, Some("close")), "{line} {host:?}");
        assert!(visitor.rest().is_empty(), "{line} {host:?}");
    }
    // A target that names a host does not stand in for the header; and HTTP/1.0 has no need of it, but may not have two.
    for (head, status) in [
        ("GET http://a/healthz HTTP/1.1\r\n", 400),
        ("GET http://a/healthz HTTP/1.1\r\nHost: a:80\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nHost:\r\n", 200),
        ("GET /healthz HTTP/1.1\r\nHost: [::1]:8080\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n", 200),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: a\r\n", 400),
    ] {
        let mut visitor = door.connect();
        visitor.send(format!("{head}\r\n"));
        assert_eq!(visitor.answer(false).status(), status, "{head:?}");
    }
    assert_eq!(door.engine.stats().connects, 0);
    assert_unharmed(&door);
}

#[test]
fn content_length_with_chunks_smuggles_nothing() {
    let door = Door::open(ListenerOptions { publish_token: Some(TOKEN.to_owned()), ..anonymous() });
    let mut visitor = door.connect();
    // By its length the request ends before `GET /metrics`, by its chunks within it.
    visitor.send(
        "POST /publish HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
    );
    let first = visitor.answer(false);
    assert!(first.status() >= 400, "{first:?}");
    // The connection is not used for anything that came behind it.
    let rest = String::from_utf8(visitor.rest()).unwrap();
    assert!(!rest.contains("ok\n"), "{rest}");
    assert_unharmed(&door);
}

#[test]
fn invalid_client_id_is_400_and_a_foreign_one_409() {
    let door = Door::anonymous();
    assert_eq!(door.get("/events?clientId=").status(), 400);
    assert_eq!(door.get("/events?clientId=%0A").status(), 400);
    assert_eq!(door.get(&format!("/events?clientId={}", "x".repeat(257))).status(), 400);
    let _taken = ssekit_testing::named(&door.engine, Some("ada"), "tab");
    assert_eq!(door.get("/events?clientId=tab").status(), 409);
}

#[test]
fn only_pages_of_listed_origins_may_read() {
    let cors =
        CorsOptions { origins: vec!["https://app.example".to_owned()], credentials: true, ..CorsOptions::default() };
    let door = Door::open(ListenerOptions { cors: Some(cors), ..anonymous() });
    let from = |origin: &'static str| door.connect().streams(&request("GET", "/events", &[("Origin", origin)])).head;
    let listed = from("https://app.example");
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(listed.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(listed.header("vary"), Some("Origin"));
    let other = from("https://evil.example");
    assert_eq!(other.header("access-control-allow-origin"), None);
    assert_eq!(other.header("access-control-allow-credentials"), None);
    assert_eq!(other.header("vary"), Some("Origin"));
    // So that a page sees why there is no stream.
    let refused = request("GET", "/events", &[("Origin", "https://app.example"), ("Accept", "text/html")]);
    let refused = answer_to(&door, &refused);
    assert_eq!(refused.head.header("access-control-allow-origin"), Some("https://app.example"));
}

#[test]
fn preflight_succeeds_for_listed_origins_only() {
    let cors = CorsOptions { origins: vec!["https://app.example".to_owned()], ..CorsOptions::default() };
    let door = Door::open(ListenerOptions { cors: Some(cors), ..anonymous() });
    let preflight = |origin| {
        let asked = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "last-event-id,authorization"),
        ];
        answer_to(&door, &request("OPTIONS", "/events", &asked)).head
    };
    let listed = preflight("https://app.example");
    assert_eq!(listed.status, 204);
    assert_eq!(listed.header("access-control-allow-methods"), Some("GET, HEAD, POST"));
    assert!(listed.header("access-control-allow-headers").is_some_and(|allowed| allowed.contains("last-event-id")));
    assert_eq!(listed.header("access-control-max-age"), Some("600"));
    assert_eq!(preflight("https://evil.example").header("access-control-allow-headers"), None);
}

#[test]
fn metrics_need_their_token() {
    let token = ListenerOptions { metrics: MetricsAccess::Token(TOKEN.to_owned()), ..anonymous() };
    let door = Door::open(token);
    let _stream = door.stream("/events");
    assert_eq!(door.get("/metrics").status(), 401);
    let bearer = format!("Bearer {TOKEN}");
    let metrics = door.connect().asks(&request("GET", "/metrics", &[("Authorization", &bearer)]));
    assert_eq!(metrics.head.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "ssekit_clients{transport=\"listener\"} 1",
        "ssekit_connects_total 1",
        "ssekit_listener_answers_total{status=\"4xx\"} 1",
        "ssekit_listener_publish_seconds_count 0",
    ] {
        assert!(metrics.body.lines().any(|given| given == line), "{line} is not in\n{}", metrics.body);
    }
    let open = Door::open(ListenerOptions { metrics: MetricsAccess::Open, ..anonymous() });
    assert_eq!(open.get("/metrics").status(), 200);
}

#[test]
fn every_metric_is_described_once_and_has_a_value() {
    let door = Door::open(ListenerOptions { metrics: MetricsAccess::Open, ..anonymous() });
    let metrics = door.get("/metrics").body;
    let mut described = Vec::new();
    for line in metrics.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(!described.contains(&name), "{name}");
            assert!(kind != "counter" || name.ends_with("_total"), "{name}");
            described.push(name);
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let family = described.last().unwrap();
            assert!(name.starts_with(family), "{name} stands under {family}");
        }
    }
    assert!(described.len() > 15);
}

#[test]
fn the_openapi_description_names_every_path() {
    let door = Door::anonymous();
    let description: serde_json::Value = serde_json::from_str(&door.get("/openapi.json").body).unwrap();
    let paths: Vec<_> = description["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(paths, ["/events", "/healthz", "/metrics", "/publish", "/readyz"]);
}

#[test]
fn slow_head_ends_at_its_deadline() {
    let limits = ListenerLimits { header_timeout: Duration::from_millis(100), ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..anonymous() });
    // Nothing at all, a part of the first word, a part of the head, and a second request that never comes.
    for begun in ["", "P", "GET /events HTTP/1.1\r\nHost: a\r\nX-Slow: ", &get("/healthz")] {
        let mut visitor = door.connect();
        visitor.send(begun);
        if begun == get("/healthz") {
            assert_eq!(visitor.answer(false).status(), 200);
        }
        assert!(visitor.rest().is_empty(), "{begun:?}");
    }
    assert_unharmed(&door);
}

#[test]
fn request_deadlines_do_not_end_streams() {
    let short = Duration::from_millis(20);
    let limits =
        ListenerLimits { header_timeout: short, body_timeout: short, idle_timeout: short, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..anonymous() });
    let mut stream = door.stream("/events");
    // Others are cut off meanwhile, so all of these deadlines have passed.
    for _ in 0..5 {
        assert!(door.connect().rest().is_empty());
    }
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
}
