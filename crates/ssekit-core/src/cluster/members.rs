//! Who is connected to the other nodes: a local view, so that every question has an immediate answer. Nodes keep it
//! current by reporting when clients come and go. A node that stays silent for the lease is gone with all its clients.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::time::Instant;

use crate::aging::AgingMap;
use crate::backplane::{NodeId, Number};
use crate::cluster::message::Member;
use crate::session::lifecycle::ClientInfo;

/// The most clients gone from other nodes whose users are remembered.
const MOST_GONE: usize = 65_536;

/// The clients of other nodes.
#[derive(Debug, Default)]
pub(crate) struct Members(RwLock<View>);

#[derive(Debug, Default)]
struct View {
    nodes: HashMap<NodeId, Node>,
    clients: HashMap<Arc<str>, Remote>,
    users: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// Clients that have gone, with their users, who keep these ids for a while.
    gone: AgingMap<Arc<str>, (Instant, Option<Arc<str>>)>,
}

#[derive(Debug)]
struct Node {
    heard: Instant,
    clients: HashSet<Arc<str>>,
    /// The pieces of a presence snapshot in progress, with the number since which each client is there.
    snapshot: Option<Vec<(ClientInfo, Number)>>,
}

#[derive(Debug)]
struct Remote {
    node: NodeId,
    user: Option<Arc<str>>,
    /// The number of the first record that reported the client.
    since: Number,
}

/// A client that another node knows, or knew until a while ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    pub(crate) user: Option<Arc<str>>,
    pub(crate) connected: bool,
}

impl Members {
    /// Whether this node has heard from a node that has not gone since.
    pub(crate) fn knows(&self, node: NodeId) -> bool {
        self.0.read().nodes.contains_key(&node)
    }

