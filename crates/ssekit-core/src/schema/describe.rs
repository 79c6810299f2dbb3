//! Descriptions of options, for documentation and tests.

use super::fields::Fields;
use super::slot::ValueKind;
use super::value::Value;

/// An option, as its documentation describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Its name, with those of its groups: `history.maxEvents`.
    pub name: String,
    /// The kind of its values.
    pub kind: ValueKind,
    /// Its value unless another is given. `Undefined`: none, or no bound.
    pub default: Value,
}

impl Fields<'_> {
    /// Describes every option, including those of groups that are not there.
    pub fn describe(mut self) -> Vec<Description> {
        let mut all = Vec::new();
        self.visit("", true, &mut |name, slot| {
            all.push(Description { name: name.to_owned(), kind: slot.kind(), default: slot.get() });
        });
        all
    }
}
