//! Tests that need a clock, a boot or a limit of their own.

mod bounds;
mod power;

use std::path::PathBuf;

use bytes::Bytes;
use ssekit_core::backplane::{Address, Batch, Ends, Interest, Joined, Known, LogOut, NodeId, Number, Outgoing, Topic};
use ssekit_core::event::position::Epoch;

use crate::append::append;
use crate::boot::Boot;
use crate::database::Database;
use crate::failure;
use crate::folder::Folder;
use crate::join::join;
use crate::options::{Durability, FileOptions};
use crate::read::read;
use crate::row::Clock;
use crate::trouble::Trouble;

/// A folder of a test's own, used by one connection.
struct World {
    options: FileOptions,
    folder: Folder,
    node: NodeId,
    appended: u64,
}

impl World {
    fn new() -> Self {
        let dir: PathBuf = std::env::temp_dir().join(format!("ssekit-file-{}", NodeId::random()));
        let (options, folder) = (FileOptions::at(&dir), Folder::at(&dir).unwrap());
        Self { options, folder, node: NodeId::random(), appended: 0 }
    }

    fn open(&self, boot: &str) -> Result<Database, Trouble> {
        let mut database = Database::open(&self.folder, self.options.durability)?;
        database.boot = Boot::named(boot);
        // A file that is written again at another place is still the same one.
        database.file.made = 0;
        Ok(database)
    }

    fn append(&mut self, database: &mut Database, epoch: Epoch, at: i64, texts: &[String]) -> Result<Number, Trouble> {
        let outgoing = |text: &String| Outgoing::new(Address::everybody(), Bytes::from(text.clone()));
        let records = texts.iter().map(outgoing).collect();
        let batch = Batch { node: self.node, topic: Topic::Events, first: self.appended + 1, records };
        let end = append(database, &self.options, epoch, &batch, Clock::at(at))?;
        database.copy_long_log()?;
        self.appended += texts.len() as u64;
        Ok(end)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder.dir());
    }
}

fn first(database: &mut Database) -> Result<Joined, Trouble> {
    join(database, &Known::default(), Clock::now())
}

/// All events that are there, with their numbers.
fn all(database: &mut Database, after: Number) -> Result<Vec<(Number, String)>, Trouble> {
    let (mut events, mut ends) = (Vec::new(), Ends { events: after, members: 0 });
    loop {
        let records = read(database, None, (ends, &Interest::everything()), Clock::now())?.records;
        let Some(last) = records.last() else { return Ok(events) };
        ends.events = last.number;
        let text = |payload: &Bytes| String::from_utf8(payload.to_vec()).unwrap();
        events.extend(records.iter().map(|record| (record.number, text(&record.payload))));
    }
}
