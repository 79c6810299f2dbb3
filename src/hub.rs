//! The one hub of the process. It belongs to the process and not to a JavaScript environment: every bundle, hot-reload
//! generation and worker thread that loads this addon finds the same one.

use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{Error, Hub, Options};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::throw;
use crate::options::NativeOptions;

static PROCESS: Mutex<Process> = Mutex::new(Process { wanted: None, running: None });

struct Process {
    /// What `configure` asked for.
    wanted: Option<Options>,
    /// From the first client or event on. It is never taken down: its threads hold nothing that outlives the process, and
    /// end with it.
    running: Option<(Hub, Runtime)>,
}

/// Sets the options, or checks that they are the same again.
#[napi(catch_unwind)]
pub fn configure(env: Env, options: NativeOptions) -> napi::Result<()> {
    let wanted = Options::from(options);
    PROCESS.lock().configure(wanted).map_err(|error| throw(&env, &error))
}

/// Whether sockets may be handed over.
#[napi(catch_unwind)]
pub fn may_hand_off() -> bool {
    let process = PROCESS.lock();
    let running = process.running.as_ref().map(|(hub, _)| hub.options().handoff);
    running.or(process.wanted.as_ref().map(|wanted| wanted.handoff)).unwrap_or(true)
}

/// Calls back when everything sent so far is with the kernel. The pending call keeps the process alive.
#[napi(catch_unwind)]
pub fn flush(env: Env, done: Function<'_, (), ()>) -> napi::Result<()> {
    let done = done.build_threadsafe_function::<()>().callee_handled::<false>().build()?;
    let Some((hub, runtime)) = runtime_if_running() else {
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
        return Ok(());
    };
    hub.check_process().map_err(|error| throw(&env, &error))?;
    runtime.spawn(async move {
        hub.flush().await;
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

impl Process {
    fn configure(&mut self, wanted: Options) -> Result<(), Error> {
        wanted.validate()?;
        if let Some(set) = self.running.as_ref().map(|(hub, _)| hub.options()).or(self.wanted.as_ref()) {
            set.check_same(&wanted)?;
        }
        self.wanted = Some(wanted);
        Ok(())
    }

    fn start(&mut self) -> Result<Hub, Error> {
        if let Some((hub, _)) = &self.running {
            return Ok(hub.clone());
        }
        let options = self.wanted.clone().unwrap_or_default();
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.threads)
            .thread_name("ssekit")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::system("starting ssekit's threads", &error))?;
        let hub = Hub::start(options, runtime.handle())?;
        self.running = Some((hub.clone(), runtime));
        Ok(hub)
    }
}

/// The hub, which starts with its first use.
pub(crate) fn hub(env: &Env) -> napi::Result<Hub> {
    PROCESS.lock().start().map_err(|error| throw(env, &error))
}

/// The hub and its runtime, if it has been used yet.
pub(crate) fn runtime_if_running() -> Option<(Hub, Handle)> {
    PROCESS.lock().running.as_ref().map(|(hub, runtime)| (hub.clone(), runtime.handle().clone()))
}

/// The hub, which starts with its first use, and the runtime that it works on.
pub(crate) fn hub_with_runtime(env: &Env) -> napi::Result<(Hub, Handle)> {
    hub(env)?;
    runtime_if_running().ok_or_else(|| napi::Error::from_reason("ssekit has not started"))
}

/// The hub, if it has been used yet.
pub(crate) fn hub_if_running() -> Option<Hub> {
    PROCESS.lock().running.as_ref().map(|(hub, _)| hub.clone())
}
