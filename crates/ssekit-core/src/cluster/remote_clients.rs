//! The clients of the other nodes: a local view, so that every question has an immediate answer. Nodes keep it current by
//! reporting when clients come, change and go. A node that stays silent for the lease is gone with all its clients.

mod described;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::time::Instant;

pub(crate) use self::described::{Described, announced};
use self::view::View;
use crate::backplane::{NodeId, Number};
use crate::cluster::claims::Reported;
use crate::cluster::message::AnnouncedClient;
use crate::event::position::Position;
use crate::session::lifecycle::ClientInfo;
use crate::session::subscriptions::Span;

/// The maximum number of clients gone from other nodes that are remembered.
const MOST_GONE: usize = 65_536;

/// The clients of other nodes.
#[derive(Debug, Default)]
pub(crate) struct RemoteClients(RwLock<View>);

/// A client that another node knows, or knew until a while ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    pub(crate) user: Option<Arc<str>>,
    pub(crate) connected: bool,
}

impl RemoteClients {
    /// Whether this node has heard from a node that has not gone since.
    pub(crate) fn knows(&self, node: NodeId) -> bool {
        self.0.read().nodes.contains_key(&node)
    }

    /// Adds clients that have come to a node, by the record with this number.
    pub(crate) fn joined(&self, node: NodeId, number: Number, clients: &[AnnouncedClient<'_>]) {
        let mut view = self.0.write();
        view.hear(node);
        for announced in clients {
            view.add(node, Described::of(announced).reported(Reported::by(number)));
        }
    }

    /// The channels of a node's client have changed.
    pub(crate) fn changed(&self, node: NodeId, announced: &AnnouncedClient<'_>) {
        let mut view = self.0.write();
        view.hear(node);
        view.change(node, Described::of(announced));
    }

    /// Whether another user's client with this id is on another node, and was there before.
    pub(crate) fn is_claimed(&self, client: &str, user: Option<&str>, reported: Reported) -> bool {
        let view = self.0.read();
        view.clients.get(client).is_some_and(|remote| remote.described.precedes(user, reported))
    }

    /// Whether the user's client with this id has come to another node since.
    pub(crate) fn has_moved(&self, client: &str, user: Option<&str>, reported: Reported) -> bool {
        let view = self.0.read();
        view.clients.get(client).is_some_and(|remote| remote.described.succeeds(user, reported))
    }

    /// The history is another one: nobody's number means anything in it, nor does an unfinished snapshot.
    pub(crate) fn forget_order(&self) {
        let mut view = self.0.write();
        view.clients.values_mut().for_each(|remote| remote.described.reported = None);
        view.nodes.values_mut().for_each(|node| node.snapshot = None);
    }

    /// Removes a client that has come to this node, wherever it was before.
    pub(crate) fn moved_here(&self, client: &str) {
        self.0.write().take_out(client);
    }

    /// Removes clients that have gone from a node.
    pub(crate) fn left(&self, node: NodeId, clients: &[&str]) {
        let mut view = self.0.write();
        view.hear(node);
        for client in clients {
            view.remove(node, client);
        }
    }

    /// Adds a piece of a node's presence snapshot. The record has this number, and the node had read up to `read`.
    pub(crate) fn snapshot(
        &self,
        node: NodeId,
        (number, read): (Number, Number),
        first: bool,
        clients: &[AnnouncedClient<'_>],
    ) {
        let mut view = self.0.write();
        let known = view.hear(node);
        if first {
            known.snapshot = Some(Vec::new());
        }
        if let Some(snapshot) = &mut known.snapshot {
            snapshot.extend(
                clients
                    .iter()
                    .map(|announced| Described::of(announced).reported(Reported::in_snapshot(number, read, announced))),
            );
        }
    }

    /// Notes that a node is alive. If it has sent a presence snapshot, that is now complete, and is returned.
    pub(crate) fn alive(&self, node: NodeId) -> Option<Vec<Described>> {
        self.0.write().hear(node).snapshot.take()
    }

    /// These are a node's clients, except for those that have come to other nodes since.
    pub(crate) fn replace(&self, node: NodeId, clients: Vec<Described>) {
        self.0.write().replace(node, clients);
    }

    /// A user was logged out at this position. That concerns clients which connected up to this time, in time since 1970.
    pub(crate) fn logged_out(&self, user: &str, at: Position, connected: Duration) {
        self.0.write().logged_out.insert(user.into(), (Instant::now(), at, connected));
    }

    /// Removes a node that has left.
    pub(crate) fn node_left(&self, node: NodeId) {
        self.0.write().forget(node);
    }

    /// Forgets nodes that have been silent for longer than the lease. Much later, forgets who owned the ids of clients
    /// that have gone, and returns those clients.
    pub(crate) fn expire(&self, lease: Duration, memory: Duration) -> Vec<ClientInfo> {
        let mut view = self.0.write();
        let silent = view.nodes.iter().filter(|(_, node)| node.heard.elapsed() > lease);
        for node in silent.map(|(id, _)| *id).collect::<Vec<_>>() {
            view.forget(node);
        }
        // Clients that were there at a log-out are forgotten before it.
        while view.logged_out.pop_oldest_if(|(since, ..), _| since.elapsed() > memory * 2).is_some() {}
        let mut forgotten = Vec::new();
        let is_due = |(since, _): &(Instant, _), count| since.elapsed() > memory || count > MOST_GONE;
        while let Some((id, (_, gone))) = view.gone.pop_oldest_if(is_due) {
            forgotten.push(ClientInfo { id, user: gone.user });
        }
        forgotten
    }

    /// Gives every node the whole lease again, because no node could be heard for a while.
    pub(crate) fn bear_with_all(&self) {
        self.0.write().nodes.values_mut().for_each(|node| node.heard = Instant::now());
    }

    /// The ids of all clients on other nodes.
    pub(crate) fn clients(&self) -> Vec<Arc<str>> {
        self.0.read().clients.keys().cloned().collect()
    }

    /// The number of clients on other nodes.
    pub(crate) fn count(&self) -> usize {
        self.0.read().clients.len()
    }

    /// The number of other nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.0.read().nodes.len()
    }

    /// The other nodes, each with the number of its clients.
    pub(crate) fn nodes_with_clients(&self) -> Vec<(NodeId, usize)> {
        self.0.read().nodes.iter().map(|(id, node)| (*id, node.clients.len())).collect()
    }

    /// The ids of a user's clients on other nodes, oldest first as far as known.
    pub(crate) fn clients_of(&self, user: &str) -> Vec<Arc<str>> {
        self.0.read().users.get(user).cloned().unwrap_or_default()
    }

    /// The number of a user's clients on other nodes.
    pub(crate) fn count_of(&self, user: &str) -> usize {
        self.0.read().users.get(user).map_or(0, Vec::len)
    }

    /// The channels that clients on other nodes have subscribed to.
    pub(crate) fn channels(&self) -> Vec<Arc<str>> {
        self.0.read().channels.keys().cloned().collect()
    }

    /// The ids of the clients on other nodes that have subscribed to a channel.
    pub(crate) fn clients_of_channel(&self, channel: &str) -> Vec<Arc<str>> {
        self.0.read().channels.get(channel).map_or_else(Vec::new, |clients| clients.iter().cloned().collect())
    }

    /// The number of clients on other nodes that have subscribed to a channel.
    pub(crate) fn count_of_channel(&self, channel: &str) -> usize {
        self.0.read().channels.get(channel).map_or(0, |clients| clients.len())
    }

    /// Whether a client on another node has subscribed to a channel.
    pub(crate) fn is_member(&self, client: &str, channel: &str) -> bool {
        self.0.read().channels.get(channel).is_some_and(|clients| clients.contains(client))
    }

    /// The clients on other nodes that meet the condition.
    pub(crate) fn described(&self, wanted: impl Fn(&Described) -> bool) -> Vec<Described> {
        let view = self.0.read();
        view.clients.values().map(|remote| &remote.described).filter(|there| wanted(there)).cloned().collect()
    }

    /// A client that another node knows, or knew until a while ago.
    pub(crate) fn find(&self, client: &str) -> Option<Elsewhere> {
        let view = self.0.read();
        let (there, connected) = view.known(client)?;
        Some(Elsewhere { user: there.user.clone(), connected })
    }

    /// The channels that such a client has subscribed to, or has left and may still have to read.
    pub(crate) fn spans_of(&self, client: &str) -> Vec<Span> {
        let view = self.0.read();
        let Some((there, _)) = view.known(client) else { return Vec::new() };
        let logged_out = there.user.as_ref().and_then(|user| view.logged_out.get(user));
        let logged_out = logged_out.filter(|(.., until)| there.connected_at <= *until).map_or(0, |(_, at, _)| *at);
        there.channels.iter().map(|span| span.ended_at(logged_out)).collect()
    }
}
