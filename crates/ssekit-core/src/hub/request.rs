//! The request to connect a client, and its answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::delivery::stream::Stream;
use crate::event::key::Key;

/// The client that is connecting.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connect<'a> {
    /// The user; `None` for an anonymous client.
    pub user: Option<&'a str>,
    /// The client's own id; `None` for a new UUID.
    pub client: Option<&'a str>,
    /// The last event id that the client has seen.
    pub last_event_id: Option<&'a str>,
    /// The last event id came in the URL, and so stands in access logs. A key at its end proves nothing.
    pub by_url: bool,
    /// The key at the end of the stream's ids. Only a page that has read them can resume as this client.
    pub key: Option<Key>,
    /// The page was rendered with everything up to this [cursor](crate::Hub::cursor). Without a last event id, the client gets
    /// everything after it.
    pub since: Option<&'a str>,
    /// The channels that it subscribes to, besides those that it had before.
    pub channels: &'a [&'a str],
    /// A ticket says which channels it may have. A client that comes back without one has none of those that it had with it.
    pub by_ticket: bool,
    /// When somebody said who the user is, in time since 1970, if that was earlier: a ticket's time of issue. A log-out that becomes
    /// known late ends the client if it happened later than this.
    pub identified_at: Option<Duration>,
    /// Its description of itself for others, as JSON of at most 1,024 bytes.
    pub data: Option<&'a str>,
    /// The application's addition to `ssekit:ready`, as JSON of at most [`Options::max_event_bytes`](crate::Options).
    pub welcome: Option<&'a str>,
    /// The client's address; `None` if it is unknown, which also means no limit by address.
    pub address: Option<IpAddr>,
}

/// A client that has connected.
#[derive(Debug)]
pub struct Connected {
    /// The client's id.
    pub client_id: Arc<str>,
    /// The first bytes of the stream. Send them before anything else.
    pub opening: Bytes,
    /// Everything after the opening.
    pub stream: Stream,
}
