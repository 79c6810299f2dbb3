//! Pages whose streams are cut while something is wrong with the folder lose nothing without a reset.
#![cfg(test)]
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use ssekit_core::Options;
use ssekit_core::backplane::NodeId;
use ssekit_file::{File, FileOptions};
use ssekit_testing::chance::Chance;
use ssekit_testing::cuts::{self, Place};
use ssekit_testing::{Engine, PATIENCE};

/// The fault of the folder.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Somebody holds the lock for longer than a call waits.
    Locked,
    /// An empty one takes its place.
    Removed,
    /// A file takes its place for a while.
    Away,
    /// An older copy takes its place.
    Restored,
}

/// Several folders, with one in use: the nodes know a link to it, which can be changed in one step.
struct InFolder {
    root: PathBuf,
    fault: Fault,
    folders: usize,
}

impl InFolder {
    fn new(fault: Fault) -> Self {
        let root = std::env::temp_dir().join(format!("ssekit-file-{}", NodeId::random()));
        fs::create_dir(&root).unwrap();
        let mut place = Self { root, fault, folders: 0 };
        let first = place.fresh_folder();
        place.use_folder(&first);
        place
    }

    fn in_use(&self) -> PathBuf {
        self.root.join("in-use")
    }

    fn fresh_folder(&mut self) -> PathBuf {
        self.folders += 1;
        let folder = self.root.join(self.folders.to_string());
        fs::create_dir(&folder).unwrap();
        folder
    }

    fn use_folder(&self, folder: &Path) {
        let link = self.root.join("link");
        std::os::unix::fs::symlink(folder, &link).unwrap();
        fs::rename(link, self.in_use()).unwrap();
    }

    fn database(&self) -> Connection {
        let database = Connection::open(self.in_use().join("history.db")).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        database
    }
}

impl Place for InFolder {
    fn node(&self, options: Options) -> Engine {
        let folder = FileOptions { max_events: 1_000_000, ..FileOptions::at(self.in_use()) };
        Engine::node(File::new(folder).unwrap(), options)
    }

    fn fail(&mut self, chance: &mut Chance) {
        let time = Duration::from_millis(200 + chance.below(400) as u64);
        match self.fault {
            Fault::Locked => {
                let database = self.database();
                database.execute_batch("BEGIN IMMEDIATE").unwrap();
                thread::sleep(Duration::from_secs(2) + time);
                database.execute_batch("ROLLBACK").unwrap();
            }
            Fault::Removed => {
                thread::sleep(time);
                let (old, new) = (self.in_use().canonicalize().unwrap(), self.fresh_folder());
                self.use_folder(&new);
                fs::remove_dir_all(old).unwrap();
            }
            Fault::Away => {
                let (folder, file) = (self.in_use().canonicalize().unwrap(), self.root.join("file"));
                fs::write(&file, "").unwrap();
                self.use_folder(&file);
                thread::sleep(time);
                self.use_folder(&folder);
            }
            Fault::Restored => {
                let copy = self.fresh_folder();
                let into = copy.join("history.db");
                self.database().execute("VACUUM INTO ?", [into.to_str().unwrap()]).unwrap();
                thread::sleep(time);
                self.use_folder(&copy);
            }
        }
    }
}

impl Drop for InFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn survive(fault: Fault, deliver: bool) {
    cuts::survive(&format!("{fault:?}"), deliver, || InFolder::new(fault));
}

#[test]
fn folder_locked_while_nodes_deliver() {
    survive(Fault::Locked, true);
}

#[test]
fn folder_locked_while_nodes_wait() {
    survive(Fault::Locked, false);
}

#[test]
fn folder_removed_while_nodes_deliver() {
    survive(Fault::Removed, true);
}

#[test]
fn folder_removed_while_nodes_wait() {
    survive(Fault::Removed, false);
}

#[test]
fn folder_away_while_nodes_deliver() {
    survive(Fault::Away, true);
}

#[test]
fn folder_away_while_nodes_wait() {
    survive(Fault::Away, false);
}

#[test]
fn folder_restored_from_a_copy_while_nodes_deliver() {
    survive(Fault::Restored, true);
}

#[test]
fn folder_restored_from_a_copy_while_nodes_wait() {
    survive(Fault::Restored, false);
}
