//! Sessions: clients, their users, and what remains of them when they leave.
//!
//! * [`client`]: a connected client, with its [`lifecycle`] and its [`network`]; [`reader`]: its cursor over the logs
//!   of its [`subscriptions`]; `arrears`: what it has missed and memory does not hold; `reset`:
//!   why it must start anew.
//! * [`progress`]: the progress of somebody else's writer in a client's stream.
//! * `registry`: all clients by id; `users`, [`user`]: the users, and each user's log; `channel`: a log with members, and
//!   their `attendance`. `directory`: users and channels by name.
//! * `away`: clients that may come back; `forgotten`: what is remembered after a client's data is dropped.
//! * `limits`: the maximum number of clients; `presence`: the users who are online; `revoked`: log-outs.
//! * `drain`: the graceful end; [`observer`]: who hears about all this.

pub(crate) mod arrears;
pub(crate) mod arrivals;
pub(crate) mod attendance;
pub(crate) mod away;
pub(crate) mod channel;
pub(crate) mod channel_log;
pub mod client;
pub(crate) mod directory;
pub(crate) mod drain;
pub(crate) mod forgotten;
pub mod lifecycle;
pub(crate) mod limits;
pub(crate) mod members;
pub mod network;
pub mod observer;
pub(crate) mod presence;
pub mod progress;
pub mod reader;
pub(crate) mod registry;
pub(crate) mod reset;
pub mod revoked;
pub mod subscriptions;
pub mod user;
pub(crate) mod users;
