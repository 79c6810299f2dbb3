//! The audiences that a node follows, so that a backplane need not give it the rest.

use std::sync::Arc;

use dashmap::DashSet;

use super::Address;

/// The audiences that a node follows: users and channels that somebody there reads. Events for everybody and
/// [standing](Address::is_standing) records are always wanted. Clones are one.
///
/// Changing it never waits for a backplane. It applies to each [`next`](super::Backplane::next) that begins later.
#[derive(Debug, Clone)]
pub struct Interest(Option<Arc<DashSet<Address>>>);

impl Interest {
    /// That of a node which wants all records.
    pub fn everything() -> Self {
        Self(None)
    }

    /// That of a node which follows nobody yet.
    pub fn nobody() -> Self {
        Self(Some(Arc::default()))
    }

    /// Wants the audience's records from now on.
    pub fn follow(&self, audience: Address) {
        if let Self(Some(followed)) = self {
            followed.insert(audience);
        }
    }

    /// No longer wants the audience's records.
    pub fn unfollow(&self, audience: &Address) {
        if let Self(Some(followed)) = self {
            followed.remove(audience);
        }
    }

    /// Whether the node wants the records with an address of these [bytes](Address::as_bytes).
    pub fn wants(&self, address: &[u8]) -> bool {
        let Self(Some(followed)) = self else { return true };
        !Address::is_user_or_channel(address) || followed.contains(address)
    }

    /// How many audiences are followed.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |followed| followed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::audience::Audience;

    fn wants(interest: &Interest, audience: Audience<'_>) -> bool {
        interest.wants(Address::from(audience).as_bytes())
    }

    #[test]
    fn node_wants_whom_it_follows() {
        let interest = Interest::nobody();
        interest.clone().follow(Audience::User("ada").into());
        interest.follow(Audience::Channel("news").into());
        assert!(wants(&interest, Audience::User("ada")) && wants(&interest, Audience::Channel("news")));
        assert!(!wants(&interest, Audience::Channel("ada")) && !wants(&interest, Audience::User("bob")));
        interest.unfollow(&Audience::User("ada").into());
        assert!(!wants(&interest, Audience::User("ada")));
        assert_eq!(interest.count(), 1);
    }

    #[test]
    fn what_all_nodes_need_is_always_wanted() {
        let interest = Interest::nobody();
        assert!(wants(&interest, Audience::All { exclude: None }) && wants(&interest, Audience::Client("tab")));
        for address in [Address::commands(), Address::attendance("news")] {
            assert!(interest.wants(address.as_bytes()));
        }
        assert!(interest.wants(b"") && interest.wants(b"\x09later"), "whoever it is for");
    }

    #[test]
    fn interest_in_everything_stays() {
        let interest = Interest::everything();
        interest.unfollow(&Audience::User("ada").into());
        assert!(wants(&interest, Audience::User("ada")));
    }
}
