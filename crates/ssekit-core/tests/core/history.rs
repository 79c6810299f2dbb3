//! The history stays within its bounds, and reports evicted events as gaps.

use std::time::Duration;

use ssekit_core::{Connect, HistoryOptions, Hub, Options};
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, advance, data, named, resuming, standing_hub, two_shards, user};

fn engine(history: HistoryOptions) -> Engine {
    Engine::with(Options { history, ..two_shards() })
}

/// The events of ada, who comes back with an id from before everything: their data, or that of the reset.
fn all_of_ada(hub: &Hub) -> Vec<String> {
    let start = format!("{}.0", hub.stats().epoch);
    Pull::of(resuming(hub, Some("ada"), &start)).all().into_iter().map(|event| event.data).collect()
}

const EVICTED: &str = r#"{"reason":"evicted"}"#;

#[test]
fn a_log_keeps_its_newest_events() {
    let engine = engine(HistoryOptions { max_events: 3, ..HistoryOptions::default() });
    for number in 0..3 {
        engine.send_to_user("ada", data(&number.to_string())).unwrap();
        engine.send_to_user("bob", data("another log")).unwrap();
    }
    assert_eq!(all_of_ada(&engine), ["0", "1", "2"]);
    engine.send_to_user("ada", data("3")).unwrap();
    assert_eq!(all_of_ada(&engine), [EVICTED]);
    assert_eq!(engine.stats().history.events, 6);
    assert_eq!(engine.stats().logs, 2);
}

#[test]
fn log_keeps_its_newest_event_beyond_its_bytes() {
    let engine = engine(HistoryOptions { max_bytes: 10_000, ..HistoryOptions::default() });
    for _ in 0..100 {
        engine.send_to_user("ada", data(&"x".repeat(1_000))).unwrap();
        assert!(engine.stats().history.bytes <= 10_000 + 1_024);
    }
    assert!((5..10).contains(&engine.stats().history.events));
    engine.send_to_user("ada", data(&"x".repeat(100_000))).unwrap();
    assert_eq!(engine.stats().history.events, 1);
}

#[test]
fn total_bytes_evict_the_oldest_event_first() {
    let engine = engine(HistoryOptions { max_total_bytes: 20_000, ..HistoryOptions::default() });
    let users: Vec<String> = (0..100).map(|number| format!("user {number}")).collect();
    for user_id in &users {
        engine.send_to_user(user_id, data(&"x".repeat(500))).unwrap();
        let stats = engine.stats();
        assert!(stats.history.bytes <= 20_000, "{stats:?}");
        assert_eq!(stats.logs, stats.history.events);
    }
    let kept = engine.stats().history.events;
    assert!((10..30).contains(&kept), "{kept}");
    // The kept ones are the newest, and everybody else gets a reset.
    for (number, user_id) in users.iter().enumerate() {
        let before = format!("{}.{number}", engine.stats().epoch);
        let resumed = Pull::of(resuming(&engine, Some(user_id), &before)).ready.resumed;
        assert_eq!(resumed, number >= 100 - kept, "{user_id}");
    }
}

#[test]
fn busy_log_evicts_no_others_while_room_remains() {
    let engine = engine(HistoryOptions { max_events: 10, ..HistoryOptions::default() });
    engine.send_to_user("ada", data("old")).unwrap();
    for _ in 0..10_000 {
        engine.broadcast(data("new"), None).unwrap();
        engine.send_to_user("bob", data("new")).unwrap();
    }
    assert_eq!(engine.stats().history.events, 21);
    let mut ada = Pull::of(resuming(&engine, Some("ada"), &format!("{}.0", engine.stats().epoch)));
    assert!(ada.event().is_reset(), "broadcasts are everybody's, and of them some are gone");
}

#[test]
fn event_larger_than_the_history_still_arrives() {
    let engine = engine(HistoryOptions { max_bytes: 1_024, max_total_bytes: 1_024, ..HistoryOptions::default() });
    let mut pull = Pull::of(user(&engine, "ada"));
    let large = "x".repeat(500_000);
    engine.broadcast(data("small"), None).unwrap();
    assert_eq!(pull.data(1), ["small"]);
    engine.send_to_user("ada", data(&large)).unwrap();
    assert_eq!(pull.data(1), [large]);
    assert_eq!(engine.stats().history.events, 1);
}

fn of_age(max_age: Duration) -> Hub {
    standing_hub(Options { history: HistoryOptions { max_age, ..HistoryOptions::default() }, ..two_shards() })
}

#[tokio::test(start_paused = true)]
async fn events_older_than_the_maximum_age_are_dropped() {
    let hub = of_age(Duration::from_secs(8));
    hub.send_to_user("ada", data("1")).unwrap();
    advance(Duration::from_secs(6)).await;
    hub.send_to_user("ada", data("2")).unwrap();
    assert_eq!(all_of_ada(&hub), ["1", "2"]);
    advance(Duration::from_secs(4)).await;
    assert_eq!(hub.stats().history.events, 1);
    assert_eq!(all_of_ada(&hub), [EVICTED]);
    advance(Duration::from_secs(6)).await;
    assert_eq!((hub.stats().logs, hub.stats().history.bytes), (0, 0));
    // It had been read before it was dropped: that is no gap.
    let last = format!("{}.2", hub.stats().epoch);
    assert!(Pull::of(resuming(&hub, Some("ada"), &last)).ready.resumed);
}

