//! Log-outs, which a backplane remembers for longer than the records of its history.

use std::sync::Arc;
use std::time::Duration;

/// The time for which a log-out is kept. Afterwards nothing is left that it could make void.
pub const LOG_OUTS_KEPT: Duration = Duration::from_secs(30 * 86_400 + 300);

/// The maximum number of users whose log-outs are kept.
pub const MOST_LOG_OUTS: usize = 131_072;

/// A user's log-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOut {
    /// The user's id, which is never empty.
    pub user: Arc<str>,
    /// The time since 1970 in whole microseconds, by the clock of the node where it happened.
    pub at: Duration,
}

/// The last log-out of each user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOuts {
    /// No log-out after this time is missing. It counts since 1970.
    pub since: Duration,
    /// The oldest first.
    pub last: Vec<LogOut>,
}
