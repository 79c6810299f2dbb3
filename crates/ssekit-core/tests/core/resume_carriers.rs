//! However a page comes back, whatever is sent before its first byte, and however it ends: every carrier brings the same.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use ssekit_core::{Connect, Connected, DrainOptions, Event, Hub, Stream};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::{Parser, Received, ready_in};
use ssekit_testing::{data, keeping_all, standing_hub, work};

/// The audience of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Page,
    Ada,
    All,
    AllOthers,
    Bob,
    OtherPage,
}

impl Audience {
    fn is_for_page(self) -> bool {
        matches!(self, Self::Page | Self::Ada | Self::All)
    }

    fn send(self, hub: &Hub, event: Event<'_>) {
        match self {
            Self::Page => drop(hub.send_to_client("tab", event).unwrap()),
            Self::Ada => drop(hub.send_to_user("ada", event).unwrap()),
            Self::All => drop(hub.broadcast(event, None).unwrap()),
            Self::AllOthers => drop(hub.broadcast(event, Some("tab")).unwrap()),
            Self::Bob => drop(hub.send_to_user("bob", event).unwrap()),
            Self::OtherPage => drop(hub.send_to_client("other tab", event).unwrap()),
        }
    }
}

/// The ways in which a page comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resume {
    /// It was never here.
    First,
    /// With its client id alone.
    WithoutLastId,
    ById,
    ByOwnId,
    OtherEpoch,
    Malformed,
    OwedUnknown,
    OwedEvicted,
}

/// The ways in which its stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    StaysOpen,
    Client,
    User,
    Drain,
}

#[derive(Debug, Clone, Copy)]
enum Carrier {
    /// By `poll_next`, as HTTP/2 does it.
    Pulled,
    /// By `poll_chunk`, as Node does it.
    InChunks,
    HandedOff,
}

#[derive(Debug, Clone)]
struct Scene {
    resume: Resume,
    /// The events of its earlier connection, and those after it.
    seen: Vec<Audience>,
    missed: Vec<Audience>,
    /// The events sent before the first byte is written, and after it.
    meanwhile: Vec<Audience>,
    live: Vec<Audience>,
    end: End,
    /// The end comes before the first byte, too.
    ends_unread: bool,
}

fn scene() -> impl Strategy<Value = Scene> {
    use Audience::{Ada, All, AllOthers, Bob, OtherPage, Page};
    let some =
        || proptest::collection::vec(proptest::sample::select(&[Page, Ada, All, AllOthers, Bob, OtherPage]), 0..4);
    let resume = proptest::sample::select(&[
        Resume::First,
        Resume::WithoutLastId,
        Resume::ById,
        Resume::ByOwnId,
        Resume::OtherEpoch,
        Resume::Malformed,
        Resume::OwedUnknown,
        Resume::OwedEvicted,
    ]);
    let end = proptest::sample::select(&[End::StaysOpen, End::Client, End::User, End::Drain]);
    (resume, some(), some(), some(), some(), end, any::<bool>()).prop_map(
        |(resume, seen, missed, meanwhile, live, end, ends_unread)| Scene {
            resume,
            seen,
            missed,
            meanwhile,
            live,
            end,
            ends_unread,
        },
    )
}

/// A page's end of a stream that one of them carries.
enum Page {
    Pulled(Pull),
    InChunks(Stream, Parser),
    HandedOff(Peer),
}

impl Page {
    fn of(connected: Connected, carrier: Carrier) -> Self {
        match carrier {
            Carrier::Pulled => Self::Pulled(Pull::of(connected)),
            Carrier::InChunks => Self::InChunks(connected.stream, Parser::default()),
            Carrier::HandedOff => Self::HandedOff(Peer::of(connected.stream)),
        }
    }

    /// The `expected` number of waiting events, or all if the stream must have ended.
    async fn take(&mut self, expected: usize, ended: bool) -> Vec<Received> {
        work().await;
        match self {
            Self::Pulled(pull) => {
                let events = pull.all();
                assert_eq!(pull.has_ended(), ended);
                events
            }
            Self::InChunks(stream, parser) => {
                let mut cx = Context::from_waker(Waker::noop());
                let has_ended = loop {
                    match stream.poll_chunk(&mut cx, 1_000) {
                        Poll::Ready(Some(chunk)) => parser.push(&chunk.into_bytes()),
                        Poll::Ready(None) => break true,
                        Poll::Pending => break false,
                    }
                };
                assert_eq!(has_ended, ended);
                std::iter::from_fn(|| parser.pop()).collect()
            }
            Self::HandedOff(peer) if ended => peer.finish(),
            Self::HandedOff(peer) => peer.events(expected),
        }
    }
}

