//! The messages between nodes: a record's payload.
//!
//! It holds a version, a kind, and fields. A field is a tag, a length as a LEB128 number, and that many bytes. A reader
//! skips unknown fields, so that nodes of different releases understand each other. It rejects an unknown version.

use bytes::{BufMut, Bytes, BytesMut};

use crate::event::Event;
use crate::event::audience::Audience;
use crate::event::trace::TraceContext;

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
    /// An event and its trace context. After decoding, the trace context is beside the event, not in it.
    Event(Addressee<'a>, Event<'a>, Option<TraceContext>),
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
    pub(super) const HELLO: u8 = 18;
    pub(super) const ROLL: u8 = 19;
    pub(super) const ALIVE: u8 = 20;
    pub(super) const BYE: u8 = 21;
}

mod tag {
    pub(super) const USER: u8 = 1;
    pub(super) const CLIENT: u8 = 2;
    pub(super) const EXCLUDE: u8 = 3;
    pub(super) const NAME: u8 = 4;
    pub(super) const DATA: u8 = 5;
    pub(super) const ID: u8 = 6;
    pub(super) const RETRY: u8 = 7;
    pub(super) const KEY: u8 = 8;
    pub(super) const NUMBER: u8 = 9;
    pub(super) const ANONYMOUS: u8 = 10;
    pub(super) const FIRST: u8 = 11;
    pub(super) const TRACE_PARENT: u8 = 12;
    pub(super) const TRACE_STATE: u8 = 13;
    pub(super) const SINCE: u8 = 14;
}

/// An event's fields without its audience. They are encoded once, when the event is checked.
pub(crate) fn event_fields(event: &Event<'_>) -> Box<[u8]> {
    let mut out = Writer(BytesMut::with_capacity(event.data.len() + event.name.len() + 32));
    out.event(event);
    out.0[..].into()
}

/// The payload of an event with these fields.
pub(crate) fn event_for(to: Addressee<'_>, fields: &[u8]) -> Bytes {
    let mut out = Writer::new(kind::EVENT);
    out.0.reserve(fields.len() + 64);
    out.to(to);
    out.0.put_slice(fields);
    out.0.freeze()
}

impl<'a> Message<'a> {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer::new(self.kind());
        match self {
            Self::Event(to, event, trace) => {
                out.to(*to);
                out.event(&Event { trace: event.trace.or(trace.as_ref()), ..*event });
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
            Self::SnapshotRequest => kind::HELLO,
            Self::PresenceSnapshot { .. } => kind::ROLL,
            Self::Alive(_) => kind::ALIVE,
            Self::NodeLeft => kind::BYE,
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
            kind::HELLO => Self::SnapshotRequest,
            kind::ROLL => {
                Self::PresenceSnapshot { first: fields.text(tag::FIRST).is_some(), members: fields.members()? }
            }
            kind::ALIVE => Self::Alive(fields.number(tag::NUMBER)?),
            kind::BYE => Self::NodeLeft,
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
        }
        match to.owner {
            Some(Owner::User(user)) => self.text(tag::USER, user),
            Some(Owner::Anonymous) => self.text(tag::ANONYMOUS, ""),
            None => {}
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        self.text(tag::NAME, event.name);
        self.text(tag::DATA, event.data);
        self.optional(tag::ID, event.id);
        self.optional(tag::KEY, event.coalesce_key);
        if let Some(retry) = event.retry {
            self.number(tag::RETRY, retry);
        }
        if let Some(trace) = event.trace {
            self.text(tag::TRACE_PARENT, trace.parent());
            self.optional(tag::TRACE_STATE, trace.state());
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
            (None, None) => Audience::All { exclude: self.text(tag::EXCLUDE) }.into(),
        };
        let event = Event {
            name: self.text(tag::NAME)?,
            data: self.text(tag::DATA)?,
            id: self.text(tag::ID),
            retry: self.number(tag::RETRY),
            coalesce_key: self.text(tag::KEY),
            trace: None,
        };
        let parent = self.text(tag::TRACE_PARENT);
        let trace = parent.and_then(|parent| TraceContext::parse(parent, self.text(tag::TRACE_STATE)));
        Some(Message::Event(to, event, trace))
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

    fn examples() -> Vec<Message<'static>> {
        let event =
            Event { name: "n", data: "{\"a\":1}", id: Some("i"), retry: Some(5), coalesce_key: Some("k"), trace: None };
        let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("a=1"));
        let plain = Event { name: "", data: "", ..Event::default() };
        let members =
            vec![Member { client: "a", user: Some("u"), since: 7 }, Member { client: "b", user: None, since: 0 }];
        vec![
            Message::Event(Audience::User("ada").into(), event, None),
            Message::Event(
                Addressee { audience: Audience::Client("tab"), owner: Some(Owner::User("ada")) },
                plain,
                None,
            ),
            Message::Event(Addressee { audience: Audience::Client("tab"), owner: Some(Owner::Anonymous) }, plain, None),
            Message::Event(Audience::Client("tab").into(), event, None),
            Message::Event(Audience::All { exclude: Some("tab") }.into(), plain, None),
            Message::Event(Audience::All { exclude: None }.into(), event, trace),
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
        fn any_text_arrives_unchanged(user in ".{1,300}", name in ".*", data in ".*", key in proptest::option::of(".+")) {
            let event = Event { name: &name, data: &data, coalesce_key: key.as_deref(), ..Event::default() };
            let message = Message::Event(Audience::User(&user).into(), event, None);
            let bytes = message.encode();
            prop_assert_eq!(Message::decode(&bytes), Some(message));
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
        }
    }
}
