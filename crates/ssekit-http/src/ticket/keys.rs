//! Public keys, as an option.

use ssekit_core::schema::Value;
use ssekit_core::schema::slot::{Slot, Unfit, ValueKind};

use super::PublicKey;

/// An array of JSON Web Keys.
pub(super) struct KeysSlot<'a>(pub(super) &'a mut Vec<PublicKey>);

impl Slot for KeysSlot<'_> {
    fn kind(&self) -> ValueKind {
        ValueKind::Other { wants: "an array of JSON Web Keys" }
    }

    /// Only good for a comparison.
    fn get(&self) -> Value {
        Value::List(self.0.iter().map(|key| Value::Text(format!("{key:?}"))).collect())
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::List(keys) = value else { return Err(Unfit::Kind) };
        let read = |(index, key): (usize, &Value)| {
            PublicKey::in_argument(&format!("options.tickets.keys[{index}]"), &key.to_json().to_string())
        };
        let keys: Result<_, _> = keys.iter().enumerate().map(read).collect();
        *self.0 = keys.map_err(Unfit::Other)?;
        Ok(())
    }
}
