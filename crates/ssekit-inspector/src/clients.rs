//! The connected clients, as a watching page knows them: each line says only what has changed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use ssekit_core::{ClientView, Hub, NotHandedOff, Phase};

use crate::find::Find;

/// The maximum number of clients that a page gets.
pub(crate) const MOST_CLIENTS: usize = 2_000;

/// The time between two looks at the clients, if a look takes little time.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// A look may take this part of the time between two looks.
const SHARE: u32 = 800;

/// An event that waits for less than this is on its way.
const LAG: Duration = Duration::from_millis(100);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: &'a str,
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    connected_at: u64,
    transport: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_handed_off: Option<&'static str>,
    channels: Vec<&'a str>,
    lag: RowLag,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shared: bool,
}

#[derive(Debug, Default, Hash, Serialize)]
struct RowLag {
    events: usize,
    ms: u64,
}

/// The changes that a page has to make in its list.
#[derive(Debug, Serialize)]
pub(crate) struct Changes {
    changed: Vec<Box<RawValue>>,
    gone: Vec<String>,
    total: usize,
    matching: usize,
    shown: usize,
}

/// Follows the connected clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// The clients that the page has, each with the hash of what its row shows, and the look that has seen it last.
    known: HashMap<Arc<str>, (u64, u64)>,
    looks: u64,
    next: Option<Instant>,
}

impl Clients {
    /// Looks at the clients, if it is time.
    pub(crate) fn changes(&mut self, hub: &Hub, find: &Find, shows_data: bool) -> Option<Changes> {
        let began = Instant::now();
        if self.next.is_some_and(|next| began < next) {
            return None;
        }
        self.looks += 1;
        let view = hub.look_at_clients(MOST_CLIENTS, |client, channels| find.is_in_client(client, channels));
        let mut changed = Vec::new();
        for client in &view.shown {
            let Some(row) = Row::of(client, shows_data) else { continue };
            let seen = (row.hash(), self.looks);
            let before = self.known.insert(Arc::clone(&client.details.id), seen);
            // Most rows are as before, and a look must cost little.
            if before.is_none_or(|(hash, _)| hash != seen.0) {
                changed.extend(to_raw_value(&row));
            }
        }
        let mut gone = Vec::new();
        self.known.retain(|id, (_, look)| {
            let is_there = *look == self.looks;
            if !is_there {
                gone.push(id.to_string());
            }
            is_there
        });
        let ended = Instant::now();
        self.next = Some(ended + BETWEEN_LOOKS.max((ended - began) * SHARE));
        Some(Changes { changed, gone, total: view.total, matching: view.matching, shown: view.shown.len() })
    }
}

impl<'a> Row<'a> {
    /// A client's row; `None` if it has left since it was found.
    fn of(ClientView { details, not_handed_off, waiting, lag }: &'a ClientView, shows_data: bool) -> Option<Self> {
        let transport = match details.transport {
            None => "elsewhere",
            Some(Phase::Opening) => "opening",
            Some(Phase::Stream) => "stream",
            Some(Phase::Handoff) => "handoff",
            Some(Phase::Listener) => "listener",
            Some(Phase::Closed) => return None,
        };
        let is_lagging = *lag >= LAG;
        // In steps, so that a row does not change all the time.
        let ms = (lag.as_millis() / LAG.as_millis() * LAG.as_millis()) as u64;
        let stays = not_handed_off.filter(|_| matches!(details.transport, Some(Phase::Stream | Phase::Opening)));
        let data = details.data.as_deref().filter(|_| shows_data);
        Some(Self {
            id: &details.id,
            user: details.user.as_deref(),
            data: data.and_then(|data| serde_json::from_str(data).ok()),
            connected_at: details.connected_at.as_millis() as u64,
            transport,
            not_handed_off: stays.map(NotHandedOff::as_str),
            channels: details.channels.iter().map(|name| &**name).collect(),
            lag: if is_lagging { RowLag { events: *waiting, ms } } else { RowLag::default() },
            shared: stays == Some(NotHandedOff::Shared),
        })
    }

    /// A hash of everything that it shows.
    fn hash(&self) -> u64 {
        let Self { id, user, data, connected_at, transport, not_handed_off, channels, lag, shared } = self;
        let mut hasher = DefaultHasher::new();
        (id, user, data.map(RawValue::get), connected_at, transport, not_handed_off, channels, lag, shared)
            .hash(&mut hasher);
        hasher.finish()
    }
}
