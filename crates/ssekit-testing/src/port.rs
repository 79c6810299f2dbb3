//! Ports for servers that cannot be asked which one they got, or that come back on the same one.

use std::net::TcpListener;

use crate::chance::{Chance, seed};

/// A free port below the ephemeral ports (32768 and above on Linux). The port 10,000 above it, which Redis uses within a cluster, is
/// free and below them, too. So no other program takes either while a server is away.
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
