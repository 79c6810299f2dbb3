//! The records of one read of the history, in the order in which they are applied.

use std::collections::HashMap;

use crate::backplane::{Backplane, Failure, MOST_READ, News, Number, Passed, Recall, Record, Topic, Whose};
use crate::cluster::librarian::recall;
use crate::event::position::Epoch;

/// One record.
#[derive(Debug)]
pub(super) enum Item {
    Read(Record),
    Passed(Passed),
}

impl Item {
    pub(super) fn topic(&self) -> Topic {
        match self {
            Self::Read(record) => record.topic,
            Self::Passed(_) => Topic::Events,
        }
    }

    pub(super) fn number(&self) -> Number {
        match self {
            Self::Read(record) => record.number,
            Self::Passed(passed) => passed.number,
        }
    }
}

/// The records of both topics: the events in order, then the others.
pub(super) fn in_order(news: News) -> Vec<Item> {
    let News { records, passed, .. } = news;
    let mut items: Vec<Item> = passed.into_iter().map(Item::Passed).collect();
    items.extend(records.into_iter().map(Item::Read));
    // A few sorted runs, which this sort merges.
    items.sort_by_key(|item| (item.topic() == Topic::Members, item.number()));
    items
}

/// The content of events that were passed over, because nobody here read them when the read began, and that somebody reads now.
#[derive(Debug)]
pub(super) struct Contents {
    /// The last number of the read.
    upto: Number,
    recalled: HashMap<Number, Record>,
}

impl Contents {
    pub(super) fn of(items: &[Item]) -> Self {
        let events = items.iter().filter(|item| item.topic() == Topic::Events);
        Self { upto: events.map(Item::number).max().unwrap_or(0), recalled: HashMap::new() }
    }

    /// The whole record. Recalls the later ones of the same audience, too: they are needed for the same reason. `None`: it was
    /// forgotten meanwhile.
    pub(super) async fn recall(
        &mut self,
        backplane: &mut impl Backplane,
        epoch: Epoch,
        passed: &Passed,
    ) -> Result<Option<Record>, Failure> {
        if let Some(record) = self.recalled.remove(&passed.number) {
            return Ok(Some(record));
        }
        let whose = Whose::Addresses(vec![passed.to.clone()]);
        let what = Recall { whose, after: passed.number - 1, upto: self.upto, most: MOST_READ, newest: false };
        let found = recall(backplane, epoch, &what).await?;
        self.recalled.extend(found.records.into_iter().map(|record| (record.number, record)));
        Ok(self.recalled.remove(&passed.number))
    }
}
