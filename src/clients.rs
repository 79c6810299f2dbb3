//! The connected clients.

use std::sync::Arc;

use napi::Env;
use napi_derive::napi;
use ssekit_core::{Hub, LogOutMark};

use crate::hub::{hub, hub_to_ask};

/// Ids of the connected clients of all nodes, or only of this one.
#[napi(catch_unwind)]
pub fn get_active_clients(env: Env, local: bool) -> napi::Result<Vec<String>> {
    let ids = hub_to_ask(&env)?.map(|hub| if local { hub.active_clients_here() } else { hub.active_clients() });
    Ok(strings(ids))
}

/// Ids of a user's connected clients, the oldest connection first.
#[napi(catch_unwind)]
pub fn get_clients_by_user(env: Env, user_id: String, local: bool) -> napi::Result<Vec<String>> {
    let of_user = |hub: Hub| if local { hub.clients_by_user_here(&user_id) } else { hub.clients_by_user(&user_id) };
    Ok(strings(hub_to_ask(&env)?.map(of_user)))
}

/// Whether a user has a client, or had one a moment ago.
#[napi(catch_unwind)]
pub fn is_online(env: Env, user_id: String, local: bool) -> napi::Result<bool> {
    let hub = hub_to_ask(&env)?;
    Ok(hub.is_some_and(|hub| if local { hub.is_online_here(&user_id) } else { hub.is_online(&user_id) }))
}

/// Ends a client's stream; returns whether it was connected.
#[napi(catch_unwind)]
pub fn disconnect_client(env: Env, client_id: String) -> napi::Result<bool> {
    // A hub that is not running has no clients. A running hub counts as used now, because the order also goes to the other
    // nodes.
    Ok(hub_to_ask(&env)?.is_some() && hub(&env)?.disconnect_client(&client_id))
}

/// Ends all streams of a user; returns how many there were.
#[napi(catch_unwind)]
pub fn disconnect_user(env: Env, user_id: String) -> napi::Result<u32> {
    // This starts the hub, because it must remember that this user's tickets are void.
    Ok(hub(&env)?.disconnect_user(&user_id) as u32)
}

/// A mark of this moment. Take it before asking the application for the user of a request. No process lives long enough to
/// count beyond 2^53.
#[napi(catch_unwind)]
pub fn log_out_mark() -> f64 {
    LogOutMark::now().number() as f64
}

fn strings(ids: Option<Vec<Arc<str>>>) -> Vec<String> {
    ids.unwrap_or_default().iter().map(|id| id.to_string()).collect()
}
