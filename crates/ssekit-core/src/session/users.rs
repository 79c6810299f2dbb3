//! The users of a hub, by id.

use std::sync::Arc;

use tokio::time::Instant;

use crate::backplane::Interest;
use crate::error::Result;
use crate::event::position::Position;
use crate::history::timeline::{Place, Timeline};
use crate::session::directory::{Crowd, Directory};
use crate::session::forgotten::Missing;
use crate::session::user::{Hold, User};

/// All users about whom something is kept.
#[derive(Debug)]
pub(crate) struct Users {
    directory: Directory<User>,
    /// For users that were given up: the position up to which events sent to their single clients are missing, with ids that
    /// nobody can come back with.
    unclaimed: Missing,
}

impl Users {
    pub(crate) fn new(interest: Interest) -> Self {
        Self { directory: Directory::new(interest), unclaimed: Missing::default() }
    }

    /// The user with this id. A new user begins here, with its first event or client.
    pub(crate) fn get_or_begin(&self, id: &str) -> Arc<User> {
        self.directory.get_or_begin(id, |floor| User::new(id, floor, self.unclaimed.of(id)))
    }

    /// The user with this id, if one is known.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<User>> {
        self.directory.get(id)
    }

    /// For a user who is not known: the position up to which events sent to the user are missing.
    pub(crate) fn missing_of(&self, id: &str) -> Position {
        self.directory.missing_of(id)
    }

    /// The user with this id, held for a client that is about to join.
    ///
    /// # Errors
    /// The user has `most` clients.
    pub(crate) fn hold(&self, id: &str, most: usize) -> Result<Arc<User>> {
        loop {
            let user = self.get_or_begin(id);
            if user.hold(most)? == Hold::Held {
                return Ok(user);
            }
        }
    }

    /// An event that was sent to a single client of this user is out of everybody's reach.
    pub(crate) fn lose(&self, id: &str, position: Position) {
        let user = self.get_or_begin(id);
        user.lose(position);
        if user.is_retired() {
            // The user may have been given up before it knew of the loss.
            self.unclaimed.note(id, position);
        }
    }

    /// The history begins anew after this position: nothing before it is available.
    pub(crate) fn begin_after(&self, position: Position) {
        self.directory.begin_after(position);
    }

    /// Gives a place to an event that can be recalled, for a user who is not known here. `None`: it belongs in a log.
    pub(crate) fn leave_elsewhere(&self, id: &str, place: Place, timeline: &Timeline) -> Option<Position> {
        self.directory.leave_elsewhere(id, place, timeline)
    }

    /// Gives up users with nothing left. Events that nobody has read since `unread_since` do not count.
    pub(crate) fn sweep(&self, timeline: &Timeline, unread_since: Option<Instant>) {
        self.directory.sweep(timeline, unread_since, |id, user| self.unclaimed.note(id, user.unclaimed()));
    }

    /// The number of known users, online or not.
    pub(crate) fn len(&self) -> usize {
        self.directory.len()
    }

    /// The task that gives up users waits for this.
    pub(crate) fn crowd(&self) -> Arc<Crowd> {
        self.directory.crowd()
    }
}
