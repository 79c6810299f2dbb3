//! Where a field keeps its value, and which values it takes.

use std::path::PathBuf;

use super::value::Value;
use crate::error::{Error, grouped};

/// Where a field keeps its value.
pub trait Slot {
    /// The kind of its values.
    fn kind(&self) -> ValueKind;

    /// Its value. `Undefined` if it has none, or for a number without a bound.
    fn get(&self) -> Value;

    /// Takes a value that its kind accepts.
    ///
    /// # Errors
    /// The value is unfit for a reason that the kind does not know.
    fn put(&mut self, value: Value) -> Result<(), Unfit>;
}

/// Why a value is unfit for its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It is of another kind.
    Kind,
    /// It is a number out of bounds, or not an integer.
    Bounds,
    /// The error says why.
    Other(Error),
}

/// A kind of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// `true` or `false`.
    Flag,
    /// One of these strings.
    Choice([&'static str; 2]),
    /// An integer.
    Number {
        /// The smallest value.
        least: u64,
        /// The largest value.
        most: u64,
    },
    /// A string.
    Text,
    /// PEM, as a string or a buffer.
    Pem,
    /// An array of strings.
    Texts,
    /// An array of strings, or one string alone.
    TextOrTexts,
    /// Anything; the slot itself checks it.
    Other {
        /// The wanted values, as an error names them.
        wants: &'static str,
    },
}

impl ValueKind {
    /// The wanted values, as an error names them.
    pub(super) fn wants(self) -> String {
        match self {
            Self::Flag => "true or false".into(),
            Self::Choice([one, other]) => format!("'{one}' or '{other}'"),
            Self::Number { least, most } => format!("an integer from {} to {}", grouped(least), grouped(most)),
            Self::Text => "a string".into(),
            Self::Pem => "PEM as a string or a buffer".into(),
            Self::Texts => "an array of strings".into(),
            Self::TextOrTexts => "a string, or an array of strings".into(),
            Self::Other { wants } => wants.into(),
        }
    }

    /// Whether objects in its values are read as well.
    pub(super) fn has_objects(self) -> bool {
        matches!(self, Self::Other { .. })
    }

    pub(super) fn check(self, value: &Value) -> Result<(), Unfit> {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        let fits = match (self, value) {
            (Self::Other { .. }, _) | (Self::Flag, Value::Flag(_)) | (Self::Pem, Value::Bytes(_)) => true,
            (Self::Text | Self::Pem | Self::TextOrTexts, Value::Text(_)) => true,
            (Self::Choice(names), Value::Text(text)) => names.contains(&text.as_str()),
            (Self::Texts | Self::TextOrTexts, Value::List(values)) => values.iter().all(is_text),
            (Self::Number { least, most }, Value::Number(number)) => {
                let is_within = number.fract() == 0.0 && (least as f64..=most as f64).contains(number);
                return if is_within { Ok(()) } else { Err(Unfit::Bounds) };
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(Unfit::Kind) }
    }
}

impl Slot for &mut bool {
    fn kind(&self) -> ValueKind {
        ValueKind::Flag
    }

    fn get(&self) -> Value {
        Value::Flag(**self)
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Flag(flag) = value else { return Err(Unfit::Kind) };
        **self = flag;
        Ok(())
    }
}

/// A flag that has one name for `true`, and another for `false`.
pub(super) struct Choice<'a> {
    pub(super) flag: &'a mut bool,
    pub(super) names: [&'static str; 2],
}

impl Slot for Choice<'_> {
    fn kind(&self) -> ValueKind {
        ValueKind::Choice(self.names)
    }

    fn get(&self) -> Value {
        let [when_true, when_false] = self.names;
        Value::Text(if *self.flag { when_true } else { when_false }.to_owned())
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Text(text) = value else { return Err(Unfit::Kind) };
        let [when_true, _] = self.names;
        *self.flag = text == when_true;
        Ok(())
    }
}

/// Where a string is kept.
pub trait Text {
    /// The string.
    fn load(&self) -> Option<&str>;
    /// Keeps a string.
    fn store(&mut self, text: String);
}

impl Text for String {
    fn load(&self) -> Option<&str> {
        Some(self)
    }

    fn store(&mut self, text: String) {
        *self = text;
    }
}

impl Text for Option<String> {
    fn load(&self) -> Option<&str> {
        self.as_deref()
    }

    fn store(&mut self, text: String) {
        *self = Some(text);
    }
}

impl Text for PathBuf {
    fn load(&self) -> Option<&str> {
        self.to_str()
    }

    fn store(&mut self, text: String) {
        *self = text.into();
    }
}

impl Text for Option<PathBuf> {
    fn load(&self) -> Option<&str> {
        self.as_ref()?.to_str()
    }

    fn store(&mut self, text: String) {
        *self = Some(text.into());
    }
}

/// A string, which may be PEM.
pub(super) struct TextSlot<'a, T> {
    pub(super) text: &'a mut T,
    pub(super) kind: ValueKind,
}

impl<T: Text> Slot for TextSlot<'_, T> {
    fn kind(&self) -> ValueKind {
        self.kind
    }

    fn get(&self) -> Value {
        self.text.load().map_or(Value::Undefined, |text| Value::Text(text.to_owned()))
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        self.text.store(match value {
            Value::Text(text) => text,
            // PEM is ASCII. Its parser finds out if these bytes are not.
            Value::Bytes(bytes) => bytes.into_iter().map(char::from).collect(),
            _ => return Err(Unfit::Kind),
        });
        Ok(())
    }
}

/// A list of strings.
pub(super) struct Texts<'a> {
    pub(super) texts: &'a mut Vec<String>,
    pub(super) kind: ValueKind,
}

impl Slot for Texts<'_> {
    fn kind(&self) -> ValueKind {
        self.kind
    }

    fn get(&self) -> Value {
        Value::List(self.texts.iter().cloned().map(Value::Text).collect())
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        let text = |value| if let Value::Text(text) = value { Some(text) } else { None };
        *self.texts = match value {
            Value::List(values) => values.into_iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        };
        Ok(())
    }
}
