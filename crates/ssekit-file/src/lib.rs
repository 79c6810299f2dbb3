//! A history in a folder of one machine: one SQLite database, for all processes that use the folder.
//!
//! * [`FileOptions`]: where the folder is, and how much it keeps; `folder`: its files; `mount`: what its disk is.
//! * `database`: opens and makes the database; `state`: the row that says how far the history goes; `boot`: whether its end
//!   survived.
//! * `join`, `append` with `bounds`, `read`, `recall`: the calls of the contract, each one transaction; `row`: a stored record;
//!   `log_outs`: what is remembered for longer than records.
//! * `bell`: wakes the other processes; `trouble`: why a call failed; `failure`: in words.
//!
//! # Threads
//! SQLite blocks. So each call moves its connection to a thread for blocking work and takes it back with the answer. An owned
//! thread would need a queue, and somebody to end it. An abandoned call takes its connection with it, and the next call opens
//! another one.
//!
//! # Ending
//! Dropping a [`File`] is cheap: it syncs nothing. Whoever ends the process first calls [`File::close`]. Otherwise the
//! next start of the *machine* takes the end of the history for lost, and begins a new epoch.

mod append;
mod bell;
mod boot;
mod bounds;
mod database;
mod failure;
mod folder;
mod join;
mod log_outs;
#[cfg(target_os = "linux")]
mod mount;
mod options;
mod read;
mod recall;
mod row;
mod state;
#[cfg(test)]
mod tests;
mod trouble;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use ssekit_core::backplane::{
    Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number, READ_WAIT, Recall, Recalled,
};
use ssekit_core::error::Result;
use ssekit_core::event::position::Epoch;

pub use folder::make as make_folder;
pub use options::{Durability, FileOptions};

use bell::Bell;
use database::{Database, Identity};
use folder::Folder;
use row::Clock;
use trouble::Trouble;

/// A folder as the backplane. Clones share what they know of it, and each has its own connection.
///
/// ```
/// use ssekit_core::{Event, Hub, Options};
/// use ssekit_file::{File, FileOptions};
///
/// let dir = std::env::temp_dir().join(format!("ssekit-example-{}", std::process::id()));
/// let runtime = tokio::runtime::Runtime::new()?;
/// let hub = Hub::start_on(File::new(FileOptions::at(&dir))?, Options::default(), runtime.handle())?;
///
/// assert!(runtime.block_on(hub.ready()), "the folder can be used");
/// hub.send_to_user("ada", Event { data: "kept over a restart", ..Event::default() })?;
/// # drop(runtime);
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct File {
    shared: Arc<Shared>,
    /// Taken for each call, and put back only after its answer.
    database: Option<Database>,
}

struct Shared {
    options: FileOptions,
    folder: Folder,
    bell: Bell,
    /// The history that was joined last, and its file: a copy has the same epoch until somebody joins it.
    joined: Mutex<Option<(Epoch, Identity)>>,
}

impl Shared {
    /// The epoch of the history that was joined last.
    ///
    /// # Errors
    /// Another file has taken the place of its file.
    fn joined(&self, database: &Database) -> std::result::Result<Option<Epoch>, Trouble> {
        match *self.joined.lock() {
            Some((_, file)) if file != database.file => Err(Trouble::OtherHistory),
            joined => Ok(joined.map(|(epoch, _)| epoch)),
        }
    }

    /// Checks, after a call, that its file is still the one in the folder. Otherwise nobody may ever read what was written, and
    /// others may have begun another history before it was written.
    ///
    /// # Errors
    /// Another file has taken the place of its file.
    fn is_still_in(&self, database: &Database) -> std::result::Result<(), Trouble> {
        if database.is_in(&self.folder) { Ok(()) } else { Err(Trouble::OtherHistory) }
    }
}

impl File {
    /// Creates a backplane that opens the folder at its first call.
    ///
    /// # Errors
    /// The options are invalid, or the working folder of a relative path is unknown.
    pub fn new(options: FileOptions) -> Result<Self> {
        options.validate()?;
        let folder = Folder::at(&options.dir)?;
        let bell = Bell::new(folder.bells());
        Ok(Self { shared: Arc::new(Shared { options, folder, bell, joined: Mutex::default() }), database: None })
    }

    /// The folder's absolute path.
    pub fn dir(&self) -> &std::path::Path {
        self.shared.folder.dir()
    }

    /// Writes everything to the disk and notes that nothing can be missing, whatever happens to the machine from now on. To
    /// be called before the process ends. Appending is still possible, and then the note no longer holds.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub async fn close(&mut self) -> std::result::Result<(), Failure> {
        self.call(|_, database| database.sync()).await?;
        self.database = None;
        Ok(())
    }

    /// Does this on a thread for blocking work. After an error, the next call opens another connection.
    async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Shared, &mut Database) -> std::result::Result<T, Trouble> + Send + 'static,
    ) -> std::result::Result<T, Failure> {
        let (shared, database) = (Arc::clone(&self.shared), self.database.take());
        let worked = tokio::task::spawn_blocking(move || {
            let current = database.filter(|database| database.is_in(&shared.folder));
            let mut database = match current {
                Some(database) => database,
                None => Database::open(&shared.folder, shared.options.durability)?,
            };
            Ok((work(&shared, &mut database)?, database))
        });
        let (answer, database) = match worked.await {
            Ok(worked) => worked.map_err(|trouble: Trouble| failure::of(trouble, &self.shared.folder))?,
            Err(_) => return Err(Failure::new("the call was given up, because the process ends")),
        };
        self.database = Some(database);
        Ok(answer)
    }
}

/// Each clone has its own connection.
impl Clone for File {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), database: None }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("dir", &self.dir()).finish_non_exhaustive()
    }
}

impl Backplane for File {
    async fn join(&mut self, known: &Known) -> std::result::Result<Joined, Failure> {
        let known = known.clone();
        let join = move |shared: &Shared, database: &mut Database| {
            shared.bell.hang();
            let joined = join::join(database, &known, Clock::now())?;
            *shared.joined.lock() = Some((joined.epoch, database.file));
            Ok(joined)
        };
        self.call(join).await
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> std::result::Result<Number, Failure> {
        let batch = batch.clone();
        self.call(move |shared, database| {
            shared.joined(database)?;
            let end = append::append(database, &shared.options, epoch, &batch, Clock::now())?;
            shared.is_still_in(database)?;
            shared.bell.ring();
            database.copy_long_log()?;
            Ok(end)
        })
        .await
    }

    const RECALLS: bool = true;

    async fn recall(&mut self, epoch: Epoch, what: &Recall) -> std::result::Result<Recalled, Failure> {
        let what = what.clone();
        self.call(move |shared, database| {
            shared.joined(database)?;
            recall::recall(database, epoch, &what, Clock::now())
        })
        .await
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> std::result::Result<News, Failure> {
        let shared = Arc::clone(&self.shared);
        let until = Instant::now() + READ_WAIT;
        loop {
            // Start listening before the look, so that no record is missed between the two.
            let mut ring = std::pin::pin!(shared.bell.listen());
            ring.as_mut().enable();
            let interest = interest.clone();
            let look = move |shared: &Shared, database: &mut Database| {
                let joined = shared.joined(database)?;
                let news = read::read(database, joined, (after, &interest), Clock::now())?;
                shared.is_still_in(database)?;
                Ok(news)
            };
            let news = self.call(look).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !news.is_empty() || left.is_zero() {
                return Ok(news);
            }
            let _ = timeout(left, shared.bell.heard(ring)).await;
        }
    }
}
