//! A peer that does not read costs nobody else anything, and loses nothing in silence.

use proptest::prelude::*;
use ssekit_core::{Framing, HistoryOptions, Hub, Options};
use ssekit_testing::peer::{Peer, narrow_pair};
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::{Dechunker, Received, events_before_cut, position_of, ready_in};
use ssekit_testing::{Engine, anonymous, data, eventually, keeping_all, resuming, two_shards, user};

/// More than the kernel's buffers of a narrow pair take.
const MUCH: usize = 200;

fn large(number: usize) -> String {
    format!("{number} {}", "x".repeat(10_000))
}

fn number_of(event: &Received) -> usize {
    event.data.split_once(' ').unwrap().0.parse().unwrap()
}

fn short_history() -> Options {
    Options { history: HistoryOptions { max_events: 20, ..HistoryOptions::default() }, ..two_shards() }
}

#[test]
fn reader_back_in_time_gets_everything() {
    let engine = Engine::with(keeping_all());
    let (mut slow, mut quick) = (Peer::narrow(anonymous(&engine).stream), Peer::of(anonymous(&engine).stream));
    for number in 0..MUCH {
        engine.broadcast(data(&large(number)), None).unwrap();
        assert_eq!(number_of(&quick.event()), number);
    }
    for number in 0..MUCH {
        assert_eq!(slow.event().data, large(number));
    }
    assert_eq!(engine.stats().resets, 0);
}

