//! Streams that Node carries until their sockets are handed off.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use napi::Env;
use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{
    Chunk, Client, Connect, DisconnectReason, Error, Held, Hub, LogOutMark, NotHandedOff, Stream, parse_address,
};

use crate::error::throw;
use crate::hub::hub;

/// Weak: it must not keep the process alive.
type Callback = ThreadsafeFunction<(), (), (), napi::Status, false, true>;

/// Tells one JavaScript environment which of its streams can be read. One call covers many streams, because a broadcast to
/// thousands would otherwise queue thousands of calls.
struct Notifier {
    /// Weak: a stream that has become garbage need not be read, and an environment that is gone reads nothing more.
    readable: Mutex<VecDeque<Weak<Carried>>>,
    /// Streams whose handed-off sockets are now closed.
    gone: Mutex<Vec<u32>>,
    callback: Callback,
}

/// A stream, and how much of it its carrier is waiting for.
struct Carried {
    token: u32,
    /// Only the environment's own thread locks it.
    pulled: Mutex<Pulled>,
    place: Arc<Place>,
    /// Wakes the same `place`.
    waker: Waker,
}

struct Pulled {
    stream: Stream,
    wants: Wants,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Nothing,
    /// The next chunk, once.
    Next,
    /// Every chunk, until the carrier pauses.
    All,
}

impl Carried {
    fn new(token: u32, stream: Stream, notifier: Arc<Notifier>) -> Arc<Self> {
        Arc::new_cyclic(|this| {
            let place = Arc::new(Place { carried: this.clone(), is_taken: AtomicBool::new(false), notifier });
            let pulled = Mutex::new(Pulled { stream, wants: Wants::Nothing });
            Self { token, pulled, waker: Waker::from(Arc::clone(&place)), place }
        })
    }

    /// The next chunk, if the carrier is waiting for one; `None` at the end of the stream. A panic ends only this stream: the
    /// other streams of the same read still get their bytes.
    fn poll_alone(&self, max_bytes: usize) -> Poll<Option<Chunk>> {
        catch_unwind(AssertUnwindSafe(|| self.poll(max_bytes))).unwrap_or_else(|_| {
            self.close(DisconnectReason::Fault);
            Poll::Ready(None)
        })
    }

    fn poll(&self, max_bytes: usize) -> Poll<Option<Chunk>> {
        let Pulled { stream, wants } = &mut *self.pulled.lock();
        if *wants == Wants::Nothing {
            return Poll::Pending;
        }
        let chunk = stream.poll_chunk(&mut Context::from_waker(&self.waker), max_bytes);
        if chunk.is_ready() && *wants == Wants::Next {
            *wants = Wants::Nothing;
        }
        chunk
    }

    fn close(&self, reason: DisconnectReason) {
        self.pulled.lock().stream.close(reason);
    }
}

