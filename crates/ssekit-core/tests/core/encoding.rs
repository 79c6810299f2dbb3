//! Events on the wire, byte by byte, and refused events.

use eventsource_stream::Eventsource as _;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use proptest::prelude::*;
use ssekit_core::Event;
use ssekit_core::event::position::Epoch;
use ssekit_core::event::{Frame, RESERVED_PREFIX};
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, data};

const LIMIT: usize = 1 << 20;

fn encode(event: Event<'_>) -> Frame {
    event.encode(LIMIT).unwrap().finish(&Epoch::random(), 1)
}

fn body(event: Event<'_>) -> String {
    String::from_utf8(encode(event).body().to_vec()).unwrap()
}

/// The body of an event with this data and the id `1`.
fn body_of_data(data: &str) -> String {
    body(Event { data, id: Some("1"), ..Event::default() })
}

#[test]
fn the_fields_come_in_the_order_event_retry_data_id() {
    let event = Event { name: "order", data: "{\"a\":1}", id: Some("42"), retry: Some(5_000), ..Event::default() };
    assert_eq!(body(event), "event: order\nretry: 5000\ndata: {\"a\":1}\nid: 42\n\n");
}

#[test]
fn event_without_an_id_gets_its_position() {
    let epoch = Epoch::random();
    for position in [1, 9, 10, 18_446_744_073_709_551_615] {
        let frame = data("x").encode(LIMIT).unwrap().finish(&epoch, position);
        assert_eq!(frame.body(), format!("data: x\nid: {epoch}.{position}\n\n"));
        assert_eq!(frame.own_id(), None);
    }
}

#[test]
fn id_of_the_caller_is_kept_unchanged() {
    let frame = encode(Event { data: "x", id: Some("order 7/b"), ..Event::default() });
    assert_eq!(frame.body(), "data: x\nid: order 7/b\n\n");
    assert_eq!(frame.own_id(), Some("order 7/b"));
}

#[test]
fn an_event_without_a_name_has_no_event_field() {
    assert_eq!(body_of_data("x"), "data: x\nid: 1\n\n");
}

#[test]
fn chunk_frames_the_body() {
    // At and around each number of hexadecimal digits.
    let overhead = body_of_data("").len();
    for length in [16, 17, 255, 256, 4_095, 4_096, 65_535, 65_536, 1_048_575, 1_048_576] {
        let frame = encode(Event { data: &"x".repeat(length - overhead), id: Some("1"), ..Event::default() });
        let body = String::from_utf8(frame.body().to_vec()).unwrap();
        assert_eq!(body.len(), length);
        assert_eq!(frame.chunk(), format!("{length:x}\r\n{body}\r\n"));
    }
}

#[test]
fn event_size_is_limited_by_its_option() {
    let huge = "x".repeat((64 << 20) - 100);
    let frame = data(&huge).encode(64 << 20).unwrap().finish(&Epoch::random(), u64::MAX);
    let body = frame.body();
    assert!(frame.chunk().starts_with(format!("{:x}\r\ndata: xxx", body.len()).as_bytes()));
    assert!(frame.chunk().ends_with(b"\n\n\r\n"));
}

#[test]
fn every_line_ending_starts_a_data_line() {
    for (text, lines) in [
        ("a\nb", "data: a\ndata: b\n"),
        ("a\r\nb", "data: a\ndata: b\n"),
        // The usual bug is to split at LF alone: the page would then read what follows the CR as a field.
        ("a\rid: 666", "data: a\ndata: id: 666\n"),
        ("\n", "data: \ndata: \n"),
        ("\r", "data: \ndata: \n"),
        ("\r\n", "data: \ndata: \n"),
        ("\n\r", "data: \ndata: \ndata: \n"),
        ("\r\r\n\n", "data: \ndata: \ndata: \ndata: \n"),
        ("a\n\n\nevent: forged\n\n", "data: a\ndata: \ndata: \ndata: event: forged\ndata: \ndata: \n"),
    ] {
        assert_eq!(body_of_data(text), format!("{lines}id: 1\n\n"), "{text:?}");
    }
}

#[test]
fn other_separators_start_no_line() {
    for text in ["a\u{85}b", "a\u{2028}b", "a\u{2029}b", "a\u{b}b", "a\u{c}b", "\u{feff}a", "a\0b", "\u{1f600}", ":a"] {
        assert_eq!(body_of_data(text), format!("data: {text}\nid: 1\n\n"), "{text:?}");
    }
}

