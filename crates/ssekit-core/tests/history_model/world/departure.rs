//! Clients that go, and what is kept of them.

use super::{Away, Client, World};
use crate::operation::USERS;
use crate::published::{Audience, Identity, Published};

impl World {
    /// A client goes by itself.
    pub(super) fn drop_client(&mut self, which: usize) {
        let client = self.clients.swap_remove(which);
        self.remember(&client);
        self.leaves(client.who, false);
    }

    pub(super) fn disconnect(&mut self, which: usize) {
        let client = self.clients.swap_remove(which);
        assert!(self.hub.disconnect_client(&client.who.client));
        self.is_ended(client);
    }

    /// All clients of a user end and lose their channels.
    pub(super) fn log_out(&mut self, user: usize) {
        let user = USERS[user];
        let (ended, others) =
            std::mem::take(&mut self.clients).into_iter().partition(|client| client.who.user == Some(user));
        self.clients = others;
        let ended: Vec<Client> = ended;
        assert_eq!(self.hub.disconnect_user(user), ended.len());
        ended.into_iter().for_each(|client| self.is_ended(client));
        let now = self.published.len() as u64;
        for away in self.away.iter().filter(|away| away.who.user == Some(user)) {
            if let Some(spans) = self.spans.get_mut(&away.who.client) {
                spans.end_all(now);
            }
        }
    }

    /// The application has ended a client, which gets everything from before that.
    fn is_ended(&mut self, mut client: Client) {
        self.read_to_end(&mut client);
        self.check_nothing_is_left(&client);
        self.remember(&client);
        self.leaves(client.who, true);
    }

    /// A client is about to leave.
    pub(super) fn remember(&mut self, client: &Client) {
        let Client { who, cursor, owes_reset, .. } = client;
        match who.brings_id() {
            true => drop(self.earlier.insert(who.client.clone(), (who.clone(), *cursor, *owes_reset))),
            false => self.departed.push(who.clone()),
        }
    }

    /// Position of the last event that was sent to this client alone.
    fn last_to(&self, who: &Identity) -> u64 {
        let to_it = |event: &&Published| matches!(&event.audience, Audience::Client(to) if to == who);
        self.published.iter().rfind(to_it).map_or(0, |event| event.position)
    }

    /// A client has left; its id and what was sent to it alone are kept for it, if there is anything to keep.
    fn leaves(&mut self, who: Identity, released: bool) {
        let last = self.last_to(&who);
        if !who.brings_id() {
            // Its page comes back without the channels that were added at run time.
            let lost = if self.spans_of(&who).have_ordered() { self.published.len() as u64 + 1 } else { last };
            self.unclaim(&who, lost);
        }
        if who.brings_id() || last > 0 {
            self.away.push(Away { who, since: self.now, released });
        }
    }

    /// Events up to this position for a client that brings no id may be missing for a page that comes back as its user.
    pub(super) fn unclaim(&mut self, who: &Identity, position: u64) {
        let unclaimed = self.unclaimed.entry(who.user).or_default();
        *unclaimed = position.max(*unclaimed);
    }

    /// Those who have been away for as long as the history lasts, the first to leave first. When exactly, only the hub knows.
    pub(super) fn give_up_some(&mut self) {
        while self.hub.stats().away < self.away.len() {
            let Away { who, since, .. } = self.away.remove(0);
            assert!(self.now - since >= self.hub.options().history.max_age.as_secs());
            self.forget(&who);
        }
    }

    /// This client's own events and its channels are gone.
    pub(super) fn forget(&mut self, gone: &Identity) {
        let last = self.last_to(gone);
        let forgotten = self.forgotten.entry(gone.client.clone()).or_default();
        *forgotten = last.max(*forgotten);
        self.spans.remove(&gone.client);
    }
}
