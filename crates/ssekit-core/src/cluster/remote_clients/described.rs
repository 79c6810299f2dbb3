//! A client of another node.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::claims::Reported;
use crate::cluster::message::{AnnouncedClient, AnnouncedSpan};
use crate::event::position::{Position, agreed, number_of};
use crate::session::client::Client;
use crate::session::subscriptions::Span;

/// A client, as its node describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) id: Arc<str>,
    pub(crate) user: Option<Arc<str>>,
    /// The first record that reported the client; `None`: it was reported in another history.
    pub(crate) reported: Option<Reported>,
    pub(crate) data: Option<Arc<str>>,
    /// When it connected, in time since 1970.
    pub(crate) connected_at: Duration,
    pub(crate) channels: Vec<Span>,
}

impl Described {
    pub(super) fn of(announced: &AnnouncedClient<'_>) -> Self {
        let span = |span: &AnnouncedSpan<'_>| Span {
            channel: span.channel.into(),
            since: agreed(span.since),
            until: span.until.map_or(Position::MAX, agreed),
            named_at: agreed(span.named_at),
        };
        Self {
            id: announced.client.into(),
            user: announced.user.map(Arc::from),
            reported: None,
            data: announced.data.map(Arc::from),
            connected_at: Duration::from_millis(announced.connected_at),
            channels: announced.channels.iter().map(span).collect(),
        }
    }

    /// The same, first reported like this.
    pub(super) fn reported(self, reported: Reported) -> Self {
        Self { reported: Some(reported), ..self }
    }

    /// Whether it comes before a client of another user that was first reported like this.
    pub(super) fn precedes(&self, user: Option<&str>, reported: Reported) -> bool {
        self.user.as_deref() != user && self.reported.is_some_and(|there| there.precedes(reported))
    }

    /// Whether the user's client has come there since it was reported like this.
    pub(super) fn succeeds(&self, user: Option<&str>, reported: Reported) -> bool {
        self.user.as_deref() == user && self.reported.is_some_and(|there| there.succeeds(reported))
    }

    /// The channels that the client has not left.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Arc<str>> {
        self.channels.iter().filter(|span| span.is_active()).map(|span| &span.channel)
    }
}

/// A client of this node, as its node describes it. `spans` are its channels, and `reported` is its first report, if there is
/// one already.
pub(crate) fn announced<'a>(client: &'a Client, spans: &'a [Span], reported: Option<Reported>) -> AnnouncedClient<'a> {
    let span = |span: &'a Span| AnnouncedSpan {
        channel: &span.channel,
        since: number_of(span.since),
        until: (!span.is_active()).then(|| number_of(span.until)),
        named_at: number_of(span.named_at),
    };
    AnnouncedClient {
        client: &client.info.id,
        user: client.info.user.as_deref(),
        since: reported.map_or(0, |reported| reported.to),
        since_at_least: reported.filter(|reported| reported.from < reported.to).map_or(0, |reported| reported.from),
        data: client.data.as_deref(),
        connected_at: client.connected_at.as_millis() as u64,
        channels: spans.iter().map(span).collect(),
    }
}
