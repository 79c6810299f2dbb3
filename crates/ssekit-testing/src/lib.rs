//! Shared parts of the tests: a hub with its runtime, the two ends of a connection, and readers of what comes over it.
//!
//! Clients get to a hub in three ways: `peer` and `pull` take their streams from it as they are, a socket or none; `front` does
//! what Node does with requests; `door` is the listener. Who asks there is `http1` and `http2`, made of `http_parts`; `proxy` stands
//! between; `wire` is how all read what comes. `contract`, `cuts`, `chaos` and `returns` are what every
//! backplane has to survive; `watched` observes one.
//!
//! Nothing here waits for a time to pass: it waits for bytes or for a condition, and [`PATIENCE`] only turns a hang into a
//! failure.

pub mod chance;
pub mod chaos;
pub mod contract;
pub mod cuts;
pub mod door;
pub mod front;
pub mod gateway;
pub mod half_open;
pub mod http1;
pub mod http2;
pub mod http_parts;
pub mod ledger;
pub mod node_process;
pub mod peer;
pub mod port;
pub mod proxy;
pub mod pull;
pub mod redis_server;
pub mod returns;
pub mod seen;
pub mod watched;
pub mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ssekit_core::backplane::Backplane;
use ssekit_core::{
    Client, ClientInfo, ClusterOptions, Connect, Connected, DisconnectReason, Event, HistoryOptions, Hub, Observer,
    Options,
};
use tokio::runtime::Runtime;

/// The time after which a test counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A hub and the runtime that it works on.
pub struct Engine {
    pub hub: Hub,
    runtime: Option<Runtime>,
}

impl Engine {
    /// With the default options but for two shards, so that clients are spread in every test.
    pub fn start() -> Self {
        Self::with(two_shards())
    }

    pub fn with(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let hub = Hub::start(options, runtime.handle()).unwrap();
        Self { hub, runtime: Some(runtime) }
    }

    /// One node of several.
    pub fn node(backplane: impl Backplane, options: Options) -> Self {
        Self::observed_node(backplane, options, &[])
    }

    /// The same, with observers from the beginning, because an early fault is reported only once.
    pub fn observed_node(backplane: impl Backplane, options: Options, observers: &[Arc<dyn Observer>]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let hub = Hub::start_on_observed(backplane, options, runtime.handle(), observers).unwrap();
        Self { hub, runtime: Some(runtime) }
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.as_ref().unwrap().block_on(future)
    }
}

impl std::ops::Deref for Engine {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.hub.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A hub with one shard on the test's own runtime, whose clock stands still.
pub fn standing_hub(options: Options) -> Hub {
    Hub::start(Options { threads: 1, ..options }, &tokio::runtime::Handle::current()).unwrap()
}

/// Lets that clock go on in small steps, and everybody work at each.
pub async fn advance(time: Duration) {
    for _ in 0..time.as_millis().div_ceil(10) {
        tokio::time::advance(Duration::from_millis(10)).await;
        work().await;
    }
}

/// Lets everybody work while the clock stands still.
pub async fn work() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// A lease that ends in no test, even if the machine stands still for a while.
pub fn lasting_lease() -> ClusterOptions {
    ClusterOptions { lease: Duration::from_secs(3_600), ..ClusterOptions::default() }
}

/// The shortest lease, for tests that wait for its end, or for a node that has nothing else to append.
pub fn short_lease() -> ClusterOptions {
    ClusterOptions { lease: Duration::from_secs(1), ..ClusterOptions::default() }
}

pub fn two_shards() -> Options {
    Options { threads: 2, ..Options::default() }
}

/// Keeps everything that a test sends, however far behind somebody is.
pub fn keeping_all() -> Options {
    let history = HistoryOptions {
        max_events: 10_000_000,
        max_bytes: 1 << 40,
        max_total_bytes: 1 << 40,
        max_age: Duration::from_secs(1 << 30),
    };
    Options { history, ..two_shards() }
}

/// Waits for a condition.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let hung = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < hung, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn anonymous(hub: &Hub) -> Connected {
    hub.connect(Connect::default()).unwrap()
}

pub fn user(hub: &Hub, user: &str) -> Connected {
    hub.connect(Connect { user: Some(user), ..Connect::default() }).unwrap()
}

pub fn named(hub: &Hub, user: Option<&str>, client: &str) -> Connected {
    hub.connect(Connect { user, client: Some(client), ..Connect::default() }).unwrap()
}

pub fn resuming(hub: &Hub, user: Option<&str>, last_event_id: &str) -> Connected {
    hub.connect(Connect { user, last_event_id: Some(last_event_id), ..Connect::default() }).unwrap()
}

pub fn data(data: &str) -> Event<'_> {
    Event { data, ..Event::default() }
}

/// One thing that an observer was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Connected(ClientInfo),
    Disconnected(ClientInfo, DisconnectReason),
    Failed(String),
}

/// Records its notices.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Told>>);

impl Recorder {
    pub fn of(hub: &Hub) -> Arc<Self> {
        let recorder = Arc::new(Self::default());
        hub.observe(recorder.clone());
        recorder
    }

    pub fn told(&self) -> Vec<Told> {
        self.0.lock().clone()
    }

    /// Drops all notices so far.
    pub fn forget(&self) {
        self.0.lock().clear();
    }

    /// The notice of one client's end.
    pub fn ends_of(&self, client_id: &str) -> Vec<DisconnectReason> {
        let reason = |told: &Told| match told {
            Told::Disconnected(info, reason) if &*info.id == client_id => Some(*reason),
            _ => None,
        };
        self.0.lock().iter().filter_map(reason).collect()
    }

    /// Waits for the notice of the client's end, and returns all its notices so far.
    pub fn wait_for_end_of(&self, client_id: &str) -> Vec<DisconnectReason> {
        eventually("the end of a client is told", || !self.ends_of(client_id).is_empty());
        self.ends_of(client_id)
    }
}

impl Observer for Recorder {
    fn connected(&self, client: &Client) {
        self.0.lock().push(Told::Connected(client.info().clone()));
    }

    fn disconnected(&self, client: &ClientInfo, reason: DisconnectReason) {
        self.0.lock().push(Told::Disconnected(client.clone(), reason));
    }

    fn failed(&self, message: &str) {
        self.0.lock().push(Told::Failed(message.to_owned()));
    }
}

/// Memory that the process has in use.
pub fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kilobytes.map_or(0, |kilobytes| kilobytes.trim().parse::<usize>().unwrap() * 1024)
}
