//! The listener over HTTP/2: many streams on one connection, each at its reader's own pace, and peers that misbehave.
#![cfg(test)]

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use ssekit_core::{DisconnectReason, DrainOptions, Event, Options};
use ssekit_http::{ListenerLimits, ListenerOptions};
use ssekit_testing::door::{Door, TOKEN, anonymous, get as get_by_http1};
use ssekit_testing::http2::{
    CONTINUATION, Connection, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, POST, RST_STREAM, Rascal,
    WINDOW_UPDATE, code_of, frame, get, head, text,
};
use ssekit_testing::{Engine, Recorder, data, eventually, keeping_all, two_shards};

/// ENHANCE_YOUR_CALM (RFC 9113, section 7).
const CALM: u32 = 11;

fn publisher() -> ListenerOptions {
    ListenerOptions { publish_token: Some(TOKEN.to_owned()), ..anonymous() }
}

/// The next request is served, whatever came before.
fn assert_unharmed(door: &Door) {
    door.wait_until_empty();
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let mut stream = connection.stream("/events").await;
        door.engine.broadcast(data("x"), None).unwrap();
        assert_eq!(stream.data(1).await, ["x"]);
    });
}

/// With the shortest write deadline that there is.
fn impatient() -> Engine {
    Engine::with(Options { timeout: Duration::from_secs(1), ..two_shards() })
}

#[test]
fn peer_without_a_window_does_not_keep_its_place() {
    let door = Door::of(impatient(), anonymous());
    for target in ["/healthz", "/events"] {
        let mut rascal = Rascal::to(door.address());
        // SETTINGS_INITIAL_WINDOW_SIZE: 0
        rascal.send(&frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]));
        rascal.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head(GET, target, &[])));
        assert!(rascal.is_answered());
        let began = Instant::now();
        rascal.reader().join().unwrap();
        // Not by the pings that it leaves unanswered, which others answer.
        assert!(began.elapsed() < Duration::from_secs(20), "{target}: {:?}", began.elapsed());
        eventually("its place is free", || door.listener.connections() == 0);
    }
    assert_unharmed(&door);
}

#[test]
fn a_hundred_streams_share_one_connection() {
    let door = Door::anonymous();
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let mut streams = Vec::new();
        for n in 0..100 {
            streams.push(connection.stream(&format!("/events?clientId=tab{n}")).await);
        }
        let stats = door.engine.stats();
        assert_eq!((stats.listener, stats.stream, stats.handoff), (100, 0, 0));
        assert_eq!(door.listener.connections(), 1);
        door.engine.broadcast(data("to all"), None).unwrap();
        for (n, stream) in streams.iter_mut().enumerate() {
            door.engine.send_to_client(&format!("tab{n}"), data("to one")).unwrap();
            assert_eq!(stream.data(2).await, ["to all", "to one"]);
        }
    });
    door.wait_until_empty();
}

#[test]
fn cancelled_stream_leaves_its_siblings_alone() {
    let door = Door::anonymous();
    let recorder = Recorder::of(&door.engine.hub);
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let gone = connection.stream("/events?clientId=gone").await;
        let mut stays = connection.stream("/events?clientId=stays").await;
        drop(gone);
        eventually("it is gone", || recorder.ends_of("gone") == [DisconnectReason::Peer]);
        door.engine.broadcast(data("x"), None).unwrap();
        assert_eq!(stays.data(1).await, ["x"]);
    });
}

#[test]
fn stalled_stream_delays_no_sibling() {
    let door = Door::of(Engine::with(keeping_all()), anonymous());
    door.engine.block_on(async {
        let slow = tokio::net::TcpStream::connect(door.address()).await.unwrap();
        let mut slow = Connection::over(slow, Some(1_024)).await;
        let mut stalled = slow.stream("/events").await;
        // The same connection has a reader too, for flow control is each stream's own.
        let mut beside = slow.stream("/events").await;
        let mut other = Connection::to(door.address()).await;
        let mut reads = other.stream("/events").await;
        let payload = "x".repeat(1_000);
        for number in 0..2_000 {
            let data = format!("{number} {payload}");
            door.engine.broadcast(Event { data: &data, ..Event::default() }, None).unwrap();
            assert!(reads.data(1).await[0].starts_with(&format!("{number} ")));
            assert!(beside.data(1).await[0].starts_with(&format!("{number} ")));
        }
        for number in 0..2_000 {
            assert!(stalled.data(1).await[0].starts_with(&format!("{number} ")));
        }
        assert_eq!(door.engine.stats().resets, 0);
    });
}

