//! One of several nodes that share a history: its state, and what its hub asks of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::backplane::{Failure, Interest, NodeId, Number, Outgoing, Passed, Record};
use crate::cluster::announcer::Announcer;
use crate::cluster::apply::{Applier, Arrival};
use crate::cluster::claims::Claims;
use crate::cluster::health::{Health, Side};
use crate::cluster::librarian::Desk;
use crate::cluster::message::Message;
use crate::cluster::newcomers::Newcomers;
use crate::cluster::outage::Outage;
use crate::cluster::outbox::{Bounds, Outbox};
use crate::cluster::remote_clients::RemoteClients;
use crate::cluster::stats::{ClusterStats, Link};
use crate::counter::Counter;
use crate::engine::Engine;
use crate::error::{Error, grouped};
use crate::event::Frame;
use crate::event::position::{Epoch, Position, agreed};
use crate::history::timeline::Place;
use crate::options::ClusterOptions;
use crate::session::client::Client;
use crate::session::lifecycle::{ClientInfo, DisconnectReason};
use crate::session::observer::Observer;

/// The maximum time `flush` and a starting node wait for the backplane.
const PATIENCE: Duration = Duration::from_secs(5);

/// The maximum wait of a client that has seen more than this node, while the backplane is unavailable.
const PATIENCE_IN_OUTAGE: Duration = Duration::from_secs(2);

/// This node.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) node: NodeId,
    pub(super) options: ClusterOptions,
    /// The time the node remembers who owned the id of a client that has gone.
    pub(super) memory: Duration,
    /// Events waiting to be appended.
    pub(crate) events: Outbox,
    /// Clients that come and go here, waiting to be appended.
    pub(crate) announcer: Announcer,
    pub(crate) remote_clients: RemoteClients,
    pub(super) claims: Claims,
    pub(crate) newcomers: Newcomers,
    /// Where clients wait for what has to be recalled; `None`: the node reads the whole history when it starts.
    pub(crate) desk: Option<Desk>,
    /// The node has to append a record soon, so that it can see the record come back.
    pub(super) probe_due: AtomicBool,
    /// The audiences that clients here read.
    pub(crate) interest: Interest,
    /// The count of this node's newest record in the members topic that has come back, with all events that precede
    /// it in the history.
    pub(super) heard: watch::Sender<u64>,
    pub(super) link: watch::Sender<Link>,
    pub(super) health: Mutex<Health>,
    pub(super) outage: Outage,
    /// The epoch of the history that the node has joined; `None`: it has to join first.
    pub(super) joined: watch::Sender<Option<Epoch>>,
    /// Since when the node knows all log-outs, in time since 1970; `None`: it has yet to catch up with the history.
    knows_log_outs_since: Mutex<Option<Duration>>,
    /// The number of the last event read.
    pub(super) read: watch::Sender<Number>,
    /// The number of the last record of the members' topic whose effects are there.
    pub(super) members_read: AtomicU64,
    /// The number at which this node's newest event was appended.
    pub(super) appended: Mutex<Number>,
    pub(super) rejoin: Notify,
    /// When the node last read one of its own records.
    pub(super) echo: Mutex<Instant>,
    /// When the node asked all others for their presence; set when its request has come back.
    pub(super) greeted: Mutex<Option<Instant>>,
    /// This node has to send the others a presence snapshot.
    pub(super) snapshot_due: Mutex<bool>,
    /// Whether the link has ever been up.
    pub(super) was_up: AtomicBool,
    pub(super) stopped: watch::Sender<bool>,
    pub(super) outages: Counter,
    pub(super) unreadable: Counter,
}

