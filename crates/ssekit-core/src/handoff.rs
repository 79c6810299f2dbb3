//! Taking over the socket of a response that is under way: the head and the first bytes were written by somebody else, and
//! everything after them is written by a shard.

use std::os::fd::OwnedFd;

use socket2::Socket;

use crate::client::Phase;
use crate::error::{Error, Result};
use crate::reader::Reader;
use crate::stream::Stream;

/// How the body of the response is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// HTTP/1.1's chunked coding (RFC 9112, section 7.1).
    Chunked,
    /// Up to the end of the connection, as for HTTP/1.0 (RFC 9112, section 6.3, rule 8).
    UntilClose,
}

/// A socket on its way to the shard, with the cursor to go on from.
#[derive(Debug)]
pub(crate) struct Handoff {
    pub(crate) reader: Reader,
    pub(crate) socket: Socket,
    pub(crate) framing: Framing,
}

impl Stream {
    /// Hands the stream's connection over to the engine: from here on a shard writes to `socket`, from the stream's cursor on.
    /// What was read from the stream must be in the kernel already.
    ///
    /// # Errors
    /// The client was disconnected meanwhile, or the system refuses; the stream then goes on as it was.
    pub fn hand_off(&mut self, socket: OwnedFd, framing: Framing) -> Result<()> {
        let socket = Socket::from(socket);
        socket.set_nonblocking(true).map_err(|error| Error::system("handing a socket over", &error))?;
        let Some(parts) = self.parts.take() else { return Err(Error::gone()) };
        let client = parts.reader.client().clone();
        if !parts.registry.settle(&client, Phase::Handoff) {
            return Err(Error::gone());
        }
        let handoff = Handoff { reader: parts.reader, socket, framing };
        client.shard.push(crate::inbox::Command::Adopt(Box::new(handoff)));
        Ok(())
    }
}
