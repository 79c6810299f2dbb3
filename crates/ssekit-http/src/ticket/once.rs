//! Tickets that open only one stream.
//!
//! Strictly one-time tickets would break `EventSource`, which reconnects to the very same URL. So a ticket also continues the
//! stream that it has opened. For that, the request must present the stream's client id, and the key at the end of its event
//! ids. The URL of the first request contains neither the key nor anything from which the key could be derived.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::ticket::TicketError;
use ssekit_core::event::key::Key;
use ssekit_core::session::network::Network;

/// The maximum number of used tickets that are remembered for one subject. Each is forgotten when it expires. A subject
/// beyond the limit cannot use another ticket, and no other subject notices. There is no limit over all subjects, because the
/// signer of the tickets decides how many subjects there are.
const MOST_OF_ONE: usize = 10_000;

/// The number of expired tickets that each use forgets. A use adds fewer, so there are never many expired tickets.
const FORGOTTEN_AT_ONCE: usize = 4;

/// The tickets that have been used.
#[derive(Debug, Default)]
pub(crate) struct Once(Mutex<Used>);

/// Tickets in the order in which they expire.
type Order = BTreeSet<(Duration, Arc<str>)>;

#[derive(Debug, Default)]
struct Used {
    tickets: HashMap<Arc<str>, Use>,
    /// All tickets, in the order in which they expire.
    order: Order,
    /// The same for each subject.
    subjects: HashMap<Subject, Order>,
}

/// A subject's tickets are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    User(Arc<str>),
    /// For tickets without a user: the network that they were used from.
    Network(Option<Network>),
}

impl Subject {
    pub(crate) fn of(user: Option<&str>, address: Option<IpAddr>) -> Self {
        user.map_or_else(|| Self::Network(address.map(Network::of)), |user| Self::User(user.into()))
    }
}

#[derive(Debug)]
struct Use {
    /// The client id that it was used with.
    client: Box<str>,
    /// The one that its stream has got instead, because somebody had the first.
    instead: Option<Arc<str>>,
    subject: Subject,
    /// The key at the end of its stream's event ids.
    key: Key,
    /// When the ticket expires, since 1970.
    until: Duration,
}

/// A ticket that is about to be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redeemed<'a> {
    pub(crate) ticket: &'a str,
    /// The subject that it counts for.
    pub(crate) subject: &'a Subject,
    /// The client id of its stream.
    pub(crate) client: &'a str,
    /// The key of the stream to continue, if the request presents one.
    pub(crate) shown: Option<&'a Key>,
    /// The time the ticket remains valid.
    pub(crate) left: Duration,
}

/// A page that speaks for the stream of its ticket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Continued<'a> {
    pub(crate) ticket: &'a str,
    /// The client id that it names.
    pub(crate) client: &'a str,
    /// The key of its stream, if the request presents one.
    pub(crate) shown: Option<&'a Key>,
}

impl Once {
    /// The client id of a used ticket's stream, if the request has proved that it is that stream's page. Uses nothing up.
    pub(crate) fn client_of(&self, continued: Continued<'_>) -> Option<Arc<str>> {
        let Continued { ticket, client, shown } = continued;
        let used = self.0.lock();
        let stream = used.tickets.get(ticket).filter(|stream| stream.is_with(client))?;
        let is_proved = shown.is_some_and(|shown| stream.key.matches(shown));
        is_proved.then(|| stream.instead.clone().unwrap_or_else(|| stream.client.as_ref().into()))
    }

