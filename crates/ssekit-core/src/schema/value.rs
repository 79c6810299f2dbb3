//! Values from outside.

use crate::error::grouped;

/// A value from outside Rust, as far as options need it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Undefined,
    /// `null`, which is no value of any option.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number, which need not be an integer.
    Number(f64),
    /// A string.
    Text(String),
    /// A buffer.
    Bytes(Vec<u8>),
    /// An array.
    List(Vec<Value>),
    /// An object's properties.
    Object(Vec<(String, Value)>),
    /// A value that no option can have: `a function`, for instance.
    Other(&'static str),
}

/// A longer string is only counted.
const LONG: usize = 4_096;

/// The maximum number of characters that an error shows of a string.
const SHOWN: usize = 40;

impl Value {
    /// Describes the value in a few words that are safe to print: strings are quoted and cut.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) if number.is_infinite() => if *number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) if text.len() > LONG => {
                format!("a string of {} characters", grouped(text.chars().count() as u64))
            }
            Self::Text(text) => match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{}…", quoted(text.get(..end).unwrap_or_default())),
                None => quoted(text),
            },
            _ => self.kind().to_owned(),
        }
    }

    /// Its kind, for values that must not be shown.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Null => "null",
            Self::Flag(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Bytes(_) => "a buffer",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
            Self::Other(what) => what,
        }
    }

    /// The value as JSON. Values that JSON does not have become `null`.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(values) => values.iter().map(Self::to_json).collect(),
            Self::Object(properties) => {
                properties.iter().map(|(name, value)| (name.clone(), value.to_json())).collect()
            }
            Self::Undefined | Self::Null | Self::Bytes(_) | Self::Other(_) => serde_json::Value::Null,
        }
    }
}

/// As JSON, which escapes control characters.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
