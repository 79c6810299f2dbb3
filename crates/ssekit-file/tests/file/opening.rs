//! Other things in the place of the folder, or of its files.

use std::fs;

use rusqlite::Connection;
use ssekit_core::backplane::{Backplane as _, Batch, Interest, Known, LogOut, NodeId, Outgoing, Topic};
use ssekit_testing::contract::{all_after, batch, fresh, outgoing};

use crate::folder::TestFolder;

async fn refusal(folder: &TestFolder) -> String {
    let failure = folder.open().join(&Known::default()).await.unwrap_err();
    assert!(!failure.is_other_history());
    failure.to_string()
}

/// The message without the path, which it must begin with.
fn without_path<'a>(message: &'a str, folder: &TestFolder) -> &'a str {
    message.strip_prefix(folder.path().to_str().unwrap()).unwrap_or_else(|| panic!("it names the folder: {message}"))
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TestFolder::new();
    let mut file = folder.open();
    let joined = fresh(&mut file).await;
    let topic = ssekit_core::backplane::Topic::Events;
    file.append(joined.epoch, &batch(NodeId::random(), topic, 1, &["x"])).await.unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names, [".gitignore", "history.db", "history.db-shm", "history.db-wal", "lock", "wake"]);
}

#[tokio::test]
async fn only_a_folder_that_it_makes_is_hidden_from_what_watches_files() {
    let folder = TestFolder::new();
    fresh(&mut folder.open()).await;
    assert_eq!(fs::read_to_string(folder.path().join(".gitignore")).unwrap(), "*\n");

    let of_the_application = TestFolder::new();
    fs::create_dir(of_the_application.path()).unwrap();
    fresh(&mut of_the_application.open()).await;
    assert!(!of_the_application.path().join(".gitignore").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn folder_that_was_there_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TestFolder::new();
    fs::create_dir(folder.path()).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).unwrap();
    fresh(&mut folder.open()).await;
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o750);
}

#[tokio::test]
async fn missing_parents_are_made() {
    let folder = TestFolder::new();
    let deep = folder.path().join("a/b");
    fresh(&mut ssekit_file::File::new(ssekit_file::FileOptions::at(&deep)).unwrap()).await;
    assert!(deep.join("history.db").is_file());
}

#[tokio::test]
async fn database_of_another_application_is_refused() {
    let folder = TestFolder::new();
    fs::create_dir(folder.path()).unwrap();
    let other = Connection::open(folder.path().join("history.db")).unwrap();
    other.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (7)").unwrap();
    let told = "it belongs to another application (0x00000000, and ssekit is 0x7373656b); wants another folder";
    assert_eq!(without_path(&refusal(&folder).await, &folder), format!("/history.db: {told}"));
    other.pragma_update(None, "application_id", 0x1234).unwrap();
    assert!(refusal(&folder).await.contains("another application (0x00001234, and"));
    assert_eq!(other.query_row("SELECT x FROM theirs", [], |row| row.get::<_, i32>(0)).unwrap(), 7, "it is untouched");
}

#[tokio::test]
async fn other_format_is_refused_with_both_versions() {
    let folder = TestFolder::new();
    fresh(&mut folder.open()).await;
    let database = Connection::open(folder.path().join("history.db")).unwrap();
    for format in [0, 3] {
        database.pragma_update(None, "user_version", format).unwrap();
        let told = format!("its format is {format}, and this release of ssekit reads format 2; wants another folder");
        assert_eq!(without_path(&refusal(&folder).await, &folder), format!("/history.db: {told}"));
    }
    database.pragma_update(None, "user_version", 2).unwrap();
    fresh(&mut folder.open()).await;
}

#[tokio::test]
async fn folder_of_an_older_release_goes_on_and_knows_log_outs_from_now_on() {
    let folder = TestFolder::new();
    let mut file = folder.open();
    let (joined, id) = (fresh(&mut file).await, NodeId::random());
    let topic = ssekit_core::backplane::Topic::Events;
    file.append(joined.epoch, &batch(id, topic, 1, &["x"])).await.unwrap();
    file.close().await.unwrap();
    let database = Connection::open(folder.path().join("history.db")).unwrap();
    database.execute_batch("DROP TABLE log_outs; PRAGMA user_version = 1").unwrap();
    let mut file = folder.open();
    let again = fresh(&mut file).await;
    assert_eq!((again.epoch, again.ends.events), (joined.epoch, joined.ends.events + 1));
    assert!(again.log_outs.since > joined.log_outs.since && again.log_outs.last.is_empty());
    assert_eq!(all_after(&mut file, joined.ends).await.unwrap().records.len(), 1);
    assert_eq!(fresh(&mut folder.open()).await.log_outs.since, again.log_outs.since, "it was done once");
}

