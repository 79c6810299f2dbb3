//! Many streams of one carrier: it gets one notice, and reads them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use ssekit_core::{Carried, DisconnectReason, Hub, Options, Readable, ReadyQueue};
use ssekit_testing::peer::Peer;
use ssekit_testing::{Engine, data, eventually, user};

const MAX_BYTES: usize = 64 * 1024;

/// A carrier that counts its notifications.
struct Carrier {
    queue: Arc<ReadyQueue>,
    notified: Arc<AtomicUsize>,
}

impl Carrier {
    fn new() -> Self {
        let notified = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&notified);
        let queue = ReadyQueue::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        Self { queue, notified }
    }

    fn carry(&self, hub: &Hub, token: u32, name: &str) -> Arc<Carried> {
        self.queue.carry(token, user(hub, name).stream)
    }

    /// Streams that flow and have nothing to read.
    fn flowing(&self, engine: &Engine, tokens: std::ops::Range<u32>) -> Vec<Arc<Carried>> {
        let streams: Vec<_> = tokens.map(|token| self.carry(engine, token, "ada")).collect();
        // By then, the shards know all of them, and wake none because it is new.
        engine.block_on(engine.flush());
        streams.iter().for_each(|carried| carried.flow());
        assert_eq!(self.take(), []);
        self.notified.store(0, Ordering::SeqCst);
        streams
    }

    fn notified(&self) -> usize {
        self.notified.load(Ordering::SeqCst)
    }

    /// The tokens that can be read, with the text that each gets.
    fn take(&self) -> Vec<(u32, String)> {
        texts(&self.queue.take(usize::MAX, MAX_BYTES))
    }

    /// The same, when the shards have woken `count` streams.
    fn wait_for(&self, count: usize) -> Vec<(u32, String)> {
        let mut all = Vec::new();
        eventually("the streams can be read", || {
            all.extend(self.take());
            all.len() >= count
        });
        all.sort();
        all
    }
}

fn texts(readable: &Readable) -> Vec<(u32, String)> {
    let text = |chunk: Option<usize>| match chunk {
        Some(chunk) => String::from_utf8(readable.chunks[chunk].to_vec()).unwrap(),
        None => "end".to_owned(),
    };
    let data = |text: String| {
        let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        if text == "end" { text } else { lines.join(" ") }
    };
    readable.streams.iter().map(|(token, chunk)| (*token, data(text(*chunk)))).collect()
}

fn expect(tokens: impl IntoIterator<Item = u32>, text: &str) -> Vec<(u32, String)> {
    tokens.into_iter().map(|token| (token, text.to_owned())).collect()
}

#[test]
fn broadcast_is_read_together_and_its_bytes_once() {
    let (engine, carrier) = (Engine::start(), Carrier::new());
    let _streams = carrier.flowing(&engine, 0..50);
    engine.broadcast(data("x"), None).unwrap();
    let (mut tokens, mut chunks) = (Vec::new(), 0);
    eventually("all can be read", || {
        let readable = carrier.queue.take(usize::MAX, MAX_BYTES);
        tokens.extend(texts(&readable));
        assert!(readable.chunks.len() <= 1, "{} copies of one event", readable.chunks.len());
        chunks += readable.chunks.len();
        tokens.len() == 50
    });
    tokens.sort();
    assert_eq!(tokens, expect(0..50, "x"));
    // Each read was announced once, however many streams it covered.
    assert!(carrier.notified() <= chunks, "{} notifications for {chunks} reads", carrier.notified());
}

#[test]
fn unread_stream_is_announced_once() {
    // One shard, which wakes streams in the order of the events.
    let engine = Engine::with(Options { threads: 1, ..Options::default() });
    let (carrier, other) = (Carrier::new(), Carrier::new());
    let _stream = carrier.flowing(&engine, 0..1);
    let bob = other.carry(&engine, 1, "bob");
    engine.block_on(engine.flush());
    assert!(bob.read(MAX_BYTES).is_pending());
    for text in ["a", "b", "c"] {
        engine.send_to_user("ada", data(text)).unwrap();
    }
    engine.send_to_user("bob", data("last")).unwrap();
    eventually("the last stream is woken", || other.notified() == 1);
    assert_eq!(carrier.notified(), 1);
    assert_eq!(carrier.take(), expect([0], "a b c"));
}

