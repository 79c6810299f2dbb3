//! The events of each sender, and the check that a page got all of them, once and in the order of each sender, or a reset. After a
//! reset it is counted from the next event on.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::wire::Received;

/// Everything that the senders have sent.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<RwLock<Vec<Vec<Option<&'static str>>>>>);

impl Ledger {
    pub fn of(senders: usize) -> Self {
        Self(Arc::new(RwLock::new(vec![Vec::new(); senders])))
    }

    /// Notes an event before it is sent, to a user or to all. Returns its data.
    pub fn note(&self, sender: usize, user: Option<&'static str>) -> String {
        let mut sent = self.0.write();
        sent[sender].push(user);
        format!("{sender} {}", sent[sender].len())
    }

    /// The first event after this one that is for a user.
    fn next_due(&self, sender: usize, last: usize, user: &str) -> Option<usize> {
        let sent = self.0.read();
        let due = |to: &Option<&str>| to.is_none_or(|to| to == user);
        sent[sender].iter().enumerate().skip(last).find(|(_, to)| due(to)).map(|(index, _)| index + 1)
    }
}

/// The events of one page.
#[derive(Debug)]
pub struct Account {
    ledger: Ledger,
    user: &'static str,
    /// The last event of each sender; `None`: unknown since a reset.
    last: Vec<Option<usize>>,
    pub resets: usize,
    /// The faults found.
    pub faults: Vec<String>,
}

impl Account {
    /// The account of a page that was there before anything was sent.
    pub fn new(ledger: &Ledger, user: &'static str) -> Self {
        let senders = ledger.0.read().len();
        Self { ledger: ledger.clone(), user, last: vec![Some(0); senders], resets: 0, faults: Vec::new() }
    }

    /// Takes an event that has come. The ledger ignores an event that it does not know.
    pub fn take(&mut self, event: &Received) {
        if event.is_reset() {
            self.resets += 1;
            self.last.fill(None);
            return;
        }
        let parsed = event.data.split_once(' ').map(|(sender, number)| (sender.parse::<usize>(), number.parse()));
        let Some((Ok(sender), Ok(number))) = parsed else { return };
        let due = self.last[sender].map(|last| self.ledger.next_due(sender, last, self.user));
        if due.is_some_and(|due| due != Some(number)) {
            let last = self.last[sender];
            let kind = if last >= Some(number) { "twice or out of order" } else { "some are lost" };
            self.faults.push(format!("{kind}: {number} of {sender} after {last:?}, due was {due:?}; id {}", event.id));
        }
        self.last[sender] = Some(number);
    }

    /// Whether it has got the newest event of every sender.
    pub fn has_the_newest(&self) -> bool {
        let sent = self.ledger.0.read();
        sent.iter().zip(&self.last).all(|(sent, last)| *last == Some(sent.len()))
    }

    /// Nothing comes any more.
    pub fn close(&mut self) {
        for (sender, last) in self.last.iter().enumerate() {
            let missing = last.and_then(|last| self.ledger.next_due(sender, last, self.user));
            if let Some(missing) = missing {
                self.faults.push(format!("some are lost: from {missing} of {sender} on, after {last:?}"));
            }
        }
    }
}
