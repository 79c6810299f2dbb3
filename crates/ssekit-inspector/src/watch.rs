//! A watch: what a page gets to see, as lines of JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use ssekit_core::{Hub, Observer, Stats};

use crate::clients::{Changes, Clients, MOST_CLIENTS};
use crate::feed::{Entry, Feed, MOST_PER_LINE, now};
use crate::find::Find;
use crate::request::Rights;
use crate::stats::stats_as_json;

/// The time between two lines.
pub const TICK: Duration = Duration::from_millis(250);

/// The time between two looks at the nodes.
const BETWEEN_NODES: Duration = Duration::from_secs(2);

/// The maximum number of watches at once.
const MOST_WATCHES: usize = 8;

/// Counts the open watches.
#[derive(Debug, Default)]
pub struct Watches(Arc<AtomicUsize>);

/// The place of an open watch.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Watches {
    /// Begins a watch. `None`: there are too many.
    pub fn begin(&self, find: &str, rights: Rights) -> Option<Watch> {
        let one_more = |open| (open < MOST_WATCHES).then_some(open + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        let (place, find) = (Place(Arc::clone(&self.0)), Find::new(find));
        let feed = Arc::new(Feed::new(find.clone(), rights.data));
        Some(Watch {
            _place: place,
            find,
            rights,
            feed,
            shown: 0,
            clients: Clients::default(),
            nodes_due: None,
            greeted: false,
        })
    }
}

/// The view of one page. Its [`observer`](Self::observer) must follow the hub.
#[derive(Debug)]
pub struct Watch {
    _place: Place,
    find: Find,
    rights: Rights,
    feed: Arc<Feed>,
    /// The entries that were shown or counted as skipped.
    shown: u64,
    clients: Clients,
    nodes_due: Option<Instant>,
    greeted: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Line<'a> {
    Hello {
        now: u64,
        version: &'static str,
        epoch: &'a str,
        node: Option<String>,
        rights: Rights,
        limits: Limits,
    },
    Tick {
        now: u64,
        stats: Value,
        feed: Vec<Entry>,
        skipped: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        clients: Option<Changes>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nodes: Option<Vec<Node>>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    clients: usize,
    events_per_second: u64,
}

#[derive(Serialize)]
struct Node {
    id: String,
    clients: usize,
    here: bool,
}

impl Watch {
    /// The observer that follows the hub for this watch.
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.feed) as Arc<dyn Observer>
    }

    /// The next line. `hub` is `None` before the hub has started; `stats` are then those that it will begin with.
    pub fn line(&mut self, hub: Option<&Hub>, stats: &Stats) -> String {
        let line = if self.greeted { self.tick(hub, stats) } else { self.hello(hub, stats) };
        // Strings, numbers and lists can always be serialized.
        let mut line = serde_json::to_string(&line).unwrap_or_default();
        line.push('\n');
        line
    }

    fn hello<'a>(&mut self, hub: Option<&Hub>, stats: &'a Stats) -> Line<'a> {
        self.greeted = true;
        let here = hub.and_then(|hub| hub.nodes().into_iter().find(|node| node.is_here));
        let events_per_second = (MOST_PER_LINE as u128 * 1_000 / TICK.as_millis()) as u64;
        Line::Hello {
            now: now(),
            version: env!("CARGO_PKG_VERSION"),
            epoch: &stats.epoch,
            node: here.map(|node| node.id),
            rights: self.rights,
            limits: Limits { clients: MOST_CLIENTS, events_per_second },
        }
    }

    fn tick<'a>(&mut self, hub: Option<&Hub>, stats: &Stats) -> Line<'a> {
        let (feed, matching) = self.feed.take();
        let skipped = (matching - self.shown).saturating_sub(feed.len() as u64);
        self.shown = matching;
        Line::Tick {
            now: now(),
            stats: stats_as_json(stats),
            feed,
            skipped,
            clients: hub.and_then(|hub| self.clients.changes(hub, &self.find, self.rights.data)),
            nodes: hub.and_then(|hub| self.nodes(hub)),
        }
    }

    fn nodes(&mut self, hub: &Hub) -> Option<Vec<Node>> {
        let now = Instant::now();
        if self.nodes_due.is_some_and(|due| now < due) {
            return None;
        }
        self.nodes_due = Some(now + BETWEEN_NODES);
        let nodes = hub.nodes().into_iter();
        let nodes: Vec<Node> =
            nodes.map(|node| Node { id: node.id, clients: node.clients, here: node.is_here }).collect();
        (!nodes.is_empty()).then_some(nodes)
    }
}
