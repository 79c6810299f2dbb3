//! Options whose values are objects of one string.

use ssekit_core::schema::Value;
use ssekit_core::schema::slot::{Slot, Unfit, ValueKind};

use super::MetricsAccess;

/// The token that publishers present: `{ token }`.
pub(super) struct PublishSlot<'a>(pub(super) &'a mut Option<String>);

impl Slot for PublishSlot<'_> {
    fn kind(&self) -> ValueKind {
        ValueKind::Other { wants: "an object { token: string }" }
    }

    fn get(&self) -> Value {
        self.0.clone().map_or(Value::Undefined, Value::Text)
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        *self.0 = Some(token(value)?);
        Ok(())
    }
}

/// Access to `/metrics`: a flag, or `{ token }`.
pub(super) struct MetricsSlot<'a>(pub(super) &'a mut MetricsAccess);

impl Slot for MetricsSlot<'_> {
    fn kind(&self) -> ValueKind {
        ValueKind::Other { wants: "true, false or an object { token: string }" }
    }

    fn get(&self) -> Value {
        match &*self.0 {
            MetricsAccess::Off => Value::Flag(false),
            MetricsAccess::Open => Value::Flag(true),
            MetricsAccess::Token(token) => Value::Text(token.clone()),
        }
    }

    fn put(&mut self, value: Value) -> Result<(), Unfit> {
        *self.0 = match value {
            Value::Flag(false) => MetricsAccess::Off,
            Value::Flag(true) => MetricsAccess::Open,
            other => MetricsAccess::Token(token(other)?),
        };
        Ok(())
    }
}

fn token(value: Value) -> Result<String, Unfit> {
    let Value::Object(properties) = value else { return Err(Unfit::Kind) };
    match <[_; 1]>::try_from(properties) {
        Ok([(name, Value::Text(token))]) if name == "token" => Ok(token),
        _ => Err(Unfit::Kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, value: Value) -> Value {
        Value::Object(vec![(name.to_owned(), value)])
    }

    #[test]
    fn metrics_are_open_closed_or_have_a_token() {
        let mut access = MetricsAccess::Off;
        MetricsSlot(&mut access).put(Value::Flag(true)).unwrap();
        assert_eq!(access, MetricsAccess::Open);
        MetricsSlot(&mut access).put(object("token", Value::Text("t".into()))).unwrap();
        assert_eq!(access, MetricsAccess::Token("t".into()));
        MetricsSlot(&mut access).put(Value::Flag(false)).unwrap();
        assert_eq!(access, MetricsAccess::Off);
    }

    #[test]
    fn token_is_the_only_property() {
        let mut given = None;
        for wrong in [
            Value::Text("t".into()),
            Value::Flag(true),
            object("tokn", Value::Text("t".into())),
            object("token", Value::Number(5.0)),
            Value::Object(Vec::new()),
        ] {
            assert_eq!(PublishSlot(&mut given).put(wrong), Err(Unfit::Kind));
        }
        assert_eq!(given, None);
    }
}
