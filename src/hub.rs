//! The one hub of the process. It belongs to the process and not to a JavaScript environment: every bundle, hot-reload
//! generation and worker thread that loads this addon finds the same one.

use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{Error, Hub, Options, RedisOptions};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::throw;
use crate::given::Given;
use crate::{options, threads};

static PROCESS: Mutex<Process> = Mutex::new(Process { offered: None, wanted: None, running: None });

struct Process {
    /// The backplane that the environment names, for a hub that is told of none.
    offered: Option<RedisOptions>,
    /// What `configure` asked for.
    wanted: Option<Options>,
    /// From the first client or event on. It is never taken down: its threads hold nothing that outlives the process, and
    /// end with it.
    running: Option<(Hub, Runtime)>,
}

/// Sets the options, which are JSON text, or checks that they are the same again.
#[napi(catch_unwind)]
pub fn configure(env: Env, options: String) -> napi::Result<()> {
    let wanted = Given::read(&env, &options, options::hub)?;
    PROCESS.lock().configure(wanted).map_err(|error| throw(&env, &error))
}

/// Names the backplane of a hub that is told of none. The first word counts.
#[napi(catch_unwind)]
pub fn offer_redis(url: String, ca: Option<String>) {
    PROCESS.lock().offered.get_or_insert(RedisOptions { ca, ..RedisOptions::at(url) });
}

/// Whether sockets may be handed over.
#[napi(catch_unwind)]
pub fn may_hand_off() -> bool {
    let process = PROCESS.lock();
    let running = process.running.as_ref().map(|(hub, _)| hub.options().handoff);
    running.or(process.wanted.as_ref().map(|wanted| wanted.handoff)).unwrap_or(true)
}

/// Calls back when everything sent so far is with the backplane, if there is one, and with the kernel; with what is wrong with the
/// backplane, else with nothing. The pending call keeps the process alive.
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

/// Whether this process knows what a client has seen that comes with this id, or there is no way to know.
#[napi(catch_unwind)]
pub fn is_caught_up(env: Env, last_event_id: Option<String>) -> napi::Result<bool> {
    Ok(hub(&env)?.is_caught_up(last_event_id.as_deref()))
}

/// Calls back when it does, or after some seconds.
#[napi(catch_unwind)]
pub fn catch_up(env: Env, last_event_id: Option<String>, done: Function<'_, (), ()>) -> napi::Result<()> {
    let done = done.build_threadsafe_function::<()>().callee_handled::<false>().build()?;
    let (hub, runtime) = hub_with_runtime(&env)?;
    runtime.spawn(async move {
        hub.caught_up(last_event_id.as_deref()).await;
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

/// Calls back when this process has joined the others and has heard who is there, or after some seconds; says whether it has.
#[napi(catch_unwind)]
pub fn when_ready(env: Env, done: Function<'_, bool, ()>) -> napi::Result<()> {
    let done = done.build_threadsafe_function::<bool>().callee_handled::<false>().build()?;
    let (hub, runtime) = hub_with_runtime(&env)?;
    runtime.spawn(async move {
        let ready = hub.ready().await;
        done.call(ready, ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

impl Process {
    fn configure(&mut self, mut wanted: Options) -> Result<(), Error> {
        wanted.validate()?;
        wanted.redis = wanted.redis.or_else(|| self.offered.clone());
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
        let offered = || Options { redis: self.offered.clone(), ..Options::default() };
        let options = self.wanted.clone().unwrap_or_else(offered);
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.threads)
            .thread_name("ssekit")
            .on_thread_start(threads::give_way)
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

/// The hub, if it has been used yet, or is one of several: the others may know what it does not.
pub(crate) fn hub_to_ask(env: &Env) -> napi::Result<Option<Hub>> {
    let process = PROCESS.lock();
    let shares = process.wanted.as_ref().map_or(process.offered.is_some(), |wanted| wanted.redis.is_some());
    let running = process.running.as_ref().map(|(hub, _)| hub.clone());
    drop(process);
    if running.is_none() && shares { hub(env).map(Some) } else { Ok(running) }
}
