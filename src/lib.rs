//! The Node.js binding of `ssekit-core`: convert, call, convert. There is one file for each thing that is exposed.
//!
//! * [`hub`]: the one hub of the process and its runtime; [`backplane`]: what it keeps its history in; [`options`]: its
//!   options; [`source`]: reads options from JavaScript; [`describe`]: what there is to know about options.
//! * [`send`]: the ways to send; [`channels`]: who subscribes to what; [`history`]: what was sent.
//! * [`clients`]: which clients are connected.
//! * [`streams`]: a client's stream as Node carries it, and its handoff.
//! * [`resume`]: pages that come back before the framework sees them.
//! * [`page`]: a page changes the channels of its stream.
//! * [`observer`]: tells JavaScript about clients that connect and disconnect; [`stderr`]: what nobody listens for.
//! * [`drain`]: the graceful end; [`exit`]: the end of the process.
//! * [`server`]: ssekit's own HTTP server; [`tickets`]: open its streams.
//! * [`stats`]: counters and gauges.
//!
//! Every function catches panics, because no panic may cross into Node.

#![expect(unreachable_pub, reason = "napi exports what is `pub`, from modules that nobody imports")]

mod backplane;
mod channels;
mod clients;
mod describe;
mod drain;
mod error;
mod exit;
mod history;
mod hub;
mod inspector;
mod observer;
mod options;
mod page;
mod resume;
mod send;
mod server;
mod source;
mod stats;
mod stderr;
mod streams;
mod threads;
mod tickets;
