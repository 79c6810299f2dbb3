//! A channel of a client.

use std::sync::Arc;

use super::{MemberKey, Part};
use crate::event::position::Position;
use crate::session::channel_log::ChannelLog;

/// A client's time with a channel, as other nodes know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) channel: Arc<str>,
    /// The client gets the events after this position,
    pub(crate) since: Position,
    /// and up to this one. `MAX`: the client has not left.
    pub(crate) until: Position,
    /// The newest event when the client named the channel; 0: it did not.
    pub(crate) named_at: Position,
}

impl Span {
    pub(crate) fn is_active(&self) -> bool {
        self.until == Position::MAX
    }

    /// The same after a log-out at this position.
    pub(crate) fn ended_at(&self, position: Position) -> Self {
        let until = if self.since.max(self.named_at) < position { self.until.min(position) } else { self.until };
        Self { until, ..self.clone() }
    }

    /// The subscription before the command at this position. The client's node may be ahead of this node, which will
    /// carry out the later commands itself.
    pub(crate) fn before(&self, position: Position) -> Option<Self> {
        let until = if self.until < position { self.until } else { Position::MAX };
        (self.since < position).then(|| Self { until, ..self.clone() })
    }
}

/// The source of a client's subscription to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubscriptionSource {
    /// A command, to this client or to one before it.
    Command,
    /// The client itself, when it connected.
    Client,
    /// Another node, where the client was before.
    Node,
}

/// A channel of a client.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) channel: Arc<ChannelLog>,
    /// The client gets the events after this position,
    pub(crate) since: Position,
    /// and up to this one. `MAX`: the client has not left.
    pub(crate) until: Position,
    /// Its key among the channel's members, while it is connected.
    pub(super) member_key: Option<MemberKey>,
    /// The newest event when the client named the channel; 0: it did not.
    pub(super) named_at: Position,
    pub(super) source: SubscriptionSource,
}

impl Subscription {
    /// A subscription from this position on.
    pub(crate) fn new(channel: Arc<ChannelLog>, since: Position) -> Self {
        Self {
            channel,
            since,
            until: Position::MAX,
            member_key: None,
            named_at: 0,
            source: SubscriptionSource::Command,
        }
    }

    /// A subscription that another node knows.
    pub(crate) fn known_elsewhere(channel: Arc<ChannelLog>, span: &Span) -> Self {
        let Span { since, until, named_at, .. } = *span;
        Self { since, until, named_at, source: SubscriptionSource::Node, ..Self::new(channel, 0) }
    }

    /// A subscription of a client that names the channel when it connects, while the newest event is at `head`. The
    /// client's cursor decides where it begins.
    pub(crate) fn named(channel: Arc<ChannelLog>, head: Position) -> Self {
        Self { named_at: head, source: SubscriptionSource::Client, ..Self::new(channel, 0) }
    }

    /// Another client's subscription.
    pub(crate) fn inherited(&self) -> Self {
        Self { member_key: None, source: SubscriptionSource::Command, ..self.clone() }
    }

    pub(super) fn span(&self) -> Span {
        let Self { since, until, named_at, .. } = *self;
        Span { channel: Arc::clone(&self.channel.name), since, until, named_at }
    }

    /// Whether another node knows that the client has come back to the channel after it left.
    pub(super) fn is_older_than(&self, span: &Span) -> bool {
        span.is_active() && self.until <= span.since.max(span.named_at)
    }

    pub(super) fn leave(&mut self) -> Option<(Arc<str>, MemberKey)> {
        Some((Arc::clone(&self.channel.name), self.member_key.take()?))
    }

    pub(crate) fn is_active(&self) -> bool {
        self.until == Position::MAX
    }

    /// Whether the client gets an event of the channel at this position.
    pub(crate) fn covers(&self, position: Position) -> bool {
        self.since < position && position <= self.until
    }

    pub(super) fn part(&self) -> Part<'_> {
        Part { log: &self.channel.log, since: self.since, until: self.until }
    }
}
