//! The events of a channel from before a client has it, and while it is away.

use std::time::Duration;

use ssekit_core::{
    Audience, ChannelKinds, ChannelOptions, Connect, ErrorKind, Event, HistoryOptions, Hub, LimitOptions,
};
use ssekit_core::{LogBounds, Options, Subscriber};
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, advance, data, keeping_all, standing_hub};

const TAB: Subscriber<'_> = Subscriber::Client("tab");

fn tab<'a>(channels: &'a [&'a str], last_event_id: Option<&'a str>) -> Connect<'a> {
    Connect { user: Some("ada"), client: Some("tab"), channels, last_event_id, ..Connect::default() }
}

fn open(hub: &Hub, who: Connect<'_>) -> Pull {
    Pull::of(hub.connect(who).unwrap())
}

fn texts(events: &[Received]) -> Vec<&str> {
    events.iter().map(|event| &*event.data).collect()
}

/// Time enough for a channel without events and clients to be given up.
const SWEEP: Duration = Duration::from_secs(6);

#[tokio::test(start_paused = true)]
async fn client_that_is_away_keeps_the_log_of_its_channel() {
    for is_logged_out in [false, true] {
        let hub = standing_hub(keeping_all());
        let left = open(&hub, tab(&["news"], None)).ready.id;
        advance(SWEEP).await;
        hub.send_to_channel("news", data("1")).unwrap();
        let expected: &[&str] = if is_logged_out {
            hub.disconnect_user("ada");
            &["1"]
        } else {
            hub.unsubscribe(TAB, "news").unwrap();
            &["1", r#"{"channel":"news"}"#]
        };
        hub.send_to_channel("news", data("2")).unwrap();
        let mut back = open(&hub, tab(&[], Some(&left)));
        assert!(back.ready.resumed);
        assert_eq!(texts(&back.all()), expected);
    }
}

#[test]
fn reconnects_do_not_pile_up_channels() {
    let limits = LimitOptions { channels_per_client: 2, ..LimitOptions::default() };
    let engine = Engine::with(Options { limits, ..keeping_all() });
    let mut one = open(&engine, tab(&["a"], None));
    let _both = open(&engine, tab(&["b"], None));
    assert!(one.has_ended());
    let refused = engine.connect(tab(&["c"], None)).unwrap_err();
    assert!(refused.is_range() && refused.to_string().contains("limits.channelsPerClient"), "{refused}");
    assert_eq!(engine.clients_by_channel("c").len(), 0);
    // It goes on as it was, and makes room.
    assert_eq!((engine.send_to_channel("a", data("1")), engine.stats().clients), (Ok(1), 1));
    engine.unsubscribe(TAB, "a").unwrap();
    let _other = open(&engine, tab(&["b", "c"], None));
    assert_eq!(engine.send_to_channel("c", data("1")), Ok(1));
}

#[test]
fn page_without_an_id_learns_of_a_channel_that_it_got_while_away() {
    let engine = Engine::start();
    let who = Connect { user: Some("ada"), ..Connect::default() };
    let mut page = open(&engine, who);
    let id = page.ready.client_id.clone();
    engine.send_to_client(&id, data("1")).unwrap();
    let seen = page.all().remove(0).id;
    drop(page);
    assert_eq!(engine.subscribe(Subscriber::Client(&id), "news", None), Ok(1), "it may come back with its events");
    let back = open(&engine, Connect { last_event_id: Some(&seen), ..who });
    assert!(!back.ready.resumed);
}

#[tokio::test(start_paused = true)]
async fn gap_of_a_forgotten_audience_is_told() {
    let history = HistoryOptions { max_age: Duration::from_secs(8), ..keeping_all().history };
    let hub = standing_hub(Options { history, ..keeping_all() });
    let start = hub.cursor();
    hub.send_to_channel("ada", data("1")).unwrap();
    hub.send_to_user("ada", data("2")).unwrap();
    hub.send_to_client("ada", data("3")).unwrap();
    advance(Duration::from_secs(12)).await;
    assert_eq!((hub.stats().logs, hub.stats().channels), (0, 0));
    for (audience, position) in
        [(Audience::Channel("ada"), 1), (Audience::User("ada"), 2), (Audience::Client("ada"), 3)]
    {
        let after = |position: u64| start.replace(".0", &format!(".{position}"));
        let gone = hub.history(audience, Some(&after(position - 1)), 10).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::Evicted, "{audience:?}");
        assert_eq!(hub.history(audience, Some(&after(position)), 10), Ok(vec![]), "{audience:?}");
        assert_eq!(hub.history(audience, None, 10), Ok(vec![]), "{audience:?}");
    }
}

#[test]
fn own_id_counts_only_within_a_subscription() {
    let engine = Engine::with(keeping_all());
    let own = |text| Event { id: Some("own"), ..data(text) };
    let _tab = open(&engine, tab(&[], None));
    engine.send_to_channel("news", own("before")).unwrap();
    engine.subscribe(TAB, "news", None).unwrap();
    engine.send_to_channel("news", own("within")).unwrap();
    engine.send_to_channel("news", data("next")).unwrap();
    let mut again = open(&engine, tab(&[], Some("own")));
    assert!(again.ready.resumed);
    assert_eq!(texts(&again.all()), ["next"]);
    engine.unsubscribe(TAB, "news").unwrap();
    engine.send_to_channel("news", Event { id: Some("after"), ..data("after") }).unwrap();
    assert!(!open(&engine, tab(&[], Some("after"))).ready.resumed, "it has never got that event");
}

#[test]
fn gap_of_a_channel_costs_only_that_channel() {
    let mut channels = ChannelKinds::default();
    let history = Some(LogBounds { max_events: 1, ..LogBounds::default() });
    channels.add("short", ChannelOptions { history, ..ChannelOptions::default() }).unwrap();
    let engine = Engine::with(Options { channels, ..keeping_all() });
    let mut left = open(&engine, tab(&["short"], Some("unknown")));
    engine.send_to_channel("short", data("1")).unwrap();
    engine.send_to_channel("short", data("2")).unwrap();
    engine.unsubscribe(TAB, "short").unwrap();
    engine.send_to_user("ada", data("3")).unwrap();
    // Events that the client does not get any more may be gone.
    engine.send_to_channel("short", data("4")).unwrap();
    engine.send_to_channel("short", data("5")).unwrap();
    let events = left.all();
    assert!(events[0].is_reset());
    assert_eq!(texts(&events[1..]), ["3"]);
}