#[test]
fn late_reader_gets_a_reset_first() {
    let engine = Engine::with(short_history());
    let (mut slow, mut quick) = (Peer::narrow(anonymous(&engine).stream), Peer::of(anonymous(&engine).stream));
    for number in 0..MUCH {
        engine.broadcast(data(&large(number)), None).unwrap();
        assert_eq!(number_of(&quick.event()), number, "nobody else is kept waiting");
        assert!(engine.stats().history.events <= 20);
    }
    // The events that the kernel had taken come without a hole, then the reset.
    let mut events = vec![];
    while !events.last().is_some_and(Received::is_reset) {
        events.push(slow.event());
    }
    let reset = events.pop().unwrap();
    assert!(events.iter().map(number_of).eq(0..events.len()));
    assert!(events.len() < MUCH - 20);
    assert_eq!((reset.data.as_str(), reset.position()), (r#"{"reason":"evicted"}"#, MUCH as u64));
    eventually("the reset is counted", || engine.stats().resets == 1);
    // From there on it is like everybody else.
    engine.broadcast(data("after"), None).unwrap();
    assert_eq!(slow.event().data, "after");
}

#[test]
fn unpulled_stream_gets_a_reset() {
    let engine = Engine::with(short_history());
    let mut pull = Pull::of(user(&engine, "ada"));
    for number in 0..10 {
        engine.send_to_user("ada", data(&large(number))).unwrap();
    }
    assert_eq!(pull.all().len(), 10);
    for number in 0..21 {
        engine.send_to_user("ada", data(&large(number))).unwrap();
    }
    let events = pull.all();
    assert_eq!((events.len(), events[0].is_reset(), events[0].position()), (1, true, 31));
    engine.send_to_user("ada", data("after")).unwrap();
    assert_eq!(pull.data(1), ["after"]);
}

#[test]
fn history_filled_by_others_is_no_gap() {
    let engine = Engine::with(short_history());
    let mut pull = Pull::of(user(&engine, "ada"));
    engine.send_to_user("ada", data("for ada")).unwrap();
    for _ in 0..1_000 {
        engine.send_to_user("bob", data("for bob")).unwrap();
    }
    assert_eq!(pull.data(1), ["for ada"]);
    assert_eq!(pull.all(), []);
}

#[test]
fn byte_wise_reader_gets_everything() {
    let engine = Engine::start();
    let client = anonymous(&engine);
    let (server, peer) = narrow_pair();
    let mut stream = client.stream;
    stream.hand_off(server.into(), Framing::Chunked).unwrap();
    for number in 0..30 {
        engine.broadcast(data(&number.to_string()), None).unwrap();
    }
    let mut reader = std::io::BufReader::with_capacity(1, peer);
    let (mut dechunker, mut body) = (Dechunker::default(), vec![]);
    while events_before_cut(&body).len() < 30 {
        let mut byte = [0];
        std::io::Read::read_exact(&mut reader, &mut byte).unwrap();
        body.extend(dechunker.push(&byte));
    }
    assert!(events_before_cut(&body).iter().map(|event| event.data.clone()).eq((0..30).map(|n| n.to_string())));
}

/// All that a client of the user gets over its socket up to an event with the data `last`.
fn wire(hub: &Hub, last_event_id: &str) -> Vec<u8> {
    let mut bytes = vec![];
    let mut stream = resuming(hub, Some("ada"), last_event_id).stream;
    let (server, mut peer) = ssekit_testing::peer::socket_pair();
    stream.hand_off(server.into(), Framing::Chunked).unwrap();
    while !bytes.windows(10).any(|window| window == b"data: last") || !bytes.ends_with(b"\n\n\r\n") {
        let mut buffer = [0; 4096];
        let read = std::io::Read::read(&mut peer, &mut buffer).unwrap();
        assert_ne!(read, 0);
        bytes.extend_from_slice(&buffer[..read]);
    }
    bytes
}

#[test]
fn client_cut_at_any_byte_loses_nothing() {
    let engine = Engine::start();
    let first = user(&engine, "ada");
    let start = ready_in(&first.opening).id;
    drop(first);
    for text in ["one", "two lines\nof text", "zwölf Grüße 日本 \u{1f600}", "", "{\"a\":1}", "last"] {
        engine.send_to_user("ada", data(text)).unwrap();
        engine.send_to_user("bob", data("not for ada")).unwrap();
    }
    let whole = wire(&engine, &start);
    let all = events_before_cut(&Dechunker::default().push(&whole));
    assert_eq!(all.len(), 6);
    for cut in 0..=whole.len() {
        // A chunk that has only begun may or may not reach the page's parser: both are tried.
        let mut dechunker = Dechunker::default();
        let body = dechunker.push(&whole[..cut]);
        let with_begun = [&body, dechunker.begun()].concat();
        for received in [body, with_begun] {
            let mut events = events_before_cut(&received);
            let last = events.last().map_or(start.clone(), |event| event.id.clone());
            let mut again = Pull::of(resuming(&engine, Some("ada"), &last));
            assert!(again.ready.resumed);
            events.extend(again.all());
            assert_eq!(events, all, "cut at {cut}");
        }
    }
}

#[test]
fn interrupted_large_event_is_sent_again_whole() {
    let engine = Engine::with(keeping_all());
    let mut last = ready_in(&user(&engine, "ada").opening).id;
    let text = |number: usize| format!("{number} {}", "ü".repeat(300_000));
    for number in 0..5 {
        engine.send_to_user("ada", data(&text(number))).unwrap();
    }
    let mut seen = 0;
    while seen < 5 {
        let mut peer = Peer::narrow(resuming(&engine, Some("ada"), &last).stream);
        let event = peer.event();
        assert_eq!(event.data, text(seen));
        last = event.id;
        seen += 1;
        // Some of the next one is in the buffers when the connection is reset.
        peer.reset();
    }
    eventually("everybody has left", || engine.stats().clients == 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Slow and quick reads in any pattern, over any short history: every gap comes with a reset.
    #[test]
    fn reader_of_any_rhythm_gets_everything_or_a_reset(
        max_events in 1..40_usize,
        rounds in proptest::collection::vec((1..40_usize, 0..60_usize, 1..4_000_usize), 1..12),
    ) {
        let history = HistoryOptions { max_events, ..HistoryOptions::default() };
        let engine = Engine::with(Options { history, ..two_shards() });
        let mut peer = Peer::narrow(anonymous(&engine).stream);
        let (mut sent, mut cursor) = (0, 0);
        let mut check = |event: Received, sent: u64| {
            if event.is_reset() {
                assert!(event.position() > cursor && event.position() <= sent);
            } else {
                assert_eq!(event.position(), cursor + 1);
            }
            cursor = event.position();
            cursor
        };
        let mut read = 0;
        for (publish, most, size) in rounds {
            for _ in 0..publish {
                engine.broadcast(data(&"x".repeat(size)), None).unwrap();
                sent += 1;
            }
            for _ in 0..most {
                if read == sent {
                    break;
                }
                read = check(peer.event(), sent);
            }
        }
        while read < sent {
            read = check(peer.event(), sent);
        }
        prop_assert_eq!(position_of(&ready_in(&anonymous(&engine).opening).id), sent);
    }
}
