//! A log-out makes void the user's tickets that were issued before it, and everything that an application said about the
//! user before it. Without this, a page whose stream was ended could come back with its old ticket. Or it could enter by a
//! session that ended while the page was on its way in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::aging::AgingMap;

/// The longest lifetime of a ticket. After this time, no ticket is left to be void.
pub const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// The time a log-out is remembered: the longest lifetime of a ticket, and the longest difference between clocks.
const REMEMBERED: Duration = LONGEST.saturating_add(MOST_LEEWAY);

/// The maximum number of log-outs that are remembered. Beyond that, the oldest count for all users.
const MOST: usize = 131_072;

/// The maximum difference between clocks.
pub const MOST_LEEWAY: Duration = Duration::from_secs(300);

/// The last time that [`since_1970`] returned, in microseconds.
static TOLD: AtomicU64 = AtomicU64::new(0);

/// The time since 1970 in whole microseconds, as tickets count it. It is later than every time that this process got here
/// before, so a ticket and a log-out are in order however close together they are. A clock that is set back is followed only
/// if that is by more than the longest leeway.
pub fn since_1970() -> Duration {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    let next = |told: u64| if told > clock + MOST_LEEWAY.as_micros() as u64 { clock } else { clock.max(told + 1) };
    let told = TOLD.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |told| Some(next(told))).unwrap_or_default();
    Duration::from_micros(next(told))
}

/// Log-outs so far, over all hubs of the process: a mark of one hub is good for another hub that takes its place.
static LOG_OUTS: AtomicU64 = AtomicU64::new(0);

/// A moment between two log-outs. Take it before asking an application who somebody is: see
/// [`Hub::connect_since`](crate::Hub::connect_since). Unlike a clock, it is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOutMark(u64);

impl LogOutMark {
    /// The current moment.
    pub fn now() -> Self {
        Self(LOG_OUTS.load(Ordering::SeqCst))
    }

    /// A mark that was taken before, by its number.
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
pub(crate) struct Revoked(Mutex<LogOuts>);

#[derive(Debug, Default)]
struct LogOuts {
    /// The last log-out of each user.
    last: AgingMap<Arc<str>, LogOut>,
    /// The newest log-out that was forgotten. Its user is unknown, so it applies to everybody: an older ticket is void, and
    /// its page gets a new one.
    forgotten: Option<LogOut>,
}

#[derive(Debug, Clone, Copy)]
struct LogOut {
    /// The time since 1970, as tickets count it.
    at: Duration,
    /// The first log-out is 1.
    number: u64,
}

impl LogOut {
    fn later(self, other: Self) -> Self {
        Self { at: self.at.max(other.at), number: self.number.max(other.number) }
    }
}

impl Revoked {
    /// Makes all tickets void that the user has so far.
    pub(crate) fn revoke(&self, user: &str, now: Duration) {
        let mut users = self.0.lock();
        let number = LOG_OUTS.fetch_add(1, Ordering::SeqCst) + 1;
        let at = users.last.get(user).map_or(now, |known| known.at.max(now));
        users.last.insert(user.into(), LogOut { at, number });
        users.forget(now);
    }

    /// Whether a user was logged out after this mark was taken.
    pub(crate) fn is_out_since(&self, user: &str, mark: LogOutMark) -> bool {
        self.0.lock().any(user, |log_out| log_out.number > mark.0)
    }

    /// Whether a ticket that was issued at this time is void. A ticket without that time counts as issued before everything.
    pub(crate) fn is_void(&self, user: &str, issued: Duration) -> bool {
        self.0.lock().any(user, |log_out| issued <= log_out.at)
    }
}

impl LogOuts {
    fn any(&self, user: &str, holds: impl Fn(&LogOut) -> bool) -> bool {
        self.last.get(user).into_iter().chain(&self.forgotten).any(holds)
    }

    fn forget(&mut self, now: Duration) {
        let is_outlived = |log_out: &LogOut| log_out.at + REMEMBERED <= now;
        while let Some((_, log_out)) = self.last.pop_oldest_if(|log_out, count| is_outlived(log_out) || count > MOST) {
            if !is_outlived(&log_out) {
                self.forgotten = Some(self.forgotten.map_or(log_out, |forgotten| forgotten.later(log_out)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_out_voids_only_earlier_tickets() {
        let (revoked, now) = (Revoked::default(), Duration::from_millis(1_800_000_000_500));
        revoked.revoke("ada", now);
        assert!(revoked.is_void("ada", Duration::ZERO));
        assert!(revoked.is_void("ada", now));
        assert!(!revoked.is_void("ada", now + Duration::from_millis(1)));
        assert!(!revoked.is_void("bob", Duration::ZERO));
    }

    #[test]
    fn times_in_one_process_are_unique() {
        let times: Vec<_> = (0..10_000).map(|_| since_1970()).collect();
        assert!(times.is_sorted_by(|earlier, later| earlier < later));
        assert!(times.iter().all(|time| time.subsec_nanos() % 1_000 == 0));
    }

    #[test]
    fn log_out_that_comes_back_changes_nothing() {
        let revoked = Revoked::default();
        let at = Duration::from_micros(1_800_000_000_000_500);
        for _ in 0..2 {
            revoked.revoke("ada", at);
            assert!(revoked.is_void("ada", at));
            assert!(!revoked.is_void("ada", at + Duration::from_micros(1)));
        }
        // Nor does an older log-out that arrives late make any ticket good.
        revoked.revoke("ada", Duration::from_secs(1));
        assert!(revoked.is_void("ada", at));
    }

    #[test]
    fn each_log_out_of_one_millisecond_counts() {
        for micros in 1..1_000 {
            let (revoked, at) =
                (Revoked::default(), |micros: u64| Duration::from_micros(1_800_000_000_000_000 + micros));
            revoked.revoke("ada", at(0));
            revoked.revoke("ada", at(micros));
            assert!(revoked.is_void("ada", at(micros)), "{micros}");
        }
    }

    #[test]
    fn mark_separates_two_log_outs() {
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
    fn log_outs_older_than_every_ticket_are_forgotten() {
        let revoked = Revoked::default();
        for day in 0..100_000_u32 {
            revoked.revoke(&day.to_string(), Duration::from_secs(86_400) * day);
        }
        assert!(revoked.0.lock().last.len() <= 31);
        assert!(revoked.is_void("99999", Duration::ZERO));
        assert!(!revoked.is_void("bob", Duration::ZERO));
    }

    #[test]
    fn forgotten_log_outs_void_everybodys_older_tickets() {
        let (revoked, start, extra) = (Revoked::default(), since_1970(), 1_000);
        let at = |number: usize| start + Duration::from_micros(number as u64);
        revoked.revoke("ada", at(0));
        for number in 1..MOST + extra {
            revoked.revoke(&number.to_string(), at(number));
            // A user who is logged out again and again takes one place, and is not among the oldest.
            revoked.revoke("ada", at(number));
        }
        assert_eq!(revoked.0.lock().last.len(), MOST);
        assert!(revoked.is_void("ada", at(MOST + extra - 1)));
        // Users whose log-out is forgotten, and everybody else with a ticket from before it.
        assert!(revoked.is_void("1", at(1)) && revoked.is_void("bob", at(1)));
        assert!(!revoked.is_void("bob", at(MOST + extra)));
        assert!(revoked.is_out_since("1", LogOutMark(0)));
        assert!(!revoked.is_out_since("1", LogOutMark::now()));
    }
}
