//! `ssekit:ready` says what a page needs to know before its first event.

use std::time::Duration;

use ssekit_core::{Connect, Options};
use ssekit_testing::Engine;
use ssekit_testing::wire::events_in;

fn ready(engine: &Engine, who: Connect<'_>) -> String {
    let events = events_in(&engine.connect(who).unwrap().opening);
    let [event] = &events[..] else { panic!("one event: {events:?}") };
    event.data.clone()
}

#[test]
fn ready_names_the_channels_of_the_stream() {
    let engine = Engine::start();
    let who = Connect { user: Some("ada"), client: Some("tab"), ..Connect::default() };
    assert_eq!(ready(&engine, who), r#"{"clientId":"tab","resumed":false,"userId":"ada"}"#);
    let kept = engine.connect(Connect { channels: &["b", "\"a\""], ..who }).unwrap();
    drop(kept);
    let again = ready(&engine, Connect { channels: &["c"], ..who });
    assert_eq!(again, r#"{"channels":["c","b","\"a\""],"clientId":"tab","resumed":false,"userId":"ada"}"#);
}

#[test]
fn ready_names_an_unusual_heartbeat() {
    let who = Connect { user: Some("ada"), client: Some("tab"), ..Connect::default() };
    for (heartbeat, said) in
        [(24_999, r#""heartbeatMs":24999,"#), (25_000, ""), (3_600_000, r#""heartbeatMs":3600000,"#)]
    {
        let heartbeat = Duration::from_millis(heartbeat);
        let engine = Engine::with(Options { heartbeat, ..Options::default() });
        let expected = format!(r#"{{"clientId":"tab",{said}"resumed":false,"userId":"ada"}}"#);
        assert_eq!(ready(&engine, who), expected);
    }
}

#[test]
fn ready_carries_what_the_application_adds() {
    let engine = Engine::start();
    for welcome in [r#"{"a":[1.10,"\ud800"]}"#, "null", "12345678901234567890"] {
        let who = Connect { client: Some("tab"), user: Some("ada"), welcome: Some(welcome), ..Connect::default() };
        let expected = format!(r#"{{"clientId":"tab","resumed":false,"userId":"ada","welcome":{welcome}}}"#);
        assert_eq!(ready(&engine, who), expected);
    }
}

#[test]
fn welcome_is_no_longer_than_an_event() {
    let engine = Engine::with(Options { max_event_bytes: 2_000, ..Options::default() });
    let long = format!("\"{}\"", "x".repeat(1_999));
    let error = engine.connect(Connect { welcome: Some(&long), ..Connect::default() }).unwrap_err();
    assert!(error.is_range() && error.to_string().starts_with("welcome: got 2,001 bytes"), "{error}");
    assert_eq!(engine.stats().connects, 0);
    engine.connect(Connect { welcome: Some(&long[1..]), ..Connect::default() }).unwrap();
}
