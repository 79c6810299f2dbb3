//! Streams that Node carries until their sockets are handed off.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::task::Poll;

use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{
    Carried, Client, Connect, DisconnectReason, Error, Hub, LogOutMark, NotHandedOff, ReadyQueue, parse_address,
};

use crate::error::throw;
use crate::hub::hub;

mod returning;

/// Calls JavaScript when streams are readable. Weak: it must not keep the process alive.
type OnReadable = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The streams of one JavaScript environment.
#[napi]
pub struct Streams {
    queue: Arc<ReadyQueue>,
    last_token: u32,
    /// None once it is closed.
    on_readable: Arc<Mutex<Option<OnReadable>>>,
    /// The clients of watched streams that were resumed early.
    resumed: HashMap<u32, Weak<Client>>,
}

#[napi]
impl Streams {
    /// Calls `on_readable` when `take_readable` has something to return.
    #[napi(constructor, catch_unwind)]
    pub fn new(on_readable: Function<'_, (), ()>) -> napi::Result<Self> {
        let builder = on_readable.build_threadsafe_function::<()>();
        let callback = builder.callee_handled::<false>().weak::<true>().build()?;
        let on_readable = Arc::new(Mutex::new(Some(callback)));
        let callback = Arc::clone(&on_readable);
        // An environment that is going down takes no calls, and its streams go with it.
        let notify = move || {
            if let Some(callback) = &*callback.lock() {
                callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }
        };
        Ok(Self { queue: ReadyQueue::new(notify), last_token: 0, on_readable, resumed: HashMap::new() })
    }

    /// Never calls `on_readable` again, and lets go of it. The streams must be closed.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.on_readable.lock().take();
    }

    /// Reads the streams that wait for bytes, at most `max_streams` of them. If the result says `more`, the caller must call
    /// again: `on_readable` is not called for the rest.
    #[napi(catch_unwind)]
    pub fn take_readable(&mut self, max_streams: u32, max_bytes: u32) -> Readable {
        let taken = self.queue.take(max_streams as usize, max_bytes as usize);
        for token in &taken.closed {
            self.resumed.remove(token);
        }
        let chunk_of = |chunk: Option<usize>| chunk.map_or(NO_CHUNK, |chunk| chunk as u32);
        Readable {
            tokens: taken.streams.iter().map(|(token, _)| *token).collect(),
            chunk_of: taken.streams.iter().map(|(_, chunk)| chunk_of(*chunk)).collect(),
            chunks: taken.chunks.iter().map(|chunk| chunk.to_vec().into()).collect(),
            more: taken.more,
            gone: taken.closed,
        }
    }

    /// Connects a client.
    #[napi(catch_unwind)]
    pub fn connect(&mut self, env: Env, asked: Asked) -> napi::Result<NativeStream> {
        let Asked { user_id, client_id, last_event_id, by_url, address, peer, mark, .. } = &asked;
        let channels: Vec<&str> = asked.channels.iter().flatten().map(String::as_str).collect();
        let who = Connect {
            user: user_id.as_deref(),
            client: client_id.as_deref(),
            last_event_id: last_event_id.as_deref(),
            by_url: *by_url,
            since: asked.since.as_deref(),
            channels: &channels,
            data: asked.data.as_deref(),
            welcome: asked.welcome.as_deref(),
            // Without an address (a Unix socket has none), no limit per address applies.
            address: [address, peer].into_iter().flatten().find_map(|text| parse_address(text)),
            ..Connect::default()
        };
        let hub = hub(&env)?;
        let connected = match mark {
            Some(mark) => hub.connect_since(LogOutMark::numbered(*mark as u64), who),
            None => hub.connect(who),
        };
        let connected = connected.map_err(|error| throw(&env, &error))?;
        let token = self.next_token();
        Ok(NativeStream {
            client: connected.stream.client().map(Arc::downgrade),
            client_id: connected.client_id.to_string(),
            opening: connected.opening.into(),
            carried: self.queue.carry(token, connected.stream),
        })
    }

    /// Tokens are positive as a signed number, too.
    fn next_token(&mut self) -> u32 {
        self.last_token = (self.last_token + 1) % (1 << 31);
        self.last_token
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
    /// The cursor of the page's snapshot.
    pub since: Option<String>,
    /// The channels that it subscribes to.
    pub channels: Option<Vec<String>>,
    /// The application's own data about it, as JSON.
    pub data: Option<String>,
    /// The application's addition to `ssekit:ready`, as JSON.
    pub welcome: Option<String>,
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
        self.carried.token()
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
        match self.carried.read(max_bytes as usize) {
            Poll::Ready(bytes) => bytes.map(|bytes| Vec::from(bytes).into()),
            Poll::Pending => Some(Vec::new().into()),
        }
    }

    /// From now on `take_readable` returns every chunk of this stream.
    #[napi(catch_unwind)]
    pub fn flow(&self) {
        self.carried.flow();
    }

    /// Stops that: unread events stay in the log.
    #[napi(catch_unwind)]
    pub fn pause(&self) {
        self.carried.pause();
    }

    /// Hands the socket with this descriptor over to native code, which duplicates it. Every byte that was read from the
    /// stream must already be in the kernel. If this throws, the stream continues as before, unless its client is gone. A
    /// watched stream appears in the `gone` list of `take_readable` once native code has closed the socket.
    #[napi(catch_unwind)]
    pub fn hand_off(&self, env: Env, fd: i32, chunked: bool, watched: bool) -> napi::Result<()> {
        hand_off(&self.carried, fd, chunked, watched).map_err(|error| throw(&env, &error))
    }

    /// Counts that the stream stays with Node, and why.
    #[napi(catch_unwind)]
    pub fn stays(&self, reason: String) {
        if let Some(reason) = NotHandedOff::named(&reason) {
            self.carried.stays(reason);
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
fn hand_off(carried: &Carried, fd: i32, chunked: bool, watched: bool) -> Result<(), Error> {
    use ssekit_core::Framing;

    let owned = duplicate(fd).map_err(|error| Error::system("duplicating a socket", &error))?;
    carried.hand_off(owned, if chunked { Framing::Chunked } else { Framing::UntilClose }, watched)
}

/// A descriptor of our own for one of Node's sockets.
#[cfg(unix)]
fn duplicate(fd: i32) -> std::io::Result<std::os::fd::OwnedFd> {
    borrow(fd)?.try_clone_to_owned()
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
fn hand_off(_carried: &Carried, _fd: i32, _chunked: bool, _watched: bool) -> Result<(), Error> {
    Err(Error::system("handing a socket over", &std::io::ErrorKind::Unsupported.into()))
}

#[cfg(not(unix))]
fn expect_answers(_hub: &Hub, _fd: i32) -> Result<(), Error> {
    Ok(())
}
