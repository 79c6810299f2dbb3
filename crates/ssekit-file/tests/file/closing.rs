//! The content of the files after a clean end.

use rusqlite::Connection;
use ssekit_core::backplane::{Backplane as _, NodeId, Topic};
use ssekit_file::{Durability, File, FileOptions};
use ssekit_testing::contract::{batch, fresh};

use crate::folder::TestFolder;

/// The boot since which something may not be on the disk.
fn unsynced_since(folder: &TestFolder) -> Option<String> {
    let database = Connection::open(folder.path().join("history.db")).unwrap();
    database.query_row("SELECT unsynced_since FROM meta", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn clean_end_leaves_nothing_that_can_be_lost() {
    let folder = TestFolder::new();
    let (mut file, mut other, id) = (folder.open(), folder.open(), NodeId::random());
    let joined = fresh(&mut file).await;
    assert!(unsynced_since(&folder).is_some(), "before anything is written");
    file.append(joined.epoch, &batch(id, Topic::Events, 1, &["x"])).await.unwrap();
    file.close().await.unwrap();
    assert_eq!(unsynced_since(&folder), None);
    let log = folder.path().join("history.db-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |metadata| metadata.len()), 0, "all is in the database");
    // Another process goes on, or this one after all.
    assert_eq!(fresh(&mut other).await.epoch, joined.epoch);
    other.close().await.unwrap();
    file.append(joined.epoch, &batch(id, Topic::Events, 2, &["y"])).await.unwrap();
    assert!(unsynced_since(&folder).is_some());
}

#[tokio::test]
async fn synced_history_never_names_a_boot() {
    let folder = TestFolder::new();
    let mut process = folder.open();
    let joined = fresh(&mut process).await;
    assert!(unsynced_since(&folder).is_some());
    drop(process);
    let mut always = File::new(FileOptions { durability: Durability::Always, ..folder.options() }).unwrap();
    assert_eq!(fresh(&mut always).await.epoch, joined.epoch);
    always.append(joined.epoch, &batch(NodeId::random(), Topic::Events, 1, &["x"])).await.unwrap();
    assert_eq!(unsynced_since(&folder), None);
}
