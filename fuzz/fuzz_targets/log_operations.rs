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

/// More than any life needs.
const DICE: usize = 1 << 17;

/// The fuzzer's bytes, and others after them: proptest draws again as long as it does not like what it gets, and where the bytes
/// are at their end that would be for ever.
fn endless(dice: &[u8]) -> Vec<u8> {
    let mut state =
        dice.iter().fold(0x9e37_79b9_7f4a_7c15_u64, |state, byte| (state ^ u64::from(*byte)).rotate_left(5) | 1);
    let more = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    dice.iter().copied().chain(more).take(DICE).collect()
}

fuzz_target!(|dice: &[u8]| {
    let mut chance = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::from_seed(RngAlgorithm::PassThrough, &endless(dice)),
    );
    let Ok(history) = tiny().new_tree(&mut chance) else { return };
    let mut world = World::new(Options { history: history.current(), threads: 2, ..Options::default() });
    let draw = operation();
    for _ in 0..dice.len() / BYTES_OF_AN_OPERATION {
        let Ok(drawn) = draw.new_tree(&mut chance) else { break };
        world.run(drawn.current());
    }
    world.end();
});
