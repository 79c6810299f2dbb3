//! The folder and its files: the database, the lock for opening it, and the sockets of the processes that want to be woken.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ssekit_core::error::{Error, Result};

use crate::trouble::Trouble;

/// The maximum wait for another process that is opening the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

/// The folder.
pub(crate) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(crate) fn at(dir: &Path) -> Result<Self> {
        let absolute = std::path::absolute(dir);
        let dir = absolute.map_err(|error| {
            Error::argument(format!("options.backplane.file: got {dir:?} ({error}), wants the path of a folder"))
        })?;
        Ok(Self { dir })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The database. SQLite keeps two more files beside it. Nothing but SQLite may open it: to close any descriptor of it releases
    /// the locks that this process has on it.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join("history.db")
    }

    /// SQLite's log: what was not copied into the database yet.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("history.db-wal")
    }

    /// The sockets of processes that want to be woken.
    pub(crate) fn bells(&self) -> PathBuf {
        self.dir.join("wake")
    }

    /// Names the time since the folder was last unused, on a system that does not name its boots.
    pub(crate) fn session(&self) -> PathBuf {
        self.dir.join("session")
    }

    /// Makes the folder, and the file of the database, if they are not there. Events are personal data, so they are for
    /// this user alone. Returns the lock that opening needs; it ends when it is dropped.
    pub(crate) fn prepare(&self) -> std::result::Result<File, Trouble> {
        make(&self.dir).map_err(|error| Trouble::io("the folder cannot be made", error))?;
        let lock = self.lock().map_err(|error| Trouble::io("the folder cannot be used", error))?;
        match private(OpenOptions::new().write(true).create_new(true)).open(self.database()) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(Trouble::io("the database cannot be made", error))
            }
            _ => Ok(lock),
        }
    }

    fn lock(&self) -> io::Result<File> {
        let file = private(OpenOptions::new().write(true).create(true)).open(self.dir.join("lock"))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() > until => {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        "another process is opening it and does not finish",
                    ));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }
}

/// Makes a data folder, unless it is there.
///
/// # Errors
/// The system refuses.
pub fn make(dir: &Path) -> io::Result<()> {
    if make_dir(dir)? {
        ignore(dir);
    }
    Ok(())
}

/// Keeps what watches an application's files from these ones, as `.gitignore` is what such programs go by. Tailwind's scanner
/// under Turbopack fails at the sockets, for one. Without the file everything here works, so a failure is none.
fn ignore(dir: &Path) {
    if let Ok(mut file) = private(OpenOptions::new().write(true).create_new(true)).open(dir.join(".gitignore")) {
        let _ = file.write_all(b"*\n");
    }
}

/// Makes a folder for this user alone, unless it is there. Returns whether it was made.
pub(crate) fn make_dir(dir: &Path) -> io::Result<bool> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Err(_) if fs::metadata(dir).is_ok_and(|metadata| metadata.is_dir()) => Ok(false),
        // Its parents are the application's, and made as usual.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            dir.parent().map_or(Ok(()), fs::create_dir_all)?;
            builder.create(dir).map(|()| true)
        }
        made => made.map(|()| true),
    }
}

/// A file that is made is for this user alone.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
