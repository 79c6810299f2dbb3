//! The event log of ssekit: what every event goes through, whoever reads it and whatever carries it.
//!
//! * [`event`]: checks it and encodes it once; [`trace`]: the trace that it belongs to; [`position`]: its place in the one
//!   sequence, and its id.
//! * [`timeline`]: gives the event its position, puts it into its log and keeps the [`history`] within bounds; [`log`], with its
//!   [`ring`]: the newest events of one audience; [`twins`]: events that stand there twice.
//! * [`client`], with its [`life`], [`key`] and [`network`]: who reads; [`reader`]: a cursor, and what comes after it;
//!   [`progress`]: how far a stream is that somebody else carries.
//! * [`error`]: what can be wrong with a call; [`counter`]: a number that only grows.
//!
//! A crate of its own because it is compiled for speed, while nearly everything else is compiled for size. It is a part of
//! `ssekit-core`, which shows to others what of it is theirs.

pub mod client;
pub mod counter;
pub mod error;
pub mod event;
pub mod history;
pub mod key;
pub mod life;
pub mod log;
pub mod network;
pub mod position;
pub mod progress;
pub mod reader;
pub mod ring;
pub mod timeline;
pub mod trace;
pub mod twins;
