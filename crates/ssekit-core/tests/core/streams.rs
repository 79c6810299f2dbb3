//! A stream that somebody else carries: pulled, woken, and ended.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ssekit_core::{Chunk, Options};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::events_in;
use ssekit_testing::{Engine, advance, anonymous, data, eventually, named, standing_hub, two_shards, user};

#[test]
fn a_carrier_is_woken_by_each_kind_of_event() {
    let engine = Engine::start();
    let mut pull = Pull::of(named(&engine, Some("ada"), "tab"));
    for _ in 0..200 {
        // Each of them waits until it is woken.
        engine.broadcast(data("to all"), None).unwrap();
        assert_eq!(pull.data(1), ["to all"]);
        engine.send_to_user("ada", data("to the user")).unwrap();
        assert_eq!(pull.data(1), ["to the user"]);
        assert!(engine.send_to_client("tab", data("to the client")).unwrap());
        assert_eq!(pull.data(1), ["to the client"]);
    }
}

#[test]
fn simultaneous_wait_is_woken() {
    // A broadcast, the client's entry and its first wait race with each other.
    let engine = Engine::start();
    std::thread::scope(|scope| {
        let (ask, asked) = std::sync::mpsc::sync_channel::<()>(1);
        let hub = &engine.hub;
        scope.spawn(move || {
            while asked.recv().is_ok() {
                hub.broadcast(data("x"), None).unwrap();
            }
        });
        // Others keep the shards busy with passes.
        let _others: Vec<_> = (0..100).map(|_| Peer::of(anonymous(hub).stream)).collect();
        for _ in 0..2_000 {
            let mut pull = Pull::of(anonymous(hub));
            let _ = pull.poll();
            ask.send(()).unwrap();
            assert_eq!(pull.data(1), ["x"]);
        }
    });
}

#[test]
fn events_for_others_wake_nobody() {
    let engine = Engine::start();
    let mut pull = Pull::of(user(&engine, "ada"));
    assert!(matches!(pull.poll(), Poll::Pending));
    // Its coming may wake it once.
    engine.block_on(engine.flush());
    let heard = pull.bell.rings();
    for _ in 0..100 {
        engine.send_to_user("bob", data("for bob")).unwrap();
    }
    engine.block_on(engine.flush());
    assert_eq!(pull.bell.rings(), heard);
    assert!(matches!(pull.poll(), Poll::Pending));
}

#[test]
fn only_the_last_waker_is_woken() {
    let engine = Engine::start();
    let mut pull = Pull::of(user(&engine, "ada"));
    assert!(matches!(pull.poll(), Poll::Pending));
    let old = std::mem::take(&mut pull.bell);
    engine.block_on(engine.flush());
    let heard = old.rings();
    assert!(matches!(pull.poll(), Poll::Pending));
    engine.send_to_user("ada", data("x")).unwrap();
    assert_eq!(pull.data(1), ["x"]);
    assert_eq!(old.rings(), heard);
}

#[test]
fn unpulled_events_arrive_together() {
    let engine = Engine::start();
    let mut pull = Pull::of(user(&engine, "ada"));
    for number in 0..50 {
        engine.send_to_user("ada", data(&number.to_string())).unwrap();
    }
    let bytes = pull.bytes();
    let numbers = events_in(&bytes).into_iter().map(|event| event.data);
    assert!(numbers.eq((0..50).map(|number| number.to_string())));
    assert!(matches!(pull.poll(), Poll::Pending));
}

#[test]
fn gauges_follow_a_client() {
    let engine = Engine::start();
    let phases = || {
        let stats = engine.stats();
        assert_eq!(stats.clients, stats.opening + stats.stream + stats.handoff);
        (stats.opening, stats.stream, stats.handoff)
    };
    let (mut pulled, direct) = (Pull::of(anonymous(&engine)), anonymous(&engine));
    assert_eq!(phases(), (2, 0, 0));
    let _ = pulled.poll();
    assert_eq!(phases(), (1, 1, 0));
    let _ = pulled.poll();
    assert_eq!(phases(), (1, 1, 0));
    let direct = Peer::of(direct.stream);
    assert_eq!(phases(), (0, 1, 1));
    let later = Peer::of(pulled.stream);
    assert_eq!(phases(), (0, 0, 2));
    drop((direct, later));
    eventually("both have left", || phases() == (0, 0, 0));
}

#[test]
fn a_stream_that_has_ended_stays_ended() {
    let engine = Engine::start();
    let mut pull = Pull::of(anonymous(&engine));
    assert!(matches!(pull.poll(), Poll::Pending));
    let heard = pull.bell.rings();
    assert!(engine.disconnect_client(&pull.ready.client_id));
    eventually("the carrier is woken", || pull.bell.rings() > heard);
    for _ in 0..3 {
        assert!(pull.has_ended());
        engine.broadcast(data("x"), None).unwrap();
    }
}

#[test]
fn a_reset_comes_once() {
    let engine = Engine::start();
    let mut pull = Pull::of(ssekit_testing::resuming(&engine, None, "unknown"));
    assert!(pull.event().is_reset());
    assert!(matches!(pull.poll(), Poll::Pending));
    engine.broadcast(data("x"), None).unwrap();
    assert_eq!(pull.data(1), ["x"]);
    assert_eq!(engine.stats().resets, 1);
}

