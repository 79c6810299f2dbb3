//! The listener: an HTTP server of ssekit's own, without Node in the path.
//!
//! # Layout
//! A connection's way, and a request's:
//!
//! * [`options`]: what a listener can be told; `bind`: the socket it listens on; `tls`: its certificate.
//! * `accept`: takes connections, as fast and as many as `admission` lets in.
//! * `wire`: the bytes of one connection; `protocol`: which HTTP it speaks; `http1`, `http2`: hyper parses its requests.
//! * `router`: which request gets which answer; `query`, `answer`, `cors`: what they share.
//! * `subscribe`: a request for an event stream; `takeover`: its socket goes to the shard that writes for it, as a
//!   handed-off one does; `body`: what carries it where there is no socket to be had (HTTP/2, TLS).
//! * `subscribers`: the clients of this listener, and when their tickets expire.
//! * [`ticket`], with its `signature`, `payload` and `once`: who may have a stream.
//! * `publish`, `idempotency`, `secret`: sending over HTTP.
//! * `operator_log`, `meter`: what an operator is told, but a peer is not.

mod accept;
mod activity;
mod admission;
mod answer;
mod bind;
mod body;
mod connection_io;
mod cors;
mod headers;
mod host;
mod http1;
mod http2;
mod idempotency;
mod meter;
mod metrics;
mod operator_log;
pub mod options;
mod protocol;
mod publish;
mod query;
mod receipts;
mod response;
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

pub use options::{Address, CorsOptions, ListenerLimits, ListenerOptions, MetricsAccess, TlsOptions};
pub use server::Listener;