#[test]
fn unread_stream_ends_alone() {
    let door = Door::of(impatient(), anonymous());
    let recorder = Recorder::of(&door.engine.hub);
    door.engine.block_on(async {
        let socket = tokio::net::TcpStream::connect(door.address()).await.unwrap();
        let mut connection = Connection::over(socket, Some(1_024)).await;
        let mut stalled = connection.stream("/events?clientId=stalled").await;
        let mut beside = connection.stream("/events?clientId=beside").await;
        let payload = "x".repeat(1_000);
        while recorder.ends_of("stalled").is_empty() {
            door.engine.broadcast(data(&payload), None).unwrap();
            assert_eq!(beside.data(1).await, [payload.as_str()]);
        }
        assert_eq!(recorder.ends_of("stalled"), [DisconnectReason::Timeout]);
        assert_eq!(door.engine.stats().listener, 1);
        // The client gets what the listener had already taken from the stream, and then its end.
        while stalled.event().await.is_some() {}
        door.engine.broadcast(data("still there"), None).unwrap();
        assert_eq!(beside.data(1).await, ["still there"]);
    });
}

#[test]
fn disconnected_client_ends_its_stream_cleanly() {
    let door = Door::anonymous();
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let mut stream = connection.stream("/events?clientId=tab").await;
        door.engine.send_to_client("tab", data("last")).unwrap();
        door.engine.disconnect_client("tab");
        assert_eq!(stream.data(1).await, ["last"]);
        assert_eq!(stream.event().await, None);
        // The connection is there for others.
        assert_eq!(text(connection.get("/healthz").await).await, "ok\n");
    });
}

#[test]
fn both_http_versions_answer_alike_on_one_port() {
    let limits = ListenerLimits { url_bytes: 100, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..publisher() });
    let long = format!("/events?{}", "x".repeat(100));
    for target in ["/", "/healthz", "/readyz", "/publish", "/metrics", "/events?clientId=%0A", &long] {
        let by_http1 = door.connect().asks(&get_by_http1(target));
        door.engine.block_on(async {
            let response = Connection::to(door.address()).await.get(target).await;
            assert_eq!(response.status(), by_http1.status(), "{target}");
            let allow = response.headers().get("allow").map(|allow| allow.to_str().unwrap().to_owned());
            assert_eq!(allow.as_deref(), by_http1.head.header("allow"));
            assert_eq!(text(response).await, by_http1.body);
        });
    }
}

#[test]
fn head_has_the_length_without_the_body() {
    let door = Door::anonymous();
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let request = Request::head("http://sse.example/healthz").body(Full::default()).unwrap();
        let response = connection.ask(request).await;
        assert_eq!(response.headers()["content-length"], "3");
        assert_eq!(text(response).await, "");
    });
}

#[test]
fn publisher_may_use_http2() {
    let door = Door::open(publisher());
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let mut stream = connection.stream("/events").await;
        let body = r#"{"broadcast":true,"event":{"data":1}}"#;
        let request = Request::post("http://sse.example/publish")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)));
        let response = connection.ask(request.unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(stream.data(1).await, ["1"]);
    });
}

#[test]
fn headers_that_are_too_large_are_431() {
    let limits = ListenerLimits { header_bytes: 8_192, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..anonymous() });
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let mut request = get("/events");
        request.headers_mut().insert("x-long", "x".repeat(10_000).parse().unwrap());
        assert_eq!(connection.ask(request).await.status(), 431);
        assert_eq!(connection.get("/healthz").await.status(), 200);
    });
}

#[test]
fn more_streams_than_allowed_wait_for_one_to_end() {
    let limits = ListenerLimits { streams_per_connection: 2, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..anonymous() });
    let mut rascal = Rascal::to(door.address());
    for stream in [1, 3, 5] {
        rascal.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &head(GET, "/events", &[])));
    }
    // A client that does not wait is refused: REFUSED_STREAM, which says that it can try again.
    assert_eq!(rascal.wait_for(RST_STREAM), Some(vec![0, 0, 0, 7]));
    door.wait_for_clients(2);
}

#[test]
fn idle_connection_gets_goaway() {
    let limits = ListenerLimits { idle_timeout: Duration::from_millis(50), ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..anonymous() });
    door.engine.block_on(async {
        let mut idle = Connection::to(door.address()).await;
        assert_eq!(idle.get("/healthz").await.status(), 200);
        let mut busy = Connection::to(door.address()).await;
        let mut stream = busy.stream("/events").await;
        idle.driver.await.unwrap().unwrap();
        door.engine.broadcast(data("x"), None).unwrap();
        assert_eq!(stream.data(1).await, ["x"]);
    });
    // One that does not even say hello after the first words.
    let mut rascal = Rascal::to(door.address());
    assert!(rascal.wait_for(GOAWAY).is_some());
    door.wait_until_empty();
}

