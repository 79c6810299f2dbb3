//! The hub as one of several nodes: it sends events into the shared history, and asks what other nodes know.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Link;
use crate::cluster::message::{self, Addressee, Message, Owner};
use crate::cluster::node::Cluster;
use crate::error::{Error, Result};
use crate::event::Draft;
use crate::event::audience::Audience;
use crate::event::key::Key;
use crate::event::position::{Position, last_agreed};
use crate::hub::{Hub, Inner};
use crate::session::client::Client;
use crate::session::forgotten::Earlier;
use crate::session::revoked::{Revoked, since_1970};
use crate::session::subscriptions::Span;

impl Hub {
    /// Waits until this node knows what other nodes have sent, so that a client from one of them can resume here. Waits
    /// a few seconds at most. Usually there is nothing to wait for, and a hub without a cluster never waits.
    pub async fn caught_up(&self, last_event_id: Option<&str>) {
        let Some(cluster) = &self.inner.cluster else { return };
        if cluster.is_starting(last_event_id.is_some()) {
            cluster.starts().await;
        }
        if let Some(position) = self.ahead(last_event_id) {
            cluster.reaches(position).await;
        }
    }

    /// Waits, for a few seconds at most, until this node has joined the others and knows their clients. Returns whether
    /// it has.
    pub async fn ready(&self) -> bool {
        match &self.inner.cluster {
            Some(cluster) => cluster.knows_all().await,
            None => true,
        }
    }

    /// Whether there is nothing to wait for.
    pub fn is_caught_up(&self, last_event_id: Option<&str>) -> bool {
        let Some(cluster) = &self.inner.cluster else { return true };
        !cluster.is_starting(last_event_id.is_some()) && self.ahead(last_event_id).is_none()
    }

    /// The position that an id names, if this node has not reached it yet.
    fn ahead(&self, last_event_id: Option<&str>) -> Option<Position> {
        let timeline = &self.inner.engine.timeline;
        let id = last_event_id.map(|id| Key::split(id).map_or(id, |(bare, _)| bare))?;
        let seen = timeline.epoch().parse_seen(id)?;
        let position = if seen.only_at.is_some() { seen.elsewhere } else { last_agreed(seen.position) };
        // The part of an id that names another node is not worth waiting for, because only that node knows what it
        // means.
        (position > timeline.head() && timeline.locate(id, |_| None).is_none_or(|known| known.elsewhere == position))
            .then_some(position)
    }

    /// Notes that a client has seen more than this node, until the node can verify it. Returns false if the node can no
    /// longer tell what the client has seen.
    pub(super) fn welcome(&self, client: &Arc<Client>, last_event_id: Option<&str>, seen: Position) -> bool {
        let Some(cluster) = self.inner.cluster.as_ref().filter(|cluster| seen > cluster.read()) else { return true };
        cluster.newcomers.add(client, seen, cluster.probe());
        // Check again: an outage delivery may have begun in the meantime, and it ends only the newcomers that it finds
        // noted.
        last_event_id.is_none_or(|id| self.inner.engine.timeline.locate(id, |_| None).is_some())
    }

    /// Whether the history never reached the position that a client claims to have seen.
    pub(super) fn is_refuted(&self, seen: Position) -> bool {
        let Some(cluster) = self.inner.cluster.as_ref().filter(|cluster| seen > cluster.read()) else { return false };
        cluster.newcomers.is_refuted(seen)
    }

    /// The hub knows every log-out since this time, which counts since 1970. So whoever was identified later, and was not
    /// [logged out](Hub::is_logged_out) since then, need not be identified again.
    ///
    /// * Without a backplane, that is since the process took its first mark: it remembers no log-out of an earlier process.
    /// * With one, the backplane remembers log-outs over restarts. Before the hub has joined it, and while it cannot be used, the answer is
    ///   [`Duration::MAX`]: others may log out users meanwhile, so nothing is known for sure.
    ///
    /// The time is the backplane's, and that of a log-out is its process's, so leave a margin for clocks that differ. A log-out that another process has not appended yet is not known
    /// here, and is lost if that process is killed. [`Hub::share`] waits until it is safe.
    pub fn remembers_log_outs_since(&self) -> Duration {
        let Inner { engine, cluster, .. } = &*self.inner;
        let since = cluster.as_ref().map_or_else(Revoked::since, |cluster| cluster.knows_log_outs_since());
        since.max(engine.revoked.forgotten())
    }

