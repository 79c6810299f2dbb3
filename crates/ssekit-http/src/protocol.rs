//! Which HTTP a connection speaks: by what TLS has agreed on, else by its first bytes.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::admission::Place;
use crate::state::Visitor;
use crate::state::{Stage, shown};
use crate::tls::ALPN_HTTP2;
use crate::wire::{Socket, Wire};
use crate::{http1, http2};

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
