//! How far a client lags behind what there is for it.

use std::time::Duration;

use tokio::time::Instant;

use crate::client::Client;
use crate::log::{Backlog, Log};
use crate::options::MaxLag;
use crate::position::Position;
use crate::timeline::Timeline;

impl MaxLag {
    /// Whether there is anything to look for.
    pub(crate) fn is_bounded(&self) -> bool {
        *self != Self::default()
    }

    /// Whether a client that has got everything up to `cursor` lags behind too far. What was there before it came does not
    /// count, or one that comes back would be sent away for what it comes for. What is not for it among the broadcasts counts:
    /// it has to be passed by, and few events exclude anybody.
    pub(crate) fn is_exceeded(&self, client: &Client, cursor: Position, timeline: &Timeline) -> bool {
        let cursor = cursor.max(client.came_at);
        let broadcasts: &Log = timeline.broadcasts();
        if broadcasts.last() <= cursor && !client.has_own_news(cursor) {
            return false;
        }
        let logs = [Some(broadcasts), client.user_log.as_deref(), client.log_if_any().map(|log| &**log)];
        let backlogs = logs.into_iter().flatten().map(|log| log.backlog(cursor));
        self.is_exceeded_by(&backlogs.fold(Backlog::default(), Backlog::and))
    }

    fn is_exceeded_by(&self, backlog: &Backlog) -> bool {
        let waiting = backlog.since.map_or(Duration::ZERO, |since| Instant::now().saturating_duration_since(since));
        backlog.events > self.events || backlog.bytes > self.bytes || waiting > self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_counts_for_itself() {
        let none = MaxLag::default();
        let since = Instant::now().checked_sub(Duration::from_secs(10));
        let backlog = Backlog { events: 100, bytes: 10_000, since };
        let exceeded = |lag: MaxLag| lag.is_exceeded_by(&backlog);
        assert!(!exceeded(none) && !none.is_bounded());
        assert!(exceeded(MaxLag { events: 99, ..none }) && !exceeded(MaxLag { events: 100, ..none }));
        assert!(exceeded(MaxLag { bytes: 9_999, ..none }) && !exceeded(MaxLag { bytes: 10_000, ..none }));
        let seconds = |seconds| MaxLag { time: Duration::from_secs(seconds), ..none };
        assert!(exceeded(seconds(9)) && !exceeded(seconds(100)) && seconds(9).is_bounded());
        assert!(!seconds(0).is_exceeded_by(&Backlog::default()));
    }
}
