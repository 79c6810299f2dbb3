//! Somebody else's parser reads encoded events unchanged, and text that could forge a field is refused.
#![no_main]

use eventsource_stream::Eventsource as _;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use libfuzzer_sys::fuzz_target;
use ssekit_core::Event;
use ssekit_core::event::Frame;
use ssekit_core::event::position::Epoch;

const LIMIT: usize = 1 << 20;

/// The name, the data, the id, the retry, and where the bytes are cut.
type Input<'a> = (&'a str, &'a str, Option<&'a str>, Option<u64>, u16);

fn frame(event: Event<'_>, epoch: &Epoch) -> Option<Frame> {
    event.encode(LIMIT).ok().map(|draft| draft.finish(epoch, 7))
}

fuzz_target!(|input: Input<'_>| {
    let (name, data, id, retry, cut) = input;
    let epoch = Epoch::random();
    let Some(own) = frame(Event { name, data, id, retry, ..Event::default() }, &epoch) else { return };
    let next = frame(Event { data: "next", ..Event::default() }, &epoch).expect("nothing is wrong with it");

    let (body, chunk) = (own.body(), own.chunk());
    assert_eq!(chunk, [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat());

    let bytes = [body, next.body()].concat();
    let (head, tail) = bytes.split_at(usize::from(cut) % bytes.len());
    let pieces = stream::iter([Ok::<_, std::convert::Infallible>(head.to_vec()), Ok(tail.to_vec())]);
    let events = pieces.eventsource().collect::<Vec<_>>().now_or_never().expect("all of it is there");
    let events: Vec<_> = events.into_iter().map(|event| event.expect("a well-formed event")).collect();

    assert_eq!(events.len(), 2);
    assert_eq!(events[0].event, if name.is_empty() { "message" } else { name });
    assert_eq!(events[0].data, data.replace("\r\n", "\n").replace('\r', "\n"));
    assert_eq!(events[0].id, id.map_or_else(|| epoch.id(7), str::to_owned));
    assert_eq!(events[0].retry.map(|retry| retry.as_millis()), retry.map(u128::from));
    assert_eq!((events[1].event.as_str(), events[1].data.as_str()), ("message", "next"));
});
