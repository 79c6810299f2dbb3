//! System calls that fail, or that a process does not survive, one after the other: strace sees to that.

use std::path::Path;
use std::process::Command;

use ssekit_core::backplane::{Backplane as _, Batch, Ends, Failure, Joined, Known, NodeId, Topic};
use ssekit_file::{Durability, File, FileOptions};
use ssekit_testing::contract::{fresh, outgoing, read_all, texts};

use crate::child::{Process, say, told_folder};
use crate::folder::TestFolder;

const TEST: &str = "faults::failed_system_call_takes_nothing_and_repeats_nothing";

/// The calls by which SQLite and this crate change files, and the errors that a disk has for them.
const FAULTS: [(&str, &str); 4] =
    [("pwrite64", "error=ENOSPC"), ("pwrite64", "error=EIO"), ("ftruncate", "error=EIO"), ("fsync", "error=EIO")];

/// A process is killed as it enters one of these calls.
const KILLS: [(&str, &str); 3] = [("pwrite64", "signal=KILL"), ("ftruncate", "signal=KILL"), ("fsync", "signal=KILL")];

const BATCHES: u64 = 4;
const PER_BATCH: u64 = 2;

/// A call may fail a few times: the error of one may be found by the next.
const MOST_TRIES: usize = 4;

/// Before the number of what has been appended.
const APPENDED: &str = "appended ";

/// Appends as a node does, which repeats what has failed. Says each failure, and how far it has come.
async fn append(folder: &Path) -> Result<(), Failure> {
    let options = FileOptions { durability: Durability::Always, ..FileOptions::at(folder) };
    let mut file = File::new(options).map_err(|error| Failure::new(error.to_string()))?;
    let mut known = Known::default();
    let mut joined = join(&mut file, &known).await?;
    let node = NodeId::random();
    for batch in 0..BATCHES {
        let first = batch * PER_BATCH + 1;
        let text = |number| outgoing(format!("{number} {}", "x".repeat(3_000)));
        let records = (first..first + PER_BATCH).map(text).collect();
        let batch = Batch { node, topic: Topic::Events, first, records };
        let mut tries = 0;
        while let Err(failure) = file.append(joined.epoch, &batch).await {
            say(&failure.to_string());
            tries += 1;
            if tries == MOST_TRIES {
                return Err(failure);
            }
            known.epoch = Some(joined.epoch);
            joined = join(&mut file, &known).await?;
        }
        say(&format!("{APPENDED}{}", first + PER_BATCH - 1));
    }
    // Its checkpoint may fail: everything is in the log.
    let _ = file.close().await.map_err(|failure| say(&failure.to_string()));
    Ok(())
}

async fn join(file: &mut File, known: &Known) -> Result<Joined, Failure> {
    let mut tries = 1;
    loop {
        match file.join(known).await {
            Err(failure) if tries < MOST_TRIES => say(&failure.to_string()),
            done => return done,
        }
        tries += 1;
    }
}

/// With one thread for all calls of SQLite, strace counts them together.
fn play(folder: &Path) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.max_blocking_threads(1).enable_all().build().unwrap();
    match runtime.block_on(append(folder)) {
        Ok(()) => say("done"),
        Err(failure) => say(&format!("gave up: {failure}")),
    }
}

/// Runs the child with something happening at the `nth` call. Returns what it said, and whether that did happen.
fn run(folder: &TestFolder, (call, what): (&str, &str), nth: usize) -> (Vec<String>, bool) {
    let trace = folder.path().with_extension("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-o"]).arg(&trace);
    strace.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:{what}:when={nth}")]);
    strace.arg(std::env::current_exe().unwrap());
    let mut process = Process::of(strace, TEST, folder.path());
    let said = std::iter::from_fn(|| process.next()).collect();
    // strace writes its last lines after the child has ended.
    process.wait();
    let traced = std::fs::read_to_string(&trace).unwrap_or_else(|error| panic!("strace does not run: {error}"));
    let _ = std::fs::remove_file(&trace);
    (said, traced.contains("(INJECTED)") || traced.contains("+++ killed by SIGKILL +++"))
}

#[test]
fn failed_system_call_takes_nothing_and_repeats_nothing() {
    if let Some(folder) = told_folder() {
        return play(&folder);
    }
    for fault in FAULTS {
        let mut failures = 0;
        for nth in 1.. {
            let folder = TestFolder::new();
            let (said, failed) = run(&folder, fault, nth);
            let context = format!("{fault:?}, call {nth}: {said:?}");
            let (end, told) = said.split_last().unwrap_or_else(|| panic!("{context}"));
            assert_eq!(end, "done", "{context}");
            for failure in told.iter().filter(|said| !said.starts_with(APPENDED)) {
                assert!(failure.contains("/history.db: ") || failure.contains(": the "), "{context}");
            }
            assert_eq!(numbers_in(&folder), (1..=BATCHES * PER_BATCH).collect::<Vec<_>>(), "{context}");
            if !failed {
                break;
            }
            failures += 1;
        }
        assert!(failures > 0, "{fault:?}: no call failed");
        println!("{fault:?}: {failures} calls");
    }
}

#[test]
fn process_that_is_killed_at_a_system_call_loses_nothing_that_it_knew_to_be_there() {
    for kill in KILLS {
        let mut kills = 0;
        for nth in 1.. {
            let folder = TestFolder::new();
            let (said, killed) = run(&folder, kill, nth);
            let context = format!("{kill:?}, call {nth}: {said:?}");
            let appended = said.iter().rev().find_map(|said| said.strip_prefix(APPENDED));
            let known: u64 = appended.map_or(0, |number| number.parse().unwrap());
            let numbers = numbers_in(&folder);
            let count = numbers.len() as u64;
            // Whole batches, from the first on.
            assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "{context}");
            assert!(count >= known && count.is_multiple_of(PER_BATCH), "{context}: {count}");
            if !killed {
                assert_eq!(said.last().map(String::as_str), Some("done"), "{context}");
                break;
            }
            kills += 1;
        }
        assert!(kills > 0, "{kill:?}: no process was killed");
        println!("{kill:?}: {kills} calls");
    }
}

/// The numbers of the events in the folder, in order.
fn numbers_in(folder: &TestFolder) -> Vec<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut file = folder.open();
        let joined = fresh(&mut file).await;
        let from = Ends { events: joined.forgotten, members: joined.ends.members };
        let read = read_all(&mut file, from, (joined.ends.events - joined.forgotten) as usize).await;
        let texts = texts(&read, Topic::Events);
        texts.iter().map(|(_, text)| text.split(' ').next().unwrap().parse().unwrap()).collect()
    })
}
