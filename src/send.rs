//! Sending. `data` arrives as JSON text, because only JavaScript can call `JSON.stringify`.

use napi::Env;
use napi_derive::napi;
use ssekit_core::Event;

use crate::error::throw;
use crate::hub::hub;

/// Sends to one client; returns whether it is connected.
#[napi(catch_unwind)]
pub fn send_to_client(
    env: Env,
    client_id: String,
    name: String,
    data: String,
    id: Option<String>,
    retry: Option<f64>,
    coalesce_key: Option<String>,
) -> napi::Result<bool> {
    let sent =
        hub(&env)?.send_to_client(&client_id, event(&name, &data, id.as_deref(), retry, coalesce_key.as_deref()));
    sent.map_err(|error| throw(&env, &error))
}

/// Sends to all clients of a user; returns the number of connected ones.
#[napi(catch_unwind)]
pub fn send_to_user(
    env: Env,
    user_id: String,
    name: String,
    data: String,
    id: Option<String>,
    retry: Option<f64>,
    coalesce_key: Option<String>,
) -> napi::Result<u32> {
    let sent = hub(&env)?.send_to_user(&user_id, event(&name, &data, id.as_deref(), retry, coalesce_key.as_deref()));
    sent.map(|clients| clients as u32).map_err(|error| throw(&env, &error))
}

/// Sends to all clients except one; returns the number of connected ones.
#[napi(catch_unwind)]
pub fn broadcast(
    env: Env,
    exclude_client_id: Option<String>,
    name: String,
    data: String,
    id: Option<String>,
    retry: Option<f64>,
    coalesce_key: Option<String>,
) -> napi::Result<u32> {
    let sent = hub(&env)?
        .broadcast(event(&name, &data, id.as_deref(), retry, coalesce_key.as_deref()), exclude_client_id.as_deref());
    sent.map(|clients| clients as u32).map_err(|error| throw(&env, &error))
}

/// Sends to all clients that have subscribed to a channel; returns the number of connected ones.
#[napi(catch_unwind)]
pub fn send_to_channel(
    env: Env,
    channel: String,
    name: String,
    data: String,
    id: Option<String>,
    retry: Option<f64>,
    coalesce_key: Option<String>,
) -> napi::Result<u32> {
    let sent = hub(&env)?.send_to_channel(&channel, event(&name, &data, id.as_deref(), retry, coalesce_key.as_deref()));
    sent.map(|clients| clients as u32).map_err(|error| throw(&env, &error))
}

fn event<'a>(
    name: &'a str,
    data: &'a str,
    id: Option<&'a str>,
    retry: Option<f64>,
    coalesce_key: Option<&'a str>,
) -> Event<'a> {
    // JavaScript has checked that it is a non-negative safe integer.
    Event { name, data, id, retry: retry.map(|retry| retry as u64), coalesce_key, ..Event::default() }
}
