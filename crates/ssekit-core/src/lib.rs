//! The engine of ssekit: Server-Sent Events from one sequence of events, with a cursor per client.
//!
//! # Layout
//! An event's way through the files, from the caller to the socket:
//!
//! * [`hub`]: what a process has one of; every call comes in here.
//! * `ssekit-log`, a crate of its own, has what every event goes through: [`event`] checks and encodes it, [`timeline`] gives it its
//!   [`position`] and puts it into a [`log`], from which a [`client`]'s [`reader`] takes it. [Its map](ssekit_log) names each file.
//! * `registry`, [`user`]: who is connected, and whose logs they read; `away`: who may come back; `forgotten`: what is remembered
//!   of those who are not kept; `limits`: who may come in; `presence`: who is online;
//!   `lag`: who is too slow; `drain`: how all are let go; `housekeeping`: what is done now and then.
//! * [`backplane`]: a history that hubs of several processes share; `cluster`: a hub as one of those.
//! * [`stream`]: somebody else carries the bytes (Node, HTTP/2) and pulls them from the reader.
//! * `handoff`: a socket is taken over; `shard`, with its `inbox`, `poller` and `heartbeat`: the task that writes for its share
//!   of the clients; `connection`, `socket`: one client's reader and writer there.
//! * `revoked`: who was logged out, for tickets and for clients that are on their way in.
//! * [`listener`]: an HTTP server in front of all this, where Node is not to be in the path.
//! * [`options`], [`stats`] with its `metrics`, [`observer`], [`error`]: what goes in and what comes out beside the events.
//!
//! Nothing here knows of Node.js.

mod away;
pub mod backplane;
mod cluster;
#[cfg(unix)]
mod connection;
mod drain;
mod forgotten;
#[cfg(unix)]
mod handoff;
mod heartbeat;
mod housekeeping;
pub mod hub;
mod inbox;
pub mod lag;
mod limits;
pub mod listener;
mod metrics;
pub mod observer;
pub mod options;
mod poller;
mod presence;
mod registry;
mod revoked;
mod shard;
#[cfg(unix)]
mod socket;
pub mod stats;
pub mod stream;
pub mod user;
mod users;

pub use ssekit_log::{client, error, event, key, life, log, position, reader, timeline, trace};
use ssekit_log::{counter, history, network};

pub use backplane::redis::RedisOptions;
pub use client::Client;
pub use cluster::{Buffered, Link};
pub use error::{Error, Result};
pub use event::{Event, Framing};
pub use handoff::Held;
pub use history::HistoryOptions;
pub use hub::{Connect, Connected, Hub, Published, Target};
pub use life::{ClientInfo, DisconnectReason, NotHandedOff, Phase, Refusal};
pub use network::parse_address;
pub use observer::Observer;
pub use options::{ClusterOptions, DrainOptions, LimitOptions, MaxLag, Options};
pub use revoked::LogOutMark;
pub use stats::{ClusterStats, Stats};
pub use stream::{Chunk, Stream};
pub use trace::TraceContext;
