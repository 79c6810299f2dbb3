//! The last log-out of each user, beside the history.
//!
//! Nobody has an empty id. The row of the empty user says since when no log-out is missing.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};
use ssekit_core::backplane::{LOG_OUTS_KEPT, LogOut, LogOuts, MOST_LOG_OUTS};

use crate::row::Clock;
use crate::trouble::Trouble;

/// Times are in microseconds since 1970.
pub(crate) const TABLE: &str = "
CREATE TABLE log_outs (user TEXT PRIMARY KEY, at INTEGER NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX log_outs_by_time ON log_outs (at);
";

/// The user in whose row the time stands since when none is missing.
const NOBODY: &str = "";

/// Log-outs may be missing up to now. Those that are there stay.
pub(crate) fn begin(connection: &Connection, now: Clock) -> Result<(), Trouble> {
    // The clock counts milliseconds, and the time must not be too early.
    store(connection, NOBODY, (now.millis + 1) * 1_000)
}

/// Adds log-outs, and forgets those that are beyond the bounds.
pub(crate) fn add<'a>(
    connection: &Connection,
    log_outs: impl IntoIterator<Item = &'a LogOut>,
    now: Clock,
) -> Result<(), Trouble> {
    let mut log_outs = log_outs.into_iter().peekable();
    if log_outs.peek().is_none() {
        return Ok(());
    }
    for LogOut { user, at } in log_outs {
        store(connection, user, i64::try_from(at.as_micros()).unwrap_or(i64::MAX))?;
    }
    connection.execute("DELETE FROM log_outs WHERE at <= ? AND user <> ?", params![oldest(now), NOBODY])?;
    keep_newest(connection)
}

/// A later log-out of the user stays.
fn store(connection: &Connection, user: &str, at: i64) -> Result<(), Trouble> {
    connection.execute(
        "INSERT INTO log_outs (user, at, checksum) VALUES (?, ?, ?)
         ON CONFLICT (user) DO UPDATE SET at = excluded.at, checksum = excluded.checksum WHERE at < excluded.at",
        params![user, at, checksum(user, at)],
    )?;
    Ok(())
}

/// Forgets the oldest beyond the number. Since the newest of those, none is missing.
fn keep_newest(connection: &Connection) -> Result<(), Trouble> {
    let newest = "SELECT at FROM log_outs WHERE user <> ? ORDER BY at DESC LIMIT 1 OFFSET ?";
    let mut statement = connection.prepare(newest)?;
    let mut rows = statement.query(params![NOBODY, MOST_LOG_OUTS])?;
    if let Some(row) = rows.next()? {
        let dropped: i64 = row.get(0)?;
        connection.execute("DELETE FROM log_outs WHERE at <= ? AND user <> ?", params![dropped, NOBODY])?;
        store(connection, NOBODY, dropped)?;
    }
    Ok(())
}

/// All that are not too old.
pub(crate) fn load(connection: &Connection, now: Clock) -> Result<LogOuts, Trouble> {
    let mut statement = connection.prepare("SELECT user, at, checksum FROM log_outs ORDER BY at")?;
    let mut rows = statement.query([])?;
    let (mut since, mut last) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        let damaged = || Trouble::damaged("a log-out is not what was written");
        let user = row.get_ref(0)?.as_str().map_err(|_| damaged())?;
        let micros: i64 = row.get(1)?;
        if checksum(user, micros) != row.get::<_, u32>(2)? {
            return Err(damaged());
        }
        let at = Duration::from_micros(micros.unsigned_abs());
        match user {
            NOBODY => since = Some(at),
            _ if micros > oldest(now) => last.push(LogOut { user: Arc::from(user), at }),
            _ => {}
        }
    }
    let since = since.ok_or_else(|| Trouble::damaged("it does not say since when it knows log-outs"))?;
    Ok(LogOuts { since, last })
}

/// Log-outs up to this time are too old.
fn oldest(now: Clock) -> i64 {
    (now.millis - LOG_OUTS_KEPT.as_millis() as i64) * 1_000
}

/// SQLite checks the frames of its log, but not the pages of the database.
fn checksum(user: &str, at: i64) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&at.to_le_bytes());
    hash.update(user.as_bytes());
    hash.finalize()
}
