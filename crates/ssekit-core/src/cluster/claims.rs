//! Decides who owns the ids of this node's clients, by the order of the history.
//!
//! Two users may bring the same id to two nodes at the same moment, or while the nodes cannot hear each other. The
//! claim that comes first in the history holds. Every node reads the same order, so all of them find the same owner.
//!
//! A user's own client moves between nodes. There, the claim that comes last in the history holds.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::backplane::Number;
use crate::cluster::message::AnnouncedClient;

/// Clients of this node whose arrival has been read in the history.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    claims: HashMap<Arc<str>, Claim>,
    /// Those from before the presence snapshot of this node that is being read.
    before: HashMap<Arc<str>, Claim>,
}

#[derive(Debug)]
struct Claim {
    user: Option<Arc<str>>,
    reported: Reported,
    /// When it connected, in milliseconds since 1970. A later connection of the same client has yet to be read.
    connected_at: u64,
}

/// The first record that reported a client, as far as it is known. A node may have missed it, or may not have read it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported {
    /// The lowest number that the record may have.
    pub(crate) from: Number,
    /// The highest.
    pub(crate) to: Number,
}

impl Reported {
    /// By this record: the client has just come.
    pub(crate) fn by(number: Number) -> Self {
        Self { from: number, to: number }
    }

    /// As a presence snapshot with this number says, whose node had read the members' topic up to `read`.
    pub(crate) fn in_snapshot(number: Number, read: Number, announced: &AnnouncedClient<'_>) -> Self {
        match *announced {
            AnnouncedClient { since: 0, .. } => Self { from: read.saturating_add(1), to: number },
            AnnouncedClient { since, since_at_least: 0, .. } => Self::by(since),
            AnnouncedClient { since, since_at_least, .. } => Self { from: since_at_least, to: since },
        }
    }

    /// Whether another user's client that was reported like `other` comes later.
    pub(crate) fn precedes(self, other: Self) -> bool {
        self.to <= other.to
    }

    /// Whether the same user's client has come here since it was reported like `other`. Where both may begin with one number, the
    /// surer one holds: a node that lists a client has not read of its move yet.
    pub(crate) fn succeeds(self, other: Self) -> bool {
        (self.from, Reverse(self.to)) >= (other.from, Reverse(other.to))
    }
}

/// The owner of an id, if another node has a client with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They do: nothing read in the history so far contradicts it.
    Theirs,
    /// The same user's client was here before, connected at this time, and has moved there.
    Moved { connected_at: u64 },
    /// Another user's client was here before, or the same user's client has come here since. Their client does not count.
    Ours,
}

impl Claims {
    /// Enters this node's client, whose arrival has been read.
    pub(crate) fn assert(&self, announced: &AnnouncedClient<'_>, reported: Reported) {
        let AnnouncedClient { client, user, connected_at, .. } = *announced;
        let claim = Claim { user: user.map(Arc::from), reported, connected_at };
        self.0.lock().claims.insert(client.into(), claim);
    }

    /// Removes a client that has gone.
    pub(crate) fn drop(&self, client: &str) {
        self.0.lock().claims.remove(client);
    }

    /// Removes all claims, because a presence snapshot of this node makes them anew.
    pub(crate) fn begin_snapshot(&self) {
        let mut known = self.0.lock();
        known.before = std::mem::take(&mut known.claims);
    }

    /// The first report of a connection in that snapshot, if it has been read before.
    pub(crate) fn before_snapshot(&self, announced: &AnnouncedClient<'_>) -> Option<Reported> {
        let known = self.0.lock();
        let claim = known.before.get(announced.client)?;
        let is_it = claim.user.as_deref() == announced.user && claim.connected_at == announced.connected_at;
        is_it.then_some(claim.reported)
    }

    /// That snapshot has been read.
    pub(crate) fn end_snapshot(&self) {
        self.0.lock().before = HashMap::new();
    }

    /// Removes all claims, because the history is another one.
    pub(crate) fn clear(&self) {
        *self.0.lock() = Known::default();
    }

    /// The first report of this node's client; `None`: it has not been read yet.
    pub(crate) fn reported(&self, client: &str, user: Option<&str>) -> Option<Reported> {
        let known = self.0.lock();
        known.claims.get(client).filter(|claim| claim.user.as_deref() == user).map(|claim| claim.reported)
    }

    /// Judges another node's client that has this id. Drops this node's claim if it no longer holds.
    pub(crate) fn judge(&self, client: &str, user: Option<&str>, reported: Reported) -> Verdict {
        let claims = &mut self.0.lock().claims;
        let Some(claim) = claims.get(client) else { return Verdict::Theirs };
        let is_same = claim.user.as_deref() == user;
        let is_ours = if is_same { claim.reported.succeeds(reported) } else { claim.reported.precedes(reported) };
        if is_ours {
            return Verdict::Ours;
        }
        let connected_at = claim.connected_at;
        claims.remove(client);
        if is_same { Verdict::Moved { connected_at } } else { Verdict::Theirs }
    }
}
