//! Many clients at once leave nothing behind. Alone in its program, because it counts the process's descriptors.
#![cfg(test)]
#![cfg(target_os = "linux")]

use std::sync::Arc;

use ssekit_core::event::Event;
use ssekit_core::{Framing, HistoryOptions, Options};
use ssekit_testing::peer::socket_pair;
use ssekit_testing::{Engine, PATIENCE, data, eventually, user};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

const CLIENTS: usize = 2_000;
const BROADCASTS: usize = 1_000;

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The test holds both ends of each connection.
fn allow_descriptors(needed: usize) {
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(allowed >= needed as u64, "{needed} descriptors are needed and {allowed} allowed: raise `ulimit -Hn`");
}

fn text(number: usize) -> String {
    format!("{{\"number\":{number},\"text\":\"so much as an ordinary event has to say\"}}")
}

/// The bytes for every client: each event is its own chunk, also in a shared write.
fn expected(epoch: &str) -> Vec<u8> {
    let chunk = |number: usize| {
        let body = format!("event: tick\ndata: {}\nid: {epoch}.{}\n\n", text(number), number + 1);
        format!("{:x}\r\n{body}\r\n", body.len())
    };
    (0..BROADCASTS).map(chunk).collect::<String>().into_bytes()
}

/// Reads as many bytes as are expected, and compares them.
async fn read_and_compare(mut peer: TcpStream, expected: Arc<Vec<u8>>) -> TcpStream {
    let mut buffer = vec![0; 64 * 1024];
    let mut at = 0;
    while at < expected.len() {
        let read = timeout(PATIENCE, peer.read(&mut buffer)).await.expect("bytes in time").unwrap();
        assert_ne!(read, 0, "the connection has ended");
        assert!(expected[at..].starts_with(&buffer[..read]), "other bytes than expected at {at}");
        at += read;
    }
    peer
}

#[test]
fn crowd_gets_every_broadcast_once_in_order() {
    allow_descriptors(2 * CLIENTS + 200);
    // A history shorter than what is sent, so that it has to stay within its bounds; longer than anybody is behind.
    let history = HistoryOptions { max_events: BROADCASTS / 2, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..ssekit_testing::two_shards() });
    let before = open_descriptors();

    let mut peers = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        let mut stream = user(&engine, &format!("user {}", number / 2)).stream;
        let (server, peer) = socket_pair();
        stream.hand_off(server.into(), Framing::Chunked).unwrap();
        peer.set_nonblocking(true).unwrap();
        peers.push(peer);
    }
    let stats = engine.stats();
    assert_eq!((stats.clients, stats.users, stats.handoff), (CLIENTS, CLIENTS / 2, CLIENTS));
    assert_eq!(engine.active_clients().len(), CLIENTS);

    let expected = Arc::new(expected(&stats.epoch));
    let peers = engine.block_on(async {
        let readers: Vec<_> = peers
            .into_iter()
            .map(|peer| tokio::spawn(read_and_compare(TcpStream::from_std(peer).unwrap(), Arc::clone(&expected))))
            .collect();
        for number in 0..BROADCASTS {
            let text = text(number);
            assert_eq!(engine.broadcast(Event { name: "tick", ..data(&text) }, None).unwrap(), CLIENTS);
            // Nobody may fall off the short history: that is another test's rule.
            if number % 100 == 99 {
                engine.flush().await;
            }
        }
        let mut peers = Vec::with_capacity(CLIENTS);
        for reader in readers {
            peers.push(reader.await.unwrap());
        }
        peers
    });
    eventually("all deliveries are counted", || engine.stats().deliveries == (CLIENTS * BROADCASTS) as u64);
    let stats = engine.stats();
    assert_eq!((stats.resets, stats.history.events), (0, BROADCASTS / 2));

    drop(peers);
    eventually("everybody has left", || engine.stats().clients == 0);
    eventually("all descriptors are closed", || open_descriptors() <= before);
    let stats = engine.stats();
    assert_eq!((stats.users, stats.opening, stats.stream, stats.handoff), (0, 0, 0, 0));
    // The first of the reasons: the peer closed.
    assert_eq!((stats.connects, stats.disconnects[0]), (CLIENTS as u64, CLIENTS as u64));
    assert_eq!(engine.active_clients().len(), 0);
}
