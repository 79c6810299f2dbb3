//! What there is to say about an option.

use super::fields::{Fields, Node};
use super::slot::{Slot, ValueKind};
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
        self.describe_group("", &mut all);
        all
    }

    fn describe_group(&mut self, group: &str, all: &mut Vec<Description>) {
        for field in &mut self.0 {
            let name = format!("{group}{}", field.name);
            match &mut field.node {
                Node::Slot(slot) => all.push(describe_slot(name, slot.as_ref())),
                Node::Group(fields) => fields.describe_group(&format!("{name}."), all),
                Node::Optional(optional) => optional.insert().describe_group(&format!("{name}."), all),
            }
        }
    }
}

fn describe_slot(name: String, slot: &dyn Slot) -> Description {
    Description { name, kind: slot.kind(), default: slot.get() }
}
