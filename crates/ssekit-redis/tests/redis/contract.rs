//! Redis keeps the contract of a backplane.

use ssekit_core::backplane::{Backplane, Ends, NodeId, Topic};
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;
use ssekit_testing::contract::{World, batch, fresh, knowing, read_all};
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
}
