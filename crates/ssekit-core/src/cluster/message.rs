//! The messages between nodes: a record's payload.
//!
//! It holds a version, a kind, and fields. A field is a tag, a length as a LEB128 number, and that many bytes. A reader
//! skips unknown fields, so that nodes of different releases understand each other. It rejects an unknown version.

mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};

use self::wire::PayloadWriter;
use crate::backplane::{Address, LogOut, Outgoing};
use crate::event::audience::Audience;
use crate::event::{Draft, Encoded};
use crate::session::attendance::Attendee;

/// A client, as its node describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AnnouncedClient<'a> {
    pub(crate) client: &'a str,
    pub(crate) user: Option<&'a str>,
    /// The number of the first record that reported the client, or the highest that it may have; 0: this record's.
    pub(crate) since: u64,
    /// The lowest number that it may have; 0: the same.
    pub(crate) since_at_least: u64,
    /// Its description of itself, as JSON.
    pub(crate) data: Option<&'a str>,
    /// When it connected, in milliseconds since 1970.
    pub(crate) connected_at: u64,
    /// The channels that it has subscribed to, or has left and may still have to read.
    pub(crate) channels: Vec<AnnouncedSpan<'a>>,
}

/// A client's time with a channel, in numbers of the history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AnnouncedSpan<'a> {
    pub(crate) channel: &'a str,
    /// The client gets the events after this number; 0: all that its page has not seen.
    pub(crate) since: u64,
    /// The client gets no events after this number; `None`: it has not left.
    pub(crate) until: Option<u64>,
    /// The newest number when the client named the channel; 0: it did not.
    pub(crate) named_at: u64,
}

/// A command to change what a client has subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubscriptionCommand<'a> {
    pub(crate) client: &'a str,
    /// The client's owner, as far as the sender knows. Nobody else's client may change.
    pub(crate) owner: Option<Owner<'a>>,
    /// A page without a user asks for this, and has shown this key; empty: none. Only the client's own node can check it.
    pub(crate) shown: Option<&'a str>,
    pub(crate) channel: &'a str,
    /// The page knows what was sent to the channel up to this cursor.
    pub(crate) since: Option<&'a str>,
}

/// The audience of an event, in the form that all nodes need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addressee<'a> {
    pub(crate) audience: Audience<'a>,
    /// The owner of a single client, as far as the sender knows. Nobody else may ever read the event.
    pub(crate) owner: Option<Owner<'a>>,
}

impl<'a> From<Audience<'a>> for Addressee<'a> {
    fn from(audience: Audience<'a>) -> Self {
        Self { audience, owner: None }
    }
}

/// The owner of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    Anonymous,
    User(&'a str),
}

