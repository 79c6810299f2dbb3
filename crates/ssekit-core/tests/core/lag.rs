//! A client that lags too far is disconnected, if the hub has limits, and comes back to where it was.

use std::time::Duration;

use ssekit_core::delivery::lag::Lag;
use ssekit_core::{Connect, DisconnectReason, Event, MaxLag, Options};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, Recorder, advance, data, eventually, keeping_all, named, standing_hub, user};

fn bounded(max_lag: MaxLag) -> Options {
    Options { max_lag, heartbeat: Duration::from_millis(100), ..keeping_all() }
}

fn none() -> MaxLag {
    MaxLag::default()
}

/// Sends much to ada, who does not read, and to bob, who does, and expects ada's end and nobody else's.
fn ends_who_does_not_read(max_lag: MaxLag) {
    let engine = Engine::with(bounded(max_lag));
    let recorder = Recorder::of(&engine);
    let slow = named(&engine, Some("ada"), "slow");
    let opening = Pull::of(slow);
    let start = opening.ready.id.clone();
    let mut slow = Peer::narrow(opening.stream);
    let mut quick = Peer::of(user(&engine, "bob").stream);
    let large = "x".repeat(10_000);
    for _ in 0..100 {
        engine.broadcast(data(&large), None).unwrap();
        assert_eq!(quick.event().data.len(), large.len());
    }
    assert_eq!(recorder.wait_for_end_of("slow"), [DisconnectReason::Slow]);
    assert_eq!(engine.stats().clients, 1);
    engine.broadcast(data("last"), None).unwrap();
    assert_eq!(quick.event().data, "last");
    // It was cut, and comes back to where it was.
    let mut seen = vec![];
    while let Some(event) = slow.next_or_end() {
        seen.push(event.id);
    }
    assert!(seen.len() < 100);
    let last_event_id = Some(seen.last().unwrap_or(&start).as_str());
    let who = Connect { user: Some("ada"), client: Some("slow"), last_event_id, ..Connect::default() };
    let mut again = Pull::of(engine.connect(who).unwrap());
    assert!(again.ready.resumed);
    assert_eq!(again.all().len(), 101 - seen.len());
}

#[test]
fn too_many_waiting_events_disconnect_a_client() {
    ends_who_does_not_read(MaxLag { events: 20, ..none() });
}

#[test]
fn too_many_waiting_bytes_disconnect_a_client() {
    ends_who_does_not_read(MaxLag { bytes: 200_000, ..none() });
}

#[test]
fn too_old_a_waiting_event_disconnects_a_client() {
    ends_who_does_not_read(MaxLag { time: Duration::from_millis(150), ..none() });
}

#[tokio::test(start_paused = true)]
async fn missed_events_of_a_returning_client_are_no_lag() {
    let hub = standing_hub(bounded(MaxLag { events: 5, bytes: 2_000, time: Duration::from_secs(1) }));
    let recorder = Recorder::of(&hub);
    let start = Pull::of(named(&hub, Some("ada"), "tab")).ready.id;
    for _ in 0..100 {
        hub.send_to_user("ada", data(&"x".repeat(1_000))).unwrap();
    }
    let who = Connect { user: Some("ada"), client: Some("tab"), last_event_id: Some(&start), ..Connect::default() };
    let mut again = Pull::by(hub.connect(who).unwrap(), 1_000);
    // It is slow, and its time is over many times.
    let mut seen = again.some(50).len();
    advance(Duration::from_secs(60)).await;
    seen += again.all().len();
    assert_eq!((seen, recorder.ends_of("tab").len()), (100, 1), "the one end is that of its first connection");
    // Later events count as for everybody.
    for _ in 0..6 {
        hub.send_to_user("ada", data("x")).unwrap();
    }
    advance(Duration::from_secs(1)).await;
    assert_eq!(recorder.ends_of("tab")[1..], [DisconnectReason::Slow]);
}

#[tokio::test(start_paused = true)]
async fn unpulled_stream_lags_as_well() {
    let hub = standing_hub(bounded(MaxLag { time: Duration::from_secs(10), ..none() }));
    let recorder = Recorder::of(&hub);
    let (mut slow, mut idle) = (Pull::of(user(&hub, "ada")), Pull::of(user(&hub, "bob")));
    assert!(slow.all().is_empty() && idle.all().is_empty());
    hub.send_to_user("ada", data("x")).unwrap();
    advance(Duration::from_secs(9)).await;
    assert_eq!(recorder.ends_of(&slow.ready.client_id), []);
    advance(Duration::from_secs(2)).await;
    assert_eq!(recorder.ends_of(&slow.ready.client_id), [DisconnectReason::Slow]);
    // A client with nothing to read does not lag, however long it lasts.
    advance(Duration::from_secs(60)).await;
    assert_eq!(recorder.ends_of(&idle.ready.client_id), []);
}

