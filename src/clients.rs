//! The connected clients.

use std::sync::Arc;

use napi::Env;
use napi_derive::napi;
use ssekit_core::{Audience, ClientDetails, ClientFilter, Hub, LogOutMark, Phase};

use crate::error::throw;
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
    // A hub that is not running has no clients. A running hub counts as used now, because the command also goes to the other
    // nodes.
    Ok(hub_to_ask(&env)?.is_some() && hub(&env)?.disconnect_client(&client_id))
}

/// Ends all streams of a user; returns their number.
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

/// A connected client.
#[napi(object, object_from_js = false)]
pub struct ConnectedClient {
    pub id: String,
    pub member: String,
    pub user_id: Option<String>,
    /// JSON.
    pub data: Option<String>,
    /// In milliseconds since 1970.
    pub connected_at: f64,
    pub transport: &'static str,
    pub channels: Vec<String>,
}

/// The connected clients: those of a user, and of a channel, if they are given.
#[napi(catch_unwind)]
pub fn get_clients(env: Env, user_id: Option<String>, channel: Option<String>) -> napi::Result<Vec<ConnectedClient>> {
    let (user, channel) = (user_id.as_deref(), channel.as_deref());
    for audience in user.map(Audience::User).into_iter().chain(channel.map(Audience::Channel)) {
        audience.check().map_err(|error| throw(&env, &error))?;
    }
    let clients = hub_to_ask(&env)?.map(|hub| hub.clients(ClientFilter { user, channel })).unwrap_or_default();
    Ok(clients.into_iter().filter_map(described).collect())
}

/// Nothing if the client has left since it was found.
fn described(client: ClientDetails) -> Option<ConnectedClient> {
    Some(ConnectedClient {
        transport: transport_of(client.transport)?,
        id: client.id.to_string(),
        member: client.member(),
        user_id: client.user.map(|user| user.to_string()),
        data: client.data.map(|data| data.to_string()),
        connected_at: client.connected_at.as_millis() as f64,
        channels: strings(Some(client.channels)),
    })
}

/// Its name in JavaScript.
fn transport_of(phase: Option<Phase>) -> Option<&'static str> {
    match phase {
        None => Some("elsewhere"),
        Some(Phase::Opening) => Some("opening"),
        Some(Phase::Stream) => Some("stream"),
        Some(Phase::Handoff) => Some("handoff"),
        Some(Phase::Listener) => Some("listener"),
        Some(Phase::Closed) => None,
    }
}

pub(crate) fn strings(ids: Option<Vec<Arc<str>>>) -> Vec<String> {
    ids.unwrap_or_default().iter().map(|id| id.to_string()).collect()
}
