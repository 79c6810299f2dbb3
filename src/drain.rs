//! The graceful end.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Function, Unknown};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::DrainOptions;
use ssekit_core::schema::Schema;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::backplane;
use crate::error::throw;
use crate::hub::{folder_if_running, hub, runtime_if_running};
use crate::source::read;

/// The drain that is in progress or over, and the options that tell late clients when to come back.
static DRAIN: Mutex<Option<(DrainOptions, watch::Receiver<bool>)>> = Mutex::new(None);

/// The reaction to SIGTERM.
#[napi(object, object_from_js = false)]
pub struct OnSigterm {
    pub drains: bool,
    pub window_ms: f64,
}

/// The reaction to SIGTERM.
#[napi(catch_unwind)]
pub fn on_sigterm(env: Env) -> napi::Result<OnSigterm> {
    let hub = hub(&env)?;
    let options = hub.options();
    Ok(OnSigterm { drains: options.drain_on_sigterm, window_ms: options.drain.window.as_millis() as f64 })
}

/// Begins to drain unless a drain has begun already. Calls back when all clients are gone. The pending call keeps the process
/// alive.
#[napi(catch_unwind)]
pub fn drain(env: Env, options: Unknown<'_>, done: Function<'_, (), ()>) -> napi::Result<()> {
    // This starts a hub that is not running yet, because it must refuse clients from now on, too.
    let hub = hub(&env)?;
    let mut wanted = hub.options().drain;
    read(env, "options", options, wanted.fields())?;
    hub.check_process().map_err(|error| throw(&env, &error))?;
    let done = done.build_threadsafe_function::<()>().callee_handled::<false>().build()?;
    let Some((hub, runtime)) = runtime_if_running() else { return Ok(()) };
    let mut drain = DRAIN.lock();
    let (_, progress) = drain.get_or_insert_with(|| {
        let (tell, progress) = watch::channel(false);
        let hub = hub.clone();
        runtime.spawn(async move {
            hub.drain(wanted).await;
            // Last, because a drain still appends.
            backplane::close(folder_if_running()).await;
            tell.send_replace(true);
        });
        (wanted, progress)
    });
    let mut progress = progress.clone();
    runtime.spawn(async move {
        // An error means that the task is gone, with the process.
        let _ = progress.wait_for(|is_over| *is_over).await;
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

/// Waits on this thread for the end of a drain. This is for a process that is ending, when the thread has nothing else left
/// to do. Returns whether there was a drain and it is over.
#[napi(catch_unwind)]
pub fn wait_for_drain(at_most_ms: u32) -> bool {
    let Some((_, mut progress)) = DRAIN.lock().clone() else { return false };
    let Some((_, runtime)) = runtime_if_running() else { return false };
    let over = async { progress.wait_for(|is_over| *is_over).await.is_ok() };
    runtime.block_on(async { timeout(Duration::from_millis(at_most_ms.into()), over).await.unwrap_or(false) })
}

/// The whole stream of a client that connects during a drain. It tells the client when to come back.
#[napi(catch_unwind)]
pub fn farewell(env: Env) -> napi::Result<Buffer> {
    let options = DRAIN.lock().as_ref().map(|(options, _)| *options).unwrap_or_default();
    Ok(hub(&env)?.farewell(options).to_vec().into())
}
