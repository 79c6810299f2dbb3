//! A hundred readers that have stopped reading among a thousand: the others get everything, the history stays within its bound,
//! and those who read again get a reset for the events they missed. Alone in its program, because it needs many descriptors.
#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ssekit_core::{HistoryOptions, Options};
use ssekit_testing::peer::Peer;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, anonymous, data, eventually, two_shards};

const HEALTHY: usize = 1_000;
const STALLED: usize = 100;
const EVENTS: usize = 400;
/// Events that the history keeps: fewer than are sent, and more than a healthy reader may be behind.
const KEPT: usize = 100;
/// Threads that read for the healthy ones.
const READING: usize = 4;

fn text(number: usize) -> String {
    format!("{number} {}", "x".repeat(1_000))
}

fn number_of(event: &Received) -> usize {
    event.data.split_once(' ').unwrap().0.parse().unwrap()
}

/// Reads everything for some of the healthy ones, event by event.
fn read_all(mut peers: Vec<Peer>, got: &AtomicUsize) {
    for number in 0..EVENTS {
        for peer in &mut peers {
            let event = peer.event();
            assert_eq!((event.is_reset(), number_of(&event)), (false, number));
            got.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn stalled_clients_cost_others_only_history() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let history = HistoryOptions { max_events: KEPT, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    let mut stalled: Vec<Peer> = (0..STALLED).map(|_| Peer::narrow(anonymous(&engine).stream)).collect();
    let got = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..READING)
        .map(|_| {
            let peers = (0..HEALTHY / READING).map(|_| Peer::of(anonymous(&engine).stream)).collect();
            let got = Arc::clone(&got);
            std::thread::spawn(move || read_all(peers, &got))
        })
        .collect();

    for number in 0..EVENTS {
        engine.broadcast(data(&text(number)), None).unwrap();
        let due = HEALTHY * (number + 1).saturating_sub(KEPT / 4);
        eventually("those who read have got on", || got.load(Ordering::Relaxed) >= due);
        let stats = engine.stats();
        assert!(stats.history.events <= KEPT && stats.history.bytes < KEPT * 2_000, "{stats:?}");
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());

    engine.broadcast(data("last"), None).unwrap();
    for peer in &mut stalled {
        // The events that the kernel had taken come without a hole, then the reset.
        let mut next = 0;
        let reset = loop {
            let event = peer.event();
            if event.is_reset() {
                break event;
            }
            assert_eq!(number_of(&event), next);
            next += 1;
        };
        assert!(next < EVENTS - KEPT);
        assert_eq!(reset.position(), EVENTS as u64 + 1);
    }
    engine.broadcast(data("after"), None).unwrap();
    assert!(stalled.iter_mut().all(|peer| peer.event().data == "after"));
    eventually("each gap is counted", || engine.stats().resets == STALLED as u64);
}
