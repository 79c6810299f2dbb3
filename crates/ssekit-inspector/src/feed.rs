//! The events of a hub, for one watch: an observer that collects a limited number of entries.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::Serialize;
use ssekit_core::{Audience, Client, ClientInfo, DisconnectReason, Observer, Refusal, ResetReason, Sent};

use crate::find::Find;

/// The maximum number of entries between two lines.
pub(crate) const MOST_PER_LINE: usize = 100;

/// The time in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    // A clock before 1970 is wrong anyway.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    at: u64,
    #[serde(flatten)]
    what: Happening,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Happening {
    Event {
        id: Option<String>,
        to: Addressee,
        event: String,
        data: Option<String>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
        bytes: usize,
        receivers: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        coalesce_key: Option<String>,
    },
    Connect {
        client: String,
        user: Option<String>,
    },
    Disconnect {
        client: String,
        user: Option<String>,
        reason: &'static str,
    },
    Reset {
        client: String,
        user: Option<String>,
        reason: &'static str,
    },
    Refusal {
        client: Option<String>,
        user: Option<String>,
        reason: &'static str,
    },
    Online {
        user: String,
    },
    Offline {
        user: String,
    },
    Error {
        message: String,
    },
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
enum Addressee {
    User(String),
    Client(String),
    Channel(String),
    #[serde(untagged)]
    All {
        all: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        except: Option<String>,
    },
}

impl From<Audience<'_>> for Addressee {
    fn from(audience: Audience<'_>) -> Self {
        match audience {
            Audience::User(id) => Self::User(id.to_owned()),
            Audience::Client(id) => Self::Client(id.to_owned()),
            Audience::Channel(name) => Self::Channel(name.to_owned()),
            Audience::All { exclude } => Self::All { all: true, except: exclude.map(str::to_owned) },
        }
    }
}

/// Collects what happens between two lines.
#[derive(Debug)]
pub(crate) struct Feed {
    find: Find,
    shows_data: bool,
    entries: Mutex<Vec<Entry>>,
    /// Everything that the page looks for, since the watch began.
    matching: AtomicU64,
}

impl Feed {
    pub(crate) fn new(find: Find, shows_data: bool) -> Self {
        Self { find, shows_data, entries: Mutex::default(), matching: AtomicU64::new(0) }
    }

    /// The entries since the last call, and how many have been counted since the watch began.
    pub(crate) fn take(&self) -> (Vec<Entry>, u64) {
        let mut entries = self.entries.lock();
        let matching = self.matching.load(Ordering::Relaxed);
        (std::mem::take(&mut *entries), matching)
    }

    fn has_room(&self) -> bool {
        self.entries.lock().len() < MOST_PER_LINE
    }

    /// Adds an entry that has been counted.
    fn push(&self, what: Happening) {
        let entry = Entry { at: now(), what };
        let mut entries = self.entries.lock();
        if entries.len() < MOST_PER_LINE {
            entries.push(entry);
        }
    }

    /// Counts and adds an entry about a client or a user, if the page looks for it.
    fn note<'a>(&self, ids: impl IntoIterator<Item = &'a str>, what: impl FnOnce() -> Happening) {
        if self.find.is_in(ids) {
            self.matching.fetch_add(1, Ordering::Relaxed);
            self.push(what());
        }
    }
}

fn ids(client: &ClientInfo) -> impl Iterator<Item = &str> {
    [Some(&*client.id), client.user.as_deref()].into_iter().flatten()
}

fn owned(client: &ClientInfo) -> (String, Option<String>) {
    (client.id.to_string(), client.user.as_ref().map(|user| user.to_string()))
}

impl Observer for Feed {
    fn connected(&self, client: &Client) {
        let (id, user) = owned(client.info());
        self.note(ids(client.info()), || Happening::Connect { client: id, user });
    }

    fn disconnected(&self, client: &ClientInfo, reason: DisconnectReason) {
        let (id, user) = owned(client);
        self.note(ids(client), || Happening::Disconnect { client: id, user, reason: reason.as_str() });
    }

    fn user_online(&self, user_id: &str) {
        self.note([user_id], || Happening::Online { user: user_id.to_owned() });
    }

    fn user_offline(&self, user_id: &str) {
        self.note([user_id], || Happening::Offline { user: user_id.to_owned() });
    }

    fn failed(&self, message: &str) {
        self.note([message], || Happening::Error { message: message.to_owned() });
    }

    fn refused(&self, refusal: Refusal, user: Option<&str>, client: Option<&str>) {
        let owned = |id: Option<&str>| id.map(str::to_owned);
        self.note(user.into_iter().chain(client), || Happening::Refusal {
            client: owned(client),
            user: owned(user),
            reason: refusal.as_str(),
        });
    }

    fn was_reset(&self, client: &ClientInfo, reason: ResetReason) {
        let (id, user) = owned(client);
        self.note(ids(client), || Happening::Reset { client: id, user, reason: reason.as_str() });
    }

    fn looks_at_events(&self) -> bool {
        true
    }

    fn wants(&self, to: Audience<'_>, name: &str) -> bool {
        let is_looked_for = self.find.is_in_event(to, name);
        self.matching.fetch_add(u64::from(is_looked_for), Ordering::Relaxed);
        is_looked_for && self.has_room()
    }

    fn sent(&self, sent: &Sent<'_>) {
        let Sent { to, id, clients, event } = *sent;
        if !self.find.is_in_event(to, &event.name) {
            return;
        }
        let name = if event.name.is_empty() { "message" } else { &event.name };
        self.push(Happening::Event {
            id: id.map(str::to_owned),
            to: to.into(),
            event: name.to_owned(),
            data: self.shows_data.then(|| event.data.clone()),
            cut: event.is_cut && self.shows_data,
            bytes: event.bytes + id.map_or(0, str::len),
            receivers: clients,
            coalesce_key: event.coalesce_key.as_ref().map(|key| key.to_string()),
        });
    }
}