#[test]
fn empty_data_is_still_an_event() {
    // Without a data line no client would dispatch it.
    assert_eq!(body(Event { name: "ping", id: Some("1"), ..Event::default() }), "event: ping\ndata: \nid: 1\n\n");
}

#[test]
fn blanks_at_the_ends_of_data_survive() {
    for text in [" ", "  a", "a  ", "\ta\t", " a\n b "] {
        let lines: String = text.split('\n').map(|line| format!("data: {line}\n")).collect();
        assert_eq!(body_of_data(text), format!("{lines}id: 1\n\n"), "{text:?}");
    }
}

#[test]
fn a_control_character_in_a_name_is_refused() {
    for character in ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}') {
        for name in [format!("{character}"), format!("a{character}"), format!("a{character}b")] {
            let error = Event { name: &name, ..Event::default() }.encode(LIMIT).unwrap_err();
            assert!(error.is_argument(), "{name:?}");
            assert!(error.to_string().contains(&format!("U+{:04X}", u32::from(character))), "{error}");
        }
    }
}

#[test]
fn a_name_may_hold_anything_else() {
    for name in
        ["a", " a ", "a: b", ":", "ünïcödé", "\u{feff}", "\u{2028}", "__proto__", "ssekit", "SSEKIT:x", "x ssekit:"]
    {
        assert_eq!(
            body(Event { name, id: Some("1"), ..Event::default() }),
            format!("event: {name}\ndata: \nid: 1\n\n")
        );
    }
}

#[test]
fn names_and_ids_with_the_reserved_prefix_are_refused() {
    for text in [RESERVED_PREFIX, "ssekit:reset", "ssekit:anything"] {
        let name = Event { name: text, ..Event::default() };
        let id = Event { id: Some(text), ..Event::default() };
        for event in [name, id] {
            let error = event.encode(LIMIT).unwrap_err();
            assert!(error.is_argument());
            assert!(error.to_string().contains(RESERVED_PREFIX), "{error}");
        }
    }
}

#[test]
fn an_id_that_a_header_cannot_carry_back_is_refused() {
    let long = "x".repeat(257);
    let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').map(|character| format!("a{character}b"));
    let others = ["", " ", " a", "a ", "ä", "日本", "\u{feff}a", "a\u{a0}", &long].map(str::to_owned);
    for id in controls.chain(others) {
        let error = Event { id: Some(&id), ..Event::default() }.encode(LIMIT).unwrap_err();
        assert!(error.is_argument(), "{id:?}");
        assert!(error.to_string().starts_with("event.id: "), "{error}");
    }
}

#[test]
fn any_other_id_is_accepted() {
    let longest = "x".repeat(256);
    for id in ["0", "a b", "~", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}", &longest] {
        assert_eq!(body(Event { data: "x", id: Some(id), ..Event::default() }), format!("data: x\nid: {id}\n\n"));
    }
}

#[test]
fn a_retry_is_a_safe_integer() {
    for retry in [0, 1, 9_007_199_254_740_991] {
        let event = Event { data: "x", id: Some("1"), retry: Some(retry), ..Event::default() };
        assert_eq!(body(event), format!("retry: {retry}\ndata: x\nid: 1\n\n"));
    }
    for retry in [9_007_199_254_740_992, u64::MAX] {
        let error = Event { retry: Some(retry), ..Event::default() }.encode(LIMIT).unwrap_err();
        assert!(error.is_argument());
    }
}

#[test]
fn event_is_accepted_at_the_limit_and_refused_above() {
    let overhead = body_of_data("").len();
    let text = "x".repeat(2_000 - overhead);
    let event = Event { data: &text, id: Some("1"), ..Event::default() };
    let frame = event.encode(2_000).unwrap().finish(&Epoch::random(), u64::MAX);
    assert_eq!(frame.body().len(), 2_000);
    let error = event.encode(1_999).unwrap_err();
    assert!(error.is_range());
    assert!(error.to_string().contains("at most 1,999 on the wire"), "{error}");
}

#[test]
fn longest_position_counts_towards_the_size() {
    let room = "data: \nid: 0123456789.18446744073709551615\n\n".len();
    let text = "x".repeat(2_000 - room);
    let frame = data(&text).encode(2_000).unwrap().finish(&Epoch::random(), u64::MAX);
    assert_eq!(frame.body().len(), 2_000);
    assert!(data(&text).encode(1_999).unwrap_err().is_range());
}

#[test]
fn line_prefixes_count_towards_the_size() {
    // 1,000 bytes of data, and 7 on the wire for each.
    assert!(data(&"\n".repeat(1_000)).encode(4_000).unwrap_err().is_range());
}

