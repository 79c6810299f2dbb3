//! A client's slot in a shard.

use std::sync::Arc;

#[cfg(unix)]
use crate::delivery::connection::Connection;
use crate::delivery::idle::Idle;
use crate::event::position::Position;
use crate::history::log::Log;
use crate::session::client::Client;

/// A client's slot in a shard.
#[derive(Debug)]
pub(crate) enum ShardSlot {
    /// Someone else pulls the stream, or nobody reads it yet.
    Pulled { client: Arc<Client>, idle: Idle },
    /// The client was let go. Until this tick, its carrier may still report that it has written the events sent before
    /// that.
    Parting { client: Arc<Client>, until: u32 },
    /// The shard writes to its socket.
    #[cfg(unix)]
    Socket(Connection),
    /// The client was let go while its socket was full. Until this tick, it may still get the rest of the events sent
    /// before that.
    #[cfg(unix)]
    Leaving { connection: Connection, until: u32 },
}

impl ShardSlot {
    /// Whether the client has everything up to `position`. If there was nothing for it, its cursor stays behind.
    pub(crate) fn has_sent(&self, position: Position, broadcasts: &Log) -> bool {
        let (client, cursor, clear) = match self {
            Self::Pulled { client, .. } | Self::Parting { client, .. } => (client, client.progress.written(), true),
            #[cfg(unix)]
            Self::Socket(connection) | Self::Leaving { connection, .. } => {
                (connection.client(), connection.reader.cursor(), connection.writer.is_clear())
            }
        };
        let position = position.min(client.end());
        clear && (cursor >= position || (broadcasts.last() <= cursor && !client.subscriptions.has_news(cursor)))
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
