//! The floor: the least work that a server must do if it writes to sockets one by one. It makes an event's bytes once and
//! calls `send` for each client, in one thread. It has no history, no slow readers and no heartbeat, and its only ids are a
//! counter.

use std::io::{self, BufRead, BufReader, Write};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use ssekit_bench::clock;
use ssekit_bench::commands::{process_commands, tell};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
    Cache-Control: no-cache, no-transform\r\nTransfer-Encoding: chunked\r\n\r\n";

type Sockets = Arc<Mutex<Vec<TcpStream>>>;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Command {
    Broadcast { first: u64, count: u64, interval_ms: f64, bytes: usize },
    Clients {},
    Rest {},
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    // The standard library's backlog is too short for a storm.
    socket2::SockRef::from(&listener).listen(4_096)?;
    let port = listener.local_addr()?.port();
    let sockets = Sockets::default();
    let accepted = Arc::clone(&sockets);
    thread::spawn(move || listener.incoming().flatten().for_each(|socket| accept(socket, &accepted)));
    tell(&json!({ "port": port, "path": "/" }))?;
    process_commands(|command| run(&sockets, &command))
}

fn accept(socket: TcpStream, sockets: &Sockets) {
    let mut lines = BufReader::new(&socket).lines();
    // As Node.js does it: else the kernel would put several events into one segment when they pile up.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    if lines.by_ref().any(|line| line.is_ok_and(|line| line.is_empty())) && (&socket).write_all(HEAD).is_ok() {
        locked(sockets).push(socket);
    }
}

fn locked(sockets: &Sockets) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
    sockets.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn run(sockets: &Sockets, command: &Command) -> io::Result<Value> {
    match *command {
        Command::Broadcast { first, count, interval_ms, bytes } => {
            let sockets = locked(sockets);
            let from = clock::now();
            for number in 0..count {
                let due = from + (number as f64 * interval_ms * 1e6) as u64;
                thread::sleep(Duration::from_nanos(due.saturating_sub(clock::now())));
                let event = event(first + number, bytes);
                for mut socket in sockets.iter() {
                    socket.write_all(&event)?;
                }
            }
            Ok(json!({ "from": from, "to": clock::now() }))
        }
        Command::Clients {} => {
            let mut sockets = locked(sockets);
            sockets.retain(is_open);
            Ok(json!(sockets.len()))
        }
        Command::Rest {} => Ok(json!({})),
    }
}

/// Whether the client is still there. The loop itself would find out when it writes.
fn is_open(socket: &TcpStream) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let looked = socket2::SockRef::from(socket).recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT);
    looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// The bytes that ssekit would send for it: a chunk with one event with `bytes` bytes of data.
fn event(seq: u64, bytes: usize) -> Vec<u8> {
    let (at, epoch) = (clock::now(), "0123456789");
    let start = format!("{{\"seq\":{seq},\"at\":{at},\"pad\":\"");
    let pad = "x".repeat(bytes.saturating_sub(start.len() + 2));
    let event = format!("event: tick\ndata: {start}{pad}\"}}\nid: {epoch}.{seq}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}
