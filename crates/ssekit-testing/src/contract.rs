//! The contract of a backplane, which each of them keeps: see `ssekit_core::backplane`. A crate with a backplane implements
//! [`World`] for it and calls [`contract!`](crate::contract).

mod follow;
mod log_outs;

use std::time::Duration;

use bytes::Bytes;
use ssekit_core::backplane::{
    Address, Backplane, Batch, Ends, Failure, Interest, Joined, Known, MOST_READ, News, NodeId, Number, Origin,
    Outgoing, Recall, Recalled, Record, Topic, Whose,
};
use ssekit_core::event::audience::Audience;

use crate::PATIENCE;
use crate::chance::{self, Chance};

pub use follow::{
    followed_records_are_whole_and_the_others_are_named, hole_shows_whoever_is_followed,
    late_follower_recalls_what_was_passed, reader_passes_over_at_most_a_piece, reader_waits_for_records_of_others_too,
};

pub use log_outs::{
    appending_a_log_out_again_adds_nothing, last_log_out_of_each_user_outlives_the_history,
    log_outs_are_complete_since_the_set_began, log_outs_beyond_the_number_move_since,
    log_outs_that_every_ticket_outlives_are_forgotten, one_record_logs_out_many,
};

/// A history that nodes can join, and that can be lost.
pub trait World {
    type Node: Backplane;

    /// Keeps at least this number of events, and few more.
    fn keeping(events: u64) -> Self;
    /// A node's access, which shares nothing with another one but the history.
    fn node(&self) -> Self::Node;
    /// Everything is gone.
    fn lose(&self);
}

/// Tests that a [`World`] keeps every rule.
#[macro_export]
macro_rules! contract {
    ($world:ty) => {
        $crate::contract!($world:
            numbers_have_no_holes_and_every_reader_sees_one_order, appending_again_adds_only_what_is_not_there,
            nothing_is_appended_to_another_history, returning_node_finds_later_records, numbers_are_never_reused,
            forgotten_records_are_reported_in_the_same_epoch, what_is_recalled_is_a_filter_of_all_records,
            recall_tells_what_is_forgotten, nothing_is_recalled_from_another_history, reader_waits_for_records, reader_gets_at_most_a_piece,
            followed_records_are_whole_and_the_others_are_named, late_follower_recalls_what_was_passed,
            hole_shows_whoever_is_followed, reader_passes_over_at_most_a_piece, reader_waits_for_records_of_others_too,
            last_log_out_of_each_user_outlives_the_history, log_outs_are_complete_since_the_set_began,
            appending_a_log_out_again_adds_nothing, one_record_logs_out_many, log_outs_beyond_the_number_move_since,
            log_outs_that_every_ticket_outlives_are_forgotten,
            payload_survives_unchanged, abandoned_call_does_not_disturb_the_next);
    };
    ($world:ty: $($rule:ident),+) => {
        $(#[tokio::test]
        async fn $rule() {
            $crate::contract::$rule::<$world>().await;
        })+
    };
}

pub fn outgoing(text: impl Into<Bytes>) -> Outgoing {
    Outgoing::new(Address::everybody(), text.into())
}

pub fn batch(node: NodeId, topic: Topic, first: u64, records: &[&str]) -> Batch {
    Batch { node, topic, first, records: records.iter().map(|text| outgoing(text.to_string())).collect() }
}

pub fn texts(records: &[Record], topic: Topic) -> Vec<(Number, String)> {
    let of_topic = records.iter().filter(|record| record.topic == topic);
    of_topic.map(|record| (record.number, String::from_utf8(record.payload.to_vec()).unwrap())).collect()
}

/// The records after these ends, whomever they are for.
pub async fn all_after(node: &mut impl Backplane, after: Ends) -> Result<News, Failure> {
    node.next(after, &Interest::everything()).await
}

/// Reads until so many records of both topics are there.
pub async fn read_all(node: &mut impl Backplane, after: Ends, count: usize) -> Vec<Record> {
    let (mut records, mut ends) = (Vec::new(), after);
    while records.len() < count {
        for record in all_after(node, ends).await.unwrap().records {
            match record.topic {
                Topic::Events => ends.events = record.number,
                Topic::Members => ends.members = record.number,
            }
            records.push(record);
        }
    }
    records
}

