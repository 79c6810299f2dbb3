//! Redis keeps the contract of a backplane.

use std::time::Duration;

use ssekit_core::backplane::{Backplane, Batch, Ends, LogOut, NodeId, Outgoing, Topic};
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;
use ssekit_testing::contract::{World, batch, fresh, knowing, outgoing, read_all};
use ssekit_testing::redis_server::RedisServer;

struct InRedis(RedisServer, u64);

impl World for InRedis {
    type Node = Redis;

    fn keeping(events: u64) -> Self {
        Self(RedisServer::start(), events)
    }

    fn node(&self) -> Redis {
        Redis::new(RedisOptions { max_stream_events: self.1, ..RedisOptions::at(self.0.url()) }).unwrap()
    }

    fn lose(&self) {
        assert!(self.0.says("FLUSHALL").starts_with("+OK"));
    }
}

ssekit_testing::contract!(InRedis);

/// A server that comes back with an older state than what was read from it, as after a power cut or a failover.
#[tokio::test]
async fn lost_newest_records_start_another_history() {
    let mut server = RedisServer::durable();
    let mut node = Redis::new(RedisOptions::at(server.url())).unwrap();
    let (joined, id) = (fresh(&mut node).await, NodeId::random());
    node.append(joined.epoch, &batch(id, Topic::Events, 1, &["1", "2"])).await.unwrap();
    server.says("COPY {ssekit}:events {ssekit}:older");
    node.append(joined.epoch, &batch(id, Topic::Events, 3, &["3"])).await.unwrap();
    let read = read_all(&mut node, joined.ends, 3).await;
    let ends = Ends { events: read[2].number, members: joined.ends.members };
    let known = knowing(&joined, ends, Some(read[2].origin.clone()));
    server.restart();
    let mut again = Redis::new(RedisOptions::at(server.url())).unwrap();
    assert_eq!(again.join(&known).await.unwrap().epoch, joined.epoch, "nothing was lost");
    // The newest record goes, and another one takes its number.
    server.says("RENAME {ssekit}:older {ssekit}:events");
    server.says(&format!("HSET {{ssekit}}:history events {}", ends.events - 1));
    let other = NodeId::random();
    let end = again.append(joined.epoch, &batch(other, Topic::Events, 1, &["another 3"])).await.unwrap();
    assert_eq!(end, ends.events);
    let anew = again.join(&known).await.unwrap();
    assert_ne!(anew.epoch, joined.epoch);
    assert!(anew.ends.events > ends.events);
    assert!(anew.log_outs.since > joined.log_outs.since, "log-outs may be lost as well");
}

/// As a server does that is told to make room, and does not keep to the documented policy.
#[tokio::test]
async fn log_outs_that_are_evicted_are_not_called_complete() {
    let server = RedisServer::start();
    let mut node = Redis::new(RedisOptions::at(server.url())).unwrap();
    let (joined, id) = (fresh(&mut node).await, NodeId::random());
    let mut since = joined.log_outs.since;
    for first in 1..=2 {
        assert!(server.says("DEL {ssekit}:log-outs").starts_with(":1"));
        let log_out = LogOut { user: "ada".into(), at: joined.log_outs.since };
        let record = Outgoing { log_outs: vec![log_out.clone()], ..outgoing("x") };
        // Appending and joining each begin a new set.
        if first == 1 {
            let batch = Batch { node: id, topic: Topic::Events, first, records: vec![record] };
            node.append(joined.epoch, &batch).await.unwrap();
        }
        let again = fresh(&mut node).await;
        assert_eq!(again.epoch, joined.epoch);
        assert!(again.log_outs.since > since);
        assert_eq!(again.log_outs.last, if first == 1 { vec![log_out] } else { Vec::new() });
        since = again.log_outs.since;
    }
}

/// They are read in pieces, and a piece may end anywhere.
#[tokio::test]
async fn log_outs_of_one_moment_are_all_there() {
    let server = RedisServer::start();
    let mut node = Redis::new(RedisOptions::at(server.url())).unwrap();
    let (joined, id) = (fresh(&mut node).await, NodeId::random());
    let log_out = |number: u64| {
        let moment = [0, 1, 1, 2, 2, 2][number as usize % 6];
        LogOut { user: number.to_string().into(), at: joined.log_outs.since + Duration::from_micros(moment) }
    };
    for first in 0..20 {
        let log_outs: Vec<LogOut> = (first * 1_000..(first + 1) * 1_000).map(log_out).collect();
        let records = vec![Outgoing { log_outs, ..outgoing("x") }];
        let batch = Batch { node: id, topic: Topic::Events, first: first + 1, records };
        node.append(joined.epoch, &batch).await.unwrap();
    }
    let found = fresh(&mut node).await.log_outs.last;
    assert!(found.is_sorted_by_key(|log_out| log_out.at));
    let mut users: Vec<u64> = found.iter().map(|log_out| log_out.user.parse().unwrap()).collect();
    users.sort_unstable();
    assert_eq!(users, (0..20_000).collect::<Vec<_>>());
}

/// Something else has the key of the log-outs for a while.
#[tokio::test]
async fn failed_log_out_is_appended_as_a_whole_later() {
    let server = RedisServer::start();
    let mut node = Redis::new(RedisOptions::at(server.url())).unwrap();
    let (joined, id) = (fresh(&mut node).await, NodeId::random());
    let log_out = LogOut { user: "ada".into(), at: joined.log_outs.since };
    let record = Outgoing { log_outs: vec![log_out.clone()], ..outgoing("x") };
    let batch = Batch { node: id, topic: Topic::Events, first: 1, records: vec![record] };
    server.says("RENAME {ssekit}:log-outs {ssekit}:aside");
    server.says("SET {ssekit}:log-outs other");
    let refused = node.append(joined.epoch, &batch).await.unwrap_err();
    assert!(refused.to_string().contains("WRONGTYPE"), "{refused}");
    server.says("RENAME {ssekit}:aside {ssekit}:log-outs");
    assert_eq!(node.append(joined.epoch, &batch).await.unwrap(), joined.ends.events + 1);
    let again = fresh(&mut node).await;
    assert_eq!((again.log_outs.since, again.log_outs.last), (joined.log_outs.since, vec![log_out]));
    assert_eq!(read_all(&mut node, joined.ends, 1).await.len(), 1);
}
