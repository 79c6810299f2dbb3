//! The one hub of the process. It belongs to the process, not to a JavaScript environment: every bundle, hot-reload
//! generation and worker thread that loads this addon finds the same hub.

use std::path::PathBuf;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Function, Unknown};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{Error, Hub, Observer, Stats};
use ssekit_file::{File, FileOptions};
use ssekit_redis::RedisOptions;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::backplane::{self, Backplane, start_hub};
use crate::error::throw;
use crate::options::Settings;
use crate::{stderr, threads};

static PROCESS: Mutex<Process> =
    Mutex::new(Process { offered: None, wanted: None, observers: Vec::new(), running: None, replaced: None });

struct Process {
    /// The backplane from the environment, for a hub whose options name no backplane.
    offered: Option<Backplane>,
    /// The options of `configure`. Set once.
    wanted: Option<Settings>,
    /// JavaScript's listeners. They exist before the hub starts, and they stay when the hub is replaced.
    observers: Vec<Arc<dyn Observer>>,
    /// Never shut down once it is used: its threads hold nothing that outlives the process, and end with it.
    running: Option<Running>,
    /// The threads of an unused hub that `configure` has replaced. They may still answer calls. There is at most one such
    /// hub.
    replaced: Option<Runtime>,
}

struct Running {
    hub: Hub,
    /// The folder with the hub's history, if that is its backplane. To be closed before the process ends.
    folder: Option<File>,
    settings: Settings,
    runtime: Runtime,
    /// Whether the hub has had a client or an event. Until then it has only joined the other nodes to answer a question, and
    /// can still be replaced.
    is_used: bool,
}

/// Sets the options. If they are already set, checks that they are the same.
#[napi(catch_unwind)]
pub fn configure(env: Env, options: Unknown<'_>) -> napi::Result<()> {
    let wanted = Settings::read(env, options)?;
    PROCESS.lock().configure(wanted).map_err(|error| throw(&env, &error))
}

/// Names the backplane for a hub whose options name no backplane. Only the first call counts.
#[napi(catch_unwind)]
pub fn offer_redis(url: String, ca: Option<String>) {
    PROCESS.lock().offered.get_or_insert(Backplane::Redis(RedisOptions { ca, ..RedisOptions::at(url) }));
}

/// The same for a history in this folder.
#[napi(catch_unwind)]
pub fn offer_folder(dir: String) {
    PROCESS.lock().offered.get_or_insert(Backplane::File(FileOptions::at(dir)));
}

/// Whether sockets may be handed off.
#[napi(catch_unwind)]
pub fn may_hand_off() -> bool {
    let process = PROCESS.lock();
    let running = process.running.as_ref().map(|running| running.hub.options().handoff);
    running.or(process.wanted.as_ref().map(|wanted| wanted.hub.handoff)).unwrap_or(true)
}

/// The maximum size of an encoded event, in bytes.
#[napi(catch_unwind)]
pub fn max_event_bytes() -> u32 {
    let process = PROCESS.lock();
    let running = process.running.as_ref().map(|running| running.hub.options().max_event_bytes);
    // At most 64 MiB, because options are validated.
    running.unwrap_or_else(|| process.settings().hub.max_event_bytes) as u32
}

