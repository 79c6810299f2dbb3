//! The state that all connections of a listener share.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio_rustls::rustls::ServerConfig;

use crate::admission::{Admission, Overload};
use crate::cors::Cors;
use crate::idempotency::Idempotency;
use crate::meter::Meter;
use crate::operator_log::OperatorLog;
use crate::options::ListenerOptions;
use crate::secret::Secret;
use crate::subscribers::Subscribers;
use crate::ticket::Once;
use ssekit_core::hub::Hub;
use ssekit_inspector::Watches;

/// The stages of a listener's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Open,
    /// It accepts no more clients, and its streams end.
    Closing,
    /// The remaining connections are broken off.
    Closed,
}

/// The state that all connections of a listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) hub: Hub,
    pub(crate) options: ListenerOptions,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) cors: Cors,
    pub(crate) admission: Arc<Admission>,
    pub(crate) subscribers: Subscribers,
    pub(crate) operator_log: Arc<OperatorLog>,
    pub(crate) meter: Meter,
    pub(crate) once: Once,
    pub(crate) idempotency: Idempotency,
    /// Limits how many requests wait at once for the history of other nodes.
    pub(crate) waiting: Semaphore,
    pub(crate) publish_token: Option<Secret>,
    pub(crate) metrics_token: Option<Secret>,
    pub(crate) inspector_token: Option<Secret>,
    /// The inspectors that watch.
    pub(crate) watches: Watches,
    pub(crate) stage: watch::Sender<Stage>,
}

impl Shared {
    /// Waits until the listener has reached this stage.
    pub(crate) async fn until(&self, stage: Stage) {
        // `self` owns the sender, so it cannot be gone.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// Whether the listener accepts new streams.
    pub(crate) fn is_open(&self) -> bool {
        *self.stage.borrow() == Stage::Open
    }
}

/// The context of one connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: Option<IpAddr>,
    /// The limit that it exceeds, if any. Then it gets the refusal, whatever it asks for.
    pub(crate) refusal: Option<Overload>,
}

/// Formats an address for people.
pub(crate) fn shown(address: &Option<std::net::IpAddr>) -> String {
    address.map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string())
}
