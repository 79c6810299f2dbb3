//! Too many, too slow, too fast: bounded, and others are served.
#![cfg(test)]

use std::net::TcpStream;
use std::time::{Duration, Instant};

use ssekit_core::Options;
use ssekit_http::{ListenerLimits, ListenerOptions};
use ssekit_testing::door::{Door, RawClient, anonymous, get, request, ticket_of, tickets};
use ssekit_testing::{Engine, data, two_shards};

fn limited(limits: ListenerLimits) -> Door {
    Door::open(ListenerOptions { limits, ..anonymous() })
}

#[test]
fn slow_connections_keep_nobody_out() {
    rlimit::increase_nofile_limit(8_192).unwrap();
    // As by default, but shorter, so that their end is seen too.
    let door = limited(ListenerLimits { header_timeout: Duration::from_secs(2), ..ListenerLimits::default() });
    let mut slow: Vec<_> = (0..1_000).map(|_| door.connect()).collect();
    for (n, visitor) in slow.iter_mut().enumerate() {
        let begun = ["", "G", "GET /events HTTP/1.1\r\n", "GET /events HTTP/1.1\r\nX-Slow: a", "PRI * HTTP/2"];
        visitor.send(begun[n % begun.len()]);
    }
    // A real one comes in at once, and gets its events.
    let mut stream = door.stream("/events");
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
    // They drip, as slowloris does, and are cut off all the same.
    for visitor in &mut slow {
        visitor.try_send("a");
    }
    for visitor in &mut slow {
        visitor.rest();
    }
    ssekit_testing::eventually("only the real one is left", || door.listener.connections() == 1);
    door.engine.broadcast(data("y"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["y"]);
}

#[test]
fn full_listener_answers_503() {
    let door = limited(ListenerLimits { connections: 2, ..ListenerLimits::default() });
    let mut streams: Vec<_> = (0..2).map(|_| door.stream("/events")).collect();
    for target in ["/events", "/healthz"] {
        let mut visitor = door.connect();
        let answer = visitor.asks(&get(target));
        assert_eq!(answer.status(), 503);
        let seconds: u64 = answer.head.header("retry-after").unwrap().parse().unwrap();
        assert!((5..=15).contains(&seconds), "{seconds}");
        assert!(visitor.rest().is_empty());
    }
    // Those who are in are not disturbed, and a place that becomes free is taken.
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(streams[0].peer.data(1), ["x"]);
    drop(streams.pop());
    ssekit_testing::eventually("a place is free", || door.listener.connections() == 1);
    assert_eq!(door.get("/healthz").status(), 200);
}

#[test]
fn one_address_cannot_take_all_places() {
    let limits = ListenerLimits { connections_per_address: 2, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { host: "::".to_owned(), limits, ..anonymous() });
    let from = |host: &str| RawClient::on(TcpStream::connect((host, door.address().port())).unwrap());
    let _streams = [from("127.0.0.1").streams(&get("/events")), from("127.0.0.1").streams(&get("/events"))];
    assert_eq!(from("127.0.0.1").asks(&get("/events")).status(), 429);
    assert_eq!(from("::1").asks(&get("/healthz")).status(), 200);
}

#[test]
fn hub_limits_apply_at_the_listener() {
    let limits =
        ssekit_core::LimitOptions { clients: 3, clients_per_user: 2, clients_per_address: 2, ..Default::default() };
    let engine = Engine::with(Options { limits, ..two_shards() });
    let options = ListenerOptions { tickets: Some(tickets()), trust_proxy: true, ..anonymous() };
    let door = Door::of(engine, options);
    let from = |address: &str, target: &str| request("GET", target, &[("X-Forwarded-For", address)]);
    let refused = |asked: &str| {
        let answer = door.connect().asks(asked);
        assert!(answer.head.header("retry-after").is_some());
        answer.status()
    };
    let ada = format!("/events?ticket={}", ticket_of("ada"));
    let _first = door.connect().streams(&from("192.0.2.1", &ada));
    // The client's own entry stands before the proxy's, and does not count.
    let _second = door.connect().streams(&from("192.0.2.99, 192.0.2.1", &ada));
    assert_eq!(refused(&from("192.0.2.2", &ada)), 429, "the user has two");
    for address in ["192.0.2.98, 192.0.2.1", "192.0.2.1:8080", "[::ffff:192.0.2.1]:443"] {
        assert_eq!(refused(&from(address, "/events")), 429, "the address has two");
    }
    let _third = door.connect().streams(&from("192.0.2.2", "/events"));
    assert_eq!(refused(&from("192.0.2.3", "/events")), 503, "all three are taken");
    assert_eq!(door.engine.stats().refusals, [1, 1, 3, 0, 0]);
}

#[test]
fn connection_rate_is_limited() {
    let door = limited(ListenerLimits { accepts_per_second: 100, ..ListenerLimits::default() });
    let began = Instant::now();
    // They wait in the kernel's queue meanwhile, and none is lost.
    let visitors: Vec<_> = (0..60).map(|_| door.connect()).collect();
    for mut visitor in visitors {
        assert_eq!(visitor.asks(&get("/healthz")).status(), 200);
    }
    // All but the burst of a tenth of a second wait for a hundredth each. A busy machine can only make it longer.
    assert!(began.elapsed() >= Duration::from_millis(490), "{:?}", began.elapsed());
}

#[test]
fn peer_that_reads_no_answer_does_not_keep_its_place() {
    let engine = Engine::with(Options { timeout: Duration::from_secs(1), ..two_shards() });
    let door = Door::of(engine, anonymous());
    let mut visitor = door.connect();
    let requests = get("/openapi.json").repeat(20_000);
    // Until the listener ends it, or all has been sent; it reads no answer.
    visitor.try_send(&requests);
    ssekit_testing::eventually("its place is free", || door.listener.connections() == 0);
    assert_eq!(door.get("/healthz").status(), 200);
}
