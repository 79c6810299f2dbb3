//! Channels: who subscribes to what.

use napi::Env;
use napi_derive::napi;
use ssekit_core::{Audience, Error, Subscriber};

use crate::clients::strings;
use crate::error::throw;
use crate::hub::{hub, hub_to_ask};

/// The clients whose subscriptions a call changes: one client, or all clients of a user.
#[napi(object, object_to_js = false)]
pub struct Target {
    pub client_id: Option<String>,
    pub user_id: Option<String>,
}

impl Target {
    fn subscriber(&self) -> Result<Subscriber<'_>, Error> {
        match (&self.client_id, &self.user_id) {
            (Some(id), None) => Ok(Subscriber::Client(id)),
            (None, Some(id)) => Ok(Subscriber::User(id)),
            _ => Err(Error::argument("target: got neither or both of clientId and userId, wants exactly one of them")),
        }
    }
}

/// Subscribes to a channel; returns the number of clients that had not subscribed before.
#[napi(catch_unwind)]
pub fn join_channel(env: Env, target: Target, channel: String, since: Option<String>) -> napi::Result<u32> {
    let hub = hub(&env)?;
    let joined = target.subscriber().and_then(|subscriber| hub.subscribe(subscriber, &channel, since.as_deref()));
    joined.map(|clients| clients as u32).map_err(|error| throw(&env, &error))
}

/// Ends subscriptions to a channel; returns the number of clients that had subscribed.
#[napi(catch_unwind)]
pub fn leave_channel(env: Env, target: Target, channel: String) -> napi::Result<u32> {
    let hub = hub(&env)?;
    let left = target.subscriber().and_then(|subscriber| hub.unsubscribe(subscriber, &channel));
    left.map(|clients| clients as u32).map_err(|error| throw(&env, &error))
}

/// The channels that have connected clients.
#[napi(catch_unwind)]
pub fn get_channels(env: Env) -> napi::Result<Vec<String>> {
    Ok(strings(hub_to_ask(&env)?.map(|hub| hub.channels())))
}

/// Ids of the connected clients that have subscribed to a channel.
#[napi(catch_unwind)]
pub fn get_clients_by_channel(env: Env, channel: String) -> napi::Result<Vec<String>> {
    Audience::Channel(&channel).check().map_err(|error| throw(&env, &error))?;
    Ok(strings(hub_to_ask(&env)?.map(|hub| hub.clients_by_channel(&channel))))
}
