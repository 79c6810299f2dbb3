//! A hub's life against the model that remembers everything. The fuzzer's bytes are the seeds by which the
//! operations are drawn, so it is the same function as that of the test `history_model`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use operation::{operation, tiny};
use proptest::prelude::ProptestConfig;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use ssekit_core::Options;
use world::World;

#[path = "../../crates/ssekit-core/tests/history_model/operation.rs"]
mod operation;
#[path = "../../crates/ssekit-core/tests/history_model/published.rs"]
mod published;
#[path = "../../crates/ssekit-core/tests/history_model/spans.rs"]
mod spans;
#[allow(dead_code, reason = "it lives in other ways, too")]
#[path = "../../crates/ssekit-core/tests/history_model/world/mod.rs"]
mod world;

/// The number of bytes that decide on one operation: they are the seed by which it is drawn. One draw from all bytes (proptest's
/// `PassThrough`) would soon be at their end, because every part of a strategy takes half of them.
const SEED: usize = 4;

fn dice_of(seed: &[u8]) -> TestRunner {
    // Not all zeros, of which this generator would make nothing else.
    let mut all = [1; 16];
    all[..seed.len()].copy_from_slice(seed);
    TestRunner::new_with_rng(ProptestConfig::default(), TestRng::from_seed(RngAlgorithm::XorShift, &all))
}

fuzz_target!(|bytes: &[u8]| {
    let mut seeds = bytes.chunks_exact(SEED);
    let Some(Ok(history)) = seeds.next().map(|seed| tiny().new_tree(&mut dice_of(seed))) else { return };
    let mut world = World::new(Options { history: history.current(), threads: 2, ..Options::default() });
    let draw = operation();
    for seed in seeds {
        let Ok(drawn) = draw.new_tree(&mut dice_of(seed)) else { break };
        world.run(drawn.current());
    }
    world.end();
});
