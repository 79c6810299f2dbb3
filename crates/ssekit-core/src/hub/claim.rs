//! Whose place a client may take that comes with an id: its user vouches for it, or it shows the key of the one that it was.

use std::sync::Arc;

use crate::event::RESERVED_PREFIX;
use crate::event::key::Key;
use crate::event::position::{ONLY_AT, Position};
use crate::hub::{Connect, Hub};
use crate::session::client::Client;
use crate::session::reader::ResetReason;

/// What a connecting client is given of what it asks for.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    /// The id that it asked for; none: it gets a new one.
    pub(super) client: Option<&'a str>,
    /// Whose place it takes.
    pub(super) predecessor: Option<Arc<Client>>,
    /// What the ids on its stream end with.
    pub(super) key: Option<Key>,
    /// What it has seen last, without a key behind it.
    pub(super) last_event_id: Option<&'a str>,
    /// Who has the id that it asked for. It may be the same page, which has lost its last id; it may be anybody.
    pub(super) stranger: Option<Arc<Client>>,
}

impl Claim<'_> {
    /// What it has to be told if it has seen everything up to there, or nothing that it could say: if it is the same page, what was
    /// sent to the other one alone is lost for it.
    pub(super) fn loss(&self, seen: Option<Position>) -> Option<ResetReason> {
        let log = self.stranger.as_ref()?.log_if_any()?;
        (log.last() > seen.unwrap_or(0)).then_some(ResetReason::Evicted)
    }
}

impl Hub {
    /// An anonymous client with an id that somebody has, and without that one's key, is another client with another id.
    pub(super) fn claim<'a>(&self, who: Connect<'a>) -> Claim<'a> {
        let registry = &self.inner.registry;
        let shown = who.last_event_id.filter(|_| !who.by_url).and_then(Key::split).map(|(_, key)| key);
        let find = |id| registry.predecessor(id, who.user, shown.as_ref(), &self.inner.timeline);
        let predecessor = who.client.and_then(find);
        let own_key = predecessor.as_ref().and_then(|client| client.key);
        let is_own = |shown: Key| [who.key, own_key].iter().flatten().any(|key| key.matches(&shown));
        let last_event_id = who.last_event_id.map(|id| self.without_key(id, shown.is_some_and(is_own)));
        let claim = Claim { client: who.client, predecessor, key: who.key, last_event_id, stranger: None };
        let (Some(id), None) = (who.client, who.user) else { return claim };
        if claim.predecessor.is_some() {
            return Claim { key: who.key.or(own_key), ..claim };
        }
        let stranger = registry.known_client(id).filter(|known| known.info.user.is_none());
        if stranger.is_some() || self.is_anonymous_elsewhere(id) {
            return Claim { client: None, stranger, ..claim };
        }
        Claim { key: Some(who.key.unwrap_or_else(Key::random)), ..claim }
    }

    /// Whether the client with this id has another key by now: a page that opens its stream anew may put its old key into a URL,
    /// where it is no secret any more.
    pub fn has_moved_on(&self, client: &str, key: &Key) -> bool {
        let known = self.inner.registry.known_client(client);
        known.is_some_and(|known| !known.key.is_some_and(|own| own.matches(key)))
    }

    /// An id without the key that it ends with. An application's own id may look as if it ended with one, so nothing is taken off
    /// unless the key is the client's own, or what is left is an id of ours.
    fn without_key<'a>(&self, id: &'a str, is_own: bool) -> &'a str {
        let epoch = self.inner.timeline.epoch();
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
