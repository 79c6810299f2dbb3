//! The load client of ssekit's benchmark.
//!
//! * [`clock`]: the clock that Node.js reads as well.
//! * [`scan`]: finds the benchmark's events in a byte stream, however it is framed, and checks that none is missing.
//! * [`fleet`]: thousands of clients in one thread, on a [`connection`] each, or many on one; [`latencies`]: how late the events
//!   came.
//! * [`commands`]: the protocol of the programs.
//!
//! The programs: `load` is the clients, `floor` is what a server cannot do without.

pub mod clock;
pub mod commands;
pub mod connection;
pub mod fleet;
mod http1;
mod http2;
pub mod latencies;
pub mod request;
pub mod scan;
