//! The log-outs that the backplane remembers, beside the history, and this node's part in that.
//!
//! When a node has caught up after a join, it learns what the set says. That covers log-outs whose records it could not read: the
//! history has dropped them, or has begun anew below the numbers that this node has read. In turn, the set may have been lost
//! with its history. So each node appends what only it knows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::backplane::{LogOut, LogOuts, Outgoing};
use crate::cluster::message::Message;

/// The maximum number of log-outs in one record.
const MOST_IN_RECORD: usize = 512;

/// Log-outs that the backplane lacks, as far as this node knows.
#[derive(Debug, Default)]
pub(super) struct OwedLogOuts(HashMap<Arc<str>, Duration>);

impl OwedLogOuts {
    /// What is known here, and not in the set.
    pub(super) fn new(known: Vec<LogOut>, set: &LogOuts) -> Self {
        let set: HashMap<&str, Duration> = set.last.iter().map(|log_out| (&*log_out.user, log_out.at)).collect();
        let is_owed = |log_out: &LogOut| set.get(&*log_out.user).is_none_or(|at| *at < log_out.at);
        Self(known.into_iter().filter(is_owed).map(|log_out| (log_out.user, log_out.at)).collect())
    }

    /// A record tells some of them, so they are there.
    pub(super) fn settle(&mut self, message: &Message<'_>) {
        if !self.0.is_empty() {
            for LogOut { user, at } in message.log_outs() {
                if self.0.get(&user).is_some_and(|owed| *owed <= at) {
                    self.0.remove(&user);
                }
            }
        }
    }

    /// Takes some of them out, as the next record to append. The others follow when that one is there, because the queue of
    /// events is bounded. Each node takes them in its own order, so nodes that know the same share the work.
    pub(super) fn next(&mut self) -> Option<Outgoing> {
        let users: Vec<Arc<str>> = self.0.keys().take(MOST_IN_RECORD).cloned().collect();
        let mut some = Vec::with_capacity(users.len());
        for user in &users {
            some.extend(self.0.remove(user).map(|at| (&**user, at.as_micros() as u64)));
        }
        (!some.is_empty()).then(|| Message::LogOuts(some).record())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_out(user: &str, at: u64) -> LogOut {
        LogOut { user: user.into(), at: Duration::from_micros(at) }
    }

    fn owed(known: Vec<LogOut>, last: Vec<LogOut>) -> OwedLogOuts {
        OwedLogOuts::new(known, &LogOuts { since: Duration::ZERO, last })
    }

    #[test]
    fn log_outs_that_the_set_lacks_or_has_older_are_owed() {
        let known = vec![log_out("ada", 2), log_out("bob", 2), log_out("eve", 2), log_out("joe", 2)];
        let mut owed = owed(known, vec![log_out("ada", 1), log_out("bob", 2), log_out("eve", 3)]);
        let mut told = owed.next().unwrap().log_outs;
        told.sort_by(|one, other| one.user.cmp(&other.user));
        assert_eq!(told, [log_out("ada", 2), log_out("joe", 2)]);
        assert_eq!(owed.next(), None);
    }

    #[test]
    fn log_out_that_another_record_tells_is_not_owed() {
        let mut owed = owed(vec![log_out("ada", 2), log_out("bob", 2), log_out("eve", 2)], Vec::new());
        owed.settle(&Message::LogOuts(vec![("ada", 1), ("bob", 2)]));
        owed.settle(&Message::DisconnectUser("eve", 3));
        assert_eq!(owed.next().unwrap().log_outs, [log_out("ada", 2)]);
    }

    #[test]
    fn one_record_holds_only_so_many() {
        let known: Vec<LogOut> = (0..1_000).map(|number| log_out(&number.to_string(), 1)).collect();
        let mut owed = owed(known, Vec::new());
        let lengths: Vec<usize> = std::iter::from_fn(|| owed.next()).map(|record| record.log_outs.len()).collect();
        assert_eq!(lengths, [512, 488]);
    }
}