impl Cluster {
    /// `recalls`: the backplane can be asked for a part of its history.
    pub(crate) fn new(options: ClusterOptions, memory: Duration, recalls: bool) -> Self {
        let bounds = Bounds { records: options.max_buffered_events, bytes: options.max_buffered_bytes };
        Self {
            node: NodeId::random(),
            options,
            memory,
            events: Outbox::new(bounds),
            announcer: Announcer::new(),
            remote_clients: RemoteClients::default(),
            claims: Claims::default(),
            newcomers: Newcomers::default(),
            desk: recalls.then(Desk::new),
            probe_due: AtomicBool::new(false),
            interest: if recalls { Interest::nobody() } else { Interest::everything() },
            heard: watch::Sender::new(0),
            link: watch::Sender::new(Link::Starting),
            health: Mutex::default(),
            outage: Outage::default(),
            joined: watch::Sender::new(None),
            knows_log_outs_since: Mutex::new(None),
            read: watch::Sender::new(0),
            members_read: AtomicU64::new(0),
            appended: Mutex::new(0),
            rejoin: Notify::new(),
            echo: Mutex::new(Instant::now()),
            greeted: Mutex::new(None),
            snapshot_due: Mutex::new(false),
            was_up: AtomicBool::new(false),
            stopped: watch::Sender::new(false),
            outages: Counter::default(),
            unreadable: Counter::default(),
        }
    }

    /// The state of the link to the backplane.
    pub(crate) fn link(&self) -> Link {
        *self.link.borrow()
    }

    /// Sends an event, or a command, through the history.
    pub(crate) fn send(&self, message: Outgoing, engine: &Engine) {
        self.outage.send(&self.events, message, self.applier(engine));
    }

