//! Why a call failed.

use std::fmt;
use std::io;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The history is not the one that the caller knows.
    OtherHistory,
    /// The text says all.
    Told(String),
    /// The action that failed, and the system's own error.
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
    pub(crate) fn damaged(what: impl fmt::Display) -> Self {
        Self::Told(damage(what))
    }
}

/// The message about a file that contradicts itself.
pub(crate) fn damage(what: impl fmt::Display) -> String {
    format!("the file is damaged ({what}); move the folder away to begin anew")
}
