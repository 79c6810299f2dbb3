//! Decides who owns the ids of this node's clients, by the order of the history.
//!
//! Two users may bring the same id to two nodes at the same moment, or while the nodes cannot hear each other. The
//! claim that comes first in the history holds. Every node reads the same order, so all of them find the same owner.
//!
//! A user's own client moves between nodes. There, the claim that comes last in the history holds.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::backplane::Number;

/// Clients of this node whose arrival has been read in the history.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<Arc<str>, Claim>>);

#[derive(Debug)]
struct Claim {
    user: Option<Arc<str>>,
    /// The number of the first record that reported the client.
    since: Number,
    /// When it connected, in milliseconds since 1970. A later connection of the same client has yet to be read.
    connected_at: u64,
}

/// Where a client was first reported, as far as a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported {
    /// Not before this number.
    pub(crate) from: Number,
    /// Not behind this number.
    pub(crate) to: Number,
}

impl Reported {
    /// By this record: the client has just come.
    pub(crate) fn by(number: Number) -> Self {
        Self { from: number, to: number }
    }

    /// As a presence snapshot with this number says. `since` is the number of the first report, or 0 if the sender had not
    /// read it yet. Then it comes after everything that the sender had read.
    pub(crate) fn in_snapshot(number: Number, read: Number, since: Number) -> Self {
        if since > 0 { Self::by(since) } else { Self { from: read.saturating_add(1), to: number } }
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
    pub(crate) fn assert(&self, client: &str, user: Option<&str>, since: Number, connected_at: u64) {
        self.0.lock().insert(client.into(), Claim { user: user.map(Arc::from), since, connected_at });
    }

    /// Removes a client that has gone.
    pub(crate) fn drop(&self, client: &str) {
        self.0.lock().remove(client);
    }

    /// Removes all claims, which have to be read again.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// The number since which all nodes know this node's client; 0: not yet.
    pub(crate) fn since(&self, client: &str, user: Option<&str>) -> Number {
        self.0.lock().get(client).filter(|claim| claim.user.as_deref() == user).map_or(0, |claim| claim.since)
    }

    /// Judges another node's client that has this id. Drops this node's claim if it no longer holds.
    pub(crate) fn judge(&self, client: &str, user: Option<&str>, reported: Reported) -> Verdict {
        let mut claims = self.0.lock();
        let Some(claim) = claims.get(client) else { return Verdict::Theirs };
        let is_same = claim.user.as_deref() == user;
        let is_ours = if is_same { claim.since >= reported.from } else { claim.since <= reported.to };
        if is_ours {
            return Verdict::Ours;
        }
        let connected_at = claim.connected_at;
        claims.remove(client);
        if is_same { Verdict::Moved { connected_at } } else { Verdict::Theirs }
    }
}
