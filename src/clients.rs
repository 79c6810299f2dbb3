//! Who is connected.

use std::sync::Arc;

use napi_derive::napi;

use crate::hub::hub_if_running;

/// Ids of the connected clients.
#[napi(catch_unwind)]
pub fn get_active_clients() -> Vec<String> {
    strings(hub_if_running().map(|hub| hub.active_clients()))
}

/// Ids of a user's connected clients, the oldest connection first.
#[napi(catch_unwind)]
pub fn get_clients_by_user(user_id: String) -> Vec<String> {
    strings(hub_if_running().map(|hub| hub.clients_by_user(&user_id)))
}

/// Whether a user has a client, or had one a moment ago.
#[napi(catch_unwind)]
pub fn is_online(user_id: String) -> bool {
    hub_if_running().is_some_and(|hub| hub.is_online(&user_id))
}

/// Ends a client's stream; says whether it was connected.
#[napi(catch_unwind)]
pub fn disconnect_client(client_id: String) -> bool {
    hub_if_running().is_some_and(|hub| hub.disconnect_client(&client_id))
}

/// Ends all streams of a user; says how many there were.
#[napi(catch_unwind)]
pub fn disconnect_user(user_id: String) -> u32 {
    hub_if_running().map_or(0, |hub| hub.disconnect_user(&user_id) as u32)
}

fn strings(ids: Option<Vec<Arc<str>>>) -> Vec<String> {
    ids.unwrap_or_default().iter().map(|id| id.to_string()).collect()
}
