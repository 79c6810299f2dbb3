//! Each access to the folder has a socket, in a subfolder. A socket's path is limited to about 100 bytes. With a longer
//! path, every access polls more often instead.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use ssekit_core::backplane::NodeId;
use tokio::net::UnixDatagram;

use crate::folder::make_dir;

pub(super) struct Socket {
    dir: PathBuf,
    own: PathBuf,
    bound: Mutex<Option<Arc<UnixDatagram>>>,
    sender: OnceLock<Option<std::os::unix::net::UnixDatagram>>,
}

impl Socket {
    pub(super) fn in_folder(dir: PathBuf) -> Self {
        let own = dir.join(format!("{}.sock", NodeId::random()));
        Self { dir, own, bound: Mutex::default(), sender: OnceLock::new() }
    }

    /// Binds it, unless it is there. It may have been removed with the folder.
    pub(super) fn bind(&self) {
        let mut bound = self.bound.lock();
        if bound.is_none() || !self.own.exists() {
            let new = make_dir(&self.dir).and_then(|_| UnixDatagram::bind(&self.own));
            *bound = new.ok().map(Arc::new);
        }
    }

    pub(super) fn bound(&self) -> Option<Arc<UnixDatagram>> {
        self.bound.lock().clone()
    }

    /// Sends a byte to every other socket, and removes those of processes that are gone.
    pub(super) fn wake_others(&self) {
        let Some(sender) = self.sender.get_or_init(|| sender().ok()) else { return };
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path != self.own && is_gone(sender, &path) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.bound.get_mut().is_some() {
            let _ = fs::remove_file(&self.own);
        }
    }
}

fn sender() -> io::Result<std::os::unix::net::UnixDatagram> {
    let sender = std::os::unix::net::UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    Ok(sender)
}

/// Wakes the process at this socket. A full one has enough to wake up for.
fn is_gone(sender: &std::os::unix::net::UnixDatagram, path: &Path) -> bool {
    // Names are never used twice, so nobody can take a removed one over meanwhile.
    sender.send_to(&[1], path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        && path.extension().is_some_and(|extension| extension == "sock")
}

/// Waits for a datagram, and takes those behind it as well. Never ends if the socket is of a runtime that has ended.
pub(super) async fn woken(socket: &UnixDatagram) {
    let mut byte = [0];
    if socket.recv(&mut byte).await.is_err() {
        std::future::pending::<()>().await;
    }
    while socket.try_recv(&mut byte).is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn datagram_reaches_every_other_socket() {
        let dir = std::env::temp_dir().join(format!("ssekit-bell-{}", NodeId::random()));
        let sockets = [(); 3].map(|()| Socket::in_folder(dir.clone()));
        sockets.iter().for_each(Socket::bind);
        // More than a socket holds: a full one must not block.
        for _ in 0..10_000 {
            sockets[0].wake_others();
        }
        for socket in &sockets[1..] {
            let bound = socket.bound().unwrap();
            woken(&bound).await;
            assert!(bound.try_recv(&mut [0]).is_err(), "all have been taken at once");
        }
        assert!(sockets[0].bound().unwrap().try_recv(&mut [0]).is_err(), "it does not wake itself");
        drop(sockets);
        // Fails unless it is empty.
        fs::remove_dir(dir).unwrap();
    }

    #[tokio::test]
    async fn removed_socket_is_bound_again() {
        let dir = std::env::temp_dir().join(format!("ssekit-bell-{}", NodeId::random()));
        let [one, other] = [(); 2].map(|()| Socket::in_folder(dir.clone()));
        one.bind();
        fs::remove_dir_all(&dir).unwrap();
        other.wake_others();
        one.bind();
        other.wake_others();
        woken(&one.bound().unwrap()).await;
        drop(one);
        fs::remove_dir(dir).unwrap();
    }
}
