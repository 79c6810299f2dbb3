//! The power is lost: the files are cut, or filled with zeros, at any place, and the machine starts again.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// The files at the moment when the power was lost.
#[derive(Debug, Clone)]
struct Image {
    database: Vec<u8>,
    log: Vec<u8>,
    /// The bytes of the log that were synced before the first event was appended.
    synced: usize,
    epoch: Epoch,
    texts: Vec<String>,
}

/// A history that was copied into the database in part, so that the log has frames of two generations.
fn image(durability: Durability, checkpoint: bool) -> Image {
    let mut world = World::new();
    world.options.durability = durability;
    let mut database = world.open("first").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    let log = world.folder.log();
    let synced = if checkpoint { 0 } else { fs::metadata(&log).unwrap().len() as usize };
    let text = |number: usize| format!("{number} {}", "x".repeat(number * 37 % 6_000));
    let texts: Vec<String> = (1..=120).map(text).collect();
    for (round, some) in texts.chunks(4).enumerate() {
        if checkpoint && round == 20 {
            let copied = "PRAGMA wal_checkpoint(PASSIVE)";
            database.connection.query_row(copied, [], |_| Ok(())).unwrap();
        }
        world.append(&mut database, epoch, 0, some).unwrap();
    }
    let (database, log) = (fs::read(world.folder.database()).unwrap(), fs::read(log).unwrap());
    Image { database, log, synced, epoch, texts }
}

/// The same for all tests.
fn unsynced_image(checkpoint: bool) -> Image {
    static IMAGES: [LazyLock<Image>; 2] =
        [LazyLock::new(|| image(Durability::Process, false)), LazyLock::new(|| image(Durability::Process, true))];
    Image::clone(&IMAGES[usize::from(checkpoint)])
}

impl Image {
    /// Starts with these files in another boot.
    fn start(&self, durability: Durability) -> Result<(Joined, Vec<(Number, String)>), String> {
        let mut world = World::new();
        world.options.durability = durability;
        fs::create_dir(world.folder.dir()).unwrap();
        fs::write(world.folder.database(), &self.database).unwrap();
        fs::write(world.folder.log(), &self.log).unwrap();
        let mut start = || {
            let mut database = world.open("second")?;
            let joined = first(&mut database)?;
            let found = all(&mut database, 0)?;
            let next = world.append(&mut database, joined.epoch, 0, &["next".into()])?;
            assert_eq!(next, joined.ends.events + 1);
            assert_eq!(all(&mut database, joined.ends.events)?, [(next, "next".into())]);
            Ok((joined, found))
        };
        start().map_err(|trouble: Trouble| failure::of(trouble, &world.folder).to_string())
    }

    /// A prefix of the events is there, in a new epoch; or the operator learns about the fault.
    fn starts_with_a_prefix(&self) -> Option<usize> {
        match self.start(Durability::Process) {
            Ok((joined, found)) => {
                // Before the first event, nobody can have seen anything.
                assert!(joined.epoch != self.epoch || (self.log.len() < self.synced && found.is_empty()));
                assert_eq!(joined.ends.events, found.len() as Number);
                assert!(found.iter().zip(1..).all(|((number, _), expected)| *number == expected));
                assert!(found.iter().map(|(_, text)| text).eq(&self.texts[..found.len()]));
                Some(found.len())
            }
            Err(told) => {
                assert!(told.contains("damaged") || told.contains("not a database"), "{told}");
                None
            }
        }
    }

    /// Each record that is found is where it was written.
    fn starts_with_nothing_wrong(&self) {
        let Ok((joined, found)) = self.start(Durability::Process) else { return };
        assert_ne!(joined.epoch, self.epoch);
        assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order");
        assert!(found.iter().all(|(number, text)| self.texts[*number as usize - 1] == *text));
    }
}

/// See `sqlite.org/walformat.html`: a head, and frames of a head and a page each.
const LOG_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
const PAGE: usize = 4_096;

#[test]
fn whole_files_are_a_whole_history_in_a_new_epoch() {
    for checkpoint in [false, true] {
        assert_eq!(unsynced_image(checkpoint).starts_with_a_prefix(), Some(120));
    }
}

#[test]
fn log_that_is_cut_anywhere_leaves_a_prefix() {
    for checkpoint in [false, true] {
        let image = unsynced_image(checkpoint);
        let mut lengths = Vec::new();
        for frame in 0..(image.log.len() - LOG_HEAD) / (FRAME_HEAD + PAGE) {
            let start = LOG_HEAD + frame * (FRAME_HEAD + PAGE);
            // At a boundary, in the head, behind the head, and in the page.
            for cut in [start, start + 7, start + FRAME_HEAD, start + FRAME_HEAD + PAGE / 2] {
                let log = image.log[..cut].to_vec();
                lengths.extend(Image { log, ..image.clone() }.starts_with_a_prefix());
            }
        }
        for cut in [0, 1, 16, 31] {
            let log = image.log[..cut].to_vec();
            lengths.extend(Image { log, ..image.clone() }.starts_with_a_prefix());
        }
        lengths.sort_unstable();
        lengths.dedup();
        assert!(lengths.len() >= 10, "different prefixes: {lengths:?}");
    }
}

