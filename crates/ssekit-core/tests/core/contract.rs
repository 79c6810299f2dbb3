//! Memory keeps the contract of a backplane.

use ssekit_core::backplane::memory::Memory;
use ssekit_testing::contract::World;

struct InMemory(Memory);

impl World for InMemory {
    type Node = Memory;

    fn keeping(events: u64) -> Self {
        Self(Memory::new(events as usize))
    }

    fn node(&self) -> Memory {
        self.0.clone()
    }

    fn lose(&self) {
        self.0.lose_everything();
    }
}

ssekit_testing::contract!(InMemory);

mod returns {
    ssekit_testing::returns!(super::InMemory);
}
