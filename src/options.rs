//! Options of the hub.

use napi::Env;
use napi::bindgen_prelude::Unknown;
use ssekit_core::schema::{Fields, Schema};
use ssekit_core::{Error, Options, Result};
use ssekit_file::FileOptions;
use ssekit_redis::RedisOptions;

use crate::backplane::Backplane;
use crate::source::read;

/// The settings that a hub starts with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) hub: Options,
    /// Without a backplane, the hub runs alone.
    pub(crate) backplane: Option<Backplane>,
}

/// In JavaScript, the group `backplane` has the options of the backplane itself as well.
impl Schema for Settings {
    fn fields(&mut self) -> Fields<'_> {
        match &mut self.backplane {
            Some(backplane) => self.hub.fields().join("backplane", backplane.fields()),
            None => self.hub.fields(),
        }
    }
}

impl Settings {
    pub(crate) fn read(env: Env, options: Unknown<'_>) -> napi::Result<Self> {
        let mut every = EveryOption::default();
        let given = read(env, "options", options, every.fields())?;
        let EveryOption { hub, redis, file } = every;
        let backplane = if given.has("backplane.redis") {
            Some(Backplane::Redis(redis))
        } else if given.has("backplane.file") {
            Some(Backplane::File(file))
        } else {
            None
        };
        Ok(Self { hub, backplane })
    }

    /// Checks what the list of options does not know, such as the form of a URL.
    ///
    /// # Errors
    /// A value cannot be used. The message has its name in JavaScript.
    pub(crate) fn validate(&self) -> Result<()> {
        self.hub.validate()?;
        self.backplane.as_ref().map_or(Ok(()), Backplane::validate)
    }

    /// Checks that `wanted` equals the running settings.
    ///
    /// # Errors
    /// An option differs. The message has its name in JavaScript.
    pub(crate) fn check_same(&self, wanted: &Self) -> Result<()> {
        self.difference(wanted).map_or(Ok(()), |name| Err(Error::differs(&name)))
    }
}

/// Every option that there is. The caller chooses a backplane by what it sets.
pub(crate) struct EveryOption {
    hub: Options,
    redis: RedisOptions,
    file: FileOptions,
}

impl Default for EveryOption {
    fn default() -> Self {
        Self { hub: Options::default(), redis: RedisOptions::at(""), file: FileOptions::at("") }
    }
}

impl Schema for EveryOption {
    fn fields(&mut self) -> Fields<'_> {
        self.hub.fields().join("backplane", self.file.fields()).join("backplane", self.redis.fields())
    }
}
