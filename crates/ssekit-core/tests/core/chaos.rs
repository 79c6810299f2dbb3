//! Two hundred clients, ten thousand events of all kinds, and every connection is cut again and again: each client gets exactly
//! its events, once and in order.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use ssekit_core::Hub;
use ssekit_testing::chance::{self, Chance};
use ssekit_testing::front::Front;
use ssekit_testing::proxy::Proxy;
use ssekit_testing::wire::{Dechunker, Parser, Received, position_of};
use ssekit_testing::{Engine, PATIENCE, data, eventually, keeping_all};

const CLIENTS: usize = 200;
const USERS: usize = 40;
const EVENTS: usize = 10_000;
/// Each client's connections are cut so often at least.
const CUTS: usize = 50;
/// The number of events after which the proxy restarts.
const RESTART_EVERY: usize = 500;
/// Nobody is further behind than this when an event is sent, so that the cuts are spread over all of them.
const MOST_BEHIND: u64 = 400;

/// The ways in which a client's connection ends.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// The client sends RST after this number of bytes.
    Reset(usize),
    /// The client closes its side after this number of bytes, and has gone before the rest.
    Close(usize),
    /// The client gives up after this number of milliseconds without data.
    Idle(u64),
    /// The proxy cuts, when it wants to.
    ByProxy,
}

impl Cut {
    fn random(chance: &mut Chance) -> Self {
        match chance.below(8) {
            0..3 => Self::Reset(some_bytes(chance)),
            3..5 => Self::Close(some_bytes(chance)),
            5 => Self::Idle(5 + chance.below(50) as u64),
            _ => Self::ByProxy,
        }
    }

    fn after(self) -> usize {
        match self {
            Self::Reset(bytes) | Self::Close(bytes) => bytes,
            Self::Idle(_) | Self::ByProxy => usize::MAX,
        }
    }
}

/// From within the head of the answer to some dozens of events.
fn some_bytes(chance: &mut Chance) -> usize {
    1 + chance.below(6_000)
}

/// The state that all tasks see.
struct Scene {
    front: SocketAddr,
    proxy: Proxy,
    /// Position of the last event that each client has got.
    reached: Vec<AtomicU64>,
    /// Pages that have been there once.
    arrived: AtomicUsize,
}

/// A page with a plain `EventSource`: it sends the id of the last event that it got whole, and has nothing else.
struct Page {
    number: usize,
    chance: Chance,
    scene: Arc<Scene>,
    last_event_id: Option<String>,
    got: Vec<Received>,
    cuts: usize,
}

impl Page {
    fn live(mut self) -> (Vec<Received>, usize) {
        self.arrive();
        while !self.is_done() {
            let cut = Cut::random(&mut self.chance);
            self.cuts += usize::from(self.visit(cut));
        }
        (self.got, self.cuts)
    }

    /// It cannot come back to where it was before it has been there.
    fn arrive(&mut self) {
        let mut socket = TcpStream::connect(self.scene.front).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(self.request().as_bytes()).unwrap();
        let (mut answer, mut buffer) = (Answer::default(), [0; 1024]);
        while self.last_event_id.is_none() {
            let read = socket.read(&mut buffer).unwrap();
            answer.take(&buffer[..read]).into_iter().for_each(|event| self.take(event));
        }
        self.scene.arrived.fetch_add(1, Ordering::Relaxed);
    }

    fn is_done(&self) -> bool {
        self.has_all() && self.cuts >= CUTS
    }

    fn has_all(&self) -> bool {
        self.reached() == EVENTS as u64
    }

    fn reached(&self) -> u64 {
        self.scene.reached[self.number].load(Ordering::Relaxed)
    }

    /// One connection, up to its end. False: it was refused.
    fn visit(&mut self, cut: Cut) -> bool {
        let through_proxy = matches!(cut, Cut::ByProxy);
        let address = if through_proxy { self.scene.proxy.address() } else { self.scene.front };
        // The proxy may have moved since.
        let Ok(mut socket) = self.connect(address) else { return false };
        let timeout = if let Cut::Idle(millis) = cut { Duration::from_millis(millis) } else { PATIENCE };
        socket.set_read_timeout(Some(timeout)).unwrap();
        // An error: the proxy has broken it off.
        if socket.write_all(self.request().as_bytes()).is_ok() {
            self.read(&mut socket, cut);
        }
        match cut {
            Cut::Reset(_) => SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap(),
            // Errors: the other side was faster.
            _ => drop(socket.shutdown(Shutdown::Write)),
        }
        true
    }

    /// Every other time with a small window: the server's socket is often full then, in the middle of a frame.
    fn connect(&mut self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if self.chance.one_in(2) {
            socket.set_recv_buffer_size(4096)?;
        }
        socket.connect(&address.into())?;
        Ok(socket.into())
    }

    fn request(&self) -> String {
        let Self { number, .. } = self;
        let header = self.last_event_id.as_ref().map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        format!("GET /sse?client=page-{number}&user={} HTTP/1.1\r\n{header}\r\n", user_of(*number))
    }

    fn read(&mut self, socket: &mut TcpStream, cut: Cut) {
        let (mut answer, mut left) = (Answer::default(), cut.after());
        let mut buffer = vec![0; 16 * 1024];
        while left > 0 {
            let room = left.min(buffer.len());
            let read = match socket.read(&mut buffer[..room]) {
                Ok(read) => read,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    assert!(matches!(cut, Cut::Idle(_)), "page {} waits in vain at {}", self.number, self.reached());
                    return;
                }
                // The proxy has broken it off.
                Err(_) => return,
            };
            if read == 0 {
                return;
            }
            left -= read;
            for event in answer.take(&buffer[..read]) {
                self.take(event);
            }
            if self.has_all() {
                // A page that waited for the bytes of its cut would wait for ever.
                return;
            }
        }
    }

    fn take(&mut self, event: Received) {
        assert!(!event.is_reset(), "page {} is told of a gap at {}, and there is none", self.number, self.reached());
        self.last_event_id = Some(event.id.clone());
        self.scene.reached[self.number].fetch_max(position_of(&event.id), Ordering::Relaxed);
        if event.name != "ssekit:ready" {
            self.got.push(event);
        }
    }
}

