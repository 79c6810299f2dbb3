//! The engine of ssekit: Server-Sent Events from one sequence of events, with a cursor per client.
//!
//! # Layout
//! One folder per concept. Imports go downwards only:
//!
//! * [`hub`]: the parts that a process has one of; every call comes in here.
//! * `cluster`: the link to the hubs of other processes, over a [`backplane`].
//! * `engine`: a hub without its cluster, where every event and every command ends.
//! * [`delivery`]: the tasks that write to sockets, and streams that somebody else carries.
//! * [`session`]: clients, users, and what remains of them when they leave.
//! * [`history`]: the sequence of events, in logs.
//! * [`event`]: an event, validated and encoded once, with the trace that it belongs to.
//!
//! Beside them: [`options`] and their [`schema`], [`stats`] with its [`metrics`], [`error`], [`counter`], a number that only
//! grows, [`aging`], a map that knows its oldest entry, and [`throttle`], a bound for messages.
//!
//! Nothing here knows about Node.js, HTTP servers or Redis.

pub mod aging;
pub mod backplane;
mod cluster;
pub mod counter;
pub mod delivery;
mod engine;
pub mod error;
pub mod event;
pub mod history;
pub mod hub;
pub mod metrics;
pub mod options;
pub mod schema;
pub mod session;
pub mod stats;
pub mod throttle;

pub use cluster::{Buffered, ClusterStats, Link};
#[cfg(unix)]
pub use delivery::handoff::Held;
pub use delivery::ready::{Carried, Readable, ReadyQueue};
pub use delivery::stream::{Chunk, Stream};
pub use error::{Error, ErrorKind, Refusal, Result};
pub use event::audience::Audience;
pub use event::trace::TraceContext;
pub use event::{Event, Framing, Glimpse, StoredEvent};
pub use history::{HistoryOptions, LogBounds};
pub use hub::{
    Change, Changed, ClientDetails, ClientFilter, ClientView, ClientsView, Connect, Connected, Hub, NodeView, Page,
    Published, Subscriber,
};
pub use options::{ChannelKinds, ChannelOptions, ClusterOptions, DrainOptions, LimitOptions, MaxLag, Options};
pub use session::client::Client;
pub use session::lifecycle::{ClientInfo, DisconnectReason, NotHandedOff, Phase};
pub use session::network::parse_address;
pub use session::observer::{Observer, Sent};
pub use session::reset::ResetReason;
pub use session::revoked::{LogOutMark, MOST_LEEWAY, since_1970};
pub use stats::Stats;
