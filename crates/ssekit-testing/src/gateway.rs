//! A gateway between a node and its Redis: it passes bytes on, late or not at all, or answers something else.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

/// The fate of a new connection.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    Pass,
    /// Each way takes so long.
    Late(Duration),
    /// It is accepted, and nothing is ever said.
    Silent,
    /// The answer to every request.
    Says(&'static str),
    /// These are the answers on a connection, one after the other, and then the last one for ever.
    SaysInTurn(&'static [&'static str]),
}

pub struct Gateway {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    mode: Mutex<Mode>,
    accepted: AtomicUsize,
    readers: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Gateway {
    pub fn to(port: u16, mode: Mode) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (mode, readers) = (Mutex::new(mode), Mutex::default());
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let shared = Arc::new(Shared { target, mode, accepted: AtomicUsize::new(0), readers });
        let gateway = Self { address: listener.local_addr().unwrap(), shared: Arc::clone(&shared) };
        // It ends with the test program.
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(socket));
            }
        });
        gateway
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on, for connections that are new.
    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock() = mode;
    }

    /// Connections since the start.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Those that read the history stay open, and get no byte any more. Says how many they are.
    pub fn starve_readers(&self) -> usize {
        let mut readers = self.shared.readers.lock();
        readers.iter().for_each(|starved| starved.store(true, Ordering::Relaxed));
        readers.drain(..).count()
    }
}

impl Shared {
    fn serve(self: Arc<Self>, client: TcpStream) {
        let mode = *self.mode.lock();
        let late = match mode {
            Mode::Pass => Duration::ZERO,
            Mode::Late(time) => time,
            Mode::Silent => return answer(client, &[]),
            Mode::Says(text) => return answer(client, &[text]),
            Mode::SaysInTurn(texts) => return answer(client, texts),
        };
        let Ok(server) = TcpStream::connect(self.target) else { return };
        let starved = Arc::new(AtomicBool::new(false));
        let (from, to, of_reader) = (client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&starved));
        thread::spawn(move || {
            let mut is_known = false;
            pump(from, to, late, |bytes| {
                if !is_known && bytes.windows(5).any(|window| window == b"XREAD") {
                    self.readers.lock().push(Arc::clone(&of_reader));
                    is_known = true;
                }
                true
            });
        });
        pump(server, client, late, |_| !starved.load(Ordering::Relaxed));
    }
}

/// Says one text after the other, for each thing that is asked, and then the last one for ever.
fn answer(mut client: TcpStream, texts: &[&str]) {
    let (mut buffer, mut asked) = ([0; 1024], 0);
    while client.read(&mut buffer).is_ok_and(|read| read > 0) {
        if let Some(text) = texts.get(asked).or(texts.last()) {
            let _ = client.write_all(text.as_bytes());
        }
        asked += 1;
    }
}

/// Passes on what `passes`, up to the end of one side.
fn pump(mut from: TcpStream, mut to: TcpStream, late: Duration, mut passes: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer)
        && read > 0
    {
        if !late.is_zero() {
            thread::sleep(late);
        }
        if passes(&buffer[..read]) && to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
