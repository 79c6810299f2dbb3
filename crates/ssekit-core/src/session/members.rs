//! The members of a channel, by the shard that serves them. So an event is one command for each of these shards, however many
//! members there are.

use std::sync::Arc;

use slab::Slab;

use crate::event::position::Position;
use crate::session::client::Client;
use crate::session::subscriptions::MemberKey;

/// The members of a channel.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// Few: there is one for each shard that has members.
    groups: Vec<Group>,
    count: usize,
}

/// The members that one shard serves.
#[derive(Debug)]
struct Group {
    shard: usize,
    clients: Slab<Arc<Client>>,
    /// The shard has offered the channel's events up to this position to all of them.
    offered: Position,
    /// A mark is on its way to the shard, so another one would add nothing.
    marked: bool,
}

impl Members {
    /// Adds a member, while the channel's newest event is at `newest`.
    pub(crate) fn join(&mut self, client: &Arc<Client>, newest: Position) -> MemberKey {
        let shard = client.shard.number();
        self.count += 1;
        if let Some(group) = self.group(shard) {
            return group.clients.insert(Arc::clone(client));
        }
        let mut clients = Slab::with_capacity(1);
        let key = clients.insert(Arc::clone(client));
        // Most channels have few members, and there may be very many channels.
        self.groups.reserve_exact(1);
        self.groups.push(Group { shard, clients, offered: newest, marked: false });
        key
    }

    /// Removes a member, once.
    pub(crate) fn leave(&mut self, client: &Client, key: MemberKey) {
        let Some(group) = self.group(client.shard.number()) else { return };
        let left = group.clients.try_remove(key);
        debug_assert!(left.is_some(), "a member leaves once");
        if group.clients.len() * 4 < group.clients.capacity() {
            group.clients.shrink_to_fit();
        }
        self.count -= usize::from(left.is_some());
    }

    /// The channel has a new event. Returns the shards that have to learn about it.
    pub(crate) fn mark(&mut self) -> impl Iterator<Item = usize> {
        let unmarked = self.groups.iter_mut().filter(|group| !group.marked && !group.clients.is_empty());
        unmarked.map(|group| {
            group.marked = true;
            group.shard
        })
    }

    /// Clears the shard's mark before it looks, so that a later event sets a new one. Returns the position up to which the
    /// shard has offered events.
    pub(crate) fn unmark(&mut self, shard: usize) -> Option<Position> {
        let group = self.group(shard)?;
        group.marked = false;
        Some(group.offered)
    }

    /// The shard is about to offer the events up to this position.
    pub(crate) fn set_offered(&mut self, shard: usize, to: Position) {
        if let Some(group) = self.group(shard) {
            group.offered = to;
        }
    }

    /// Copies at most `most` of a shard's members, from a key on. Returns the key at which to go on; `None`: there are no
    /// more.
    pub(crate) fn copy(
        &self,
        shard: usize,
        from: MemberKey,
        most: usize,
        out: &mut Vec<Arc<Client>>,
    ) -> Option<MemberKey> {
        let clients = &self.groups.iter().find(|group| group.shard == shard)?.clients;
        for key in from..clients.capacity() {
            if out.len() == most {
                return Some(key);
            }
            out.extend(clients.get(key).cloned());
        }
        None
    }

    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.groups.iter().flat_map(|group| &group.clients).map(|(_, client)| Arc::clone(client)).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn group(&mut self, shard: usize) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.shard == shard)
    }
}
