//! The hub, one for each process: publishing, connecting, disconnecting, and the tasks that do the work.

mod arrears;
mod attendance;
mod channels;
mod claim;
mod clients;
mod connect;
mod housekeeping;
mod look;
mod page;
mod publish;
mod read_back;
mod ready;
mod request;
mod shared;
mod snapshot;
mod stats;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use uuid::Uuid;

pub use channels::{Page, Subscriber};
pub use clients::{ClientDetails, ClientFilter};
pub use look::{ClientView, ClientsView, NodeView};
pub use page::{Change, Changed};
pub use publish::Published;
pub use request::{Connect, Connected};

use crate::backplane::{Backplane, Interest};
use crate::cluster;
use crate::cluster::node::Cluster;
use crate::delivery::deliveries::Deliveries;
use crate::delivery::heartbeat::Heartbeat;
use crate::delivery::inbox::{Command, Inbox};
use crate::delivery::pace::Pace;
use crate::delivery::shard::{Shard, Shared};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::event::audience::Audience;
use crate::history::timeline::Timeline;
use crate::options::{DrainOptions, Options};
use crate::session::client::Client;
use crate::session::drain::{self, Farewell};
use crate::session::lifecycle::DisconnectReason;
use crate::session::observer::Observer;
use crate::session::registry::Registry;
use crate::session::revoked::since_1970;

/// The maximum time a drain waits for connections to end after all their streams have ended.
const PARTING: Duration = Duration::from_secs(1);

/// The hub. Cheap to clone; all clones are the same hub.
///
/// ```
/// use ssekit_core::{Connect, Event, Hub, Options};
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let hub = Hub::start(Options::default(), runtime.handle())?;
/// let mut page = hub.connect(Connect { user: Some("ada"), ..Connect::default() })?;
///
/// let clients = hub.send_to_user("ada", Event { name: "greeting", data: "hello", ..Event::default() })?;
/// assert_eq!(clients, 1);
///
/// let bytes = runtime.block_on(std::future::poll_fn(|cx| page.stream.poll_next(cx, 64 * 1024)));
/// let text = String::from_utf8(bytes.unwrap().to_vec())?;
/// assert!(text.starts_with("event: greeting\ndata: hello\nid: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    engine: Arc<Engine>,
    /// The options of the drain, set when it begins.
    draining: OnceLock<DrainOptions>,
    /// Tells connections that carry more than one stream that all their streams have ended.
    ending: watch::Sender<()>,
    /// The connection to the hubs of other processes, if there is one.
    cluster: Option<Arc<Cluster>>,
    /// The process that started the hub. Threads do not survive a raw fork, so a child must not think that it can send.
    process: u32,
}

/// Held by a connection that stays open after its streams have ended.
#[derive(Debug)]
pub struct Ending(watch::Receiver<()>);

impl Ending {
    /// Waits until the hub is drained and nothing more will come. A later connection learns about the drain in another
    /// way.
    pub async fn begins(&self) {
        // An error means that the hub is gone, and its streams with it.
        let _ = self.0.clone().changed().await;
    }
}

impl Hub {
    /// Starts a hub whose tasks run on `runtime`.
    ///
    /// # Errors
    /// An option is out of bounds, or no descriptors are left.
    pub fn start(options: Options, runtime: &Handle) -> Result<Self> {
        Self::start_observed(options, runtime, &[])
    }

    /// The same, with observers that see the hub's whole life.
    ///
    /// # Errors
    /// The same as for [`Hub::start`].
    pub fn start_observed(options: Options, runtime: &Handle, observers: &[Arc<dyn Observer>]) -> Result<Self> {
        let hub = Self::start_without_cluster(options, None, runtime)?;
        hub.observe_all(observers);
        Ok(hub)
    }

    /// Starts a hub that shares a history with others: see the [contract](crate::backplane).
    ///
    /// # Errors
    /// The same as for [`Hub::start`].
    pub fn start_on(backplane: impl Backplane, options: Options, runtime: &Handle) -> Result<Self> {
        Self::start_on_observed(backplane, options, runtime, &[])
    }

