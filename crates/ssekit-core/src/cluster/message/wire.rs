//! The fields of a payload.

use bytes::{BufMut, BytesMut};

use super::{Addressee, AnnouncedClient, AnnouncedSpan, Message, Owner, SubscriptionCommand, tag};
use crate::event::Encoded;
use crate::event::audience::Audience;
use crate::session::attendance::Attendee;

const VERSION: u8 = 1;

/// The kind and the fields of a payload, if its version is known.
pub(super) fn open(payload: &[u8]) -> Option<(u8, PayloadFields<'_>)> {
    let ([VERSION, kind], fields) = payload.split_first_chunk::<2>()? else { return None };
    Some((*kind, PayloadFields(fields)))
}

/// Writes a payload.
pub(super) struct PayloadWriter(pub(super) BytesMut);

impl PayloadWriter {
    pub(super) fn new(kind: u8) -> Self {
        let mut buf = BytesMut::with_capacity(64);
        buf.put_slice(&[VERSION, kind]);
        Self(buf)
    }

    pub(super) fn text(&mut self, tag: u8, text: &str) {
        self.0.put_u8(tag);
        self.leb128(text.len() as u64);
        self.0.put_slice(text.as_bytes());
    }

    pub(super) fn number(&mut self, tag: u8, number: u64) {
        self.text(tag, &number.to_string());
    }

    pub(super) fn leb128(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.put_u8(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.put_u8(number as u8);
    }

    pub(super) fn to(&mut self, to: Addressee<'_>) {
        match to.audience {
            Audience::All { exclude } => self.optional(tag::EXCLUDE, exclude),
            Audience::User(user) => self.text(tag::USER, user),
            Audience::Client(client) => self.text(tag::CLIENT, client),
            Audience::Channel(name) => self.text(tag::CHANNEL, name),
        }
        self.owner(to.owner);
    }

    fn owner(&mut self, owner: Option<Owner<'_>>) {
        match owner {
            Some(Owner::User(user)) => self.text(tag::USER, user),
            Some(Owner::Anonymous) => self.text(tag::ANONYMOUS, ""),
            None => {}
        }
    }

    pub(super) fn subscription(&mut self, command: &SubscriptionCommand<'_>) {
        self.text(tag::CLIENT, command.client);
        self.owner(command.owner);
        self.optional(tag::SHOWN, command.shown);
        self.text(tag::CHANNEL, command.channel);
        self.optional(tag::FROM, command.since);
    }

    pub(super) fn attendee(&mut self, attendee: &Attendee<'_>) {
        self.text(tag::CHANNEL, attendee.channel);
        self.text(tag::CLIENT, attendee.client);
        self.optional(tag::USER, attendee.user);
        self.optional(tag::DATA, attendee.data);
    }

    pub(super) fn optional(&mut self, tag: u8, text: Option<&str>) {
        if let Some(text) = text {
            self.text(tag, text);
        }
    }

    /// The fields about a client follow its id, and the fields about a channel follow the channel's name.
    pub(super) fn announced_clients(&mut self, clients: &[AnnouncedClient<'_>]) {
        for announced in clients {
            self.text(tag::CLIENT, announced.client);
            self.optional(tag::USER, announced.user);
            if announced.since > 0 {
                self.number(tag::SINCE, announced.since);
            }
            if announced.since_at_least > 0 {
                self.number(tag::SINCE_AT_LEAST, announced.since_at_least);
            }
            self.optional(tag::DATA, announced.data);
            if announced.connected_at > 0 {
                self.number(tag::CONNECTED_AT, announced.connected_at);
            }
            for span in &announced.channels {
                self.text(tag::CHANNEL, span.channel);
                if span.since > 0 {
                    self.number(tag::FROM, span.since);
                }
                if let Some(until) = span.until {
                    self.number(tag::UNTIL, until);
                }
                if span.named_at > 0 {
                    self.number(tag::NAMED_AT, span.named_at);
                }
            }
        }
    }
}

/// The fields of a payload. They end at a truncated field; decoding then fails if a required field is missing.
#[derive(Clone, Copy)]
pub(super) struct PayloadFields<'a>(&'a [u8]);

impl<'a> Iterator for PayloadFields<'a> {
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

impl<'a> PayloadFields<'a> {
    pub(super) fn text(self, wanted: u8) -> Option<&'a str> {
        self.into_iter().find(|(tag, _)| *tag == wanted).map(|(_, text)| text)
    }

    pub(super) fn number(self, wanted: u8) -> Option<u64> {
        self.text(wanted)?.parse().ok()
    }

    pub(super) fn event(self) -> Option<Message<'a>> {
        let (user, client) = (self.text(tag::USER), self.text(tag::CLIENT));
        let to = match (client, user) {
            (Some(client), _) => Addressee { audience: Audience::Client(client), owner: self.owner() },
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

    fn owner(self) -> Option<Owner<'a>> {
        let anonymous = || self.text(tag::ANONYMOUS).map(|_| Owner::Anonymous);
        self.text(tag::USER).map(Owner::User).or_else(anonymous)
    }

    pub(super) fn subscription(self) -> Option<SubscriptionCommand<'a>> {
        Some(SubscriptionCommand {
            client: self.text(tag::CLIENT)?,
            owner: self.owner(),
            shown: self.text(tag::SHOWN),
            channel: self.text(tag::CHANNEL)?,
            since: self.text(tag::FROM),
        })
    }

    pub(super) fn attendee(self) -> Option<Attendee<'a>> {
        Some(Attendee {
            channel: self.text(tag::CHANNEL)?,
            client: self.text(tag::CLIENT)?,
            user: self.text(tag::USER),
            data: self.text(tag::DATA),
        })
    }

    pub(super) fn announced_clients(self) -> Option<Vec<AnnouncedClient<'a>>> {
        let mut clients: Vec<AnnouncedClient<'a>> = Vec::new();
        for (tag, text) in self {
            match tag {
                tag::CLIENT => clients.push(AnnouncedClient { client: text, ..AnnouncedClient::default() }),
                tag::USER => clients.last_mut()?.user = Some(text),
                tag::SINCE => clients.last_mut()?.since = text.parse().ok()?,
                tag::SINCE_AT_LEAST => clients.last_mut()?.since_at_least = text.parse().ok()?,
                tag::DATA => clients.last_mut()?.data = Some(text),
                tag::CONNECTED_AT => clients.last_mut()?.connected_at = text.parse().ok()?,
                tag::CHANNEL => {
                    clients.last_mut()?.channels.push(AnnouncedSpan { channel: text, ..AnnouncedSpan::default() })
                }
                tag::FROM => clients.last_mut()?.channels.last_mut()?.since = text.parse().ok()?,
                tag::NAMED_AT => clients.last_mut()?.channels.last_mut()?.named_at = text.parse().ok()?,
                tag::UNTIL => clients.last_mut()?.channels.last_mut()?.until = Some(text.parse().ok()?),
                _ => {}
            }
        }
        Some(clients)
    }

    /// Each user, and the time that follows it.
    pub(super) fn log_outs(self) -> Option<Vec<(&'a str, u64)>> {
        let mut all: Vec<(&'a str, u64)> = Vec::new();
        for (tag, text) in self {
            match tag {
                tag::USER => all.push((text, 0)),
                tag::NUMBER => all.last_mut()?.1 = text.parse().ok()?,
                _ => {}
            }
        }
        Some(all)
    }

    pub(super) fn clients(self) -> Option<Vec<&'a str>> {
        Some(self.filter(|(tag, _)| *tag == tag::CLIENT).map(|(_, text)| text).collect())
    }
}
