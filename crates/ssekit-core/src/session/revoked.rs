//! A log-out makes void the user's tickets that were issued before it, and everything that an application said about the
//! user before it. Without this, a page whose stream was ended could come back with its old ticket. Or it could enter by a
//! session that ended while the page was on its way in.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::backplane::{LOG_OUTS_KEPT, LogOut, MOST_LOG_OUTS};

/// The longest lifetime of a ticket. After this time, no ticket is left to be void.
pub const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// The maximum difference between clocks.
pub const MOST_LEEWAY: Duration = Duration::from_secs(300);

/// The time a log-out is remembered: the longest lifetime of a ticket, and the longest difference between clocks.
const REMEMBERED: Duration = LONGEST.saturating_add(MOST_LEEWAY);

const _: () = assert!(REMEMBERED.as_micros() == LOG_OUTS_KEPT.as_micros(), "a backplane keeps them for as long");

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

/// When this process began to take marks.
static BEGAN: LazyLock<Duration> = LazyLock::new(since_1970);

/// Log-outs so far, over all hubs of the process: a mark of one hub is good for another hub that takes its place.
static LOG_OUTS: AtomicU64 = AtomicU64::new(0);

/// A moment between two log-outs. Take it before asking an application who somebody is: see
/// [`Hub::connect_since`](crate::Hub::connect_since). Unlike a clock, it is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOutMark(u64);

