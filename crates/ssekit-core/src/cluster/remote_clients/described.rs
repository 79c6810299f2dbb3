//! A client of another node.

use std::sync::Arc;
use std::time::Duration;

use crate::backplane::Number;
use crate::cluster::message::{AnnouncedClient, AnnouncedSpan};
use crate::event::position::{Position, agreed, number_of};
use crate::session::client::Client;
use crate::session::subscriptions::Span;

/// A client, as its node describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) id: Arc<str>,
    pub(crate) user: Option<Arc<str>>,
    /// The number of the first record that reported the client; `None`: it was reported in another history.
    pub(crate) since: Option<Number>,
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
            since: None,
            data: announced.data.map(Arc::from),
            connected_at: Duration::from_millis(announced.connected_at),
            channels: announced.channels.iter().map(span).collect(),
        }
    }

    /// The same, reported by the record with this number.
    pub(super) fn since(self, number: Number) -> Self {
        Self { since: Some(number), ..self }
    }

    /// The channels that the client has not left.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Arc<str>> {
        self.channels.iter().filter(|span| span.is_active()).map(|span| &span.channel)
    }
}

/// A client of this node, as its node describes it. `spans` are its channels, and `since` is the number of the first record
/// that reported it.
pub(crate) fn announced<'a>(client: &'a Client, spans: &'a [Span], since: Number) -> AnnouncedClient<'a> {
    let span = |span: &'a Span| AnnouncedSpan {
        channel: &span.channel,
        since: number_of(span.since),
        until: (!span.is_active()).then(|| number_of(span.until)),
        named_at: number_of(span.named_at),
    };
    AnnouncedClient {
        client: &client.info.id,
        user: client.info.user.as_deref(),
        since,
        data: client.data.as_deref(),
        connected_at: client.connected_at.as_millis() as u64,
        channels: spans.iter().map(span).collect(),
    }
}
