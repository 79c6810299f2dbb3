//! A listener as a whole: started, shared by its connections, and closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::accept::accept;
use crate::admission::Admission;
use crate::bind::Bound;
use crate::cors::Cors;
use crate::idempotency::Idempotency;
use crate::meter::Meter;
use crate::operator_log::OperatorLog;
use crate::options::ListenerOptions;
use crate::secret::Secret;
use crate::state::{Shared, Stage};
use crate::subscribers::Subscribers;
use crate::ticket::Once;
use crate::tls::server_config;
use ssekit_core::error::{Error, Result};
use ssekit_core::hub::Hub;
use ssekit_core::schema::Schema;
use ssekit_inspector::Watches;

/// Connections that are still open after this time are broken off.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// The maximum number of requests that wait for the history of other nodes. A node is usually behind for milliseconds only.
const MOST_WAITING: usize = 10_000;

/// A running listener. It keeps running when this is dropped; [`Listener::close`] ends it.
///
/// ```
/// use ssekit_core::{Hub, Options};
/// use ssekit_http::{Listener, ListenerOptions};
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let hub = Hub::start(Options::default(), runtime.handle())?;
/// let options = ListenerOptions { anonymous: true, ..ListenerOptions::default() };
/// let listener = Listener::start(hub, options, runtime.handle())?;
/// // The system has chosen a port.
/// assert!(listener.local_addr().is_some_and(|address| address.port() > 0));
/// runtime.block_on(listener.close());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Listener {
    shared: Arc<Shared>,
    local_addr: Option<SocketAddr>,
    /// Closed as soon as the listening socket is.
    listening: watch::Sender<()>,
}

impl Listener {
    /// Starts a listener for clients of `hub`, with its tasks on `runtime`.
    ///
    /// # Errors
    /// The options cannot be used, or the address cannot be listened on.
    pub fn start(hub: Hub, options: ListenerOptions, runtime: &Handle) -> Result<Self> {
        hub.check_process()?;
        options.validate()?;
        let tls = options.tls.as_ref().map(server_config).transpose()?;
        let publish_token = options.publish_token.as_deref().map(Secret::new).transpose()?;
        let metrics_token = options.metrics.token().map(Secret::new).transpose()?;
        let inspector_token = options.inspector.as_ref().map(|options| Secret::new(&options.token)).transpose()?;
        let _entered = runtime.enter();
        let bound = Bound::to(&options)?;
        let local_addr = bound.local_addr();
        let shared = Arc::new(Shared {
            tls,
            cors: Cors::new(options.cors.clone()),
            admission: Arc::new(Admission::new(&options.limits)),
            subscribers: Subscribers::default(),
            operator_log: OperatorLog::new(hub.clone()),
            meter: Meter::default(),
            once: Once::default(),
            idempotency: Idempotency::default(),
            waiting: Semaphore::new(MOST_WAITING),
            publish_token,
            metrics_token,
            inspector_token,
            watches: Watches::default(),
            stage: watch::Sender::new(Stage::Open),
            options,
            hub,
        });
        let (listening, is_listening) = watch::channel(());
        let accepting = accept(bound, Arc::clone(&shared));
        runtime.spawn(async move {
            accepting.await;
            drop(is_listening);
        });
        runtime.spawn(watch_tickets(Arc::clone(&shared)));
        Ok(Self { shared, local_addr, listening })
    }

    /// The address that it listens on; `None` for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }

    /// The options that it runs with.
    pub fn options(&self) -> &ListenerOptions {
        &self.shared.options
    }

    /// Whether these options name its address. A port that the system chooses never matches.
    pub fn is_at(&self, options: &ListenerOptions) -> bool {
        let own = &self.shared.options;
        let tcp = |options: &ListenerOptions| (options.host.clone(), options.port, options.reuse_port);
        match (&own.socket_path, &options.socket_path) {
            (None, None) => own.port != 0 && tcp(own) == tcp(options),
            (own, other) => own == other,
        }
    }

    /// Checks that it runs with these options.
    ///
    /// # Errors
    /// It runs with others. The message has the name of the first option that differs.
    pub fn check_same(&self, options: &ListenerOptions) -> Result<()> {
        match self.shared.options.difference(options) {
            None => Ok(()),
            Some(name) => Err(Error::configured(format!(
                "options.{name}: this process already listens there with another value; close that listener first"
            ))),
        }
    }

    /// Whether it still accepts clients.
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// Its open connections, including those of streams.
    pub fn connections(&self) -> usize {
        self.shared.admission.connections()
    }

    /// Accepts no more clients, and ends each stream after the events already sent to it. Waits until the listening socket
    /// and all connections are closed; those still open after five seconds are broken off. Can be called any number of times.
    pub async fn close(&self) {
        let Shared { hub, stage, subscribers, admission, .. } = &*self.shared;
        let go_to = |next: Stage| stage.send_if_modified(|now| std::mem::replace(now, next.max(*now)) < next);
        go_to(Stage::Closing);
        // With a shared port, the kernel may give a connection to this socket for as long as it is there.
        self.listening.closed().await;
        subscribers.end_all(hub);
        if tokio::time::timeout(CLOSE_PATIENCE, admission.emptied()).await.is_err() {
            // A client that came in during the close is ended like the others.
            subscribers.end_all(hub);
            go_to(Stage::Closed);
            admission.emptied().await;
        }
        go_to(Stage::Closed);
    }
}

/// Ends streams when their tickets expire.
async fn watch_tickets(shared: Arc<Shared>) {
    tokio::select! {
        () = shared.subscribers.watch(&shared.hub) => {}
        () = shared.until(Stage::Closed) => {}
    }
}
