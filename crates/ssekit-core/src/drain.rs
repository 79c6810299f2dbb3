//! The graceful end: no client comes in any more, and those that are there are told when to come back and let go, a few at a
//! time, so that whoever takes over is not overrun.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::life::DisconnectReason;
use crate::registry::Registry;
use crate::timeline::Timeline;

/// How a hub is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainOptions {
    /// Clients are let go spread over this time, up to one hour. Default: 2 s.
    pub window: Duration,
    /// A client is told to come back after this time, and up to twice as long, each after another, up to one hour. Default:
    /// 1 s.
    pub retry: Duration,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self { window: Duration::from_secs(2), retry: Duration::from_secs(1) }
    }
}

impl DrainOptions {
    /// Checks both bounds.
    ///
    /// # Errors
    /// More than an hour.
    pub fn validate(&self) -> Result<()> {
        let longest = Duration::from_secs(3_600);
        let named = [("windowMs", self.window), ("retryMs", self.retry)];
        match named.into_iter().find(|(_, duration)| *duration > longest) {
            Some((name, duration)) => Err(Error::range(format!(
                "options.{name}: got {}, wants a number from 0 to 3600000",
                duration.as_millis()
            ))),
            None => Ok(()),
        }
    }

    /// The answer to a client that comes while the hub is drained, and the last event of one that is there.
    pub(crate) fn farewell(&self, random: u64) -> Farewell {
        let retry = self.retry.as_millis() as u64;
        let retry = retry + random % (retry + 1);
        Farewell { retry, data: json!({ "reconnectInMs": retry }).to_string() }
    }
}

/// Tells a page when to come back.
#[derive(Debug)]
pub(crate) struct Farewell {
    retry: u64,
    data: String,
}

impl Farewell {
    pub(crate) fn event(&self) -> Event<'_> {
        Event { name: "ssekit:drain", data: &self.data, retry: Some(self.retry), ..Event::default() }
    }
}

/// Lets every client go.
pub(crate) async fn let_go(registry: &Registry, timeline: &Timeline, options: DrainOptions) {
    let (clients, start, random) = (registry.connected(), Instant::now(), RandomState::new());
    let total = clients.len().max(1) as u32;
    for (number, client) in clients.iter().enumerate() {
        // The first at once, the last just before the window ends.
        let due = start + options.window * number as u32 / total;
        if due > Instant::now() {
            sleep_until(due).await;
        }
        let farewell = options.farewell(random.hash_one(&client.info.id));
        let draft = farewell.event().encode_unchecked();
        if client.is_connected()
            && let Ok(position) = timeline.publish(draft, None, client.log(), || client.is_listed())
        {
            // It is the last event: what comes after is for where it comes back to.
            client.end_at(position);
            registry.remove(client, DisconnectReason::Drained, timeline);
        }
    }
    // Who came in while the door was being closed.
    let late: Vec<Arc<Client>> = registry.connected();
    for client in &late {
        registry.remove(client, DisconnectReason::Drained, timeline);
    }
}
