//! A folder keeps the contract of a backplane.

use ssekit_file::{Durability, File, FileOptions};
use ssekit_testing::contract::World;

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

mod on_disk {
    ssekit_testing::contract!(super::OnDisk);
}
