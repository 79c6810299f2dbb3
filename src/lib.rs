//! The Node.js binding of `ssekit-core`: convert, call, convert. One file per thing that is exposed.
//!
//! * [`hub`]: the one hub of the process and its runtime; [`options`]: what it is told, as [`given`] by JavaScript.
//! * [`send`]: the three ways to send.
//! * [`clients`]: who is connected.
//! * [`streams`]: a client's stream as Node carries it, and its handoff.
//! * [`listener`]: clients that come and go, told to JavaScript.
//! * [`drain`]: the graceful end.
//! * [`server`]: the HTTP server of ssekit's own; [`tickets`] open its streams.
//! * [`stats`] counts.
//!
//! Every function catches panics: none may cross into Node.

#![expect(unreachable_pub, reason = "napi exports what is `pub`, from modules that nobody imports")]

mod clients;
mod drain;
mod error;
mod given;
mod hub;
mod observer;
mod options;
mod send;
mod server;
mod stats;
mod streams;
mod threads;
mod tickets;
