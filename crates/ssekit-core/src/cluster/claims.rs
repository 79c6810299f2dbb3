//! Whose the ids of this node's clients are, by the order of the history.
//!
//! Two users may come with one id to two nodes in the same moment, or while the nodes do not hear of each other. The claim that stands
//! first in the history is the one that holds; every node reads the same order, so all of them find the same owner.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::backplane::Number;

/// Clients of this node whose coming has been read in the history.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<Arc<str>, Claim>>);

#[derive(Debug)]
struct Claim {
    user: Option<Arc<str>>,
    /// The number of the record that said so first.
    since: Number,
}

/// Another node has a client with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing here has been read in the history that would stand against it.
    Theirs,
    /// The same user's client was here before, and has gone there.
    Moved,
    /// Another user's client was here before: what they have does not count.
    Ours,
}

impl Claims {
    /// This node's client has been read of.
    pub(crate) fn assert(&self, client: &str, user: Option<&str>, since: Number) {
        self.0.lock().insert(client.into(), Claim { user: user.map(Arc::from), since });
    }

    /// It has gone.
    pub(crate) fn drop(&self, client: &str) {
        self.0.lock().remove(client);
    }

    /// All of them are to be read of again.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Since when this node's client is known to all; 0: not yet.
    pub(crate) fn since(&self, client: &str, user: Option<&str>) -> Number {
        self.0.lock().get(client).filter(|claim| claim.user.as_deref() == user).map_or(0, |claim| claim.since)
    }

    /// Another node has a client with this id since this number, and has just got it, perhaps. What is not ours any more is not
    /// claimed any more.
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
