//! The graceful end. No new client comes in. Connected clients learn when to come back, and are let go a few at a time, so
//! that they do not overrun the process that takes over.

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
    /// The answer to a client that comes during the drain, and the last event of a connected client.
    pub(crate) fn new(options: &DrainOptions, random: u64) -> Self {
        let retry = options.retry.as_millis() as u64;
        let retry = retry + random % (retry + 1);
        Self { retry, data: json!({ "reconnectInMs": retry }).to_string() }
    }

    pub(crate) fn event(&self) -> Event<'_> {
        Event { name: "ssekit:drain", data: &self.data, retry: Some(self.retry), ..Event::default() }
    }
}

/// Lets every client go. A client that is half-way in when the gate closes notices that, and goes by itself.
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

/// Lets a client go, with everything that was sent to it before and a farewell.
pub(crate) fn let_go(client: &Arc<Client>, registry: &Registry, timeline: &Timeline, options: DrainOptions) {
    let farewell = Farewell::new(&options, RandomState::new().hash_one(&client.info.id));
    let draft = farewell.event().encode_unchecked();
    if client.is_connected()
        && let Ok(position) =
            timeline.publish(Place::next(), draft, None, client.subscriptions.own(), |_| client.is_listed())
    {
        // It is the last event: the client gets later events where it comes back to.
        client.end_at(position);
    }
    registry.remove(client, DisconnectReason::Drained, timeline);
}
