//! The engine of ssekit: Server-Sent Events from one sequence of events, with a cursor per client.
//!
//! # Layout
//! An event's way through the files, from the caller to the socket:
//!
//! * [`event`]: checks it and encodes it once; [`trace`]: the trace that it belongs to; [`position`]: its place in the one sequence, and its id.
//! * [`hub`]: what a process has one of; every call comes in here.
//! * [`timeline`]: gives the event its position, puts it into its log and keeps the history within bounds; [`log`], with
//!   its `ring`: the newest events of one audience.
//! * [`registry`], [`user`], [`client`], [`life`]: who is connected, and whose logs they read; `limits`, with `network`: who may come in;
//!   `presence`: who is online; `lag`: who is too slow; `drain`: how all are let go;
//!   `housekeeping`: what is done now and then.
//! * [`backplane`]: a history that hubs of several processes share; `cluster`: a hub as one of those.
//! * [`reader`]: a cursor, and what comes after it.
//! * [`stream`]: somebody else carries the bytes (Node, HTTP/2) and pulls them from the reader.
//! * `handoff`: a socket is taken over; `shard`, with its `inbox`, `poller` and `heartbeat`: the task that writes for its share
//!   of the clients; `connection`, `socket`: one client's reader and writer there.
//! * `revoked`: who was logged out, for the tickets of the listener.
//! * [`listener`]: an HTTP server in front of all this, where Node is not to be in the path.
//! * [`options`], [`stats`] with its `metrics`, [`observer`], [`error`]: what goes in and what comes out beside the events.
//!
//! Nothing here knows of Node.js.

pub mod backplane;
pub mod client;
mod cluster;
#[cfg(unix)]
mod connection;
mod drain;
pub mod error;
pub mod event;
#[cfg(unix)]
mod handoff;
mod heartbeat;
mod housekeeping;
pub mod hub;
mod inbox;
pub mod lag;
pub mod life;
mod limits;
pub mod listener;
pub mod log;
mod metrics;
mod network;
pub mod observer;
pub mod options;
mod poller;
pub mod position;
mod presence;
pub mod reader;
mod registry;
mod revoked;
mod ring;
mod shard;
#[cfg(unix)]
mod socket;
pub mod stats;
pub mod stream;
pub mod timeline;
pub mod trace;
pub mod user;

pub use backplane::redis::RedisOptions;
pub use client::Client;
pub use cluster::{Buffered, Link};
pub use error::{Error, Result};
pub use event::{Event, Framing};
pub use hub::{Connect, Connected, Hub, Published, Target};
pub use life::{ClientInfo, DisconnectReason, Phase, Refusal};
pub use observer::Observer;
pub use options::{ClusterOptions, DrainOptions, HistoryOptions, LimitOptions, MaxLag, Options};
pub use stats::{ClusterStats, Stats};
pub use stream::{Chunk, Stream};
pub use trace::TraceContext;
