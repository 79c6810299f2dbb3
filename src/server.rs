//! ssekit's own HTTP server, started and closed from JavaScript; see `ListenOptions` in listener.d.ts.

use napi::Env;
use napi::bindgen_prelude::{Function, Unknown};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::schema::Schema;
use ssekit_http::{Listener, ListenerOptions};
use tokio::runtime::Handle;

use crate::error::throw;
use crate::hub::hub_with_runtime;
use crate::source::read;

/// The listeners of this process. A hot reload that asks for one again gets the existing one.
static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());

/// A running listener. It belongs to the process, so it keeps running when this object becomes garbage.
#[napi]
pub struct NativeListener {
    listener: Listener,
    runtime: Handle,
}

/// Starts a listener. If this process already has a listener at that address, returns that one.
#[napi(catch_unwind)]
pub fn listen(env: Env, options: Unknown<'_>) -> napi::Result<NativeListener> {
    let mut wanted = ListenerOptions::default();
    read(env, "options", options, wanted.fields())?;
    let (hub, runtime) = hub_with_runtime(&env)?;
    let mut listeners = LISTENERS.lock();
    listeners.retain(Listener::is_open);
    if let Some(listener) = listeners.iter().find(|listener| listener.is_at(&wanted)) {
        listener.check_same(&wanted).map_err(|error| throw(&env, &error))?;
        return Ok(NativeListener { listener: listener.clone(), runtime });
    }
    let listener = Listener::start(hub, wanted, &runtime).map_err(|error| throw(&env, &error))?;
    listeners.push(listener.clone());
    Ok(NativeListener { listener, runtime })
}

/// The secret that a listener of this process signs tickets with.
pub(crate) fn ticket_secret() -> Option<String> {
    let listeners = LISTENERS.lock();
    let mut tickets = listeners.iter().filter_map(|listener| listener.options().tickets.as_ref());
    tickets.find_map(|tickets| tickets.secrets.first().cloned())
}

#[napi]
impl NativeListener {
    /// The address that it is bound to; none for a Unix socket.
    #[napi(getter, catch_unwind)]
    pub fn host(&self) -> Option<String> {
        self.listener.local_addr().map(|address| address.ip().to_string())
    }

    /// The port that it is bound to; none for a Unix socket.
    #[napi(getter, catch_unwind)]
    pub fn port(&self) -> Option<u16> {
        self.listener.local_addr().map(|address| address.port())
    }

    /// Open connections, including those of streams.
    #[napi(getter, catch_unwind)]
    pub fn connections(&self) -> u32 {
        self.listener.connections() as u32
    }

    /// Closes the listener, and calls back when its connections are closed. The pending call keeps the process alive.
    #[napi(catch_unwind)]
    pub fn close(&self, done: Function<'_, (), ()>) -> napi::Result<()> {
        let done = done.build_threadsafe_function::<()>().callee_handled::<false>().build()?;
        let listener = self.listener.clone();
        self.runtime.spawn(async move {
            listener.close().await;
            done.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        Ok(())
    }
}
