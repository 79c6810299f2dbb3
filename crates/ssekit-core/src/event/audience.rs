//! An event's audience. Everything that sends names one of these.

use crate::error::Result;
use crate::event::{check_channel, check_length};

/// An event's audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// All clients, except for one if `exclude` names it.
    All {
        /// The client that does not get the event.
        exclude: Option<&'a str>,
    },
    /// All clients of a user: the connected ones, and those that come back.
    User(&'a str),
    /// One client: connected, or away and coming back with its id.
    Client(&'a str),
    /// All clients that have subscribed to a channel.
    Channel(&'a str),
}

impl Audience<'_> {
    /// Checks the id in the audience.
    ///
    /// # Errors
    /// The id or name is empty or longer than 256 bytes, or a channel's name has a control character.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::All { exclude } => exclude.map_or(Ok(()), |id| check_length("excludeClientId", id)),
            Self::User(id) => check_length("userId", id),
            Self::Client(id) => check_length("clientId", id),
            Self::Channel(name) => check_channel(name),
        }
    }
}
