//! The nodes and their clients, with the ways to find them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::described::Described;
use crate::aging::AgingMap;
use crate::backplane::NodeId;
use crate::event::position::Position;

#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) nodes: HashMap<NodeId, RemoteNode>,
    pub(super) clients: HashMap<Arc<str>, RemoteClient>,
    pub(super) users: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// The clients that have subscribed to a channel.
    pub(super) channels: HashMap<Arc<str>, HashSet<Arc<str>>>,
    /// Clients that have gone. Their users keep these ids for a while, and the clients keep their channels.
    pub(super) gone: AgingMap<Arc<str>, (Instant, Described)>,
    /// Users who were logged out, and where in the history. Their clients have none of the channels from before, if they connected
    /// up to a time since 1970.
    pub(super) logged_out: AgingMap<Arc<str>, (Instant, Position, Duration)>,
}

#[derive(Debug)]
pub(super) struct RemoteNode {
    pub(super) heard: Instant,
    pub(super) clients: HashSet<Arc<str>>,
    /// The pieces of a presence snapshot in progress.
    pub(super) snapshot: Option<Vec<Described>>,
}

#[derive(Debug)]
pub(super) struct RemoteClient {
    node: NodeId,
    pub(super) described: Described,
}

impl View {
    pub(super) fn hear(&mut self, node: NodeId) -> &mut RemoteNode {
        let new = || RemoteNode { heard: Instant::now(), clients: HashSet::new(), snapshot: None };
        let known = self.nodes.entry(node).or_insert_with(new);
        known.heard = Instant::now();
        known
    }

    /// A client that is there, or was there until a while ago, and whether it is there.
    pub(super) fn known(&self, client: &str) -> Option<(&Described, bool)> {
        let there = self.clients.get(client).map(|remote| (&remote.described, true));
        there.or_else(|| self.gone.get(client).map(|(_, gone)| (gone, false)))
    }

    pub(super) fn add(&mut self, node: NodeId, described: Described) {
        let known = self.clients.get(&described.id);
        if known.is_some_and(|remote| remote.node == node && remote.described.user == described.user) {
            return self.change(node, described);
        }
        // The id belongs to another user.
        let user = described.user.as_deref();
        let is_earlier = |there: &Described| described.reported.is_some_and(|reported| there.precedes(user, reported));
        if known.is_some_and(|remote| remote.node != node && is_earlier(&remote.described)) {
            return;
        }
        // A newer connection takes the place of an older one, wherever the older one was.
        self.take_out(&described.id);
        let client = Arc::clone(&described.id);
        if let Some(user) = &described.user {
            self.users.entry(Arc::clone(user)).or_default().push(Arc::clone(&client));
        }
        if let Some(known) = self.nodes.get_mut(&node) {
            known.clients.insert(Arc::clone(&client));
        }
        self.enter_channels(&described);
        self.clients.insert(client, RemoteClient { node, described });
    }

    /// Replaces what is known about a node's client, except for the record that reported it.
    pub(super) fn change(&mut self, node: NodeId, described: Described) {
        let Some((client, mut remote)) = self.clients.remove_entry(&described.id) else { return };
        if remote.node == node && remote.described.user == described.user {
            self.leave_channels(&remote.described);
            self.enter_channels(&described);
            remote.described = Described { reported: remote.described.reported.or(described.reported), ..described };
        }
        self.clients.insert(client, remote);
    }

    fn enter_channels(&mut self, described: &Described) {
        for channel in described.active() {
            self.channels.entry(Arc::clone(channel)).or_default().insert(Arc::clone(&described.id));
        }
    }

    fn leave_channels(&mut self, described: &Described) {
        for channel in described.active() {
            if let Some(clients) = self.channels.get_mut(channel) {
                clients.remove(&described.id);
                if clients.is_empty() {
                    self.channels.remove(channel);
                }
            }
        }
    }

    pub(super) fn remove(&mut self, node: NodeId, client: &str) {
        if self.clients.get(client).is_some_and(|remote| remote.node == node)
            && let Some((client, remote)) = self.take_out(client)
        {
            self.gone.insert(client, (Instant::now(), remote.described));
        }
    }

    pub(super) fn take_out(&mut self, client: &str) -> Option<(Arc<str>, RemoteClient)> {
        let (client, remote) = self.clients.remove_entry(client)?;
        if let Some(known) = self.nodes.get_mut(&remote.node) {
            known.clients.remove(&client);
        }
        self.leave_channels(&remote.described);
        if let Some(user) = &remote.described.user
            && let Some(of_user) = self.users.get_mut(user)
        {
            of_user.retain(|other| *other != client);
            if of_user.is_empty() {
                self.users.remove(user);
            }
        }
        Some((client, remote))
    }

    pub(super) fn replace(&mut self, node: NodeId, snapshot: Vec<Described>) {
        let there: HashSet<&Arc<str>> = snapshot.iter().map(|described| &described.id).collect();
        let known = self.nodes.get(&node).into_iter().flat_map(|known| &known.clients);
        let gone: Vec<Arc<str>> = known.filter(|client| !there.contains(client)).cloned().collect();
        gone.iter().for_each(|client| self.remove(node, client));
        for described in snapshot {
            let user = described.user.as_deref();
            let known = self.clients.get(&described.id).filter(|remote| remote.node != node);
            let has_moved =
                known.zip(described.reported).is_some_and(|(there, reported)| there.described.succeeds(user, reported));
            if !has_moved {
                self.add(node, described);
            }
        }
    }

    pub(super) fn forget(&mut self, node: NodeId) {
        let clients: Vec<Arc<str>> =
            self.nodes.get(&node).into_iter().flat_map(|known| known.clients.iter().cloned()).collect();
        clients.iter().for_each(|client| self.remove(node, client));
        self.nodes.remove(&node);
    }
}