/// A message from one node to all, including itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// An encoded event.
    Event(Addressee<'a>, Encoded<'a>),
    /// Disconnect all clients of a user, and void the user's tickets from before this time (microseconds since 1970, as tickets count it).
    DisconnectUser(&'a str, u64),
    /// Users were logged out at these times, and the backplane did not know. A client whose user was identified later stays.
    LogOuts(Vec<(&'a str, u64)>),
    /// Disconnect a client.
    DisconnectClient(&'a str),
    /// Subscribe a client to a channel.
    Subscribe(SubscriptionCommand<'a>),
    /// End a client's subscription to a channel.
    Unsubscribe(SubscriptionCommand<'a>),
    /// A client has come to a channel whose clients want to know, or gone from it.
    Attendance { attendee: Attendee<'a>, comes: bool },
    /// The sender could not append this many of its events; they are lost.
    Lost(u64),
    /// Clients have come, in this order.
    Joined(Vec<AnnouncedClient<'a>>),
    /// The channels of the sender's client have changed.
    Changed(AnnouncedClient<'a>),
    /// Clients have left.
    Left(Vec<&'a str>),
    /// The sender knows no clients yet, and asks all nodes for a presence snapshot.
    SnapshotRequest,
    /// A piece of the sender's presence snapshot; `first` starts a new one. The whole snapshot replaces everything that
    /// was known about the sender. It was made when the sender had read the members' topic up to the number `read`.
    PresenceSnapshot { first: bool, read: u64, clients: Vec<AnnouncedClient<'a>> },
    /// The sender is alive, with this many clients.
    Alive(u64),
    /// The sender has left.
    NodeLeft,
}

mod kind {
    pub(super) const EVENT: u8 = 1;
    pub(super) const DISCONNECT_USER: u8 = 2;
    pub(super) const DISCONNECT_CLIENT: u8 = 3;
    pub(super) const LOST: u8 = 4;
    pub(super) const SUBSCRIBE: u8 = 5;
    pub(super) const UNSUBSCRIBE: u8 = 6;
    pub(super) const COMES: u8 = 7;
    pub(super) const GOES: u8 = 8;
    pub(super) const LOG_OUTS: u8 = 9;
    pub(super) const JOINED: u8 = 16;
    pub(super) const LEFT: u8 = 17;
    pub(super) const SNAPSHOT_REQUEST: u8 = 18;
    pub(super) const PRESENCE_SNAPSHOT: u8 = 19;
    pub(super) const ALIVE: u8 = 20;
    pub(super) const NODE_LEFT: u8 = 21;
    pub(super) const CHANGED: u8 = 22;
}

mod tag {
    pub(super) const USER: u8 = 1;
    pub(super) const CLIENT: u8 = 2;
    pub(super) const EXCLUDE: u8 = 3;
    pub(super) const BODY: u8 = 4;
    pub(super) const ID: u8 = 5;
    pub(super) const KEY: u8 = 6;
    pub(super) const NUMBER: u8 = 7;
    pub(super) const ANONYMOUS: u8 = 8;
    pub(super) const FIRST: u8 = 9;
    pub(super) const SINCE: u8 = 10;
    pub(super) const CHANNEL: u8 = 11;
    pub(super) const FROM: u8 = 12;
    pub(super) const UNTIL: u8 = 13;
    pub(super) const DATA: u8 = 14;
    pub(super) const CONNECTED_AT: u8 = 15;
    pub(super) const SHOWN: u8 = 16;
    pub(super) const NAMED_AT: u8 = 17;
    pub(super) const READ: u8 = 18;
    pub(super) const SINCE_AT_LEAST: u8 = 19;
}

/// The record of an encoded event. The event stays where it is: the payload's head takes the room before it, and the other
/// fields follow it.
pub(crate) fn event_for(to: Addressee<'_>, draft: Draft) -> Outgoing {
    let (mut buf, room, own_id, coalesce_key) = draft.into_parts();
    let mut head = PayloadWriter::new(kind::EVENT);
    head.0.put_u8(tag::BODY);
    head.leb128((buf.len() - room) as u64);
    debug_assert!(head.0.len() <= room, "an event has at most 64 MiB");
    buf.advance(room - head.0.len());
    for (slot, byte) in buf.iter_mut().zip(&head.0) {
        *slot = *byte;
    }
    let mut out = PayloadWriter(buf);
    out.to(to);
    out.optional(tag::ID, own_id.as_deref());
    out.optional(tag::KEY, coalesce_key.as_deref());
    Outgoing::new(to.audience.into(), out.0.freeze())
}

impl<'a> Message<'a> {
    /// The record that carries the message.
    pub(crate) fn record(&self) -> Outgoing {
        Outgoing { log_outs: self.log_outs(), ..Outgoing::new(self.address(), self.encode()) }
    }

    /// The log-outs that it tells, with times since 1970.
    pub(crate) fn log_outs(&self) -> Vec<LogOut> {
        let all = match self {
            Self::DisconnectUser(user, at) => &[(*user, *at)],
            Self::LogOuts(all) => all.as_slice(),
            _ => &[],
        };
        // Nobody has an empty id, and a backplane may use it for something else.
        let all = all.iter().filter(|(user, _)| !user.is_empty());
        all.map(|(user, at)| LogOut { user: Arc::from(*user), at: Duration::from_micros(*at) }).collect()
    }

    /// The message's address. Messages about a node's clients are for the other nodes.
    fn address(&self) -> Address {
        match self {
            Self::Event(to, _) => to.audience.into(),
            Self::DisconnectClient(client) => Audience::Client(client).into(),
            Self::Subscribe(command) | Self::Unsubscribe(command) => Audience::Client(command.client).into(),
            Self::Attendance { attendee, .. } => Address::attendance(attendee.channel),
            Self::DisconnectUser(..) | Self::LogOuts(_) | Self::Lost(_) => Address::commands(),
            Self::Joined(_)
            | Self::Changed(_)
            | Self::Left(_)
            | Self::SnapshotRequest
            | Self::PresenceSnapshot { .. }
            | Self::Alive(_)
            | Self::NodeLeft => Address::everybody(),
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut out = PayloadWriter::new(self.kind());
        match self {
            Self::Event(to, event) => {
                out.text(tag::BODY, event.body);
                out.to(*to);
                out.optional(tag::ID, event.own_id);
                out.optional(tag::KEY, event.coalesce_key);
            }
            Self::DisconnectUser(user, at) => {
                out.text(tag::USER, user);
                out.number(tag::NUMBER, *at);
            }
            Self::LogOuts(all) => all.iter().for_each(|(user, at)| {
                out.text(tag::USER, user);
                out.number(tag::NUMBER, *at);
            }),
            Self::DisconnectClient(client) => out.text(tag::CLIENT, client),
            Self::Subscribe(command) | Self::Unsubscribe(command) => out.subscription(command),
            Self::Attendance { attendee, .. } => out.attendee(attendee),
            Self::Changed(announced) => out.announced_clients(std::slice::from_ref(announced)),
            Self::Lost(count) | Self::Alive(count) => out.number(tag::NUMBER, *count),
            Self::Joined(clients) => out.announced_clients(clients),
            Self::PresenceSnapshot { first, read, clients } => {
                if *first {
                    out.text(tag::FIRST, "");
                }
                if *read > 0 {
                    out.number(tag::READ, *read);
                }
                out.announced_clients(clients);
            }
            Self::Left(clients) => clients.iter().for_each(|client| out.text(tag::CLIENT, client)),
            Self::SnapshotRequest | Self::NodeLeft => {}
        }
        out.0.freeze()
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Event(..) => kind::EVENT,
            Self::DisconnectUser(..) => kind::DISCONNECT_USER,
            Self::LogOuts(_) => kind::LOG_OUTS,
            Self::DisconnectClient(_) => kind::DISCONNECT_CLIENT,
            Self::Subscribe(_) => kind::SUBSCRIBE,
            Self::Unsubscribe(_) => kind::UNSUBSCRIBE,
            Self::Attendance { comes: true, .. } => kind::COMES,
            Self::Attendance { comes: false, .. } => kind::GOES,
            Self::Changed(_) => kind::CHANGED,
            Self::Lost(_) => kind::LOST,
            Self::Joined(_) => kind::JOINED,
            Self::Left(_) => kind::LEFT,
            Self::SnapshotRequest => kind::SNAPSHOT_REQUEST,
            Self::PresenceSnapshot { .. } => kind::PRESENCE_SNAPSHOT,
            Self::Alive(_) => kind::ALIVE,
            Self::NodeLeft => kind::NODE_LEFT,
        }
    }

    /// Returns `None` if the payload is damaged, or comes from another release and says something new.
    pub(crate) fn decode(payload: &'a [u8]) -> Option<Self> {
        let (kind, fields) = wire::open(payload)?;
        Some(match kind {
            kind::EVENT => fields.event()?,
            kind::DISCONNECT_USER => Self::DisconnectUser(fields.text(tag::USER)?, fields.number(tag::NUMBER)?),
            kind::LOG_OUTS => Self::LogOuts(fields.log_outs()?),
            kind::DISCONNECT_CLIENT => Self::DisconnectClient(fields.text(tag::CLIENT)?),
            kind::SUBSCRIBE => Self::Subscribe(fields.subscription()?),
            kind::UNSUBSCRIBE => Self::Unsubscribe(fields.subscription()?),
            kind::COMES => Self::Attendance { attendee: fields.attendee()?, comes: true },
            kind::GOES => Self::Attendance { attendee: fields.attendee()?, comes: false },
            kind::CHANGED => Self::Changed(fields.announced_clients()?.pop()?),
            kind::LOST => Self::Lost(fields.number(tag::NUMBER)?),
            kind::JOINED => Self::Joined(fields.announced_clients()?),
            kind::LEFT => Self::Left(fields.clients()?),
            kind::SNAPSHOT_REQUEST => Self::SnapshotRequest,
            kind::PRESENCE_SNAPSHOT => Self::PresenceSnapshot {
                first: fields.text(tag::FIRST).is_some(),
                read: fields.number(tag::READ).unwrap_or_default(),
                clients: fields.announced_clients()?,
            },
            kind::ALIVE => Self::Alive(fields.number(tag::NUMBER)?),
            kind::NODE_LEFT => Self::NodeLeft,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
