//! Options as JavaScript gives them: one JSON text, whose names and types JavaScript has checked. Converting each option
//! separately would take up a fiftieth of the addon.

use std::time::Duration;

use napi::Env;
use serde_json::{Map, Value};
use ssekit_core::Error;

use crate::error::throw;

/// Options by name. An option in a group has the group's name and a dot in front. Each option is taken once.
pub(crate) struct Given(Map<String, Value>);

impl Given {
    /// Reads all of `json`. An option that nobody takes is an error, because then the two sides disagree.
    pub(crate) fn read<T>(env: &Env, json: &str, read: impl FnOnce(&mut Self) -> T) -> napi::Result<T> {
        let mut given = Self::parse(json).map_err(|error| throw(env, &error))?;
        let result = read(&mut given);
        given.check_empty().map_err(|error| throw(env, &error))?;
        Ok(result)
    }

    fn parse(json: &str) -> Result<Self, Error> {
        // This is the only way in which JSON text from JavaScript can be unreadable.
        let unreadable = |_| Error::argument("options: half of a surrogate pair is in one of them");
        serde_json::from_slice(json.as_bytes()).map(Self).map_err(unreadable)
    }

    fn check_empty(self) -> Result<(), Error> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Error::argument(format!("options.{name}: native code does not know it"))),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A non-negative integer.
    pub(crate) fn number(&mut self, name: &str) -> Option<u64> {
        self.0.remove(name)?.as_u64()
    }

    pub(crate) fn count(&mut self, name: &str, default: usize) -> usize {
        self.number(name).map_or(default, |number| number as usize)
    }

    pub(crate) fn millis(&mut self, name: &str, default: Duration) -> Duration {
        self.number(name).map_or(default, Duration::from_millis)
    }

    pub(crate) fn seconds(&mut self, name: &str, default: Duration) -> Duration {
        self.number(name).map_or(default, Duration::from_secs)
    }

    pub(crate) fn flag(&mut self, name: &str, default: bool) -> bool {
        self.0.remove(name).and_then(|value| value.as_bool()).unwrap_or(default)
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        text(self.0.remove(name)?)
    }

    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        match self.0.remove(name) {
            Some(Value::Array(values)) => values.into_iter().filter_map(text).collect(),
            _ => Vec::new(),
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
