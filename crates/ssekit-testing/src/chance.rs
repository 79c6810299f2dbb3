//! Chance that can be repeated.

use ssekit_core::event::position::Epoch;

/// A generator of numbers (xorshift64*): small, fast, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Chance(u64);

/// The seed in the variable `SSEKIT_SEED`, else a new one. The caller prints it, because output appears when the test fails.
pub fn seed() -> u64 {
    let given = std::env::var("SSEKIT_SEED").ok();
    // The engine's own epochs are random, which saves a dependency.
    let new = || Epoch::random().as_str().bytes().fold(0, |seed, byte| (seed << 5) ^ u64::from(byte));
    given.map_or_else(new, |seed| seed.parse().expect("SSEKIT_SEED is a number"))
}

impl Chance {
    pub fn of(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Another one, which goes its own way from here.
    pub fn split(&mut self) -> Self {
        Self(self.number().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 up to, but not including, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.number()) * end as u128) >> 64) as usize
    }

    /// True on average once in this number of times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
