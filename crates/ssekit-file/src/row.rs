//! A stored record: its columns, and the checksum over them.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rusqlite::Row;
use ssekit_core::backplane::{Address, NodeId, Number, Origin, Passed, Record, Topic};
use tokio::time::Instant;

use crate::trouble::Trouble;

/// The same moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Since 1970.
    pub(crate) millis: i64,
    instant: Instant,
}

impl Clock {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self { millis: since.map_or(0, |since| since.as_millis() as i64), instant: Instant::now() }
    }

    fn instant_of(self, millis: i64) -> Instant {
        let age = self.millis.saturating_sub(millis).max(0);
        self.instant.checked_sub(Duration::from_millis(age as u64)).unwrap_or(self.instant)
    }

    #[cfg(test)]
    pub(crate) fn at(millis: i64) -> Self {
        Self { millis, ..Self::now() }
    }
}

/// A record as it is stored.
pub(crate) struct Stored<'a> {
    pub(crate) topic: Topic,
    pub(crate) number: Number,
    pub(crate) at: i64,
    pub(crate) node: &'a str,
    pub(crate) count: u64,
    /// Empty in [`Topic::Members`].
    pub(crate) address: &'a [u8],
    pub(crate) payload: &'a [u8],
}

impl Stored<'_> {
    /// SQLite checks the frames of its log, but not the pages of the database. Lengths are part of it, so that no byte can
    /// move from one field to the next.
    pub(crate) fn checksum(&self) -> u32 {
        let mut hash = crc32fast::Hasher::new();
        hash.update(&[u8::from(self.topic == Topic::Members)]);
        let numbers = [self.number, self.at as u64, self.count, self.address.len() as u64, self.payload.len() as u64];
        numbers.iter().for_each(|number| hash.update(&number.to_le_bytes()));
        [self.node.as_bytes(), self.address, self.payload].iter().for_each(|bytes| hash.update(bytes));
        hash.finalize()
    }

    pub(crate) fn record(&self, now: Clock) -> Result<Record, Trouble> {
        let (topic, number, at, payload) = (self.topic, self.number, now.instant_of(self.at), self.payload);
        Ok(Record { topic, number, origin: self.origin()?, at, payload: Bytes::copy_from_slice(payload) })
    }

    pub(crate) fn passed(&self, now: Clock) -> Result<Passed, Trouble> {
        let (number, at, to) = (self.number, now.instant_of(self.at), Address::of_bytes(self.address));
        Ok(Passed { number, origin: self.origin()?, at, to })
    }

    fn origin(&self) -> Result<Origin, Trouble> {
        let node = NodeId::parse(self.node).ok_or_else(|| damaged(self.number))?;
        Ok(Origin { node, count: self.count })
    }
}

/// The columns that [`record`] reads, in this order.
pub(crate) fn columns(topic: Topic) -> &'static str {
    match topic {
        Topic::Events => "number, at, node, count, address, checksum, payload",
        Topic::Members => "number, at, node, count, x'', checksum, payload",
    }
}

/// The content of a row, unless it has changed since it was written.
pub(crate) fn stored<'a>(row: &'a Row<'_>, topic: Topic) -> Result<Stored<'a>, Trouble> {
    let number: u64 = row.get(0)?;
    let damaged = || damaged(number);
    let text = |index| row.get_ref(index)?.as_str().map_err(|_| damaged());
    let blob = |index| row.get_ref(index)?.as_blob().map_err(|_| damaged());
    let (node, address, payload) = (text(2)?, blob(4)?, blob(6)?);
    let stored = Stored { topic, number, at: row.get(1)?, node, count: row.get(3)?, address, payload };
    if stored.checksum() != row.get::<_, u32>(5)? {
        return Err(damaged());
    }
    Ok(stored)
}

/// The record in a row.
pub(crate) fn record(row: &Row<'_>, topic: Topic, now: Clock) -> Result<Record, Trouble> {
    stored(row, topic)?.record(now)
}

fn damaged(number: Number) -> Trouble {
    Trouble::damaged(format_args!("record {number} is not what was written"))
}
