//! Forgets the oldest records. Each append does a little of that, so that no append takes long.

use rusqlite::{Connection, params};
use ssekit_core::backplane::{Batch, Number, Topic};

use crate::options::FileOptions;
use crate::row::Clock;
use crate::state::State;
use crate::trouble::Trouble;

/// The number of members records that are kept. A node that has missed more asks all others for a presence snapshot.
const MOST_MEMBERS: u64 = 10_000;

/// The maximum number of events that an append forgets, beyond twice its own.
const STEP: usize = 256;

/// The pages that an append gives back to the system. The next events fill the others, so there must be many to begin.
const PAGES: u32 = 256;

/// Forgets what is beyond the bounds, after this batch was added.
pub(crate) fn keep(
    connection: &Connection,
    state: &mut State,
    options: &FileOptions,
    batch: &Batch,
    now: Clock,
) -> Result<(), Trouble> {
    let own = match batch.topic {
        Topic::Events => batch.records.len(),
        Topic::Members => 0,
    };
    forget_events(connection, state, options, own, now)?;
    let last = state.ends.members.saturating_sub(MOST_MEMBERS);
    connection.execute("DELETE FROM members WHERE number <= ?", [last])?;
    give_back(connection)
}

/// Forgets events in order, but none of the newest `own`, which nobody can have read yet.
fn forget_events(
    connection: &Connection,
    state: &mut State,
    options: &FileOptions,
    own: usize,
    now: Clock,
) -> Result<(), Trouble> {
    let newest = state.ends.events.saturating_sub(own as Number);
    let oldest_at = now.millis.saturating_sub(i64::try_from(options.max_age.as_millis()).unwrap_or(i64::MAX));
    let mut statement = connection
        .prepare("SELECT number, at, length(payload) FROM events WHERE number <= ? ORDER BY number LIMIT ?")?;
    let mut rows = statement.query(params![newest, STEP + 2 * own])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (number, at, length): (Number, i64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let is_beyond = state.ends.events - number >= options.max_events || state.bytes > options.max_bytes;
        if !is_beyond && at >= oldest_at {
            break;
        }
        state.bytes = state.bytes.saturating_sub(length);
        last = Some(number);
    }
    if let Some(last) = last {
        connection.execute("DELETE FROM events WHERE number <= ?", [last])?;
    }
    Ok(())
}

/// Makes the file smaller if a good part of it has become empty.
fn give_back(connection: &Connection) -> Result<(), Trouble> {
    let count = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, u32>(0));
    let (free, all) = (count("PRAGMA freelist_count")?, count("PRAGMA page_count")?);
    if free > PAGES && free > all / 4 {
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}
