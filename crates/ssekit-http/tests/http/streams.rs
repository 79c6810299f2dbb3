//! The listener over HTTP/1: streams whose sockets it takes over, and everything around them.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ssekit_core::{DisconnectReason, DrainOptions};
use ssekit_http::{Listener, ListenerOptions};
use ssekit_testing::door::{Door, RawClient, anonymous, get, request};
use ssekit_testing::wire::events_in;
use ssekit_testing::{Engine, PATIENCE, Recorder, data, eventually};

#[test]
fn stream_receives_events_and_counts_for_the_listener() {
    let door = Door::anonymous();
    let mut stream = door.stream("/events?clientId=tab");
    assert_eq!((stream.ready.client_id.as_str(), stream.ready.resumed), ("tab", false));
    for (name, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(stream.head.header(name), Some(value));
    }
    assert!(stream.head.header("date").is_some());
    door.engine.broadcast(data("to all"), None).unwrap();
    door.engine.send_to_client("tab", data("to one")).unwrap();
    assert_eq!(stream.peer.data(2), ["to all", "to one"]);
    let stats = door.engine.stats();
    assert_eq!((stats.clients, stats.listener, stats.handoff, stats.stream, stats.opening), (1, 1, 0, 0, 0));
    drop(stream);
    door.wait_until_empty();
}

#[test]
fn returning_page_resumes_where_it_was() {
    let door = Door::anonymous();
    let mut first = door.stream("/events");
    door.engine.broadcast(data("seen"), None).unwrap();
    let seen = first.peer.event();
    drop(first);
    door.wait_for_clients(0);
    door.engine.broadcast(data("missed"), None).unwrap();
    // By the header, and by the query where the header cannot be set.
    let by_header = door.connect().streams(&request("GET", "/events", &[("Last-Event-ID", &seen.id)]));
    let by_query = door.stream(&format!("/events?lastEventId={}", seen.id));
    for mut stream in [by_header, by_query] {
        assert!(stream.ready.resumed);
        assert_eq!(stream.peer.data(1), ["missed"]);
    }
    let mut unknown = door.stream("/events?lastEventId=other.1");
    assert!(!unknown.ready.resumed);
    assert!(unknown.peer.event().is_reset());
}

#[test]
fn empty_last_event_id_means_nothing_seen() {
    let door = Door::anonymous();
    let mut stream = door.connect().streams(&request("GET", "/events", &[("Last-Event-ID", "")]));
    assert!(!stream.ready.resumed);
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
}

#[test]
fn connection_may_carry_requests_before_its_stream() {
    let door = Door::anonymous();
    let mut visitor = door.connect();
    for _ in 0..3 {
        assert_eq!(visitor.asks(&get("/healthz")).body, "ok\n");
    }
    let mut stream = visitor.streams(&get("/events"));
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
}

#[test]
fn pipelined_answers_precede_the_stream() {
    let door = Door::anonymous();
    let mut visitor = door.connect();
    // Their answers do not fit into the kernel's buffers, and nobody reads yet.
    let asked = 5_000;
    let mut writer = visitor.try_clone();
    let writing = std::thread::spawn(move || {
        writer.send(get("/healthz").repeat(asked) + &get("/events"));
    });
    for _ in 0..asked {
        assert_eq!(visitor.answer(false).body, "ok\n");
    }
    writing.join().unwrap();
    let mut stream = visitor.streaming();
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
}

