//! Processes wake each other, and those without a socket look by themselves.

use ssekit_core::backplane::{Backplane as _, Ends, NodeId, Topic};
use ssekit_file::{File, FileOptions};
use ssekit_testing::contract::{all_after, batch, fresh, read_all};

use crate::folder::TestFolder;

#[tokio::test]
async fn record_reaches_a_reader_whose_path_is_too_long_for_a_socket() {
    let folder = TestFolder::new();
    let deep = folder.path().join("d".repeat(120));
    let open = || File::new(FileOptions::at(&deep)).unwrap();
    let (mut reader, mut writer) = (open(), open());
    let joined = fresh(&mut reader).await;
    let reading = tokio::spawn(async move { read_all(&mut reader, joined.ends, 1).await });
    writer.append(joined.epoch, &batch(NodeId::random(), Topic::Events, 1, &["x"])).await.unwrap();
    assert_eq!(reading.await.unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(deep.join("wake")).unwrap().count(), 0);
}

#[tokio::test]
async fn every_clone_that_reads_is_woken() {
    let folder = TestFolder::new();
    let (file, mut writer) = (folder.open(), folder.open());
    let joined = fresh(&mut file.clone()).await;
    let read = |mut file: File, ends: Ends| tokio::spawn(async move { read_all(&mut file, ends, 20).await.len() });
    let readers = [(); 4].map(|()| read(file.clone(), joined.ends));
    for first in 1..=20 {
        writer.append(joined.epoch, &batch(NodeId::random(), Topic::Events, first, &["x"])).await.unwrap();
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 20);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn sockets_go_with_their_owners() {
    let folder = TestFolder::new();
    let wake = folder.path().join("wake");
    let (mut file, other) = (folder.open(), folder.open());
    let joined = fresh(&mut file).await;
    fresh(&mut other.clone()).await;
    // The socket of a process that was killed: nobody has it open.
    drop(std::os::unix::net::UnixDatagram::bind(wake.join("0123456789.sock")).unwrap());
    std::fs::write(wake.join("notes.txt"), "not ours").unwrap();
    assert_eq!(std::fs::read_dir(&wake).unwrap().count(), 4);
    drop(other);
    file.append(joined.epoch, &batch(NodeId::random(), Topic::Events, 1, &["x"])).await.unwrap();
    let mut left: Vec<_> = std::fs::read_dir(&wake).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&"notes.txt".into()));
    assert!(wake.join("notes.txt").exists());
    let ends = Ends { events: joined.ends.events, ..joined.ends };
    drop(file.clone());
    assert_eq!(all_after(&mut file, ends).await.unwrap().records.len(), 1);
}
