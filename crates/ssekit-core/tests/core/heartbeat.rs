//! A connection that is idle gets a heartbeat, and no other one does.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use ssekit_core::{Connected, Framing, Hub, Options};
use ssekit_testing::peer::{narrow_pair, socket_pair};
use ssekit_testing::pull::Pull;
use ssekit_testing::{PATIENCE, advance, anonymous, data, standing_hub, two_shards, user, work};

const HEARTBEAT: Duration = Duration::from_secs(8);

fn hub() -> Hub {
    standing_hub(Options { heartbeat: HEARTBEAT, ..two_shards() })
}

fn hand_off(connected: Connected, framing: Framing) -> TcpStream {
    let (server, peer) = socket_pair();
    let mut stream = connected.stream;
    stream.hand_off(server.into(), framing).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer
}

fn to_end(mut peer: TcpStream) -> String {
    let mut bytes = String::new();
    peer.read_to_string(&mut bytes).unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_gets_two_bytes_each_period() {
    let hub = hub();
    let (chunked, plain) = (user(&hub, "ada"), user(&hub, "ada"));
    let (chunked, plain) = (hand_off(chunked, Framing::Chunked), hand_off(plain, Framing::UntilClose));
    let mut heartbeats = vec![];
    for second in 1..=60 {
        advance(Duration::from_secs(1)).await;
        heartbeats.resize((hub.stats().heartbeats / 2) as usize, second);
    }
    assert_eq!(heartbeats.len(), 7, "{heartbeats:?}");
    // Counted in eighths of the period, so that the first may be that much early.
    assert!((7..=8).contains(&heartbeats[0]), "{heartbeats:?}");
    assert!(heartbeats.windows(2).all(|pair| pair[1] - pair[0] == 8), "{heartbeats:?}");
    assert_eq!(hub.stats().bytes, 7 * (7 + 2));
    assert_eq!(hub.disconnect_user("ada"), 2);
    work().await;
    assert_eq!(to_end(chunked), format!("{}0\r\n\r\n", "2\r\n:\n\r\n".repeat(7)));
    assert_eq!(to_end(plain), ":\n".repeat(7));
}

#[tokio::test(start_paused = true)]
async fn heartbeat_can_be_an_event() {
    let hub = standing_hub(Options { heartbeat: HEARTBEAT, heartbeat_is_comment: false, ..two_shards() });
    let (chunked, plain, mut carried) = (user(&hub, "ada"), user(&hub, "ada"), Pull::of(user(&hub, "ada")));
    let (chunked, plain) = (hand_off(chunked, Framing::Chunked), hand_off(plain, Framing::UntilClose));
    advance(HEARTBEAT + Duration::from_secs(1)).await;
    let event = "event: ssekit:heartbeat\ndata: {}\n\n";
    assert_eq!(carried.bytes(), event);
    assert_eq!(hub.disconnect_user("ada"), 3);
    work().await;
    assert_eq!(to_end(chunked), format!("22\r\n{event}\r\n0\r\n\r\n"));
    assert_eq!(to_end(plain), event);
}

#[tokio::test(start_paused = true)]
async fn busy_connection_gets_no_heartbeat() {
    let hub = hub();
    let (busy, idle) = (user(&hub, "busy"), user(&hub, "idle"));
    let (busy, idle) = (hand_off(busy, Framing::Chunked), hand_off(idle, Framing::Chunked));
    for _ in 0..12 {
        advance(Duration::from_secs(5)).await;
        hub.send_to_user("busy", data("x")).unwrap();
        work().await;
    }
    assert_eq!(hub.stats().heartbeats, 7, "those of the idle one");
    hub.disconnect_user("busy");
    hub.disconnect_user("idle");
    work().await;
    let busy = to_end(busy);
    assert_eq!((busy.matches("data: x").count(), busy.matches("\n:").count()), (12, 0));
    assert_eq!(to_end(idle).matches("\r\n:\n\r\n").count(), 7);
}

#[tokio::test(start_paused = true)]
async fn broadcast_replaces_the_heartbeat() {
    let hub = hub();
    let peers: Vec<_> = (0..100).map(|_| hand_off(anonymous(&hub), Framing::Chunked)).collect();
    let left_out = anonymous(&hub);
    let id = left_out.client_id.clone();
    let _left_out = hand_off(left_out, Framing::Chunked);
    for _ in 0..12 {
        advance(Duration::from_secs(5)).await;
        hub.broadcast(data("x"), Some(&id)).unwrap();
        work().await;
    }
    assert_eq!(hub.stats().heartbeats, 7, "those of the one who was left out");
    drop(peers);
}

#[tokio::test(start_paused = true)]
async fn stalled_peer_gets_no_further_heartbeat() {
    let hub = hub();
    let client = anonymous(&hub);
    let (server, peer) = narrow_pair();
    let mut stream = client.stream;
    stream.hand_off(server.into(), Framing::Chunked).unwrap();
    hub.broadcast(data(&"x".repeat(1_000_000)), None).unwrap();
    work().await;
    advance(Duration::from_secs(60)).await;
    assert_eq!(hub.stats().heartbeats, 0);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn every_idle_connection_gets_its_heartbeat() {
    // More than the shard looks at in one turn.
    let hub = hub();
    let peers: Vec<_> = (0..300).map(|_| hand_off(anonymous(&hub), Framing::Chunked)).collect();
    let streams: Vec<_> = (0..1_500).map(|_| anonymous(&hub)).collect();
    advance(Duration::from_secs(17)).await;
    assert_eq!(hub.stats().heartbeats, 600);
    drop((peers, streams));
}

#[tokio::test(start_paused = true)]
async fn heartbeat_notices_a_lost_peer() {
    let hub = hub();
    let peer = hand_off(anonymous(&hub), Framing::Chunked);
    advance(Duration::from_secs(1)).await;
    drop(peer);
    advance(HEARTBEAT * 2).await;
    assert_eq!(hub.stats().clients, 0);
}
