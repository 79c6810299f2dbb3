//! The clients of a listener, and when their tickets expire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use ssekit_core::hub::Hub;
use ssekit_core::session::client::Client;
use ssekit_core::session::lifecycle::DisconnectReason;

/// Below this number of entries, a search for clients that are gone is not worth it.
const SMALL: usize = 1024;

/// Every client that the listener has connected, the one whose ticket expires first on top. Clients leave without telling
/// this list. So it removes clients that are gone whenever it has doubled in size, and never holds many more than are
/// connected.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    entries: Mutex<Entries>,
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Entries {
    heap: BinaryHeap<Reverse<Entry>>,
    /// The size at which it is cleaned up next.
    full: usize,
}

#[derive(Debug)]
struct Entry {
    /// `None` for a client that never expires. It is listed only because it must end together with the listener.
    expires: Option<Instant>,
    client: Weak<Client>,
}

impl Entry {
    /// Clients that never expire come last.
    fn rank(&self) -> (bool, Option<Instant>) {
        (self.expires.is_none(), self.expires)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Subscribers {
    /// Adds a client, whose stream ends at `expires`.
    pub(crate) fn add(&self, client: &Arc<Client>, expires: Option<Instant>) {
        let mut entries = self.entries.lock();
        entries.heap.push(Reverse(Entry { expires, client: Arc::downgrade(client) }));
        if entries.heap.len() > entries.full.max(SMALL) {
            entries.heap.retain(|Reverse(entry)| entry.client.upgrade().is_some_and(|client| client.is_connected()));
            entries.full = entries.heap.len() * 2;
            let room = entries.full;
            entries.heap.shrink_to(room);
        }
        drop(entries);
        if expires.is_some() {
            self.earlier.notify_one();
        }
    }

    /// Ends streams when they expire; never returns.
    pub(crate) async fn watch(&self, hub: &Hub) {
        loop {
            let next = self.end_expired(hub, Instant::now());
            let due = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    /// Ends expired streams, and returns when the next one expires.
    fn end_expired(&self, hub: &Hub, now: Instant) -> Option<Instant> {
        loop {
            let mut entries = self.entries.lock();
            let expires = entries.heap.peek()?.0.expires?;
            if expires > now {
                return Some(expires);
            }
            let expired = entries.heap.pop();
            // Ending a client may call observers, which may be slow.
            drop(entries);
            if let Some(client) = expired.and_then(|Reverse(entry)| entry.client.upgrade()) {
                hub.end(&client, DisconnectReason::Expired);
            }
        }
    }

    /// Ends all streams.
    pub(crate) fn end_all(&self, hub: &Hub) {
        let entries = std::mem::take(&mut self.entries.lock().heap);
        for client in entries.iter().filter_map(|Reverse(entry)| entry.client.upgrade()) {
            hub.end(&client, DisconnectReason::Server);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use ssekit_core::session::client::{ShardLink, Start};
    use ssekit_core::session::lifecycle::ClientInfo;

    /// No shard writes for these clients.
    #[derive(Debug)]
    struct NoShard;

    impl ShardLink for NoShard {
        fn number(&self) -> usize {
            0
        }

        fn mark(&self, _: Arc<Client>) {}
        fn closing(&self) {}
        fn leave(&self, _: Arc<Client>) {}
        fn progressed(&self) {}
    }

    fn client() -> Arc<Client> {
        let info = ClientInfo { id: "c".into(), user: None };
        Arc::new(Client::new(info, None, Default::default(), Arc::new(NoShard), Start::at(0)))
    }

    #[test]
    fn earliest_expiry_comes_first() {
        let subscribers = Subscribers::default();
        let now = Instant::now();
        let clients: Vec<_> = (0..4).map(|_| client()).collect();
        for (client, seconds) in clients.iter().zip([None, Some(30), Some(10), Some(20)]) {
            subscribers.add(client, seconds.map(|seconds| now + Duration::from_secs(seconds)));
        }
        let mut heap = subscribers.entries.lock();
        let order: Vec<_> = std::iter::from_fn(|| heap.heap.pop())
            .map(|Reverse(entry)| entry.expires.map(|at| (at - now).as_secs()))
            .collect();
        assert_eq!(order, [Some(10), Some(20), Some(30), None]);
    }

    #[test]
    fn disconnected_clients_do_not_accumulate() {
        let subscribers = Subscribers::default();
        let kept: Vec<_> = (0..10).map(|_| client()).collect();
        kept.iter().for_each(|client| subscribers.add(client, None));
        for _ in 0..100_000 {
            subscribers.add(&client(), Some(Instant::now() + Duration::from_secs(86_400)));
            assert!(subscribers.entries.lock().heap.len() <= SMALL + 1);
        }
        let entries = subscribers.entries.lock();
        assert_eq!(entries.heap.iter().filter(|Reverse(entry)| entry.client.strong_count() > 0).count(), kept.len());
    }
}
