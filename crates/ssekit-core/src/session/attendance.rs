//! The clients at a channel, for channels whose clients want to know: a client comes when it subscribes, and goes when it has been
//! away for a while. All nodes carry out the same commands, so all of them know the same.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::event::{Draft, Event};

/// A client at a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attendee<'a> {
    pub(crate) channel: &'a str,
    pub(crate) client: &'a str,
    pub(crate) user: Option<&'a str>,
    /// Its description of itself, as JSON.
    pub(crate) data: Option<&'a str>,
}

impl Attendee<'_> {
    /// The event that tells the others.
    pub(crate) fn notice(&self, comes: bool) -> Draft {
        let name = if comes { "ssekit:join" } else { "ssekit:leave" };
        let mut data = json!({ "channel": self.channel, "member": member(self.client), "userId": self.user });
        let own = self.data.and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let (Some(own), Some(fields)) = (own, data.as_object_mut()) {
            fields.insert("data".to_owned(), own);
        }
        Event { name, data: &data.to_string(), ..Event::default() }.encode_unchecked()
    }
}

/// A name for a client that other pages may know. A client without a user may be proved by its id, so its id stays secret.
pub(crate) fn member(client: &str) -> String {
    let mut hasher = DefaultHasher::new();
    client.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The clients at one channel, with their users.
#[derive(Debug, Default)]
pub(crate) struct Attendance(Mutex<HashMap<Arc<str>, Option<Arc<str>>>>);

impl Attendance {
    /// Notes that a client has come or gone. Returns whether that is new.
    pub(crate) fn note(&self, attendee: Attendee<'_>, comes: bool) -> bool {
        let mut clients = self.0.lock();
        if comes {
            clients.insert(attendee.client.into(), attendee.user.map(Arc::from)).is_none()
        } else {
            clients.remove(attendee.client).is_some()
        }
    }

    /// The user of a client that is there.
    pub(crate) fn find(&self, client: &str) -> Option<Option<Arc<str>>> {
        self.0.lock().get(client).cloned()
    }

    /// The clients that are there.
    pub(crate) fn clients(&self) -> Vec<Arc<str>> {
        self.0.lock().keys().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

/// A client that may have come to a channel, or gone from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) channel: Arc<str>,
    pub(crate) client: Arc<str>,
}

/// Looks that are due now or later. A look finds out what is true then, so it does no harm if it is late, or one too many.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    due: Mutex<BTreeMap<(Instant, u64), Check>>,
    news: Notify,
}

impl Checks {
    /// Looks at this client and channel after a time.
    pub(crate) fn add(&self, channel: &Arc<str>, client: &Arc<str>, after: Duration) {
        let mut due = self.due.lock();
        let at = Instant::now() + after;
        let last = due.range((at, 0)..=(at, u64::MAX)).next_back().map_or(0, |((_, number), _)| number + 1);
        due.insert((at, last), Check { channel: Arc::clone(channel), client: Arc::clone(client) });
        drop(due);
        self.news.notify_one();
    }

    /// Waits for the next look that is due.
    pub(crate) async fn next(&self) -> Check {
        loop {
            let first = self.due.lock().first_key_value().map(|((at, _), _)| *at);
            match first {
                None => self.news.notified().await,
                Some(at) if at <= Instant::now() => {
                    if let Some((_, check)) = self.due.lock().pop_first() {
                        return check;
                    }
                }
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.news.notified() => {}
                },
            }
        }
    }
}
