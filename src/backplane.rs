//! The hub's backplane, which keeps the history in addition to this process's memory.

use std::sync::Arc;
use std::time::Duration;

use ssekit_core::schema::{Fields, Schema};
use ssekit_core::{Hub, Observer, Options, Result};
use ssekit_file::{File, FileOptions};
use ssekit_redis::{Redis, RedisOptions};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// A disk that takes longer to close the folder must not hold up the end of the process.
const PATIENCE: Duration = Duration::from_secs(2);

/// The backplane. A hub has one, or runs alone.
#[derive(Debug, Clone)]
pub(crate) enum Backplane {
    Redis(RedisOptions),
    File(FileOptions),
}

impl Schema for Backplane {
    fn fields(&mut self) -> Fields<'_> {
        match self {
            Self::Redis(redis) => redis.fields(),
            Self::File(file) => file.fields(),
        }
    }
}

impl Backplane {
    /// Checks what the list of options does not know, such as the form of a URL.
    ///
    /// # Errors
    /// A value cannot be used. The message has its name in JavaScript.
    pub(crate) fn validate(&self) -> Result<()> {
        match self {
            Self::Redis(redis) => redis.validate(),
            Self::File(file) => file.validate(),
        }
    }
}

/// Starts a hub on a backplane, or alone. If its history is in a folder, returns that as well, because it has to be closed.
///
/// # Errors
/// An option is invalid, or no descriptors are left.
pub(crate) fn start_hub(
    backplane: Option<Backplane>,
    options: Options,
    runtime: &Handle,
    observers: &[Arc<dyn Observer>],
) -> Result<(Hub, Option<File>)> {
    match backplane {
        None => Ok((Hub::start_observed(options, runtime, observers)?, None)),
        Some(Backplane::Redis(redis)) => {
            Ok((Hub::start_on_observed(Redis::new(redis)?, options, runtime, observers)?, None))
        }
        Some(Backplane::File(file)) => {
            let file = File::new(file)?;
            let hub = Hub::start_on_observed(file.clone(), options, runtime, observers)?;
            Ok((hub, Some(file)))
        }
    }
}

/// Closes the folder, if there is one. A process that ends without that loses nothing. But if the machine goes down as well, the
/// next start cannot know whether the end of the history survived, and begins a new epoch.
pub(crate) async fn close(folder: Option<File>) {
    let Some(mut folder) = folder else { return };
    // The hub has already reported why the folder cannot be used. A failure here costs at most a new epoch.
    let _ = timeout(PATIENCE, folder.close()).await;
}