#[test]
fn request_behind_a_stream_is_never_answered() {
    let door = Door::anonymous();
    let mut visitor = door.connect();
    visitor.send(get("/events") + &get("/healthz"));
    let mut stream = visitor.streaming();
    door.engine.broadcast(data("x"), None).unwrap();
    // The parser fails on every byte that is not the stream's.
    assert_eq!(stream.peer.data(1), ["x"]);
    stream.peer.send(get("/healthz").as_bytes());
    door.engine.broadcast(data("y"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["y"]);
}

#[test]
fn a_peer_that_closes_its_side_has_left() {
    let door = Door::anonymous();
    let recorder = Recorder::of(&door.engine.hub);
    let stream = door.stream("/events?clientId=tab");
    stream.peer.half_close();
    assert_eq!(recorder.wait_for_end_of("tab"), [DisconnectReason::Peer]);
    door.wait_until_empty();
}

#[test]
fn connection_reset_at_any_byte_leaves_nothing_behind() {
    let door = Door::anonymous();
    let asked = get("/events?clientId=tab");
    for at in 0..=asked.len() {
        let mut visitor = door.connect();
        visitor.send(&asked[..at]);
        visitor.reset();
    }
    door.wait_until_empty();
    assert_eq!(door.stream("/events?clientId=another").ready.client_id, "another");
}

#[test]
fn http_1_0_stream_lasts_until_the_connection_ends() {
    let door = Door::anonymous();
    let mut visitor = door.connect();
    visitor.send("GET /events?clientId=old HTTP/1.0\r\n\r\n");
    let mut stream = visitor.streaming();
    assert_eq!(stream.head.header("transfer-encoding"), None);
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
    door.engine.disconnect_client("old");
    assert!(stream.peer.finish().is_empty());
}

#[test]
fn head_gets_the_head_and_no_client() {
    let door = Door::anonymous();
    let answer = door.connect().asks(&request("HEAD", "/events", &[]));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.head.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(door.engine.stats().connects, 0);
    let mut visitor = door.connect();
    let health = visitor.asks(&request("HEAD", "/healthz", &[]));
    assert_eq!(health.head.header("content-length"), Some("3"));
    // And not a byte of a body, which would be taken for the next answer.
    assert_eq!(visitor.asks(&get("/readyz")).body, "ready\n");
}

#[test]
fn disconnect_sends_earlier_events_and_ends_the_body() {
    let door = Door::anonymous();
    for number in 0..200 {
        let client = format!("tab{number}");
        let mut visitor = door.connect();
        visitor.send(get(&format!("/events?clientId={client}")));
        // Somewhere between its entry and its socket's adoption, or after it.
        while !door.engine.send_to_client(&client, data("last")).unwrap() {}
        assert!(door.engine.disconnect_client(&client));
        let mut stream = visitor.streaming();
        let events: Vec<_> = stream.peer.finish().into_iter().map(|event| event.data).collect();
        assert_eq!(events, ["last"]);
    }
    door.wait_until_empty();
}

#[test]
fn a_client_id_moves_to_the_newer_connection() {
    let door = Door::anonymous();
    let mut older = door.stream("/events?clientId=tab");
    let again = request("GET", "/events?clientId=tab", &[("Last-Event-ID", &older.ready.id)]);
    let mut newer = door.connect().streams(&again);
    assert!(older.peer.finish().is_empty());
    assert!(door.engine.send_to_client("tab", data("x")).unwrap());
    assert_eq!(newer.peer.data(1), ["x"]);
}

#[test]
fn close_ends_everything_and_admits_nobody() {
    let door = Door::anonymous();
    let recorder = Recorder::of(&door.engine.hub);
    let mut idle = door.connect();
    assert_eq!(idle.asks(&get("/readyz")).status(), 200);
    let mut stream = door.stream("/events?clientId=tab");
    door.engine.broadcast(data("last"), None).unwrap();
    door.close();
    assert_eq!(stream.peer.finish().len(), 1);
    assert!(idle.rest().is_empty());
    assert_eq!(recorder.ends_of("tab"), [DisconnectReason::Server]);
    assert!(!door.listener.is_open());
    assert_eq!(door.listener.connections(), 0);
    assert!(TcpStream::connect_timeout(&door.address(), PATIENCE).is_err());
    // Any number of times.
    door.close();
}

#[test]
fn arrival_during_drain_gets_retry_after() {
    let door = Door::anonymous();
    let mut stream = door.stream("/events");
    let options = DrainOptions { window: Duration::ZERO, retry: Duration::from_secs(7) };
    door.engine.block_on(door.engine.hub.drain(options));
    let last = stream.peer.finish();
    assert_eq!(last.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["ssekit:drain"]);
    assert_eq!(door.get("/readyz").status(), 503);
    // An `EventSource` would take any other status for final.
    let late = door.get("/events");
    assert_eq!((late.status(), late.head.header("connection")), (200, Some("close")));
    assert_eq!(late.head.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let events = events_in(late.body.as_bytes());
    assert_eq!(events[0].name, "ssekit:drain");
    assert!(events[0].retry.is_some_and(|retry| (7_000..=14_000).contains(&retry)));
}

#[test]
fn close_does_not_wait_for_stalled_peers() {
    let door = Door::anonymous();
    let mut half = door.connect();
    half.send("GET /ev");
    eventually("it is there", || door.listener.connections() == 1);
    door.close();
    assert_eq!(door.listener.connections(), 0);
    half.rest();
}

#[test]
fn occupied_port_is_reported() {
    let door = Door::anonymous();
    let again = ListenerOptions { port: door.address().port(), ..anonymous() };
    let handle = door.engine.block_on(async { tokio::runtime::Handle::current() });
    let error = Listener::start(door.engine.hub.clone(), again, &handle).unwrap_err();
    assert!(error.is_system(), "{error}");
}

#[test]
fn several_listeners_can_share_a_port() {
    let on = |port| Door::open(ListenerOptions { port, reuse_port: true, ..anonymous() });
    let one = on(0);
    let other = on(one.address().port());
    let streams: Vec<_> = (0..64).map(|_| one.stream("/events")).collect();
    let (here, there) = (one.engine.stats().clients, other.engine.stats().clients);
    assert_eq!(here + there, streams.len());
    assert!(here > 0 && there > 0, "{here} and {there}");
    // The port is the other's when one closes, and at once.
    one.close();
    for _ in 0..100 {
        let answer = RawClient::on(TcpStream::connect(other.address()).unwrap()).asks(&get("/readyz"));
        assert_eq!(answer.status(), 200);
        on(other.address().port()).close();
    }
}

#[test]
fn unspecified_ipv6_address_serves_both_families() {
    let on = |host: &str| Door::open(ListenerOptions { host: host.to_owned(), ..anonymous() });
    let v6 = on("::1");
    assert!(v6.address().is_ipv6());
    assert!(!v6.stream("/events").ready.resumed);
    let all = on("::");
    let port = all.address().port();
    for host in ["127.0.0.1", "::1"] {
        let mut visitor = RawClient::on(TcpStream::connect((host, port)).unwrap());
        assert_eq!(visitor.asks(&get("/healthz")).status(), 200, "{host}");
    }
}

#[test]
fn unix_socket_file_lives_as_long_as_the_listener() {
    let path = std::env::temp_dir().join(format!("ssekit-{}.sock", std::process::id()));
    // Somebody has left one behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let options = ListenerOptions { socket_path: Some(path.clone()), ..anonymous() };
    let door = Door::open(options.clone());
    assert_eq!(door.listener.local_addr(), None);
    let mut visitor = RawClient::on_unix(UnixStream::connect(&path).unwrap());
    visitor.send(get("/events"));
    let mut stream = visitor.streaming();
    door.engine.broadcast(data("x"), None).unwrap();
    assert_eq!(stream.peer.data(1), ["x"]);
    assert_eq!(door.engine.stats().listener, 1);
    // One that somebody listens on is not taken away.
    let other = Engine::start();
    let handle = other.block_on(async { tokio::runtime::Handle::current() });
    assert!(Listener::start(other.hub.clone(), options, &handle).unwrap_err().is_system());
    door.close();
    eventually("the file is gone", || !path.exists());
}
