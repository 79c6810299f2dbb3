//! Clients that come: their place in the history, and what they learn.

use proptest::sample::Index;
use ssekit_core::Connect;
use ssekit_testing::pull::Pull;

use super::{Away, Client, World};
use crate::operation::{Arrival, CHANNELS, CLIENTS, MOST_CHANNELS, Resume, Since, USERS};
use crate::published::{Audience, Identity, Published};
use crate::spans::Spans;

/// The id of the last event that a page has seen, or of its snapshot.
struct SeenId {
    text: String,
    /// It was connected before.
    comes_back: bool,
}

/// The page's earlier client: whose it was, how far it had come, and whether it was owed a reset.
type Earlier = (Identity, u64, bool);

impl World {
    pub(super) fn connect(&mut self, arrival: &Arrival) {
        let Arrival { user, client, resume, since, channels, by_ticket } = arrival;
        let (user, client) = (user.map(|user| USERS[user]), client.map(|client| CLIENTS[client]));
        let last_event_id = self.last_event_id(resume);
        let since = since.as_ref().map(|since| self.snapshot(since).0);
        let earlier = client.and_then(|id| self.earlier_of(id));
        let before = self.spans_before(client, user);
        let spans = before.handed_down(channels, *by_ticket);
        let names: Vec<&str> = channels.iter().map(|channel| CHANNELS[*channel]).collect();
        let connected = self.hub.connect(Connect {
            user,
            client,
            last_event_id: last_event_id.as_deref(),
            since: since.as_deref(),
            channels: &names,
            by_ticket: *by_ticket,
            ..Connect::default()
        });
        if spans.count() > MOST_CHANNELS {
            assert!(connected.is_err_and(|error| error.is_range()));
            return;
        }
        if let Some(id) = client
            && !self.make_way(id, user)
        {
            assert!(connected.is_err_and(|error| error.is_claimed()));
            return;
        }
        let pull = Pull::by(connected.unwrap(), 1_000);
        let who = Identity { user, client: pull.ready.client_id.clone() };
        self.spans.insert(who.client.clone(), spans);
        let earlier = earlier.filter(|(earlier, ..)| *earlier == who);
        let comes_back = last_event_id.is_some();
        let seen = last_event_id.or(since).map(|text| SeenId { text, comes_back });
        let (cursor, owes_reset) = match seen {
            Some(seen) => self.entry_after(&who, &pull, &seen),
            None => self.entry_of_new(&who, &pull, earlier.as_ref(), &before),
        };
        self.ready_ids.push(pull.ready.id.clone());
        self.clients.push(Client { pull, who, cursor, owes_reset });
    }

    fn last_event_id(&self, resume: &Resume) -> Option<String> {
        let pick = |index: &Index, ids: usize, id: &dyn Fn(usize) -> String| match ids {
            0 => format!("none yet {}", index.index(10)),
            _ => id(index.index(ids)),
        };
        match resume {
            Resume::No => None,
            Resume::From(index) => {
                Some(pick(index, self.published.len(), &|event| self.published[event].text.id.clone()))
            }
            Resume::Ready(index) => Some(pick(index, self.ready_ids.len(), &|ready| self.ready_ids[ready].clone())),
            Resume::Unknown => Some(format!("0123456789.{}", self.published.len())),
        }
    }

    /// The cursor of a snapshot, and its position if the hub knows it.
    pub(super) fn snapshot(&self, since: &Since) -> (String, Option<u64>) {
        let head = self.published.len();
        match since {
            Since::At(index) => {
                let position = index.index(head + 1) as u64;
                (self.id_at(position), Some(position))
            }
            Since::Future => (self.id_at(head as u64 + 1_000_000), None),
            Since::Unknown => (format!("0123456789.{head}"), None),
        }
    }

    /// The channels of the client whose place this one takes.
    fn spans_before(&self, client: Option<&str>, user: Option<&'static str>) -> Spans {
        let before = client.and_then(|id| self.holder_of(id)).filter(|holder| holder.user == user);
        before.map_or_else(Spans::default, |holder| self.spans_of(holder).clone())
    }

