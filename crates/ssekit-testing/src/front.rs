//! A stand-in for Node: a small HTTP server in front of a hub, which does with a request what Node does with it. `door` is the
//! real listener.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use socket2::SockRef;
use ssekit_core::{Connect, Connected, Framing, Hub};

use crate::http1::HeadText;
use crate::pull::Pull;

/// Threads that answer requests.
const ANSWERING: usize = 4;

/// Answers every request with a stream: by turns handed off with chunked framing, handed off without, and carried by a thread of
/// its own that pulls it.
pub struct Front {
    pub address: SocketAddr,
    open: Arc<AtomicBool>,
}

impl Front {
    pub fn of(hub: &Hub) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // As small as the kernel allows, so that it takes many frames only in parts. Accepted sockets inherit it.
        SockRef::from(&listener).set_send_buffer_size(4096).unwrap();
        let (address, open) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(true)));
        let number = Arc::new(AtomicU64::new(0));
        for _ in 0..ANSWERING {
            let (listener, hub) = (listener.try_clone().unwrap(), hub.clone());
            let (open, number) = (Arc::clone(&open), Arc::clone(&number));
            std::thread::spawn(move || {
                while let Ok((socket, _)) = listener.accept()
                    && open.load(Ordering::Relaxed)
                {
                    answer(&hub, socket, number.fetch_add(1, Ordering::Relaxed));
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

fn answer(hub: &Hub, mut socket: TcpStream, number: u64) {
    socket.set_read_timeout(Some(super::PATIENCE)).unwrap();
    // A client may be cut before its request is complete.
    let Ok(Some(head)) = HeadText::read(&mut socket) else { return };
    let said = said_in(head);
    let get = |name: &str| said.get(name).map(String::as_str);
    let who =
        Connect { user: get("user"), client: get("client"), last_event_id: get("last-event-id"), ..Connect::default() };
    let connected = hub.connect(who).unwrap();
    match number % 4 {
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

/// The client's data in query and headers.
fn said_in(head: HeadText) -> HashMap<String, String> {
    let query = head.first.split(['?', ' ']).nth(2).unwrap();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).chain(head.headers).collect()
}
