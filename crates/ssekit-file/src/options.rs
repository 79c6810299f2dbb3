//! Options: where the folder is, and how much of the history it keeps.

use std::path::PathBuf;
use std::time::Duration;

use ssekit_core::error::{Error, Result};
use ssekit_core::schema::slot::{Slot, Unfit, ValueKind};
use ssekit_core::schema::{Fields, Schema, Value};

/// Options for a history in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// The folder. It is made if it is not there. A relative path counts from the working folder of the process.
    pub dir: PathBuf,
    /// The events that survive a loss of power. Default: [`Durability::Process`].
    pub durability: Durability,
    /// The age at which an event may be forgotten, one second to 2^40 ms. Default: one day.
    pub max_age: Duration,
    /// The number of events that are kept, 100 to 100,000,000. Default: 100,000.
    pub max_events: u64,
    /// The bytes of those events, 1 MiB to 2^40; the newest are always kept. The files are somewhat larger. Default: 256 MiB.
    pub max_bytes: u64,
}

/// The durability of an event before anybody gets it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// The operating system has it: it survives the end of every process. After a loss of power, a new epoch begins, because
    /// the newest events may be gone.
    #[default]
    Process,
    /// The disk has it: it survives a loss of power.
    Always,
}

impl Durability {
    const NAMES: [&str; 2] = ["process", "always"];

    fn name(self) -> &'static str {
        let [process, always] = Self::NAMES;
        match self {
            Self::Process => process,
            Self::Always => always,
        }
    }
}

impl FileOptions {
    /// Options for this folder, with defaults for the rest.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::default(),
            max_age: Duration::from_secs(24 * 60 * 60),
            max_events: 100_000,
            max_bytes: 256 << 20,
        }
    }

    /// Checks all options.
    ///
    /// # Errors
    /// Says which option is invalid and why.
    pub fn validate(&self) -> Result<()> {
        self.check_bounds("options.backplane")?;
        let unfit = |what| Error::argument(format!("options.backplane.file: got {what}, wants the path of a folder"));
        let Some(dir) = self.dir.to_str() else { return Err(unfit("a path that is not Unicode")) };
        if dir.is_empty() {
            return Err(unfit("an empty string"));
        }
        if dir.chars().any(char::is_control) {
            return Err(unfit("a path with a control character"));
        }
        Ok(())
    }
}

impl Schema for FileOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .text("file", &mut self.dir)
            .slot("durability", DurabilitySlot(&mut self.durability))
            .millis("maxAgeMs", &mut self.max_age, 1_000..=1 << 40)
            .count("maxEvents", &mut self.max_events, 100..=100_000_000)
            .count("maxBytes", &mut self.max_bytes, 1 << 20..=1 << 40)
    }
}

struct DurabilitySlot<'a>(&'a mut Durability);

impl Slot for DurabilitySlot<'_> {
    fn kind(&self) -> ValueKind {
        ValueKind::Choice(Durability::NAMES)
    }

    fn get(&self) -> Value {
        Value::Text(self.0.name().to_owned())
    }

    fn put(&mut self, value: Value) -> std::result::Result<(), Unfit> {
        let Value::Text(text) = value else { return Err(Unfit::Kind) };
        let named = |durability: &Durability| durability.name() == text;
        *self.0 = [Durability::Process, Durability::Always].into_iter().find(named).ok_or(Unfit::Kind)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(options: &FileOptions) -> String {
        options.validate().unwrap_err().to_string()
    }

    #[test]
    fn unusable_folder_is_refused_by_name() {
        assert_eq!(FileOptions::at(".data/ssekit").validate(), Ok(()));
        for (dir, what) in [
            ("", "an empty string"),
            ("a\0b", "a path with a control character"),
            ("\u{1b}[2J", "a path with a control character"),
        ] {
            let wanted = format!("options.backplane.file: got {what}, wants the path of a folder");
            assert_eq!(refusal(&FileOptions::at(dir)), wanted);
        }
    }

    #[test]
    fn bound_outside_its_range_is_refused_by_name() {
        let options = FileOptions { max_events: 99, ..FileOptions::at("x") };
        assert_eq!(refusal(&options), "options.backplane.maxEvents: got 99, wants an integer from 100 to 100,000,000");
        let options = FileOptions { max_age: Duration::ZERO, ..FileOptions::at("x") };
        assert!(refusal(&options).starts_with("options.backplane.maxAgeMs: got 0, wants"), "{}", refusal(&options));
        let options = FileOptions { max_bytes: 0, ..FileOptions::at("x") };
        assert!(refusal(&options).starts_with("options.backplane.maxBytes: got 0, wants"), "{}", refusal(&options));
    }

    #[test]
    fn durability_is_chosen_by_name() {
        let mut durability = Durability::Process;
        let mut slot = DurabilitySlot(&mut durability);
        assert_eq!(slot.put(Value::Text("always".into())), Ok(()));
        assert_eq!(slot.get(), Value::Text("always".into()));
        for other in [Value::Text("__proto__".into()), Value::Text(String::new()), Value::Flag(true), Value::Null] {
            assert_eq!(slot.put(other), Err(Unfit::Kind));
        }
        assert_eq!(durability, Durability::Always);
    }
}
