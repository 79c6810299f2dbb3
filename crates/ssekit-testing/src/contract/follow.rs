//! The records that a node is given of the audiences that it follows, and of the others.

use ssekit_core::backplane::{
    Address, Backplane, Batch, Ends, Interest, Joined, MOST_PASSED, MOST_READ, News, NodeId, Number, Outgoing, Recall,
    Topic, Whose,
};
use ssekit_core::event::audience::Audience;

use super::{World, addresses, append_some, fresh, knowing};
use crate::PATIENCE;
use crate::chance::{self, Chance};

/// The events' numbers in an answer, in order. Checks each against all that was sent, of which the first has the number after
/// `start`.
fn check_news(news: &News, all: &[Outgoing], start: Number) -> Vec<Number> {
    let sent = |number: Number| &all[(number - start - 1) as usize];
    let mut numbers = Vec::new();
    for record in news.records.iter().filter(|record| record.topic == Topic::Events) {
        assert_eq!(record.payload, sent(record.number).payload, "{}", record.number);
        numbers.push(record.number);
    }
    for passed in &news.passed {
        assert_eq!(passed.to, sent(passed.number).to, "{}", passed.number);
        numbers.push(passed.number);
    }
    assert!(news.records.len() <= 2 * MOST_READ && news.passed.len() <= MOST_PASSED);
    numbers.sort_unstable();
    numbers
}

pub async fn followed_records_are_whole_and_the_others_are_named<W: World>() {
    let seed = chance::seed();
    println!("to repeat its choices: SSEKIT_SEED={seed}");
    let (world, mut chance, id) = (W::keeping(10_000), Chance::of(seed), NodeId::random());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    let start = joined.ends.events;
    let all = append_some(&mut node, (&joined, id), &mut chance, 2_000).await;
    // A backplane that does not recall is never asked for less than everything.
    let recalls = <W::Node as Backplane>::RECALLS;
    let mut passed = 0;
    for _ in 0..20 {
        let interest = if recalls { Interest::nobody() } else { Interest::everything() };
        let mut ends = joined.ends;
        while ends.events < start + 2_000 {
            for _ in 0..chance.below(3) {
                let address = chance.pick(&addresses()).clone();
                if chance.one_in(3) { interest.unfollow(&address) } else { interest.follow(address) }
            }
            let news = node.next(ends, &interest).await.unwrap();
            let numbers = check_news(&news, &all, start);
            let end = *numbers.last().unwrap();
            assert_eq!(numbers, (ends.events + 1..=end).collect::<Vec<_>>(), "no hole");
            let wanted = news.passed.iter().filter(|passed| interest.wants(passed.to.as_bytes()));
            assert_eq!(wanted.count(), 0, "these are followed");
            assert!(!news.is_all || end == start + 2_000);
            assert!(news.is_all || end < start + 2_000 || news.records.len() >= MOST_READ);
            passed += news.passed.len();
            // As far as a node may have got when it is interrupted.
            ends.events += 1 + chance.below(numbers.len()) as u64;
        }
    }
    assert_eq!(passed > 0, recalls);
}