    /// Uses a ticket. Returns the key of its stream, and whether this was the ticket's first use.
    pub(crate) fn redeem(&self, redeemed: Redeemed<'_>, now: Duration) -> Result<(Key, bool), TicketError> {
        let Redeemed { ticket, subject, client, shown, left } = redeemed;
        let mut used = self.0.lock();
        if let Some(earlier) = used.tickets.get(ticket) {
            let continues = shown.is_some_and(|shown| earlier.key.matches(shown)) && earlier.is_with(client);
            return if continues { Ok((earlier.key, false)) } else { Err(TicketError::Used) };
        }
        used.forget(now);
        if !used.has_room(subject, now) {
            return Err(TicketError::TooMany);
        }
        let (key, until, ticket) = (Key::random(), now.saturating_add(left), Arc::<str>::from(ticket));
        used.order.insert((until, Arc::clone(&ticket)));
        used.subjects.entry(subject.clone()).or_default().insert((until, Arc::clone(&ticket)));
        used.tickets.insert(ticket, Use { client: client.into(), instead: None, subject: subject.clone(), key, until });
        Ok((key, true))
    }

    /// Notes which client id the stream of a ticket has got, which may not be the one that it was used with.
    pub(crate) fn opened(&self, ticket: &str, client: &Arc<str>) {
        let mut used = self.0.lock();
        if let Some(opened) = used.tickets.get_mut(ticket).filter(|opened| *opened.client != **client) {
            opened.instead = Some(Arc::clone(client));
        }
    }

    /// The client id of a ticket's stream, if it is not the one that the ticket was used with.
    pub(crate) fn instead(&self, ticket: &str) -> Option<Arc<str>> {
        self.0.lock().tickets.get(ticket)?.instead.clone()
    }

    /// Makes a ticket unused again, because no stream was opened.
    pub(crate) fn give_back(&self, ticket: &str) {
        self.0.lock().remove(ticket);
    }
}

impl Use {
    fn is_with(&self, client: &str) -> bool {
        *self.client == *client || self.instead.as_deref() == Some(client)
    }
}

