//! Options of channels, by the beginning of their names.

use crate::error::Error;
use crate::event::check_channel_at;
use crate::history::log::LogBounds;
use crate::options::{MANY, TEBI};
use crate::schema::slot::{Slot, Unfit, ValueKind};
use crate::schema::{Fields, Schema, Value};

/// Options of some channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelOptions {
    /// Whether clients of the channel learn who comes and goes, by `ssekit:join` and `ssekit:leave`. Default: false.
    pub presence: bool,
    /// Bounds of the channel's log, in place of those of all logs.
    pub history: Option<LogBounds>,
}

impl Schema for ChannelOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default().flag("presence", &mut self.presence).optional("history", &mut self.history)
    }
}

impl Schema for LogBounds {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default().count("maxEvents", &mut self.max_events, 1..=MANY).count(
            "maxBytes",
            &mut self.max_bytes,
            1_024..=TEBI,
        )
    }
}

/// Options of channels by name. A name with `*` at its end stands for all that begin like it, and the longest one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelKinds(Vec<(String, ChannelOptions)>);

impl ChannelKinds {
    /// Adds the options of a channel, or of all that begin alike.
    ///
    /// # Errors
    /// No channel can have such a name, or it is there already.
    pub fn add(&mut self, pattern: &str, options: ChannelOptions) -> Result<(), Error> {
        let start = pattern.strip_suffix('*').unwrap_or(pattern);
        if !(start.is_empty() && pattern == "*") {
            check_channel_at(&at(pattern), start)?;
        }
        if self.0.iter().any(|(known, _)| known == pattern) {
            return Err(Error::argument(format!("{}: got it twice, wants each name once", at(pattern))));
        }
        self.0.push((pattern.to_owned(), options));
        Ok(())
    }

    /// The options of the channel with this name.
    pub fn of(&self, channel: &str) -> ChannelOptions {
        let length = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => channel.starts_with(start).then_some(start.len()),
            // A whole name is longer than any of its beginnings.
            None => (channel == pattern).then_some(usize::MAX),
        };
        let fitting = self.0.iter().filter_map(|(pattern, options)| Some((length(pattern)?, options)));
        fitting.max_by_key(|(length, _)| *length).map_or_else(ChannelOptions::default, |(_, options)| *options)
    }
}

fn at(pattern: &str) -> String {
    format!("options.channels[{}]", serde_json::Value::from(pattern))
}

/// An object with the options of each pattern.
pub(super) struct KindsSlot<'a>(pub(super) &'a mut ChannelKinds);

impl Slot for KindsSlot<'_> {
    fn kind(&self) -> ValueKind {
        ValueKind::Other { wants: "an object of channel names, with the options of each" }
    }

    fn get(&self) -> Value {
        // Only good for a comparison.
        let mut kinds: Vec<_> =
            self.0.0.iter().map(|(name, options)| (name.clone(), Value::Text(format!("{options:?}")))).collect();
        kinds.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Value::Object(kinds)
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Object(kinds) = value else { return Err(Unfit::Kind) };
        let mut read = ChannelKinds::default();
        for (pattern, value) in kinds {
            let mut options = ChannelOptions::default();
            options.fields().read(&at(&pattern), &value).map_err(Unfit::Other)?;
            options.check_bounds(&at(&pattern)).map_err(Unfit::Other)?;
            read.add(&pattern, options).map_err(Unfit::Other)?;
        }
        *self.0 = read;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn object(text: &str) -> Value {
        fn value(json: serde_json::Value) -> Value {
            match json {
                serde_json::Value::Bool(flag) => Value::Flag(flag),
                serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap()),
                serde_json::Value::String(text) => Value::Text(text),
                serde_json::Value::Object(map) => {
                    Value::Object(map.into_iter().map(|(name, json)| (name, value(json))).collect())
                }
                _ => Value::Null,
            }
        }
        value(serde_json::from_str(text).unwrap())
    }

    fn kinds(text: &str) -> Result<ChannelKinds, String> {
        let mut options = Options::default();
        let source = Value::Object(vec![("channels".into(), object(text))]);
        options.fields().read("options", &source).map_err(|error| error.to_string())?;
        Ok(options.channels)
    }

    #[test]
    fn longest_beginning_counts() {
        let kinds = kinds(
            r#"{ "*": { "history": { "maxEvents": 1 } }, "order:*": { "presence": true },
                 "order:4*": { "history": { "maxEvents": 4 } }, "order:42": { "presence": false } }"#,
        )
        .unwrap();
        let of = |name: &str| {
            let ChannelOptions { presence, history } = kinds.of(name);
            (presence, history.map(|history| history.max_events))
        };
        assert_eq!(of("news"), (false, Some(1)));
        assert_eq!(of("order:"), (true, None));
        assert_eq!(of("order:5"), (true, None));
        assert_eq!(of("order:4"), (false, Some(4)));
        assert_eq!(of("order:42"), (false, None));
        assert_eq!(ChannelKinds::default().of("news"), ChannelOptions::default());
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        for (text, message) in [
            (r#"{ "": {} }"#, r#"options.channels[""]: got an empty string"#),
            ("{ \"a\\n*\": {} }", r#"options.channels["a\n*"]: got the control character U+000A"#),
            (
                r#"{ "a": { "presense": true } }"#,
                r#"options.channels["a"].presense: no such option; known are presence, history"#,
            ),
            (r#"{ "a": { "presence": 1 } }"#, r#"options.channels["a"].presence: got 1, wants true or false"#),
            (
                r#"{ "a": { "history": { "maxEvents": 0 } } }"#,
                r#"options.channels["a"].history.maxEvents: got 0, wants"#,
            ),
            (r#"{ "a": 5 }"#, r#"options.channels["a"]: got 5, wants an object"#),
            ("5", "options.channels: got 5, wants an object of channel names"),
        ] {
            let error = kinds(text).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
