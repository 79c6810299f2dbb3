//! The lag of clients behind the events for them.

use std::time::Duration;

use crate::event::position::Position;
use crate::history::log::Backlog;
use crate::history::timeline::Timeline;
use crate::options::MaxLag;
use crate::session::client::Client;

/// The lag of the clients that lag, from one sweep or several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Clients that lag: their socket is full, or nobody reads their stream.
    pub clients: usize,
    /// The largest number of events that wait for one client.
    pub events: usize,
    /// The longest time that a client has been waiting.
    pub time: Duration,
}

impl Lag {
    /// Counts one more client.
    pub(crate) fn count(&mut self, backlog: &Backlog) {
        *self = self.and(Self { clients: 1, events: backlog.events, time: backlog.age() });
    }

    /// Combines the lag of these clients with that of others.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            clients: self.clients + other.clients,
            events: self.events.max(other.events),
            time: self.time.max(other.time),
        }
    }
}

impl MaxLag {
    /// The events that wait for a client that has everything up to `cursor`. Events from before it came do not count;
    /// otherwise a returning client would be disconnected for the very events it comes for. Broadcasts that exclude the
    /// client do count: the reader has to pass them anyway, and few events exclude anybody.
    pub(crate) fn backlog_of(&self, client: &Client, cursor: Position, timeline: &Timeline) -> Backlog {
        let cursor = cursor.max(client.came_at);
        let broadcasts = timeline.broadcasts();
        if broadcasts.last() <= cursor && !client.subscriptions.has_news(cursor) {
            return Backlog::default();
        }
        let weigh = self.bytes < usize::MAX;
        let mut backlog = broadcasts.backlog(cursor, weigh);
        client.subscriptions.each(|part| backlog = backlog.and(part.backlog(cursor, weigh)));
        backlog
    }

    /// Whether the backlog is too large.
    pub(crate) fn is_exceeded_by(&self, backlog: &Backlog) -> bool {
        backlog.events > self.events || backlog.bytes > self.bytes || backlog.age() > self.time
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn each_lag_limit_applies_alone() {
        let none = MaxLag::default();
        let since = Instant::now().checked_sub(Duration::from_secs(10));
        let backlog = Backlog { events: 100, bytes: 10_000, since };
        let exceeded = |lag: MaxLag| lag.is_exceeded_by(&backlog);
        assert!(!exceeded(none));
        assert!(exceeded(MaxLag { events: 99, ..none }) && !exceeded(MaxLag { events: 100, ..none }));
        assert!(exceeded(MaxLag { bytes: 9_999, ..none }) && !exceeded(MaxLag { bytes: 10_000, ..none }));
        let seconds = |seconds| MaxLag { time: Duration::from_secs(seconds), ..none };
        assert!(exceeded(seconds(9)) && !exceeded(seconds(100)));
        assert!(!seconds(0).is_exceeded_by(&Backlog::default()));
    }

    #[test]
    fn largest_lag_of_each_kind_is_kept() {
        let second = Duration::from_secs(1);
        let (one, other) =
            (Lag { clients: 2, events: 5, time: second }, Lag { clients: 3, events: 4, time: second * 9 });
        assert_eq!(one.and(other), Lag { clients: 5, events: 5, time: second * 9 });
    }
}
