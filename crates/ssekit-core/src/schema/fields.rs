//! The list of a struct's options.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Schema;
use super::number::{Bounded, Integer, Millis, Seconds};
use super::slot::{Choice, Slot, Text, TextSlot, Texts, Unfit, ValueKind};
use super::value::Value;
use crate::error::{Error, Result};

/// The options of a struct, each with its name in JavaScript, its slot and its kind.
#[derive(Default)]
pub struct Fields<'a>(pub(super) Vec<Field<'a>>);

/// One option, or a group of options.
pub struct Field<'a> {
    pub(super) name: &'static str,
    pub(super) node: Node<'a>,
    /// Errors must not show its value.
    pub(super) is_secret: bool,
    /// Its group must have it.
    pub(super) is_required: bool,
}

pub(super) enum Node<'a> {
    Slot(Box<dyn Slot + 'a>),
    Group(Fields<'a>),
    Optional(Box<dyn OptionalGroup + 'a>),
}

/// A group of options that need not be there.
pub(super) trait OptionalGroup {
    /// Its fields, if it is there.
    fn fields(&mut self) -> Option<Fields<'_>>;
    /// Its fields. If it is not there, they now have their defaults.
    fn insert(&mut self) -> Fields<'_>;
}

impl<T: Schema + Default> OptionalGroup for &mut Option<T> {
    fn fields(&mut self) -> Option<Fields<'_>> {
        self.as_mut().map(Schema::fields)
    }

    fn insert(&mut self) -> Fields<'_> {
        self.get_or_insert_default().fields()
    }
}

impl<'a> Fields<'a> {
    /// An option that is true or false.
    pub fn flag(self, name: &'static str, flag: &'a mut bool) -> Self {
        self.slot(name, flag)
    }

    /// A flag with a name for `true`, and another for `false`.
    pub fn choice(self, name: &'static str, flag: &'a mut bool, names: [&'static str; 2]) -> Self {
        self.slot(name, Choice { flag, names })
    }

    /// An integer.
    pub fn count(self, name: &'static str, integer: &'a mut impl Integer, bounds: RangeInclusive<u64>) -> Self {
        self.slot(name, Bounded { integer, bounds, may_be_unbounded: false })
    }

    /// An integer. The largest that fits means that there is no bound, which JavaScript says by leaving the option out.
    pub fn bound(self, name: &'static str, integer: &'a mut impl Integer, bounds: RangeInclusive<u64>) -> Self {
        self.slot(name, Bounded { integer, bounds, may_be_unbounded: true })
    }

    /// A time in milliseconds.
    pub fn millis(self, name: &'static str, time: &'a mut Duration, bounds: RangeInclusive<u64>) -> Self {
        self.slot(name, Bounded { integer: Millis(time), bounds, may_be_unbounded: false })
    }

    /// A time in milliseconds. The longest means that there is no bound, which JavaScript says by leaving the option out.
    pub fn millis_bound(self, name: &'static str, time: &'a mut Duration, bounds: RangeInclusive<u64>) -> Self {
        self.slot(name, Bounded { integer: Millis(time), bounds, may_be_unbounded: true })
    }

    /// A time in seconds.
    pub fn seconds(self, name: &'static str, time: &'a mut Duration, bounds: RangeInclusive<u64>) -> Self {
        self.slot(name, Bounded { integer: Seconds(time), bounds, may_be_unbounded: false })
    }

    /// A string.
    pub fn text(self, name: &'static str, text: &'a mut impl Text) -> Self {
        self.slot(name, TextSlot { text, kind: ValueKind::Text })
    }

    /// PEM, as a string or a buffer. Errors do not show it.
    pub fn pem(self, name: &'static str, text: &'a mut impl Text) -> Self {
        self.slot(name, TextSlot { text, kind: ValueKind::Pem }).secret()
    }

    /// An array of strings.
    pub fn texts(self, name: &'static str, texts: &'a mut Vec<String>) -> Self {
        self.slot(name, Texts { texts, kind: ValueKind::Texts })
    }

    /// An array of strings, or one string alone.
    pub fn text_or_texts(self, name: &'static str, texts: &'a mut Vec<String>) -> Self {
        self.slot(name, Texts { texts, kind: ValueKind::TextOrTexts })
    }

    /// An option of any kind.
    pub fn slot(self, name: &'static str, slot: impl Slot + 'a) -> Self {
        self.with(name, Node::Slot(Box::new(slot)))
    }

    /// A group of options.
    pub fn group(self, name: &'static str, group: &'a mut impl Schema) -> Self {
        self.with(name, Node::Group(group.fields()))
    }

    /// A group of options that need not be there.
    pub fn optional(self, name: &'static str, group: &'a mut Option<impl Schema + Default>) -> Self {
        self.with(name, Node::Optional(Box::new(group)))
    }

    /// Errors must not show the value of the field that was added last.
    #[must_use]
    pub fn secret(mut self) -> Self {
        if let Some(field) = self.0.last_mut() {
            field.is_secret = true;
        }
        self
    }

    /// The group must have the field that was added last.
    #[must_use]
    pub fn required(mut self) -> Self {
        if let Some(field) = self.0.last_mut() {
            field.is_required = true;
        }
        self
    }

    /// Puts more fields in front of those in the group with this name.
    #[must_use]
    pub fn join(mut self, name: &'static str, more: Self) -> Self {
        if let Some(Node::Group(group)) = self.find(name).map(|field| &mut field.node) {
            group.0.splice(0..0, more.0);
        }
        self
    }

    fn with(mut self, name: &'static str, node: Node<'a>) -> Self {
        self.0.push(Field { name, node, is_secret: false, is_required: false });
        self
    }

    pub(super) fn find(&mut self, name: &str) -> Option<&mut Field<'a>> {
        self.0.iter_mut().find(|field| field.name == name)
    }

    /// Whether errors must not show the value of one of these fields.
    pub(super) fn has_secret(&self) -> bool {
        self.0.iter().any(|field| field.is_secret)
    }

    /// Calls `each` with every option and its name with those of its groups. `absent` says whether groups that are not there
    /// are visited, too; they then have their defaults.
    pub(super) fn visit(&mut self, group: &str, absent: bool, each: &mut dyn FnMut(&str, &mut dyn Slot)) {
        for field in &mut self.0 {
            let name = format!("{group}{}", field.name);
            match &mut field.node {
                Node::Slot(slot) => each(&name, slot.as_mut()),
                Node::Group(fields) => fields.visit(&format!("{name}."), absent, each),
                Node::Optional(optional) => {
                    let fields = if absent { Some(optional.insert()) } else { optional.fields() };
                    if let Some(mut fields) = fields {
                        fields.visit(&format!("{name}."), absent, each);
                    }
                }
            }
        }
    }

    /// Every option that is there, with its value.
    pub(super) fn values(mut self) -> Vec<(String, Value)> {
        let mut values = Vec::new();
        self.visit("", false, &mut |name, slot| values.push((name.to_owned(), slot.get())));
        values
    }

    /// Checks every number against its bounds.
    pub(super) fn check(mut self, argument: &str) -> Result<()> {
        let mut result = Ok(());
        self.visit(&format!("{argument}."), false, &mut |name, slot| {
            let (kind, value) = (slot.kind(), slot.get());
            if result.is_ok() && kind.check(&value) == Err(Unfit::Bounds) {
                result = Err(Error::range(format!("{name}: got {}, wants {}", value.describe(), kind.wants())));
            }
        });
        result
    }
}
