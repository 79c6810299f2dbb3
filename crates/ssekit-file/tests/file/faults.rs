//! System calls that fail, one after the other: strace makes the kernel's answer an error.

use std::path::{Path, PathBuf};
use std::process::Command;

use ssekit_core::backplane::{Backplane as _, Batch, Channel, Failure, Known, NodeId};
use ssekit_file::{Durability, File, FileOptions};
use ssekit_testing::contract::{fresh, outgoing, read_all, texts};

use crate::child::{Process, say, told_folder};
use crate::folder::TestFolder;

const TEST: &str = "faults::failed_system_call_takes_nothing_and_repeats_nothing";

/// The calls by which SQLite and this crate change files, and the errors that a disk has for them.
const FAULTS: [(&str, &str); 4] = [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("ftruncate", "EIO"), ("fsync", "EIO")];

const BATCHES: u64 = 4;
const PER_BATCH: u64 = 2;

/// A call may fail a few times: the error of one may be found by the next.
const MOST_TRIES: usize = 4;

/// Appends as a node does, which repeats what has failed. Says each failure.
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
        let batch = Batch { node, channel: Channel::Events, first, records };
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
    }
    // Its checkpoint may fail: everything is in the log.
    let _ = file.close().await.map_err(|failure| say(&failure.to_string()));
    Ok(())
}

async fn join(file: &mut File, known: &Known) -> Result<ssekit_core::backplane::Joined, Failure> {
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

/// Runs the child with the `nth` call failing. Returns what it said, and whether a call did fail.
fn run(folder: &Path, (call, error): (&str, &str), nth: usize, trace: &Path) -> (Vec<String>, bool) {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(trace);
    strace.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:error={error}:when={nth}")]);
    strace.arg(std::env::current_exe().unwrap());
    let mut process = Process::of(strace, TEST, folder);
    let said = std::iter::from_fn(|| process.next()).collect();
    let failed = std::fs::read_to_string(trace).unwrap_or_else(|error| panic!("strace does not run: {error}"));
    (said, failed.contains("(INJECTED)"))
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
            let trace: PathBuf = folder.path().with_extension("trace");
            let (said, failed) = run(folder.path(), fault, nth, &trace);
            let _ = std::fs::remove_file(&trace);
            let context = format!("{fault:?}, call {nth}: {said:?}");
            let (end, told) = said.split_last().unwrap_or_else(|| panic!("{context}"));
            assert_eq!(end, "done", "{context}");
            for failure in told {
                assert!(failure.contains("/history.db: ") || failure.contains(": the "), "{context}");
            }
            assert!(is_whole(&folder), "{context}");
            if !failed {
                break;
            }
            failures += 1;
        }
        assert!(failures > 0, "{fault:?}: no call failed");
        println!("{fault:?}: {failures} calls");
    }
}

/// Everything is there, once, and in order.
fn is_whole(folder: &TestFolder) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut file = folder.open();
        let joined = fresh(&mut file).await;
        let from = ssekit_core::backplane::Ends { events: joined.forgotten, members: joined.ends.members };
        let read = read_all(&mut file, from, (BATCHES * PER_BATCH) as usize).await;
        let numbers =
            texts(&read, Channel::Events).into_iter().map(|(_, text)| text.split(' ').next().map(str::to_owned));
        numbers.eq((1..=BATCHES * PER_BATCH).map(|number| Some(number.to_string())))
    })
}