fn text(event: &Received) -> String {
    match event.name.as_str() {
        "" => event.data.clone(),
        "ssekit:reset" => format!("reset {}", event.data),
        name => name.to_owned(),
    }
}

async fn end(hub: &Hub, how: End) {
    match how {
        End::StaysOpen => {}
        End::Client => assert!(hub.disconnect_client("tab")),
        End::User => assert_eq!(hub.disconnect_user("ada"), 1),
        End::Drain => hub.drain(DrainOptions { window: Duration::ZERO, ..DrainOptions::default() }).await,
    }
}

fn send_all(hub: &Hub, audiences: &[Audience], what: &str) -> Vec<String> {
    let mut for_page = Vec::new();
    for (number, audience) in audiences.iter().enumerate() {
        let text = format!("{what} {number}");
        audience.send(hub, data(&text));
        for_page.extend(audience.is_for_page().then_some(text));
    }
    for_page
}

async fn play(scene: &Scene, carrier: Carrier) {
    let hub = standing_hub(keeping_all());
    let who = Connect { user: Some("ada"), client: Some("tab"), ..Connect::default() };
    let mut last_id = None;
    if scene.resume != Resume::First {
        let mut page = Page::of(hub.connect(who).unwrap(), carrier);
        let seen = send_all(&hub, &scene.seen, "seen");
        hub.send_to_user("ada", Event { id: Some("own"), data: "last", ..Event::default() }).unwrap();
        let events = page.take(seen.len() + 1, false).await;
        assert_eq!(events.iter().map(text).collect::<Vec<_>>()[..seen.len()], seen);
        last_id = Some(format!("{}.{}", hub.stats().epoch, hub.stats().position));
        drop(page);
        // A socket's end is noticed by its shard.
        while hub.stats().clients > 0 {
            work().await;
        }
    }
    let missed = send_all(&hub, &scene.missed, "missed");
    let (last_event_id, mut expected) = match scene.resume {
        Resume::First => (None, vec![]),
        Resume::WithoutLastId if missed.is_empty() => (None, vec![]),
        Resume::WithoutLastId => (None, vec![r#"reset {"reason":"unknown"}"#.to_owned()]),
        Resume::ById => (last_id.as_deref(), missed),
        Resume::ByOwnId => (Some("own"), missed),
        Resume::OwedEvicted => (Some("ssekit:evicted"), vec![r#"reset {"reason":"evicted"}"#.to_owned()]),
        Resume::OwedUnknown => (Some("ssekit:unknown"), vec![r#"reset {"reason":"unknown"}"#.to_owned()]),
        Resume::OtherEpoch => (Some("0123456789.1"), vec![r#"reset {"reason":"unknown"}"#.to_owned()]),
        Resume::Malformed => (Some("?"), vec![r#"reset {"reason":"unknown"}"#.to_owned()]),
    };
    let connected_at = hub.stats().position;
    let connected = hub.connect(Connect { last_event_id, ..who }).unwrap();
    let ready = ready_in(&connected.opening);
    assert_eq!(ready.resumed, matches!(scene.resume, Resume::ById | Resume::ByOwnId));
    let mut page = Page::of(connected, carrier);
    expected.extend(send_all(&hub, &scene.meanwhile, "meanwhile"));
    if !scene.ends_unread {
        let events = page.take(expected.len(), false).await;
        assert_eq!(events.iter().map(text).collect::<Vec<_>>(), expected);
        for reset in events.iter().filter(|event| event.is_reset()) {
            assert_eq!(reset.id, format!("{}.{connected_at}", hub.stats().epoch));
        }
        expected.clear();
    }
    expected.extend(send_all(&hub, &scene.live, "live"));
    end(&hub, scene.end).await;
    expected.extend((scene.end == End::Drain).then(|| "ssekit:drain".to_owned()));
    let events = page.take(expected.len(), scene.end != End::StaysOpen).await;
    assert_eq!(events.iter().map(text).collect::<Vec<_>>(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_carrier_matches_the_model(scene in scene()) {
        for carrier in [Carrier::Pulled, Carrier::InChunks, Carrier::HandedOff] {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            runtime.block_on(play(&scene, carrier));
        }
    }
}
