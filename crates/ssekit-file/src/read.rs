//! Reads what came after two numbers, in one look at both tables.

use rusqlite::{Connection, params};
use ssekit_core::backplane::{Ends, Interest, MOST_PASSED, MOST_READ, News, Number, Topic};
use ssekit_core::event::position::Epoch;

use crate::database::Database;
use crate::row::{self, Clock};
use crate::state::{State, table};
use crate::trouble::Trouble;

/// The payloads of one read, beyond which it ends.
const MOST_BYTES: usize = 16 << 20;

/// The end of a look at the events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// There are no more.
    Complete,
    /// There were enough of them.
    Full,
    /// Their bytes were enough, so there may be few.
    Large,
}

/// Reads from the history with this epoch, if one is given.
pub(crate) fn read(
    database: &mut Database,
    joined: Option<Epoch>,
    (after, interest): (Ends, &Interest),
    now: Clock,
) -> Result<News, Trouble> {
    // One transaction sees one moment. So no member's record can be there without the events before it.
    let transaction = database.connection.transaction()?;
    if let Some(epoch) = joined
        && State::load(&transaction)?.epoch != epoch
    {
        return Err(Trouble::OtherHistory);
    }
    let mut news = News::default();
    let end = take_events(&transaction, (after.events, interest), now, &mut news)?;
    news.is_all = end == End::Complete;
    // Members records, which prove that everything has been read, must not overtake the rest of the events.
    if end != End::Large {
        take_members(&transaction, after.members, now, &mut news)?;
    }
    Ok(news)
}

/// Looks at all events, and copies only those that are wanted. The alternative is to ask the index for each audience that is
/// followed. That costs a busy process more, and nobody would learn when the others last got something: a page that comes
/// back after a long time could not be told whether it has missed anything.
fn take_events(
    connection: &Connection,
    (after, interest): (Number, &Interest),
    now: Clock,
    news: &mut News,
) -> Result<End, Trouble> {
    let mut statement = connection.prepare(&query(Topic::Events))?;
    let mut rows = statement.query(params![after, MOST_PASSED])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if bytes >= MOST_BYTES {
            return Ok(End::Large);
        }
        // Of the others, too: a damaged address could hide an event.
        let stored = row::stored(row, Topic::Events)?;
        bytes += stored.payload.len();
        if interest.wants(stored.address) {
            news.records.push(stored.record(now)?);
        } else {
            news.passed.push(stored.passed(now)?);
        }
        if news.records.len() == MOST_READ {
            return Ok(End::Full);
        }
    }
    let is_full = news.records.len() + news.passed.len() == MOST_PASSED;
    Ok(if is_full { End::Full } else { End::Complete })
}

fn take_members(connection: &Connection, after: Number, now: Clock, news: &mut News) -> Result<(), Trouble> {
    let mut statement = connection.prepare(&query(Topic::Members))?;
    let mut rows = statement.query(params![after, MOST_READ])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()?.filter(|_| bytes < MOST_BYTES) {
        let record = row::stored(row, Topic::Members)?.record(now)?;
        bytes += record.payload.len();
        news.records.push(record);
    }
    Ok(())
}

fn query(topic: Topic) -> String {
    let (columns, table) = (row::columns(topic), table(topic));
    format!("SELECT {columns} FROM {table} WHERE number > ? ORDER BY number LIMIT ?")
}
