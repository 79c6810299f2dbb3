//! The events so far, and their receivers.

use crate::operation::CLIENTS;
use ssekit_testing::wire::Received;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: Option<&'static str>,
    pub(crate) client: String,
}

impl Identity {
    pub(crate) fn brings_id(&self) -> bool {
        CLIENTS.contains(&self.client.as_str())
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Audience {
    User(&'static str),
    Client(Identity),
    Channel(usize),
    All {
        exclude: Option<&'static str>,
    },
    /// To a client without any kept state.
    Nobody(String),
}

/// An event as a page gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Text {
    pub(crate) fn is(&self, event: &Received) -> bool {
        (&self.id, &self.name, &self.data) == (&event.id, &event.name, &event.data)
    }
}

/// An event that was published.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) position: u64,
    pub(crate) text: Text,
    /// Another possible outcome, because only the hub knows whether the event was still there when it was copied.
    pub(crate) or: Option<Text>,
    pub(crate) key: Option<u8>,
    pub(crate) audience: Audience,
}

impl Published {
    pub(crate) fn may_be(&self, event: &Received) -> bool {
        self.text.is(event) || self.or.as_ref().is_some_and(|text| text.is(event))
    }

    /// Whether nobody who lags needs this event with a key any more, once `newer` is published.
    pub(crate) fn is_superseded_by(&self, newer: &Self) -> bool {
        let same_log = match (&self.audience, &newer.audience) {
            (Audience::User(one), Audience::User(other)) => one == other,
            (Audience::Client(one), Audience::Client(other)) => one == other,
            (Audience::Channel(one), Audience::Channel(other)) => one == other,
            (Audience::All { exclude }, Audience::All { exclude: newer }) => newer.is_none() || exclude == newer,
            _ => false,
        };
        same_log && self.key == newer.key
    }
}
