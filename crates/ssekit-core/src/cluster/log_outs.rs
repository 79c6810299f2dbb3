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

/// The maximum number of bytes of one record, about.
const MOST_BYTES: usize = 32 << 10;

/// The bytes of a log-out in a record beside the user's id, about.
const OVERHEAD: usize = 22;

/// Log-outs that the backplane lacks, as far as this node knows.
#[derive(Debug, Default)]
pub(super) struct OwedLogOuts {
    log_outs: HashMap<Arc<str>, Duration>,
    /// A record with some of them has not come back yet.
    is_sent: bool,
}

impl OwedLogOuts {
    /// Those that are known here, and not in the set.
    pub(super) fn new(known: Vec<LogOut>, set: &LogOuts) -> Self {
        let set: HashMap<&str, Duration> = set.last.iter().map(|log_out| (&*log_out.user, log_out.at)).collect();
        let is_owed = |log_out: &LogOut| set.get(&*log_out.user).is_none_or(|at| *at < log_out.at);
        let owed = known.into_iter().filter(is_owed);
        Self { log_outs: owed.map(|log_out| (log_out.user, log_out.at)).collect(), is_sent: false }
    }

    /// A record tells some of them, so they are there. `own`: it is this node's.
    pub(super) fn settle(&mut self, message: &Message<'_>, own: bool) {
        self.is_sent &= !(own && matches!(message, Message::LogOuts(_)));
        if self.log_outs.is_empty() {
            return;
        }
        for LogOut { user, at } in message.log_outs() {
            if self.log_outs.get(&user).is_some_and(|owed| *owed <= at) {
                self.log_outs.remove(&user);
            }
        }
    }

    /// Takes some of them out, as the next record to append, of about so many bytes at most. The others follow when that one has
    /// come back, because the queue of events is bounded. Each node takes them in its own order, so nodes that know the same
    /// share the work.
    pub(super) fn next(&mut self, room: usize) -> Option<Outgoing> {
        if self.is_sent || room == 0 {
            return None;
        }
        let mut bytes = 0;
        let fits = |user: &&Arc<str>| {
            let is_first = bytes == 0;
            bytes += user.len() + OVERHEAD;
            is_first || bytes <= room.min(MOST_BYTES)
        };
        let users: Vec<Arc<str>> = self.log_outs.keys().take_while(fits).cloned().collect();
        let mut some = Vec::with_capacity(users.len());
        for user in &users {
            some.extend(self.log_outs.remove(user).map(|at| (&**user, at.as_micros() as u64)));
        }
        self.is_sent = !some.is_empty();
        self.is_sent.then(|| Message::LogOuts(some).record())
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

    /// Those of the next record, by user.
    fn next(owed: &mut OwedLogOuts) -> Vec<LogOut> {
        let mut some = owed.next(MOST_BYTES).map_or_else(Vec::new, |record| record.log_outs);
        some.sort_by(|one, other| one.user.cmp(&other.user));
        some
    }

    #[test]
    fn log_outs_that_the_set_lacks_or_has_older_are_owed() {
        let known = vec![log_out("ada", 2), log_out("bob", 2), log_out("eve", 2), log_out("joe", 2)];
        let mut owed = owed(known, vec![log_out("ada", 1), log_out("bob", 2), log_out("eve", 3)]);
        assert_eq!(next(&mut owed), [log_out("ada", 2), log_out("joe", 2)]);
        owed.settle(&Message::LogOuts(Vec::new()), true);
        assert_eq!(next(&mut owed), []);
    }

    #[test]
    fn log_out_that_another_record_tells_is_not_owed() {
        let mut owed = owed(vec![log_out("ada", 2), log_out("bob", 2), log_out("eve", 2)], Vec::new());
        owed.settle(&Message::LogOuts(vec![("ada", 1), ("bob", 2)]), false);
        owed.settle(&Message::DisconnectUser("eve", 3), false);
        assert_eq!(next(&mut owed), [log_out("ada", 2)]);
    }

    #[test]
    fn next_record_waits_for_the_last_one_and_for_room() {
        let known: Vec<LogOut> = (0..3_000).map(|number| log_out(&number.to_string(), 1)).collect();
        let mut owed = owed(known, Vec::new());
        assert_eq!(owed.next(0), None);
        assert_eq!(owed.next(1).unwrap().log_outs.len(), 1, "at least one");
        let mut told = 1;
        while told < 3_000 {
            assert_eq!(owed.next(MOST_BYTES), None);
            owed.settle(&Message::LogOuts(vec![("somebody", 1)]), false);
            owed.settle(&Message::DisconnectUser("somebody", 1), true);
            assert_eq!(owed.next(MOST_BYTES), None);
            owed.settle(&Message::LogOuts(vec![("somebody", 1)]), true);
            let record = owed.next(MOST_BYTES).unwrap();
            assert!(record.payload.len() <= MOST_BYTES);
            told += record.log_outs.len();
        }
    }
}
