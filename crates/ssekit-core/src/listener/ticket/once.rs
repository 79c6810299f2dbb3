//! Tickets that open one stream only.
//!
//! Strictly one-time tickets would break `EventSource`, which reconnects to the very same URL. So a ticket also continues
//! the stream that it has opened: for whoever presents that stream's client id and an event id that it has seen.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

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
    /// When the ticket is no good any more by itself, since 1970.
    until: Duration,
}

impl Once {
    /// Uses a ticket for a client. Says whether this was its first use. `continues`: the client has seen an event.
    pub(crate) fn redeem(
        &self,
        ticket: &str,
        client: &str,
        continues: bool,
        left: Duration,
        now: Duration,
    ) -> Result<bool, Refusal> {
        let mut used = self.0.lock();
        if let Some(earlier) = used.tickets.get(ticket) {
            return if continues && &*earlier.client == client { Ok(false) } else { Err(Refusal::Used) };
        }
        if used.tickets.len() >= used.full.clamp(1024, MOST) {
            used.tickets.retain(|_, used| used.until > now);
            used.full = used.tickets.len() * 2;
            if used.tickets.len() >= MOST {
                return Err(Refusal::Used);
            }
        }
        let until = now.saturating_add(left);
        used.tickets.insert(ticket.into(), Use { client: client.into(), until });
        Ok(true)
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

    #[test]
    fn a_ticket_opens_one_stream_and_continues_it() {
        let once = Once::default();
        assert_eq!(once.redeem("t", "tab", false, LEFT, NOW), Ok(true));
        assert_eq!(once.redeem("t", "tab", false, LEFT, NOW), Err(Refusal::Used));
        assert_eq!(once.redeem("t", "other", true, LEFT, NOW), Err(Refusal::Used));
        assert_eq!(once.redeem("t", "tab", true, LEFT, NOW), Ok(false));
        assert_eq!(once.redeem("u", "tab", true, LEFT, NOW), Ok(true));
    }

    #[test]
    fn what_was_given_back_can_be_used() {
        let once = Once::default();
        assert_eq!(once.redeem("t", "tab", false, LEFT, NOW), Ok(true));
        once.give_back("t");
        assert_eq!(once.redeem("t", "tab", false, LEFT, NOW), Ok(true));
    }

    #[test]
    fn expired_tickets_are_forgotten_and_others_are_not() {
        let once = Once::default();
        assert_eq!(once.redeem("long", "tab", false, LEFT * 1_000_000, NOW), Ok(true));
        for second in 0..100_000 {
            let now = NOW + Duration::from_secs(second);
            assert_eq!(once.redeem(&format!("t{second}"), "tab", false, LEFT, now), Ok(true));
        }
        assert!(once.0.lock().tickets.len() <= 1024);
        assert_eq!(once.redeem("long", "thief", true, LEFT, NOW), Err(Refusal::Used));
    }
}
