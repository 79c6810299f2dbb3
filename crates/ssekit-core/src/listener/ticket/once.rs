//! Tickets that open one stream only.
//!
//! Strictly one-time tickets would break `EventSource`, which reconnects to the very same URL. So a ticket also continues
//! the stream that it has opened: for whoever presents that stream's client id, and the key with which its event ids end. The
//! URL of the first request has neither the key nor anything that it could be made of.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::key::Key;
use crate::listener::ticket::Refusal;

/// Tickets that are remembered. Each is forgotten when it expires; more at once than this, and new ones are refused.
const MOST: usize = 1_000_000;

/// The tickets that have been used.
#[derive(Debug, Default)]
pub(crate) struct Once(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    tickets: HashMap<Box<str>, Use>,
    /// Where it is cleaned up next.
    full: usize,
}

#[derive(Debug)]
struct Use {
    client: Box<str>,
    /// What the ids on its stream end with.
    key: Key,
    /// When the ticket is no good any more by itself, since 1970.
    until: Duration,
}

impl Once {
    /// Uses a ticket for a client, which shows the key of the stream that it goes on with, if it does. Returns the key of its
    /// stream, and whether this was the ticket's first use.
    pub(crate) fn redeem(
        &self,
        ticket: &str,
        client: &str,
        shown: Option<&Key>,
        left: Duration,
        now: Duration,
    ) -> Result<(Key, bool), Refusal> {
        let mut used = self.0.lock();
        if let Some(earlier) = used.tickets.get(ticket) {
            let continues = shown.is_some_and(|shown| earlier.key.matches(shown)) && &*earlier.client == client;
            return if continues { Ok((earlier.key, false)) } else { Err(Refusal::Used) };
        }
        if used.tickets.len() >= used.full.clamp(1024, MOST) {
            used.tickets.retain(|_, used| used.until > now);
            used.full = used.tickets.len() * 2;
            if used.tickets.len() >= MOST {
                return Err(Refusal::Used);
            }
        }
        let (key, until) = (Key::random(), now.saturating_add(left));
        used.tickets.insert(ticket.into(), Use { client: client.into(), key, until });
        Ok((key, true))
    }

    /// Gives back what was not needed after all: there was no stream.
    pub(crate) fn give_back(&self, ticket: &str) {
        self.0.lock().tickets.remove(ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(60);
    const NOW: Duration = Duration::from_secs(1_000_000);

    /// Whether it was the first use.
    fn first(redeemed: Result<(Key, bool), Refusal>) -> Result<bool, Refusal> {
        redeemed.map(|(_, first)| first)
    }

    #[test]
    fn a_ticket_opens_one_stream_and_continues_it_for_who_has_its_key() {
        let once = Once::default();
        let (key, is_first) = once.redeem("t", "tab", None, LEFT, NOW).unwrap();
        assert!(is_first);
        for (client, shown) in [("tab", None), ("tab", Some(Key::random())), ("other", Some(key)), ("other", None)] {
            assert_eq!(first(once.redeem("t", client, shown.as_ref(), LEFT, NOW)), Err(Refusal::Used));
        }
        let (again, is_first) = once.redeem("t", "tab", Some(&key), LEFT, NOW).unwrap();
        assert!(again.matches(&key) && !is_first);
        // Another ticket's stream has another key.
        let (other, is_first) = once.redeem("u", "tab", Some(&key), LEFT, NOW).unwrap();
        assert!(!other.matches(&key) && is_first);
        assert_eq!(first(once.redeem("u", "tab", Some(&key), LEFT, NOW)), Err(Refusal::Used));
    }

    #[test]
    fn what_was_given_back_can_be_used() {
        let once = Once::default();
        assert_eq!(first(once.redeem("t", "tab", None, LEFT, NOW)), Ok(true));
        once.give_back("t");
        assert_eq!(first(once.redeem("t", "tab", None, LEFT, NOW)), Ok(true));
    }

    #[test]
    fn expired_tickets_are_forgotten_and_others_are_not() {
        let once = Once::default();
        assert_eq!(first(once.redeem("long", "tab", None, LEFT * 1_000_000, NOW)), Ok(true));
        for second in 0..100_000 {
            let now = NOW + Duration::from_secs(second);
            assert_eq!(first(once.redeem(&format!("t{second}"), "tab", None, LEFT, now)), Ok(true));
        }
        assert!(once.0.lock().tickets.len() <= 1024);
        assert_eq!(first(once.redeem("long", "thief", None, LEFT, NOW)), Err(Refusal::Used));
    }
}