#[tokio::test]
async fn log_out_that_was_changed_is_never_believed() {
    let folder = TestFolder::new();
    let mut file = folder.open();
    let (joined, id) = (fresh(&mut file).await, NodeId::random());
    let log_out = LogOut { user: "ada".into(), at: joined.log_outs.since };
    let record = Outgoing { log_outs: vec![log_out], ..outgoing("x") };
    let records = vec![record];
    file.append(joined.epoch, &Batch { node: id, topic: Topic::Events, first: 1, records }).await.unwrap();
    let database = Connection::open(folder.path().join("history.db")).unwrap();
    for change in [
        "UPDATE log_outs SET user = 'eve' WHERE user = 'ada'",
        "UPDATE log_outs SET user = 'ada', at = at + 1 WHERE user = 'eve'",
        "UPDATE log_outs SET at = at - 1 WHERE user = 'ada'; UPDATE log_outs SET at = 0 WHERE user = ''",
    ] {
        database.execute_batch(change).unwrap();
        let told = refusal(&folder).await;
        let expected =
            "/history.db: the file is damaged (a log-out is not what was written); move the folder away to begin anew";
        assert_eq!(without_path(&told, &folder), expected, "{change}");
    }
    database.execute_batch("DELETE FROM log_outs").unwrap();
    assert!(refusal(&folder).await.contains("it does not say since when it knows log-outs"));
}

#[tokio::test]
async fn text_in_place_of_the_database_is_refused() {
    let folder = TestFolder::new();
    fs::create_dir(folder.path()).unwrap();
    let text = "no database, but long enough to have the head of one. ".repeat(100);
    fs::write(folder.path().join("history.db"), &text).unwrap();
    let told = "/history.db: the file is not a database; wants an empty folder, or one of ssekit";
    assert_eq!(without_path(&refusal(&folder).await, &folder), told);
    assert_eq!(fs::read_to_string(folder.path().join("history.db")).unwrap(), text, "it is untouched");
}

#[tokio::test]
async fn folder_in_place_of_the_database_is_refused() {
    let folder = TestFolder::new();
    fs::create_dir_all(folder.path().join("history.db")).unwrap();
    let told = "/history.db: a folder has the name of the file";
    assert_eq!(without_path(&refusal(&folder).await, &folder), told);
}

#[tokio::test]
async fn file_in_place_of_the_folder_is_refused() {
    let folder = TestFolder::new();
    fs::write(folder.path(), "x").unwrap();
    let told = ": the folder cannot be made: a file has the name of a folder";
    assert_eq!(without_path(&refusal(&folder).await, &folder), told);
    fs::remove_file(folder.path()).unwrap();
}

#[tokio::test]
async fn refused_folder_can_be_used_once_it_is_in_order() {
    let folder = TestFolder::new();
    fs::create_dir(folder.path()).unwrap();
    fs::write(folder.path().join("history.db"), "nonsense").unwrap();
    let mut file = folder.open();
    file.join(&Known::default()).await.unwrap_err();
    fs::remove_file(folder.path().join("history.db")).unwrap();
    fresh(&mut file).await;
}

#[tokio::test]
async fn record_that_was_changed_is_never_delivered() {
    let folder = TestFolder::new();
    let mut file = folder.open();
    let (joined, id) = (fresh(&mut file).await, NodeId::random());
    let topic = ssekit_core::backplane::Topic::Events;
    file.append(joined.epoch, &batch(id, topic, 1, &["one", "two"])).await.unwrap();
    let database = Connection::open(folder.path().join("history.db")).unwrap();
    for (column, value) in [
        ("payload", "x'74774f'"),
        ("payload", "'text'"),
        ("address", "x'01616461'"),
        ("node", "'0123456789'"),
        ("node", "''"),
        ("count", "7"),
        ("at", "1"),
        ("checksum", "1"),
    ] {
        database.execute(&format!("UPDATE events SET {column} = {value} WHERE number = 2"), []).unwrap();
        let expected =
            "/history.db: the file is damaged (record 2 is not what was written); move the folder away to begin anew";
        // Nobody here may follow the address, and it may be the address that is damaged.
        for interest in [Interest::everything(), Interest::nobody()] {
            let told = file.next(joined.ends, &interest).await.unwrap_err().to_string();
            assert_eq!(without_path(&told, &folder), expected, "{column}");
        }
        database.execute("DELETE FROM events WHERE number = 2", []).unwrap();
        database.execute("UPDATE meta SET events = 1", []).unwrap();
        database.execute("DELETE FROM nodes", []).unwrap();
        file.append(joined.epoch, &batch(id, topic, 2, &["two"])).await.unwrap();
        assert_eq!(all_after(&mut file, joined.ends).await.unwrap().records.len(), 2);
    }
}

#[tokio::test]
async fn lock_that_is_held_is_a_failure_and_no_hang() {
    let folder = TestFolder::new();
    let mut file = folder.open();
    let joined = fresh(&mut file).await;
    let other = Connection::open(folder.path().join("history.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let append = batch(NodeId::random(), ssekit_core::backplane::Topic::Events, 1, &["x"]);
    let told = file.append(joined.epoch, &append).await.unwrap_err().to_string();
    assert_eq!(without_path(&told, &folder), "/history.db: another process holds the lock for too long");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(file.append(joined.epoch, &append).await.unwrap(), joined.ends.events + 1);
}
