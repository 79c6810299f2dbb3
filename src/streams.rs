//! Streams that Node carries, until their sockets are handed over.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use napi::Env;
use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{Connect, DisconnectReason, Error, Hub, Stream};

use crate::error::throw;
use crate::hub::hub;

/// Weak: it must not keep the process alive.
type Callback = ThreadsafeFunction<(), (), (), napi::Status, false, true>;

/// Tells one copy of the JavaScript face which of its streams can be read. One call for many streams: a broadcast to
/// thousands would otherwise queue thousands of calls.
struct Notifier {
    readable: Mutex<Vec<u32>>,
    callback: Callback,
}

struct StreamWaker {
    token: u32,
    notifier: Arc<Notifier>,
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        let mut readable = self.notifier.readable.lock();
        readable.push(self.token);
        let first = readable.len() == 1;
        drop(readable);
        if first {
            // An environment that is going down takes no calls, and its streams go with it.
            self.notifier.callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// The streams of one copy of the JavaScript face.
#[napi]
pub struct Streams {
    notifier: Arc<Notifier>,
    last_token: u32,
}

#[napi]
impl Streams {
    /// `on_readable` is called when `take_readable` has something to tell.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_readable: Function<'_, (), ()>) -> napi::Result<Self> {
        let builder = on_readable.build_threadsafe_function::<()>();
        let callback = builder.callee_handled::<false>().weak::<true>().build()?;
        Ok(Self { notifier: Arc::new(Notifier { readable: Mutex::default(), callback }), last_token: 0 })
    }

    /// Tokens of the streams that can be read since it was last asked.
    #[napi(catch_unwind)]
    pub fn take_readable(&self) -> Vec<u32> {
        std::mem::take(&mut *self.notifier.readable.lock())
    }

    /// Connects a client.
    #[napi(catch_unwind)]
    pub fn connect(
        &mut self,
        env: Env,
        user_id: Option<String>,
        client_id: Option<String>,
        last_event_id: Option<String>,
        address: Option<String>,
    ) -> napi::Result<NativeStream> {
        let who = Connect {
            user: user_id.as_deref(),
            client: client_id.as_deref(),
            last_event_id: last_event_id.as_deref(),
            // What is no address (a Unix socket has none) is not bounded.
            address: address.and_then(|address| address.parse().ok()),
        };
        let connected = hub(&env)?.connect(who).map_err(|error| throw(&env, &error))?;
        self.last_token = self.last_token.wrapping_add(1);
        let token = self.last_token;
        let waker = Waker::from(Arc::new(StreamWaker { token, notifier: Arc::clone(&self.notifier) }));
        Ok(NativeStream {
            token,
            client_id: connected.client_id.to_string(),
            opening: connected.opening.into(),
            stream: connected.stream,
            waker,
        })
    }
}

/// One client's stream. Garbage that was never closed disconnects its client.
#[napi]
pub struct NativeStream {
    token: u32,
    client_id: String,
    opening: Vec<u8>,
    stream: Stream,
    waker: Waker,
}

#[napi]
impl NativeStream {
    /// What `take_readable` calls it.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.token
    }

    /// The client's id.
    #[napi(getter, catch_unwind)]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The first bytes of the stream. Theirs is the only copy.
    #[napi(catch_unwind)]
    pub fn take_opening(&mut self) -> Buffer {
        std::mem::take(&mut self.opening).into()
    }

    /// The next bytes: none now (`on_readable` tells when there are), or `null` at the end.
    #[napi(catch_unwind)]
    pub fn read(&mut self, max_bytes: u32) -> Option<Buffer> {
        let mut cx = Context::from_waker(&self.waker);
        match self.stream.poll_next(&mut cx, max_bytes as usize) {
            Poll::Ready(bytes) => bytes.map(|bytes| Vec::from(bytes).into()),
            Poll::Pending => Some(Vec::new().into()),
        }
    }

    /// Hands the socket with this descriptor over to native code, which duplicates it. Everything that was read from the
    /// stream must be in the kernel. If it throws, the stream goes on as it was, unless its client is gone.
    #[napi(catch_unwind)]
    pub fn hand_off(&mut self, env: Env, fd: i32, chunked: bool) -> napi::Result<()> {
        hand_off(&mut self.stream, fd, chunked).map_err(|error| throw(&env, &error))
    }

    /// Lets the kernel find out that the peer of the socket with this descriptor has vanished, which Node cannot.
    #[napi(catch_unwind)]
    pub fn expect_answers(&self, env: Env, fd: i32) -> napi::Result<()> {
        expect_answers(&hub(&env)?, fd).map_err(|error| throw(&env, &error))
    }

    /// Ends the stream because the response was never read.
    #[napi(catch_unwind)]
    pub fn close_unopened(&mut self) {
        self.stream.close(DisconnectReason::Unopened);
    }

    /// Ends the stream because its peer has gone, or has given no answer any more.
    #[napi(catch_unwind)]
    pub fn close(&mut self, timed_out: bool) {
        self.stream.close(if timed_out { DisconnectReason::Timeout } else { DisconnectReason::Peer });
    }
}

#[cfg(unix)]
fn hand_off(stream: &mut Stream, fd: i32, chunked: bool) -> Result<(), Error> {
    use ssekit_core::Framing;

    let duplicated = borrow(fd).and_then(|borrowed| borrowed.try_clone_to_owned());
    let owned = duplicated.map_err(|error| Error::system("duplicating a socket", &error))?;
    stream.hand_off(owned, if chunked { Framing::Chunked } else { Framing::UntilClose })
}

#[cfg(unix)]
fn expect_answers(hub: &Hub, fd: i32) -> Result<(), Error> {
    let borrowed = borrow(fd).map_err(|error| Error::system("looking at a socket", &error))?;
    hub.expect_answers(borrowed);
    Ok(())
}

/// A descriptor of Node's, for the length of a call.
#[cfg(unix)]
fn borrow(fd: i32) -> std::io::Result<std::os::fd::BorrowedFd<'static>> {
    if fd < 0 {
        return Err(std::io::Error::other("not a descriptor"));
    }
    #[expect(unsafe_code)]
    // SAFETY: the descriptor must be open during the call. It is the one of a socket that Node has not destroyed; Node works
    // on this very thread, so it cannot close it meanwhile. To be kept it is duplicated, so that each side closes its own, once.
    Ok(unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) })
}

#[cfg(not(unix))]
fn hand_off(_stream: &mut Stream, _fd: i32, _chunked: bool) -> Result<(), Error> {
    Err(Error::system("handing a socket over", &std::io::ErrorKind::Unsupported.into()))
}

#[cfg(not(unix))]
fn expect_answers(_hub: &Hub, _fd: i32) -> Result<(), Error> {
    Ok(())
}
