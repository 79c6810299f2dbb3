//! A look at the whole hub, for people: its clients with their lag, and the nodes.

use std::sync::Arc;
use std::time::Duration;

use crate::hub::Hub;
use crate::hub::clients::{ClientDetails, details, details_elsewhere};
use crate::options::MaxLag;
use crate::session::client::Client;
use crate::session::lifecycle::{ClientInfo, NotHandedOff};

/// A connected client, as people look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientView {
    /// Its details.
    pub details: ClientDetails,
    /// Why its stream stays with its carrier, if that is known.
    pub not_handed_off: Option<NotHandedOff>,
    /// The events that wait for it.
    pub waiting: usize,
    /// The time that the oldest of these has been waiting.
    pub lag: Duration,
}

/// The connected clients of all nodes, as far as they were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientsView {
    /// Those that were wanted, up to a limit.
    pub shown: Vec<ClientView>,
    /// The number of those that were wanted.
    pub matching: usize,
    /// The number of all.
    pub total: usize,
}

/// One of the nodes that share a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// Its id.
    pub id: String,
    /// The number of its connected clients.
    pub clients: usize,
    /// Whether it is this node.
    pub is_here: bool,
}

impl Hub {
    /// Looks at the connected clients that `is_wanted` accepts by their identities and their channels: at most `most` of them.
    pub fn look_at_clients(&self, most: usize, is_wanted: impl Fn(&ClientInfo, &[Arc<str>]) -> bool) -> ClientsView {
        let mut view = ClientsView::default();
        let mut add = |info: &ClientInfo, channels: &[Arc<str>], look: &dyn Fn() -> ClientView| {
            view.total += 1;
            if is_wanted(info, channels) {
                view.matching += 1;
                if view.shown.len() < most {
                    view.shown.push(look());
                }
            }
        };
        for client in self.inner.engine.registry.connected().iter().filter(|client| client.is_connected()) {
            add(&client.info, &client.subscriptions.names(), &|| self.look_at(client));
        }
        for there in self.elsewhere(|cluster| cluster.remote_clients.described(|_| true)) {
            let details = details_elsewhere(&there);
            let info = ClientInfo { id: Arc::clone(&details.id), user: details.user.clone() };
            let channels = details.channels.clone();
            add(&info, &channels, &|| ClientView {
                details: details.clone(),
                not_handed_off: None,
                waiting: 0,
                lag: Duration::ZERO,
            });
        }
        view
    }

    fn look_at(&self, client: &Client) -> ClientView {
        let timeline = &self.inner.engine.timeline;
        let backlog = client.reached().map(|cursor| MaxLag::default().backlog_of(client, cursor, timeline));
        let (waiting, lag) = backlog.map_or((0, Duration::ZERO), |backlog| (backlog.events, backlog.age()));
        ClientView { details: details(client), not_handed_off: client.not_handed_off(), waiting, lag }
    }

    /// The nodes that share the history; empty for a hub that is alone.
    pub fn nodes(&self) -> Vec<NodeView> {
        let Some(cluster) = &self.inner.cluster else { return Vec::new() };
        let (clients, _, _) = self.inner.engine.registry.counts();
        let mut nodes = vec![NodeView { id: cluster.node.to_string(), clients, is_here: true }];
        let others = cluster.remote_clients.nodes_with_clients();
        nodes.extend(others.into_iter().map(|(id, clients)| NodeView { id: id.to_string(), clients, is_here: false }));
        nodes
    }
}