#[test]
fn flush_waits_for_the_peers_window() {
    let door = Door::anonymous();
    let mut rascal = Rascal::to(door.address());
    // SETTINGS_INITIAL_WINDOW_SIZE: 0
    rascal.send(&frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]));
    rascal.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head(GET, "/events", &[])));
    door.wait_for_clients(1);
    door.engine.broadcast(data("the last word"), None).unwrap();
    // Byte by byte, up to the middle of the event: by then the listener has taken all of it from the stream.
    let mut received = Vec::new();
    while !received.ends_with(b"the last") {
        assert!(rascal.send(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])));
        received.extend(rascal.wait_for(DATA).unwrap());
    }
    door.engine.block_on(async {
        let mut flush = pin!(door.engine.flush());
        for _ in 0..10 {
            assert!(poll_fn(|cx| Poll::Ready(flush.as_mut().poll(cx).is_pending())).await);
            assert!(rascal.is_answered());
        }
        rascal.send(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 1, 0]));
        flush.await;
    });
    // After the flush everything has arrived, without further work of the listener.
    received.extend(rascal.wait_for(DATA).unwrap());
    assert!(String::from_utf8(received).unwrap().contains("data: the last word\n"));
}

#[test]
fn drain_waits_for_data_and_connection() {
    let door = Door::of(Engine::with(keeping_all()), anonymous());
    let last = door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let mut streams = Vec::new();
        for _ in 0..20 {
            streams.push(connection.stream("/events").await);
        }
        for number in 0..2_000 {
            door.engine.broadcast(data(&number.to_string()), None).unwrap();
        }
        let hub = door.engine.hub.clone();
        let drained =
            tokio::spawn(
                async move { hub.drain(DrainOptions { window: Duration::ZERO, ..DrainOptions::default() }).await },
            );
        let mut last = Vec::new();
        for stream in &mut streams {
            let all = stream.data(2_001).await;
            assert!(all.iter().take(2_000).enumerate().all(|(number, data)| *data == number.to_string()));
            last.push(all[2_000].clone());
            assert_eq!(stream.event().await, None);
        }
        drained.await.unwrap();
        connection.driver.await.unwrap().unwrap();
        // A newcomer gets a retry time, on a connection that stays open long enough to ask.
        let farewell = text(Connection::to(door.address()).await.get("/events").await).await;
        assert!(farewell.contains("event: ssekit:drain"), "{farewell}");
        last
    });
    assert!(last.iter().all(|data| data.contains("reconnectInMs")), "{last:?}");
}

#[test]
fn close_ends_streams_before_their_connection() {
    let door = Door::anonymous();
    door.engine.block_on(async {
        let mut connection = Connection::to(door.address()).await;
        let mut stream = connection.stream("/events").await;
        door.engine.broadcast(data("last"), None).unwrap();
        door.listener.close().await;
        assert_eq!(stream.data(1).await, ["last"]);
        assert_eq!(stream.event().await, None);
        connection.driver.await.unwrap().unwrap();
    });
}

#[test]
fn rapid_resets_end_the_connection() {
    let door = Door::anonymous();
    let mut rascal = Rascal::to(door.address());
    let reader = rascal.reader();
    let (mut stream, mut alive) = (1, true);
    while alive && stream < 200_000 {
        let mut both = frame(HEADERS, END_HEADERS | END_STREAM, stream, &head(GET, "/events", &[]));
        both.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        alive = rascal.send(&both);
        stream += 2;
    }
    assert!(!alive, "{stream} resets were taken");
    let frames = reader.join().unwrap();
    // It may have been lost with the reset of the connection, but what came says why.
    for (_, goaway) in frames.iter().filter(|(kind, _)| *kind == GOAWAY) {
        assert_eq!(code_of(goaway), CALM);
    }
    assert_unharmed(&door);
}

#[test]
fn a_head_that_never_ends_ends_the_connection() {
    let door = Door::anonymous();
    let mut rascal = Rascal::to(door.address());
    let reader = rascal.reader();
    rascal.send(&frame(HEADERS, END_STREAM, 1, &head(GET, "/events", &[])));
    let more = head(GET, "/", &[("x-more", &"x".repeat(100))])[2..].repeat(100);
    let mut sent = 0;
    while rascal.send(&frame(CONTINUATION, 0, 1, &more)) {
        sent += more.len();
        assert!(sent < 256 << 20, "{sent} bytes of a head were taken");
    }
    reader.join().unwrap();
    assert_unharmed(&door);
}

#[test]
fn flood_of_empty_data_does_no_harm() {
    let door = Door::open(publisher());
    let mut rascal = Rascal::to(door.address());
    let reader = rascal.reader();
    let token = format!("Bearer {TOKEN}");
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    rascal.send(&frame(HEADERS, END_HEADERS, 1, &head(POST, "/publish", &headers)));
    let before = ssekit_testing::resident_bytes();
    let some = frame(DATA, 0, 1, &[]).repeat(1_000);
    for _ in 0..1_000 {
        if !rascal.send(&some) {
            break;
        }
    }
    let grown = ssekit_testing::resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more than before");
    drop(rascal);
    drop(reader);
    assert_unharmed(&door);
}
