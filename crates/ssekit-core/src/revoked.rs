//! Tickets that a log-out has made void: those of a user that were issued before it. Without this, a page whose stream was ended
//! would come back with the ticket that it has.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

/// The longest that a ticket may be good, so after this there is none left to be void.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// The time since 1970, as tickets count it.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// When users were logged out, since 1970.
#[derive(Debug, Default)]
pub(crate) struct Revoked(Mutex<Users>);

#[derive(Debug, Default)]
struct Users {
    since: HashMap<Box<str>, Duration>,
    /// Where it is cleaned up next.
    full: usize,
}

impl Revoked {
    /// Makes all tickets void that the user has up to now.
    pub(crate) fn revoke(&self, user: &str, now: Duration) {
        let mut users = self.0.lock();
        if users.since.len() >= users.full.max(1024) {
            users.since.retain(|_, since| *since + LONGEST > now);
            users.full = users.since.len() * 2;
        }
        users.since.insert(user.into(), now);
    }

    /// Whether a ticket is void that was issued then. One that does not say when was issued before everything.
    pub(crate) fn is_void(&self, user: &str, issued: Duration) -> bool {
        self.0.lock().since.get(user).is_some_and(|since| issued <= *since)
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
    fn log_outs_that_no_ticket_has_outlived_are_forgotten() {
        let revoked = Revoked::default();
        for day in 0..100_000_u32 {
            revoked.revoke(&day.to_string(), Duration::from_secs(86_400) * day);
        }
        assert!(revoked.0.lock().since.len() <= 2_048);
        assert!(revoked.is_void("99999", Duration::ZERO));
    }
}
