//! The database: opened, checked that it is ours, and made if the file is empty.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::time::{Duration, SystemTime};

use crate::boot::Boot;
use crate::folder::Folder;
use crate::log_outs;
use crate::options::Durability;
use crate::row::Clock;
use crate::state::State;
use crate::trouble::Trouble;

/// `ssek`: names the application in the file's head.
const APPLICATION: i32 = 0x7373_656b;

/// The version of the tables. An older file is brought up to it, and any other one is refused.
const FORMAT: i32 = 2;

/// The tables without `log_outs`.
const FORMAT_WITHOUT_LOG_OUTS: i32 = 1;

/// The maximum number of attempts while another process has the lock, and the pause between them: two seconds or a little
/// more. SQLite's own pauses grow to 100 ms, and an event would wait that long.
const MOST_ATTEMPTS: i32 = 4_000;
const PAUSE: Duration = Duration::from_micros(500);

/// The approximate size at which the log is copied into the database, in bytes.
const COPIED_AT_ONCE: u64 = 4 << 20;

/// The pages that a transaction writes, beside those with payloads.
const PAGES: u64 = 6 * 4_096;

/// The maximum number of bytes of the log that stay on the disk after they were copied into the database.
const MOST_LOG_BYTES: i64 = 8 << 20;

/// The payload is the last column, so reading the other columns does not touch its pages. `events_by_address` finds one
/// audience's events without the rest; `standing_events` indexes only standing ones.
const TABLES: &str = "
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, unsynced_since TEXT, made INTEGER NOT NULL,
  events INTEGER NOT NULL, members INTEGER NOT NULL, bytes INTEGER NOT NULL
);
CREATE TABLE nodes (
  node TEXT PRIMARY KEY, events INTEGER NOT NULL, members INTEGER NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE events (
  number INTEGER PRIMARY KEY, at INTEGER NOT NULL, node TEXT NOT NULL, count INTEGER NOT NULL, address BLOB NOT NULL,
  checksum INTEGER NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX events_by_address ON events (address, number);
CREATE INDEX standing_events ON events (number) WHERE substr(address, 1, 1) IN (x'02', x'04', x'05');
CREATE TABLE members (
  number INTEGER PRIMARY KEY, at INTEGER NOT NULL, node TEXT NOT NULL, count INTEGER NOT NULL, checksum INTEGER NOT NULL,
  payload BLOB NOT NULL
);
";

/// A connection to the database.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) durability: Durability,
    pub(crate) boot: Boot,
    /// The file that was opened.
    pub(crate) file: Identity,
    /// The bytes that were written to the log and not copied, about.
    log_bytes: u64,
}

impl Database {
    pub(crate) fn open(folder: &Folder, durability: Durability) -> Result<Self, Trouble> {
        let lock = folder.prepare()?;
        #[cfg(target_os = "linux")]
        if let Some(kind) = crate::mount::network_kind_of(folder.dir()) {
            let what = format!("the file system ({kind}) belongs to several machines; wants a local disk");
            return Err(Trouble::Told(what));
        }
        let boot = Boot::current(folder)?;
        let file = Identity::of(folder)?;
        let mut connection = connect(folder)?;
        if Identity::of(folder)? != file {
            return Err(Trouble::Told("the database was replaced while it was opened".into()));
        }
        set_up(&mut connection, file.made)?;
        drop(lock);
        // An earlier process may have left a long one.
        let log_bytes = std::fs::metadata(folder.log()).map_or(0, |metadata| metadata.len());
        let database = Self { connection, durability, boot, file, log_bytes };
        database.set_synchronous(durability)?;
        Ok(database)
    }

    /// Whether its file is still the one in the folder. A removed file could be written on, and nobody else would see it.
    pub(crate) fn is_in(&self, folder: &Folder) -> bool {
        Identity::of(folder).is_ok_and(|file| file == self.file)
    }

    /// Does this so that the disk has it afterwards, and everything before it.
    pub(crate) fn durably<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.set_synchronous(Durability::Always)?;
        let done = work(self)?;
        self.set_synchronous(self.durability)?;
        Ok(done)
    }

    /// Notes that these bytes of payloads have been written.
    pub(crate) fn note_written(&mut self, bytes: usize) {
        self.log_bytes += PAGES + bytes as u64;
    }

    /// Copies the log into the database if it has become long. SQLite would do that within the append, and the events of that
    /// append would wait for the disk.
    pub(crate) fn copy_long_log(&mut self) -> Result<(), Trouble> {
        if self.log_bytes >= COPIED_AT_ONCE {
            self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            self.log_bytes = 0;
        }
        Ok(())
    }

    /// Writes everything to the disk, and notes that nothing can be missing.
    pub(crate) fn sync(&mut self) -> Result<(), Trouble> {
        self.durably(|database| {
            let transaction = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let state = State::load(&transaction)?;
            State { unsynced_since: None, ..state }.store(&transaction)?;
            transaction.commit()?;
            // Others may read or write meanwhile: then the log simply stays longer.
            database.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        })
    }

    /// In the log's mode, `NORMAL` leaves to the system when a transaction reaches the disk. `FULL` waits for that before
    /// anybody can read it.
    fn set_synchronous(&self, durability: Durability) -> Result<(), Trouble> {
        let level = match durability {
            Durability::Process => "NORMAL",
            Durability::Always => "FULL",
        };
        Ok(self.connection.pragma_update(None, "synchronous", level)?)
    }
}