/// Calls back when everything sent so far is with the kernel and, if there is a backplane, with the backplane. The callback
/// gets the backplane's problem, or nothing. The pending call keeps the process alive.
#[napi(catch_unwind, ts_args_type = "done: (problem: string | null) => void")]
pub fn flush(env: Env, done: Function<'_, Option<String>, ()>) -> napi::Result<()> {
    let done = done.build_threadsafe_function::<Option<String>>().callee_handled::<false>().build()?;
    let Some((hub, runtime)) = runtime_if_running() else {
        done.call(None, ThreadsafeFunctionCallMode::NonBlocking);
        return Ok(());
    };
    hub.check_process().map_err(|error| throw(&env, &error))?;
    runtime.spawn(async move {
        let problem = hub.flush_shared().await.err().map(|error| error.to_string());
        done.call(problem, ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

/// Whether this process knows what the client with this last event id has seen. Also true if there is no way to find out.
#[napi(catch_unwind)]
pub fn is_caught_up(env: Env, last_event_id: Option<String>) -> napi::Result<bool> {
    Ok(hub_to_ask(&env)?.is_none_or(|hub| hub.is_caught_up(last_event_id.as_deref())))
}

/// Calls back when `is_caught_up` is true, or after some seconds.
#[napi(catch_unwind)]
pub fn catch_up(env: Env, last_event_id: Option<String>, done: Function<'_, (), ()>) -> napi::Result<()> {
    let done = done.build_threadsafe_function::<()>().callee_handled::<false>().build()?;
    hub_to_ask(&env)?;
    let Some((hub, runtime)) = runtime_if_running() else {
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
        return Ok(());
    };
    runtime.spawn(async move {
        hub.caught_up(last_event_id.as_deref()).await;
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

/// Calls back with `true` when this process has joined the other nodes and knows which clients are online; with `false` after
/// some seconds.
#[napi(catch_unwind)]
pub fn when_ready(env: Env, done: Function<'_, bool, ()>) -> napi::Result<()> {
    let done = done.build_threadsafe_function::<bool>().callee_handled::<false>().build()?;
    hub_to_ask(&env)?;
    let Some((mut hub, runtime)) = runtime_if_running() else {
        done.call(true, ThreadsafeFunctionCallMode::NonBlocking);
        return Ok(());
    };
    runtime.spawn(async move {
        let mut ready = hub.ready().await;
        // `configure` may have replaced the hub in the meantime. The question is about the hub that is used.
        while let Some(newer) = successor_of(&hub) {
            hub = newer;
            ready = hub.ready().await;
        }
        done.call(ready, ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

impl Process {
    fn configure(&mut self, mut wanted: Settings) -> Result<(), Error> {
        wanted.validate()?;
        wanted.backplane = wanted.backplane.or_else(|| self.offered.clone());
        let used = self.running.as_ref().filter(|running| running.is_used);
        if let Some(set) = used.map(|running| &running.settings).or(self.wanted.as_ref()) {
            set.check_same(&wanted)?;
        }
        if self.running.as_ref().is_some_and(|running| running.settings.check_same(&wanted).is_err()) {
            self.retire();
        }
        self.wanted = Some(wanted);
        Ok(())
    }

    /// Ends a hub that has sent nothing and has had no client.
    fn retire(&mut self) {
        let Some(Running { hub, folder, runtime, .. }) = self.running.take() else { return };
        for observer in &self.all_observers() {
            hub.unobserve(observer);
        }
        runtime.spawn(async move {
            // With the drain, the other nodes need not wait until this node has been silent for long enough.
            hub.drain(hub.options().drain).await;
            hub.stop();
            backplane::close(folder).await;
        });
        self.replaced = Some(runtime);
    }

    /// Starts the hub if it is not running yet.
    fn start(&mut self) -> Result<&mut Running, Error> {
        let running = match self.running.take() {
            Some(running) => running,
            None => self.new_hub()?,
        };
        Ok(self.running.insert(running))
    }

    fn new_hub(&self) -> Result<Running, Error> {
        let settings = self.settings();
        let runtime = Builder::new_multi_thread()
            .worker_threads(settings.hub.threads)
            .thread_name("ssekit")
            .on_thread_start(threads::give_way)
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::system("starting ssekit's threads", &error))?;
        let (backplane, options) = (settings.backplane.clone(), settings.hub.clone());
        let (hub, folder) = start_hub(backplane, options, runtime.handle(), &self.all_observers())?;
        Ok(Running { hub, folder, settings, runtime, is_used: false })
    }

    fn all_observers(&self) -> Vec<Arc<dyn Observer>> {
        let mut observers = self.observers.clone();
        observers.push(stderr::observer());
        observers
    }

    /// The settings that the hub has or will have.
    fn settings(&self) -> Settings {
        let offered = || Settings { backplane: self.offered.clone(), ..Settings::default() };
        self.wanted.clone().unwrap_or_else(offered)
    }

    fn use_hub(&mut self) -> Result<Hub, Error> {
        let running = self.start()?;
        running.is_used = true;
        Ok(running.hub.clone())
    }

    fn hub_to_ask(&mut self) -> Result<Option<Hub>, Error> {
        if self.running.is_none() && !self.is_one_of_several() {
            return Ok(None);
        }
        self.start().map(|running| Some(running.hub.clone()))
    }

    fn is_one_of_several(&self) -> bool {
        self.wanted.as_ref().map_or(self.offered.is_some(), |wanted| wanted.backplane.is_some())
    }
}

/// The hub that `configure` has replaced this hub with.
fn successor_of(hub: &Hub) -> Option<Hub> {
    let process = PROCESS.lock();
    process.running.as_ref().map(|running| &running.hub).filter(|running| !running.is(hub)).cloned()
}

/// The hub. Its first use starts it.
pub(crate) fn hub(env: &Env) -> napi::Result<Hub> {
    PROCESS.lock().use_hub().map_err(|error| throw(env, &error))
}

/// The hub and its runtime, if the hub is running.
pub(crate) fn runtime_if_running() -> Option<(Hub, Handle)> {
    PROCESS.lock().running.as_ref().map(|Running { hub, runtime, .. }| (hub.clone(), runtime.handle().clone()))
}

/// The folder with the history, if that is the backplane of a running hub.
pub(crate) fn folder_if_running() -> Option<File> {
    PROCESS.lock().running.as_ref().and_then(|running| running.folder.clone())
}

/// The folder of the history, if that is or will be the backplane.
pub(crate) fn data_dir() -> Option<PathBuf> {
    match PROCESS.lock().settings().backplane {
        Some(Backplane::File(FileOptions { dir, .. })) => Some(dir),
        _ => None,
    }
}

/// Whether processes of other machines, with clocks of their own, share the history.
pub(crate) fn is_shared_by_machines() -> bool {
    let process = PROCESS.lock();
    // Without a copy of the settings, because each page that comes back asks.
    process.running.as_ref().is_some_and(|running| matches!(running.settings.backplane, Some(Backplane::Redis(_))))
}

/// The hub, which its first use starts, and its runtime.
pub(crate) fn hub_with_runtime(env: &Env) -> napi::Result<(Hub, Handle)> {
    hub(env)?;
    runtime_if_running().ok_or_else(|| napi::Error::from_reason("ssekit has not started"))
}

/// The hub for a question, which does not count as use. `None` if the hub neither runs nor is part of a cluster. In a cluster
/// it starts, because the other nodes may know what this node does not.
pub(crate) fn hub_to_ask(env: &Env) -> napi::Result<Option<Hub>> {
    PROCESS.lock().hub_to_ask().map_err(|error| throw(env, &error))
}

/// The hub's counters and gauges. Before the hub starts, these are the values that it will start with.
pub(crate) fn stats() -> Stats {
    let process = PROCESS.lock();
    match &process.running {
        Some(running) => running.hub.stats(),
        None => Stats::before_start(process.is_one_of_several()),
    }
}

/// Reports everything that happens from now on to the application.
pub(crate) fn subscribe(observer: Arc<dyn Observer>) {
    stderr::subscribed();
    observe(observer);
}

/// Stops reporting to the application.
pub(crate) fn unsubscribe(observer: &Arc<dyn Observer>) {
    if unobserve(observer) {
        stderr::unsubscribed();
    }
}

/// Reports everything that happens from now on to an observer.
pub(crate) fn observe(observer: Arc<dyn Observer>) {
    let mut process = PROCESS.lock();
    if let Some(running) = &process.running {
        running.hub.observe(Arc::clone(&observer));
    }
    process.observers.push(observer);
}

/// Stops reporting to an observer. Returns whether it was one.
pub(crate) fn unobserve(observer: &Arc<dyn Observer>) -> bool {
    let mut process = PROCESS.lock();
    if let Some(running) = &process.running {
        running.hub.unobserve(observer);
    }
    let before = process.observers.len();
    process.observers.retain(|other| !Arc::ptr_eq(other, observer));
    process.observers.len() < before
}