impl Used {
    /// Forgets some expired tickets, the oldest first.
    fn forget(&mut self, now: Duration) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((_, ticket)) = self.order.first().filter(|(until, _)| *until <= now) else { return };
            let ticket = Arc::clone(ticket);
            self.remove(&ticket);
        }
    }

    /// Whether a subject may use another ticket. Its own expired tickets do not count.
    fn has_room(&mut self, subject: &Subject, now: Duration) -> bool {
        loop {
            let Some(own) = self.subjects.get(subject).filter(|own| own.len() >= MOST_OF_ONE) else { return true };
            let Some((_, expired)) = own.first().filter(|(until, _)| *until <= now) else { return false };
            let expired = Arc::clone(expired);
            self.remove(&expired);
        }
    }

    fn remove(&mut self, ticket: &str) {
        let Some((ticket, gone)) = self.tickets.remove_entry(ticket) else { return };
        let place = (gone.until, ticket);
        self.order.remove(&place);
        if let Some(own) = self.subjects.get_mut(&gone.subject) {
            own.remove(&place);
            if own.is_empty() {
                self.subjects.remove(&gone.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(60);
    const NOW: Duration = Duration::from_secs(1_000_000);

    fn redeem(
        once: &Once,
        ticket: &str,
        client: &str,
        shown: Option<&Key>,
        left: Duration,
        now: Duration,
    ) -> Result<(Key, bool), TicketError> {
        let subject = &Subject::of(Some("ada"), None);
        once.redeem(Redeemed { ticket, subject, client, shown, left }, now)
    }

    /// Whether it was the first use.
    fn first(redeemed: Result<(Key, bool), TicketError>) -> Result<bool, TicketError> {
        redeemed.map(|(_, first)| first)
    }

    #[test]
    fn one_time_ticket_continues_its_stream_with_the_key() {
        let once = Once::default();
        let (key, is_first) = redeem(&once, "t", "tab", None, LEFT, NOW).unwrap();
        assert!(is_first);
        for (client, shown) in [("tab", None), ("tab", Some(Key::random())), ("other", Some(key)), ("other", None)] {
            assert_eq!(first(redeem(&once, "t", client, shown.as_ref(), LEFT, NOW)), Err(TicketError::Used));
        }
        let (again, is_first) = redeem(&once, "t", "tab", Some(&key), LEFT, NOW).unwrap();
        assert!(again.matches(&key) && !is_first);
        // Another ticket's stream has another key.
        let (other, is_first) = redeem(&once, "u", "tab", Some(&key), LEFT, NOW).unwrap();
        assert!(!other.matches(&key) && is_first);
        assert_eq!(first(redeem(&once, "u", "tab", Some(&key), LEFT, NOW)), Err(TicketError::Used));
    }

    #[test]
    fn returned_ticket_can_be_used_again() {
        let once = Once::default();
        assert_eq!(first(redeem(&once, "t", "tab", None, LEFT, NOW)), Ok(true));
        once.give_back("t");
        assert_eq!(first(redeem(&once, "t", "tab", None, LEFT, NOW)), Ok(true));
    }

    #[test]
    fn only_expired_tickets_are_forgotten() {
        let once = Once::default();
        assert_eq!(first(redeem(&once, "long", "tab", None, LEFT * 1_000_000, NOW)), Ok(true));
        for second in 0..100_000 {
            let now = NOW + Duration::from_secs(second);
            assert_eq!(first(redeem(&once, &format!("t{second}"), "tab", None, LEFT, now)), Ok(true));
        }
        assert!(once.0.lock().tickets.len() <= 1024);
        assert_eq!(first(redeem(&once, "long", "thief", None, LEFT, NOW)), Err(TicketError::Used));
    }

    #[test]
    fn ticket_quota_of_one_user_affects_no_other() {
        let once = Once::default();
        let use_one = |subject: &Subject, ticket: &str, now| {
            first(once.redeem(Redeemed { ticket, subject, client: "tab", shown: None, left: LEFT }, now))
        };
        let address = |last| Some(IpAddr::from([192, 0, 2, last]));
        let greedy = [Subject::of(Some("ada"), address(1)), Subject::of(None, address(1))];
        for (who, subject) in greedy.iter().enumerate() {
            for number in 0..MOST_OF_ONE {
                assert_eq!(use_one(subject, &format!("{who} {number}"), NOW), Ok(true));
            }
            assert_eq!(use_one(subject, &format!("{who} more"), NOW), Err(TicketError::TooMany));
        }
        assert_eq!(use_one(&Subject::of(Some("bob"), address(1)), "bobs", NOW), Ok(true));
        assert_eq!(use_one(&Subject::of(None, address(2)), "another's", NOW), Ok(true));
        // A ticket that opened no stream does not count, nor does an expired ticket.
        once.give_back("0 0");
        assert_eq!(use_one(&greedy[0], "0 more", NOW), Ok(true));
        assert_eq!(use_one(&greedy[0], "0 yet more", NOW), Err(TicketError::TooMany));
        // This holds no matter how many tickets of others have expired.
        for subject in [&greedy[1], &greedy[0]] {
            assert_eq!(use_one(subject, &format!("{subject:?}"), NOW + LEFT), Ok(true));
        }
    }

    #[test]
    fn expired_and_returned_tickets_leave_nothing_behind() {
        let once = Once::default();
        for number in 0..1_000_u32 {
            let (ticket, subject) = (number.to_string(), Subject::of(Some(&number.to_string()), None));
            let now = NOW + LEFT * (number / 100);
            assert_eq!(
                first(once.redeem(
                    Redeemed { ticket: &ticket, subject: &subject, client: "tab", shown: None, left: LEFT },
                    now
                )),
                Ok(true)
            );
            if number % 3 == 0 {
                once.give_back(&ticket);
            }
        }
        let used = once.0.lock();
        assert!(used.tickets.len() <= 100, "{}", used.tickets.len());
        assert_eq!((used.order.len(), used.subjects.len()), (used.tickets.len(), used.tickets.len()));
    }
}
