//! Any bytes, in any pieces, get an answer or the end of the connection, and never harm anybody else.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use ssekit_http::{ListenerLimits, ListenerOptions};
use ssekit_testing::data;
use ssekit_testing::door::{Door, TOKEN, anonymous};
use ssekit_testing::http_parts::{PARTS, frame, good_beginnings};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => proptest::sample::select(PARTS).prop_map(|part| part.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
        2 => proptest::sample::select(good_beginnings()),
        // Frames of HTTP/2, with any head and some payload.
        1 => (0_u8..40, any::<u8>(), 0_u32..6, vec(any::<u8>(), 0..40)).prop_map(|(kind, flags, stream, payload)| {
            frame(kind, flags, stream, &payload)
        }),
    ];
    vec(part, 0..30).prop_map(|parts| parts.concat())
}

#[test]
fn arbitrary_bytes_do_no_harm() {
    let short = Duration::from_millis(20);
    let limits =
        ListenerLimits { header_timeout: short, body_timeout: short, idle_timeout: short, ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, publish_token: Some(TOKEN.to_owned()), ..anonymous() });
    let witness = std::cell::RefCell::new(door.stream("/events"));
    proptest!(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() }, |(bytes in bytes(), cut in any::<prop::sample::Index>())| {
        let mut visitor = door.connect();
        let (first, second) = bytes.split_at(cut.index(bytes.len() + 1));
        visitor.try_send(first);
        visitor.try_send(second);
        // The answer is HTTP, or nothing.
        let answer = visitor.beginning();
        prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.") || answer[3..5] == [4, 0], "{answer:?}");
        drop(visitor);
        door.engine.broadcast(data("mark"), None).unwrap();
        let mut witness = witness.borrow_mut();
        while witness.peer.event().data != "mark" {}
    });
    door.wait_for_clients(1);
    ssekit_testing::eventually("only the witness is left", || door.listener.connections() == 1);
}
