//! A process is killed while it appends: what it knew to be in the history is there.

use std::path::Path;
use std::time::Duration;

use ssekit_core::backplane::{Backplane as _, Batch, Ends, Joined, Known, LogOut, NodeId, Number, Outgoing, Topic};
use ssekit_file::{File, FileOptions};
use ssekit_testing::chance::{self, Chance};
use ssekit_testing::contract::{outgoing, read_all, texts};

use crate::child::{Process, say, told_folder};
use crate::folder::TestFolder;

const KILLS: usize = 50;

/// The time of her log-out says by which event she was logged out.
fn log_out(joined: &Joined, number: Number) -> LogOut {
    LogOut { user: "ada".into(), at: joined.log_outs.since + Duration::from_micros(number) }
}

/// Appends numbers until it is killed, and says how far it has come.
async fn append_for_ever(folder: &Path) {
    let mut file = File::new(FileOptions { max_events: 10_000_000, ..FileOptions::at(folder) }).unwrap();
    let joined = file.join(&Known::default()).await.unwrap();
    let (node, mut chance, mut first) = (NodeId::random(), Chance::of(joined.ends.events), 1);
    loop {
        let count = 1 + chance.below(20) as u64;
        // The history has nothing but these events, so an event's number says what is in it.
        let text = |at: u64| format!("{} {}", joined.ends.events + at, "x".repeat(at as usize % 700));
        let record = |at| Outgoing { log_outs: vec![log_out(&joined, joined.ends.events + at)], ..outgoing(text(at)) };
        let records = (first..first + count).map(record).collect();
        let end = file.append(joined.epoch, &Batch { node, topic: Topic::Events, first, records }).await.unwrap();
        assert_eq!(end, joined.ends.events + first + count - 1);
        say(&end.to_string());
        first += count;
    }
}

#[tokio::test]
async fn killed_process_loses_nothing_that_it_appended() {
    if let Some(folder) = told_folder() {
        return append_for_ever(&folder).await;
    }
    let seed = chance::seed();
    println!("to repeat its choices: SSEKIT_SEED={seed}");
    let (folder, mut chance) = (TestFolder::new(), Chance::of(seed));
    let mut file = File::new(FileOptions { max_events: 10_000_000, ..folder.options() }).unwrap();
    let first: Joined = file.join(&Known::default()).await.unwrap();
    let (mut ends, mut last) = (first.ends, None);
    for kill in 0..KILLS {
        let mut process = Process::start("kill::killed_process_loses_nothing_that_it_appended", folder.path());
        for _ in 0..=chance.below(30) {
            process.next().unwrap();
        }
        // It goes on meanwhile, so it is killed at any point of its next calls.
        std::thread::sleep(std::time::Duration::from_micros(chance.below(3_000) as u64));
        process.kill();
        let told: u64 = std::iter::from_fn(|| process.next()).last().map_or(0, |said| said.parse().unwrap());
        let known = Known { epoch: Some(first.epoch), ends, last: last.clone() };
        let joined = file.join(&known).await.unwrap();
        assert_eq!(joined.epoch, first.epoch, "kill {kill}");
        assert!(joined.ends.events >= told, "kill {kill}: {told} was told, {} are there", joined.ends.events);
        assert_eq!(joined.log_outs.last, [log_out(&first, joined.ends.events)], "kill {kill}");
        let read = read_all(&mut file, ends, (joined.ends.events - ends.events) as usize).await;
        for (expected, (number, text)) in (ends.events + 1..).zip(texts(&read, Topic::Events)) {
            assert_eq!((number, text.split(' ').next()), (expected, Some(expected.to_string().as_str())));
        }
        last = read.last().map(|record| record.origin.clone()).or(last);
        ends = Ends { events: joined.ends.events, ..ends };
    }
    println!("{} events survived {KILLS} kills", ends.events);
}
