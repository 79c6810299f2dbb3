//! The hub: what a process has one of. Publishing, connecting, disconnecting, and the tasks that do the work.

mod publish;
mod stats;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;

pub use publish::{Published, Target};

use crate::client::{Client, ShardLink, Start};
use crate::drain::{self, Farewell};
use crate::error::{Error, Result};
use crate::event::{Event, check_header_text, check_length};
use crate::housekeeping;
use crate::inbox::{Command, Inbox};
use crate::life::{ClientInfo, DisconnectReason};
use crate::log::Log;
use crate::network::Network;
use crate::observer::Observer;
use crate::options::{DrainOptions, Options};
use crate::position::Position;
use crate::reader::{Reader, ResetReason};
use crate::registry::Registry;
use crate::revoked::{Revoked, since_1970};
use crate::shard::{Shard, Shared};
use crate::stats::Deliveries;
use crate::stream::{Parts, Stream};
use crate::timeline::Timeline;
use crate::user::User;

/// Who is connecting.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connect<'a> {
    /// The user; none: an anonymous client.
    pub user: Option<&'a str>,
    /// The client's own id; none: a new UUID.
    pub client: Option<&'a str>,
    /// What the client has seen last.
    pub last_event_id: Option<&'a str>,
    /// Where it comes from; none: not known, and not bounded.
    pub address: Option<IpAddr>,
}

/// A client that has connected.
#[derive(Debug)]
pub struct Connected {
    /// Its id.
    pub client_id: Arc<str>,
    /// The first bytes of its stream, to be sent before anything else.
    pub opening: Bytes,
    /// Everything after them.
    pub stream: Stream,
}

/// The hub. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    timeline: Arc<Timeline>,
    registry: Arc<Registry>,
    shards: Vec<(Arc<Inbox>, Arc<Deliveries>)>,
    /// Whose turn it is to get the next client.
    turn: AtomicUsize,
    /// Users who were logged out, whose tickets are void.
    revoked: Revoked,
    /// How it is drained, from the moment when that begins.
    draining: OnceLock<DrainOptions>,
    /// The process that started it. Threads do not survive a raw fork, so a child must not think that it can send.
    process: u32,
}