    /// Adds clients that have come to a node, by the record with this number.
    pub(crate) fn joined(&self, node: NodeId, number: Number, members: &[Member<'_>]) {
        let mut view = self.0.write();
        view.hear(node);
        for member in members {
            view.add(node, member.client.into(), member.user.map(Arc::from), number);
        }
    }

    /// Whether another user's client with this id is on another node, and was there before this number.
    pub(crate) fn is_claimed(&self, client: &str, user: Option<&str>, since: Number) -> bool {
        let view = self.0.read();
        view.clients.get(client).is_some_and(|remote| remote.user.as_deref() != user && remote.since < since)
    }

    /// Removes clients that have come to this node, wherever they were before.
    pub(crate) fn moved_here(&self, members: &[Member<'_>]) {
        let mut view = self.0.write();
        members.iter().for_each(|member| drop(view.take_out(member.client)));
    }

    /// Removes clients that have gone from a node.
    pub(crate) fn left(&self, node: NodeId, clients: &[&str]) {
        let mut view = self.0.write();
        view.hear(node);
        for client in clients {
            view.remove(node, client);
        }
    }

    /// Adds a piece of a node's presence snapshot, which takes effect at the next [`Members::alive`].
    pub(crate) fn snapshot(&self, node: NodeId, number: Number, first: bool, members: &[Member<'_>]) {
        let mut view = self.0.write();
        let known = view.hear(node);
        if first {
            known.snapshot = Some(Vec::new());
        }
        if let Some(snapshot) = &mut known.snapshot {
            snapshot.extend(members.iter().map(|member| {
                let since = if member.since == 0 { number } else { member.since };
                (ClientInfo { id: member.client.into(), user: member.user.map(Arc::from) }, since)
            }));
        }
    }

    /// Notes that a node is alive. If it has sent a presence snapshot, that is now complete.
    pub(crate) fn alive(&self, node: NodeId) {
        let mut view = self.0.write();
        if let Some(snapshot) = view.hear(node).snapshot.take() {
            view.replace(node, snapshot);
        }
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
        let mut forgotten = Vec::new();
        let is_due = |(since, _): &(Instant, _), count| since.elapsed() > memory || count > MOST_GONE;
        while let Some((id, (_, user))) = view.gone.pop_oldest_if(is_due) {
            forgotten.push(ClientInfo { id, user });
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

    /// The ids of a user's clients on other nodes, oldest first as far as known.
    pub(crate) fn clients_of(&self, user: &str) -> Vec<Arc<str>> {
        self.0.read().users.get(user).cloned().unwrap_or_default()
    }

    /// The number of a user's clients on other nodes.
    pub(crate) fn count_of(&self, user: &str) -> usize {
        self.0.read().users.get(user).map_or(0, Vec::len)
    }

    /// A client that another node knows, or knew until a while ago.
    pub(crate) fn find(&self, client: &str) -> Option<Elsewhere> {
        let view = self.0.read();
        let connected = view.clients.get(client).map(|remote| Elsewhere { user: remote.user.clone(), connected: true });
        connected.or_else(|| {
            let (_, user) = view.gone.get(client)?;
            Some(Elsewhere { user: user.clone(), connected: false })
        })
    }
}

impl View {
    fn hear(&mut self, node: NodeId) -> &mut Node {
        let new = || Node { heard: Instant::now(), clients: HashSet::new(), snapshot: None };
        let known = self.nodes.entry(node).or_insert_with(new);
        known.heard = Instant::now();
        known
    }

    fn add(&mut self, node: NodeId, client: Arc<str>, user: Option<Arc<str>>, since: Number) {
        let known = self.clients.get(&client);
        if known.is_some_and(|remote| remote.node == node && remote.user == user) {
            return;
        }
        // The id belongs to another user.
        if known.is_some_and(|remote| remote.node != node && remote.user != user && remote.since <= since) {
            return;
        }
        // A newer connection takes the place of an older one, wherever the older one was.
        self.take_out(&client);
        if let Some(user) = &user {
            self.users.entry(Arc::clone(user)).or_default().push(Arc::clone(&client));
        }
        if let Some(known) = self.nodes.get_mut(&node) {
            known.clients.insert(Arc::clone(&client));
        }
        self.clients.insert(client, Remote { node, user, since });
    }

    fn remove(&mut self, node: NodeId, client: &str) {
        if self.clients.get(client).is_some_and(|remote| remote.node == node)
            && let Some((client, remote)) = self.take_out(client)
        {
            self.gone.insert(client, (Instant::now(), remote.user));
        }
    }

    fn take_out(&mut self, client: &str) -> Option<(Arc<str>, Remote)> {
        let (client, remote) = self.clients.remove_entry(client)?;
        if let Some(known) = self.nodes.get_mut(&remote.node) {
            known.clients.remove(&client);
        }
        if let Some(user) = &remote.user
            && let Some(of_user) = self.users.get_mut(user)
        {
            of_user.retain(|other| *other != client);
            if of_user.is_empty() {
                self.users.remove(user);
            }
        }
        Some((client, remote))
    }

    fn replace(&mut self, node: NodeId, snapshot: Vec<(ClientInfo, Number)>) {
        let there: HashSet<&Arc<str>> = snapshot.iter().map(|(info, _)| &info.id).collect();
        let known = self.nodes.get(&node).into_iter().flat_map(|known| &known.clients);
        let gone: Vec<Arc<str>> = known.filter(|client| !there.contains(client)).cloned().collect();
        gone.iter().for_each(|client| self.remove(node, client));
        for (info, since) in snapshot {
            self.add(node, info.id, info.user, since);
        }
    }

    fn forget(&mut self, node: NodeId) {
        let clients: Vec<Arc<str>> =
            self.nodes.get(&node).into_iter().flat_map(|known| known.clients.iter().cloned()).collect();
        clients.iter().for_each(|client| self.remove(node, client));
        self.nodes.remove(&node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member<'a>(client: &'a str, user: Option<&'a str>) -> Member<'a> {
        Member { client, user, since: 0 }
    }

    fn sorted(mut ids: Vec<Arc<str>>) -> Vec<String> {
        ids.sort_unstable();
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clients_are_listed_by_node_and_user() {
        let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
        members.joined(one, 1, &[member("a", Some("ada")), member("b", None)]);
        members.joined(two, 1, &[member("c", Some("ada"))]);
        assert_eq!(sorted(members.clients()), ["a", "b", "c"]);
        assert_eq!((members.count(), members.count_of("ada"), members.nodes()), (3, 2, 2));
        members.left(one, &["a", "unknown"]);
        assert_eq!(sorted(members.clients_of("ada")), ["c"]);
        let left = Elsewhere { user: Some("ada".into()), connected: false };
        assert_eq!(members.find("a"), Some(left), "its id is still ada's");
        members.node_left(two);
        assert_eq!((members.count_of("ada"), members.nodes()), (0, 1));
    }

    #[test]
    fn old_node_does_not_remove_a_moved_client() {
        let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
        members.joined(one, 1, &[member("tab", Some("ada"))]);
        members.joined(two, 1, &[member("tab", Some("ada"))]);
        members.left(one, &["tab"]);
        members.node_left(one);
        assert_eq!(sorted(members.clients_of("ada")), ["tab"]);
    }

    #[test]
    fn complete_snapshot_replaces_the_known_clients() {
        let (members, one) = (Members::default(), NodeId::random());
        members.joined(one, 1, &[member("a", None), member("b", Some("ada"))]);
        members.snapshot(one, 2, true, &[member("b", Some("ada"))]);
        members.snapshot(one, 2, false, &[member("c", Some("bob"))]);
        assert_eq!(sorted(members.clients()), ["a", "b"], "it is not complete yet");
        members.alive(one);
        assert_eq!(sorted(members.clients()), ["b", "c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn expired_lease_removes_node_and_clients() {
        let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
        let (lease, memory) = (Duration::from_secs(10), Duration::from_secs(300));
        members.joined(one, 1, &[member("a", None)]);
        members.joined(two, 1, &[member("b", None)]);
        tokio::time::advance(Duration::from_secs(7)).await;
        members.alive(two);
        tokio::time::advance(Duration::from_secs(7)).await;
        members.expire(lease, memory);
        assert_eq!(sorted(members.clients()), ["b"]);
        tokio::time::advance(Duration::from_secs(9)).await;
        members.bear_with_all();
        members.expire(lease, memory);
        assert_eq!(sorted(members.clients()), ["b"]);
        assert!(members.find("a").is_some());
        tokio::time::advance(memory).await;
        members.expire(lease, memory);
        assert_eq!(members.find("a"), None);
    }

    #[test]
    fn id_belongs_to_the_first_user_in_the_history() {
        let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
        members.joined(one, 5, &[member("tab", Some("ada"))]);
        members.joined(two, 6, &[member("tab", Some("eve"))]);
        let ada = Elsewhere { user: Some("ada".into()), connected: true };
        assert_eq!(members.find("tab"), Some(ada.clone()));
        assert_eq!((members.count_of("ada"), members.count_of("eve")), (1, 0));
        // A node that hears of the second claim first learns about the other from the presence snapshot.
        let late = Members::default();
        late.joined(two, 6, &[member("tab", Some("eve"))]);
        late.snapshot(one, 9, true, &[Member { since: 5, ..member("tab", Some("ada")) }]);
        late.alive(one);
        assert_eq!(late.find("tab"), Some(ada));
        assert!(late.is_claimed("tab", Some("eve"), 6) && !late.is_claimed("tab", Some("ada"), 6));
    }
}
