//! The graceful end: no client comes in any more, and those that are there are told when to come back and let go, a few at a
//! time, so that whoever takes over is not overrun.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::event::Event;
use crate::history::timeline::{Place, Timeline};
use crate::options::DrainOptions;
use crate::session::client::Client;
use crate::session::lifecycle::DisconnectReason;
use crate::session::registry::Registry;

/// Tells a page when to come back.
#[derive(Debug)]
pub(crate) struct Farewell {
    retry: u64,
    data: String,
}

impl Farewell {
    /// The answer to a client that comes while the hub is drained, and the last event of one that is there.
    pub(crate) fn new(options: &DrainOptions, random: u64) -> Self {
        let retry = options.retry.as_millis() as u64;
        let retry = retry + random % (retry + 1);
        Self { retry, data: json!({ "reconnectInMs": retry }).to_string() }
    }

    pub(crate) fn event(&self) -> Event<'_> {
        Event { name: "ssekit:drain", data: &self.data, retry: Some(self.retry), ..Event::default() }
    }
}

/// Lets every client go. Who is half-way in when the door is closed finds it so, and goes by itself.
pub(crate) async fn let_all_go(registry: &Registry, timeline: &Timeline, options: DrainOptions) {
    let (clients, start) = (registry.connected(), Instant::now());
    let total = clients.len().max(1) as u32;
    for (number, client) in clients.iter().enumerate() {
        // The first at once, the last just before the window ends.
        let due = start + options.window * number as u32 / total;
        if due > Instant::now() {
            sleep_until(due).await;
        }
        let_go(client, registry, timeline, options);
    }
    for client in registry.connected() {
        let_go(&client, registry, timeline, options);
    }
}

/// Lets a client go, with what was sent to it before and a farewell.
pub(crate) fn let_go(client: &Arc<Client>, registry: &Registry, timeline: &Timeline, options: DrainOptions) {
    let farewell = Farewell::new(&options, RandomState::new().hash_one(&client.info.id));
    let draft = farewell.event().encode_unchecked();
    if client.is_connected()
        && let Ok(position) = timeline.publish(Place::next(), draft, None, client.log(), || client.is_listed())
    {
        // It is the last event: what comes after is for where it comes back to.
        client.end_at(position);
    }
    registry.remove(client, DisconnectReason::Drained, timeline);
}
