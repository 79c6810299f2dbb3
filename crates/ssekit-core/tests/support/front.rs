//! A small HTTP server in front of a hub, which does with a request what Node does with it; and a proxy that cuts.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use socket2::SockRef;
use ssekit_core::{Connect, Connected, Framing, Hub};

use super::pull::Pull;

/// Threads that answer requests.
const ANSWERING: usize = 4;

/// Answers every request with a stream: by turns handed off with chunked framing, handed off without, and carried by a thread of
/// its own that pulls it.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    open: Arc<AtomicBool>,
}

impl Front {
    pub(crate) fn of(hub: &Hub) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // As small as the kernel allows, so that it takes many a frame in parts only. What is accepted inherits it.
        SockRef::from(&listener).set_send_buffer_size(4096).unwrap();
        let (address, open) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(true)));
        let turn = Arc::new(AtomicU64::new(0));
        for _ in 0..ANSWERING {
            let (listener, hub) = (listener.try_clone().unwrap(), hub.clone());
            let (open, turn) = (Arc::clone(&open), Arc::clone(&turn));
            std::thread::spawn(move || {
                while let Ok((socket, _)) = listener.accept()
                    && open.load(Ordering::Relaxed)
                {
                    answer(&hub, socket, turn.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        Self { address, open }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.open.store(false, Ordering::Relaxed);
        for _ in 0..ANSWERING {
            let _ = TcpStream::connect(self.address);
        }
    }
}

fn answer(hub: &Hub, mut socket: TcpStream, turn: u64) {
    socket.set_read_timeout(Some(super::PATIENCE)).unwrap();
    // Whoever asks may have been cut before it has said what it wants.
    let Some(request) = Request::read(&mut socket) else { return };
    let get = |name: &str| request.0.get(name).map(String::as_str);
    let who =
        Connect { user: get("user"), client: get("client"), last_event_id: get("last-event-id"), ..Connect::default() };
    let connected = hub.connect(who).unwrap();
    match turn % 4 {
        0 | 1 => hand_off(connected, socket, Framing::Chunked),
        2 => hand_off(connected, socket, Framing::UntilClose),
        _ => drop(std::thread::spawn(move || carry(connected, socket))),
    }
}

const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn hand_off(connected: Connected, mut socket: TcpStream, framing: Framing) {
    let Connected { opening, mut stream, .. } = connected;
    let mut start = Vec::new();
    match framing {
        Framing::Chunked => {
            start.extend_from_slice(CHUNKED);
            start.extend_from_slice(format!("{:x}\r\n", opening.len()).as_bytes());
            start.extend_from_slice(&opening);
            start.extend_from_slice(b"\r\n");
        }
        Framing::UntilClose => start.extend([PLAIN, &opening].concat()),
    }
    // Errors: the peer has gone already, or another connection has taken its place. Both will be seen where it matters.
    if socket.write_all(&start).is_ok() {
        let _ = stream.hand_off(socket.into(), framing);
    }
}

/// Pulls a stream and passes it on, until either side ends.
fn carry(connected: Connected, mut socket: TcpStream) {
    let start = [PLAIN, &connected.opening].concat();
    let mut pull = Pull::of(connected);
    if socket.write_all(&start).is_err() {
        return;
    }
    while let Some(bytes) = pull.wait() {
        if socket.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// What the query and the headers say.
struct Request(HashMap<String, String>);

impl Request {
    fn read(socket: &mut TcpStream) -> Option<Self> {
        let mut text = Vec::new();
        let mut buffer = [0; 1024];
        while !text.ends_with(b"\r\n\r\n") {
            let read = socket.read(&mut buffer).ok().filter(|read| *read > 0)?;
            text.extend_from_slice(&buffer[..read]);
        }
        let text = String::from_utf8(text).unwrap();
        let (first, headers) = text.split_once("\r\n").unwrap();
        let query = first.split(['?', ' ']).nth(2).unwrap();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let headers = headers.lines().filter_map(|line| line.split_once(": "));
        Some(Self(pairs.chain(headers).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

/// A TCP proxy. Each connection is cut after so many bytes of the answer, and all of them when it is restarted.
pub(crate) struct Proxy {
    target: SocketAddr,
    running: Mutex<Arc<Generation>>,
}

/// One life of the proxy.
struct Generation {
    address: SocketAddr,
    ended: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// `cut_after` says for each connection after how many bytes.
    pub(crate) fn to(target: SocketAddr, cut_after: impl FnMut() -> usize + Send + Clone + 'static) -> Self {
        Self { target, running: Mutex::new(Generation::start(target, cut_after)) }
    }

    /// Where it listens now.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.lock().address
    }

    /// Breaks all connections off, and listens anew at another port.
    pub(crate) fn restart(&self, cut_after: impl FnMut() -> usize + Send + Clone + 'static) {
        let mut running = self.running.lock();
        running.end();
        *running = Generation::start(self.target, cut_after);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.running.lock().end();
    }
}

impl Generation {
    fn start(target: SocketAddr, mut cut_after: impl FnMut() -> usize + Send + 'static) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let generation = Arc::new(Self { address, ended: AtomicBool::new(false), sockets: Mutex::default() });
        let own = Arc::clone(&generation);
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if own.ended.load(Ordering::Relaxed) {
                    return;
                }
                let server = TcpStream::connect(target).unwrap();
                let mut sockets = own.sockets.lock();
                // Those that have ended are forgotten, now and then.
                if sockets.len() > 500 {
                    sockets.retain(|socket| socket.peer_addr().is_ok());
                }
                sockets.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                drop(sockets);
                let cut = cut_after();
                std::thread::spawn(move || forward(client, server, cut));
            }
        });
        generation
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        for socket in self.sockets.lock().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        // It waits for one.
        let _ = TcpStream::connect(self.address);
    }
}

/// Passes the request on as it is, and of the answer so many bytes.
fn forward(mut client: TcpStream, mut server: TcpStream, cut_after: usize) {
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut requests, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut (&mut server).take(cut_after as u64), &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
