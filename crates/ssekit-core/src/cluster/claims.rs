//! Decides who owns the ids of this node's clients, by the order of the history.
//!
//! Two users may bring the same id to two nodes at the same moment, or while the nodes cannot hear each other. The
//! claim that comes first in the history holds. Every node reads the same order, so all of them find the same owner.

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
}

/// The owner of an id, if another node has a client with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They do: nothing read in the history so far contradicts it.
    Theirs,
    /// The same user's client was here before, and has moved there.
    Moved,
    /// Another user's client was here before, so their client does not count.
    Ours,
}

impl Claims {
    /// Enters this node's client, whose arrival has been read.
    pub(crate) fn assert(&self, client: &str, user: Option<&str>, since: Number) {
        self.0.lock().insert(client.into(), Claim { user: user.map(Arc::from), since });
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

    /// Judges another node's client that has this id since this number. `anew`: it may have just connected there. Drops
    /// this node's claim if it no longer holds.
    pub(crate) fn judge(&self, client: &str, user: Option<&str>, since: Number, anew: bool) -> Verdict {
        let mut claims = self.0.lock();
        let Some(claim) = claims.get(client) else { return Verdict::Theirs };
        if claim.user.as_deref() == user {
            if !anew {
                return Verdict::Theirs;
            }
            claims.remove(client);
            return Verdict::Moved;
        }
        if claim.since <= since {
            return Verdict::Ours;
        }
        claims.remove(client);
        Verdict::Theirs
    }
}
