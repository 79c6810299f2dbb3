//! A socket on its way to a shard: the shard writes what nobody has written yet, from the head or from the opening on.

use bytes::Bytes;
use socket2::Socket;

use crate::event::Framing;
use crate::session::reader::Reader;

/// The socket, and the reader whose cursor it continues from.
#[derive(Debug)]
pub(crate) struct Handoff {
    pub(crate) reader: Reader,
    pub(crate) socket: Socket,
    pub(crate) framing: Framing,
    /// Bytes to write before everything else, if nobody has written the head and the opening yet.
    pub(crate) first: Option<Bytes>,
    /// A value that lives as long as the socket: its place among the listener's connections, or Node's response.
    pub(crate) held: Option<Held>,
}

/// A value that is dropped together with a socket.
pub type Held = Box<dyn std::any::Any + Send>;
