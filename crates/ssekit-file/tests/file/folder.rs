//! A folder of a test's own, which ends with it.

use std::path::{Path, PathBuf};

use ssekit_core::backplane::NodeId;
use ssekit_file::{File, FileOptions};

pub(crate) struct TestFolder(PathBuf);

impl TestFolder {
    /// A folder that is not there yet.
    pub(crate) fn new() -> Self {
        Self(std::env::temp_dir().join(format!("ssekit-file-{}", NodeId::random())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn options(&self) -> FileOptions {
        FileOptions::at(&self.0)
    }

    pub(crate) fn open(&self) -> File {
        File::new(self.options()).unwrap()
    }

    pub(crate) fn remove(&self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
