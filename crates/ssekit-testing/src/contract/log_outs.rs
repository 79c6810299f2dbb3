//! Log-outs, which are remembered for longer than records.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ssekit_core::backplane::{
    Address, Backplane, Batch, Joined, LOG_OUTS_KEPT, LogOut, LogOuts, MOST_LOG_OUTS, NodeId, Outgoing, Topic,
};

use super::{World, batch, fresh, outgoing, read_all};
use crate::chance::{self, Chance};

/// Now, in whole microseconds since 1970.
fn now() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Duration::from_micros(since.as_micros() as u64)
}

fn log_out(user: &str, at: Duration) -> LogOut {
    LogOut { user: user.into(), at }
}

fn of(node: NodeId, first: u64, log_outs: &[LogOut]) -> Batch {
    let record = |log_out: &LogOut| Outgoing { log_outs: vec![log_out.clone()], ..outgoing("x") };
    Batch { node, topic: Topic::Events, first, records: log_outs.iter().map(record).collect() }
}

/// The log-outs that a node learns when it joins now.
async fn found<W: World>(world: &W) -> LogOuts {
    fresh(&mut world.node()).await.log_outs
}

pub async fn last_log_out_of_each_user_outlives_the_history<W: World>() {
    let seed = chance::seed();
    println!("to repeat its choices: SSEKIT_SEED={seed}");
    let (world, mut chance, start) = (W::keeping(100), Chance::of(seed), now());
    let (mut nodes, ids) = ([world.node(), world.node()], [NodeId::random(), NodeId::random()]);
    let joined: Joined = fresh(&mut nodes[0]).await;
    assert_eq!(joined.log_outs.last, []);
    let mut last: HashMap<Arc<str>, Duration> = HashMap::new();
    for round in 0..50_u64 {
        let mut some = || {
            let at = start + Duration::from_micros(chance.below(1_000) as u64);
            log_out(["ada", "bob", "\u{e9}ve", "user with spaces"][chance.below(4)], at)
        };
        let which = (round % 2) as usize;
        let some = [some(), some()];
        for LogOut { user, at } in &some {
            let known = last.entry(Arc::clone(user)).or_default();
            *known = (*known).max(*at);
        }
        nodes[which].append(joined.epoch, &of(ids[which], round * 200 + 1, &some)).await.unwrap();
        let others: Vec<Outgoing> = (0..100).map(|number| outgoing(number.to_string())).collect();
        let others = Batch { node: ids[which], topic: Topic::Events, first: round * 200 + 3, records: others };
        nodes[which].append(joined.epoch, &others).await.unwrap();
    }
    let again = fresh(&mut world.node()).await;
    assert!(again.forgotten > joined.ends.events + 1_000, "their records are gone");
    assert!(again.log_outs.last.is_sorted_by_key(|log_out| log_out.at));
    let got: HashMap<Arc<str>, Duration> = again.log_outs.last.into_iter().map(|one| (one.user, one.at)).collect();
    assert_eq!(got, last);
    assert_eq!(again.log_outs.since, joined.log_outs.since);
}

pub async fn log_outs_are_complete_since_the_set_began<W: World>() {
    let (before, world) = (now(), W::keeping(100));
    let since = found(&world).await.since;
    assert!(before <= since && since <= now() + Duration::from_millis(1));
    assert_eq!(found(&world).await.since, since);
    let lost = now();
    world.lose();
    assert!(found(&world).await.since >= lost, "another set");
}

