//! The row that says how far the history goes.

use rusqlite::{Connection, OptionalExtension as _, params};
use ssekit_core::backplane::{Ends, Number, Topic};
use ssekit_core::event::position::Epoch;

use crate::trouble::Trouble;

/// No record has this number: positions go no further.
const MOST_NUMBER: Number = 1 << 43;

/// The state of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) epoch: Epoch,
    /// The boot of the machine since which something may not be on the disk. `None`: the disk has all.
    pub(crate) unsynced_since: Option<String>,
    /// When the file was made, in nanoseconds since 1970; 0: unknown. A copy has another time.
    pub(crate) made: i64,
    /// The number of the last record of each topic.
    pub(crate) ends: Ends,
    /// The bytes of all events.
    pub(crate) bytes: u64,
}

impl State {
    /// The state of a history that begins.
    pub(crate) fn fresh(made: i64) -> Self {
        Self { epoch: Epoch::random(), unsynced_since: None, made, ends: Ends::default(), bytes: 0 }
    }

    pub(crate) fn load(connection: &Connection) -> Result<Self, Trouble> {
        let row = connection
            .query_row("SELECT epoch, unsynced_since, made, events, members, bytes FROM meta", [], |row| {
                let ends = Ends { events: row.get(3)?, members: row.get(4)? };
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, ends, row.get(5)?))
            })
            .optional()?;
        let (epoch, unsynced_since, made, ends, bytes) = row.ok_or_else(|| Trouble::damaged("it has no state"))?;
        if ends.events >= MOST_NUMBER || ends.members >= MOST_NUMBER {
            return Err(Trouble::damaged("its numbers go too far"));
        }
        let epoch = Epoch::parse_name(&epoch).ok_or_else(|| Trouble::damaged("its epoch is none"))?;
        Ok(Self { epoch, unsynced_since, made, ends, bytes })
    }

    pub(crate) fn store(&self, connection: &Connection) -> Result<(), Trouble> {
        let Self { epoch, unsynced_since, made, ends, bytes } = self;
        connection.execute(
            "INSERT OR REPLACE INTO meta (id, epoch, unsynced_since, made, events, members, bytes)
             VALUES (1, ?, ?, ?, ?, ?, ?)",
            params![epoch.as_str(), unsynced_since, made, ends.events, ends.members, bytes],
        )?;
        Ok(())
    }

    /// The number of the last record of a topic.
    pub(crate) fn end(&mut self, topic: Topic) -> &mut Number {
        match topic {
            Topic::Events => &mut self.ends.events,
            Topic::Members => &mut self.ends.members,
        }
    }

    /// Forgets all records of a topic. The next one comes after this number.
    pub(crate) fn skip_to(&mut self, connection: &Connection, topic: Topic, number: Number) -> Result<(), Trouble> {
        connection.execute(&format!("DELETE FROM {}", table(topic)), [])?;
        *self.end(topic) = number;
        if topic == Topic::Events {
            self.bytes = 0;
        }
        Ok(())
    }
}

/// The table with the records of a topic.
pub(crate) fn table(topic: Topic) -> &'static str {
    match topic {
        Topic::Events => "events",
        Topic::Members => "members",
    }
}