pub async fn fresh(node: &mut impl Backplane) -> Joined {
    node.join(&Known::default()).await.unwrap()
}

/// The knowledge of a node that has read everything.
pub fn knowing(joined: &Joined, ends: Ends, last: Option<Origin>) -> Known {
    Known { epoch: Some(joined.epoch), ends, last }
}

pub async fn numbers_have_no_holes_and_every_reader_sees_one_order<W: World>() {
    let world = W::keeping(10_000);
    let (mut writers, mut reader) = ([world.node(), world.node(), world.node()], world.node());
    let joined = fresh(&mut reader).await;
    let start = joined.ends;
    for round in 1..=20 {
        for (number, writer) in writers.iter_mut().enumerate() {
            let node = NodeId::parse(&format!("{number:0>10}")).unwrap();
            let end =
                writer.append(joined.epoch, &batch(node, Topic::Events, round * 2 - 1, &["a", "b"])).await.unwrap();
            assert_eq!(end - start.events, (round - 1) * 6 + number as u64 * 2 + 2);
            writer.append(joined.epoch, &batch(node, Topic::Members, round, &["m"])).await.unwrap();
        }
    }
    let first = read_all(&mut reader, start, 180).await;
    let second = read_all(&mut world.node(), start, 180).await;
    for topic in [Topic::Events, Topic::Members] {
        assert_eq!(texts(&first, topic), texts(&second, topic));
        let start = if topic == Topic::Events { start.events } else { start.members };
        let numbers: Vec<Number> = texts(&first, topic).iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (start + 1..=start + numbers.len() as u64).collect::<Vec<_>>());
    }
    let origins = first.iter().filter(|record| record.topic == Topic::Members).map(|record| record.origin.count);
    assert_eq!(origins.max(), Some(20));
}

pub async fn appending_again_adds_only_what_is_not_there<W: World>() {
    let world = W::keeping(10_000);
    let (mut node, id) = (world.node(), NodeId::random());
    let joined = fresh(&mut node).await;
    let append = |first, records| batch(id, Topic::Events, first, records);
    node.append(joined.epoch, &append(1, &["1", "2"])).await.unwrap();
    let end = node.append(joined.epoch, &append(1, &["1", "2"])).await.unwrap();
    assert_eq!(end, joined.ends.events + 2);
    // As it is when records were added to what waits meanwhile.
    node.append(joined.epoch, &append(2, &["2", "3"])).await.unwrap();
    // And when some were dropped, so that counts are left out.
    node.append(joined.epoch, &append(7, &["7"])).await.unwrap();
    node.append(joined.epoch, &append(5, &["5"])).await.unwrap();
    let read = read_all(&mut node, joined.ends, 4).await;
    let texts: Vec<String> = texts(&read, Topic::Events).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["1", "2", "3", "7"]);
}

pub async fn nothing_is_appended_to_another_history<W: World>() {
    let world = W::keeping(10_000);
    let (mut node, id) = (world.node(), NodeId::random());
    let joined = fresh(&mut node).await;
    node.append(joined.epoch, &batch(id, Topic::Events, 1, &["1"])).await.unwrap();
    world.lose();
    let refused = node.append(joined.epoch, &batch(id, Topic::Events, 2, &["2"])).await.unwrap_err();
    assert!(refused.is_other_history(), "{refused}");
    let anew = fresh(&mut node).await;
    assert_ne!(anew.epoch, joined.epoch);
    assert!(world.node().append(joined.epoch, &batch(id, Topic::Events, 2, &["2"])).await.is_err());
    node.append(anew.epoch, &batch(id, Topic::Events, 2, &["2"])).await.unwrap();
    assert_eq!(texts(&read_all(&mut node, anew.ends, 1).await, Topic::Events).len(), 1);
}