    /// Applies a record of the events' topic. `again`: it was already applied, in a history that is now lost. Its
    /// original comes before everything in the current history, and all clients of that time have had it. `missed`: what the
    /// subscriber has missed, if memory does not hold it.
    pub(super) fn apply(
        &self,
        record: &Record,
        (message, missed): (Option<Message<'_>>, Option<&[Frame]>),
        again: bool,
        engine: &Engine,
    ) {
        let (base, has_no_place) = (engine.timeline.base(), Self::has_no_place(record.number, engine));
        let known = match &message {
            Some(Message::Event(..)) if has_no_place => Arrival::AlreadyDone,
            Some(Message::Attendance { .. }) if has_no_place && !again => Arrival::AlreadyDelivered(base),
            _ if !again => Arrival::New,
            Some(Message::Event(..)) if base > 0 => Arrival::AlreadyDelivered(base),
            _ => Arrival::AlreadyDone,
        };
        if record.origin.node != self.node {
            return self.applier(engine).with(missed).apply(record.number, record.at, message, known);
        }
        let mut outage = self.outage.lock();
        let earlier = match outage.echo(record.origin.count) {
            Arrival::New => known,
            delivered => delivered,
        };
        let applier = self.applier(engine).with(missed);
        applier.apply(record.number, record.at, message, earlier);
        outage.settle(earlier != Arrival::New, applier);
    }

    /// Whether an event has no place here: this node has read that number in another history, and its positions never go back. With a
    /// later place, the event would come after events that follow it elsewhere, and a page from there would get it again. Pages
    /// from before it get a reset here.
    fn has_no_place(number: Number, engine: &Engine) -> bool {
        agreed(number) < engine.timeline.base()
    }

    /// Gives a place to an event whose content was not read. Returns false if its content is needed, because somebody here has
    /// begun to read it, may have received it, or looks on.
    pub(super) fn pass_over(&self, passed: &Passed, again: bool, engine: &Engine) -> bool {
        if engine.registry.is_looked_at() {
            return false;
        }
        let Some(audience) = passed.to.user_or_channel().filter(|_| !again) else { return false };
        let place = Place::given(agreed(passed.number), passed.at);
        let leave =
            || Self::has_no_place(passed.number, engine) || engine.leave_elsewhere(place, audience, None).is_some();
        if passed.origin.node != self.node {
            return leave();
        }
        let mut outage = self.outage.lock();
        if outage.has_delivered(passed.origin.count) || !leave() {
            return false;
        }
        outage.echo(passed.origin.count);
        outage.settle(false, self.applier(engine));
        true
    }

    /// Whether the view of the other nodes is as complete as it can be. Before that, a client may be there that this
    /// node does not know.
    pub(crate) fn knows_the_others(&self) -> bool {
        self.link() == Link::Up && self.greeted.lock().is_some_and(|greeted| greeted.elapsed() > Duration::from_secs(1))
    }

    /// Waits, for a limited time, until the node has joined and knows everything that the history held at that moment.
    /// Returns whether it does.
    pub(crate) async fn ready(&self) -> bool {
        let mut link = self.link.subscribe();
        let up = link.wait_for(|link| *link == Link::Up);
        matches!(tokio::time::timeout(PATIENCE, up).await, Ok(Ok(_)))
    }

    /// The same, and until it has heard who is connected to the others.
    pub(crate) async fn knows_all(&self) -> bool {
        if !self.ready().await {
            return false;
        }
        let known = async {
            while !self.knows_the_others() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, known).await.is_ok()
    }

    /// Whether the node does not yet know what the history held when it came, so that clients have to wait. If the link
    /// was never up, clients with a last event id wait even while the backplane is unavailable.
    pub(crate) fn is_starting(&self, comes_back: bool) -> bool {
        match self.link() {
            Link::Starting => true,
            Link::Up => false,
            Link::Down => comes_back && !self.was_up.load(Ordering::Relaxed),
        }
    }

    /// Waits until the node knows what the history held when it came.
    pub(crate) async fn starts(&self) {
        let mut link = self.link.subscribe();
        self.patiently(link.wait_for(|link| *link == Link::Up)).await;
    }

    /// Waits until the node has read up to this position, which a client has from another node, or knows that there is
    /// no such position.
    pub(crate) async fn reaches(&self, position: Position) {
        let (mut read, mut heard) = (self.read.subscribe(), self.heard.subscribe());
        let probe = self.probe();
        let known = async {
            tokio::select! {
                biased;
                _ = read.wait_for(|number| agreed(*number) >= position) => {}
                _ = heard.wait_for(|count| *count >= probe) => self.newcomers.refute(position),
            }
        };
        self.patiently(known).await;
    }

    /// The position up to which the node has read the history.
    pub(crate) fn read(&self) -> Position {
        agreed(*self.read.borrow())
    }

    /// Makes the node append a record soon. Returns a lower bound for the record's count.
    pub(crate) fn probe(&self) -> u64 {
        let count = self.announcer.outbox.count() + 1;
        self.probe_due.store(true, Ordering::Release);
        count
    }

    /// Finds the clients that have seen something that is not in the history, and ends them.
    pub(super) fn review_newcomers(&self, engine: &Engine) {
        for stray in self.newcomers.review(self.read(), *self.heard.borrow()) {
            engine.end(&stray, DisconnectReason::Fault);
        }
        if self.probe_due.swap(false, Ordering::AcqRel) || !self.newcomers.is_empty() {
            self.announcer.outbox.push([Message::Alive(engine.registry.counts().0 as u64).record()]);
        }
    }

    /// Waits for a short time only, and even less during an outage.
    async fn patiently(&self, what: impl Future) {
        let mut link = self.link.subscribe();
        let outage = async {
            loop {
                let _ = link.wait_for(|link| *link == Link::Down).await;
                let up = link.wait_for(|link| *link != Link::Down);
                if !matches!(tokio::time::timeout(PATIENCE_IN_OUTAGE, up).await, Ok(Ok(_))) {
                    return;
                }
            }
        };
        tokio::select! {
            _ = what => {}
            () = outage => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }

    /// Waits until everything sent so far is in the history and has come back.
    ///
    /// # Errors
    /// It took too long.
    pub(crate) async fn flushed(&self) -> Result<(), Error> {
        let count = self.events.count();
        let flushed = async {
            self.events.is_appended(count).await;
            let number = *self.appended.lock();
            let _ = self.read.subscribe().wait_for(|read| *read >= number).await;
        };
        tokio::time::timeout(PATIENCE, flushed).await.map_err(|_| {
            let why = self.health.lock().told.last().cloned().unwrap_or_else(|| "it does not answer".into());
            let waiting = grouped(self.events.buffered().records as u64);
            Error::backplane(format!("{waiting} events wait for the backplane: {why}"))
        })
    }

    /// Tells the other nodes that this node has left.
    pub(crate) async fn leave(&self) {
        let count = self.announcer.outbox.push([Message::NodeLeft.record()]);
        let _ = tokio::time::timeout(Duration::from_secs(1), self.announcer.outbox.is_appended(count)).await;
    }

    pub(super) fn set_joined(&self, epoch: Option<Epoch>) {
        *self.knows_log_outs_since.lock() = None;
        self.joined.send_replace(epoch);
    }

    /// The node has caught up with a history whose set of log-outs is complete since this time.
    pub(super) fn set_knows_log_outs(&self, since: Duration) {
        *self.knows_log_outs_since.lock() = Some(since);
    }

    /// Since when the node knows all log-outs, in time since 1970. It knows none for sure while it cannot use the backplane, because
    /// others may log out users meanwhile.
    pub(crate) fn knows_log_outs_since(&self) -> Duration {
        let known = *self.knows_log_outs_since.lock();
        known.filter(|_| self.link() == Link::Up && self.joined.borrow().is_some()).unwrap_or(Duration::MAX)
    }

    /// The node's knowledge of the history is wrong, so it has to join again.
    pub(super) fn lose_track(&self) {
        self.set_joined(None);
        self.rejoin.notify_one();
    }

    /// Records a failed call.
    pub(super) fn fail(&self, side: Side, failure: &Failure, engine: &Engine) {
        let mut health = self.health.lock();
        *health.side(side) = Some(failure.to_string());
        // First, because a caller that sees the link down must find earlier events already delivered.
        if self.options.deliver_when_down {
            self.outage.lock().cut_off(self.applier(engine));
        }
        if self.link.send_replace(Link::Down) != Link::Down {
            self.outages.add(1);
        }
        let is_new = health.is_new(failure.to_string());
        drop(health);
        if is_new {
            engine.report(&format!("the backplane cannot be used, ssekit keeps trying: {failure}"));
        }
    }

    /// Records that calls work again.
    pub(super) fn recover(&self, side: Side, engine: &Engine) {
        let mut health = self.health.lock();
        let was = health.side(side).take();
        if health.reading.is_some() || health.writing.is_some() || (side == Side::Writing && was.is_none()) {
            return;
        }
        let told = std::mem::take(&mut health.told);
        *self.echo.lock() = Instant::now();
        self.outage.rejoin();
        self.was_up.store(true, Ordering::Relaxed);
        self.link.send_replace(Link::Up);
        drop(health);
        if !told.is_empty() {
            engine.report("the backplane can be used again");
        }
    }

    /// This node's view of the cluster.
    pub(crate) fn stats(&self) -> ClusterStats {
        ClusterStats {
            link: self.link(),
            buffered: self.events.buffered(),
            outages: self.outages.get(),
            unreadable: self.unreadable.get(),
            nodes: self.remote_clients.nodes(),
            clients: self.remote_clients.count(),
        }
    }

    /// Ends the node's tasks.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Sends a presence snapshot: tells the other nodes who is connected here, in place of whatever they know.
    pub(super) fn send_snapshot(&self, engine: &Engine) {
        *self.snapshot_due.lock() = false;
        // Before the look at the clients: one of them may move to another node by a record that is read in between.
        let read = self.members_read.load(Ordering::Acquire);
        self.announcer.snapshot(read, || engine.registry.connected(), &self.claims);
    }

    /// The parts of this node that a record changes.
    pub(super) fn applier<'a>(&'a self, engine: &'a Engine) -> Applier<'a> {
        let Self { remote_clients, newcomers, announcer, desk, .. } = self;
        Applier { engine, remote_clients, newcomers, announcer, missed: None, recalls: desk.is_some() }
    }

    pub(super) fn lease(&self) -> Duration {
        self.options.lease
    }
}

/// Tells the other nodes which clients come and go here.
impl Observer for Cluster {
    fn connected(&self, client: &Client) {
        self.announcer.joined(client);
    }

    fn disconnected(&self, client: &ClientInfo, reason: DisconnectReason) {
        // Its successor has the same id, here or there.
        if reason != DisconnectReason::Replaced {
            self.announcer.left(&client.id);
        }
    }

    fn failed(&self, _message: &str) {}
}
