//! A client that comes back resumes where it was, or gets a reset.

use std::time::Duration;

use proptest::prelude::*;
use ssekit_core::{Connect, Event, HistoryOptions, Hub, Options};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, advance, anonymous, data, named, resuming, standing_hub, two_shards, user};

fn with_id<'a>(id: &'a str, text: &'a str) -> Event<'a> {
    Event { id: Some(id), data: text, ..Event::default() }
}

/// Resumes as ada, and expects a reset for this reason before anything else.
fn expect_reset(hub: &Hub, last_event_id: &str, reason: &str) -> Pull {
    let mut pull = Pull::of(resuming(hub, Some("ada"), last_event_id));
    assert!(!pull.ready.resumed, "{last_event_id:?}");
    let reset = pull.event();
    assert!(reset.is_reset(), "{reset:?}");
    assert_eq!(reset.data, format!(r#"{{"reason":"{reason}"}}"#));
    assert_eq!(reset.id, format!("{}.{}", hub.stats().epoch, hub.stats().position));
    assert_eq!(pull.all(), []);
    pull
}

#[test]
fn any_id_resumes_after_its_event() {
    let engine = Engine::start();
    let mut live = Pull::of(user(&engine, "ada"));
    for number in 0..10 {
        let text = number.to_string();
        match number % 2 {
            0 => engine.broadcast(data(&text), None).unwrap(),
            _ => engine.send_to_user("ada", data(&text)).unwrap(),
        };
    }
    let all = live.all();
    let ids = std::iter::once(&live.ready.id).chain(all.iter().map(|event| &event.id));
    for (seen, id) in ids.enumerate() {
        let mut again = Pull::of(resuming(&engine, Some("ada"), id));
        assert_eq!((again.ready.resumed, &again.ready.id), (true, id));
        assert_eq!(again.all(), all[seen..]);
    }
}

#[test]
fn resuming_leads_into_live_events() {
    let engine = Engine::start();
    let first = Pull::of(user(&engine, "ada"));
    engine.send_to_user("ada", data("missed")).unwrap();
    let mut peer = Peer::of(resuming(&engine, Some("ada"), &first.ready.id).stream);
    engine.send_to_user("ada", data("live")).unwrap();
    assert_eq!(peer.data(2), ["missed", "live"]);
}

#[test]
fn id_of_the_caller_resumes_as_well() {
    let engine = Engine::start();
    engine.send_to_user("ada", with_id("a", "1")).unwrap();
    engine.broadcast(with_id("b", "2"), None).unwrap();
    engine.send_to_user("ada", with_id("c", "3")).unwrap();
    for (id, rest) in [("a", &["2", "3"][..]), ("b", &["3"]), ("c", &[])] {
        let mut pull = Pull::of(resuming(&engine, Some("ada"), id));
        assert!(pull.ready.resumed);
        assert_eq!(pull.all().into_iter().map(|event| event.data).collect::<Vec<_>>(), rest);
    }
}

#[test]
fn repeated_id_resumes_from_its_first_event() {
    // Doubles can be told apart by the page, a loss cannot.
    let engine = Engine::start();
    engine.send_to_user("ada", with_id("same", "1")).unwrap();
    engine.broadcast(with_id("same", "2"), None).unwrap();
    engine.send_to_user("ada", with_id("same", "3")).unwrap();
    assert_eq!(Pull::of(resuming(&engine, Some("ada"), "same")).data(2), ["2", "3"]);
    // For bob the first of them is the broadcast.
    assert_eq!(Pull::of(resuming(&engine, Some("bob"), "same")).all(), []);
}

#[test]
fn replacing_connection_resumes_the_clients_events() {
    let engine = Engine::start();
    let first = Pull::of(named(&engine, Some("ada"), "tab"));
    engine.send_to_client("tab", data("missed")).unwrap();
    let last_event_id = Some(first.ready.id.as_str());
    let mut again = Pull::of(
        engine
            .connect(Connect { user: Some("ada"), client: Some("tab"), last_event_id, ..Connect::default() })
            .unwrap(),
    );
    assert!(again.ready.resumed);
    assert_eq!(again.data(1), ["missed"]);
}

#[test]
fn events_wait_for_an_absent_client() {
    let engine = Engine::start();
    let first = Pull::of(named(&engine, Some("ada"), "tab"));
    let before = first.ready.id.clone();
    engine.send_to_client("tab", data("on its way when it left")).unwrap();
    drop(first);
    assert!(!engine.send_to_client("tab", data("sent while it was away")).unwrap());
    engine.send_to_user("ada", data("to ada")).unwrap();
    let who = Connect { user: Some("ada"), client: Some("tab"), last_event_id: Some(&before), ..Connect::default() };
    let mut again = Pull::of(engine.connect(who).unwrap());
    assert!(again.ready.resumed);
    assert_eq!(again.data(3), ["on its way when it left", "sent while it was away", "to ada"]);
}

#[tokio::test(start_paused = true)]
async fn dropped_event_of_one_client_resets_it() {
    let history = HistoryOptions { max_age: Duration::from_secs(8), ..HistoryOptions::default() };
    let hub = standing_hub(Options { history, ..two_shards() });
    let first = Pull::of(named(&hub, Some("ada"), "tab"));
    let before = first.ready.id.clone();
    hub.send_to_client("tab", data("missed")).unwrap();
    drop(first);
    advance(Duration::from_secs(12)).await;
    let connect = |last_event_id| {
        let who = Connect {
            user: Some("ada"),
            client: Some("tab"),
            last_event_id: Some(last_event_id),
            ..Connect::default()
        };
        Pull::of(hub.connect(who).unwrap())
    };
    let mut again = connect(&before);
    assert!(!again.ready.resumed);
    let reset = again.event();
    assert!(reset.is_reset());
    drop(again);
    assert!(connect(&reset.id).ready.resumed, "it has been told");
}

#[test]
fn unknown_id_gets_a_reset_first() {
    let engine = Engine::start();
    engine.send_to_user("ada", data("x")).unwrap();
    let epoch = engine.stats().epoch;
    let other = Engine::start().stats().epoch;
    let mut malformed = vec![
        format!("{other}.1"),
        format!("{epoch}.2"),
        format!("{epoch}.18446744073709551615"),
        format!("{epoch}.18446744073709551616"),
        format!("{epoch}.-1"),
        format!("{epoch}.01"),
        format!("{epoch}.1 "),
        format!("{epoch}.1e0"),
        format!("{epoch}."),
        epoch.clone(),
        epoch.to_uppercase() + ".1",
        "x".repeat(100_000),
    ];
    malformed.extend(
        ["", " ", ".", "1", "null", "undefined", "NaN", "%00", "../../etc", "\0", "ä", "\u{1f600}"].map(str::to_owned),
    );
    malformed.extend(["a\nb", "a\r\ndata: forged", "\r", "\u{2028}", "\u{feff}", "*", "{}"].map(str::to_owned));
    for id in malformed {
        expect_reset(&engine, &id, "unknown");
    }
}

#[test]
fn evicted_history_gets_a_reset_first() {
    let history = HistoryOptions { max_events: 3, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    let first = Pull::of(user(&engine, "ada")).ready.id;
    for number in 0..5 {
        engine.send_to_user("ada", data(&number.to_string())).unwrap();
    }
    let epoch = engine.stats().epoch;
    expect_reset(&engine, &first, "evicted");
    expect_reset(&engine, &format!("{epoch}.1"), "evicted");
    // The third event is the oldest left, and a page that has seen the second has missed nothing.
    assert_eq!(Pull::of(resuming(&engine, Some("ada"), &format!("{epoch}.2"))).all().len(), 3);
    // For bob there was nothing at all.
    assert!(Pull::of(resuming(&engine, Some("bob"), &first)).ready.resumed);
}

#[test]
fn client_is_live_after_a_reset() {
    let engine = Engine::start();
    let mut pull = expect_reset(&engine, "unknown", "unknown");
    engine.send_to_user("ada", data("live")).unwrap();
    assert_eq!(pull.data(1), ["live"]);

    let mut peer = Peer::of(resuming(&engine, Some("ada"), "unknown").stream);
    assert!(peer.event().is_reset());
    engine.send_to_user("ada", data("live")).unwrap();
    assert_eq!(peer.data(1), ["live"]);
}

#[test]
fn reset_precedes_events_sent_since_the_connection() {
    let engine = Engine::start();
    let mut pull = Pull::of(resuming(&engine, Some("ada"), "unknown"));
    engine.send_to_user("ada", data("between")).unwrap();
    let events = pull.all();
    assert_eq!((events.len(), events[0].is_reset(), events[0].position()), (2, true, 0));
    assert_eq!(events[1].data, "between");
}

#[test]
fn client_cut_before_its_reset_gets_another() {
    let history = HistoryOptions { max_events: 1, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    let mut last = Pull::of(user(&engine, "ada")).ready.id;
    for _ in 0..3 {
        engine.send_to_user("ada", data("x")).unwrap();
    }
    for (id, reason) in [(last.clone(), "evicted"), ("?".to_owned(), "unknown"), ("\r\nid: 7".to_owned(), "unknown")] {
        last = id;
        for _ in 0..3 {
            // All that arrives is the first event, and the page takes its id.
            let cut = Pull::of(resuming(&engine, Some("ada"), &last));
            assert!(!cut.ready.resumed);
            last.clone_from(&cut.ready.id);
        }
        let reset = Pull::of(resuming(&engine, Some("ada"), &last)).event();
        assert_eq!((reset.is_reset(), reset.data), (true, format!(r#"{{"reason":"{reason}"}}"#)));
    }
}

#[test]
fn id_reveals_no_events_of_others() {
    let engine = Engine::start();
    engine.send_to_user("bob", with_id("secret", "for bob")).unwrap();
    let bobs = format!("{}.1", engine.stats().epoch);
    // An id of the caller's that stands in bob's log alone is as unknown as any.
    expect_reset(&engine, "secret", "unknown");
    // A position is just a position, and what follows is ada's own.
    engine.send_to_user("bob", data("for bob")).unwrap();
    engine.send_to_user("ada", data("for ada")).unwrap();
    assert_eq!(Pull::of(resuming(&engine, Some("ada"), &bobs)).data(1), ["for ada"]);
    assert_eq!(Pull::of(resuming(&engine, None, &bobs)).all(), []);
}

#[test]
fn thousand_returning_clients_resume_from_the_history() {
    let engine = Engine::start();
    let last = Pull::of(anonymous(&engine)).ready.id;
    for number in 0..100 {
        engine.broadcast(data(&number.to_string()), None).unwrap();
    }
    let mut peers: Vec<_> = (0..1_000).map(|_| Peer::of(resuming(&engine, None, &last).stream)).collect();
    for peer in &mut peers {
        assert!(peer.data(100).into_iter().eq((0..100).map(|number| number.to_string())));
    }
    assert_eq!(engine.stats().resets, 0);
}

/// Ids as an attacker would make them, from what he may know.
fn forged() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..40_u64).prop_map(|position| format!("{{epoch}}.{position}")),
        (0..20_u32).prop_map(|number| format!("own {number}")),
        "[ -~]{0,40}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn forged_ids_reveal_nothing(
        last_event_id in forged(),
        user_id in proptest::option::of(prop_oneof![Just("mallory".to_owned()), "(ada|bob)[ -~]", "[ -~]{1,20}"]),
        client_id in proptest::option::of(prop_oneof![Just("tab of ada".to_owned()), "[!-~]{1,20}"]),
    ) {
        let mallory = user_id.as_deref();
        prop_assume!(!matches!(mallory, Some("ada" | "bob")));
        let engine = Engine::with(Options { threads: 1, ..Options::default() });
        let ada = named(&engine, Some("ada"), "tab of ada");
        for number in 0..20 {
            let id = format!("own {number}");
            let id = (number % 3 == 0).then_some(id.as_str());
            let secret = Event { data: "secret", id, ..Event::default() };
            match number % 4 {
                0 => engine.send_to_user("ada", secret).map(drop).unwrap(),
                1 => engine.send_to_user("bob", secret).map(drop).unwrap(),
                2 => engine.send_to_client("tab of ada", secret).map(drop).unwrap(),
                _ => engine.broadcast(Event { data: "public", ..secret }, None).map(drop).unwrap(),
            }
        }
        let last_event_id = last_event_id.replace("{epoch}", &engine.stats().epoch);
        let who = Connect { user: mallory, client: client_id.as_deref(), last_event_id: Some(&last_event_id), ..Connect::default() };
        let while_ada_is_there = engine.connect(who);
        drop(ada);
        let as_her = Connect { client: Some("tab of ada"), ..who };
        prop_assert!(engine.connect(as_her).unwrap_err().is_claimed(), "while she is away it is hers");
        drop(named(&engine, Some("ada"), "tab of ada"));
        let again = named(&engine, Some("ada"), "tab of ada");
        engine.disconnect_user("ada");
        let after_she_was_logged_out = engine.connect(as_her).unwrap();
        drop(again);
        for connected in while_ada_is_there.into_iter().chain([after_she_was_logged_out]) {
            let mut pull = Pull::of(connected);
            engine.send_to_user("ada", data("secret")).unwrap();
            let seen = pull.all();
            prop_assert!(seen.iter().all(|event| event.is_reset() || event.data == "public"), "{:?}", seen);
        }
    }
}
