//! Closes the folder with the history. A process that ends without that loses nothing. But if the machine goes down as well, the
//! next start cannot know whether the end of the history survived, and begins a new epoch.

use std::time::Duration;

use napi_derive::napi;
use ssekit_file::File;
use tokio::time::timeout;

use crate::hub::{folder_if_running, runtime_if_running};

/// A disk that takes longer must not hold up the end of the process.
const PATIENCE: Duration = Duration::from_secs(2);

/// Closes the folder, if there is one.
pub(crate) async fn close(folder: Option<File>) {
    let Some(mut folder) = folder else { return };
    // The hub has already reported why the folder cannot be used. A failure here costs at most a new epoch.
    let _ = timeout(PATIENCE, folder.close()).await;
}

/// Closes the folder on this thread. This is for a process that is ending, when the thread has nothing else left to do.
#[napi(catch_unwind)]
pub fn close_folder() {
    let (Some(folder), Some((_, runtime))) = (folder_if_running(), runtime_if_running()) else { return };
    runtime.block_on(close(Some(folder)));
}
