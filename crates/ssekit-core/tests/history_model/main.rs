//! Random operations on a hub against a model that remembers everything: a client gets exactly what the model says, or first a reset
//! for the gap; never a silent hole, and never somebody else's event.
#![cfg(test)]

mod operation;
mod published;
mod spans;
mod world;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use ssekit_core::{ChannelKinds, ChannelOptions, HistoryOptions, LimitOptions, LogBounds, Options};

use operation::{CHANNELS, MOST_CHANNELS, Operation, SHORT, operation, tiny};
use world::World;

fn live(options: Options, operations: Vec<Operation>) {
    let mut world = World::new(options);
    for operation in operations {
        world.run(operation);
    }
    world.end();
}

fn with_history(history: HistoryOptions) -> Options {
    let mut channels = ChannelKinds::default();
    let short = ChannelOptions { history: Some(LogBounds { max_events: 2, ..LogBounds::default() }), presence: false };
    channels.add(CHANNELS[SHORT], short).unwrap();
    let limits = LimitOptions { channels_per_client: MOST_CHANNELS, ..LimitOptions::default() };
    Options { history, channels, limits, threads: 2, ..Options::default() }
}

fn keeping_all() -> Options {
    with_history(ssekit_testing::keeping_all().history)
}

/// Few cases, unless `PROPTEST_CASES` asks for more.
fn cases() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(200),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn tiny_history_delivers_everything_or_a_reset(
        history in tiny(),
        operations in proptest::collection::vec(operation(), 1..120),
    ) {
        live(with_history(history), operations);
    }

    #[test]
    fn unlimited_history_delivers_everything(
        operations in proptest::collection::vec(operation(), 1..120),
    ) {
        live(keeping_all(), operations);
    }
}

const LIVES: u64 = 4_000;
const OPERATIONS_OF_A_LIFE: usize = 250;

/// The same lives each time: what they find can be looked for again. Other ones with another `SSEKIT_SEED`.
fn chance_of(life: u64) -> TestRunner {
    let other = std::env::var("SSEKIT_SEED").map_or(0, |seed| seed.parse::<u64>().expect("SSEKIT_SEED is a number"));
    // The quickest of proptest's own: without optimization the others cost more than all the rest.
    let mut seed = [1; 16];
    seed[..8].copy_from_slice(&life.to_le_bytes());
    seed[8..].copy_from_slice(&other.to_le_bytes());
    TestRunner::new_with_rng(ProptestConfig::default(), TestRng::from_seed(RngAlgorithm::XorShift, &seed))
}

/// Every fourth life keeps everything, so that no gap may be told; the others forget almost all.
fn live_once(life: u64) {
    let mut chance = chance_of(life);
    let draw = operation();
    let options = match life % 4 {
        0 => keeping_all(),
        _ => with_history(tiny().new_tree(&mut chance).unwrap().current()),
    };
    let mut world = World::new(options);
    for _ in 0..OPERATIONS_OF_A_LIFE {
        world.run(draw.new_tree(&mut chance).unwrap().current());
    }
    match life % 3 {
        0 => world.drain(),
        _ => world.end(),
    }
}

#[test]
fn million_operations_lose_nothing_silently() {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let life = next.fetch_add(1, Ordering::Relaxed)
                    && life < LIVES
                {
                    let lived = catch_unwind(|| live_once(life));
                    assert!(lived.is_ok(), "that was life {life} of {LIVES}");
                }
            });
        }
    });
}
