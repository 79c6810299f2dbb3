//! Pages whose streams are cut while something is wrong with Redis lose nothing without a reset.
#![cfg(test)]

use std::thread;
use std::time::Duration;

use ssekit_core::Options;
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;
use ssekit_testing::Engine;
use ssekit_testing::chance::Chance;
use ssekit_testing::cuts::{self, Place};
use ssekit_testing::redis_server::RedisServer;

/// The fault of Redis.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Full,
    Restarted,
    Killing,
    ReadOnly,
    Standing,
}

/// A server of a run's own.
struct InRedis(RedisServer, Fault);

impl Place for InRedis {
    fn node(&self, options: Options) -> Engine {
        Engine::node(Redis::new(RedisOptions::at(self.0.url())).unwrap(), options)
    }

    fn fail(&mut self, chance: &mut Chance) {
        let Self(redis, fault) = self;
        let time = Duration::from_millis(200 + chance.below(400) as u64);
        let says = |redis: &RedisServer, line: &str| assert!(!redis.says(line).starts_with('-'), "{line}");
        match fault {
            Fault::Full => {
                says(redis, "CONFIG SET maxmemory 1");
                thread::sleep(time);
                says(redis, "CONFIG SET maxmemory 0");
            }
            Fault::Restarted => {
                redis.kill();
                thread::sleep(time);
                redis.restart();
            }
            Fault::Killing => {
                for _ in 0..6 {
                    says(redis, "CLIENT KILL TYPE normal");
                    thread::sleep(Duration::from_millis(100));
                }
            }
            Fault::ReadOnly => {
                says(redis, "REPLICAOF 127.0.0.1 1");
                thread::sleep(time);
                says(redis, "REPLICAOF NO ONE");
            }
            Fault::Standing => {
                says(redis, "CLIENT PAUSE 3600");
                thread::sleep(time);
            }
        }
    }
}

fn survive(fault: Fault, deliver: bool) {
    cuts::survive(&format!("{fault:?}"), deliver, || InRedis(RedisServer::durable(), fault));
}

#[test]
fn redis_without_memory_while_nodes_deliver() {
    survive(Fault::Full, true);
}

#[test]
fn redis_without_memory_while_nodes_wait() {
    survive(Fault::Full, false);
}

#[test]
fn redis_restarted_while_nodes_deliver() {
    survive(Fault::Restarted, true);
}

#[test]
fn redis_restarted_while_nodes_wait() {
    survive(Fault::Restarted, false);
}

#[test]
fn connections_killed_while_nodes_deliver() {
    survive(Fault::Killing, true);
}

#[test]
fn connections_killed_while_nodes_wait() {
    survive(Fault::Killing, false);
}

#[test]
fn redis_read_only_while_nodes_deliver() {
    survive(Fault::ReadOnly, true);
}

#[test]
fn redis_read_only_while_nodes_wait() {
    survive(Fault::ReadOnly, false);
}

#[test]
fn redis_standing_still_while_nodes_deliver() {
    survive(Fault::Standing, true);
}

#[test]
fn redis_standing_still_while_nodes_wait() {
    survive(Fault::Standing, false);
}
