//! Errors of failed calls, in words that help an operator.

use std::io::{self, ErrorKind};

use rusqlite::ffi;
use ssekit_core::backplane::Failure;

use crate::folder::Folder;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The history is not the one that the caller knows.
    OtherHistory,
    /// The text says all.
    Told(String),
    /// What was done, and what the system says.
    Io(&'static str, io::Error),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    pub(crate) fn io(what: &'static str, error: io::Error) -> Self {
        Self::Io(what, error)
    }

    /// Something in the database contradicts itself.
    pub(crate) fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Told(format!("the file is damaged ({what}); move the folder away to begin anew"))
    }

    pub(crate) fn into_failure(self, folder: &Folder) -> Failure {
        let what = match self {
            Self::OtherHistory => return Failure::other_history(),
            Self::Told(what) => what,
            Self::Io(what, error) => {
                let dir = folder.dir().display();
                return Failure::new(format!("{dir}: {what}: {}", of_system(&error)));
            }
            Self::Sqlite(error) => of_sqlite(&error, folder),
        };
        Failure::new(format!("{}: {what}", folder.database().display()))
    }
}

fn of_system(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "no space is left on the disk".into(),
        ErrorKind::ReadOnlyFilesystem => "the disk is read-only".into(),
        ErrorKind::PermissionDenied => "this user has no permission".into(),
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "a file has the name of a folder".into(),
        _ => error.to_string(),
    }
}

fn of_sqlite(error: &rusqlite::Error, folder: &Folder) -> String {
    let rusqlite::Error::SqliteFailure(failure, text) = error else {
        // A value of another type than the one that was written.
        return match Trouble::damaged(error) {
            Trouble::Told(what) => what,
            _ => String::new(),
        };
    };
    match (failure.extended_code, failure.extended_code & 0xff) {
        (_, ffi::SQLITE_FULL) => "no space is left on the disk".into(),
        (_, ffi::SQLITE_READONLY) => "the file, or its folder, is read-only".into(),
        (_, ffi::SQLITE_PERM | ffi::SQLITE_AUTH) => "this user has no permission".into(),
        (_, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => "another process holds the lock for too long".into(),
        (_, ffi::SQLITE_CORRUPT) => "the file is damaged; move the folder away to begin anew".into(),
        (_, ffi::SQLITE_NOTADB) => "the file is not a database; wants an empty folder, or one of ssekit".into(),
        (code, ffi::SQLITE_CANTOPEN) => unopened(code, folder),
        (ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMMAP | ffi::SQLITE_IOERR_SHMLOCK, _) => {
            format!("the file system{} has no memory that processes share; wants a local disk", kind_of(folder))
        }
        (ffi::SQLITE_IOERR_LOCK | ffi::SQLITE_IOERR_RDLOCK | ffi::SQLITE_IOERR_UNLOCK, _) => {
            format!("the file system{} has no working locks; wants a local disk", kind_of(folder))
        }
        (code, ffi::SQLITE_IOERR) => format!("the disk cannot be {} (SQLite error {code})", used(code)),
        (code, _) => format!("{} (SQLite error {code})", text.as_deref().unwrap_or("SQLite does not say why")),
    }
}

/// What failed on the disk.
fn used(code: i32) -> &'static str {
    match code {
        ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ => "read",
        _ => "written",
    }
}

fn unopened(code: i32, folder: &Folder) -> String {
    match std::fs::File::open(folder.dir()).err() {
        Some(error) => of_system(&error),
        None if folder.database().is_dir() => "a folder has the name of the file".into(),
        None => format!("the file, or one beside it, cannot be opened (SQLite error {code})"),
    }
}

/// The kind of file system, for a message.
fn kind_of(folder: &Folder) -> String {
    #[cfg(target_os = "linux")]
    if let Some(kind) = crate::mount::kind_of(folder.dir()) {
        return format!(" ({kind})");
    }
    let _ = folder;
    String::new()
}
