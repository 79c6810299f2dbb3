//! Options of the hub.

use napi::Env;
use napi::bindgen_prelude::Unknown;
use ssekit_core::schema::{Fields, Schema};
use ssekit_core::{Error, Options, Result};
use ssekit_redis::RedisOptions;

use crate::source::read;

/// The settings that a hub starts with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) hub: Options,
    /// The backplane. Without one, the hub runs alone.
    pub(crate) redis: Option<RedisOptions>,
}

/// In JavaScript, the group `backplane` has the options of the backplane itself as well.
impl Schema for Settings {
    fn fields(&mut self) -> Fields<'_> {
        match &mut self.redis {
            Some(redis) => self.hub.fields().join("backplane", redis.fields()),
            None => self.hub.fields(),
        }
    }
}

impl Settings {
    /// With every option that there is.
    pub(crate) fn complete() -> Self {
        Self { redis: Some(RedisOptions::at("")), ..Self::default() }
    }

    pub(crate) fn read(env: Env, options: Unknown<'_>) -> napi::Result<Self> {
        let mut settings = Self::complete();
        let given = read(env, "options", options, settings.fields())?;
        if !given.has("backplane.redis") {
            settings.redis = None;
        }
        Ok(settings)
    }

    /// Checks what the list of options does not know, such as the form of a URL.
    ///
    /// # Errors
    /// A value cannot be used. The message has its name in JavaScript.
    pub(crate) fn validate(&self) -> Result<()> {
        self.hub.validate()?;
        self.redis.as_ref().map_or(Ok(()), RedisOptions::validate)
    }

    /// Checks that `wanted` equals the running settings.
    ///
    /// # Errors
    /// An option differs. The message has its name in JavaScript.
    pub(crate) fn check_same(&self, wanted: &Self) -> Result<()> {
        self.difference(wanted).map_or(Ok(()), |name| Err(Error::differs(&name)))
    }
}
