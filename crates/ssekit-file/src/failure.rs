//! Errors of failed calls, in words that help an operator.

use std::io::{self, ErrorKind};

use rusqlite::ffi;
use ssekit_core::backplane::Failure;
use ssekit_core::error::printable;

use crate::folder::Folder;
use crate::trouble::{Trouble, damage};

/// The maximum number of characters of SQLite's own words that are reported.
const MOST_TOLD: usize = 300;

/// The message for the operator.
pub(crate) fn of(trouble: Trouble, folder: &Folder) -> Failure {
    let what = match trouble {
        Trouble::OtherHistory => return Failure::other_history(),
        Trouble::Told(what) => what,
        Trouble::Io(what, error) => {
            let dir = folder.dir().display();
            return Failure::new(format!("{dir}: {what}: {}", of_system(&error)));
        }
        Trouble::Sqlite(error) => of_sqlite(&error, folder),
    };
    Failure::new(format!("{}: {what}", folder.database().display()))
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
        return damage(error);
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
        (code, _) => {
            let why = text.as_deref().unwrap_or("SQLite does not say why");
            // It may quote the file.
            let why: String = why.chars().take(MOST_TOLD).collect();
            format!("{} (SQLite error {code})", printable(&why))
        }
    }
}

/// The operation that failed on the disk.
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(trouble: Trouble) -> String {
        of(trouble, &Folder::at(Path::new("/srv/data")).unwrap()).to_string()
    }

    #[test]
    fn error_of_sqlite_says_what_an_operator_can_do() {
        for (code, text) in [
            (ffi::SQLITE_FULL, "no space is left on the disk"),
            (ffi::SQLITE_READONLY, "the file, or its folder, is read-only"),
            (ffi::SQLITE_READONLY_DIRECTORY, "the file, or its folder, is read-only"),
            (ffi::SQLITE_PERM, "this user has no permission"),
            (ffi::SQLITE_BUSY_RECOVERY, "another process holds the lock for too long"),
            (ffi::SQLITE_CORRUPT, "the file is damaged; move the folder away to begin anew"),
            (ffi::SQLITE_NOTADB, "the file is not a database; wants an empty folder, or one of ssekit"),
            (ffi::SQLITE_IOERR_READ, "the disk cannot be read (SQLite error 266)"),
            (ffi::SQLITE_IOERR_FSYNC, "the disk cannot be written (SQLite error 1034)"),
            (ffi::SQLITE_MISUSE, "SQLite does not say why (SQLite error 21)"),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(told(error.into()), format!("/srv/data/history.db: {text}"));
        }
        for (code, lack) in
            [(ffi::SQLITE_IOERR_SHMMAP, "no memory that processes share"), (ffi::SQLITE_IOERR_LOCK, "no working locks")]
        {
            let told = told(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into());
            assert!(told.contains(lack) && told.ends_with("; wants a local disk"), "{told}");
        }
    }

    #[test]
    fn words_of_sqlite_are_safe_to_print() {
        let text = format!("odd \u{1b}[2J\n{}", "x".repeat(1_000));
        let told = told(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(text)).into());
        assert!(told.starts_with("/srv/data/history.db: odd \u{fffd}[2J\u{fffd}xxx") && told.len() < 400, "{told}");
    }

    #[test]
    fn error_of_the_system_names_the_step() {
        for (kind, text) in [
            (ErrorKind::StorageFull, "no space is left on the disk"),
            (ErrorKind::ReadOnlyFilesystem, "the disk is read-only"),
            (ErrorKind::PermissionDenied, "this user has no permission"),
            (ErrorKind::NotADirectory, "a file has the name of a folder"),
        ] {
            let trouble = Trouble::io("the folder cannot be made", kind.into());
            assert_eq!(told(trouble), format!("/srv/data: the folder cannot be made: {text}"));
        }
    }
}
