//! What was sent: where a page's snapshot ends, and reading back.

use napi::Env;
use napi_derive::napi;
use ssekit_core::Audience;

use crate::error::throw;
use crate::hub::{hub, hub_to_ask};

/// An event as it was sent.
#[napi(object, object_from_js = false)]
pub struct StoredEvent {
    pub id: String,
    /// Empty means `message`.
    pub name: String,
    pub data: String,
    pub retry: Option<f64>,
}

/// Everything up to here. This starts the hub, because another hub would have other ids.
#[napi(catch_unwind)]
pub fn cursor(env: Env) -> napi::Result<String> {
    Ok(hub(&env)?.cursor())
}

/// The newest events after `after`: those of a user or a channel if one is given, otherwise broadcasts.
#[napi(catch_unwind)]
pub fn history(
    env: Env,
    user_id: Option<String>,
    channel: Option<String>,
    after: Option<String>,
    limit: u32,
) -> napi::Result<Vec<StoredEvent>> {
    let audience = match (&user_id, &channel) {
        (Some(user), _) => Audience::User(user),
        (_, Some(channel)) => Audience::Channel(channel),
        _ => Audience::All { exclude: None },
    };
    audience.check().map_err(|error| throw(&env, &error))?;
    let Some(hub) = hub_to_ask(&env)? else { return Ok(Vec::new()) };
    let events = hub.history(audience, after.as_deref(), limit as usize).map_err(|error| throw(&env, &error))?;
    Ok(events.into_iter().map(Into::into).collect())
}

impl From<ssekit_core::StoredEvent> for StoredEvent {
    fn from(event: ssekit_core::StoredEvent) -> Self {
        let ssekit_core::StoredEvent { id, name, data, retry } = event;
        // At most 2^53 - 1, which JavaScript holds exactly.
        Self { id, name, data, retry: retry.map(|retry| retry as f64) }
    }
}