    /// The same, with observers that see the hub's whole life.
    ///
    /// # Errors
    /// The same as for [`Hub::start`].
    pub fn start_on_observed<B: Backplane>(
        backplane: B,
        options: Options,
        runtime: &Handle,
        observers: &[Arc<dyn Observer>],
    ) -> Result<Self> {
        let cluster = Arc::new(Cluster::new(options.cluster, options.history.max_age, B::RECALLS));
        let hub = Self::start_without_cluster(options, Some(Arc::clone(&cluster)), runtime)?;
        hub.inner.engine.timeline.belong_to(cluster.node);
        hub.observe(Arc::clone(&cluster) as Arc<dyn Observer>);
        hub.observe_all(observers);
        let _entered = runtime.enter();
        cluster::start(&cluster, backplane, Arc::downgrade(&hub.inner.engine));
        Ok(hub)
    }

    fn start_without_cluster(options: Options, cluster: Option<Arc<Cluster>>, runtime: &Handle) -> Result<Self> {
        options.validate()?;
        let _entered = runtime.enter();
        let timeline = Arc::new(Timeline::new(options.history));
        let interest = cluster.as_ref().map_or_else(Interest::everything, |cluster| cluster.interest.clone());
        let registry = Arc::new(Registry::new(&options, &interest));
        // Create all shards before any of them runs, so that a failed start leaves nothing behind.
        let (mut shards, mut tasks) = (Vec::with_capacity(options.threads), Vec::with_capacity(options.threads));
        for number in 0..options.threads {
            let (inbox, deliveries) = (Arc::new(Inbox::of(number)), Arc::<Deliveries>::default());
            let shared = Shared {
                inbox: Arc::clone(&inbox),
                timeline: Arc::clone(&timeline),
                registry: Arc::clone(&registry),
                deliveries: Arc::clone(&deliveries),
                timeout: options.timeout,
                max_lag: options.max_lag,
                pace: Pace::new(options.heartbeat, options.history.max_age, Heartbeat::of(&options)),
            };
            let shard = Shard::new(shared).map_err(|error| Error::system("starting ssekit", &error))?;
            tasks.push(shard.run());
            shards.push((inbox, deliveries));
        }
        for task in tasks {
            runtime.spawn(task);
        }
        runtime.spawn(housekeeping::drop_old(
            Arc::downgrade(&timeline),
            Arc::downgrade(&registry),
            options.history.max_age,
            cluster
                .as_ref()
                .filter(|cluster| cluster.desk.is_some())
                .map(|_| housekeeping::unread_for(options.heartbeat)),
        ));
        runtime.spawn(housekeeping::tell_offline(Arc::downgrade(&registry)));
        let engine = Arc::new(Engine::new(timeline, registry, shards));
        let checks = Arc::clone(&engine.registry.checks);
        runtime.spawn(attendance::keep(checks, Arc::downgrade(&engine), cluster.clone()));
        let (draining, ending, process) = (OnceLock::new(), watch::Sender::default(), std::process::id());
        Ok(Self { inner: Arc::new(Inner { options, engine, draining, ending, cluster, process }) })
    }

    /// Whether both are the same hub.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The options that the hub runs with.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Sends to all clients of a user: to the connected ones now, to the others when they come back. Returns the
    /// number of connected ones.
    ///
    /// # Errors
    /// The id or the event is invalid.
    pub fn send_to_user(&self, user_id: &str, event: Event<'_>) -> Result<usize> {
        self.send(Audience::User(user_id), event)
    }

    /// Sends to one client: now if it is connected, or when it comes back with its id. Returns whether it is connected.
    ///
    /// # Errors
    /// The id or the event is invalid.
    pub fn send_to_client(&self, client_id: &str, event: Event<'_>) -> Result<bool> {
        Ok(self.send(Audience::Client(client_id), event)? > 0)
    }

    /// Sends to all clients except `exclude`. Returns the number of connected ones.
    ///
    /// # Errors
    /// The id or the event is invalid.
    pub fn broadcast(&self, event: Event<'_>, exclude: Option<&str>) -> Result<usize> {
        self.send(Audience::All { exclude }, event)
    }

