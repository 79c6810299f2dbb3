//! Disks that take nothing more.

use std::path::Path;

use ssekit_core::backplane::{Backplane as _, Batch, Known, NodeId, Topic};
use ssekit_file::{File, FileOptions};
use ssekit_testing::contract::{fresh, outgoing, read_all, texts};

use crate::child::{Process, say, told_folder};
use crate::folder::TestFolder;

/// Appends until the disk takes nothing more, says how far it came, and why it ended.
async fn append_until_it_fails(folder: &Path) {
    let mut file = File::new(FileOptions::at(folder)).unwrap();
    let joined = match file.join(&Known::default()).await {
        Ok(joined) => joined,
        Err(failure) => return say(&failure.to_string()),
    };
    let node = NodeId::random();
    for first in 1.. {
        let records = vec![outgoing(format!("{} {}", joined.ends.events + first, "x".repeat(300)))];
        match file.append(joined.epoch, &Batch { node, topic: Topic::Events, first, records }).await {
            Ok(end) => say(&end.to_string()),
            Err(failure) => return say(&failure.to_string()),
        }
    }
}

/// No file may grow beyond a limit, so each write call fails in one of the rounds: of the database, of its log, of a checkpoint.
#[tokio::test]
async fn failed_write_takes_nothing_that_was_appended() {
    if let Some(folder) = told_folder() {
        return append_until_it_fails(&folder).await;
    }
    let folder = TestFolder::new();
    let mut reader = folder.open();
    let joined = fresh(&mut reader).await;
    reader.close().await.unwrap();
    for blocks in (0..40).map(|step| 8 + step * step) {
        // The signal must not end it. The size is in blocks of 512 bytes, or of 1,024 in some shells.
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}");
        let test = "disk::failed_write_takes_nothing_that_was_appended";
        let mut process = Process::start_after(&limit, test, folder.path());
        let said: Vec<String> = std::iter::from_fn(|| process.next()).collect();
        let (why, appended) = said.split_last().unwrap();
        assert!(why.contains("/history.db: the disk cannot be written (SQLite error "), "{blocks} blocks: {why}");
        let told: u64 = appended.last().map_or(0, |end| end.parse().unwrap());
        let again = fresh(&mut reader).await;
        assert_eq!(again.epoch, joined.epoch);
        assert!(again.ends.events >= told, "{blocks} blocks: {told} was told, {} are there", again.ends.events);
        let read = read_all(&mut reader, joined.ends, (again.ends.events - joined.ends.events) as usize).await;
        for (expected, (number, text)) in (joined.ends.events + 1..).zip(texts(&read, Topic::Events)) {
            assert_eq!((number, text.split(' ').next()), (expected, Some(expected.to_string().as_str())));
        }
        // The next one finds an empty log.
        reader.close().await.unwrap();
    }
    assert!(fresh(&mut reader).await.ends.events > 100, "something was appended");
}
