//! The channels that a page asks for in the URL of its stream.

use std::borrow::Cow;

use hyper::StatusCode;

use crate::answer::{self, Answer};
use crate::misfit::quoted;
use crate::query::parameters;
use crate::ticket::Grants;
use ssekit_core::error::{Error, grouped};
use ssekit_core::event::check_channel;

/// Why a page does not get the channels that it asks for. An `EventSource` could not learn about a missing one otherwise, so it
/// gets no stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ungranted {
    /// Not UTF-8.
    Encoding,
    /// Not the name of a channel.
    Name(Error),
    /// The ticket does not allow this channel.
    Forbidden(String),
    /// The page has no ticket, and so no channels. This is the one that it asks for.
    Anonymous(String),
    /// More channels than this limit of a client.
    TooMany(usize),
}

impl Ungranted {
    pub(crate) fn into_answer(self) -> Answer {
        let (status, says) = match self {
            Self::Encoding => {
                (StatusCode::BAD_REQUEST, "channel: got bytes that are not UTF-8, wants a name in UTF-8.\n".to_owned())
            }
            Self::Name(error) => (StatusCode::BAD_REQUEST, format!("{error}.\n")),
            Self::Forbidden(name) => (
                StatusCode::FORBIDDEN,
                format!("channel: got {}, wants a channel that the ticket allows.\n", quoted(&name)),
            ),
            Self::Anonymous(name) => (
                StatusCode::FORBIDDEN,
                format!("channel: got {}, wants no channel, because this stream is anonymous.\n", quoted(&name)),
            ),
            Self::TooMany(most) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "channel: got more than {0} channels, wants at most {0} (limits.channelsPerClient).\n",
                    grouped(most as u64)
                ),
            ),
        };
        answer::text(status, says)
    }
}

/// The channels of a new stream: those that its ticket names, and those that its page asks for and the ticket allows. At
/// most `most`.
pub(crate) fn channels_of(query: Option<&str>, grants: Option<&Grants>, most: usize) -> Result<Vec<String>, Ungranted> {
    let mut channels: Vec<String> = grants.into_iter().flat_map(Grants::names).map(str::to_owned).collect();
    channels.sort_unstable();
    channels.dedup();
    for name in parameters(query, "channel") {
        let name = name.ok_or(Ungranted::Encoding)?;
        check_channel(&name).map_err(Ungranted::Name)?;
        match grants {
            None => return Err(Ungranted::Anonymous(name.into_owned())),
            Some(grants) if !grants.allow(&name) => return Err(Ungranted::Forbidden(name.into_owned())),
            Some(_) => {}
        }
        if !channels.iter().any(|channel| *channel == *name) {
            channels.push(Cow::into_owned(name));
        }
        if channels.len() > most {
            return Err(Ungranted::TooMany(most));
        }
    }
    if channels.len() > most { Err(Ungranted::TooMany(most)) } else { Ok(channels) }
}
