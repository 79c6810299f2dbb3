//! A folder keeps the contract of a backplane.

use ssekit_core::backplane::{Address, Backplane as _, Ends, NodeId, Recall, Topic, Whose};
use ssekit_file::{Durability, File, FileOptions};
use ssekit_testing::contract::{World, all_after, batch, fresh, knowing, read_all, texts};

use crate::folder::TestFolder;

struct InFolder(TestFolder, FileOptions);

impl World for InFolder {
    type Node = File;

    fn keeping(events: u64) -> Self {
        let folder = TestFolder::new();
        let options = FileOptions { max_events: events, ..folder.options() };
        Self(folder, options)
    }

    fn node(&self) -> File {
        File::new(self.1.clone()).unwrap()
    }

    fn lose(&self) {
        self.0.remove();
    }
}

/// The same, and the disk has it before anybody else.
struct OnDisk(InFolder);

impl World for OnDisk {
    type Node = File;

    fn keeping(events: u64) -> Self {
        let InFolder(folder, options) = InFolder::keeping(events);
        Self(InFolder(folder, FileOptions { durability: Durability::Always, ..options }))
    }

    fn node(&self) -> File {
        self.0.node()
    }

    fn lose(&self) {
        self.0.lose();
    }
}

mod in_folder {
    ssekit_testing::contract!(super::InFolder);
}

mod returns {
    ssekit_testing::returns!(super::InFolder);
}

mod on_disk {
    ssekit_testing::contract!(super::OnDisk);
}

#[tokio::test]
async fn nothing_is_read_from_another_history() {
    let (folder, id) = (TestFolder::new(), NodeId::random());
    let (mut reader, mut writer) = (folder.open(), folder.open());
    let joined = fresh(&mut reader).await;
    folder.remove();
    // The number that the reader waits for means something else now.
    let anew = fresh(&mut writer).await;
    writer.append(anew.epoch, &batch(id, Topic::Events, 1, &["x"])).await.unwrap();
    assert!(all_after(&mut reader, joined.ends).await.unwrap_err().is_other_history());
    fresh(&mut reader).await;
    assert_eq!(read_all(&mut reader, anew.ends, 1).await.len(), 1);
}

#[tokio::test]
async fn copy_of_the_database_is_another_history() {
    let (folder, copy, id) = (TestFolder::new(), TestFolder::new(), NodeId::random());
    let mut file = folder.open();
    let joined = fresh(&mut file).await;
    file.append(joined.epoch, &batch(id, Topic::Events, 1, &["x"])).await.unwrap();
    std::fs::create_dir(copy.path()).unwrap();
    let database = rusqlite::Connection::open(folder.path().join("history.db")).unwrap();
    let into = copy.path().join("history.db");
    database.execute("VACUUM INTO ?", [into.to_str().unwrap()]).unwrap();
    let mut file = copy.open();
    let again = fresh(&mut file).await;
    // Clients may have seen later events than the copy has, under the old epoch.
    assert_ne!(again.epoch, joined.epoch);
    assert_eq!(again.ends.events, joined.ends.events + 1);
    assert_eq!(fresh(&mut copy.open()).await.epoch, again.epoch);
    assert_eq!(read_all(&mut file, joined.ends, 1).await.len(), 1);
}

/// Until somebody joins the copy, it says that it is the same history.
#[tokio::test]
async fn nobody_goes_on_in_a_copy_that_takes_the_place_of_the_database() {
    let (folder, id) = (TestFolder::new(), NodeId::random());
    let (database, copy) = (folder.path().join("history.db"), folder.path().join("copy.db"));
    let mut reader = folder.open();
    let (mut writer, mut librarian) = (reader.clone(), reader.clone());
    let joined = fresh(&mut reader).await;
    writer.append(joined.epoch, &batch(id, Topic::Events, 1, &["in both"])).await.unwrap();
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute("VACUUM INTO ?", [copy.to_str().unwrap()]).unwrap();
    writer.append(joined.epoch, &batch(id, Topic::Events, 2, &["in one"])).await.unwrap();
    let seen = read_all(&mut reader, joined.ends, 2).await;
    let all = Recall {
        whose: Whose::Addresses(vec![Address::everybody()]),
        after: joined.ends.events,
        upto: joined.ends.events + 2,
        most: 10,
        newest: false,
    };
    assert_eq!(librarian.recall(joined.epoch, &all).await.unwrap().records.len(), 2);
    for ending in ["", "-wal", "-shm"] {
        std::fs::remove_file(folder.path().join(format!("history.db{ending}"))).unwrap();
    }
    std::fs::rename(&copy, &database).unwrap();
    let ends = Ends { events: joined.ends.events + 2, ..joined.ends };
    assert!(all_after(&mut reader, ends).await.unwrap_err().is_other_history());
    let later = batch(id, Topic::Events, 3, &["later"]);
    assert!(writer.append(joined.epoch, &later).await.unwrap_err().is_other_history());
    assert!(librarian.recall(joined.epoch, &all).await.unwrap_err().is_other_history());
    let known = knowing(&joined, ends, seen.last().map(|record| record.origin.clone()));
    let again = reader.join(&known).await.unwrap();
    assert_ne!(again.epoch, joined.epoch);
    writer.append(again.epoch, &later).await.unwrap();
    assert_eq!(texts(&read_all(&mut reader, again.ends, 1).await, Topic::Events)[0].1, "later");
}

/// A record in a file that has been replaced meanwhile is in no history: it has to be appended again.
#[tokio::test]
async fn append_to_a_database_that_is_replaced_meanwhile_is_not_done() {
    let (folder, id) = (TestFolder::new(), NodeId::random());
    let mut writer = folder.open();
    let mut reader = writer.clone();
    let joined = fresh(&mut reader).await;
    let lock = rusqlite::Connection::open(folder.path().join("history.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let event = batch(id, Topic::Events, 1, &["x"]);
    let (epoch, first) = (joined.epoch, event.clone());
    let appending = tokio::spawn(async move { (writer.append(epoch, &first).await, writer) });
    // By then, it usually waits for the lock. If not, the result is the same.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    folder.remove();
    lock.execute_batch("ROLLBACK").unwrap();
    let (appended, mut writer) = appending.await.unwrap();
    assert!(appended.unwrap_err().is_other_history());
    let again = reader.join(&knowing(&joined, joined.ends, None)).await.unwrap();
    writer.append(again.epoch, &event).await.unwrap();
    assert_eq!(read_all(&mut reader, again.ends, 1).await.len(), 1);
}

#[tokio::test]
async fn members_records_wait_for_large_events() {
    let (folder, id) = (TestFolder::new(), NodeId::random());
    let mut file = folder.open();
    let joined = fresh(&mut file).await;
    let large = "x".repeat(1 << 20);
    for first in 1..=40 {
        file.append(joined.epoch, &batch(id, Topic::Events, first, &[&large])).await.unwrap();
    }
    file.append(joined.epoch, &batch(id, Topic::Members, 1, &["m"])).await.unwrap();
    let (mut ends, mut reads) = (joined.ends, Vec::new());
    while ends.events < joined.ends.events + 40 {
        let records = all_after(&mut file, ends).await.unwrap().records;
        ends.events += texts(&records, Topic::Events).len() as u64;
        reads.push(texts(&records, Topic::Members).len());
    }
    // It proves that all events before it have been read.
    assert!(reads.len() > 2, "one read is bounded");
    assert_eq!(reads.pop(), Some(1));
    assert!(reads.iter().all(|members| *members == 0), "{reads:?}");
}