#[test]
fn synced_history_goes_on_in_its_epoch() {
    let image = image(Durability::Always, false);
    // The following records were about to be written when the power was lost.
    let frame = LOG_HEAD..LOG_HEAD + FRAME_HEAD + PAGE;
    for unsynced in [&[][..], &[0; 5_000], &image.log[frame.clone()], &image.log[frame.start..frame.end - 100]] {
        let log = [&image.log, unsynced].concat();
        let (joined, found) = Image { log, ..image.clone() }.start(Durability::Always).unwrap();
        assert_eq!(joined.epoch, image.epoch);
        assert!(found.into_iter().map(|(_, text)| text).eq(image.texts.clone()));
    }
}

#[test]
fn restart_within_one_boot_keeps_the_epoch() {
    let mut world = World::new();
    let mut database = world.open("first").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    world.append(&mut database, epoch, 0, &["x".into()]).unwrap();
    drop(database);
    assert_eq!(first(&mut world.open("first").unwrap()).unwrap().epoch, epoch);
    let later = first(&mut world.open("second").unwrap()).unwrap();
    assert_ne!(later.epoch, epoch);
    assert_eq!((later.ends.events, later.forgotten), (1, 0), "what is left is read again");
    assert_eq!(first(&mut world.open("second").unwrap()).unwrap().epoch, later.epoch);
}

/// The newest log-outs may be among what was lost.
#[test]
fn new_epoch_keeps_log_outs_but_does_not_call_them_complete() {
    let world = World::new();
    let mut database = world.open("first").unwrap();
    let before = first(&mut database).unwrap();
    let ada = LogOut { user: "ada".into(), at: before.log_outs.since };
    let record = Outgoing { log_outs: vec![ada.clone()], ..Outgoing::new(Address::everybody(), "x".into()) };
    let batch = Batch { node: world.node, topic: Topic::Events, first: 1, records: vec![record] };
    append(&mut database, &world.options, before.epoch, &batch, Clock::now()).unwrap();
    drop(database);
    let same = first(&mut world.open("first").unwrap()).unwrap().log_outs;
    assert_eq!((same.since, same.last), (before.log_outs.since, vec![ada.clone()]));
    let after = first(&mut world.open("second").unwrap()).unwrap();
    assert_ne!(after.epoch, before.epoch);
    assert!(after.log_outs.since > before.log_outs.since);
    assert_eq!(after.log_outs.last, [ada]);
}

#[test]
fn clean_end_keeps_the_epoch_over_a_restart_of_the_machine() {
    let mut world = World::new();
    let mut database = world.open("first").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    world.append(&mut database, epoch, 0, &["x".into()]).unwrap();
    database.sync().unwrap();
    assert_eq!(first(&mut world.open("second").unwrap()).unwrap().epoch, epoch);
}

#[test]
fn disk_knows_of_the_boot_before_anything_can_be_lost() {
    // The power is lost right after a process goes on in a folder that another one has closed. The disk has only the
    // synced part: everything up to the last commit of the note.
    let mut world = World::new();
    let mut database = world.open("first").unwrap();
    let epoch = first(&mut database).unwrap().epoch;
    world.append(&mut database, epoch, 0, &["1".into()]).unwrap();
    database.sync().unwrap();
    let log = world.folder.log();
    let before = fs::read(world.folder.database()).unwrap();
    world.append(&mut database, epoch, 0, &["2".into()]).unwrap();
    // The note is a transaction of its own, and so the first of the log.
    let written = fs::read(log).unwrap();
    let of_note = LOG_HEAD + FRAME_HEAD + PAGE;
    assert!(written.len() > of_note);
    let image = Image {
        database: before,
        log: written[..of_note].to_vec(),
        synced: 0,
        epoch,
        texts: vec!["1".into(), "2".into()],
    };
    assert_eq!(image.starts_with_a_prefix(), Some(1));
}

#[test]
fn folder_without_names_of_boots_counts_its_sessions() {
    let world = World::new();
    drop(world.open("first").unwrap());
    let session = || Boot::of_folder(&world.folder).unwrap();
    let (one, other) = (session(), session());
    assert_eq!(one.name, other.name, "both use it at once");
    drop(one);
    let third = session();
    assert_eq!(third.name, other.name, "somebody always used it");
    let last = third.name.clone();
    drop((other, third));
    assert_ne!(session().name, last);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_cut_of_the_log_leaves_a_prefix(cut in any::<prop::sample::Index>(), checkpoint: bool) {
        let image = unsynced_image(checkpoint);
        let log = image.log[..cut.index(image.log.len() + 1)].to_vec();
        Image { log, ..image }.starts_with_a_prefix();
    }

    #[test]
    fn sectors_of_zeros_in_the_log_leave_a_prefix(sector in any::<prop::sample::Index>(), checkpoint: bool) {
        let mut image = unsynced_image(checkpoint);
        let start = image.synced + sector.index((image.log.len() - image.synced) / 512) * 512;
        image.log[start..start + 512].fill(0);
        image.starts_with_a_prefix();
    }

    #[test]
    fn database_that_is_cut_gives_no_wrong_event(cut in any::<prop::sample::Index>(), log: bool) {
        let mut image = unsynced_image(true);
        image.database.truncate(cut.index(image.database.len() + 1));
        if !log {
            image.log.clear();
        }
        image.starts_with_nothing_wrong();
    }

    #[test]
    fn sectors_of_zeros_in_the_database_give_no_wrong_event(sector in any::<prop::sample::Index>(), log: bool) {
        let mut image = unsynced_image(true);
        let start = sector.index(image.database.len() / 512) * 512;
        image.database[start..start + 512].fill(0);
        if !log {
            image.log.clear();
        }
        image.starts_with_nothing_wrong();
    }
}