/// Opens the file, and says what this connection does and does not.
fn connect(folder: &Folder) -> Result<Connection, Trouble> {
    // No URI, and no lock around a connection that one thread uses at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(folder.database(), flags)?;
    connection.busy_handler(Some(|attempts| {
        std::thread::sleep(PAUSE);
        attempts < MOST_ATTEMPTS
    }))?;
    // Dropping a connection must be cheap. It must not remove the log either, because by then another database may have its
    // name.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // A damaged file must not make SQLite run what it says.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // See `copy_long_log`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", MOST_LOG_BYTES)?;
    // On macOS, nothing less reaches the disk itself.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

/// Checks that the database is ours, and makes what is not there.
fn set_up(connection: &mut Connection, made: i64) -> Result<(), Trouble> {
    let format = format(connection)?;
    if format == 0 {
        // Settled by the first page that is written.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    // A copy that was made for safety has another mode.
    let mode: String = connection.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Trouble::Told(format!("the file system takes no log of SQLite (only {mode}); wants a local disk")));
    }
    match format {
        0 => make(connection, made),
        FORMAT_WITHOUT_LOG_OUTS => upgrade(connection),
        _ => Ok(()),
    }
}

/// The format of our tables; 0: the database is empty.
fn format(connection: &Connection) -> Result<i32, Trouble> {
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i32>(0));
    let (application, format) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, format) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION, FORMAT_WITHOUT_LOG_OUTS | FORMAT) => Ok(format),
        (APPLICATION, other) => Err(Trouble::Told(format!(
            "its format is {other}, and this release of ssekit reads format {FORMAT}; wants another folder"
        ))),
        (other, _) => Err(Trouble::Told(format!(
            "it belongs to another application ({other:#010x}, and ssekit is {APPLICATION:#010x}); wants another folder"
        ))),
    }
}

/// Makes the tables in one step. An end in the middle leaves an empty database, which is made the next time.
fn make(connection: &mut Connection, made: i64) -> Result<(), Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(log_outs::TABLE)?;
    log_outs::begin(&transaction, Clock::now())?;
    State::fresh(made).store(&transaction)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    Ok(transaction.commit()?)
}

/// Adds what an older release did not have.
fn upgrade(connection: &mut Connection) -> Result<(), Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(log_outs::TABLE)?;
    log_outs::begin(&transaction, Clock::now())?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    Ok(transaction.commit()?)
}

/// Tells whether two files with the same name are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// When the file was made, in nanoseconds since 1970; 0: its file system does not know. A copy has another time.
    pub(crate) made: i64,
    /// The device and the number there. Elsewhere, an open file cannot be removed.
    #[cfg(unix)]
    place: (u64, u64),
}

impl Identity {
    fn of(folder: &Folder) -> Result<Self, Trouble> {
        let metadata = std::fs::metadata(folder.database());
        let metadata = metadata.map_err(|error| Trouble::io("the database cannot be found", error))?;
        let since = metadata.created().ok().and_then(|created| created.duration_since(SystemTime::UNIX_EPOCH).ok());
        Ok(Self {
            made: since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
            #[cfg(unix)]
            place: (std::os::unix::fs::MetadataExt::dev(&metadata), std::os::unix::fs::MetadataExt::ino(&metadata)),
        })
    }
}