#[tokio::test(start_paused = true)]
async fn idle_stream_yields_a_comment_per_heartbeat() {
    let hub = standing_hub(Options { heartbeat: Duration::from_secs(8), ..two_shards() });
    let mut pull = Pull::of(anonymous(&hub));
    assert!(matches!(pull.poll(), Poll::Pending));
    let mut heartbeats = vec![];
    for second in 1..=60 {
        advance(Duration::from_secs(1)).await;
        while let Poll::Ready(bytes) = pull.poll() {
            assert_eq!(bytes.unwrap(), ":\n");
            heartbeats.push(second);
        }
    }
    assert_eq!(heartbeats.len(), 7, "{heartbeats:?}");
    assert!((8..=9).contains(&heartbeats[0]), "{heartbeats:?}");
    assert!(heartbeats.windows(2).all(|pair| pair[1] - pair[0] == 8), "{heartbeats:?}");
    assert_eq!((hub.stats().heartbeats, hub.stats().bytes), (7, 14));
    assert!(pull.bell.rings() >= 7);
}

#[tokio::test(start_paused = true)]
async fn a_busy_stream_yields_no_heartbeat() {
    let hub = standing_hub(Options { heartbeat: Duration::from_secs(8), ..two_shards() });
    let mut pull = Pull::of(anonymous(&hub));
    for _ in 0..40 {
        advance(Duration::from_secs(5)).await;
        hub.broadcast(data("x"), None).unwrap();
        assert_eq!(events_in(&pull.bytes()).len(), 1);
        assert!(matches!(pull.poll(), Poll::Pending));
    }
    assert_eq!(hub.stats().heartbeats, 0);
}

#[tokio::test(start_paused = true)]
async fn unpulled_heartbeats_do_not_accumulate() {
    let hub = standing_hub(Options { heartbeat: Duration::from_secs(8), ..two_shards() });
    let mut pull = Pull::of(anonymous(&hub));
    advance(Duration::from_secs(100)).await;
    assert_eq!(pull.bytes(), ":\n");
    assert!(matches!(pull.poll(), Poll::Pending));
}

/// A look by who reads on without asking whether there is more.
fn look(pull: &mut Pull, max_bytes: usize) -> Poll<Option<Chunk>> {
    let waker = Waker::from(Arc::clone(&pull.bell));
    pull.stream.poll_chunk(&mut Context::from_waker(&waker), max_bytes)
}

fn chunk(pull: &mut Pull, max_bytes: usize) -> Chunk {
    let Poll::Ready(Some(chunk)) = look(pull, max_bytes) else { panic!("nothing to read") };
    chunk
}

#[test]
fn event_outside_the_chunk_wakes_the_reader() {
    let engine = Engine::start();
    let mut pull = Pull::of(user(&engine, "ada"));
    for round in 0..200 {
        let heard = pull.bell.rings();
        assert!(look(&mut pull, 64 * 1024).is_pending());
        engine.broadcast(data("x"), None).unwrap();
        // Its ring is waited for, or it might come after the chunk, and would be taken for that of the next event.
        eventually("a ring", || pull.bell.rings() > heard);
        let first = chunk(&mut pull, 64 * 1024);
        assert!(!first.has_more());
        let heard = pull.bell.rings();
        // No further look: it is the chunk that has set the waker.
        engine.send_to_user("ada", data(&round.to_string())).unwrap();
        eventually("a ring", || pull.bell.rings() > heard);
        let second = chunk(&mut pull, 64 * 1024);
        assert_eq!(events_in(&second.to_vec())[0].data, round.to_string());
    }
    assert!(engine.disconnect_client(&pull.ready.client_id));
    eventually("the end", || matches!(look(&mut pull, 64 * 1024), Poll::Ready(None)));
}

#[test]
fn incomplete_chunk_says_so() {
    let engine = Engine::start();
    let mut pull = Pull::of(named(&engine, None, "tab"));
    let _ = look(&mut pull, 64 * 1024);
    for number in 0..3 {
        engine.broadcast(data(&number.to_string()), None).unwrap();
    }
    let numbers = |chunk: &Chunk| events_in(&chunk.to_vec()).into_iter().map(|event| event.data).collect::<Vec<_>>();
    let first = chunk(&mut pull, 1);
    assert_eq!((numbers(&first), first.has_more()), (vec!["0".into()], true));
    let second = chunk(&mut pull, 64 * 1024);
    assert_eq!((numbers(&second), second.has_more()), (vec!["1".into(), "2".into()], false));
    engine.send_to_client("tab", data("last")).unwrap();
    assert!(engine.disconnect_client("tab"));
    let last = chunk(&mut pull, 64 * 1024);
    assert_eq!((numbers(&last), last.has_more()), (vec!["last".into()], true));
    assert!(matches!(look(&mut pull, 64 * 1024), Poll::Ready(None)));
}

#[test]
fn broadcast_shares_its_bytes() {
    let engine = Engine::start();
    let mut pulls = [(); 2].map(|()| Pull::of(user(&engine, "ada")));
    engine.broadcast(data("to all"), None).unwrap();
    engine.send_to_user("ada", data("to the user")).unwrap();
    let [one, other] = pulls.each_mut().map(|pull| chunk(pull, 64 * 1024));
    assert!(one.is_shared_with(&other));
    assert_eq!(one.into_bytes(), other.to_vec());
    let [first, second] = &mut pulls;
    assert!(engine.send_to_client(&first.ready.client_id, data("to one")).unwrap());
    engine.broadcast(data("to all"), None).unwrap();
    assert!(!chunk(first, 64 * 1024).is_shared_with(&chunk(second, 64 * 1024)));
}