    /// Sends an event to all nodes, including this one. Returns the number of clients that it is for, as far as this node
    /// knows.
    pub(super) fn put_for_all_nodes(&self, cluster: &Cluster, audience: Audience<'_>, draft: Draft) -> usize {
        let (registry, remote) = (&self.inner.engine.registry, &cluster.remote_clients);
        let mut owner = None;
        let clients = match audience {
            Audience::All { exclude } => {
                let is_there =
                    |id| registry.client(id).is_some() || remote.find(id).is_some_and(|there| there.connected);
                let excluded = usize::from(exclude.is_some_and(is_there));
                (registry.counts().0 + remote.count()).saturating_sub(excluded)
            }
            Audience::User(id) => registry.users.get(id).map_or(0, |user| user.count()) + remote.count_of(id),
            Audience::Channel(name) => {
                registry.channels.get(name).map_or(0, |channel| channel.count()) + remote.count_of_channel(name)
            }
            // A client that no node knows has no owner. Its page learns about the missing event when it connects.
            Audience::Client(id) => self.owner_of(cluster, id).map_or(0, |(user, connected)| {
                owner = Some(user);
                usize::from(connected)
            }),
        };
        let owner = owner.as_ref().map(|user| user.as_deref().map_or(Owner::Anonymous, Owner::User));
        cluster.send(message::event_for(Addressee { audience, owner }, draft), &self.inner.engine);
        clients
    }

    /// Other nodes' view of a client that wants to connect here: how many clients its user has there, and whether one
    /// of them is this client, whose place it takes.
    ///
    /// # Errors
    /// The id belongs to a client of another user.
    pub(super) fn look_elsewhere(&self, user: Option<&str>, client: Option<&str>) -> Result<(usize, bool)> {
        let Some(cluster) = &self.inner.cluster else { return Ok((0, false)) };
        let there = client.and_then(|id| cluster.remote_clients.find(id));
        if there.as_ref().is_some_and(|there| there.user.as_deref() != user) {
            return Err(Error::claimed());
        }
        let replaces = there.is_some_and(|there| there.connected);
        Ok((user.map_or(0, |user| cluster.remote_clients.count_of(user)), replaces))
    }

    /// The position that a page with this id and user may have reached on other nodes. Nobody knows how much of the
    /// current history it has received, so the answer is the base of the history.
    pub(super) fn earlier_elsewhere(&self, user: Option<&str>, client: &str) -> Option<Earlier> {
        let there = self.inner.cluster.as_ref()?.remote_clients.find(client)?;
        (there.user.as_deref() == user).then(|| Earlier { reached: Some(self.inner.engine.timeline.base()) })
    }

    /// The channels that a client of this user had on another node.
    pub(super) fn channels_elsewhere(&self, user: Option<&str>, client: Option<&str>) -> Vec<Span> {
        let (Some(cluster), Some(id)) = (&self.inner.cluster, client) else { return Vec::new() };
        if cluster.remote_clients.find(id).is_none_or(|there| there.user.as_deref() != user) {
            return Vec::new();
        }
        // The client carries out the commands that this node has yet to read by itself.
        let next = cluster.read() + 1;
        cluster.remote_clients.spans_of(id).iter().filter_map(|span| span.before(next)).collect()
    }

    /// Whether another node has an anonymous client with this id, or had one a moment ago. This node does not know its
    /// key.
    pub(super) fn is_anonymous_elsewhere(&self, client: &str) -> bool {
        let there = self.inner.cluster.as_ref().and_then(|cluster| cluster.remote_clients.find(client));
        there.is_some_and(|there| there.user.is_none())
    }

    /// The owner of a client on any node, and whether the client is connected.
    pub(super) fn owner_of(&self, cluster: &Cluster, client_id: &str) -> Option<(Option<Arc<str>>, bool)> {
        let here = self
            .inner
            .engine
            .registry
            .known_client(client_id)
            .map(|client| (client.info.user.clone(), client.is_connected()));
        let there = cluster.remote_clients.find(client_id).map(|there| (there.user, there.connected));
        match (here, there) {
            (Some((_, false)), Some(there)) => Some(there),
            (here, there) => here.or(there),
        }
    }

    pub(super) fn disconnect_client_anywhere(&self, cluster: &Cluster, client_id: &str) -> bool {
        let connected = self.owner_of(cluster, client_id).is_some_and(|(_, connected)| connected);
        cluster.send(Message::DisconnectClient(client_id).record(), &self.inner.engine);
        connected
    }

    /// Earlier events still go out, so the command to disconnect follows them in the history.
    pub(super) fn disconnect_user_everywhere(&self, cluster: &Cluster, user_id: &str) -> usize {
        let now = since_1970();
        self.inner.engine.revoked.revoke(user_id, now);
        let here = self.inner.engine.registry.users.get(user_id).map_or(0, |user| user.count());
        cluster.send(Message::DisconnectUser(user_id, now.as_micros() as u64).record(), &self.inner.engine);
        if cluster.link() != Link::Up {
            // A log-out takes effect here at once, even if the other nodes learn about it later.
            self.inner.engine.disconnect_user(user_id, now);
        }
        here + cluster.remote_clients.count_of(user_id)
    }
}
