//! The events so far, and their receivers.

use crate::operation::CLIENTS;

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
    All {
        exclude: Option<&'static str>,
    },
    /// To a client of which nothing is kept.
    Nobody(String),
}

/// An event that was published.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) position: u64,
    pub(crate) id: String,
    pub(crate) data: String,
    pub(crate) key: Option<u8>,
    pub(crate) audience: Audience,
}

impl Published {
    /// Whether nobody who lags needs it any more once `newer` is published.
    pub(crate) fn is_superseded_by(&self, newer: &Self) -> bool {
        let same_log = match (&self.audience, &newer.audience) {
            (Audience::User(one), Audience::User(other)) => one == other,
            (Audience::Client(one), Audience::Client(other)) => one == other,
            (Audience::All { exclude }, Audience::All { exclude: newer }) => newer.is_none() || exclude == newer,
            _ => false,
        };
        same_log && self.position < newer.position && self.key.is_some() && self.key == newer.key
    }

    pub(crate) fn is_in_logs_of(&self, who: &Identity) -> bool {
        match &self.audience {
            Audience::User(user) => who.user == Some(user),
            Audience::Client(client) => who == client,
            Audience::All { .. } => true,
            Audience::Nobody(_) => false,
        }
    }

    pub(crate) fn is_for(&self, who: &Identity) -> bool {
        let excluded = matches!(self.audience, Audience::All { exclude: Some(client) } if client == who.client);
        self.is_in_logs_of(who) && !excluded
    }
}