#[test]
fn carrier_gets_one_chunk_unless_the_stream_flows() {
    let (engine, carrier) = (Engine::start(), Carrier::new());
    let stream = carrier.carry(&engine, 7, "ada");
    engine.send_to_user("ada", data("unasked")).unwrap();
    assert_eq!(carrier.take(), []);
    assert!(matches!(stream.read(MAX_BYTES), Poll::Ready(Some(_))));
    assert!(stream.read(MAX_BYTES).is_pending());
    engine.send_to_user("ada", data("next")).unwrap();
    assert_eq!(carrier.wait_for(1), expect([7], "next"));
    engine.send_to_user("ada", data("enough")).unwrap();
    engine.send_to_user("ada", data("really")).unwrap();
    assert_eq!(carrier.take(), []);
    stream.flow();
    assert_eq!(carrier.wait_for(1), expect([7], "enough really"));
    stream.pause();
    engine.send_to_user("ada", data("kept")).unwrap();
    assert_eq!(carrier.take(), []);
    stream.flow();
    assert_eq!(carrier.wait_for(1), expect([7], "kept"));
}

#[test]
fn carrier_that_takes_few_streams_is_told_of_more() {
    let engine = Engine::with(Options { threads: 1, ..Options::default() });
    let carrier = Carrier::new();
    let streams: Vec<_> = (0..10).map(|token| carrier.carry(&engine, token, "ada")).collect();
    let mut last = Peer::of(user(&engine, "ada").stream);
    engine.broadcast(data("x"), None).unwrap();
    // By then, the shard has woken all others, and no stream comes back without events.
    assert_eq!(last.data(1), ["x"]);
    streams.iter().for_each(|stream| stream.flow());
    let (mut tokens, mut reads) = (Vec::new(), 0);
    loop {
        let readable = carrier.queue.take(3, MAX_BYTES);
        assert!(readable.streams.len() <= 3);
        tokens.extend(texts(&readable));
        reads += 1;
        if !readable.more {
            break;
        }
    }
    assert_eq!((tokens, reads), (expect(0..10, "x"), 4));
}

#[test]
fn large_stream_comes_back_for_its_rest() {
    let (engine, carrier) = (Engine::start(), Carrier::new());
    let stream = carrier.carry(&engine, 1, "ada");
    let large = "x".repeat(1_000);
    for _ in 0..10 {
        engine.send_to_user("ada", data(&large)).unwrap();
    }
    stream.flow();
    let (mut events, mut reads) = (0, 0);
    loop {
        let readable = carrier.queue.take(usize::MAX, 3_000);
        reads += 1;
        let chunk = readable.chunks.first().unwrap().to_vec();
        events += chunk.windows(6).filter(|window| window == b"data: ").count();
        if !readable.more {
            break;
        }
    }
    assert_eq!(events, 10);
    assert!(reads >= 5, "at most 3,000 bytes at a time, in {reads} reads");
}

#[test]
fn ended_stream_is_reported_and_dropped_stream_is_not() {
    let (engine, carrier) = (Engine::start(), Carrier::new());
    let mut streams = carrier.flowing(&engine, 0..3);
    streams[0].close(DisconnectReason::Server);
    drop(streams.remove(1));
    engine.broadcast(data("x"), None).unwrap();
    assert_eq!(carrier.wait_for(2), [(0, "end".to_owned()), (2, "x".to_owned())]);
    assert_eq!(engine.active_clients().len(), 1);
}

#[cfg(unix)]
#[test]
fn closed_socket_of_a_watched_stream_is_reported() {
    use std::os::unix::net::UnixStream;

    use ssekit_core::Framing;

    let (engine, carrier) = (Engine::start(), Carrier::new());
    let (watched, other) = (carrier.carry(&engine, 1, "ada"), carrier.carry(&engine, 2, "ada"));
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (ours_too, theirs_too) = UnixStream::pair().unwrap();
    watched.hand_off(ours.into(), Framing::UntilClose, true).unwrap();
    other.hand_off(ours_too.into(), Framing::UntilClose, false).unwrap();
    assert_eq!(carrier.notified(), 0);
    drop((theirs, theirs_too));
    eventually("both clients are gone", || engine.active_clients().is_empty());
    eventually("the carrier is told", || carrier.notified() > 0);
    assert_eq!(carrier.queue.take(usize::MAX, MAX_BYTES).closed, [1]);
}