    /// Sends to all clients that have subscribed to a channel. Returns the number of connected ones.
    ///
    /// # Errors
    /// The channel's name or the event is invalid.
    pub fn send_to_channel(&self, channel: &str, event: Event<'_>) -> Result<usize> {
        self.send(Audience::Channel(channel), event)
    }

    fn send(&self, audience: Audience<'_>, event: Event<'_>) -> Result<usize> {
        audience.check()?;
        let draft = self.encode(event)?;
        Ok(self.put(audience, draft).0)
    }

    /// Checks that this process may use the hub.
    ///
    /// # Errors
    /// This process is a raw fork of the one that started the hub.
    pub fn check_process(&self) -> Result<()> {
        if std::process::id() == self.inner.process { Ok(()) } else { Err(Error::forked()) }
    }

    /// Lets the kernel detect a vanished peer on a socket whose stream someone else carries.
    #[cfg(unix)]
    pub fn expect_answers(&self, socket: std::os::fd::BorrowedFd<'_>) {
        crate::delivery::socket::expect_answers(&socket2::SockRef::from(&socket), self.inner.options.timeout);
    }

    /// The ids of all connected clients on all nodes, in no particular order.
    pub fn active_clients(&self) -> Vec<Arc<str>> {
        let mut ids = self.active_clients_here();
        ids.extend(self.elsewhere(|cluster| cluster.remote_clients.clients()));
        ids
    }

    /// The ids of the connected clients on this node.
    pub fn active_clients_here(&self) -> Vec<Arc<str>> {
        self.inner.engine.registry.connected().iter().map(|client| Arc::clone(&client.info.id)).collect()
    }

    /// The ids of a user's connected clients: first those on this node, then those on others, the oldest connection
    /// first.
    pub fn clients_by_user(&self, user_id: &str) -> Vec<Arc<str>> {
        let mut ids = self.clients_by_user_here(user_id);
        ids.extend(self.elsewhere(|cluster| cluster.remote_clients.clients_of(user_id)));
        ids
    }

    /// The ids of a user's connected clients on this node.
    pub fn clients_by_user_here(&self, user_id: &str) -> Vec<Arc<str>> {
        let user = self.inner.engine.registry.users.get(user_id);
        user.map_or_else(Vec::new, |user| user.clients().iter().map(|client| Arc::clone(&client.info.id)).collect())
    }

    /// Whether a user has a client on any node, or had one here so recently that it may come back unnoticed.
    pub fn is_online(&self, user_id: &str) -> bool {
        self.is_online_here(user_id) || self.elsewhere(|cluster| cluster.remote_clients.count_of(user_id)) > 0
    }

    /// The same for this node only.
    pub fn is_online_here(&self, user_id: &str) -> bool {
        self.inner.engine.registry.users.get(user_id).is_some_and(|user| user.is_online())
    }

    fn elsewhere<T: Default>(&self, ask: impl FnOnce(&Cluster) -> T) -> T {
        self.inner.cluster.as_deref().map(ask).unwrap_or_default()
    }

    /// Ends a client's stream on any node. Returns whether the client was connected.
    pub fn disconnect_client(&self, client_id: &str) -> bool {
        match &self.inner.cluster {
            Some(cluster) => self.disconnect_client_anywhere(cluster, client_id),
            None => self.inner.engine.disconnect_client(client_id),
        }
    }

    /// Ends all streams of a user on all nodes, and voids the user's listener tickets. Returns the number of streams.
    pub fn disconnect_user(&self, user_id: &str) -> usize {
        match &self.inner.cluster {
            Some(cluster) => self.disconnect_user_everywhere(cluster, user_id),
            None => self.inner.engine.disconnect_user(user_id, since_1970()),
        }
    }

    /// Waits until the kernel (or the carrier of the stream) has everything sent so far, for every connected client.
    /// Waits at most five seconds for clients that do not read.
    pub async fn flush(&self) {
        let head = self.inner.engine.timeline.head();
        let mut answers = Vec::with_capacity(self.inner.engine.shards.len());
        for (inbox, _) in &self.inner.engine.shards {
            let (done, answer) = oneshot::channel();
            inbox.push(Command::Flush(head, done));
            answers.push(answer);
        }
        for answer in answers {
            // An error means that the shard has ended and will send nothing more.
            let _ = answer.await;
        }
    }

