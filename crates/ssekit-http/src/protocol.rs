//! Finds out which HTTP version a connection speaks: from TLS negotiation, or else from its first bytes.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::admission::Permit;
use crate::connection_io::{ConnectionIo, Socket};
use crate::state::ConnectionContext;
use crate::state::{Stage, shown};
use crate::tls::ALPN_HTTP2;
use crate::{http1, http2};

/// Serves a connection to its end.
pub(crate) async fn serve(socket: Socket, context: ConnectionContext, permit: Permit) {
    let shared = Arc::clone(&context.shared);
    tokio::select! {
        () = begin(socket, context, permit) => {}
        () = shared.until(Stage::Closed) => {}
    }
}

async fn begin(socket: Socket, context: ConnectionContext, permit: Permit) {
    let shared = Arc::clone(&context.shared);
    let patience = shared.options.limits.header_timeout;
    // A peer that is silent, too slow or gone is disconnected.
    let Ok(Some((io, http2))) = timeout(patience, agree(socket, &context)).await else { return };
    // For a socket that a shard takes over, this happens at the takeover.
    #[cfg(unix)]
    if http2 || !io.get_ref().is_plain() {
        shared.hub.expect_answers(io.get_ref().as_fd());
    }
    if http2 {
        http2::serve(io, context).await;
    } else {
        http1::serve(io, context, permit).await;
    }
}

/// The connection, with TLS if that is configured, and whether it continues with HTTP/2.
async fn agree(socket: Socket, context: &ConnectionContext) -> Option<(ConnectionIo<Socket>, bool)> {
    let ConnectionContext { shared, address, .. } = context;
    let patience = shared.hub.options().timeout;
    let Some(tls) = shared.tls.clone() else {
        let mut io = ConnectionIo::new(socket, patience);
        let http2 = io.begins_http2().await.ok()?;
        return Some((io, http2));
    };
    match TlsAcceptor::from(tls).accept(socket).await {
        Ok(stream) => {
            let http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2);
            Some((ConnectionIo::new(Socket::Tls(Box::new(stream)), patience), http2))
        }
        Err(error) => {
            shared.operator_log.write(|| format!("no TLS with {}: {error}", shown(address)));
            None
        }
    }
}