impl LogOutMark {
    /// The current moment.
    pub fn now() -> Self {
        LazyLock::force(&BEGAN);
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
#[derive(Debug)]
pub(crate) struct Revoked {
    log_outs: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// The last log-out of each user.
    last: HashMap<Arc<str>, Numbered>,
    /// The users by the time of their last log-out. Log-outs may become known in any order, and the oldest must go first.
    order: BTreeSet<(Duration, Arc<str>)>,
    /// The newest log-out that was forgotten. Its user is unknown, so it applies to everybody: an older ticket is void, and
    /// its page gets a new one.
    forgotten: Option<Numbered>,
}

#[derive(Debug, Clone, Copy)]
struct Numbered {
    /// The time since 1970, as tickets count it.
    at: Duration,
    /// The first log-out is 1. One from before all marks is 0.
    number: u64,
}

impl Numbered {
    fn later(self, other: Self) -> Self {
        Self { at: self.at.max(other.at), number: self.number.max(other.number) }
    }
}

impl Revoked {
    pub(crate) fn new() -> Self {
        LazyLock::force(&BEGAN);
        Self { log_outs: Mutex::default() }
    }

    /// Makes all tickets void that the user has so far.
    pub(crate) fn revoke(&self, user: &str, now: Duration) {
        self.log_outs.lock().note(user.into(), Numbered { at: now, number: next_number() }, now);
    }

    /// Notes a log-out that happened some time ago. Returns false if that one or a later one is known.
    pub(crate) fn learn(&self, user: &Arc<str>, at: Duration) -> bool {
        let mut log_outs = self.log_outs.lock();
        if log_outs.last.get(user).is_some_and(|known| known.at >= at) {
            return false;
        }
        // Nobody was identified before it by a mark of this process.
        let number = if is_from_before(at) { 0 } else { next_number() };
        // By its own time, nothing is old: only the number is bounded.
        log_outs.note(Arc::clone(user), Numbered { at, number }, Duration::ZERO);
        true
    }

    /// All that are remembered.
    pub(crate) fn all(&self) -> Vec<LogOut> {
        let mut log_outs = self.log_outs.lock();
        log_outs.forget(since_1970());
        log_outs.order.iter().map(|(at, user)| LogOut { user: Arc::clone(user), at: *at }).collect()
    }

    /// No log-out after this time is forgotten. It counts since 1970.
    pub(crate) fn forgotten(&self) -> Duration {
        self.log_outs.lock().forgotten.map_or(Duration::ZERO, |log_out| log_out.at)
    }

    /// When the log-outs of this process began, in time since 1970. A hub starts with its first client or event, so an
    /// application may have been asked before that, and nobody was logged out meanwhile.
    pub(crate) fn since() -> Duration {
        *BEGAN
    }

    /// Whether a user was logged out after this mark was taken.
    pub(crate) fn is_out_since(&self, user: &str, mark: LogOutMark) -> bool {
        self.log_outs.lock().any(user, |log_out| log_out.number > mark.0)
    }

    /// Whether a ticket that was issued at this time is void. A ticket without that time counts as issued before everything.
    pub(crate) fn is_void(&self, user: &str, issued: Duration) -> bool {
        self.log_outs.lock().any(user, |log_out| issued <= log_out.at)
    }
}

/// Whether a log-out at this time happened before this process took its first mark.
pub(crate) fn is_from_before(at: Duration) -> bool {
    at < *BEGAN
}

fn next_number() -> u64 {
    LOG_OUTS.fetch_add(1, Ordering::SeqCst) + 1
}

impl Remembered {
    fn any(&self, user: &str, holds: impl Fn(&Numbered) -> bool) -> bool {
        self.last.get(user).into_iter().chain(&self.forgotten).any(holds)
    }

    fn note(&mut self, user: Arc<str>, log_out: Numbered, now: Duration) {
        let known = self.last.get(&user).copied();
        let last = known.map_or(log_out, |known| known.later(log_out));
        if let Some(known) = known {
            self.order.remove(&(known.at, Arc::clone(&user)));
        }
        self.order.insert((last.at, Arc::clone(&user)));
        self.last.insert(user, last);
        self.forget(now);
    }

    fn forget(&mut self, now: Duration) {
        let is_outlived = |at: Duration| at + REMEMBERED <= now;
        while let Some((at, user)) = self.order.first()
            && (is_outlived(*at) || self.order.len() > MOST_LOG_OUTS)
        {
            let (forgotten, outlived) = (self.last.remove(user), is_outlived(*at));
            self.order.pop_first();
            if let Some(log_out) = forgotten.filter(|_| !outlived) {
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
        let (revoked, now) = (Revoked::new(), Duration::from_millis(1_800_000_000_500));
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
        let revoked = Revoked::new();
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
            let (revoked, at) = (Revoked::new(), |micros: u64| Duration::from_micros(1_800_000_000_000_000 + micros));
            revoked.revoke("ada", at(0));
            revoked.revoke("ada", at(micros));
            assert!(revoked.is_void("ada", at(micros)), "{micros}");
        }
    }

    #[test]
    fn mark_separates_two_log_outs() {
        let (revoked, now) = (Revoked::new(), since_1970());
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
        let revoked = Revoked::new();
        for day in 0..100_000_u32 {
            revoked.revoke(&day.to_string(), Duration::from_secs(86_400) * day);
        }
        assert!(revoked.log_outs.lock().last.len() <= 31);
        assert!(revoked.is_void("99999", Duration::ZERO));
        assert!(!revoked.is_void("bob", Duration::ZERO));
    }

    #[test]
    fn forgotten_log_outs_void_everybodys_older_tickets() {
        let (revoked, start, extra) = (Revoked::new(), since_1970(), 1_000);
        let at = |number: usize| start + Duration::from_micros(number as u64);
        revoked.revoke("ada", at(0));
        for number in 1..MOST_LOG_OUTS + extra {
            revoked.revoke(&number.to_string(), at(number));
            // A user who is logged out again and again takes one place, and is not among the oldest.
            revoked.revoke("ada", at(number));
        }
        assert_eq!(revoked.log_outs.lock().last.len(), MOST_LOG_OUTS);
        assert!(revoked.is_void("ada", at(MOST_LOG_OUTS + extra - 1)));
        // Users whose log-out is forgotten, and everybody else with a ticket from before it.
        assert!(revoked.is_void("1", at(1)) && revoked.is_void("bob", at(1)));
        assert!(!revoked.is_void("bob", at(MOST_LOG_OUTS + extra)));
        assert!(revoked.is_out_since("1", LogOutMark(0)));
        assert!(!revoked.is_out_since("1", LogOutMark::now()));
    }

    #[test]
    fn oldest_log_outs_are_forgotten_however_late_they_are_learned() {
        let (revoked, start) = (Revoked::new(), since_1970());
        let at = |number: usize| start + Duration::from_micros(number as u64);
        revoked.revoke("ada", at(MOST_LOG_OUTS + 1));
        for number in 1..=MOST_LOG_OUTS {
            assert!(revoked.learn(&number.to_string().into(), at(number)));
        }
        assert_eq!(revoked.forgotten(), at(1));
        assert!(revoked.is_void("ada", at(MOST_LOG_OUTS + 1)));
        assert!(!revoked.is_void("bob", at(2)), "only the oldest counts for everybody");
    }

    #[test]
    fn learned_log_out_is_news_once() {
        let (revoked, ada, at) = (Revoked::new(), Arc::from("ada"), since_1970());
        assert!(revoked.learn(&ada, at));
        assert!(revoked.is_void("ada", at));
        assert!(!revoked.learn(&ada, at));
        assert!(!revoked.learn(&ada, at - Duration::from_secs(1)));
        assert!(revoked.is_void("ada", at), "it does not go back");
        assert!(revoked.learn(&ada, at + Duration::from_micros(1)));
        let known = LogOut { user: ada, at: at + Duration::from_micros(1) };
        assert_eq!(revoked.all(), [known]);
    }

    #[test]
    fn log_out_from_before_the_process_is_after_no_mark() {
        let (mark, revoked) = (LogOutMark::now(), Revoked::new());
        revoked.learn(&"ada".into(), *BEGAN - Duration::from_micros(1));
        assert!(!revoked.is_out_since("ada", mark));
        revoked.learn(&"ada".into(), since_1970());
        assert!(revoked.is_out_since("ada", mark));
    }
}
