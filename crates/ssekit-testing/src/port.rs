//! Ports for servers that cannot be asked which one they got, or that come back on the same one.

use std::net::TcpListener;

use crate::chance::{Chance, seed};

/// A port that is free. It is below those that systems give to connections of their own accord (32768 and above on Linux), and so is
/// the one 10,000 above it, which Redis uses within a cluster: while a server is away, nobody else comes to sit there.
pub fn free_port() -> u16 {
    let mut chance = Chance::of(seed());
    loop {
        let port = 12_000 + chance.below(10_000) as u16;
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
