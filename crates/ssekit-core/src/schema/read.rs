//! Reads options from an object from outside.

use super::fields::{Field, Fields, Node};
use super::slot::{Slot, Unfit, ValueKind};
use super::value::Value;
use crate::error::Error;

/// A value from outside that has not been read yet. To read it may run its owner's code, which may fail.
pub trait Source: Sized {
    /// The error of a failed read.
    type Error;

    /// The value. Objects within it are read only if `with_objects`.
    ///
    /// # Errors
    /// It cannot be read.
    fn value(&self, with_objects: bool) -> Result<Value, Self::Error>;

    /// Its own properties; `None` if it is no object, or is an array or a buffer.
    ///
    /// # Errors
    /// It cannot be read.
    fn properties(&self) -> Result<Option<Vec<(String, Self)>>, Self::Error>;

    /// The error that tells the value's owner about this one.
    fn refuse(&self, error: Error) -> Self::Error;
}

/// A value that has been read already.
impl Source for Value {
    type Error = Error;

    fn value(&self, _with_objects: bool) -> Result<Value, Error> {
        Ok(self.clone())
    }

    fn properties(&self) -> Result<Option<Vec<(String, Self)>>, Error> {
        Ok(if let Self::Object(properties) = self { Some(properties.clone()) } else { None })
    }

    fn refuse(&self, error: Error) -> Error {
        error
    }
}

/// The names of the options that were given, with those of their groups: `history.maxEvents`.
#[derive(Debug, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// Whether this option was given.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|other| other == name)
    }
}

impl Fields<'_> {
    /// Sets the options that `source` has. `argument` is its name in errors.
    ///
    /// # Errors
    /// An option is unknown, of another kind, out of its bounds or missing. Some options may have been set before that.
    pub fn read<S: Source>(mut self, argument: &str, source: &S) -> Result<Names, S::Error> {
        let mut given = Names::default();
        self.read_group(argument, "", source, &mut given)?;
        Ok(given)
    }

    fn read_group<S: Source>(
        &mut self,
        argument: &str,
        group: &str,
        source: &S,
        given: &mut Names,
    ) -> Result<(), S::Error> {
        let Some(properties) = source.properties()? else {
            let value = source.value(false)?;
            // A string may be one of the options by mistake, without the object around it.
            let got = shown(&value, self.has_secret() && matches!(value, Value::Text(_)));
            return Err(source.refuse(Error::argument(format!("{argument}: got {got}, wants an object"))));
        };
        for (name, source) in properties {
            let value = source.value(false)?;
            if value == Value::Undefined {
                continue;
            }
            let argument = format!("{argument}.{name}");
            let Some(field) = self.find(&name) else {
                return Err(source.refuse(self.unknown(&argument)));
            };
            field.read(&argument, &format!("{group}{name}"), &source, given)?;
        }
        self.check_required(argument, group, given).map_err(|error| source.refuse(error))
    }

    /// The value is not shown, because it may be anything, even a secret under a misspelt name.
    fn unknown(&self, argument: &str) -> Error {
        let known: Vec<_> = self.0.iter().map(|field| field.name).collect();
        Error::argument(format!("{argument}: no such option; known are {}", known.join(", ")))
    }

    fn check_required(&self, argument: &str, group: &str, given: &Names) -> Result<(), Error> {
        let missing = |field: &&Field<'_>| field.is_required && !given.has(&format!("{group}{}", field.name));
        match self.0.iter().find(missing) {
            Some(Field { name, node: Node::Slot(slot), .. }) => {
                Err(unfit(&format!("{argument}.{name}"), &Value::Undefined, slot.kind(), false))
            }
            _ => Ok(()),
        }
    }
}

impl Field<'_> {
    fn read<S: Source>(&mut self, argument: &str, name: &str, source: &S, given: &mut Names) -> Result<(), S::Error> {
        given.0.push(name.to_owned());
        let group = format!("{name}.");
        match &mut self.node {
            Node::Slot(slot) => {
                let value = source.value(slot.kind().has_objects())?;
                set(slot.as_mut(), argument, value, self.is_secret).map_err(|error| source.refuse(error))
            }
            Node::Group(fields) => fields.read_group(argument, &group, source, given),
            Node::Optional(optional) => optional.insert().read_group(argument, &group, source, given),
        }
    }
}

fn set(slot: &mut dyn Slot, argument: &str, value: Value, is_secret: bool) -> Result<(), Error> {
    let kind = slot.kind();
    match kind.check(&value).and_then(|()| slot.put(value.clone())) {
        Ok(()) => Ok(()),
        Err(Unfit::Kind) => Err(unfit(argument, &value, kind, is_secret)),
        Err(Unfit::Bounds) => {
            Err(Error::range(format!("{argument}: got {}, wants {}", value.describe(), kind.wants())))
        }
        Err(Unfit::Other(error)) => Err(error),
    }
}

fn unfit(argument: &str, value: &Value, kind: ValueKind, is_secret: bool) -> Error {
    Error::argument(format!("{argument}: got {}, wants {}", shown(value, is_secret), kind.wants()))
}

fn shown(value: &Value, is_secret: bool) -> String {
    if is_secret { value.kind().to_owned() } else { value.describe() }
}