    /// The same, but first waits until everything sent so far is in the history shared with other nodes.
    ///
    /// # Errors
    /// Some events still wait after five seconds, because the backplane is unavailable.
    pub async fn flush_shared(&self) -> Result<()> {
        let shared = self.share().await;
        self.flush().await;
        shared
    }

    /// Waits until everything sent so far is in the history shared with other nodes. A hub without one does not wait.
    ///
    /// # Errors
    /// Some events still wait after five seconds, because the backplane is unavailable.
    pub async fn share(&self) -> Result<()> {
        match &self.inner.cluster {
            Some(cluster) => cluster.flushed().await,
            None => Ok(()),
        }
    }

    /// The graceful end. The hub accepts no new clients, tells the connected ones when to come back, and lets them go.
    /// Returns when all are gone; the kernel, or the carrier of each stream, then has everything that was sent to them.
    pub async fn drain(&self, options: DrainOptions) {
        let Engine { registry, timeline, .. } = &*self.inner.engine;
        self.inner.draining.get_or_init(|| options);
        registry.gate.close();
        drain::let_all_go(registry, timeline, options).await;
        self.flush().await;
        let leave_cluster = async {
            if let Some(cluster) = &self.inner.cluster {
                // Clients that moved to another node still need these events.
                let _ = cluster.flushed().await;
                cluster.leave().await;
            }
        };
        tokio::join!(self.end_connections(), leave_cluster);
    }

    /// Ends connections that stay open after their streams have ended. If the process ended first, the kernel would
    /// reset these connections because of unread input. A reset loses data that is still on its way to the peer (RFC
    /// 9112, section 9.6).
    async fn end_connections(&self) {
        self.inner.ending.send_replace(());
        // A connection that is still open after this time ignores the drain.
        let _ = timeout(PARTING, self.inner.ending.closed()).await;
    }

    /// For a connection whose end the hub has to wait for.
    pub fn ending(&self) -> Ending {
        Ending(self.inner.ending.subscribe())
    }

    /// Whether the hub accepts no more clients.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.get().is_some()
    }

    /// The response to a page that connects during a drain, with the options of that drain.
    pub fn farewell_of_drain(&self) -> Bytes {
        self.farewell(self.inner.draining.get().copied().unwrap_or(self.inner.options.drain))
    }

    /// The response to a page that connects during a drain: a stream of this one event.
    pub fn farewell(&self, options: DrainOptions) -> Bytes {
        let timeline = &self.inner.engine.timeline;
        let random = Uuid::new_v4().as_u128() as u64;
        timeline.notice(Farewell::new(&options, random).event(), timeline.head()).body()
    }

    /// Adds an observer, which learns when clients come and go.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.inner.engine.registry.observe(observer);
    }

    fn observe_all(&self, observers: &[Arc<dyn Observer>]) {
        for observer in observers {
            self.observe(Arc::clone(observer));
        }
    }

    /// Removes an observer.
    pub fn unobserve(&self, observer: &Arc<dyn Observer>) {
        self.inner.engine.registry.unobserve(observer);
    }

    /// Ends a client's stream, never that of another connection with the same id.
    pub fn end(&self, client: &Arc<Client>, reason: DisconnectReason) {
        self.inner.engine.end(client, reason);
    }

    /// Whether the user was logged out after the ticket was issued.
    pub fn is_logged_out(&self, user_id: &str, issued: Duration) -> bool {
        self.inner.engine.revoked.is_void(user_id, issued)
    }

    /// Reports a problem to the observers when no caller can receive it.
    pub fn report(&self, message: &str) {
        self.inner.engine.report(message);
    }

    /// Ends the hub's tasks. Connected clients are dropped without a farewell.
    pub fn stop(&self) {
        for (inbox, _) in &self.inner.engine.shards {
            inbox.stop();
        }
        if let Some(cluster) = &self.inner.cluster {
            cluster.stop();
        }
    }
}
