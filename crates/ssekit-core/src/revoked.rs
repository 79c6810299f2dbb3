//! What a log-out has made void: a user's tickets that were issued before it, and what an application has said of the user before it.
//! Without this, a page whose stream was ended would come back with the ticket that it has, or enter by a session that has ended while
//! it was on its way in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

/// The longest that a ticket may be good, so after this there is none left to be void.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// The time since 1970, as tickets count it.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Log-outs so far, over all hubs of the process: a mark of one hub is good for another that takes its place.
static LOG_OUTS: AtomicU64 = AtomicU64::new(0);

/// A moment between two log-outs, to be taken before an application is asked who somebody is: see
/// [`Hub::connect_since`](crate::Hub::connect_since). Unlike a clock it is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOutMark(u64);

impl LogOutMark {
    /// This moment.
    pub fn now() -> Self {
        Self(LOG_OUTS.load(Ordering::SeqCst))
    }

    /// One that was taken before, by its number.
    pub fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// The number of log-outs before it.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// When users were logged out.
#[derive(Debug, Default)]
pub(crate) struct Revoked(Mutex<Users>);

#[derive(Debug, Default)]
struct Users {
    since: HashMap<Box<str>, LogOut>,
    /// Where it is cleaned up next.
    full: usize,
}

#[derive(Debug, Clone, Copy)]
struct LogOut {
    /// Since 1970, as tickets count it.
    at: Duration,
    /// The first is 1.
    number: u64,
}

impl Revoked {
    /// Makes all tickets void that the user has up to now.
    pub(crate) fn revoke(&self, user: &str, now: Duration) {
        let mut users = self.0.lock();
        if users.since.len() >= users.full.max(1024) {
            users.since.retain(|_, since| since.at + LONGEST > now);
            users.full = users.since.len() * 2;
        }
        let number = LOG_OUTS.fetch_add(1, Ordering::SeqCst) + 1;
        users.since.insert(user.into(), LogOut { at: now, number });
    }

    /// Whether a user was logged out after this mark was taken.
    pub(crate) fn is_out_since(&self, user: &str, mark: LogOutMark) -> bool {
        self.0.lock().since.get(user).is_some_and(|since| since.number > mark.0)
    }

    /// Whether a ticket is void that was issued then. One that does not say when was issued before everything.
    pub(crate) fn is_void(&self, user: &str, issued: Duration) -> bool {
        self.0.lock().since.get(user).is_some_and(|since| issued <= since.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_issued_before_a_log_out_is_void_and_what_comes_after_is_not() {
        let (revoked, now) = (Revoked::default(), Duration::from_millis(1_800_000_000_500));
        revoked.revoke("ada", now);
        assert!(revoked.is_void("ada", Duration::ZERO));
        assert!(revoked.is_void("ada", now));
        assert!(!revoked.is_void("ada", now + Duration::from_millis(1)));
        assert!(!revoked.is_void("bob", Duration::ZERO));
    }

    #[test]
    fn a_mark_stands_between_two_log_outs() {
        let (revoked, now) = (Revoked::default(), since_1970());
        revoked.revoke("ada", now);
        let mark = LogOutMark::now();
        assert!(!revoked.is_out_since("ada", mark));
        revoked.revoke("bob", now);
        assert!(!revoked.is_out_since("ada", mark));
        assert!(revoked.is_out_since("bob", mark));
        // In the same instant, and by a clock that has been set back.
        revoked.revoke("ada", now - Duration::from_secs(60));
        assert!(revoked.is_out_since("ada", mark));
        assert!(!revoked.is_out_since("ada", LogOutMark::now()));
    }

    #[test]
    fn log_outs_that_no_ticket_has_outlived_are_forgotten() {
        let revoked = Revoked::default();
        for day in 0..100_000_u32 {
            revoked.revoke(&day.to_string(), Duration::from_secs(86_400) * day);
        }
        assert!(revoked.0.lock().since.len() <= 2_048);
        assert!(revoked.is_void("99999", Duration::ZERO));
    }
}