pub async fn returning_node_finds_later_records<W: World>() {
    let world = W::keeping(10_000);
    let (mut node, mut other, id) = (world.node(), world.node(), NodeId::random());
    let joined = fresh(&mut node).await;
    other.append(joined.epoch, &batch(id, Topic::Events, 1, &["1", "2"])).await.unwrap();
    let read = read_all(&mut node, joined.ends, 2).await;
    let ends = Ends { events: read[1].number, members: joined.ends.members };
    other.append(joined.epoch, &batch(id, Topic::Events, 3, &["3"])).await.unwrap();
    let again = world.node().join(&knowing(&joined, ends, Some(read[1].origin.clone()))).await.unwrap();
    assert_eq!((again.epoch, again.ends.events), (joined.epoch, ends.events + 1));
    assert_eq!(texts(&read_all(&mut node, ends, 1).await, Topic::Events), [(ends.events + 1, "3".into())]);
    // A node that has never been there reads from the oldest that is left.
    let newcomer = fresh(&mut world.node()).await;
    let start = Ends { events: newcomer.forgotten, members: newcomer.ends.members };
    assert_eq!(read_all(&mut world.node(), start, 3).await.len(), 3);
}

pub async fn numbers_are_never_reused<W: World>() {
    let world = W::keeping(10_000);
    let (mut ahead, mut behind, id) = (world.node(), world.node(), NodeId::random());
    let joined = fresh(&mut ahead).await;
    ahead.append(joined.epoch, &batch(id, Topic::Events, 1, &["1", "2", "3"])).await.unwrap();
    let read = read_all(&mut ahead, joined.ends, 3).await;
    let known = |count: usize| {
        let ends = Ends { events: read[count - 1].number, members: joined.ends.members };
        knowing(&joined, ends, Some(read[count - 1].origin.clone()))
    };
    world.lose();
    // The first node begins anew behind what it has seen; a node that has seen more moves that on.
    let first = behind.join(&known(1)).await.unwrap();
    assert_ne!(first.epoch, joined.epoch);
    assert!(first.ends.events > known(1).ends.events && first.forgotten == first.ends.events);
    let second = ahead.join(&known(3)).await.unwrap();
    assert_eq!(second.epoch, first.epoch);
    assert!(second.ends.events > known(3).ends.events, "{second:?}");
    let end = behind.append(first.epoch, &batch(id, Topic::Events, 9, &["9"])).await.unwrap();
    assert!(end > known(3).ends.events);
}

pub async fn forgotten_records_are_reported_in_the_same_epoch<W: World>() {
    let world = W::keeping(100);
    let (mut node, id) = (world.node(), NodeId::random());
    let joined = fresh(&mut node).await;
    node.append(joined.epoch, &batch(id, Topic::Events, 1, &["first"])).await.unwrap();
    let read = read_all(&mut node, joined.ends, 1).await;
    let ends = Ends { events: read[0].number, members: joined.ends.members };
    for round in 0..40 {
        let records: Vec<String> = (0..50).map(|number| format!("{round} {number}")).collect();
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        node.append(joined.epoch, &batch(id, Topic::Events, 2 + round * 50, &records)).await.unwrap();
    }
    let again = node.join(&knowing(&joined, ends, Some(read[0].origin.clone()))).await.unwrap();
    assert_eq!(again.epoch, joined.epoch);
    assert!(again.forgotten > ends.events, "{again:?}");
    let kept = again.ends.events - again.forgotten;
    assert!((100..=400).contains(&kept), "{kept} are kept");
    let rest = read_all(&mut node, Ends { events: again.forgotten, ..ends }, kept as usize).await;
    assert_eq!(rest.first().map(|record| record.number), Some(again.forgotten + 1));
    // A node that reads on from before that finds it missing by the number.
    let rest = all_after(&mut node, ends).await.unwrap().records;
    assert_eq!(rest.first().map(|record| record.number), Some(again.forgotten + 1));
}

