//! The engine's real paths, each repeated as often as the caller says.
//!
//! Everything is done by one thread, so that the instructions of two runs are the same: the shard runs while the scenario waits
//! for its flush.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ssekit_core::event::position::Epoch;
use ssekit_core::{Connect, Connected, Event, Framing, HistoryOptions, Hub, Options};
use tokio::runtime::{Builder, Runtime};

/// Data of an ordinary event, about 150 bytes.
const SMALL: &str = r#"{"id":1042,"title":"Order 1042 is on its way","paid":true,"amount":19.99,"currency":"EUR","tags":["express","gift"],"at":"2026-01-01T12:00:00.000Z"}"#;

/// A scenario repeats its work the given number of times.
type Scenario = Box<dyn FnMut(usize)>;

/// The names of all scenarios.
pub(crate) const NAMES: [&str; 11] = [
    "encode a small event",
    "encode 8 KiB of text in lines",
    "publish to a user who is away",
    "publish to a user who is connected, and deliver",
    "broadcast to nobody",
    "deliver a broadcast to one more client",
    "deliver a broadcast to one more client of 2,000",
    "deliver a broadcast to one more client of 9,000",
    "deliver a channel's event to one more member of 2,000",
    "read 256 missed events",
    "pull an event as a stream",
];

/// Makes a scenario: everything that it needs is there before it is run.
pub(crate) fn scenario(name: &str) -> Option<Scenario> {
    let number = NAMES.iter().position(|known| *known == name)?;
    Some(match number {
        0 => encode(SMALL.to_owned()),
        1 => encode("a line of text that is not very long\n".repeat(224)),
        2 => publish_to_absent(),
        3 => publish_to_connected(),
        4 => broadcast_to_nobody(),
        5 => deliver_broadcasts(250),
        6 => deliver_broadcasts(2_000),
        7 => deliver_broadcasts(9_000),
        8 => deliver_to_channel(2_000, 7_000),
        9 => read_missed(),
        _ => pull(),
    })
}

fn event(data: &str) -> Event<'_> {
    Event { name: "order", data, ..Event::default() }
}

/// A hub with one shard, on a runtime that works only while it is waited for.
struct Engine {
    hub: Hub,
    runtime: Runtime,
}

impl Engine {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // Nothing of what a clock does happens within a run.
        let history = HistoryOptions { max_age: Duration::from_secs(86_400), ..HistoryOptions::default() };
        let options = Options { threads: 1, heartbeat: Duration::from_secs(3_600), history, ..Options::default() };
        let hub = Hub::start(options, runtime.handle()).unwrap();
        Self { hub, runtime }
    }

    fn connect(&self, user: &str, channels: &[&str]) -> Connected {
        self.hub.connect(Connect { user: Some(user), channels, ..Connect::default() }).unwrap()
    }

    /// A client whose socket the engine has, and the other end of it.
    fn connect_socket(&self, user: &str, channels: &[&str]) -> TcpStream {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nodelay(true).unwrap();
        self.connect(user, channels).stream.hand_off(server.into(), Framing::Chunked).unwrap();
        peer
    }

    /// Lets the shard do all that there is to do.
    fn work(&self) {
        self.runtime.block_on(self.hub.flush());
    }
}

/// Reads until at least `at_least` bytes have come.
fn take(mut peer: &TcpStream, at_least: usize, buffer: &mut [u8]) {
    let mut total = 0;
    while total < at_least {
        let read = peer.read(buffer).unwrap();
        assert!(read > 0, "a connection has ended");
        total += read;
    }
}

fn encode(data: String) -> Scenario {
    let epoch = Epoch::random();
    Box::new(move |times| {
        for position in 1..=times {
            let draft = event(&data).encode(1 << 20).unwrap();
            std::hint::black_box(draft.finish(&epoch, position as u64));
        }
    })
}

fn publish_to_absent() -> Scenario {
    let engine = Engine::start();
    let ids: Vec<String> = (0..100).map(|number| format!("user {number}")).collect();
    Box::new(move |times| {
        for id in ids.iter().cycle().take(times) {
            engine.hub.send_to_user(id, event(SMALL)).unwrap();
        }
    })
}

fn publish_to_connected() -> Scenario {
    let engine = Engine::start();
    let peer = engine.connect_socket("ada", &[]);
    let mut buffer = vec![0; 64 * 1024];
    Box::new(move |times| {
        for _ in 0..times {
            engine.hub.send_to_user("ada", event(SMALL)).unwrap();
            engine.work();
            take(&peer, SMALL.len(), &mut buffer);
        }
    })
}

fn broadcast_to_nobody() -> Scenario {
    let engine = Engine::start();
    Box::new(move |times| {
        for _ in 0..times {
            engine.hub.broadcast(event(SMALL), None).unwrap();
        }
    })
}

/// A socket for each client, with these channels.
fn connect_sockets(engine: &Engine, clients: usize, channels: &[&str]) -> Vec<TcpStream> {
    (0..clients).map(|number| engine.connect_socket(&format!("user {number}"), channels)).collect()
}

/// As many deliveries as asked for: one event after the other, each to all of these clients, so that what an event costs
/// besides its deliveries hardly counts.
fn deliver(engine: Engine, peers: Vec<TcpStream>, send: impl Fn(&Hub) -> usize + 'static) -> Scenario {
    engine.work();
    let mut buffer = vec![0; 64 * 1024];
    Box::new(move |times| {
        for _ in 0..times.div_ceil(peers.len()) {
            assert_eq!(send(&engine.hub), peers.len());
            engine.work();
            for peer in &peers {
                take(peer, SMALL.len(), &mut buffer);
            }
        }
    })
}

fn deliver_broadcasts(clients: usize) -> Scenario {
    let engine = Engine::start();
    let peers = connect_sockets(&engine, clients, &[]);
    deliver(engine, peers, |hub| hub.broadcast(event(SMALL), None).unwrap())
}

fn deliver_to_channel(members: usize, others: usize) -> Scenario {
    let engine = Engine::start();
    let others = connect_sockets(&engine, others, &[]);
    let peers = connect_sockets(&engine, members, &["order:42"]);
    deliver(engine, peers, move |hub| {
        // They stay connected.
        let _ = &others;
        hub.send_to_channel("order:42", event(SMALL)).unwrap()
    })
}

/// The least that an event of one digit takes on the wire: chunk, name, data, id.
const MISSED_BYTES: usize = "2d\r\nevent: order\ndata: 1\nid: 0123456789.1\n\n\r\n".len();

fn read_missed() -> Scenario {
    let engine = Engine::start();
    let peer = engine.connect_socket("ada", &[]);
    engine.work();
    let mut buffer = vec![0; 256 * 1024];
    Box::new(move |times| {
        for _ in 0..times {
            for _ in 0..256 {
                engine.hub.send_to_user("ada", event("1")).unwrap();
            }
            engine.work();
            take(&peer, 256 * MISSED_BYTES, &mut buffer);
        }
    })
}

fn pull() -> Scenario {
    let engine = Engine::start();
    let mut stream = engine.connect("ada", &[]).stream;
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stream.poll_next(&mut cx, 1 << 16).is_pending());
    engine.work();
    Box::new(move |times| {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..times {
            engine.hub.send_to_user("ada", event(SMALL)).unwrap();
            let Poll::Ready(Some(bytes)) = stream.poll_next(&mut cx, 1 << 16) else { panic!("nothing to read") };
            assert!(bytes.len() > SMALL.len());
        }
        // The shard has been told of each.
        engine.work();
    })
}
