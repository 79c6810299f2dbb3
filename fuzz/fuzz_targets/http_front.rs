//! Any bytes at the listener, over HTTP/1 or HTTP/2 and in any pieces: no panic, the next one is answered as ever,
//! events still arrive, and of who sent them nothing is left.
#![no_main]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http_parts::{PARTS, frame, good_beginnings};
use libfuzzer_sys::fuzz_target;
use ssekit_core::{Connect, Hub, Options};
use ssekit_http::{Listener, ListenerOptions};
use ssekit_testing::pull::Pull;
use ssekit_testing::{PATIENCE, data};

#[allow(dead_code, reason = "each target uses what it needs")]
use ssekit_testing::http_parts;

/// The one that stands in the parts.
const TOKEN: &str = "a-token-that-only-these-tests-know-of";

struct Scene {
    hub: Hub,
    listener: Listener,
    path: PathBuf,
    /// Somebody who is to get what is sent to her, and her number of events so far.
    witness: Mutex<(Pull, u64)>,
    _runtime: tokio::runtime::Runtime,
}

/// A Unix socket, for at this rate a TCP port would soon have no connection left to give.
static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let hub = Hub::start(Options { threads: 1, ..Options::default() }, runtime.handle()).expect("a hub");
    let path = std::env::temp_dir().join(format!("ssekit-fuzz-{}.sock", std::process::id()));
    let options = ListenerOptions {
        socket_path: Some(path.clone()),
        anonymous: true,
        trace_context: true,
        publish_token: Some(TOKEN.to_owned()),
        ..ListenerOptions::default()
    };
    let listener = Listener::start(hub.clone(), options, runtime.handle()).expect("a listener");
    let who = Connect { user: Some("witness"), client: Some("witness"), ..Connect::default() };
    let witness = Mutex::new((Pull::of(hub.connect(who).expect("she is let in")), 0));
    Scene { hub, listener, path, witness, _runtime: runtime }
});

impl Scene {
    fn connect(&self) -> UnixStream {
        let socket = UnixStream::connect(&self.path).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket's option");
        socket.set_write_timeout(Some(PATIENCE)).expect("a socket's option");
        socket
    }

    /// Sends what is taken, leaves, and returns all that came back. Between two pieces an event is sent to everybody.
    fn visit(&self, pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut socket = self.connect();
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                self.hub.broadcast(data("between"), None).expect("it may be sent");
            }
            if socket.write_all(piece).is_err() {
                break;
            }
        }
        // It may have been closed already.
        let _ = socket.shutdown(Shutdown::Write);
        read_all(&mut socket)
    }

    /// Sends the witness an event over HTTP, and waits until she has it.
    fn check_that_it_serves(&self) {
        let mut witness: MutexGuard<'_, _> = self.witness.lock().unwrap_or_else(PoisonError::into_inner);
        let (pull, number) = &mut *witness;
        *number += 1;
        let body = format!(r#"{{"userId":"witness","event":{{"event":"mark","data":{number}}}}}"#);
        let request = format!(
            "POST /publish HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut socket = self.connect();
        socket.write_all(request.as_bytes()).expect("a request is taken");
        let answer = String::from_utf8(read_all(&mut socket)).expect("an answer is text");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains(r#"{"clients":1,"#), "{answer}");
        loop {
            let event = pull.event();
            if (event.name.as_str(), event.data) == ("mark", number.to_string()) {
                return;
            }
        }
    }

    fn wait_until_nobody_is_left(&self) {
        let hung = Instant::now() + PATIENCE;
        while self.hub.stats().clients > 1 || self.listener.connections() > 0 {
            assert!(Instant::now() < hung, "somebody is left: {:?}", self.hub.stats());
            std::thread::yield_now();
        }
    }
}

/// Everything up to the end of the connection. A reset is one.
fn read_all(socket: &mut UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = socket.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the connection comes to its end");
    }
    bytes
}

/// Reads the fuzzer's bytes as what to send: parts of requests, beginnings as they should be or nearly so, frames, and bytes as
/// they are. That finds its way into HTTP much sooner than bytes alone do.
fn pieces_of(mut script: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    while let Some((step, rest)) = script.split_first() {
        script = rest;
        let Some(piece) = pieces.last_mut() else { break };
        let number = usize::from(step & 0x3f);
        match step >> 6 {
            0 => piece.extend_from_slice(PARTS[number % PARTS.len()].as_bytes()),
            1 => {
                let [kind, flags, stream] = take(&mut script);
                let payload = take_up_to(&mut script, number);
                piece.extend(frame(kind % 16, flags, u32::from(stream), payload));
            }
            2 => piece.extend_from_slice(take_up_to(&mut script, number)),
            _ if number < 48 => {
                let beginnings = good_beginnings();
                let mut beginning = beginnings[number % beginnings.len()].clone();
                if number >= 16 {
                    change(&mut beginning, take(&mut script));
                }
                piece.extend(beginning);
            }
            _ => pieces.push(Vec::new()),
        }
    }
    pieces
}

/// Puts something in the place of some bytes, which may be none.
fn change(bytes: &mut Vec<u8>, [at, count, by]: [u8; 3]) {
    let start = usize::from(at) * bytes.len() / 256;
    let end = bytes.len().min(start + usize::from(count % 8));
    match by.checked_sub(128) {
        Some(part) => bytes.splice(start..end, PARTS[usize::from(part) % PARTS.len()].bytes()).for_each(drop),
        None => bytes.splice(start..end, [by]).for_each(drop),
    }
}

/// Zeros stand for what is not there.
fn take<const N: usize>(script: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let bytes = take_up_to(script, N);
    taken[..bytes.len()].copy_from_slice(bytes);
    taken
}

fn take_up_to<'a>(script: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = script.split_at(count.min(script.len()));
    *script = rest;
    taken
}

fuzz_target!(|script: &[u8]| {
    let answer = SCENE.visit(&pieces_of(script));
    // HTTP/2 begins with a frame of settings.
    let is_http = answer.starts_with(b"HTTP/1.") || answer.get(3..5) == Some(&[4, 0]);
    assert!(answer.is_empty() || is_http, "{:?}", String::from_utf8_lossy(&answer));
    SCENE.check_that_it_serves();
    SCENE.wait_until_nobody_is_left();
});
