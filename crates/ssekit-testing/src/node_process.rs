//! A node in its own process, so that a test can kill it: the test program once more, as a server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ssekit_core::{ClusterOptions, Options};
use ssekit_file::{File, FileOptions};
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;

use crate::door::{Door, tickets, with_tickets};
use crate::{Engine, keeping_all};

/// Where the history is, for a process that becomes a node.
const PLACE: &str = "SSEKIT_TEST_NODE_PLACE";

/// The text before the node's address on its standard output.
const ADDRESS: &str = "this node listens at ";

/// Keeps everything, loses nothing that waits, and is missed after a second.
pub fn node_options() -> Options {
    let cluster = ClusterOptions {
        lease: Duration::from_secs(1),
        max_buffered_events: 1_000_000,
        max_buffered_bytes: 1 << 30,
        ..ClusterOptions::default()
    };
    Options { cluster, ..keeping_all() }
}

/// A node of the test's own process. The history is in Redis, if the place is a URL, or in a folder.
pub fn node_at(place: &str) -> Engine {
    if place.contains("://") {
        return Engine::node(Redis::new(RedisOptions::at(place)).unwrap(), node_options());
    }
    let options = FileOptions { max_events: 1_000_000, ..FileOptions::at(place) };
    Engine::node(File::new(options).unwrap(), node_options())
}

/// To be called first in a test that starts nodes. If this process is one of them, serves until the test has ended, and then
/// says so.
pub fn serve_if_told() -> bool {
    let Ok(place) = std::env::var(PLACE) else { return false };
    let door = Door::of(node_at(&place), with_tickets(tickets()));
    println!("{ADDRESS}{}", door.address());
    std::io::stdout().flush().unwrap();
    // The end of the test is the end of the pipe, however it ends.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    true
}

pub struct NodeProcess {
    child: Child,
    pub address: SocketAddr,
}

impl NodeProcess {
    /// Runs `test` of this program as a node, and waits until it listens.
    pub fn start(test: &str, place: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(PLACE, place);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // The harness writes to the same output.
        let address = lines.find_map(|line| Some(line.split_once(ADDRESS)?.1.parse().unwrap()));
        Self { child, address: address.expect("a node that says where it listens") }
    }

    /// Ends it by SIGKILL: it cannot say a word.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
