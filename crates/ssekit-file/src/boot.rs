//! Detects a lost end of the history. Data that the operating system has, but not yet the disk, survives the end of a
//! process, but not the end of the machine. So a history with such an end names the boot of the machine.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::{Arc, OnceLock};

use ssekit_core::event::position::Epoch;

use crate::folder::{Folder, private};
use crate::trouble::Trouble;

/// The time since the machine started, as far as anybody can name it.
#[derive(Debug, Clone)]
pub(crate) struct Boot {
    pub(crate) name: String,
    /// Keeps a session that is not the machine's.
    _session: Option<Arc<File>>,
}

impl Boot {
    pub(crate) fn current(folder: &Folder) -> Result<Self, Trouble> {
        static OF_MACHINE: OnceLock<Option<String>> = OnceLock::new();
        match OF_MACHINE.get_or_init(of_machine) {
            Some(name) => Ok(Self { name: name.clone(), _session: None }),
            None => Self::of_folder(folder).map_err(|error| Trouble::io("the session cannot be named", error)),
        }
    }

    /// A system that does not name its boots: the time since the folder was last unused stands for the boot. So the end
    /// of all processes counts as a restart of the machine; that costs a reset and is never wrong.
    pub(crate) fn of_folder(folder: &Folder) -> io::Result<Self> {
        let mut file = private(OpenOptions::new().read(true).write(true).create(true)).open(folder.session())?;
        if file.try_lock().is_ok() {
            // Names have one length, so the new one replaces the old one.
            file.write_all(Epoch::random().as_str().as_bytes())?;
            file.unlock()?;
        }
        file.lock_shared()?;
        let mut name = String::new();
        file.rewind()?;
        file.read_to_string(&mut name)?;
        Ok(Self { name, _session: Some(Arc::new(file)) })
    }

    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.into(), _session: None }
    }
}

#[cfg(target_os = "linux")]
fn of_machine() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// By a program, because the call itself is not safe Rust.
#[cfg(target_os = "macos")]
fn of_machine() -> Option<String> {
    let asked = std::process::Command::new("/usr/sbin/sysctl").args(["-n", "kern.bootsessionuuid"]).output().ok()?;
    let name = String::from_utf8(asked.stdout).ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn of_machine() -> Option<String> {
    None
}