#[test]
fn unlimited_lag_keeps_the_cursor() {
    let engine = Engine::with(Options { heartbeat: Duration::from_millis(100), ..keeping_all() });
    let mut slow = Peer::narrow(user(&engine, "ada").stream);
    let large = "x".repeat(10_000);
    for _ in 0..200 {
        engine.send_to_user("ada", data(&large)).unwrap();
    }
    // Some heartbeats pass.
    let mut idle = Peer::of(user(&engine, "bob").stream);
    eventually("heartbeats pass", || engine.stats().heartbeats > 3);
    assert_eq!(slow.data(200).len(), 200);
    engine.broadcast(data("live"), None).unwrap();
    assert_eq!((slow.event().data, idle.event().data), ("live".into(), "live".into()));
}

#[test]
fn lagging_client_gets_only_the_newest_of_a_key() {
    let engine = Engine::with(keeping_all());
    let mut slow = Peer::narrow(user(&engine, "ada").stream);
    let mut quick = Peer::of(user(&engine, "ada").stream);
    let large = "x".repeat(10_000);
    let progress = |percent: usize| format!("{percent} {large}");
    for percent in 0..=100 {
        let data = progress(percent);
        engine.send_to_user("ada", Event { data: &data, coalesce_key: Some("order 7"), ..Event::default() }).unwrap();
        assert_eq!(quick.event().data, data, "who keeps up gets all");
    }
    engine.send_to_user("ada", data("done")).unwrap();
    let mut seen = vec![];
    while seen.last().is_none_or(|last: &String| last != "done") {
        seen.push(slow.event().data);
    }
    assert_eq!(seen[seen.len() - 2], progress(100), "the newest");
    assert!(seen.len() < 60, "{} of 101 were sent to one that did not read", seen.len());
    assert!(seen.windows(2).all(|two| two[0] != two[1]));
    // The events that the kernel had taken came as well, in order.
    let mut numbers =
        seen[..seen.len() - 1].iter().map(|data| data.split_once(' ').unwrap().0.parse::<usize>().unwrap());
    assert!(numbers.by_ref().is_sorted());
    assert_eq!(engine.stats().coalesced, 100);
}

#[test]
fn stats_show_lag_until_clients_catch_up() {
    let engine = Engine::with(Options { heartbeat: Duration::from_millis(100), ..keeping_all() });
    let mut slow = Peer::narrow(user(&engine, "ada").stream);
    let mut slower = Peer::narrow(user(&engine, "bob").stream);
    let mut quick = Peer::of(user(&engine, "cleo").stream);
    let large = "x".repeat(10_000);
    for _ in 0..100 {
        engine.broadcast(data(&large), None).unwrap();
        assert_eq!(quick.event().data, large);
    }
    for _ in 0..1_000 {
        engine.send_to_user("bob", data("x")).unwrap();
    }
    eventually("both are seen to lag", || {
        let lag = engine.stats().lag;
        // The kernel has taken some of the broadcasts.
        lag.clients == 2 && (1_000..1_100).contains(&lag.events) && lag.time >= Duration::from_millis(300)
    });
    let text = engine.stats().metrics();
    assert!(text.contains("\nssekit_lagging_clients 2\n"), "{text}");
    assert_eq!(slow.data(100).len(), 100);
    eventually("one is", || engine.stats().lag.clients == 1);
    assert_eq!(slower.data(1_100).len(), 1_100);
    eventually("nobody is", || engine.stats().lag == Lag::default());
    let text = engine.stats().metrics();
    for line in ["ssekit_lagging_clients 0\n", "ssekit_lag_events 0\n", "ssekit_lag_seconds 0\n"] {
        assert!(text.contains(line), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn unread_stream_lags_after_one_sweep() {
    let hub = standing_hub(Options { heartbeat: Duration::from_secs(8), ..keeping_all() });
    let (mut idle, mut slow) = (Pull::of(user(&hub, "ada")), Pull::of(user(&hub, "bob")));
    advance(Duration::from_secs(4)).await;
    assert_eq!(hub.stats().lag, Lag::default(), "who has nothing to get does not lag");
    for _ in 0..3 {
        hub.send_to_user("bob", data("x")).unwrap();
    }
    advance(Duration::from_secs(3)).await;
    let lag = hub.stats().lag;
    assert_eq!((lag.clients, lag.events), (1, 3));
    assert!((1..=3).contains(&lag.time.as_secs()), "{lag:?}");
    assert_eq!((slow.all().len(), idle.all().len()), (3, 0));
    advance(Duration::from_secs(2)).await;
    assert_eq!(hub.stats().lag, Lag::default());
}

#[test]
fn departed_client_lags_no_longer() {
    let engine = Engine::with(Options { heartbeat: Duration::from_millis(100), ..keeping_all() });
    let slow = Peer::narrow(user(&engine, "ada").stream);
    for _ in 0..100 {
        engine.broadcast(data(&"x".repeat(10_000)), None).unwrap();
    }
    eventually("it lags", || engine.stats().lag.clients == 1);
    drop(slow);
    eventually("it does not", || engine.stats().lag == Lag::default());
}
