//! The history's cost in memory. Alone in its program, because it measures the process.
#![cfg(target_os = "linux")]
#![cfg(test)]

use std::time::Duration;

use ssekit_core::{HistoryOptions, Options};
use ssekit_testing::{Engine, data, eventually, two_shards};

/// Memory of the process that is not swapped out or shared, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    kilobytes.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}

#[test]
fn full_history_costs_about_its_limit() {
    const BOUND: usize = 24 << 20;
    // Old enough that it is not age that drops anything.
    let max_age = Duration::from_secs(3_600);
    let history = HistoryOptions { max_total_bytes: BOUND, max_age, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    let before = resident();
    let send = |range: std::ops::Range<usize>| {
        for number in range {
            engine.send_to_user(&format!("user {number}"), data("{\"some\":\"json\"}")).unwrap();
        }
    };
    send(0..40_000);
    let stats = engine.stats();
    assert!(stats.history.bytes <= BOUND && stats.history.bytes > BOUND - 2_048, "{stats:?}");
    let full = resident() - before;
    assert!(full < 2 * BOUND, "{full} bytes are held for a bound of {BOUND}");
    // New users all the time, faster than time passes. They take the place of users without any state.
    let mut most = 0;
    for batch in 1..12 {
        send(batch * 40_000..(batch + 1) * 40_000);
        most = most.max(engine.stats().known_users);
    }
    eventually("users of whom nothing is left are given up", || {
        let stats = engine.stats();
        stats.known_users <= 3 * stats.history.events
    });
    let later = resident() - before;
    assert!(later < 3 * BOUND, "{later} bytes are held for a bound of {BOUND}, after {full} at first");
    println!("{full} bytes, and {later} after 11 more rounds with up to {most} users, for a bound of {BOUND}");
}
