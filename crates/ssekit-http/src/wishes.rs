//! The channels that a page wishes in the URL of its stream.

use std::borrow::Cow;

use hyper::StatusCode;

use crate::answer::{self, Answer};
use crate::query::parameters;
use crate::ticket::Grants;
use ssekit_core::event::check_channel;

/// Why a page does not get the channels that it wishes. An `EventSource` could not learn about a missing one otherwise, so it
/// gets no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ungranted {
    /// Not the name of a channel.
    Name,
    /// The ticket does not allow it.
    Forbidden,
    /// More channels than a client may have.
    TooMany,
}

impl Ungranted {
    pub(crate) fn into_answer(self) -> Answer {
        let (status, says) = match self {
            Self::Name => {
                (StatusCode::BAD_REQUEST, "channel: wants names of 1 to 256 bytes without control characters.\n")
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, "channel: the ticket does not allow it.\n"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "channel: too many channels for one client.\n"),
        };
        answer::text(status, says)
    }
}

/// The channels of a new stream: those that its ticket names, and those that its page wishes and the ticket allows. At most so
/// many.
pub(crate) fn channels_of(query: Option<&str>, grants: Option<&Grants>, most: usize) -> Result<Vec<String>, Ungranted> {
    let mut channels: Vec<String> = grants.into_iter().flat_map(Grants::names).map(str::to_owned).collect();
    channels.sort_unstable();
    channels.dedup();
    for wish in parameters(query, "channel") {
        let wish = wish.ok_or(Ungranted::Name)?;
        check_channel(&wish).map_err(|_| Ungranted::Name)?;
        if !grants.is_some_and(|grants| grants.allow(&wish)) {
            return Err(Ungranted::Forbidden);
        }
        if !channels.iter().any(|channel| *channel == *wish) {
            channels.push(Cow::into_owned(wish));
        }
        if channels.len() > most {
            return Err(Ungranted::TooMany);
        }
    }
    if channels.len() > most { Err(Ungranted::TooMany) } else { Ok(channels) }
}
