//! The events that clients get, and those that are read back.

use std::time::Duration;

use proptest::sample::Index;
use ssekit_core::{Audience as Whose, DrainOptions, StoredEvent};
use ssekit_testing::wire::Received;

use super::{Client, World};
use crate::operation::{CHANNELS, Sent, USERS};
use crate::published::{Audience, Published};

impl World {
    pub(super) fn read(&mut self, which: Index, pulls: usize) {
        if self.clients.is_empty() {
            return;
        }
        let which = which.index(self.clients.len());
        let mut client = self.clients.swap_remove(which);
        // Some pulls, or as many as there are.
        let events = match pulls {
            3 => client.pull.all(),
            _ => client.pull.some(pulls),
        };
        events.iter().for_each(|event| self.check(&mut client, event));
        if pulls == 3 {
            self.check_nothing_is_left(&client);
        }
        self.clients.push(client);
    }

    /// A client that was disconnected or replaced gets no more than what was before that.
    pub(super) fn read_to_end(&self, client: &mut Client) {
        let events = client.pull.all();
        events.iter().for_each(|event| self.check(client, event));
        assert!(client.pull.has_ended());
    }

    pub(super) fn check(&self, client: &mut Client, event: &Received) {
        // With a channel in its data, it is a notice to this client like any other.
        if event.is_reset() && !event.data.contains("channel") {
            let stats = self.hub.stats();
            let evicted = stats.history.events < stats.position as usize;
            let may_miss = !self.keeps_all_of(&client.who);
            assert!(client.owes_reset || (may_miss && evicted), "a reset for nothing");
            // Everything that was sent since it connected follows, as far as it is still there.
            assert!(event.position() == client.cursor || (may_miss && event.position() > client.cursor));
            (client.owes_reset, client.cursor) = (false, event.position());
            return;
        }
        assert!(!client.owes_reset, "the gap has to be told first");
        if event.is_position() {
            let next = self.next_for(client).map(|next| next.position);
            let (cursor, position) = (client.cursor, event.position());
            assert!(cursor <= position && next.is_none_or(|next| next > position), "skips {next:?}");
            client.cursor = position;
            return;
        }
        let mut next = self.after(client.cursor).iter().filter(|event| self.is_for(event, &client.who));
        // The next one, or if that was superseded before it was sent the one after it.
        let next = next.find(|next| next.may_be(event) || !self.is_superseded(next));
        let next = next.unwrap_or_else(|| panic!("{event:?} is not for {:?}", client.who));
        assert!(next.may_be(event), "{:?} at {}: {event:?} instead of {next:?}", client.who, client.cursor);
        client.cursor = next.position;
    }

    pub(super) fn is_superseded(&self, event: &Published) -> bool {
        event.key.is_some() && self.after(event.position).iter().any(|newer| event.is_superseded_by(newer))
    }

    fn next_for(&self, client: &Client) -> Option<&Published> {
        let mut coming = self.after(client.cursor).iter();
        coming.find(|event| self.is_for(event, &client.who) && !self.is_superseded(event))
    }

    pub(super) fn check_nothing_is_left(&self, client: &Client) {
        let left = self.next_for(client).map(|event| event.position);
        assert_eq!((left, client.owes_reset), (None, false), "held back from {:?} at {}", client.who, client.cursor);
    }

    /// The newest events of an audience, without a hole; or an error, if there is one.
    pub(super) fn read_back(&self, audience: &Sent, after: Option<Index>, limit: usize) {
        let after = after.map(|index| index.index(self.published.len() + 1) as u64);
        let after_id = after.map(|position| self.id_at(position));
        let (whose, keeps_all) = match *audience {
            Sent::All => (Whose::All { exclude: None }, self.keeps_all),
            Sent::User(user) => (Whose::User(USERS[user]), self.keeps_all),
            Sent::Channel(channel) => (Whose::Channel(CHANNELS[channel]), self.keeps_all_in(channel)),
        };
        let Ok(events) = self.hub.history(whose, after_id.as_deref(), limit) else {
            assert!(after.is_some() && !keeps_all, "nothing is gone");
            return;
        };
        let is_sent = |event: &&Published| match (&event.audience, audience) {
            (Audience::All { .. }, Sent::All) => true,
            (Audience::User(user), Sent::User(other)) => *user == USERS[*other],
            (Audience::Channel(channel), Sent::Channel(other)) => channel == other,
            _ => false,
        };
        let mut expected = self.after(after.unwrap_or(0)).iter().rev().filter(is_sent);
        for event in events.iter().rev() {
            let same = |sent: &Published| (&sent.text.id, &sent.text.data) == (&event.id, &event.data);
            let next = expected.find(|sent| same(sent) || !self.is_superseded(sent));
            assert!(next.is_some_and(same), "{event:?} instead of {next:?}");
        }
        let is_complete = events.len() < limit && (after.is_some() || keeps_all);
        let left = expected.find(|sent| is_complete && !self.is_superseded(sent));
        assert!(left.is_none(), "{left:?} is not read back: {}", told(&events));
    }

    /// Everybody gets what is left.
    pub(crate) fn end(mut self) {
        for mut client in std::mem::take(&mut self.clients) {
            let events = client.pull.all();
            events.iter().for_each(|event| self.check(&mut client, event));
            self.check_nothing_is_left(&client);
        }
    }

    /// Everybody is let go, and gets what is left and a farewell.
    pub(crate) fn drain(mut self) {
        let options = DrainOptions { window: Duration::ZERO, ..DrainOptions::default() };
        self.runtime.block_on(self.hub.drain(options));
        for mut client in std::mem::take(&mut self.clients) {
            let mut events = client.pull.all();
            // Those of others may have driven it out of a history that has room for few.
            let farewell = events.pop_if(|last| last.name == "ssekit:drain");
            assert!(farewell.is_some() || (!self.keeps_all && events.last().is_some_and(Received::is_reset)));
            events.iter().for_each(|event| self.check(&mut client, event));
            self.check_nothing_is_left(&client);
            assert!(client.pull.has_ended());
        }
    }
}

fn told(events: &[StoredEvent]) -> String {
    events.iter().map(|event| format!("{} ", event.id)).collect()
}