impl Hub {
    /// Starts a hub whose tasks run on `runtime`.
    ///
    /// # Errors
    /// Options out of their bounds, or no descriptors left.
    pub fn start(options: Options, runtime: &Handle) -> Result<Self> {
        options.validate()?;
        let _entered = runtime.enter();
        let timeline = Arc::new(Timeline::new(options.history));
        let registry = Arc::new(Registry::new(&options));
        // All shards are made before any of them runs: a start that fails leaves nothing behind.
        let (mut shards, mut tasks) = (Vec::with_capacity(options.threads), Vec::with_capacity(options.threads));
        for _ in 0..options.threads {
            let (inbox, deliveries) = (Arc::<Inbox>::default(), Arc::<Deliveries>::default());
            let shared = Shared {
                inbox: Arc::clone(&inbox),
                timeline: Arc::clone(&timeline),
                registry: Arc::clone(&registry),
                deliveries: Arc::clone(&deliveries),
                timeout: options.timeout,
                max_lag: options.max_lag,
            };
            let shard = Shard::new(shared).map_err(|error| Error::system("starting ssekit", &error))?;
            tasks.push(shard.run(options.heartbeat));
            shards.push((inbox, deliveries));
        }
        for task in tasks {
            runtime.spawn(task);
        }
        runtime.spawn(housekeeping::drop_old(
            Arc::downgrade(&timeline),
            Arc::downgrade(&registry),
            options.history.max_age,
        ));
        runtime.spawn(housekeeping::tell_offline(Arc::downgrade(&registry)));
        let (turn, process) = (AtomicUsize::new(0), std::process::id());
        let (draining, revoked) = (OnceLock::new(), Revoked::default());
        let inner = Inner { options, timeline, registry, shards, turn, revoked, draining, process };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The options that it runs with.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Sends to all clients of a user, those that are connected and those that come back. Returns how many are connected.
    ///
    /// # Errors
    /// The id or the event cannot be used.
    pub fn send_to_user(&self, user_id: &str, event: Event<'_>) -> Result<usize> {
        self.send(Target::User(user_id), event)
    }

    /// Sends to one client, to one that is connected and to one that is away and comes back with its id. Returns whether it is
    /// connected.
    ///
    /// # Errors
    /// The id or the event cannot be used.
    pub fn send_to_client(&self, client_id: &str, event: Event<'_>) -> Result<bool> {
        Ok(self.send(Target::Client(client_id), event)? > 0)
    }

    /// Sends to all clients but `exclude`. Returns how many are connected.
    ///
    /// # Errors
    /// The id or the event cannot be used.
    pub fn broadcast(&self, event: Event<'_>, exclude: Option<&str>) -> Result<usize> {
        self.send(Target::All { exclude }, event)
    }

    fn send(&self, target: Target<'_>, event: Event<'_>) -> Result<usize> {
        target.check()?;
        let draft = self.encode(event)?;
        Ok(self.put(target, draft).0)
    }

    /// Whether this process may use it.
    ///
    /// # Errors
    /// The process is a raw fork of the one that started it.
    pub fn check_process(&self) -> Result<()> {
        if std::process::id() == self.inner.process { Ok(()) } else { Err(Error::forked()) }
    }

    /// Connects a client. It gets every event that is sent to it from here on, and those that it has missed since its last
    /// event id, or is told that they cannot be had.
    ///
    /// # Errors
    /// An id cannot be used, or the client is refused: see [`Refusal`](crate::life::Refusal).
    pub fn connect(&self, who: Connect<'_>) -> Result<Connected> {
        self.try_connect(who).inspect_err(|error| self.inner.registry.gate.count(error))
    }

    fn try_connect(&self, who: Connect<'_>) -> Result<Connected> {
        self.check_process()?;
        if let Some(user) = who.user {
            check_length("userId", user)?;
        }
        if let Some(client) = who.client {
            check_header_text("clientId", client)?;
        }
        let Inner { timeline, registry, options, .. } = &*self.inner;
        let (shard, deliveries) = self.next_shard();
        let (reader, resumed) = self.admit(who, &shard)?;
        let ClientInfo { id, user } = reader.client().info().clone();
        let owed_id = reader.owes().map(ResetReason::owed_id);
        let data = json!({ "clientId": &*id, "userId": user.as_deref(), "resumed": resumed }).to_string();
        let ready = Event {
            name: "ssekit:ready",
            data: &data,
            id: owed_id.as_deref(),
            retry: Some(options.retry.as_millis() as u64),
            ..Event::default()
        };
        let opening = timeline.notice(ready, reader.cursor()).body();
        let parts = Parts {
            reader,
            timeline: Arc::clone(timeline),
            registry: Arc::clone(registry),
            deliveries,
            shard,
            by_listener: false,
        };
        Ok(Connected { client_id: id, opening, stream: Stream::new(parts) })
    }

    /// Makes and enters the client, and tries again as long as others with the same id are faster.
    fn admit(&self, who: Connect<'_>, shard: &Arc<Inbox>) -> Result<(Reader, bool)> {
        loop {
            match self.try_admit(who, shard)? {
                Some(admitted) => return Ok(admitted),
                // Somebody else is half-way through entering or removing one.
                None => std::thread::yield_now(),
            }
        }
    }

    /// Its cursor is set before anybody can send to it, and the logs are read from the cursor on, so no event can fall
    /// between.
    fn try_admit(&self, who: Connect<'_>, shard: &Arc<Inbox>) -> Result<Option<(Reader, bool)>> {
        let Inner { timeline, registry, .. } = &*self.inner;
        let (log, mut predecessor) = (OnceLock::new(), None);
        if let Some(id) = who.client {
            predecessor = registry.predecessor(id, who.user, timeline);
            let _ = log.set(registry.log_of_returning(predecessor.as_ref()));
        }
        let replaces = predecessor.as_ref().is_some_and(|predecessor| predecessor.is_connected());
        let network = who.address.map(Network::of);
        registry.gate.enter(network, replaces)?;
        let user = match who.user.map(|id| registry.hold_user(id, replaces)).transpose() {
            Ok(user) => user,
            Err(error) => {
                registry.gate.leave(network);
                return Err(error);
            }
        };
        let (cursor, reset) = self.resume(who.last_event_id, user.as_ref(), log.get());
        let id = who.client.map_or_else(|| Uuid::new_v4().to_string().into(), Arc::from);
        let info = ClientInfo { id, user: user.as_ref().map(|user| Arc::clone(&user.id)) };
        let logs = (user.as_ref().map(|user| Arc::clone(&user.log)), log);
        let link = Arc::clone(shard) as Arc<dyn ShardLink>;
        let client = Arc::new(Client::new(info, network, logs, link, Start { cursor, head: timeline.head() }));
        // Before anybody can find and end it, so that the shard hears of its coming before it hears of its going.
        shard.push(Command::Join(Arc::clone(&client)));
        let admitted = registry.admit(&client, user.as_ref(), predecessor.as_ref(), timeline);
        if let Some(user) = user {
            user.release();
        }
        if matches!(admitted, Ok(true)) && registry.gate.is_closed() {
            // It was closed while this client was half-way in, and whoever lets all go may not have seen it.
            drain::let_go(&client, registry, timeline, self.inner.options.drain);
        }
        if !matches!(admitted, Ok(true)) {
            registry.gate.leave(network);
            shard.push(Command::Leave(Arc::clone(&client)));
        }
        let resumed = who.last_event_id.is_some() && reset.is_none();
        Ok(admitted?.then(|| (Reader::new(client, cursor, reset), resumed)))
    }

    /// Where a client goes on, and what it has to be told first.
    fn resume(
        &self,
        last_event_id: Option<&str>,
        user: Option<&Arc<User>>,
        own: Option<&Arc<Log>>,
    ) -> (Position, Option<ResetReason>) {
        let timeline = &self.inner.timeline;
        let Some(id) = last_event_id else { return (timeline.head(), None) };
        if let Some(reason) = ResetReason::of_owed_id(id) {
            return (timeline.head(), Some(reason));
        }
        let logs = || [Some(timeline.broadcasts()), user.map(|user| &user.log), own].into_iter().flatten();
        match timeline.locate(id, logs()) {
            None => (timeline.head(), Some(ResetReason::Unknown)),
            Some(position) if logs().any(|log| log.floor() > position) => (timeline.head(), Some(ResetReason::Evicted)),
            // It comes without the id that it had: what was sent to that one alone is not to be had.
            Some(position) if own.is_none() && self.inner.registry.unclaimed(user.map(|user| &**user)) > position => {
                (timeline.head(), Some(ResetReason::Evicted))
            }
            Some(position) => (position, None),
        }
    }

    /// Lets the kernel find out that the peer of a socket has vanished that somebody else carries a stream on.
    #[cfg(unix)]
    pub fn expect_answers(&self, socket: std::os::fd::BorrowedFd<'_>) {
        crate::socket::expect_answers(&socket2::SockRef::from(&socket), self.inner.options.timeout);
    }

    /// Clients are dealt out in turn.
    fn next_shard(&self) -> (Arc<Inbox>, Arc<Deliveries>) {
        let turn = self.inner.turn.fetch_add(1, Ordering::Relaxed);
        // There is at least one: options are validated.
        self.inner.shards.get(turn % self.inner.shards.len().max(1)).cloned().unwrap_or_default()
    }

    /// Ids of the connected clients, in no particular order.
    pub fn active_clients(&self) -> Vec<Arc<str>> {
        self.inner.registry.connected().iter().map(|client| Arc::clone(&client.info.id)).collect()
    }

    /// Ids of a user's connected clients, the oldest connection first.
    pub fn clients_by_user(&self, user_id: &str) -> Vec<Arc<str>> {
        let user = self.inner.registry.user_if_known(user_id);
        user.map_or_else(Vec::new, |user| user.clients().iter().map(|client| Arc::clone(&client.info.id)).collect())
    }

    /// Whether a user has a client, or had one so short a time ago that it may come back unnoticed.
    pub fn is_online(&self, user_id: &str) -> bool {
        self.inner.registry.user_if_known(user_id).is_some_and(|user| user.is_online())
    }

    /// Ends a client's stream. Says whether it was connected.
    pub fn disconnect_client(&self, client_id: &str) -> bool {
        let Inner { registry, timeline, .. } = &*self.inner;
        registry.client(client_id).is_some_and(|client| registry.remove(&client, DisconnectReason::Server, timeline))
    }

    /// Ends all streams of a user, and makes the tickets void that the user has for the listener. Returns how many there were.
    pub fn disconnect_user(&self, user_id: &str) -> usize {
        // First: or a page could come back in between.
        self.inner.revoked.revoke(user_id, since_1970());
        let Inner { registry, timeline, .. } = &*self.inner;
        let clients = registry.user_if_known(user_id).map_or_else(Vec::new, |user| user.clients());
        clients.iter().filter(|client| registry.remove(client, DisconnectReason::Server, timeline)).count()
    }

    /// Waits until everything sent so far has been handed to the kernel (or to who carries the stream) for every connected
    /// client; five seconds at most for those that do not read.
    pub async fn flush(&self) {
        let head = self.inner.timeline.head();
        let mut answers = Vec::with_capacity(self.inner.shards.len());
        for (inbox, _) in &self.inner.shards {
            let (done, answer) = oneshot::channel();
            inbox.push(Command::Flush(head, done));
            answers.push(answer);
        }
        for answer in answers {
            // An error means that the shard has ended: nothing will be sent any more.
            let _ = answer.await;
        }
    }

    /// The graceful end: no client comes in any more, and those that are there are told when to come back and let go. Returns
    /// when all are gone; what was sent to them is with the kernel, or with who carries their stream.
    pub async fn drain(&self, options: DrainOptions) {
        let Inner { registry, timeline, .. } = &*self.inner;
        self.inner.draining.get_or_init(|| options);
        registry.gate.close();
        drain::let_all_go(registry, timeline, options).await;
        self.flush().await;
    }

    /// Whether it lets nobody in any more.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.get().is_some()
    }

