use std::fs;
use std::time::Duration;

use super::*;

/// The numbers that are there, from the first to the last.
fn kept(database: &mut Database) -> Vec<Number> {
    let forgotten = first(database).unwrap().forgotten;
    let numbers: Vec<Number> = all(database, 0).unwrap().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers.first().map(|first| first - 1), Some(forgotten), "it says exactly what it has forgotten");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    numbers
}

fn texts(count: usize, bytes: usize) -> Vec<String> {
    vec!["x".repeat(bytes); count]
}

#[test]
fn old_events_are_forgotten_by_the_next_append() {
    let mut world = World::new();
    world.options.max_age = Duration::from_secs(10);
    let mut database = world.open("b").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    for second in 0..30 {
        world.append(&mut database, epoch, second * 1_000, &texts(2, 10)).unwrap();
        let oldest = second.saturating_sub(10).max(0) as u64;
        assert_eq!(kept(&mut database), (oldest * 2 + 1..=second as u64 * 2 + 2).collect::<Vec<_>>());
    }
}

#[test]
fn members_records_age_the_events_too() {
    let mut world = World::new();
    world.options.max_age = Duration::from_secs(10);
    let mut database = world.open("b").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    world.append(&mut database, epoch, 0, &texts(5, 10)).unwrap();
    let alive = Outgoing::new(Address::everybody(), Bytes::from("alive"));
    let (node, topic) = (world.node, Topic::Members);
    let batch = Batch { node, topic, first: 1, records: vec![alive] };
    append(&mut database, &world.options, epoch, &batch, Clock::at(10_001)).unwrap();
    let joined = first(&mut database).unwrap();
    assert_eq!((joined.forgotten, joined.ends.events), (5, 5), "all are gone, and their numbers stay used");
    assert_eq!(world.append(&mut database, epoch, 10_002, &texts(1, 1)).unwrap(), 6);
}

#[test]
fn events_beyond_the_number_are_forgotten() {
    let mut world = World::new();
    world.options.max_events = 100;
    let mut database = world.open("b").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    for round in 1..=10 {
        world.append(&mut database, epoch, 0, &texts(30, 10)).unwrap();
        let end = round * 30;
        assert_eq!(kept(&mut database), (u64::saturating_sub(end, 100) + 1..=end).collect::<Vec<_>>());
    }
}

#[test]
fn events_beyond_the_bytes_are_forgotten_but_not_the_newest() {
    let mut world = World::new();
    world.options.max_bytes = 10_000;
    let mut database = world.open("b").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    world.append(&mut database, epoch, 0, &texts(15, 1_000)).unwrap();
    assert_eq!(kept(&mut database).len(), 15, "nobody can have read them");
    world.append(&mut database, epoch, 0, &texts(1, 1_000)).unwrap();
    assert_eq!(kept(&mut database), (7..=16).collect::<Vec<_>>());
    world.append(&mut database, epoch, 0, &texts(1, 50_000)).unwrap();
    assert_eq!(kept(&mut database), [17]);
}

#[test]
fn one_append_forgets_only_so_many() {
    let mut world = World::new();
    let mut database = world.open("b").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    for _ in 0..5 {
        world.append(&mut database, epoch, 0, &texts(200, 1)).unwrap();
    }
    world.options.max_events = 100;
    let mut sizes = Vec::new();
    while sizes.last() != Some(&100) {
        world.append(&mut database, epoch, 0, &texts(1, 1)).unwrap();
        sizes.push(kept(&mut database).len());
    }
    assert_eq!(sizes, [743, 486, 229, 100]);
}

#[test]
fn files_do_not_grow_for_ever() {
    let mut world = World::new();
    world.options.max_bytes = 1 << 20;
    let mut database = world.open("b").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    let dir = world.folder.dir().to_owned();
    let size = || {
        let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
        files.sum::<u64>()
    };
    let mut sizes = Vec::new();
    for round in 0..20 {
        // Each process that uses the folder is short-lived.
        database = world.open("b").unwrap();
        for _ in 0..20 {
            // Of different lengths, so that free pages do not simply fit.
            world.append(&mut database, epoch, 0, &texts(10, 5_000 + round * 700)).unwrap();
        }
        sizes.push(size());
    }
    assert!(sizes.iter().all(|size| *size < 16 << 20), "{sizes:?}");
    // Much at once, and then little: the space is given back.
    world.options.max_bytes = 1 << 30;
    world.append(&mut database, epoch, 0, &texts(256, 200_000)).unwrap();
    let large = fs::metadata(world.folder.database()).unwrap().len();
    assert!(large > 40 << 20, "{large}");
    world.options.max_bytes = 1 << 20;
    for _ in 0..100 {
        world.append(&mut database, epoch, 0, &texts(10, 1_000)).unwrap();
    }
    database.sync().unwrap();
    assert!(size() < 16 << 20, "{}", size());
}

#[test]
fn full_disk_is_told_and_the_same_batch_fits_later() {
    let mut world = World::new();
    let mut database = world.open("b").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    let pages = |database: &Database, most: u32| {
        let set = format!("PRAGMA max_page_count = {most}");
        database.connection.query_row(&set, [], |row| row.get::<_, u32>(0)).unwrap()
    };
    pages(&database, 20);
    let mut appended = 0;
    let trouble = loop {
        match world.append(&mut database, epoch, 0, &texts(3, 2_000)) {
            Ok(_) => appended += 3,
            Err(trouble) => break trouble,
        }
    };
    let told = failure::of(trouble, &world.folder).to_string();
    assert_eq!(told, format!("{}: no space is left on the disk", world.folder.database().display()));
    assert_eq!(kept(&mut database), (1..=appended).collect::<Vec<_>>(), "the batch is there as a whole, or not at all");
    pages(&database, 1_000);
    assert_eq!(world.append(&mut database, epoch, 0, &texts(3, 2_000)).unwrap(), appended + 3);
}