    /// The position of a client without any id of an event, and whether it is owed a reset. Its page had these channels `before`.
    fn entry_of_new(&self, who: &Identity, pull: &Pull, earlier: Option<&Earlier>, before: &Spans) -> (u64, bool) {
        let (head, ready) = (self.published.len() as u64, &pull.ready);
        assert!(!ready.resumed);
        let told = ready.id == "ssekit:unknown";
        let has_missed = |is_for: &dyn Fn(&Published) -> bool| {
            earlier.is_some_and(|(_, cursor, owed)| *owed || self.has_news(*cursor, |event| is_for(event)))
        };
        let is_for_it = |event: &Published| self.is_news_for(event, who);
        let was_for_it = |event: &Published| match event.audience {
            Audience::Channel(channel) => is_for_it(event) && before.cover(channel, event.position),
            _ => is_for_it(event),
        };
        assert!(told || !has_missed(&was_for_it), "{who:?} was not told what it missed, and is {earlier:?}");
        // Of a channel that is new to it, and the exclusions of evicted events are unknown.
        let may_have_missed = has_missed(&is_for_it) || (earlier.is_some() && !self.keeps_all_of(who));
        assert!(!told || may_have_missed, "{who:?} was told of a gap, and is {earlier:?}");
        assert!(told || ready.id == self.id_at(head));
        (head, told)
    }

    /// The position of a client that has seen everything up to an event, and whether it is owed a reset.
    fn entry_after(&self, who: &Identity, pull: &Pull, SeenId { text: id, comes_back }: &SeenId) -> (u64, bool) {
        let (head, ready) = (self.published.len() as u64, &pull.ready);
        let position = |id: &str| id.strip_prefix(&self.id_prefix).map(|position| position.parse::<u64>().unwrap());
        // The position up to which it misses its own events; anybody's, if it brings no id.
        let missing = match (who.brings_id(), comes_back) {
            (true, _) => self.forgotten.get(&who.client).copied(),
            (false, true) => self.unclaimed.get(&who.user).copied(),
            (false, false) => None,
        };
        let missing = missing.unwrap_or(0);
        // By which positions this id may be resumed: with the caller's own ids, by that of any event that has it.
        let places: Vec<u64> = match position(id) {
            Some(position) => Vec::from_iter((position <= head).then_some(position)),
            None => {
                let own = self.published.iter().filter(|event| event.text.id == *id && self.is_in_logs_of(event, who));
                own.map(|event| event.position).collect()
            }
        };
        if let Some(cursor) = position(&ready.id) {
            assert_eq!(ready.resumed, *comes_back);
            assert!(places.contains(&cursor), "resumed from {cursor}, and {id} stands at {places:?}");
            // The lowest that is still there: one that went with its client cannot be known any more.
            assert!(!self.keeps_all_of(who) || places[0] == cursor || places[0] <= missing, "the lowest of {places:?}");
            assert!(missing <= cursor, "what {who:?} missed at {missing} was skipped after {cursor}");
            return (cursor, false);
        }
        let has_missed = places.first().is_none_or(|first| missing >= *first);
        assert!(!self.keeps_all_of(who) || has_missed, "{id} is at {places:?}, and {missing} is missing");
        // Until it has been told, its id must not be one that hides the gap.
        assert!(!ready.resumed && ready.id.starts_with("ssekit:"), "{}", ready.id);
        (head, true)
    }

    /// The client that was here last with this id of a page's own, or is still here.
    fn earlier_of(&self, id: &str) -> Option<Earlier> {
        let here = self.clients.iter().find(|client| client.who.client == id);
        let here = here.map(|client| (client.who.clone(), client.cursor, client.owes_reset));
        here.or_else(|| self.earlier.get(id).cloned())
    }

    fn is_news_for(&self, event: &Published, who: &Identity) -> bool {
        match &event.audience {
            Audience::Nobody(client) => *client == who.client,
            _ => self.is_for(event, who) && !self.is_superseded(event),
        }
    }

    /// Whether such an event was sent after this position.
    fn has_news(&self, cursor: u64, is_news: impl Fn(&Published) -> bool) -> bool {
        self.after(cursor).iter().any(is_news)
    }

    /// Removes the current holder of this id. False: it belongs to another user.
    fn make_way(&mut self, id: &str, user: Option<&'static str>) -> bool {
        if let Some(holder) = self.clients.iter().position(|other| other.who.client == id) {
            if self.clients[holder].who.user != user {
                return false;
            }
            let mut replaced = self.clients.swap_remove(holder);
            self.read_to_end(&mut replaced);
        }
        if let Some(place) = self.away.iter().position(|away| away.who.client == id) {
            let Away { who, released, .. } = self.away[place].clone();
            if who.user != user {
                if !released {
                    return false;
                }
                self.forget(&who);
            }
            self.away.remove(place);
        }
        true
    }
}