#[test]
fn refused_call_sends_nothing() {
    let engine = Engine::start();
    let mut client = Pull::of(ssekit_testing::named(&engine, Some("ada"), "c"));
    let before = engine.stats();
    let bad = Event { name: "\n", ..Event::default() };
    assert!(engine.broadcast(bad, None).unwrap_err().is_argument());
    assert!(engine.send_to_user("ada", bad).unwrap_err().is_argument());
    assert!(engine.send_to_client("c", bad).unwrap_err().is_argument());
    assert!(engine.send_to_user("", data("x")).unwrap_err().is_argument());
    assert!(engine.send_to_user(&"x".repeat(257), data("x")).unwrap_err().is_argument());
    assert!(engine.send_to_client("", data("x")).unwrap_err().is_argument());
    assert!(engine.broadcast(data("x"), Some("")).unwrap_err().is_argument());
    assert!(engine.broadcast(data(&"x".repeat(2 << 20)), None).unwrap_err().is_range());
    assert_eq!(engine.stats(), before);
    assert_eq!(client.all(), []);
}

#[test]
fn user_ids_are_taken_literally() {
    let engine = Engine::start();
    let longest = "x".repeat(256);
    let ids =
        ["a", "a ", "A", "a\0", "a\n", "a/b", "a:b", "a*", "*", "__proto__", "ä", "a\u{308}", "\u{e4}\u{0}", &longest];
    let mut clients = ids.map(|id| Pull::of(ssekit_testing::user(&engine, id)));
    for id in ids {
        assert_eq!(engine.send_to_user(id, data(&format!("for {id:?}"))).unwrap(), 1);
    }
    for (id, client) in ids.into_iter().zip(&mut clients) {
        assert_eq!(client.ready.user_id.as_deref(), Some(id));
        assert_eq!(client.data(1), [format!("for {id:?}")]);
        assert_eq!(client.all(), []);
    }
}

/// Text with everything that matters to the format more often than chance would have it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just(" ".to_owned()),
        Just(":".to_owned()),
        Just("data: x".to_owned()),
        Just("id".to_owned()),
        Just("\0".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\u{2028}".to_owned()),
        any::<String>(),
        "[ -~]{0,12}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn header_text() -> impl Strategy<Value = String> {
    "[!-~]([ -~]{0,30}[!-~])?"
}

/// The third party's events from some bytes, cut where the strategy says.
fn parsed(bytes: &[u8], cut: usize) -> Vec<eventsource_stream::Event> {
    let (head, tail) = bytes.split_at(cut);
    let pieces = stream::iter([Ok::<_, std::convert::Infallible>(head.to_vec()), Ok(tail.to_vec())]);
    let events = pieces.eventsource().collect::<Vec<_>>().now_or_never().unwrap();
    events.into_iter().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// The third party is `eventsource-stream` 0.2. Its errors (it panics at a byte order mark that begins the
    /// stream, and takes `retry: +5`) concern nothing that ssekit ever writes.
    #[test]
    fn third_party_parser_reads_every_event(
        data in text(),
        name in text().prop_filter("refused", |name| !name.contains(char::is_control) && !name.starts_with(RESERVED_PREFIX)),
        id in proptest::option::of(header_text()),
        retry in proptest::option::of(0..=9_007_199_254_740_991_u64),
        position in 1..u64::MAX,
        cut in any::<proptest::sample::Index>(),
    ) {
        let epoch = Epoch::random();
        let event = Event { name: &name, data: &data, id: id.as_deref(), retry, ..Event::default() };
        let frame = event.encode(LIMIT).unwrap().finish(&epoch, position);
        let next = Event { data: "next", ..Event::default() }.encode(LIMIT).unwrap().finish(&epoch, position);
        let bytes = [frame.body(), next.body()].concat();
        let events = parsed(&bytes, cut.index(bytes.len()));

        prop_assert_eq!(events.len(), 2);
        prop_assert_eq!(&events[0].event, if name.is_empty() { "message" } else { &name });
        // By the format's own rule a line end in the data reaches the page as LF.
        prop_assert_eq!(&events[0].data, &data.replace("\r\n", "\n").replace('\r', "\n"));
        prop_assert_eq!(&events[0].id, &id.unwrap_or_else(|| epoch.id(position)));
        prop_assert_eq!(events[0].retry, retry.map(std::time::Duration::from_millis));
        // Nothing of it has spilled over.
        prop_assert_eq!((events[1].event.as_str(), events[1].data.as_str()), ("message", "next"));
        prop_assert_eq!(&events[1].id, &epoch.id(position));
    }
}
