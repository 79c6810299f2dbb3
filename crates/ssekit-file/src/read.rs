//! Reads the records after two numbers, in one look at both tables.

use rusqlite::{Connection, params};
use ssekit_core::backplane::{Ends, MOST_READ, Number, Record, Topic};
use ssekit_core::event::position::Epoch;

use crate::database::Database;
use crate::row::{self, Clock};
use crate::state::{State, table};
use crate::trouble::Trouble;

/// The payloads of one read, beyond which it ends.
const MOST_BYTES: usize = 16 << 20;

/// Reads from the history with this epoch, if one is given.
pub(crate) fn read(
    database: &mut Database,
    joined: Option<Epoch>,
    after: Ends,
    now: Clock,
) -> Result<Vec<Record>, Trouble> {
    // One transaction sees one moment. So no member's record can be there without the events before it.
    let transaction = database.connection.transaction()?;
    if let Some(epoch) = joined
        && State::load(&transaction)?.epoch != epoch
    {
        return Err(Trouble::OtherHistory);
    }
    let mut records = Vec::new();
    let is_complete = take(&transaction, Topic::Events, after.events, now, &mut records)?;
    // Members records, which prove that everything has been read, must not overtake the rest of the events.
    if is_complete || records.len() >= MOST_READ {
        take(&transaction, Topic::Members, after.members, now, &mut records)?;
    }
    Ok(records)
}

/// Returns whether it came to the end before the bytes were too many.
fn take(
    connection: &Connection,
    topic: Topic,
    after: Number,
    now: Clock,
    out: &mut Vec<Record>,
) -> Result<bool, Trouble> {
    let (columns, table) = (row::columns(topic), table(topic));
    let query = format!("SELECT {columns} FROM {table} WHERE number > ? ORDER BY number LIMIT ?");
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query(params![after, MOST_READ])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if bytes >= MOST_BYTES {
            return Ok(false);
        }
        let record = row::record(row, topic, now)?;
        bytes += record.payload.len();
        out.push(record);
    }
    Ok(true)
}
