//! HTTP/1.1 and 1.0: hyper parses requests and writes answers. A request for an event stream takes the socket away from hyper
//! before an answer begins.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;

use crate::admission::Permit;
use crate::body::AnyBody;
use crate::connection_io::linger;
use crate::connection_io::{ConnectionIo, Socket};
use crate::receipts::Receipts;
use crate::response::{Routed, StreamResponse};
use crate::router::route;
use crate::state::ConnectionContext;
use crate::state::Stage;

/// An opened stream, and the version of its request.
type Taken = (StreamResponse, Version);

/// A request puts its opened stream here if the socket is to be taken over.
type Slot = Arc<Mutex<Option<Taken>>>;

/// Serves a connection to its end, or until its socket is taken over.
pub(crate) async fn serve(io: ConnectionIo<Socket>, context: ConnectionContext, permit: Permit) {
    #[cfg(unix)]
    {
        let patience = context.shared.options.limits.header_timeout;
        let slot = io.get_ref().is_plain().then(Slot::default);
        if let Some((socket, (opened, version))) = converse(io, context, slot).await {
            crate::takeover::take_over(socket, opened, version, permit, patience).await;
        }
    }
    #[cfg(not(unix))]
    {
        converse(io, context, None).await;
        drop(permit);
    }
}

/// Answers requests until the connection ends, or until one of them takes the socket away. Without a slot, no request takes
/// the socket, and hyper carries the streams.
async fn converse(io: ConnectionIo<Socket>, context: ConnectionContext, slot: Option<Slot>) -> Option<(Socket, Taken)> {
    let (unsent, receipts, shared) = (io.unsent(), io.receipts(), Arc::clone(&context.shared));
    let builder = builder(&context);
    let service = service_fn(|request| Box::pin(answer(request, context.clone(), slot.clone(), receipts.clone())));
    let mut connection = builder.serve_connection(TokioIo::new(io), service);
    let ending = shared.hub.ending();
    let mut closing = pin!(async {
        tokio::select! {
            () = shared.until(Stage::Closing) => {}
            () = ending.begins() => {}
        }
    });
    let mut closes = false;
    let taken = poll_fn(|cx| {
        if !closes && closing.as_mut().poll(cx).is_ready() {
            closes = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        // The reason for its end does not matter.
        if connection.poll_without_shutdown(cx).is_ready() {
            return Poll::Ready(None);
        }
        // An answer to an earlier request may still be on its way; hyper continues until it is written.
        let taken = if unsent.any() { None } else { slot.as_ref().and_then(|slot| slot.lock().take()) };
        taken.map_or(Poll::Pending, |taken| Poll::Ready(Some(taken)))
    });
    let taken = taken.await;
    // Bytes that were read after the request are dropped, because an event-stream client sends nothing more.
    let socket = connection.into_parts().io.into_inner().into_inner();
    match taken {
        Some(taken) => Some((socket, taken)),
        None => {
            linger(socket).await;
            None
        }
    }
}

fn builder(context: &ConnectionContext) -> Builder {
    let limits = &context.shared.options.limits;
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes)
        .max_headers(limits.headers)
        .keep_alive(context.refusal.is_none());
    builder
}

async fn answer(
    request: Request<Incoming>,
    context: ConnectionContext,
    slot: Option<Slot>,
    receipts: Receipts,
) -> Result<Response<AnyBody>, Infallible> {
    let version = request.version();
    match (route(request, &context).await, slot) {
        (Routed::Stream(opened), Some(slot)) => {
            *slot.lock() = Some((opened, version));
            // The connection is about to be taken away, together with this future.
            std::future::pending().await
        }
        (routed, _) => Ok(routed.into_response(&receipts)),
    }
}