pub async fn appending_a_log_out_again_adds_nothing<W: World>() {
    let (world, id, at) = (W::keeping(100), NodeId::random(), now());
    let mut node = world.node();
    let epoch = fresh(&mut node).await.epoch;
    let ada = [log_out("ada", at)];
    for _ in 0..2 {
        node.append(epoch, &of(id, 1, &ada)).await.unwrap();
        assert_eq!(found(&world).await.last, ada);
    }
    // The backplane has another record with that count.
    node.append(epoch, &of(id, 1, &[log_out("bob", at)])).await.unwrap();
    assert_eq!(found(&world).await.last, ada);
    // As it is when a record was added to what waits meanwhile.
    let later = log_out("eve", at + Duration::from_micros(1));
    node.append(epoch, &of(id, 1, &[log_out("bob", at), later.clone()])).await.unwrap();
    assert_eq!(found(&world).await.last, [ada[0].clone(), later]);
    // And nothing is there that was refused.
    world.lose();
    assert!(node.append(epoch, &of(id, 3, &ada)).await.unwrap_err().is_other_history());
    assert_eq!(found(&world).await.last, []);
}

pub async fn one_record_logs_out_many<W: World>() {
    let (world, id, start) = (W::keeping(100), NodeId::random(), now());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    let at = |number: u64| start + Duration::from_micros(number);
    let all: Vec<LogOut> = (0..600).map(|number| log_out(&number.to_string(), at(number))).collect();
    let outgoing = Outgoing { log_outs: all.clone(), ..Outgoing::new(Address::everybody(), "x".into()) };
    let records = vec![super::outgoing("before"), outgoing, super::outgoing("after")];
    node.append(joined.epoch, &Batch { node: id, topic: Topic::Events, first: 1, records }).await.unwrap();
    assert_eq!(found(&world).await.last, all);
    let read = read_all(&mut node, joined.ends, 3).await;
    assert!(read.iter().map(|record| &record.payload[..]).eq([&b"before"[..], b"x", b"after"]));
}

pub async fn log_outs_beyond_the_number_move_since<W: World>() {
    let (world, id, extra) = (W::keeping(100), NodeId::random(), 100);
    let mut node = world.node();
    let epoch = fresh(&mut node).await.epoch;
    let start = now() + Duration::from_secs(1);
    let at = |number: usize| start + Duration::from_micros(number as u64);
    let all: Vec<LogOut> =
        (0..MOST_LOG_OUTS + extra).map(|number| log_out(&format!("user {number}"), at(number))).collect();
    let before = found(&world).await.since;
    let (first, rest) = all.split_at(MOST_LOG_OUTS);
    for (count, some) in (1..).zip(first.chunks(2_048)) {
        let record = Outgoing { log_outs: some.to_vec(), ..outgoing("x") };
        node.append(epoch, &Batch { node: id, topic: Topic::Events, first: count, records: vec![record] })
            .await
            .unwrap();
    }
    let full = found(&world).await;
    assert_eq!((full.since, full.last.len()), (before, MOST_LOG_OUTS));
    node.append(epoch, &of(id, 1_000, rest)).await.unwrap();
    let beyond = found(&world).await;
    assert_eq!(beyond.since, at(extra - 1), "the newest that is gone");
    assert_eq!(beyond.last, all[extra..]);
    // One that is older than all of them is gone at once, and since then none is missing all the same.
    node.append(epoch, &of(id, 2_000, &[log_out("early", at(0))])).await.unwrap();
    assert_eq!(found(&world).await, beyond);
}

pub async fn log_outs_that_every_ticket_outlives_are_forgotten<W: World>() {
    let (world, id) = (W::keeping(100), NodeId::random());
    let mut node = world.node();
    let epoch = fresh(&mut node).await.epoch;
    let since = found(&world).await.since;
    let kept = log_out("kept", now() - LOG_OUTS_KEPT + Duration::from_secs(3_600));
    let old = log_out("old", now() - LOG_OUTS_KEPT - Duration::from_secs(1));
    node.append(epoch, &of(id, 1, &[old, kept.clone()])).await.unwrap();
    let found = found(&world).await;
    assert_eq!((found.since, found.last), (since, vec![kept]));
    node.append(epoch, &batch(id, Topic::Events, 3, &["x"])).await.unwrap();
}
