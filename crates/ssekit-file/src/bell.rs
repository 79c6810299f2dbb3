//! Wakes those who wait for records: in this process by a notification, in others by a datagram. A lost one costs time, because
//! everybody also looks from time to time. The look itself costs no more than to ask SQLite whether anything has changed.

#[cfg(unix)]
mod socket;

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::timeout;

/// The polling interval where no datagram can come.
const WITHOUT_SOCKET: Duration = Duration::from_millis(50);

/// The polling interval in case a datagram was lost.
#[cfg(unix)]
const WITH_SOCKET: Duration = Duration::from_secs(1);

pub(crate) struct Bell {
    news: Notify,
    #[cfg(unix)]
    socket: socket::Socket,
}

impl Bell {
    /// `dir` has a socket of everybody who wants to be woken.
    pub(crate) fn new(dir: PathBuf) -> Self {
        #[cfg(not(unix))]
        drop(dir);
        Self {
            news: Notify::new(),
            #[cfg(unix)]
            socket: socket::Socket::in_folder(dir),
        }
    }

    /// Lets others wake this one from now on. To be called on a thread for blocking work.
    pub(crate) fn hang(&self) {
        #[cfg(unix)]
        self.socket.bind();
    }

    /// Wakes everybody. To be called on a thread for blocking work.
    pub(crate) fn ring(&self) {
        self.news.notify_waiters();
        #[cfg(unix)]
        self.socket.wake_others();
    }

    /// To be enabled before the last look, and given to [`Bell::heard`].
    pub(crate) fn listen(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// Waits until there may be news.
    pub(crate) async fn heard(&self, news: Pin<&mut Notified<'_>>) {
        #[cfg(unix)]
        if let Some(socket) = self.socket.bound() {
            tokio::select! {
                () = news => {}
                // One of the clones gets the datagram, and wakes the others.
                () = socket::woken(&socket) => self.news.notify_waiters(),
                () = tokio::time::sleep(WITH_SOCKET) => {}
            }
            return;
        }
        let _ = timeout(WITHOUT_SOCKET, news).await;
    }
}
