//! Nodes over one Redis that are killed while their connections to it break off.
#![cfg(test)]

use ssekit_testing::chaos;
use ssekit_testing::redis_server::RedisServer;

#[test]
fn killed_processes_cause_no_silent_loss() {
    let redis = || {
        let server = RedisServer::start();
        (server.url(), server)
    };
    chaos::survive("killed_processes_cause_no_silent_loss", redis, |server| {
        assert!(!server.says("CLIENT KILL TYPE normal").starts_with('-'));
    });
}
