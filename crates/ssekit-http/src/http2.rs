//! HTTP/2: hyper does everything, within limits. A stream is a body that hyper pulls.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use crate::activity::{Activity, Busy, idle, stalls};
use crate::connection_io::{ConnectionIo, Socket};
use crate::router::route;
use crate::state::ConnectionContext;
use crate::state::Stage;

/// A peer that does not answer a ping is gone.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The maximum number of streams that a peer opens and resets before we read them, and of resets that it provokes. Beyond
/// these limits the connection is ended (CVE-2023-44487, CVE-2025-8671).
const MAX_RESETS: usize = 32;
const MAX_PROVOKED_RESETS: usize = 128;

/// The maximum number of bytes taken from a stream before the peer has room. It is low because the log keeps the events.
const SEND_BUFFER: usize = 64 << 10;

/// Serves a connection to its end.
pub(crate) async fn serve(io: ConnectionIo<Socket>, context: ConnectionContext) {
    let activity = Arc::<Activity>::default();
    let (shared, refused) = (Arc::clone(&context.shared), context.refusal.is_some());
    let builder = builder(&context);
    let service = {
        let (activity, receipts) = (Arc::clone(&activity), io.receipts());
        service_fn(move |request| {
            let (busy, context, receipts) = (Busy::on(&activity), context.clone(), receipts.clone());
            // On the heap, so it is freed with the answer. Otherwise its memory would stay in use as long as the stream is
            // open.
            Box::pin(async move {
                let routed = route(request, &context).await;
                Ok::<_, Infallible>(routed.into_response(&receipts).map(|body| body.busy(busy)))
            })
        })
    };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    let ending = shared.hub.ending();
    let leave = async {
        tokio::select! {
            () = ending.begins() => {}
            () = shared.until(Stage::Closing) => {}
            () = idle(&activity, shared.options.limits.idle_timeout) => {}
            () = std::future::ready(()), if refused => {}
        }
    };
    // With a window of 0 a peer holds answers back although the socket is never full. We do not wait for such a peer.
    let mut stalls = pin!(stalls(&activity, &shared.hub, shared.hub.options().timeout));
    tokio::select! {
        // The reason for its end does not matter.
        _ = connection.as_mut() => return,
        () = stalls.as_mut() => return,
        () = leave => {}
    }
    connection.as_mut().graceful_shutdown();
    // Requests in progress finish first. A peer that ignores the shutdown is disconnected.
    tokio::select! {
        _ = connection => {}
        () = stalls => {}
        () = idle(&activity, shared.options.limits.idle_timeout) => {}
    }
}

fn builder(context: &ConnectionContext) -> Builder<TokioExecutor> {
    let limits = &context.shared.options.limits;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(limits.streams_per_connection as u32)
        .max_header_list_size(limits.header_bytes as u32)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_PROVOKED_RESETS)
        .max_send_buf_size(SEND_BUFFER);
    builder
}