    /// What a page is told that wants to connect meanwhile, by the options of the drain that is under way.
    pub fn farewell_of_drain(&self) -> Bytes {
        self.farewell(self.inner.draining.get().copied().unwrap_or(self.inner.options.drain))
    }

    /// What a page is told that wants to connect while the hub is drained: a stream of this one event.
    pub fn farewell(&self, options: DrainOptions) -> Bytes {
        let timeline = &self.inner.timeline;
        let random = Uuid::new_v4().as_u128() as u64;
        timeline.notice(Farewell::new(&options, random).event(), timeline.head()).body()
    }

    /// Wants to know when clients come and go.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.inner.registry.observe(observer);
    }

    /// Does not want to know any more.
    pub fn unobserve(&self, observer: &Arc<dyn Observer>) {
        self.inner.registry.unobserve(observer);
    }

    /// Ends a client's stream, and never that of another connection with the same id.
    pub(crate) fn end(&self, client: &Arc<Client>, reason: DisconnectReason) {
        self.inner.registry.remove(client, reason, &self.inner.timeline);
    }

    /// Whether a user has been logged out since a ticket was issued.
    pub(crate) fn is_logged_out(&self, user_id: &str, issued: Duration) -> bool {
        self.inner.revoked.is_void(user_id, issued)
    }

    /// Tells whoever wants to know of something that no caller can be told.
    pub(crate) fn report(&self, message: &str) {
        self.inner.registry.tell(|observer| observer.failed(message));
    }

    /// Whether an id is one that a client of this user may have been given by this hub.
    pub(crate) fn recognizes(&self, event_id: &str, user: Option<&str>) -> bool {
        let Inner { timeline, registry, .. } = &*self.inner;
        let user = user.and_then(|id| registry.user_if_known(id));
        let logs = [Some(timeline.broadcasts()), user.as_ref().map(|user| &user.log)].into_iter().flatten();
        ResetReason::of_owed_id(event_id).is_some() || timeline.locate(event_id, logs).is_some()
    }

    /// Ends its tasks. Connected clients are dropped without a word.
    pub fn stop(&self) {
        for (inbox, _) in &self.inner.shards {
            inbox.stop();
        }
    }
}