/// However far the node had read when the audience was followed, each record comes once, and in order.
pub async fn late_follower_recalls_what_was_passed<W: World>() {
    if !<W::Node as Backplane>::RECALLS {
        return;
    }
    let (world, mut chance, id) = (W::keeping(10_000), Chance::of(chance::seed()), NodeId::random());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    let start = joined.ends.events;
    let all = append_some(&mut node, (&joined, id), &mut chance, 60).await;
    let ada = Address::from(Audience::User("ada"));
    let of_ada = |number: &Number| all[(number - start - 1) as usize].to == ada;
    for read in 0..60 {
        let interest = Interest::nobody();
        let first = node.next(Ends { events: start + read, ..joined.ends }, &interest).await.unwrap();
        interest.follow(ada.clone());
        // The answer is from before that: what it passed over is recalled, and what comes later is whole.
        append_more(&mut node, &joined, (id, 61 + read), &ada).await;
        let last =
            first.passed.iter().map(|passed| passed.number).chain(first.records.iter().map(|record| record.number));
        let last = last.max().unwrap();
        let whose = Whose::Addresses(vec![ada.clone()]);
        let what = Recall { whose, after: start + read, upto: last, most: 100, newest: false };
        let recalled = node.recall(joined.epoch, &what).await.unwrap();
        let next = node.next(Ends { events: last, ..joined.ends }, &interest).await.unwrap();
        let later = next.records.iter().filter(|record| record.topic == Topic::Events);
        let got: Vec<Number> = recalled.records.iter().chain(later).map(|record| record.number).collect();
        let mut wanted: Vec<Number> = (start + read + 1..=start + 60).filter(of_ada).collect();
        wanted.extend(start + 61..=start + 61 + read);
        assert_eq!(got, wanted, "followed after {read}");
        assert_eq!(next.passed, [], "all later ones are hers");
    }
}

async fn append_more(node: &mut impl Backplane, joined: &Joined, (id, first): (NodeId, u64), to: &Address) {
    let records = vec![Outgoing::new(to.clone(), "later".into())];
    node.append(joined.epoch, &Batch { node: id, topic: Topic::Events, first, records }).await.unwrap();
}

pub async fn hole_shows_whoever_is_followed<W: World>() {
    if !<W::Node as Backplane>::RECALLS {
        return;
    }
    let (world, mut chance, id) = (W::keeping(100), Chance::of(chance::seed()), NodeId::random());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    let all = append_some(&mut node, (&joined, id), &mut chance, 2_000).await;
    let again = node.join(&knowing(&joined, joined.ends, None)).await.unwrap();
    let interest = Interest::nobody();
    for followed in addresses() {
        let news = node.next(joined.ends, &interest).await.unwrap();
        let first = check_news(&news, &all, joined.ends.events)[0];
        assert_eq!(first, again.forgotten + 1, "{interest:?}");
        interest.follow(followed);
    }
}

pub async fn reader_passes_over_at_most_a_piece<W: World>() {
    if !<W::Node as Backplane>::RECALLS {
        return;
    }
    let (world, id) = (W::keeping(20_000), NodeId::random());
    let mut node = world.node();
    let joined = fresh(&mut node).await;
    let record = Outgoing::new(Audience::User("ada").into(), "x".into());
    for first in (1..=9_000).step_by(3_000) {
        let append = Batch { node: id, topic: Topic::Events, first, records: vec![record.clone(); 3_000] };
        node.append(joined.epoch, &append).await.unwrap();
    }
    let interest = Interest::nobody();
    let first = node.next(joined.ends, &interest).await.unwrap();
    assert_eq!((first.passed.len(), first.is_all), (MOST_PASSED, false));
    let ends = Ends { events: joined.ends.events + MOST_PASSED as u64, ..joined.ends };
    let rest = node.next(ends, &interest).await.unwrap();
    assert_eq!((rest.passed.len(), rest.is_all), (9_000 - MOST_PASSED, true));
}

/// They move the head on.
pub async fn reader_waits_for_records_of_others_too<W: World>() {
    let world = W::keeping(100);
    let (mut reader, mut writer, id) = (world.node(), world.node(), NodeId::random());
    let joined = fresh(&mut reader).await;
    let interest = if <W::Node as Backplane>::RECALLS { Interest::nobody() } else { Interest::everything() };
    let reading = tokio::spawn(async move {
        loop {
            let news = reader.next(joined.ends, &interest).await.unwrap();
            if !news.is_empty() {
                return news.records.len() + news.passed.len();
            }
        }
    });
    append_more(&mut writer, &joined, (id, 1), &Audience::User("ada").into()).await;
    assert_eq!(tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap(), 1);
}