#[tokio::test(start_paused = true)]
async fn many_old_events_are_dropped_at_once() {
    let hub = of_age(Duration::from_secs(8));
    for number in 0..2_000 {
        hub.send_to_user(&format!("user {}", number % 700), data("x")).unwrap();
        hub.broadcast(data("x"), None).unwrap();
    }
    advance(Duration::from_secs(10)).await;
    let stats = hub.stats();
    assert_eq!((stats.logs, stats.history.events, stats.history.bytes), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn forgotten_user_gets_a_reset_on_return() {
    let hub = of_age(Duration::from_secs(8));
    let online = user(&hub, "online");
    let mut last = vec![];
    for number in 0..50 {
        let id = format!("user {number}");
        last.push(Pull::of(user(&hub, &id)).ready.id);
        hub.send_to_user(&id, data("missed")).unwrap();
    }
    let empty = user(&hub, "without an event");
    drop(empty);
    assert_eq!(hub.stats().known_users, 52);
    advance(Duration::from_secs(12)).await;
    assert_eq!(hub.stats().known_users, 1, "who is online");
    drop(online);
    // Its page may come back in a moment.
    advance(Duration::from_secs(7)).await;
    assert_eq!(hub.stats().known_users, 0);
    for (number, last) in last.iter().enumerate() {
        let mut again = Pull::of(resuming(&hub, Some(&format!("user {number}")), last));
        assert!(!again.ready.resumed);
        assert_eq!(again.event().data, EVICTED);
    }
}

#[tokio::test(start_paused = true)]
async fn forgotten_user_starts_over_without_a_gap() {
    let hub = of_age(Duration::from_secs(8));
    hub.send_to_user("ada", data("old")).unwrap();
    advance(Duration::from_secs(12)).await;
    assert_eq!(hub.stats().known_users, 0);
    let mut ada = Pull::of(user(&hub, "ada"));
    let start = ada.ready.id.clone();
    hub.send_to_user("ada", data("new")).unwrap();
    assert_eq!(ada.data(1), ["new"]);
    drop(ada);
    assert_eq!(Pull::of(resuming(&hub, Some("ada"), &start)).data(1), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn idle_client_outlasts_the_history() {
    let hub = of_age(Duration::from_secs(8));
    let mut pull = Pull::of(named(&hub, Some("ada"), "tab"));
    for _ in 0..20 {
        hub.send_to_user("bob", data("for bob")).unwrap();
        advance(Duration::from_secs(10)).await;
    }
    hub.send_to_user("ada", data("1")).unwrap();
    hub.send_to_client("tab", data("2")).unwrap();
    let (positions, events): (Vec<_>, Vec<_>) = pull.all().into_iter().partition(Received::is_position);
    assert!(events.iter().map(|event| &*event.data).eq(["1", "2"]), "{events:?}");
    assert_eq!(positions.len(), 1, "it was due for long");
}

#[tokio::test(start_paused = true)]
async fn events_of_an_absent_client_expire() {
    let hub = of_age(Duration::from_secs(8));
    for number in 0..100 {
        let mut pull = Pull::of(named(&hub, None, &format!("tab {number}")));
        hub.send_to_client(&pull.ready.client_id, data("x")).unwrap();
        assert_eq!(pull.data(1), ["x"]);
    }
    assert_eq!((hub.stats().away, hub.stats().history.events), (100, 100));
    advance(Duration::from_secs(12)).await;
    let stats = hub.stats();
    assert_eq!((stats.away, stats.logs, stats.history.events, stats.history.bytes), (0, 0, 0, 0));
}

#[test]
fn lost_event_for_a_named_client_affects_no_other() {
    let engine = Engine::start();
    let ada = Pull::of(user(&engine, "ada"));
    let tab = Pull::of(named(&engine, Some("bob"), "tab"));
    engine.send_to_client("tab", data("for bob")).unwrap();
    drop(tab);
    assert!(Pull::of(resuming(&engine, Some("ada"), &ada.ready.id)).ready.resumed);
    let who =
        Connect { user: Some("ada"), client: Some("other"), last_event_id: Some(&ada.ready.id), ..Connect::default() };
    assert!(Pull::of(engine.connect(who).unwrap()).ready.resumed);
}

#[test]
fn lost_anonymous_event_resets_returning_user() {
    let engine = Engine::start();
    let [ada, bob] = ["ada", "bob"].map(|id| Pull::of(user(&engine, id)));
    engine.send_to_client(&ada.ready.client_id, data("for this tab")).unwrap();
    let before = ada.ready.id.clone();
    drop(ada);
    // It cannot be told which of ada's tabs this was.
    assert_eq!(Pull::of(resuming(&engine, Some("ada"), &before)).event().data, EVICTED);
    assert!(Pull::of(resuming(&engine, Some("bob"), &bob.ready.id)).ready.resumed, "nobody else could have missed it");
    // A page that has seen it, or something after it, has missed nothing.
    let seen = format!("{}.{}", engine.stats().epoch, engine.stats().position);
    assert!(Pull::of(resuming(&engine, Some("ada"), &seen)).ready.resumed);
}

#[test]
fn many_users_stay_within_the_total_bytes() {
    const BOUND: usize = 16 << 20;
    let engine = engine(HistoryOptions { max_total_bytes: BOUND, ..HistoryOptions::default() });
    for number in 0..100_000 {
        engine.send_to_user(&format!("user {number}"), data("{\"some\":\"json\"}")).unwrap();
        if number % 1_000 == 0 {
            assert!(engine.stats().history.bytes <= BOUND);
        }
    }
    let stats = engine.stats();
    assert!(stats.history.bytes <= BOUND && stats.history.bytes > BOUND - 2_048, "{stats:?}");
    assert_eq!(stats.logs, stats.history.events);
}
