//! The listener: ssekit's own HTTP server, without Node in the path.
//!
//! # Layout
//! The path of a connection, and of a request:
//!
//! * [`options`]: the options of a listener; `bind`: the socket it listens on; `tls`: its certificate.
//! * `accept`: takes connections, as fast and as many as `admission` permits.
//! * `connection_io`: the bytes of one connection; `protocol`: which HTTP it speaks; `http1`, `http2`: hyper parses its
//!   requests.
//! * `router`: which request gets which answer; `query`, `answer`, `cors`: shared by the answers.
//! * `events`: the path of the event stream; `identity`: who sends a request to it.
//! * `subscribe`: a request for an event stream; `requested`: its channels; `change`: a page changes the channels of its stream.
//! * `takeover`: gives the socket to the shard that writes for the client, like a handed-off socket; `body`: carries the stream
//!   where no socket is available (HTTP/2, TLS).
//! * `subscribers`: the clients of this listener, and when their tickets expire.
//! * [`ticket`], with its `signature`, `payload`, `grants` and `once`: who may have a stream, and which channels.
//! * `publish`, `idempotency`, `secret`: sending over HTTP; `json_body`: what a request brings.
//! * `inspector`, `inspector_lines`: the page that shows what happens, and its requests.
//! * `operator_log`, `meter`: what the operator learns, but the peer does not.

mod accept;
mod activity;
mod admission;
mod answer;
mod bind;
mod body;
mod change;
mod connection_io;
mod cors;
mod events;
mod headers;
mod host;
mod http1;
mod http2;
mod idempotency;
mod identity;
mod inspector;
mod inspector_lines;
mod json_body;
mod meter;
mod metrics;
mod misfit;
mod operator_log;
pub mod options;
mod protocol;
mod publish;
mod query;
mod receipts;
mod requested;
mod response;
pub mod resume;
mod router;
mod secret;
mod server;
mod state;
mod subscribe;
mod subscribers;
#[cfg(unix)]
mod takeover;
pub mod ticket;
mod tls;

pub use options::{CorsOptions, InspectorOptions, ListenerLimits, ListenerOptions, MetricsAccess, TlsOptions};
pub use server::Listener;
