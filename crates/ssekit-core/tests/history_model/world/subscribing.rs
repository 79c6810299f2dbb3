//! Subscriptions that change at run time.

use ssekit_core::Subscriber;

use super::World;
use crate::operation::{CHANNELS, CLIENTS, MOST_CHANNELS, Since, Target, USERS};
use crate::published::{Audience, Identity, Published, Text};

/// The clients whose subscriptions a call changes.
enum Whose {
    Client(String),
    User(&'static str),
}

impl Whose {
    fn subscriber(&self) -> Subscriber<'_> {
        match self {
            Self::Client(id) => Subscriber::Client(id),
            Self::User(id) => Subscriber::User(id),
        }
    }
}

/// The events of a channel that a client gets before its subscription begins.
enum Past {
    None,
    /// Those after a snapshot that the hub does not know.
    Unknown,
    /// Those after a snapshot, if all of them are still there.
    Known(Vec<Text>),
}

impl World {
    pub(super) fn subscribe(&mut self, target: &Target, channel: usize, since: Option<&Since>) {
        let (whose, clients) = self.targets(target);
        let snapshot = since.map(|since| self.snapshot(since));
        let since_id = snapshot.as_ref().map(|(id, _)| id.as_str());
        let subscribed = self.hub.subscribe(whose.subscriber(), CHANNELS[channel], since_id);
        let new: Vec<Identity> = clients.into_iter().filter(|who| !self.spans_of(who).has(channel)).collect();
        if new.iter().any(|who| self.spans_of(who).count() == MOST_CHANNELS) {
            assert!(subscribed.unwrap_err().is_range());
            return;
        }
        assert_eq!(subscribed, Ok(new.len()));
        let past = self.past_of(channel, snapshot);
        let resets = self.resets_among(new.len(), &past);
        assert!(resets == 0 || !self.keeps_all_in(channel), "a reset for nothing");
        for (number, who) in new.iter().enumerate() {
            self.push_past(who, channel, &past, number + resets >= new.len());
            self.push_notice(who, "ssekit:subscribed", channel);
            let begins = self.published.len() as u64;
            self.spans.entry(who.client.clone()).or_default().begin(channel, begins);
            if !who.brings_id() && !self.is_connected(who) {
                self.unclaim(who, begins);
            }
        }
    }

    pub(super) fn unsubscribe(&mut self, target: &Target, channel: usize) {
        let (whose, mut clients) = self.targets(target);
        clients.retain(|who| self.spans_of(who).has(channel));
        assert_eq!(self.hub.unsubscribe(whose.subscriber(), CHANNELS[channel]), Ok(clients.len()));
        for who in clients {
            self.push_notice(&who, "ssekit:unsubscribed", channel);
            let ends = self.published.len() as u64;
            self.spans.entry(who.client.clone()).or_default().end(channel, ends);
        }
    }

    /// The clients that are known to the hub: all of a user's in the order in which they came.
    fn targets(&self, target: &Target) -> (Whose, Vec<Identity>) {
        let id = match target {
            Target::User(user) => return self.clients_of(USERS[*user]),
            Target::Client(client) => CLIENTS[*client].to_owned(),
            Target::Connected(which) if !self.clients.is_empty() => {
                self.clients[which.index(self.clients.len())].who.client.clone()
            }
            Target::Departed(which) if !self.departed.is_empty() => {
                self.departed[which.index(self.departed.len())].client.clone()
            }
            Target::Connected(_) | Target::Departed(_) => "nobody".to_owned(),
        };
        let holder = self.holder_of(&id).cloned();
        (Whose::Client(id), holder.into_iter().collect())
    }

    fn clients_of(&self, user: &'static str) -> (Whose, Vec<Identity>) {
        let ids = self.hub.clients_by_user(user);
        let clients: Vec<Identity> =
            ids.iter().map(|id| Identity { user: Some(user), client: id.to_string() }).collect();
        assert!(clients.iter().all(|who| self.clients.iter().any(|client| client.who == *who)));
        assert_eq!(clients.len(), self.clients.iter().filter(|client| client.who.user == Some(user)).count());
        (Whose::User(user), clients)
    }

    fn past_of(&self, channel: usize, snapshot: Option<(String, Option<u64>)>) -> Past {
        match snapshot {
            None => Past::None,
            Some((_, None)) => Past::Unknown,
            Some((_, Some(position))) => {
                let is_of_channel =
                    |event: &&Published| matches!(event.audience, Audience::Channel(of) if of == channel);
                let events =
                    self.after(position).iter().filter(is_of_channel).filter(|event| !self.is_superseded(event));
                Past::Known(events.map(|event| event.text.clone()).collect())
            }
        }
    }

    /// The number of clients that got a reset because the past is gone. Events that are gone for one client are gone for the next.
    fn resets_among(&self, clients: usize, past: &Past) -> usize {
        let news = self.hub.stats().position as usize - self.published.len() - clients;
        match past {
            Past::None => {
                assert_eq!(news, 0);
                0
            }
            Past::Unknown => {
                assert_eq!(news, clients);
                0
            }
            Past::Known(events) => {
                let fits = |resets: &usize| (clients - resets) * events.len() + resets == news;
                (0..=clients).find(fits).expect("all of the past, or a reset in its place")
            }
        }
    }

    fn push_past(&mut self, who: &Identity, channel: usize, past: &Past, is_gone: bool) {
        let reset = |reason| {
            let data = format!(r#"{{"channel":"{}","reason":"{reason}"}}"#, CHANNELS[channel]);
            Text { id: String::new(), name: "ssekit:reset".to_owned(), data }
        };
        match past {
            Past::None => {}
            Past::Unknown => self.push_to(who, reset("unknown"), None),
            Past::Known(_) if is_gone => self.push_to(who, reset("evicted"), None),
            Past::Known(events) => {
                // One event in the place of one event.
                let or = (events.len() == 1 && !self.keeps_all_in(channel)).then(|| reset("evicted"));
                for event in events {
                    self.push_to(who, event.clone(), or.clone());
                }
            }
        }
    }

    fn push_notice(&mut self, who: &Identity, name: &str, channel: usize) {
        let data = format!(r#"{{"channel":"{}"}}"#, CHANNELS[channel]);
        self.push_to(who, Text { id: String::new(), name: name.to_owned(), data }, None);
    }

    /// Something of the engine's for this client alone. It has the id of its place, unless it is a copy with the caller's own.
    fn push_to(&mut self, who: &Identity, text: Text, or: Option<Text>) {
        let position = self.published.len() as u64 + 1;
        let placed = |text: Text| match text.id.starts_with("own") {
            true => text,
            false => Text { id: self.id_at(position), ..text },
        };
        let (text, or) = (placed(text), or.map(placed));
        self.published.push(Published { position, text, or, key: None, audience: Audience::Client(who.clone()) });
    }
}
