//! A hub's life against the model that remembers everything. The fuzzer's bytes are the dice by which the operations are drawn,
//! so it is the same function as that of the test `history_model`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use operation::{operation, tiny};
use proptest::prelude::ProptestConfig;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use ssekit_core::Options;
use world::World;

mod support;

#[path = "../../crates/ssekit-core/tests/history_model/operation.rs"]
mod operation;
#[path = "../../crates/ssekit-core/tests/history_model/published.rs"]
mod published;
#[path = "../../crates/ssekit-core/tests/history_model/world.rs"]
mod world;

/// About so many bytes decide on one operation.
const BYTES_OF_AN_OPERATION: usize = 32;

fuzz_target!(|dice: &[u8]| {
    let mut chance =
        TestRunner::new_with_rng(ProptestConfig::default(), TestRng::from_seed(RngAlgorithm::PassThrough, dice));
    let Ok(history) = tiny().new_tree(&mut chance) else { return };
    let mut world = World::new(Options { history: history.current(), threads: 2, ..Options::default() });
    let draw = operation();
    for _ in 0..dice.len() / BYTES_OF_AN_OPERATION {
        let Ok(drawn) = draw.new_tree(&mut chance) else { break };
        world.run(drawn.current());
    }
    world.end();
});
