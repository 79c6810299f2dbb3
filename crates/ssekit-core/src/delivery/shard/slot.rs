//! A client's place in a shard.

use std::sync::Arc;

#[cfg(unix)]
use crate::delivery::connection::Connection;
use crate::event::position::Position;
use crate::history::log::Log;
use crate::session::client::Client;

/// A client's place in a shard.
#[derive(Debug)]
pub(crate) enum Slot {
    /// Its stream is pulled by somebody else, or not read yet.
    Pulled { client: Arc<Client>, idle_ticks: u32 },
    /// The client was let go, and its carrier has still to say that it has written what was sent before that; up to this tick.
    Parting { client: Arc<Client>, until: u32 },
    /// The shard writes to its socket.
    #[cfg(unix)]
    Socket(Connection),
    /// The client was let go while its socket was full: it gets the rest of what it was sent before that, up to this tick.
    #[cfg(unix)]
    Leaving { connection: Connection, until: u32 },
}

impl Slot {
    /// Whether the client has got everything up to `position`. The cursor of one for whom there was nothing stays behind.
    pub(crate) fn has_sent(&self, position: Position, broadcasts: &Log) -> bool {
        let (client, cursor, clear) = match self {
            Self::Pulled { client, .. } | Self::Parting { client, .. } => (client, client.progress.written(), true),
            #[cfg(unix)]
            Self::Socket(connection) | Self::Leaving { connection, .. } => {
                (connection.client(), connection.reader.cursor(), connection.writer.is_clear())
            }
        };
        let position = position.min(client.end());
        clear && (cursor >= position || (broadcasts.last() <= cursor && !client.has_own_news(cursor)))
    }

    /// The socket that the shard writes to.
    #[cfg(unix)]
    pub(crate) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match self {
            Self::Pulled { .. } | Self::Parting { .. } => None,
            Self::Socket(connection) | Self::Leaving { connection, .. } => Some(connection),
        }
    }
}
