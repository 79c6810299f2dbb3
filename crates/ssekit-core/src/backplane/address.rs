//! A record's address: its audience, or its kind of command, in bytes that a backplane can compare.

use std::borrow::Borrow;

use bytes::Bytes;

use crate::event::audience::Audience;

/// A record's address. A backplane compares and stores these bytes: a tag, and a name. It looks at the tag only to tell
/// [standing](Address::is_standing) records from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(Bytes);

/// The tags. They are stored in files, so none may ever get another meaning.
const EVERYBODY: &[u8] = &[0];
const USER: u8 = 1;
const CLIENT: u8 = 2;
const CHANNEL: u8 = 3;
const ATTENDANCE: u8 = 4;
const COMMANDS: &[u8] = &[5];

/// The tags of standing records.
pub const STANDING: [u8; 3] = [CLIENT, ATTENDANCE, 5];

impl Address {
    /// The address of what concerns all clients.
    pub fn everybody() -> Self {
        Self(Bytes::from_static(EVERYBODY))
    }

    /// The address of commands that each node carries out, whichever clients it has.
    pub(crate) fn commands() -> Self {
        Self(Bytes::from_static(COMMANDS))
    }

    /// The address of clients that come to a channel and go.
    pub(crate) fn attendance(channel: &str) -> Self {
        Self::named(ATTENDANCE, channel)
    }

    /// Whether every node needs the record when it starts. It needs commands, and events for single clients, because
    /// those also claim a client's id.
    pub fn is_standing(&self) -> bool {
        self.0.first().is_some_and(|tag| STANDING.contains(tag))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The address with these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    /// Whether these bytes are the address of a user or a channel: only nodes with readers of it need its records.
    pub(super) fn is_user_or_channel(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&(USER | CHANNEL)))
    }

    /// The user or the channel, if it is the address of one.
    pub(crate) fn user_or_channel(&self) -> Option<Audience<'_>> {
        let (tag, name) = self.0.split_first()?;
        let name = std::str::from_utf8(name).ok()?;
        match *tag {
            USER => Some(Audience::User(name)),
            CHANNEL => Some(Audience::Channel(name)),
            _ => None,
        }
    }

    fn named(tag: u8, name: &str) -> Self {
        let mut bytes = Vec::with_capacity(1 + name.len());
        bytes.push(tag);
        bytes.extend_from_slice(name.as_bytes());
        Self(bytes.into())
    }
}

/// Addresses are compared by their bytes.
impl Borrow<[u8]> for Address {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// An excluded client reads the broadcasts of all the same, because it has to know that it may skip one.
impl From<Audience<'_>> for Address {
    fn from(audience: Audience<'_>) -> Self {
        match audience {
            Audience::All { .. } => Self::everybody(),
            Audience::User(user) => Self::named(USER, user),
            Audience::Client(client) => Self::named(CLIENT, client),
            Audience::Channel(channel) => Self::named(CHANNEL, channel),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_audience_has_its_own_address() {
        let audiences = [
            Audience::All { exclude: None },
            Audience::User("ada"),
            Audience::Client("ada"),
            Audience::Channel("ada"),
            Audience::User("\u{1}ada"),
        ];
        let addresses: HashSet<Address> = audiences.into_iter().map(Address::from).collect();
        assert_eq!(addresses.len(), audiences.len());
        assert_eq!(Address::from(Audience::All { exclude: Some("ada") }), Address::everybody());
        assert_eq!(Address::from(Audience::User("ada")).as_bytes(), b"\x01ada");
    }

    #[test]
    fn address_of_a_user_or_a_channel_names_it() {
        for audience in [Audience::User("ada"), Audience::Channel("ada")] {
            assert_eq!(Address::of_bytes(Address::from(audience).as_bytes()).user_or_channel(), Some(audience));
        }
        for other in
            [Address::everybody(), Address::commands(), Address::attendance("ada"), Audience::Client("ada").into()]
        {
            assert_eq!(other.user_or_channel(), None);
        }
        assert_eq!(Address::of_bytes(b"\x01\xff").user_or_channel(), None);
    }

    #[test]
    fn orders_and_records_for_single_clients_are_standing() {
        let standing = [Audience::Client("ada").into(), Address::commands(), Address::attendance("ada")];
        assert!(standing.iter().all(Address::is_standing));
        let others = [Audience::All { exclude: None }, Audience::User("ada"), Audience::Channel("ada")];
        assert!(!others.into_iter().map(Address::from).any(|address| address.is_standing()));
    }
}
