//! The sequence alone.

use super::*;

fn timeline(max_total_bytes: usize) -> Timeline {
    Timeline::new(HistoryOptions { max_total_bytes, ..HistoryOptions::default() })
}

fn publish(timeline: &Timeline, log: &Arc<Log>) -> Position {
    let draft = Event { data: "x", ..Event::default() }.encode(1_024).unwrap();
    timeline.publish(Place::next(), draft, None, log, |_| true).unwrap()
}

fn entered(timeline: &Timeline) -> usize {
    timeline.sequencer.lock().oldest.len()
}

#[test]
fn refilled_log_stays_in_the_heap_once() {
    // Room for one event, so that each event drives out the other log's.
    let timeline = timeline(1_024);
    let logs = [(); 2].map(|()| Arc::new(Log::new(0)));
    for round in 0..1_000 {
        publish(&timeline, &logs[round % 2]);
        assert!(entered(&timeline) <= 2, "{} after {round}", entered(&timeline));
    }
    assert_eq!(timeline.usage().0, 1);
}

#[test]
fn cleared_logs_do_not_accumulate_behind_an_old_event() {
    let timeline = timeline(1 << 30);
    publish(&timeline, timeline.broadcasts());
    for _ in 0..10_000 {
        let log = Arc::new(Log::new(0));
        publish(&timeline, &log);
        timeline.clear(&log);
    }
    assert!(entered(&timeline) < 100, "{}", entered(&timeline));
    let (logs, usage) = timeline.usage();
    assert_eq!((logs, usage.events), (1, 1));
}

#[test]
fn oldest_event_of_all_logs_is_dropped_first() {
    let timeline = timeline(1 << 30);
    let logs = [(); 3].map(|()| Arc::new(Log::new(0)));
    // Logs in no particular order, some with several events in a row.
    for log in [2, 0, 0, 1, 2, 1, 0, 2, 2, 1] {
        publish(&timeline, &logs[log]);
    }
    let fronts = || logs.iter().filter_map(|log| log.front()).map(|(position, _)| position).min();
    for position in 1..=10 {
        assert_eq!(fronts(), Some(position));
        assert!(timeline.sequencer.lock().evict_if(|_| true));
    }
    assert_eq!(fronts(), None);
    assert!(!timeline.sequencer.lock().evict_if(|_| true));
    assert_eq!((entered(&timeline), timeline.usage()), (0, (0, Usage::default())));
}

#[test]
fn clear_counts_a_log_out_and_raises_the_floor() {
    let timeline = timeline(1 << 30);
    let log = Arc::new(Log::new(0));
    publish(&timeline, &log);
    let last = publish(&timeline, &log);
    timeline.clear(&log);
    timeline.clear(&log);
    assert_eq!((log.floor(), log.usage(), timeline.usage()), (last, Usage::default(), (0, Usage::default())));
    publish(&timeline, &log);
    assert_eq!((timeline.usage().0, timeline.usage().1.events), (1, 1));
}

#[test]
fn discarded_log_accepts_no_event() {
    let timeline = timeline(1 << 30);
    let log = Arc::new(Log::new(0));
    let draft = Event { data: "x", ..Event::default() }.encode(1_024).unwrap();
    assert!(timeline.publish(Place::next(), draft, None, &log, |_| false).is_err());
    assert_eq!((timeline.head(), log.last(), timeline.usage().0), (0, 0, 0));
}
