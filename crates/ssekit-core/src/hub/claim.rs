//! Decides whose place a client may take when it brings an id. Either its user vouches for it, or it shows the key of
//! its earlier client.

use std::sync::Arc;

use crate::event::RESERVED_PREFIX;
use crate::event::key::Key;
use crate::event::position::{ONLY_AT, Position};
use crate::hub::Hub;
use crate::hub::request::Connect;
use crate::session::client::Client;
use crate::session::reset::ResetReason;

/// The part of a connecting client's request that it is granted.
#[derive(Debug)]
pub(super) struct IdentityClaim<'a> {
    /// The id that the client asked for; `None`: it gets a new one.
    pub(super) client: Option<&'a str>,
    /// The client whose place it takes.
    pub(super) predecessor: Option<Arc<Client>>,
    /// The key at the end of the ids on its stream.
    pub(super) key: Option<Key>,
    /// The last event id that it has seen, without a key at the end.
    pub(super) last_event_id: Option<&'a str>,
    /// The client that has the requested id. It may be the same page, which has lost its last id, or anybody else.
    pub(super) stranger: Option<Arc<Client>>,
}

impl IdentityClaim<'_> {
    /// The reset that the client must receive if it has seen everything up to `seen`, or cannot say. If it is the same
    /// page as the stranger, it has lost the events that were sent to the stranger alone.
    pub(super) fn loss(&self, seen: Option<Position>) -> Option<ResetReason> {
        (self.stranger.as_ref()?.newest_own() > seen.unwrap_or(0)).then_some(ResetReason::Evicted)
    }
}

impl Hub {
    /// An anonymous client that brings an id in use, without its key, is a different client and gets a different id.
    pub(super) fn claim<'a>(&self, who: Connect<'a>) -> IdentityClaim<'a> {
        let registry = &self.inner.engine.registry;
        let shown = who.last_event_id.filter(|_| !who.by_url).and_then(Key::split).map(|(_, key)| key);
        let find = |id| registry.predecessor(id, who.user, shown.as_ref(), &self.inner.engine.timeline);
        let predecessor = who.client.and_then(find);
        let own_key = predecessor.as_ref().and_then(|client| client.key);
        let is_own = |shown: Key| [who.key, own_key].iter().flatten().any(|key| key.matches(&shown));
        let last_event_id = who.last_event_id.map(|id| self.without_key(id, shown.is_some_and(is_own)));
        let claim = IdentityClaim { client: who.client, predecessor, key: who.key, last_event_id, stranger: None };
        let (Some(id), None) = (who.client, who.user) else { return claim };
        if claim.predecessor.is_some() {
            return IdentityClaim { key: who.key.or(own_key), ..claim };
        }
        let stranger = registry.known_client(id).filter(|known| known.info.user.is_none());
        if stranger.is_some() || self.is_anonymous_elsewhere(id) {
            return IdentityClaim { client: None, stranger, ..claim };
        }
        IdentityClaim { key: Some(who.key.unwrap_or_else(Key::random)), ..claim }
    }

    /// Whether the client with this id has another key by now. A page that reopens its stream may put its old key into
    /// a URL, where it is no longer a secret.
    pub fn has_moved_on(&self, client: &str, key: &Key) -> bool {
        let known = self.inner.engine.registry.known_client(client);
        known.is_some_and(|known| !known.key.is_some_and(|own| own.matches(key)))
    }

    /// An id without the key at its end. An application's own id may look as if it ended with a key. So the key is
    /// removed only if it is the client's own, or if the rest is one of our ids.
    fn without_key<'a>(&self, id: &'a str, is_own: bool) -> &'a str {
        let epoch = self.inner.engine.timeline.epoch();
        let is_ours = |bare: &str| {
            let place = bare.split_once(ONLY_AT).map_or(bare, |(place, _)| place);
            bare.starts_with(RESERVED_PREFIX) || epoch.parse(place).is_some()
        };
        match Key::split(id) {
            Some((bare, _)) if is_own || is_ours(bare) => bare,
            _ => id,
        }
    }
}
