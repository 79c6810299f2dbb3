//! The memory that channels cost. Alone in its program, because it measures the process.
#![cfg(target_os = "linux")]
#![cfg(test)]

use std::time::Duration;

use ssekit_core::{Connect, Connected, HistoryOptions, Options, Subscriber};
use ssekit_testing::{Engine, eventually, resident_bytes, two_shards};

/// The maximum number of bytes that a channel may cost a client.
const BUDGET: usize = 200;

/// The measured numbers of a client's channels, each with enough clients that pages of memory do not count.
const CROWDS: [(usize, usize); 3] = [(1, 10_000), (10, 5_000), (100, 1_000)];

/// Little history, because it has its own bound. It is swept eight times a second.
fn engine() -> Engine {
    let (max_age, max_total_bytes) = (Duration::from_secs(1), 64 << 10);
    let history = HistoryOptions { max_age, max_total_bytes, ..HistoryOptions::default() };
    Engine::with(Options { history, ..two_shards() })
}

fn names(kind: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{kind} {number}")).collect()
}

fn watching(engine: &Engine, client: Option<&str>, channels: &[String]) -> Connected {
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    engine.connect(Connect { client, channels: &channels, ..Connect::default() }).unwrap()
}

/// Returns the result of `make`, and the bytes by which the process grows meanwhile.
fn growth<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let before = resident_bytes();
    let made = make();
    (made, resident_bytes().saturating_sub(before))
}

/// Bytes of a channel that a client names when it connects, by how many it names. All clients go to `streams`, because
/// memory that was freed would hide what is taken.
fn costs_at_connect(engine: &Engine, streams: &mut Vec<Connected>) -> [usize; 3] {
    let connect =
        |clients, channels: &[String]| (0..clients).map(|_| watching(engine, None, channels)).collect::<Vec<_>>();
    let (bare, grown) = growth(|| connect(10_000, &[]));
    let per_client = grown / bare.len();
    streams.extend(bare);
    CROWDS.map(|(count, clients)| {
        let channels = names(&format!("named of {count}"), count);
        streams.push(watching(engine, None, &channels));
        let (more, grown) = growth(|| connect(clients, &channels));
        streams.extend(more);
        grown.saturating_sub(per_client * clients) / (clients * count)
    })
}

/// The same for channels that a client subscribes to later.
fn costs_at_run_time(engine: &Engine, streams: &mut Vec<Connected>) -> [usize; 3] {
    let subscribe = |id: &String, channel: &String| engine.subscribe(Subscriber::Client(id), channel, None).unwrap();
    CROWDS.map(|(count, clients)| {
        let channels = names(&format!("subscribed of {count}"), count);
        streams.push(watching(engine, None, &channels));
        // A client that brings its id has its own log from the beginning; any other gets it with its first subscription.
        let ids = names(&format!("client with {count}"), clients);
        streams.extend(ids.iter().map(|id| watching(engine, Some(id), &[])));
        let subscriptions =
            || ids.iter().flat_map(|id| channels.iter().map(move |channel| subscribe(id, channel))).sum::<usize>();
        let (subscribed, grown) = growth(subscriptions);
        assert_eq!(subscribed, clients * count);
        grown / subscribed
    })
}

/// Bytes that 100,000 channels take, each with one member, while `known` others are there. All of them leave at the end.
fn of_single_members(engine: &Engine, known: usize, round: usize) -> usize {
    let channels = |client| names(&format!("round {round}, of {client}"), 100);
    let (streams, taken) =
        growth(|| (0..1_000).map(|client| watching(engine, None, &channels(client))).collect::<Vec<_>>());
    assert_eq!(engine.channels().len(), known + 100_000);
    drop(streams);
    eventually("all of them have left", || engine.channels().len() == known);
    taken
}

#[test]
fn channels_cost_little_and_nothing_once_left() {
    let (engine, mut streams) = (engine(), Vec::new());
    let at_connect = costs_at_connect(&engine, &mut streams);
    let at_run_time = costs_at_run_time(&engine, &mut streams);
    println!("bytes of a channel for a client with {CROWDS:?}: {at_connect:?} at connect, {at_run_time:?} later");
    let known = engine.channels().len();
    let first = of_single_members(&engine, known, 0);
    // Ever new channels: they take the memory of those that were given up.
    let later: usize = (1..6).map(|round| of_single_members(&engine, known, round)).sum();
    println!("{first} bytes for 100,000 channels with one member each, and {later} more after five more such rounds");
    assert!(at_connect.iter().chain(&at_run_time).all(|bytes| *bytes <= BUDGET), "{at_connect:?}, {at_run_time:?}");
    assert!(later < first, "{later} bytes are left of channels that nobody has");
    drop(streams);
}
