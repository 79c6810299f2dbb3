//! The bytes of one connection, before and while hyper reads them.

use std::io;
use std::net::IpAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::{Duration, Sleep, sleep, timeout};
use tokio_rustls::server::TlsStream;

use crate::receipts::Receipts;

/// A connection as it was accepted.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream, IpAddr),
    #[cfg(unix)]
    Unix(UnixStream),
    /// TLS over one of the others. They share one type, so that everything behind them is written once.
    Tls(Box<TlsStream<Socket>>),
}

impl Socket {
    /// The peer's address. A Unix socket has none.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(_, address) => Some(*address),
            #[cfg(unix)]
            Self::Unix(_) => None,
            Self::Tls(stream) => stream.get_ref().0.address(),
        }
    }

    /// Whether a shard can take over writing to it.
    pub(crate) fn is_plain(&self) -> bool {
        !matches!(self, Self::Tls(_))
    }

    /// Its descriptor, with or without TLS.
    #[cfg(unix)]
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream, _) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Tls(stream) => stream.get_ref().0.as_fd(),
        }
    }

    /// The descriptor of a plain socket, detached from the runtime.
    #[cfg(unix)]
    pub(crate) fn into_fd(self) -> io::Result<std::os::fd::OwnedFd> {
        match self {
            Self::Tcp(stream, _) => Ok(stream.into_std()?.into()),
            Self::Unix(stream) => Ok(stream.into_std()?.into()),
            Self::Tls(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Calls the same method on the stream inside.
macro_rules! on_stream {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket.get_mut() {
            Socket::Tcp($stream, _) => $call,
            #[cfg(unix)]
            Socket::Unix($stream) => $call,
            Socket::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// The first bytes of an HTTP/2 connection (RFC 9113, section 3.4). No HTTP/1 request begins with them.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes may have been inspected already. It knows whether everything written to it has reached the
/// kernel.
#[derive(Debug)]
pub(crate) struct ConnectionIo<S> {
    inner: S,
    seen: Bytes,
    unsent: Arc<AtomicBool>,
    receipts: Receipts,
    /// The maximum time a peer may accept no bytes while there are bytes to send.
    patience: Duration,
    /// The end of that time, while the peer accepts nothing.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// Whether the last write to a connection was refused, so its writer still has bytes left.
#[derive(Debug, Clone)]
pub(crate) struct Unsent(Arc<AtomicBool>);

impl Unsent {
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ConnectionIo<S> {
    pub(crate) fn new(inner: S, patience: Duration) -> Self {
        Self {
            inner,
            seen: Bytes::new(),
            unsent: Arc::default(),
            receipts: Receipts::default(),
            patience,
            deadline: None,
        }
    }

    /// The receipts of this connection. The writers of bodies add to them.
    pub(crate) fn receipts(&self) -> Receipts {
        self.receipts.clone()
    }

    pub(crate) fn unsent(&self) -> Unsent {
        Unsent(Arc::clone(&self.unsent))
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.inner
    }

    pub(crate) fn into_inner(self) -> S {
        self.inner
    }

    /// Waits until it is clear whether the client speaks HTTP/2 without negotiation ("prior knowledge", RFC 9113, section
    /// 3.3).
    pub(crate) async fn begins_http2(&mut self) -> io::Result<bool> {
        let mut seen = BytesMut::with_capacity(PREFACE.len());
        while seen.len() < PREFACE.len() && PREFACE.starts_with(&seen) {
            // No more than the preface is read here: what follows is for hyper.
            let room = PREFACE.len() - seen.len();
            if (&mut self.inner).take(room as u64).read_buf(&mut seen).await? == 0 {
                break;
            }
        }
        let begins = &*seen == PREFACE;
        self.seen = seen.freeze();
        Ok(begins)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ConnectionIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.seen.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let count = self.seen.len().min(buf.remaining());
        buf.put_slice(self.seen.get(..count).unwrap_or_default());
        self.seen.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> ConnectionIo<S> {
    /// Ends the connection of a peer that accepts nothing for too long. Otherwise that connection would stay forever.
    fn note<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.unsent.store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let patience = self.patience;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(patience)));
        deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ConnectionIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.note(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        // hyper flushes after it has written out its own buffers.
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.receipts.flushed();
        }
        self.note(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The maximum time, and number of bytes, that we keep reading from a peer that got its answer while it was still sending. If
/// we closed the connection at once, the system would reset it, and the answer might be lost (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(1);

const LINGER_BYTES: u64 = 1 << 20;

/// Ends a connection in such a way that the peer can still read its answer.
pub(crate) async fn linger(mut stream: Socket) {
    let listen = async {
        stream.shutdown().await?;
        let mut rest = stream.take(LINGER_BYTES);
        let mut scratch = [0; 4096];
        while rest.read(&mut scratch).await? > 0 {}
        io::Result::Ok(())
    };
    // The connection is over either way.
    let _ = timeout(LINGER, listen).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn peeked_bytes_are_read_again() {
        for (sent, http2) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nframes"[..], true),
            (b"PUT / HTTP/1.1\r\n", false),
            (b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", false),
            (b"G", false),
            (b"PRI * HTT", false),
            (b"", false),
        ] {
            let (mut peer, here) = tokio::io::duplex(1024);
            // Byte by byte, because a preface may arrive in pieces.
            for byte in sent {
                peer.write_u8(*byte).await.unwrap();
            }
            drop(peer);
            let mut connection = ConnectionIo::new(here, Duration::from_secs(30));
            assert_eq!(connection.begins_http2().await.unwrap(), http2);
            let mut read = Vec::new();
            connection.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, sent);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn peer_that_takes_nothing_has_a_deadline() {
        let (mut peer, here) = tokio::io::duplex(4);
        let patience = Duration::from_secs(30);
        let mut connection = ConnectionIo::new(here, patience);
        let began = tokio::time::Instant::now();
        assert_eq!(connection.write_all(b"12345").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), patience);
        // A byte that the peer accepts starts a new deadline.
        peer.read_exact(&mut [0; 4]).await.unwrap();
        connection.write_all(b"6789").await.unwrap();
        let began = tokio::time::Instant::now();
        assert!(connection.write_all(b"0").await.is_err());
        assert_eq!(began.elapsed(), patience);
    }

    #[tokio::test]
    async fn refused_write_counts_until_one_succeeds() {
        let (mut peer, here) = tokio::io::duplex(4);
        let mut connection = ConnectionIo::new(here, Duration::from_secs(30));
        let unsent = connection.unsent();
        connection.write_all(b"1234").await.unwrap();
        assert!(!unsent.any());
        let refused = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut connection).poll_write(cx, b"5"))).await;
        assert!(refused.is_pending() && unsent.any());
        peer.read_exact(&mut [0; 4]).await.unwrap();
        connection.write_all(b"5").await.unwrap();
        assert!(!unsent.any());
    }
}
