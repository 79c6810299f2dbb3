//! A flush waits until what was sent is in the kernel, and no longer than its patience for those who do not read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use ssekit_core::{Framing, Options};
use ssekit_testing::peer::{Peer, narrow_pair, socket_pair};
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, PATIENCE, advance, anonymous, data, standing_hub, user};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

#[test]
fn flush_returns_when_the_kernel_has_everything() {
    let engine = Engine::start();
    let mut peers: Vec<_> = (0..100).map(|_| Peer::of(user(&engine, "ada").stream)).collect();
    for round in 0..50 {
        engine.broadcast(data("to all"), None).unwrap();
        engine.send_to_user("ada", data("to the user")).unwrap();
        engine.block_on(engine.flush());
        // Nothing has to be waited for any more: it is there.
        for peer in &mut peers {
            peer.set_nonblocking(true);
            assert_eq!(peer.data(2), ["to all", "to the user"], "in round {round}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn empty_flush_returns_at_once() {
    let hub = standing_hub(Options::default());
    let began = Instant::now();
    hub.flush().await;
    let _clients = [anonymous(&hub), user(&hub, "ada")];
    hub.flush().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn flush_ignores_clients_without_events() {
    let hub = standing_hub(Options::default());
    let (ada, bob) = (user(&hub, "ada"), user(&hub, "bob"));
    let (_ada, _bob, _unread) = (Peer::of(ada.stream), Peer::of(bob.stream), user(&hub, "eve"));
    let began = Instant::now();
    hub.send_to_user("ada", data("for ada alone")).unwrap();
    hub.flush().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn flush_ignores_excluded_clients() {
    let hub = standing_hub(Options::default());
    let left_out = anonymous(&hub);
    let id = left_out.client_id.clone();
    let (_left_out, _other) = (Peer::of(left_out.stream), Peer::of(anonymous(&hub).stream));
    let began = Instant::now();
    hub.broadcast(data("x"), Some(&id)).unwrap();
    hub.flush().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn flush_ignores_departed_clients() {
    let hub = standing_hub(Options::default());
    let unread = anonymous(&hub);
    hub.broadcast(data("x"), None).unwrap();
    drop(unread);
    let began = Instant::now();
    hub.flush().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn flush_waits_for_a_stalled_peer_until_its_timeout() {
    let hub = standing_hub(Options::default());
    let client = anonymous(&hub);
    let (server, _peer) = narrow_pair();
    let mut stream = client.stream;
    stream.hand_off(server.into(), Framing::Chunked).unwrap();
    hub.broadcast(data(&"x".repeat(1_000_000)), None).unwrap();
    let began = Instant::now();
    hub.flush().await;
    assert!((5_000..5_100).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn flush_waits_until_a_stream_is_pulled() {
    let hub = standing_hub(Options::default());
    let mut pull = Pull::of(anonymous(&hub));
    hub.broadcast(data("x"), None).unwrap();
    let waiting = tokio::spawn({
        let hub = hub.clone();
        async move { hub.flush().await }
    });
    advance(Duration::from_secs(2)).await;
    assert!(!waiting.is_finished());
    let began = Instant::now();
    assert!(matches!(pull.poll(), Poll::Ready(_)));
    waiting.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[test]
fn flush_does_not_wait_for_later_events() {
    // The shards never come to rest, and what was sent before the flush is long in the kernel.
    let engine = Engine::start();
    engine.block_on(async {
        for _ in 0..150 {
            let (server, peer) = socket_pair();
            anonymous(&engine).stream.hand_off(server.into(), Framing::Chunked).unwrap();
            peer.set_nonblocking(true).unwrap();
            let mut peer = TcpStream::from_std(peer).unwrap();
            tokio::spawn(async move { while peer.read(&mut [0; 64 * 1024]).await.unwrap() > 0 {} });
        }
    });
    let flushed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            while !flushed.load(Ordering::Acquire) {
                engine.broadcast(data("x"), None).unwrap();
            }
        });
        let outcome = engine.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                for _ in 0..5 {
                    engine.flush().await;
                }
            })
            .await
        });
        flushed.store(true, Ordering::Release);
        publisher.join().unwrap();
        outcome.unwrap();
    });
}

#[test]
fn flush_notices_a_simultaneous_pull() {
    // The pull races with the shard that must notice it; a miss would show as a wait of five seconds.
    let engine = Engine::start();
    std::thread::scope(|scope| {
        let mut pull = Pull::of(anonymous(&engine));
        let reader = scope.spawn(move || {
            for _ in 0..2_000 {
                assert_eq!(pull.event().data, "x");
            }
        });
        for _ in 0..2_000 {
            engine.broadcast(data("x"), None).unwrap();
            engine.block_on(engine.flush());
        }
        reader.join().unwrap();
    });
}