/// Dropped together with a handed-off socket. JavaScript then learns that the client is gone.
struct Watch {
    token: u32,
    notifier: Arc<Notifier>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut gone = self.notifier.gone.lock();
        gone.push(self.token);
        let is_first = gone.len() == 1;
        drop(gone);
        if is_first {
            self.notifier.callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// A stream's place in the queue of readable streams.
struct Place {
    /// Weak: a client's own waker must not keep it alive when nobody carries it any more. Nor may the client end inside a
    /// call of that waker.
    carried: Weak<Carried>,
    /// A stream is in the queue at most once. So a carrier that gets a chunk can say "enough" before the next chunk comes.
    is_taken: AtomicBool,
    notifier: Arc<Notifier>,
}

impl Place {
    /// The stream can be read.
    fn tell(&self) {
        if self.take() == 1 {
            // An environment that is going down takes no calls, and its streams go with it.
            self.notifier.callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Returns how many streams can be read now, or 0 if this one was in the queue already.
    fn take(&self) -> usize {
        if self.is_taken.swap(true, Ordering::AcqRel) {
            return 0;
        }
        let mut readable = self.notifier.readable.lock();
        readable.push_back(self.carried.clone());
        readable.len()
    }

    /// Must be called before the stream is read, because an event that arrives during the read needs a new notification. An
    /// event that caused no notification, because the stream was already in the queue, is read now. That is why this is a
    /// swap and not just a store.
    fn leave(&self) {
        self.is_taken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.tell();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.tell();
    }
}

/// The streams of one JavaScript environment.
#[napi]
pub struct Streams {
    notifier: Arc<Notifier>,
    last_token: u32,
}

#[napi]
impl Streams {
    /// Calls `on_readable` when `take_readable` has something to return.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_readable: Function<'_, (), ()>) -> napi::Result<Self> {
        let builder = on_readable.build_threadsafe_function::<()>();
        let callback = builder.callee_handled::<false>().weak::<true>().build()?;
        Ok(Self {
            notifier: Arc::new(Notifier { readable: Mutex::default(), gone: Mutex::default(), callback }),
            last_token: 0,
        })
    }

    /// Reads the streams that wait for bytes, at most `max_streams` of them. If the result says `more`, the caller must call
    /// again: `on_readable` is not called for the rest.
    #[napi(catch_unwind)]
    pub fn take_readable(&self, max_streams: u32, max_bytes: u32) -> Readable {
        let mut taken = Readable { gone: std::mem::take(&mut self.notifier.gone.lock()), ..Readable::default() };
        let mut last: Option<Chunk> = None;
        let count = self.notifier.readable.lock().len().min(max_streams as usize);
        for _ in 0..count {
            let Some(next) = self.notifier.readable.lock().pop_front() else { break };
            let Some(carried) = next.upgrade() else { continue };
            carried.place.leave();
            let Poll::Ready(chunk) = carried.poll_alone(max_bytes as usize) else { continue };
            taken.tokens.push(carried.token);
            let Some(chunk) = chunk else {
                taken.chunk_of.push(NO_CHUNK);
                continue;
            };
            if chunk.has_more() {
                carried.place.take();
            }
            if !last.as_ref().is_some_and(|last| last.is_shared_with(&chunk)) {
                taken.chunks.push(chunk.to_vec().into());
                last = Some(chunk);
            }
            taken.chunk_of.push(taken.chunks.len() as u32 - 1);
        }
        taken.more = !self.notifier.readable.lock().is_empty();
        taken
    }

    /// Connects a client.
    #[napi(catch_unwind)]
    pub fn connect(&mut self, env: Env, asked: Asked) -> napi::Result<NativeStream> {
        let Asked { user_id, client_id, last_event_id, by_url, address, peer, mark } = asked;
        let who = Connect {
            user: user_id.as_deref(),
            client: client_id.as_deref(),
            last_event_id: last_event_id.as_deref(),
            by_url,
            // Without an address (a Unix socket has none), no limit per address applies.
            address: [address, peer].into_iter().flatten().find_map(|text| parse_address(&text)),
            ..Connect::default()
        };
        let hub = hub(&env)?;
        let connected = match mark {
            Some(mark) => hub.connect_since(LogOutMark::numbered(mark as u64), who),
            None => hub.connect(who),
        };
        let connected = connected.map_err(|error| throw(&env, &error))?;
        self.last_token = self.last_token.wrapping_add(1);
        Ok(NativeStream {
            client: connected.stream.client().map(Arc::downgrade),
            client_id: connected.client_id.to_string(),
            opening: connected.opening.into(),
            carried: Carried::new(self.last_token, connected.stream, Arc::clone(&self.notifier)),
        })
    }
}

/// A client that asks to connect.
#[napi(object, object_to_js = false)]
pub struct Asked {
    /// Its user. Without one, the client is anonymous.
    pub user_id: Option<String>,
    /// The client id that it asks for.
    pub client_id: Option<String>,
    /// The id of the last event that it has seen.
    pub last_event_id: Option<String>,
    /// Whether that id came in the URL, where it proves nothing.
    pub by_url: bool,
    /// Its address, according to the application.
    pub address: Option<String>,
    /// The address of the socket's other end. It counts if the application gives no valid address.
    pub peer: Option<String>,
    /// A mark from `log_out_mark`. The connection is refused if the user was logged out after it.
    pub mark: Option<f64>,
}

/// The bytes read from several streams.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct Readable {
    /// The tokens of the streams.
    pub tokens: Vec<u32>,
    /// For each stream, the index of its chunk in `chunks`. An index beyond them means that the stream has ended.
    pub chunk_of: Vec<u32>,
    /// A broadcast is here once for all streams that get it.
    pub chunks: Vec<Buffer>,
    /// Whether more streams are waiting to be read.
    pub more: bool,
    /// Watched streams whose sockets native code has closed.
    pub gone: Vec<u32>,
}

const NO_CHUNK: u32 = u32::MAX;

/// One client's stream. If it becomes garbage without having been closed, its client is disconnected.
#[napi]
pub struct NativeStream {
    client: Option<Weak<Client>>,
    client_id: String,
    opening: Vec<u8>,
    carried: Arc<Carried>,
}

#[napi]
impl NativeStream {
    /// Its token in the results of `take_readable`.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.carried.token
    }

    /// The client's id.
    #[napi(getter, catch_unwind)]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The first bytes of the stream. There is only one copy, so the second call returns nothing.
    #[napi(catch_unwind)]
    pub fn take_opening(&mut self) -> Buffer {
        std::mem::take(&mut self.opening).into()
    }

    /// The next bytes. `null` at the end of the stream; an empty buffer if nothing is ready. In that case `take_readable`
    /// returns the next chunk, once.
    #[napi(catch_unwind)]
    pub fn read(&self, max_bytes: u32) -> Option<Buffer> {
        let Pulled { stream, wants } = &mut *self.carried.pulled.lock();
        let polled = stream.poll_next(&mut Context::from_waker(&self.carried.waker), max_bytes as usize);
        *wants = if polled.is_pending() { Wants::Next } else { Wants::Nothing };
        match polled {
            Poll::Ready(bytes) => bytes.map(|bytes| Vec::from(bytes).into()),
            Poll::Pending => Some(Vec::new().into()),
        }
    }

    /// From now on `take_readable` returns every chunk of this stream.
    #[napi(catch_unwind)]
    pub fn flow(&self) {
        self.carried.pulled.lock().wants = Wants::All;
        self.carried.place.tell();
    }

    /// Stops that: unread events stay in the log.
    #[napi(catch_unwind)]
    pub fn pause(&self) {
        self.carried.pulled.lock().wants = Wants::Nothing;
    }

    /// Hands the socket with this descriptor over to native code, which duplicates it. Every byte that was read from the
    /// stream must already be in the kernel. If this throws, the stream continues as before, unless its client is gone. A
    /// watched stream appears in the `gone` list of `take_readable` once native code has closed the socket.
    #[napi(catch_unwind)]
    pub fn hand_off(&self, env: Env, fd: i32, chunked: bool, watched: bool) -> napi::Result<()> {
        let watch = || Watch { token: self.carried.token, notifier: Arc::clone(&self.carried.place.notifier) };
        let held = watched.then(|| Box::new(watch()) as Held);
        hand_off(&mut self.carried.pulled.lock().stream, fd, chunked, held).map_err(|error| throw(&env, &error))
    }

    /// Counts that the stream stays with Node, and why.
    #[napi(catch_unwind)]
    pub fn stays(&self, reason: String) {
        if let Some(reason) = NotHandedOff::named(&reason) {
            self.carried.pulled.lock().stream.stays(reason);
        }
    }

    /// Disconnects the client of a handed-off stream, because Node has closed the connection.
    #[napi(catch_unwind)]
    pub fn close_handed_off(&self, env: Env) -> napi::Result<()> {
        if let Some(client) = self.client.as_ref().and_then(Weak::upgrade) {
            hub(&env)?.end(&client, DisconnectReason::Peer);
        }
        Ok(())
    }

    /// Lets the kernel detect that the peer of the socket with this descriptor has vanished. Node cannot do that.
    #[napi(catch_unwind)]
    pub fn expect_answers(&self, env: Env, fd: i32) -> napi::Result<()> {
        expect_answers(&hub(&env)?, fd).map_err(|error| throw(&env, &error))
    }

    /// Ends the stream because the response was never read.
    #[napi(catch_unwind)]
    pub fn close_unopened(&self) {
        self.carried.close(DisconnectReason::Unopened);
    }

    /// Ends the stream because its peer has left, or has stopped answering.
    #[napi(catch_unwind)]
    pub fn close(&self, timed_out: bool) {
        self.carried.close(if timed_out { DisconnectReason::Timeout } else { DisconnectReason::Peer });
    }
}

#[cfg(unix)]
fn hand_off(stream: &mut Stream, fd: i32, chunked: bool, held: Option<Held>) -> Result<(), Error> {
    use ssekit_core::Framing;

    let duplicated = borrow(fd).and_then(|borrowed| borrowed.try_clone_to_owned());
    let owned = duplicated.map_err(|error| Error::system("duplicating a socket", &error))?;
    stream.hand_off_with(owned, if chunked { Framing::Chunked } else { Framing::UntilClose }, held)
}

#[cfg(unix)]
fn expect_answers(hub: &Hub, fd: i32) -> Result<(), Error> {
    let borrowed = borrow(fd).map_err(|error| Error::system("looking at a socket", &error))?;
    hub.expect_answers(borrowed);
    Ok(())
}

/// One of Node's descriptors, borrowed for the length of a call.
#[cfg(unix)]
fn borrow(fd: i32) -> std::io::Result<std::os::fd::BorrowedFd<'static>> {
    if fd < 0 {
        return Err(std::io::Error::other("not a descriptor"));
    }
    #[expect(unsafe_code)]
    // SAFETY: the descriptor must stay open during the call. It belongs to a socket that Node has not destroyed. Node runs on
    // this very thread, so it cannot close the socket in the meantime. A caller that keeps the descriptor duplicates it, so
    // each side closes its own, once.
    Ok(unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) })
}

#[cfg(not(unix))]
fn hand_off(_stream: &mut Stream, _fd: i32, _chunked: bool, _held: Option<Held>) -> Result<(), Error> {
    Err(Error::system("handing a socket over", &std::io::ErrorKind::Unsupported.into()))
}

#[cfg(not(unix))]
fn expect_answers(_hub: &Hub, _fd: i32) -> Result<(), Error> {
    Ok(())
}
