//! Several hubs over a real Redis.
#![cfg(test)]

mod cluster;
mod contract;
mod faults;
mod topologies;
