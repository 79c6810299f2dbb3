//! Sent events: the cursor at which a page's snapshot ends, and reading back.

use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use ssekit_core::Audience;

use crate::error::throw;
use crate::hub::{hub, hub_to_ask, runtime_if_running};

/// An event as it was sent.
#[napi(object, object_from_js = false)]
pub struct StoredEvent {
    pub id: String,
    /// Empty means `message`.
    pub name: String,
    pub data: String,
    pub retry: Option<f64>,
}

/// The cursor of everything so far. This starts the hub, because another hub would have other ids.
#[napi(catch_unwind)]
pub fn cursor(env: Env) -> napi::Result<String> {
    Ok(hub(&env)?.cursor())
}

/// The events that were read back, or the reason why that failed.
#[napi(object, object_from_js = false)]
pub struct ReadBack {
    pub events: Vec<StoredEvent>,
    pub problem: Option<String>,
    pub code: Option<String>,
}

/// Calls back with the newest events after `after`: those of a user or a channel if one is given, otherwise broadcasts.
#[napi(catch_unwind)]
pub fn history(
    env: Env,
    user_id: Option<String>,
    channel: Option<String>,
    after: Option<String>,
    limit: u32,
    done: Function<'_, ReadBack, ()>,
) -> napi::Result<()> {
    audience_of(user_id.as_deref(), channel.as_deref()).check().map_err(|error| throw(&env, &error))?;
    let done = done.build_threadsafe_function::<ReadBack>().callee_handled::<false>().build()?;
    hub_to_ask(&env)?;
    let Some((hub, runtime)) = runtime_if_running() else {
        done.call(Ok(Vec::new()).into(), ThreadsafeFunctionCallMode::NonBlocking);
        return Ok(());
    };
    hub.check_process().map_err(|error| throw(&env, &error))?;
    runtime.spawn(async move {
        let audience = audience_of(user_id.as_deref(), channel.as_deref());
        let events = hub.read_back(audience, after.as_deref(), limit as usize).await;
        done.call(events.into(), ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

fn audience_of<'a>(user: Option<&'a str>, channel: Option<&'a str>) -> Audience<'a> {
    match (user, channel) {
        (Some(user), _) => Audience::User(user),
        (_, Some(channel)) => Audience::Channel(channel),
        _ => Audience::All { exclude: None },
    }
}

impl From<ssekit_core::Result<Vec<ssekit_core::StoredEvent>>> for ReadBack {
    fn from(read: ssekit_core::Result<Vec<ssekit_core::StoredEvent>>) -> Self {
        match read {
            Ok(events) => Self { events: events.into_iter().map(Into::into).collect(), problem: None, code: None },
            Err(error) => {
                let (problem, code) = (error.to_string(), error.kind().code().to_owned());
                Self { events: Vec::new(), problem: Some(problem), code: Some(code) }
            }
        }
    }
}

impl From<ssekit_core::StoredEvent> for StoredEvent {
    fn from(event: ssekit_core::StoredEvent) -> Self {
        let ssekit_core::StoredEvent { id, name, data, retry } = event;
        // At most 2^53 - 1, which JavaScript holds exactly.
        Self { id, name, data, retry: retry.map(|retry| retry as f64) }
    }
}
