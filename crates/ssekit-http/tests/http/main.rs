//! The behaviour of the listener.
#![cfg(test)]

mod came_back;
mod channels;
mod fuzz;
mod inspector;
mod owed_resets;
mod publish;
mod publish_channels;
mod requests;
mod streams;
mod tickets;
mod tls;
mod trace;