pub async fn reader_waits_for_records<W: World>() {
    let world = W::keeping(100);
    let (mut reader, mut writer, id) = (world.node(), world.node(), NodeId::random());
    let joined = fresh(&mut reader).await;
    // By the time of the append, the reader usually waits. The rule holds in either case.
    let reading = tokio::spawn(async move { read_all(&mut reader, joined.ends, 1).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    writer.append(joined.epoch, &batch(id, Topic::Members, 1, &["news"])).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, reading).await.unwrap();
    assert_eq!(texts(&read.unwrap(), Topic::Members).len(), 1);
}

pub async fn reader_gets_at_most_a_piece<W: World>() {
    let world = W::keeping(10_000);
    let (mut node, id) = (world.node(), NodeId::random());
    let joined = fresh(&mut node).await;
    for round in 0..10 {
        node.append(joined.epoch, &batch(id, Topic::Events, round * 256 + 1, &["x"; 256])).await.unwrap();
    }
    node.append(joined.epoch, &batch(id, Topic::Members, 1, &["m"])).await.unwrap();
    let first = all_after(&mut node, joined.ends).await.unwrap();
    assert_eq!((texts(&first.records, Topic::Events).len(), first.is_all), (MOST_READ, false));
    let last = Ends { events: joined.ends.events + 2_559, ..joined.ends };
    assert!(all_after(&mut node, last).await.unwrap().is_all);
    let rest = read_all(&mut node, joined.ends, 2_561).await;
    let events: Vec<Number> = texts(&rest, Topic::Events).into_iter().map(|(number, _)| number).collect();
    assert_eq!(events, (joined.ends.events + 1..=joined.ends.events + 2_560).collect::<Vec<_>>());
}

pub async fn payload_survives_unchanged<W: World>() {
    let world = W::keeping(100);
    let (mut node, id) = (world.node(), NodeId::random());
    let joined = fresh(&mut node).await;
    let payloads = [Bytes::new(), (0..=255).collect(), Bytes::from(vec![0; 3 << 20])];
    let records = payloads.iter().map(|payload| Outgoing::new(Address::everybody(), payload.clone()));
    let before = tokio::time::Instant::now();
    let append = Batch { node: id, topic: Topic::Events, first: 7, records: records.collect() };
    node.append(joined.epoch, &append).await.unwrap();
    let read = read_all(&mut world.node(), joined.ends, 3).await;
    for (count, (record, payload)) in (7..).zip(read.iter().zip(&payloads)) {
        assert!(record.payload == *payload, "{} bytes", payload.len());
        assert_eq!(record.origin, Origin { node: id, count });
        assert!(record.at <= tokio::time::Instant::now() && record.at + Duration::from_secs(1) > before);
    }
}

pub async fn abandoned_call_does_not_disturb_the_next<W: World>() {
    let world = W::keeping(100);
    let (mut node, id) = (world.node(), NodeId::random());
    let joined = fresh(&mut node).await;
    let mut ends = joined.ends;
    for count in 1..=20 {
        // Abandoned at once, when it has been sent, or a little later.
        for millis in [0, 1, 3] {
            let abandoned = tokio::time::timeout(Duration::from_millis(millis), all_after(&mut node, ends)).await;
            assert!(abandoned.is_err(), "there is nothing to read");
        }
        let append = batch(id, Topic::Events, count, &["x"]);
        let _ = tokio::time::timeout(Duration::from_micros(count * 20), node.append(joined.epoch, &append)).await;
        assert_eq!(node.append(joined.epoch, &append).await.unwrap(), ends.events + 1);
        let read = all_after(&mut node, ends).await.unwrap().records;
        assert_eq!(texts(&read, Topic::Events), [(ends.events + 1, "x".to_owned())]);
        ends.events += 1;
    }
}

/// Some audiences; those of single clients are standing.
fn addresses() -> Vec<Address> {
    let audiences = [
        Audience::All { exclude: None },
        Audience::User("ada"),
        Audience::User("bob"),
        Audience::Client("ada"),
        Audience::Client("tab"),
        Audience::Channel("ada"),
    ];
    audiences.into_iter().map(Address::from).collect()
}

/// Appends records to random audiences. Returns them as they were sent, in order.
async fn append_some(
    node: &mut impl Backplane,
    (joined, id): (&Joined, NodeId),
    chance: &mut Chance,
    count: u64,
) -> Vec<Outgoing> {
    let all = addresses();
    let outgoing = |number| Outgoing::new(chance.pick(&all).clone(), format!("{number}").into());
    let records: Vec<Outgoing> = (1..=count).map(outgoing).collect();
    for (piece, first) in records.chunks(50).zip((1..).step_by(50)) {
        let append = Batch { node: id, topic: Topic::Events, first, records: piece.to_vec() };
        node.append(joined.epoch, &append).await.unwrap();
    }
    records
}

fn random_recall(chance: &mut Chance, start: Number, count: u64) -> Recall {
    let all = addresses();
    let some = (0..=chance.below(3)).map(|_| chance.pick(&all).clone()).collect();
    let whose = if chance.one_in(4) { Whose::Standing } else { Whose::Addresses(some) };
    let (one, other) = (chance.below(count as usize + 5) as u64, chance.below(count as usize + 5) as u64);
    let (after, upto) = (start + one.min(other), start + one.max(other));
    Recall { whose, after, upto, most: chance.below(60), newest: chance.one_in(2) }
}

/// Checks an answer against all records, the first of which has the number after `start`.
fn check(recalled: &Recalled, what: &Recall, all: &[Outgoing], start: Number) {
    let is_of = |to: &Address| match &what.whose {
        Whose::Addresses(addresses) => addresses.contains(to),
        Whose::Standing => to.is_standing(),
    };
    let (from, to) = if what.newest { (recalled.reached, what.upto) } else { (what.after, recalled.reached) };
    let wanted: Vec<(Number, &Bytes)> = (start + 1..)
        .zip(all)
        .filter(|(number, record)| from.max(recalled.floor) < *number && *number <= to && is_of(&record.to))
        .map(|(number, record)| (number, &record.payload))
        .collect();
    let got: Vec<(Number, &Bytes)> = recalled.records.iter().map(|record| (record.number, &record.payload)).collect();
    assert_eq!(got, wanted, "{what:?}");
    assert!(what.after <= recalled.reached && recalled.reached <= what.upto, "{what:?} {}", recalled.reached);
    assert!(got.len() <= what.most.max(1), "{what:?}");
    let is_complete = recalled.reached == if what.newest { what.after } else { what.upto };
    assert!(is_complete || !got.is_empty(), "a caller comes on");
}

pub async fn what_is_recalled_is_a_filter_of_all_records<W: World>() {
    if !<W::Node as Backplane>::RECALLS {
        return;
    }
    let seed = chance::seed();
    println!("to repeat its choices: SSEKIT_SEED={seed}");
    let (world, mut chance, id) = (W::keeping(10_000), Chance::of(seed), NodeId::random());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    let all = append_some(&mut node, (&joined, id), &mut chance, 400).await;
    for _ in 0..300 {
        let what = random_recall(&mut chance, joined.ends.events, 400);
        let recalled = node.recall(joined.epoch, &what).await.unwrap();
        assert!(recalled.floor <= joined.ends.events, "nothing is forgotten");
        check(&recalled, &what, &all, joined.ends.events);
        assert!(recalled.records.iter().all(|record| record.origin.node == id && record.topic == Topic::Events));
    }
}

pub async fn recall_tells_what_is_forgotten<W: World>() {
    if !<W::Node as Backplane>::RECALLS {
        return;
    }
    let (world, mut chance, id) = (W::keeping(100), Chance::of(chance::seed()), NodeId::random());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    let all = append_some(&mut node, (&joined, id), &mut chance, 2_000).await;
    for _ in 0..100 {
        let what = random_recall(&mut chance, joined.ends.events, 2_000);
        let recalled = node.recall(joined.epoch, &what).await.unwrap();
        assert!(recalled.floor > joined.ends.events + 1_000, "{}", recalled.floor);
        check(&recalled, &what, &all, joined.ends.events);
    }
}

pub async fn nothing_is_recalled_from_another_history<W: World>() {
    if !<W::Node as Backplane>::RECALLS {
        return;
    }
    let (world, id) = (W::keeping(100), NodeId::random());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    node.append(joined.epoch, &batch(id, Topic::Events, 1, &["1"])).await.unwrap();
    world.lose();
    fresh(&mut world.node()).await;
    let whose = Whose::Addresses(vec![Address::everybody()]);
    let what = Recall { whose, after: 0, upto: Number::MAX, most: 10, newest: false };
    assert!(node.recall(joined.epoch, &what).await.unwrap_err().is_other_history());
}
