//! The graceful end: everybody gets earlier events and a retry time, and is disconnected.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use ssekit_core::{Connect, DisconnectReason, DrainOptions, Hub, Options, Refusal};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, Recorder, advance, anonymous, data, eventually, named, standing_hub, user, work};

fn at_once() -> DrainOptions {
    DrainOptions { window: Duration::ZERO, ..DrainOptions::default() }
}

fn reconnect_in(event: &Received) -> u64 {
    assert_eq!(event.name, "ssekit:drain", "{event:?}");
    let told = event.data.strip_prefix(r#"{"reconnectInMs":"#).and_then(|rest| rest.strip_suffix('}')).unwrap();
    told.parse().unwrap()
}

#[test]
fn drain_delivers_earlier_events_and_the_farewell() {
    let engine = Engine::start();
    let mut peers: Vec<_> = (0..50).map(|_| Peer::of(user(&engine, "ada").stream)).collect();
    let mut pulls: Vec<_> = (0..50).map(|number| Pull::of(named(&engine, None, &number.to_string()))).collect();
    engine.broadcast(data("before"), None).unwrap();
    engine.block_on(engine.drain(at_once()));
    engine.broadcast(data("after"), None).unwrap();
    for peer in &mut peers {
        let events = peer.finish();
        assert_eq!((events.len(), events[0].data.as_str()), (2, "before"));
        reconnect_in(&events[1]);
    }
    for pull in &mut pulls {
        let events = pull.all();
        assert_eq!((events.len(), events[0].data.as_str()), (2, "before"));
        reconnect_in(&events[1]);
        assert!(pull.has_ended());
    }
    let stats = engine.stats();
    assert_eq!((stats.clients, stats.disconnects[DisconnectReason::Drained as usize]), (0, 100));
}

#[test]
fn drain_refuses_arrivals_with_a_retry_time() {
    let engine = Engine::start();
    engine.block_on(engine.drain(at_once()));
    let refused = engine.connect(Connect::default()).unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Draining));
    assert_eq!(engine.stats().refusals[Refusal::Draining as usize], 1);
    let farewell = String::from_utf8(engine.farewell(at_once()).to_vec()).unwrap();
    assert!(farewell.starts_with("event: ssekit:drain\nretry: "), "{farewell}");
    assert!(farewell.ends_with("\n\n"));
}

#[test]
fn retry_times_differ_up_to_twice_the_base() {
    let engine = Engine::start();
    let mut pulls: Vec<_> = (0..200).map(|_| Pull::of(anonymous(&engine))).collect();
    let options = DrainOptions { window: Duration::ZERO, retry: Duration::from_secs(10) };
    engine.block_on(engine.drain(options));
    let times: Vec<_> = pulls.iter_mut().map(|pull| reconnect_in(&pull.all()[0])).collect();
    assert!(times.iter().all(|time| (10_000..=20_000).contains(time)), "{times:?}");
    assert!(times.iter().collect::<HashSet<_>>().len() > 150, "{times:?}");
    let mean = times.iter().sum::<u64>() / 200;
    assert!((14_000..16_000).contains(&mean), "{mean}");
}

#[tokio::test(start_paused = true)]
async fn departures_spread_over_the_window() {
    let hub = standing_hub(Options::default());
    let _clients: Vec<_> = (0..100).map(|_| anonymous(&hub)).collect();
    let options = DrainOptions { window: Duration::from_secs(10), ..DrainOptions::default() };
    let draining = tokio::spawn({
        let hub = hub.clone();
        async move { hub.drain(options).await }
    });
    work().await;
    for second in 0..10_usize {
        let left = hub.stats().clients;
        assert!(left.abs_diff(100 - second * 10) <= 2, "{left} after {second} s");
        advance(Duration::from_secs(1)).await;
    }
    draining.await.unwrap();
    assert_eq!(hub.stats().clients, 0);
}

#[test]
fn drained_client_resumes_here_and_resets_elsewhere() {
    let engine = Engine::start();
    let mut pull = Pull::of(named(&engine, Some("ada"), "tab"));
    engine.block_on(engine.drain(at_once()));
    let farewell = pull.all().pop().unwrap();
    let other = Engine::start();
    let who =
        Connect { user: Some("ada"), client: Some("tab"), last_event_id: Some(&farewell.id), ..Connect::default() };
    assert!(Pull::of(other.connect(who).unwrap()).event().is_reset());
    // Its id is one of the history like any other.
    assert_eq!(farewell.id, format!("{}.{}", engine.stats().epoch, engine.stats().position));
}

#[test]
fn drain_leaves_no_arriving_client_behind() {
    for _ in 0..20 {
        let engine = Engine::start();
        let recorder = Recorder::of(&engine);
        let _clients: Vec<_> = (0..20).map(|_| anonymous(&engine)).collect();
        thread::scope(|scope| {
            let coming = scope.spawn(|| {
                let mut admitted = vec![];
                while let Ok(client) = engine.connect(Connect::default()) {
                    admitted.push(client);
                }
                admitted
            });
            engine.block_on(engine.drain(at_once()));
            let admitted = coming.join().unwrap();
            eventually("all are gone", || engine.stats().clients == 0);
            for client in admitted {
                assert_eq!(recorder.wait_for_end_of(&client.client_id), [DisconnectReason::Drained]);
            }
        });
    }
}

#[test]
fn stalled_client_does_not_block_the_drain() {
    let engine = Engine::with(Options { heartbeat: Duration::from_millis(200), threads: 1, ..Options::default() });
    let hub: &Hub = &engine;
    let slow = Peer::narrow(anonymous(hub).stream);
    hub.broadcast(data(&"x".repeat(1_000_000)), None).unwrap();
    engine.block_on(engine.drain(at_once()));
    assert_eq!(hub.stats().clients, 0);
    drop(slow);
}
