//! Nodes in one folder that are killed while another process holds the lock now and then.
#![cfg(test)]

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use ssekit_core::backplane::NodeId;
use ssekit_testing::chaos;

struct TestFolder(PathBuf);

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Nobody can append for a moment.
fn hold_the_lock(folder: &Path) {
    let database = Connection::open(folder.join("history.db")).unwrap();
    database.busy_timeout(ssekit_testing::PATIENCE).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    database.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn killed_processes_cause_no_silent_loss() {
    let place = || {
        let folder = std::env::temp_dir().join(format!("ssekit-file-{}", NodeId::random()));
        (folder.to_str().unwrap().to_owned(), TestFolder(folder))
    };
    chaos::survive("killed_processes_cause_no_silent_loss", place, |folder| hold_the_lock(&folder.0));
}
