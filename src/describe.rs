//! The options as native code lists them, for the checks of their documentation and for errors.

use napi::bindgen_prelude::Either3;
use napi_derive::napi;
use ssekit_core::schema::slot::ValueKind;
use ssekit_core::schema::{Description, Schema, Value};
use ssekit_http::ListenerOptions;

use crate::options::EveryOption;
use crate::tickets::AskedTicket;

/// An option, as its documentation must describe it.
#[napi(object, object_from_js = false)]
pub struct OptionDescription {
    /// Its name, with those of its groups: `history.maxEvents`.
    pub name: String,
    /// Its value unless another is given. Missing: none, or no bound.
    pub default: Option<Either3<bool, f64, String>>,
    /// The bounds of a number.
    pub least: Option<f64>,
    /// The bounds of a number.
    pub most: Option<f64>,
}

/// All options.
#[napi(object, object_from_js = false)]
pub struct AllOptions {
    pub hub: Vec<OptionDescription>,
    pub listener: Vec<OptionDescription>,
    pub ticket: Vec<OptionDescription>,
}

/// Describes every option that native code knows.
#[napi(catch_unwind)]
pub fn describe_options() -> AllOptions {
    let all = |options: Vec<Description>| options.into_iter().map(Into::into).collect();
    AllOptions {
        hub: all(EveryOption::describe()),
        listener: all(ListenerOptions::describe()),
        ticket: all(AskedTicket::describe()),
    }
}

impl From<Description> for OptionDescription {
    fn from(option: Description) -> Self {
        let default = match option.default {
            Value::Flag(flag) => Some(Either3::A(flag)),
            Value::Number(number) => Some(Either3::B(number)),
            Value::Text(text) if !text.is_empty() => Some(Either3::C(text)),
            _ => None,
        };
        let (least, most) = match option.kind {
            ValueKind::Number { least, most } => (Some(least as f64), Some(most as f64)),
            _ => (None, None),
        };
        Self { name: option.name, default, least, most }
    }
}
