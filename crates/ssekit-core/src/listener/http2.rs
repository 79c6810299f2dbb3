//! HTTP/2: hyper does all of it, within limits; a stream is a body that it pulls.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::time::{Instant, interval};

use crate::listener::router::{Visitor, route};
use crate::listener::server::Stage;
use crate::listener::wire::{Socket, Wire};

/// A peer that does not answer a ping is gone.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Streams that a peer may open and reset before they were looked at, and resets that it may provoke: beyond these the
/// connection is ended (CVE-2023-44487, CVE-2025-8671).
const MAX_RESETS: usize = 32;
const MAX_PROVOKED_RESETS: usize = 128;

/// What is taken from a stream before the peer has room for it: little, for the log keeps it.
const SEND_BUFFER: usize = 64 << 10;

/// What is going on on a connection.
#[derive(Debug, Default)]
struct Activity {
    now: AtomicUsize,
    ever: AtomicUsize,
    /// Answers that wait for the peer to have room.
    untaken: Mutex<HashMap<usize, Untaken>>,
}

#[derive(Debug, Clone, Copy)]
struct Untaken {
    since: Instant,
    /// It is a stream of which the peer has taken something.
    in_stream: bool,
}

/// Something that keeps a connection from being idle.
#[derive(Debug)]
pub(crate) struct Busy {
    activity: Arc<Activity>,
    number: usize,
}

impl Busy {
    fn on(activity: &Arc<Activity>) -> Self {
        activity.now.fetch_add(1, Ordering::Relaxed);
        let number = activity.ever.fetch_add(1, Ordering::Relaxed);
        Self { activity: Arc::clone(activity), number }
    }

    /// The answer is there for the peer.
    pub(crate) fn answered(&self, in_stream: bool) {
        self.activity.untaken.lock().insert(self.number, Untaken { since: Instant::now(), in_stream });
    }

    /// The peer has taken it, or the beginning of a stream.
    pub(crate) fn taken(&self) {
        self.activity.untaken.lock().remove(&self.number);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.taken();
        self.activity.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(wire: Wire<Socket>, visitor: Visitor) {
    let activity = Arc::<Activity>::default();
    let (shared, refused) = (Arc::clone(&visitor.shared), visitor.refusal.is_some());
    let builder = builder(&visitor);
    let service = {
        let (activity, outbox) = (Arc::clone(&activity), wire.outbox());
        service_fn(move |request| {
            let (busy, visitor, outbox) = (Busy::on(&activity), visitor.clone(), outbox.clone());
            // On the heap, so that it goes with the answer: else its room is kept for as long as the stream is open.
            Box::pin(async move {
                let routed = route(request, &visitor).await;
                Ok::<_, Infallible>(routed.into_response(&outbox).map(|body| body.busy(busy)))
            })
        })
    };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(wire), service));
    let ending = shared.hub.ending();
    let leave = async {
        tokio::select! {
            () = ending.begins() => {}
            () = shared.until(Stage::Closing) => {}
            () = idle(&activity, shared.options.limits.idle_timeout) => {}
            () = std::future::ready(()), if refused => {}
        }
    };
    // A window of 0 keeps answers back without the socket ever being full. Who goes on like that is not waited for.
    let mut stalls = pin!(stalls(&activity, shared.hub.options().timeout));
    tokio::select! {
        // Whatever ended it, there is nobody to be told.
        _ = connection.as_mut() => return,
        () = stalls.as_mut() => return,
        () = leave => {}
    }
    connection.as_mut().graceful_shutdown();
    // What is under way comes to its end first. Who takes no notice of having been told to leave is left standing.
    tokio::select! {
        _ = connection => {}
        () = stalls => {}
        () = idle(&activity, shared.options.limits.idle_timeout) => {}
    }
}

/// Waits until nothing has gone on for as long as this.
async fn idle(activity: &Activity, patience: Duration) {
    let mut looks = interval(patience);
    let mut seen = None;
    loop {
        looks.tick().await;
        let ever = activity.ever.load(Ordering::Relaxed);
        if activity.now.load(Ordering::Relaxed) == 0 && seen == Some(ever) {
            return;
        }
        seen = Some(ever);
    }
}

/// Waits until the peer has not begun to take an answer for so long, or a quarter longer, or has taken nothing of any stream. One
/// stream that nobody reads, a tab that is held for instance, does not end the others of its connection.
async fn stalls(activity: &Activity, patience: Duration) {
    let mut looks = interval(patience / 4);
    loop {
        looks.tick().await;
        let untaken = activity.untaken.lock();
        let mut late = untaken.values().filter(|untaken| untaken.since.elapsed() >= patience).peekable();
        let some_are_late = late.peek().is_some();
        let all_are_late = late.clone().count() >= activity.now.load(Ordering::Relaxed);
        if some_are_late && (all_are_late || late.any(|untaken| !untaken.in_stream)) {
            return;
        }
    }
}

fn builder(visitor: &Visitor) -> Builder<TokioExecutor> {
    let limits = &visitor.shared.options.limits;
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
