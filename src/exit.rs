//! The end of the process: what was sent goes to the backplane, and the folder with the history is closed.

use std::time::Duration;

use napi_derive::napi;
use tokio::time::timeout;

use crate::backplane::close;
use crate::hub::{folder_if_running, runtime_if_running};

/// A backplane that cannot be used must not hold up the end of the process.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits on this thread until everything that was sent is in the backplane, and closes the folder. This is for a process that is
/// ending, when the thread has nothing else left to do.
#[napi(catch_unwind)]
pub fn before_exit() {
    let Some((hub, runtime)) = runtime_if_running() else { return };
    // After a fork, the threads that would send are those of another process.
    if hub.check_process().is_err() {
        return;
    }
    runtime.block_on(async {
        // The hub has already reported why the backplane cannot be used.
        let _ = timeout(PATIENCE, hub.share()).await;
        close(folder_if_running()).await;
    });
}
