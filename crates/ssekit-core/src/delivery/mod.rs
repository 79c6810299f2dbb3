//! Delivery: from the logs to the sockets.
//!
//! * `shard`: the task that writes for its share of the clients, with its `inbox` and its `poller`.
//! * `connection`, `socket`: one client's reader and writer in a shard; `handoff`: a socket on its way there.
//! * [`stream`]: bytes that someone else carries (Node, HTTP/2); [`ready`]: many such streams, read together.
//! * `heartbeat`: keeps idle connections open; `idle`: the same for streams that someone else carries; [`lag`]: the lag of
//!   clients.

pub(crate) mod broadcasts;
#[cfg(unix)]
pub(crate) mod connection;
pub(crate) mod deliveries;
#[cfg(unix)]
pub(crate) mod handoff;
pub(crate) mod heartbeat;
pub(crate) mod idle;
pub(crate) mod inbox;
pub mod lag;
pub(crate) mod pace;
pub(crate) mod poller;
pub mod ready;
pub(crate) mod shard;
#[cfg(unix)]
pub(crate) mod socket;
pub mod stream;
