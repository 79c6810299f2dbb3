//! A TCP proxy that cuts.

use std::io::Read as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// A TCP proxy. It cuts each connection after a number of bytes of the answer, and all of them when it restarts.
pub struct Proxy {
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
    pub fn to(target: SocketAddr, cut_after: impl FnMut() -> usize + Send + Clone + 'static) -> Self {
        Self { target, running: Mutex::new(Generation::start(target, cut_after)) }
    }

    /// Its current address.
    pub fn address(&self) -> SocketAddr {
        self.running.lock().address
    }

    /// Breaks all connections off, and listens anew at another port.
    pub fn restart(&self, cut_after: impl FnMut() -> usize + Send + Clone + 'static) {
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

/// Passes on the request as it is, and the first `cut_after` bytes of the answer.
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
