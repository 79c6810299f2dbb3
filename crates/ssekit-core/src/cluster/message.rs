//! The messages between nodes: a record's payload.
//!
//! It holds a version, a kind, and fields. A field is a tag, a length as a LEB128 number, and that many bytes. A reader
//! skips unknown fields, so that nodes of different releases understand each other. It rejects an unknown version.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::event::audience::Audience;
use crate::event::{Draft, Encoded};

const VERSION: u8 = 1;

/// Clients in one piece of a presence snapshot.
pub(crate) const CLIENTS_PER_SNAPSHOT: usize = 500;

/// A client and its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) client: &'a str,
    pub(crate) user: Option<&'a str>,
    /// The number of the first record that reported the client; 0: this one.
    pub(crate) since: u64,
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
    /// Disconnect all clients of a user, and void the user's tickets from before this time (milliseconds since 1970).
    DisconnectUser(&'a str, u64),
    /// Disconnect a client.
    DisconnectClient(&'a str),
    /// The sender could not append this many of its events; they are lost.
    Lost(u64),
    /// Clients have come, in this order.
    Joined(Vec<Member<'a>>),
    /// Clients have left.
    Left(Vec<&'a str>),
    /// The sender knows no clients yet, and asks all nodes for a presence snapshot.
    SnapshotRequest,
    /// A piece of the sender's presence snapshot; `first` starts a new one. The whole snapshot replaces everything that
    /// was known about the sender.
    PresenceSnapshot { first: bool, members: Vec<Member<'a>> },
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
    pub(super) const JOINED: u8 = 16;
    pub(super) const LEFT: u8 = 17;
    pub(super) const SNAPSHOT_REQUEST: u8 = 18;
    pub(super) const PRESENCE_SNAPSHOT: u8 = 19;
    pub(super) const ALIVE: u8 = 20;
    pub(super) const NODE_LEFT: u8 = 21;
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
}

/// The payload of an encoded event. The event stays where it is: the payload's head takes the room before it, and the other
/// fields follow it.
pub(crate) fn event_for(to: Addressee<'_>, draft: Draft) -> Bytes {
    let (mut buf, room, own_id, coalesce_key) = draft.into_parts();
    let mut head = Writer::new(kind::EVENT);
    head.0.put_u8(tag::BODY);
    head.leb128((buf.len() - room) as u64);
    debug_assert!(head.0.len() <= room, "an event has at most 64 MiB");
    buf.advance(room - head.0.len());
    for (slot, byte) in buf.iter_mut().zip(&head.0) {
        *slot = *byte;
    }
    let mut out = Writer(buf);
    out.to(to);
    out.optional(tag::ID, own_id.as_deref());
    out.optional(tag::KEY, coalesce_key.as_deref());
    out.0.freeze()
}

impl<'a> Message<'a> {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer::new(self.kind());
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
            Self::DisconnectClient(client) => out.text(tag::CLIENT, client),
            Self::Lost(count) | Self::Alive(count) => out.number(tag::NUMBER, *count),
            Self::Joined(members) => out.members(members),
            Self::PresenceSnapshot { first, members } => {
                if *first {
                    out.text(tag::FIRST, "");
                }
                out.members(members);
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
            Self::DisconnectClient(_) => kind::DISCONNECT_CLIENT,
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
        let ([VERSION, kind], fields) = payload.split_first_chunk::<2>()? else { return None };
        let fields = Fields(fields);
        Some(match *kind {
            kind::EVENT => fields.event()?,
            kind::DISCONNECT_USER => Self::DisconnectUser(fields.text(tag::USER)?, fields.number(tag::NUMBER)?),
            kind::DISCONNECT_CLIENT => Self::DisconnectClient(fields.text(tag::CLIENT)?),
            kind::LOST => Self::Lost(fields.number(tag::NUMBER)?),
            kind::JOINED => Self::Joined(fields.members()?),
            kind::LEFT => Self::Left(fields.clients()?),
            kind::SNAPSHOT_REQUEST => Self::SnapshotRequest,
            kind::PRESENCE_SNAPSHOT => {
                Self::PresenceSnapshot { first: fields.text(tag::FIRST).is_some(), members: fields.members()? }
            }
            kind::ALIVE => Self::Alive(fields.number(tag::NUMBER)?),
            kind::NODE_LEFT => Self::NodeLeft,
            _ => return None,
        })
    }
}

struct Writer(BytesMut);

impl Writer {
    fn new(kind: u8) -> Self {
        let mut buf = BytesMut::with_capacity(64);
        buf.put_slice(&[VERSION, kind]);
        Self(buf)
    }

    fn text(&mut self, tag: u8, text: &str) {
        self.0.put_u8(tag);
        self.leb128(text.len() as u64);
        self.0.put_slice(text.as_bytes());
    }

    fn number(&mut self, tag: u8, number: u64) {
        self.text(tag, &number.to_string());
    }

    fn leb128(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.put_u8(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.put_u8(number as u8);
    }

    fn to(&mut self, to: Addressee<'_>) {
        match to.audience {
            Audience::All { exclude } => self.optional(tag::EXCLUDE, exclude),
            Audience::User(user) => self.text(tag::USER, user),
            Audience::Client(client) => self.text(tag::CLIENT, client),
            Audience::Channel(name) => self.text(tag::CHANNEL, name),
        }
        match to.owner {
            Some(Owner::User(user)) => self.text(tag::USER, user),
            Some(Owner::Anonymous) => self.text(tag::ANONYMOUS, ""),
            None => {}
        }
    }

    fn optional(&mut self, tag: u8, text: Option<&str>) {
        if let Some(text) = text {
            self.text(tag, text);
        }
    }

    /// A user follows its client.
    fn members(&mut self, members: &[Member<'_>]) {
        for member in members {
            self.text(tag::CLIENT, member.client);
            self.optional(tag::USER, member.user);
            if member.since > 0 {
                self.number(tag::SINCE, member.since);
            }
        }
    }
}

/// The fields of a payload. They end at a truncated field; decoding then fails if a required field is missing.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, mut rest) = self.0.split_first()?;
        let mut length = 0_usize;
        for shift in (0..35).step_by(7) {
            let (byte, tail) = rest.split_first()?;
            rest = tail;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let (text, tail) = rest.split_at_checked(length)?;
                self.0 = tail;
                return Some((*tag, std::str::from_utf8(text).ok()?));
            }
        }
        None
    }
}

impl<'a> Fields<'a> {
    fn text(self, wanted: u8) -> Option<&'a str> {
        self.into_iter().find(|(tag, _)| *tag == wanted).map(|(_, text)| text)
    }

    fn number(self, wanted: u8) -> Option<u64> {
        self.text(wanted)?.parse().ok()
    }

    fn event(self) -> Option<Message<'a>> {
        let (user, client) = (self.text(tag::USER), self.text(tag::CLIENT));
        let to = match (client, user) {
            (Some(client), user) => {
                let anonymous = || self.text(tag::ANONYMOUS).map(|_| Owner::Anonymous);
                Addressee { audience: Audience::Client(client), owner: user.map(Owner::User).or_else(anonymous) }
            }
            (None, Some(user)) => Audience::User(user).into(),
            (None, None) => match self.text(tag::CHANNEL) {
                Some(channel) => Audience::Channel(channel).into(),
                None => Audience::All { exclude: self.text(tag::EXCLUDE) }.into(),
            },
        };
        let event =
            Encoded { body: self.text(tag::BODY)?, own_id: self.text(tag::ID), coalesce_key: self.text(tag::KEY) };
        Some(Message::Event(to, event))
    }

    fn members(self) -> Option<Vec<Member<'a>>> {
        let mut members: Vec<Member<'a>> = Vec::new();
        for (tag, text) in self {
            match tag {
                tag::CLIENT => members.push(Member { client: text, user: None, since: 0 }),
                tag::USER => members.last_mut()?.user = Some(text),
                tag::SINCE => members.last_mut()?.since = text.parse().ok()?,
                _ => {}
            }
        }
        Some(members)
    }

    fn clients(self) -> Option<Vec<&'a str>> {
        Some(self.filter(|(tag, _)| *tag == tag::CLIENT).map(|(_, text)| text).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Event;
    use crate::event::position::Epoch;

    fn examples() -> Vec<Message<'static>> {
        let event = Encoded { body: "data: {}\nid: ", own_id: Some("i"), coalesce_key: Some("k") };
        let plain = Encoded { body: "data: \nid: ", own_id: None, coalesce_key: None };
        let members =
            vec![Member { client: "a", user: Some("u"), since: 7 }, Member { client: "b", user: None, since: 0 }];
        vec![
            Message::Event(Audience::User("ada").into(), event),
            Message::Event(Addressee { audience: Audience::Client("tab"), owner: Some(Owner::User("ada")) }, plain),
            Message::Event(Addressee { audience: Audience::Client("tab"), owner: Some(Owner::Anonymous) }, plain),
            Message::Event(Audience::Client("tab").into(), event),
            Message::Event(Audience::Channel("tab").into(), event),
            Message::Event(Audience::All { exclude: Some("tab") }.into(), plain),
            Message::Event(Audience::All { exclude: None }.into(), event),
            Message::DisconnectUser("ada", 1_800_000_000_000),
            Message::DisconnectClient("tab"),
            Message::Lost(7),
            Message::Joined(members.clone()),
            Message::Left(vec!["a", "b"]),
            Message::SnapshotRequest,
            Message::PresenceSnapshot { first: true, members: members.clone() },
            Message::PresenceSnapshot { first: false, members },
            Message::Alive(3),
            Message::NodeLeft,
        ]
    }

    #[test]
    fn message_survives_encoding() {
        for message in examples() {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn truncated_or_newer_message_does_no_harm() {
        for message in examples() {
            let bytes = message.encode();
            for end in 0..bytes.len() {
                let _ = Message::decode(&bytes[..end]);
            }
            let mut other = bytes.to_vec();
            other[0] = VERSION + 1;
            assert_eq!(Message::decode(&other), None);
        }
    }

    #[test]
    fn field_of_a_later_release_is_skipped() {
        let mut bytes = Message::DisconnectClient("tab").encode().to_vec();
        bytes.splice(2..2, [200, 3, b'n', b'e', b'w']);
        assert_eq!(Message::decode(&bytes), Some(Message::DisconnectClient("tab")));
    }

    proptest! {
        #[test]
        fn any_event_arrives_as_it_was_encoded(
            user in ".{1,300}", data in ".*", id in proptest::option::of("[!-~]{1,256}"), key in proptest::option::of(".{1,50}"),
        ) {
            let event = Event { name: "n", data: &data, id: id.as_deref(), coalesce_key: key.as_deref(), ..Event::default() };
            let draft = event.encode(1 << 20).unwrap();
            let to = Addressee { audience: Audience::Client("tab"), owner: Some(Owner::User(&user)) };
            let payload = event_for(to, event.encode(1 << 20).unwrap());
            let Some(Message::Event(decoded_to, encoded)) = Message::decode(&payload) else { panic!("an event") };
            prop_assert_eq!(decoded_to, to);
            let epoch = Epoch::random();
            let arrived = encoded.draft(1 << 20).unwrap();
            prop_assert_eq!(arrived.coalesce_key(), draft.coalesce_key());
            prop_assert_eq!(arrived.finish(&epoch, 7).chunk(), draft.finish(&epoch, 7).chunk());
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
        }
    }
}
