//! A socket on its way from whoever wrote the response's head to the shard that writes the rest.

use socket2::Socket;

use crate::event::Framing;
use crate::session::reader::Reader;

/// The socket, and the cursor to go on from.
#[derive(Debug)]
pub(crate) struct Handoff {
    pub(crate) reader: Reader,
    pub(crate) socket: Socket,
    pub(crate) framing: Framing,
    /// What lives as long as the socket: its place among the listener's connections, or Node's response.
    pub(crate) held: Option<Held>,
}

/// Something that is dropped together with a socket.
pub type Held = Box<dyn std::any::Any + Send>;
