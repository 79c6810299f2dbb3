//! Numbers, as options keep them.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::slot::{Slot, Unfit, ValueKind};
use super::value::Value;

/// Where an integer is kept. The largest value that fits is read as `u64::MAX`.
pub trait Integer {
    /// The integer.
    fn load(&self) -> u64;
    /// Keeps an integer; one that does not fit becomes the largest that does.
    fn store(&mut self, number: u64);
}

impl Integer for usize {
    fn load(&self) -> u64 {
        if *self == Self::MAX { u64::MAX } else { *self as u64 }
    }

    fn store(&mut self, number: u64) {
        *self = Self::try_from(number).unwrap_or(Self::MAX);
    }
}

impl Integer for u64 {
    fn load(&self) -> u64 {
        *self
    }

    fn store(&mut self, number: u64) {
        *self = number;
    }
}

impl Integer for u16 {
    fn load(&self) -> u64 {
        (*self).into()
    }

    fn store(&mut self, number: u64) {
        *self = Self::try_from(number).unwrap_or(Self::MAX);
    }
}

/// A time as an integer of milliseconds.
pub(super) struct Millis<'a>(pub(super) &'a mut Duration);

impl Integer for Millis<'_> {
    fn load(&self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    fn store(&mut self, number: u64) {
        *self.0 = Duration::from_millis(number);
    }
}

/// A time as an integer of seconds.
pub(super) struct Seconds<'a>(pub(super) &'a mut Duration);

impl Integer for Seconds<'_> {
    fn load(&self) -> u64 {
        self.0.as_secs()
    }

    fn store(&mut self, number: u64) {
        *self.0 = Duration::from_secs(number);
    }
}

impl<T: Integer> Integer for &mut T {
    fn load(&self) -> u64 {
        (**self).load()
    }

    fn store(&mut self, number: u64) {
        (**self).store(number);
    }
}

/// An integer within bounds.
pub(super) struct Bounded<T> {
    pub(super) integer: T,
    pub(super) bounds: RangeInclusive<u64>,
    /// Whether `u64::MAX` means that there is no bound.
    pub(super) may_be_unbounded: bool,
}

impl<T: Integer> Slot for Bounded<T> {
    fn kind(&self) -> ValueKind {
        ValueKind::Number { least: *self.bounds.start(), most: *self.bounds.end() }
    }

    fn get(&self) -> Value {
        match self.integer.load() {
            u64::MAX if self.may_be_unbounded => Value::Undefined,
            number => Value::Number(number as f64),
        }
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Number(number) = value else { return Err(Unfit::Kind) };
        self.integer.store(number as u64);
        Ok(())
    }
}
