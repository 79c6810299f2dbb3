//! Options as data. A struct of options lists its fields once: name, kind and bounds. Its `Default` has their defaults. Reading,
//! checking, comparing and describing options all go by that list.
//!
//! * [`Fields`]: the list; [`slot`]: where a field keeps its value, with the kinds of values; [`number`]: numbers with their units.
//! * [`Value`]: a value from outside; [`Source`]: an object from outside that fields are read from.
//!
//! ```
//! use ssekit_core::schema::{Fields, Schema};
//!
//! #[derive(Clone, Default)]
//! struct Options {
//!     port: u16,
//!     anonymous: bool,
//! }
//!
//! impl Schema for Options {
//!     fn fields(&mut self) -> Fields<'_> {
//!         Fields::default().count("port", &mut self.port, 0..=65_535).flag("anonymous", &mut self.anonymous)
//!     }
//! }
//!
//! assert_eq!(Options { port: 80, ..Options::default() }.difference(&Options::default()), Some("port".to_owned()));
//! ```

mod describe;
mod fields;
pub mod number;
mod read;
pub mod slot;
#[cfg(test)]
mod tests;
mod value;

pub use describe::Description;
pub use fields::{Field, Fields};
pub use read::{Names, Source};
pub use value::Value;

use crate::error::Result;

/// Options that list their fields.
pub trait Schema {
    /// Its fields, by their names in JavaScript.
    fn fields(&mut self) -> Fields<'_>;

    /// Checks that every value is within its bounds.
    ///
    /// # Errors
    /// A value is out of bounds; the message says `argument` and the option's name in JavaScript.
    fn check_bounds(&self, argument: &str) -> Result<()>
    where
        Self: Clone + Sized,
    {
        self.clone().fields().check(argument)
    }

    /// The name of the first option in which two differ.
    fn difference(&self, other: &Self) -> Option<String>
    where
        Self: Clone + Sized,
    {
        let (own, other) = (self.clone().fields().values(), other.clone().fields().values());
        let only = |all: &[(String, Value)], of: &[(String, Value)]| {
            of.iter().find(|field| !all.contains(field)).map(|(name, _)| name.clone())
        };
        only(&other, &own).or_else(|| only(&own, &other))
    }

    /// Describes each option.
    fn describe() -> Vec<Description>
    where
        Self: Default + Sized,
    {
        Self::default().fields().describe()
    }
}
