//! Closes the folder with the history at the end of the process.

use napi_derive::napi;

use crate::backplane::close;
use crate::hub::{folder_if_running, runtime_if_running};

/// Closes the folder on this thread. This is for a process that is ending, when the thread has nothing else left to do.
#[napi(catch_unwind)]
pub fn close_folder() {
    let (Some(folder), Some((_, runtime))) = (folder_if_running(), runtime_if_running()) else { return };
    runtime.block_on(close(Some(folder)));
}
