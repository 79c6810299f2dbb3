//! Says in plain words why a request's JSON cannot be used. The decoder's own messages use Rust's words, and seldom name the
//! member. This reads the JSON a second time, but only after the decoder has refused it.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// A member that an object may have.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) wants: Wants,
    pub(crate) is_required: bool,
}

impl Member {
    pub(crate) const fn optional(name: &'static str, wants: Wants) -> Self {
        Self { name, wants, is_required: false }
    }

    pub(crate) const fn required(name: &'static str, wants: Wants) -> Self {
        Self { name, wants, is_required: true }
    }
}

/// The values that a member may have.
#[derive(Clone, Copy)]
pub(crate) enum Wants {
    Anything,
    Text,
    TextOrInteger,
    /// A flag or a list may be missing, but not `null`.
    Flag,
    Milliseconds,
    List,
    Texts,
    Object(&'static [Member]),
}

impl Wants {
    fn describe(self) -> &'static str {
        match self {
            Self::Anything => "a value",
            Self::Text => "a string",
            Self::TextOrInteger => "a string or an integer",
            Self::Flag => "true or false",
            Self::Milliseconds => "milliseconds as a non-negative safe integer",
            Self::List => "a list",
            Self::Texts => "a list of strings",
            Self::Object(_) => "an object",
        }
    }

    fn fits(self, json: &str, is_required: bool) -> bool {
        let may_be_null = !is_required && matches!(self, Self::Text | Self::TextOrInteger | Self::Milliseconds);
        if json == "null" && may_be_null {
            return true;
        }
        let is_text = json.starts_with('"');
        match self {
            Self::Anything => true,
            Self::Text => is_text,
            Self::TextOrInteger => is_text || json.parse::<u64>().is_ok() || json.parse::<i64>().is_ok(),
            Self::Flag => json == "true" || json == "false",
            Self::Milliseconds => json.parse::<u64>().is_ok(),
            Self::List => json.starts_with('['),
            Self::Texts => serde_json::from_str::<Vec<String>>(json).is_ok(),
            Self::Object(_) => json.starts_with('{'),
        }
    }
}

/// Why the decoder has refused a body that should be an object with these members, or a list of such objects. `what` is the
/// object in words.
pub(crate) fn explain(body: &[u8], error: &serde_json::Error, what: &str, members: &[Member]) -> String {
    match error.classify() {
        _ if body.iter().all(u8::is_ascii_whitespace) => format!("body: got nothing, wants {what}"),
        Category::Eof => format!("body: got JSON that ends too early, wants {what}"),
        Category::Syntax | Category::Io => {
            let (line, column) = (error.line(), error.column());
            format!("body: got text that is not valid JSON at line {line}, column {column}, wants {what}")
        }
        Category::Data => {
            let many: Result<Vec<&RawValue>, _> = serde_json::from_slice(body);
            let found = match many {
                Ok(objects) => objects
                    .iter()
                    .enumerate()
                    .find_map(|(index, object)| misfit(Place::Item(index), object.get(), members, what)),
                Err(_) => std::str::from_utf8(body).ok().and_then(|body| misfit(Place::Body, body, members, what)),
            };
            found.unwrap_or_else(|| format!("body: got JSON that cannot be used, wants {what}"))
        }
    }
}

/// The place of an object in a body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// It is the whole body.
    Body,
    /// It is this one in a list.
    Item(usize),
    /// It is the member with this name of the object there.
    Member(&'a Place<'a>, &'a str),
}

impl Place<'_> {
    /// The name of a member of the object.
    pub(crate) fn member(self, name: &str) -> String {
        match self {
            Self::Body => name.to_owned(),
            place => format!("{place}.{name}"),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Item(index) => write!(f, "[{index}]"),
            Self::Member(place, name) => f.write_str(&place.member(name)),
        }
    }
}

/// Says that the object at this place has no member with this name. The value is not shown, because it may be anything.
pub(crate) fn unknown(place: &str, name: &str, known: &[&str]) -> String {
    let is_plain = name.len() <= LONG && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let name = if is_plain { format!(".{name}") } else { format!("[{}]", quoted(name)) };
    format!("{place}{name}: no such option; known are {}", known.join(", "))
}

/// The first reason why an object does not fit.
fn misfit(place: Place<'_>, json: &str, members: &[Member], what: &str) -> Option<String> {
    let Ok(Pairs(pairs)) = serde_json::from_str(json) else {
        return Some(format!("{place}: got {}, wants {what}", describe(json)));
    };
    let named = |name: &str| place.member(name);
    for (index, (name, value)) in pairs.iter().enumerate() {
        let json = value.get();
        let Some(member) = members.iter().find(|member| member.name == name) else {
            let known: Vec<_> = members.iter().map(|member| member.name).collect();
            return Some(unknown(&place.to_string(), name, &known));
        };
        if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
            return Some(format!("{}: got it twice, wants it once", named(name)));
        }
        if !member.wants.fits(json, member.is_required) {
            return Some(format!("{}: got {}, wants {}", named(name), describe(json), member.wants.describe()));
        }
        if let Wants::Object(members) = member.wants
            && let Some(misfit) = misfit(Place::Member(&place, name), json, members, what)
        {
            return Some(misfit);
        }
    }
    let is_missing = |member: &&Member| member.is_required && pairs.iter().all(|(name, _)| name != member.name);
    let missing = members.iter().find(is_missing)?;
    Some(format!("{}: got none, wants {}", named(missing.name), missing.wants.describe()))
}

/// A value in a few words. Long text is cut, because it came from a peer and goes back to it.
pub(crate) fn describe(json: &str) -> String {
    match json.trim_start().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(json).map_or_else(|_| "a string".to_owned(), |text| quoted(&text)),
        Some(b'[') => "a list".to_owned(),
        Some(b'{') => "an object".to_owned(),
        _ if json.len() > LONG => "a long number".to_owned(),
        _ => json.trim().to_owned(),
    }
}

/// The maximum number of characters of a peer's text that a message repeats.
const LONG: usize = 40;

/// A peer's text in a message: cut, and as JSON, which escapes control characters.
pub(crate) fn quoted(text: &str) -> String {
    let start: String = text.chars().take(LONG).collect();
    let cut = if start.len() < text.len() { "…" } else { "" };
    format!("{}{cut}", serde_json::Value::from(start))
}

/// The members of an object as they are written, also those that appear twice.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor).map(Self)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}
