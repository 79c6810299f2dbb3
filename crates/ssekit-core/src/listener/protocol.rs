//! Which HTTP a connection speaks: by what TLS has agreed on, else by its first bytes.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, timeout};
use tokio_rustls::TlsAcceptor;

use crate::listener::admission::Place;
use crate::listener::router::Visitor;
use crate::listener::server::Stage;
use crate::listener::tls::ALPN_HTTP2;
use crate::listener::wire::{Socket, Wire};
use crate::listener::{http1, http2};

/// How long, and for how many bytes, a peer is listened to that was told something while it was still talking. If its
/// connection were closed at once, the system would reset it, and what it was told might be lost (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1 << 20;

/// Serves a connection to its end.
pub(crate) async fn serve(socket: Socket, visitor: Visitor, place: Place) {
    let shared = Arc::clone(&visitor.shared);
    tokio::select! {
        () = begin(socket, visitor, place) => {}
        () = shared.until(Stage::Closed) => {}
    }
}

async fn begin(socket: Socket, visitor: Visitor, place: Place) {
    let shared = Arc::clone(&visitor.shared);
    let patience = shared.options.limits.header_timeout;
    // Who says nothing, or says it too slowly, or goes, is let go.
    let Ok(Some((wire, http2))) = timeout(patience, agree(socket, &visitor)).await else { return };
    // A socket that a shard takes over is told so there.
    #[cfg(unix)]
    if http2 || !wire.get_ref().is_plain() {
        shared.hub.expect_answers(wire.get_ref().as_fd());
    }
    if http2 {
        http2::serve(wire, visitor).await;
    } else {
        http1::serve(wire, visitor, place).await;
    }
}

/// The connection, with TLS where that is spoken, and whether it goes on with HTTP/2.
async fn agree(socket: Socket, visitor: &Visitor) -> Option<(Wire<Socket>, bool)> {
    let Visitor { shared, address, .. } = visitor;
    let patience = shared.hub.options().timeout;
    let Some(tls) = shared.tls.clone() else {
        let mut wire = Wire::new(socket, patience);
        let http2 = wire.begins_http2().await.ok()?;
        return Some((wire, http2));
    };
    match TlsAcceptor::from(tls).accept(socket).await {
        Ok(stream) => {
            let http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2);
            Some((Wire::new(Socket::Tls(Box::new(stream)), patience), http2))
        }
        Err(error) => {
            shared.journal.write(|| format!("no TLS with {}: {error}", shown(address)));
            None
        }
    }
}

/// An address for a person.
pub(crate) fn shown(address: &Option<std::net::IpAddr>) -> String {
    address.map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string())
}

/// Ends a connection so that the peer gets to read what it was told.
pub(crate) async fn linger(mut stream: Socket) {
    let listen = async {
        stream.shutdown().await?;
        let mut rest = stream.take(LINGER_BYTES);
        let mut scratch = [0; 4096];
        while rest.read(&mut scratch).await? > 0 {}
        io::Result::Ok(())
    };
    // Whatever comes of it, that was all.
    let _ = timeout(LINGER, listen).await;
}
