//! Descriptions of connected clients.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::remote_clients::Described;
use crate::hub::Hub;
use crate::session::attendance::member;
use crate::session::client::Client;
use crate::session::lifecycle::Phase;

/// Selects clients. Without conditions: all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientFilter<'a> {
    /// Those of this user.
    pub user: Option<&'a str>,
    /// Those that have subscribed to this channel.
    pub channel: Option<&'a str>,
}

/// A connected client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDetails {
    /// Its id.
    pub id: Arc<str>,
    /// Its user; `None` for an anonymous client.
    pub user: Option<Arc<str>>,
    /// Its description of itself when it connected, as JSON.
    pub data: Option<Arc<str>>,
    /// When it connected, in time since 1970.
    pub connected_at: Duration,
    /// The phase of its connection. `None`: it is connected to another node.
    pub transport: Option<Phase>,
    /// The channels that it has subscribed to.
    pub channels: Vec<Arc<str>>,
}

impl ClientDetails {
    /// Its name in `ssekit:join` and `ssekit:leave`.
    pub fn member(&self) -> String {
        member(&self.id)
    }
}

impl Hub {
    /// The connected clients on all nodes that meet the conditions, in no particular order.
    pub fn clients(&self, filter: ClientFilter<'_>) -> Vec<ClientDetails> {
        let registry = &self.inner.engine.registry;
        let clients = match filter {
            ClientFilter { channel: Some(name), .. } => {
                registry.channels.get(name).map_or_else(Vec::new, |channel| channel.clients())
            }
            ClientFilter { user: Some(user), .. } => {
                registry.users.get(user).map_or_else(Vec::new, |user| user.clients())
            }
            ClientFilter { .. } => registry.connected(),
        };
        let is_wanted = |client: &&Arc<Client>| {
            client.is_connected() && filter.user.is_none_or(|user| client.info.user.as_deref() == Some(user))
        };
        let mut all: Vec<ClientDetails> = clients.iter().filter(is_wanted).map(|client| details(client)).collect();
        let is_wanted = |there: &Described| {
            filter.user.is_none_or(|user| there.user.as_deref() == Some(user))
                && filter.channel.is_none_or(|channel| there.active().any(|name| **name == *channel))
        };
        all.extend(self.elsewhere(|cluster| cluster.remote_clients.described(is_wanted)).iter().map(details_elsewhere));
        all
    }
}

pub(super) fn details_elsewhere(there: &Described) -> ClientDetails {
    ClientDetails {
        id: Arc::clone(&there.id),
        user: there.user.clone(),
        data: there.data.clone(),
        connected_at: there.connected_at,
        transport: None,
        channels: there.active().cloned().collect(),
    }
}

pub(super) fn details(client: &Client) -> ClientDetails {
    ClientDetails {
        id: Arc::clone(&client.info.id),
        user: client.info.user.clone(),
        data: client.data.clone(),
        connected_at: client.connected_at,
        transport: Some(client.phase()),
        channels: client.subscriptions.names(),
    }
}
