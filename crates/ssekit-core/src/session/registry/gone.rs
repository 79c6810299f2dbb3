//! Clients that are gone: which of their events are missing, and whose they were.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dashmap::Entry;

use super::Registry;
use crate::event::position::Position;
use crate::history::timeline::{Place, Timeline};
use crate::session::client::Client;
use crate::session::forgotten::{Earlier, Gone};
use crate::session::lifecycle::ClientInfo;
use crate::session::user::User;

impl Registry {
    /// The position up to which events sent to this client alone are missing, if no client has its place.
    pub(crate) fn missing_of(&self, client_id: &str) -> Position {
        self.of_clients.of(client_id)
    }

    /// The progress of the earlier client with this page's own id: the predecessor, or one that was given up. `None`: as
    /// far as is known, this user never had a client with this id here.
    pub(crate) fn earlier(&self, id: &str, user: Option<&str>, predecessor: Option<&Arc<Client>>) -> Option<Earlier> {
        match predecessor {
            Some(client) => client.brings_id.then(|| Earlier { reached: client.reached() }),
            None => {
                let gone = self.departed.find(id).ok()?;
                (gone.brings_id && gone.user.as_deref() == user).then_some(Earlier { reached: gone.reached })
            }
        }
    }

    /// The position up to which a client that brings no id may have missed events sent to it alone, under another id before
    /// its connection was cut.
    pub(crate) fn unclaimed(&self, user: Option<&User>) -> Position {
        let own = user.map_or_else(|| self.unclaimed.load(Ordering::Acquire), User::unclaimed);
        own.max(self.unclaimed_of_anybody.load(Ordering::Acquire))
    }

    /// An event was sent to an unknown client: its page learns about it if it comes back. Returns the position that the
    /// event took, or nothing if the client has come meanwhile.
    pub(crate) fn miss(&self, client_id: &str, place: Place, timeline: &Timeline) -> Option<Position> {
        let (position, departed) = match self.clients.entry(client_id.into()) {
            Entry::Occupied(_) => return None,
            // Nobody can enter with this id while the entry is held. A client that comes later finds the note and starts
            // behind it.
            Entry::Vacant(_vacant) => {
                let position = timeline.leave_out(place);
                self.of_clients.note(client_id, position);
                (position, self.departed.find(client_id))
            }
        };
        match departed {
            Ok(gone) if !gone.brings_id => self.lose_of(gone.user.as_deref(), position),
            Ok(_) => {}
            // It may be one of the clients that are not remembered any more.
            Err(unknown_before) => drop(self.unclaimed_of_anybody.fetch_max(unknown_before, Ordering::AcqRel)),
        }
        Some(position)
    }

    /// An event was sent to a single client that has gone.
    pub(crate) fn lose(&self, client: &Client, position: Position) {
        if client.brings_id {
            return;
        }
        self.lose_of(client.info.user.as_deref(), position);
    }

    pub(super) fn lose_of(&self, user: Option<&str>, position: Position) {
        match user {
            Some(id) => self.users.lose(id, position),
            None => drop(self.unclaimed.fetch_max(position, Ordering::AcqRel)),
        }
    }

    /// Remembers little more about a client than its user, for as many clients as there is room for.
    pub(super) fn depart(&self, client: &Client, timeline: &Timeline) {
        let ClientInfo { id, user } = client.info();
        let gone = Gone { user: user.clone(), brings_id: client.brings_id, reached: client.reached() };
        self.departed.note(id, gone, timeline.head());
    }

    /// Remembers the user of another node's client. Whether the client had brought its id is not known.
    pub(crate) fn departed_elsewhere(&self, client: ClientInfo, timeline: &Timeline) {
        let gone = Gone { user: client.user, brings_id: false, reached: None };
        self.departed.note_if_unknown(&client.id, gone, timeline.head());
    }

    /// Some clients that left before this position are not remembered: they were on other nodes before this one began.
    pub(crate) fn knows_nobody_before(&self, position: Position) {
        self.departed.knows_nobody_before(position);
    }
}
