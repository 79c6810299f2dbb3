//! Superseding, on its own.

use super::*;
use crate::event::Event;
use crate::event::position::Epoch;

const PLENTY: LogBounds = LogBounds { max_events: 1_000, max_bytes: 1 << 20 };

fn entry(position: Position, key: Option<&str>, id: Option<&str>) -> Entry {
    let draft = Event { data: "x", id, coalesce_key: key, ..Event::default() }.encode(1 << 20).unwrap();
    let special = Special { coalesce_key: key.map(Arc::from), ..Special::default() };
    Entry::new(position, draft.finish(&Epoch::random(), position), Instant::now(), special)
}

fn keyed(position: Position, key: &str) -> Entry {
    entry(position, Some(key), None)
}

fn positions(ring: &Ring, cursor: Position) -> Result<Vec<Position>, Gap> {
    let mut out = Vec::new();
    ring.read(cursor, Position::MAX, usize::MAX, &mut out)?;
    Ok(out.iter().map(|entry| entry.position).collect())
}

/// The running sums match the contents.
fn check(ring: &Ring) {
    assert_eq!(ring.bytes, ring.slots.iter().map(RingSlot::cost).sum::<usize>());
    assert_eq!(ring.superseded, ring.slots.iter().filter(|slot| slot.entry().is_none()).count());
    let keys = ring.newest.as_ref().map_or(0, |newest| newest.len());
    assert!(keys <= ring.slots.len());
}

#[test]
fn lagging_reader_gets_only_the_newest_of_a_key() {
    let mut ring = Ring::new(0);
    for (position, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "b")] {
        assert_eq!(ring.append(keyed(position, key), PLENTY), position > 2);
        check(&ring);
    }
    ring.append(entry(6, None, None), PLENTY);
    assert_eq!(positions(&ring, 0), Ok(vec![4, 5, 6]));
    assert_eq!(positions(&ring, 4), Ok(vec![5, 6]));
}

#[test]
fn client_excluded_from_newer_event_keeps_older_one() {
    let mut ring = Ring::new(0);
    ring.append(keyed(1, "a"), PLENTY);
    let excluding = |position| {
        let entry = keyed(position, "a");
        let special = Special { exclude: Some("tab".into()), coalesce_key: Some("a".into()), duplicate_of: 0 };
        Entry::new(position, entry.frame, entry.at, special)
    };
    assert!(!ring.append(excluding(2), PLENTY));
    assert!(ring.append(excluding(3), PLENTY));
    assert_eq!(positions(&ring, 0), Ok(vec![1, 3]));
    assert!(ring.append(keyed(4, "a"), PLENTY));
    check(&ring);
}

#[test]
fn evicted_superseded_event_is_no_gap() {
    let mut ring = Ring::new(0);
    for position in 1..=3 {
        ring.append(keyed(position, "a"), PLENTY);
    }
    while ring.front().is_some_and(|(position, _)| position < 3) {
        ring.evict();
        check(&ring);
    }
    assert_eq!((ring.floor(), positions(&ring, 0)), (0, Ok(vec![3])));
    ring.evict();
    assert_eq!((ring.floor(), positions(&ring, 0), ring.newest.is_none()), (3, Err(Gap), true));
    check(&ring);
}

#[test]
fn page_resumes_from_a_superseded_id() {
    let mut ring = Ring::new(0);
    for (position, id) in [(1, "10 %"), (2, "20 %"), (3, "30 %")] {
        ring.append(entry(position, Some("progress"), Some(id)), PLENTY);
    }
    assert_eq!(ring.find("20 %", 0), Some(2));
    assert_eq!(positions(&ring, 2), Ok(vec![3]));
}

#[test]
fn marks_do_not_accumulate() {
    let mut ring = Ring::new(0);
    ring.append(entry(1, None, None), PLENTY);
    for position in 2..=100_000 {
        ring.append(keyed(position, "a"), PLENTY);
        assert!(ring.slots.len() < 3 * FEW);
    }
    check(&ring);
    assert_eq!(positions(&ring, 0), Ok(vec![1, 100_000]));
}

#[test]
fn marks_are_evicted_before_events() {
    let mut ring = Ring::new(0);
    ring.append(entry(1, None, None), PLENTY);
    for position in 2..=10_000 {
        ring.append(entry(position, Some("a"), Some("id")), PLENTY);
        assert!(ring.slots.len() <= PLENTY.max_events);
    }
    check(&ring);
    assert_eq!(positions(&ring, 0), Ok(vec![1, 10_000]));
}

#[test]
fn backlog_equals_what_a_reader_would_get() {
    let mut ring = Ring::new(0);
    for position in 1..=10 {
        ring.append(keyed(position, if position % 2 == 0 { "even" } else { "odd" }), PLENTY);
    }
    assert_eq!(ring.backlog(0, true).events, 2);
    assert_eq!(ring.backlog(9, true).events, 1);
    assert_eq!(ring.backlog(10, true), Backlog::default());
    let mut out = Vec::new();
    ring.read(0, 10, 10, &mut out).unwrap();
    assert_eq!(ring.backlog(0, true).bytes, out.iter().map(|entry| entry.frame.chunk().len()).sum::<usize>());
    assert_eq!(ring.backlog(0, true).since, Some(out[0].at));
    // Without their bytes, the backlogs are the same.
    for cursor in 0..=11 {
        assert_eq!(ring.backlog(cursor, false), Backlog { bytes: 0, ..ring.backlog(cursor, true) });
    }
    let mut plain = Ring::new(0);
    for position in 1..=10 {
        plain.append(entry(position, None, None), PLENTY);
        for cursor in 0..=11 {
            assert_eq!(plain.backlog(cursor, false), Backlog { bytes: 0, ..plain.backlog(cursor, true) });
        }
    }
}
