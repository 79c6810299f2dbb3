//! What all connections of a listener share.

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

/// Where a listener is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Open,
    /// Nobody new comes in, and streams end.
    Closing,
    /// Whoever is still there is put out.
    Closed,
}

/// What all connections of a listener share.
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
    /// Places for who waits for the history of other nodes.
    pub(crate) waiting: Semaphore,
    pub(crate) publish_token: Option<Secret>,
    pub(crate) metrics_token: Option<Secret>,
    pub(crate) stage: watch::Sender<Stage>,
}

impl Shared {
    /// Waits until the listener has come to this stage.
    pub(crate) async fn until(&self, stage: Stage) {
        // The sender stands beside this, so it cannot be gone.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// Whether new streams are welcome.
    pub(crate) fn is_open(&self) -> bool {
        *self.stage.borrow() == Stage::Open
    }
}

/// Whoever is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: Option<IpAddr>,
    /// There is no place for it: it is told so, whatever it asks.
    pub(crate) refusal: Option<Overload>,
}

/// An address for a person.
pub(crate) fn shown(address: &Option<std::net::IpAddr>) -> String {
    address.map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string())
}
