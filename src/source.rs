//! JavaScript values, as options read them.

use napi::bindgen_prelude::{JsObjectValue, JsValue, Object, Unknown};
use napi::{Env, JsString, KeyCollectionMode, KeyConversion, KeyFilter, ValueType};
use ssekit_core::Error;
use ssekit_core::schema::{Fields, Names, Source, Value};

use crate::error::throw;

/// Objects within objects are read no deeper than a JSON Web Key needs.
const DEEPEST: usize = 4;

/// Sets options from a JavaScript object, which errors call `argument`.
pub(crate) fn read(env: Env, argument: &str, options: Unknown<'_>, fields: Fields<'_>) -> napi::Result<Names> {
    fields.read(argument, &JsSource { env, value: options })
}

struct JsSource<'a> {
    env: Env,
    value: Unknown<'a>,
}

impl Source for JsSource<'_> {
    type Error = napi::Error;

    fn value(&self, with_objects: bool) -> napi::Result<Value> {
        value_of(self.value, if with_objects { DEEPEST } else { 0 })
    }

    fn properties(&self) -> napi::Result<Option<Vec<(String, Self)>>> {
        let is_object = self.value.get_type()? == ValueType::Object;
        if !is_object || self.value.is_array()? || self.value.is_buffer()? {
            return Ok(None);
        }
        let properties = properties_of(self.value.coerce_to_object()?)?;
        Ok(Some(properties.into_iter().map(|(name, value)| (name, Self { env: self.env, value })).collect()))
    }

    fn refuse(&self, error: Error) -> napi::Error {
        throw(&self.env, &error)
    }
}

/// Its own enumerable properties.
fn properties_of(object: Object<'_>) -> napi::Result<Vec<(String, Unknown<'_>)>> {
    let (mode, filter) = (KeyCollectionMode::OwnOnly, KeyFilter::Enumerable);
    let keys = object.get_all_property_names(mode, filter, KeyConversion::NumbersToStrings)?;
    let mut properties = Vec::new();
    for index in 0..keys.get_array_length()? {
        let key: Unknown<'_> = keys.get_element(index)?;
        if key.get_type()? == ValueType::String {
            let key = key.coerce_to_string()?;
            properties.push((key.into_utf8()?.into_owned()?, object.get_property_unchecked(key)?));
        }
    }
    Ok(properties)
}

fn value_of(value: Unknown<'_>, deepest: usize) -> napi::Result<Value> {
    Ok(match value.get_type()? {
        ValueType::Undefined => Value::Undefined,
        ValueType::Null => Value::Null,
        ValueType::Boolean => Value::Flag(value.coerce_to_bool()?),
        ValueType::Number => Value::Number(value.coerce_to_number()?.get_double()?),
        ValueType::String => text_of(value.coerce_to_string()?)?,
        ValueType::Object => object_of(value, deepest)?,
        ValueType::Function => Value::Other("a function"),
        ValueType::Symbol => Value::Other("a symbol"),
        ValueType::BigInt => Value::Other("a bigint"),
        _ => Value::Other("an object"),
    })
}

/// Half of a surrogate pair would become U+FFFD, so two different strings could become the same.
fn text_of(text: JsString<'_>) -> napi::Result<Value> {
    Ok(text.into_utf16()?.as_str().map_or(Value::Other("a string with half of a surrogate pair"), Value::Text))
}

fn object_of(value: Unknown<'_>, deepest: usize) -> napi::Result<Value> {
    let object = value.coerce_to_object()?;
    if value.is_array()? {
        let element = |index| value_of(object.get_element(index)?, deepest.saturating_sub(1));
        return (0..object.get_array_length()?).map(element).collect::<napi::Result<_>>().map(Value::List);
    }
    if value.is_buffer()? {
        let length: u32 = object.get_named_property("length")?;
        let byte = |index| object.get_element::<u32>(index).map(|byte| byte as u8);
        return (0..length).map(byte).collect::<napi::Result<_>>().map(Value::Bytes);
    }
    if deepest == 0 {
        return Ok(Value::Other("an object"));
    }
    let property = |(name, value)| Ok((name, value_of(value, deepest - 1)?));
    properties_of(object)?.into_iter().map(property).collect::<napi::Result<_>>().map(Value::Object)
}