/// The bytes of one answer.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    is_chunked: Option<bool>,
    dechunker: Dechunker,
    parser: Parser,
}

impl Answer {
    fn take(&mut self, bytes: &[u8]) -> Vec<Received> {
        match self.is_chunked {
            Some(true) => self.parser.push(&self.dechunker.push(bytes)),
            Some(false) => self.parser.push(bytes),
            None => {
                self.head.extend_from_slice(bytes);
                if let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") {
                    let body = self.head.split_off(end + 4);
                    let head = std::str::from_utf8(&self.head).unwrap();
                    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
                    self.is_chunked = Some(head.contains("transfer-encoding: chunked"));
                    return self.take(&body);
                }
            }
        }
        std::iter::from_fn(|| self.parser.pop()).collect()
    }
}

fn user_of(page: usize) -> String {
    format!("user-{}", page % USERS)
}

/// To whom an event was sent.
#[derive(Debug, Clone, Copy)]
enum Audience {
    All { but: Option<usize> },
    User(usize),
    Client(usize),
}

impl Audience {
    fn random(chance: &mut Chance) -> Self {
        match chance.below(3) {
            0 => Self::All { but: chance.one_in(2).then(|| chance.below(CLIENTS)) },
            1 => Self::User(chance.below(USERS)),
            _ => Self::Client(chance.below(CLIENTS)),
        }
    }

    fn send(self, hub: &Hub, text: &str) {
        match self {
            Self::All { but } => {
                let but = but.map(|page| format!("page-{page}"));
                hub.broadcast(data(text), but.as_deref()).map(drop)
            }
            Self::User(user) => hub.send_to_user(&format!("user-{user}"), data(text)).map(drop),
            Self::Client(page) => hub.send_to_client(&format!("page-{page}"), data(text)).map(drop),
        }
        .unwrap();
    }

    fn is_for(self, page: usize) -> bool {
        match self {
            Self::All { but } => but != Some(page),
            Self::User(user) => page % USERS == user,
            Self::Client(client) => page == client,
        }
    }
}

/// Sends everything, as fast as the slowest page gets on, and restarts the proxy now and then.
fn send_all(hub: &Hub, scene: &Scene, chance: &mut Chance) -> Vec<Audience> {
    let slowest = || scene.reached.iter().map(|reached| reached.load(Ordering::Relaxed)).min().unwrap();
    let mut sent = Vec::new();
    for number in 1..=EVENTS {
        // The last one goes to all, so that everybody knows when there is no more to come.
        let event = if number == EVENTS { Audience::All { but: None } } else { Audience::random(chance) };
        event.send(hub, &format!("{number} {}", "x".repeat(chance.below(60))));
        assert_eq!(hub.stats().position, number as u64);
        sent.push(event);
        if number % RESTART_EVERY == 0 {
            scene.proxy.restart(cuts_of(chance));
        }
        if number % 50 == 0 {
            eventually("the slowest page has got on", || slowest() + MOST_BEHIND >= number as u64);
        }
    }
    sent
}

fn cuts_of(chance: &mut Chance) -> impl FnMut() -> usize + Send + Clone + 'static {
    let mut chance = chance.split();
    move || some_bytes(&mut chance)
}

#[test]
fn frequently_cut_pages_get_exactly_their_events() {
    let seed = chance::seed();
    println!("to repeat its choices: SSEKIT_SEED={seed}");
    let mut chance = Chance::of(seed);
    let engine = Engine::with(keeping_all());
    let front = Front::of(&engine);
    let scene = Arc::new(Scene {
        front: front.address,
        proxy: Proxy::to(front.address, cuts_of(&mut chance)),
        reached: (0..CLIENTS).map(|_| AtomicU64::new(0)).collect(),
        arrived: AtomicUsize::new(0),
    });
    let pages: Vec<JoinHandle<_>> = (0..CLIENTS)
        .map(|number| {
            let (scene, chance) = (Arc::clone(&scene), chance.split());
            let page = Page { number, chance, scene, last_event_id: None, got: Vec::new(), cuts: 0 };
            std::thread::spawn(move || page.live())
        })
        .collect();
    eventually("every page has been there", || scene.arrived.load(Ordering::Relaxed) == CLIENTS);
    let sent = send_all(&engine, &scene, &mut chance);

    let (mut all_cuts, mut fewest) = (0, usize::MAX);
    for (number, page) in pages.into_iter().enumerate() {
        let (got, cuts) = page.join().unwrap();
        let own = sent.iter().zip(1_u64..).filter(|(sent, _)| sent.is_for(number));
        let expected: Vec<u64> = own.map(|(_, position)| position).collect();
        let first_wrong = got.iter().zip(&expected).find(|(got, expected)| got.position() != **expected);
        assert_eq!((first_wrong, got.len()), (None, expected.len()), "page {number}");
        let says = |event: &Received| event.data.split(' ').next().unwrap().parse::<u64>().unwrap();
        assert!(got.iter().all(|event| says(event) == event.position()));
        assert!(cuts >= CUTS, "page {number} was cut {cuts} times only");
        (all_cuts, fewest) = (all_cuts + cuts, fewest.min(cuts));
    }
    assert_eq!(engine.stats().resets, 0);
    println!("{all_cuts} connections were cut, of each page {fewest} at least");
}
