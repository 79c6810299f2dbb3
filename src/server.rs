//! ssekit's own HTTP server, started and closed from JavaScript; see `ListenOptions` in index.d.ts. JavaScript has checked
//! the types, the engine checks everything else.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::Error;
use ssekit_core::listener::ticket::{PublicKey, TicketOptions};
use ssekit_core::listener::{Address, CorsOptions, LimitOptions, Listener, ListenerOptions, MetricsAccess, TlsOptions};
use tokio::runtime::Handle;

use crate::error::throw;
use crate::hub::hub_with_runtime;

/// Those of this process. A hot reload that asks for one again is given the one that there is.
static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());

/// Where to listen: a Unix socket, else a port.
#[napi(object, object_to_js = false)]
pub struct NativeAddress {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub reuse_port: Option<bool>,
    pub socket_path: Option<String>,
}

#[napi(object, object_to_js = false)]
pub struct NativeTls {
    pub cert: String,
    pub key: String,
}

#[napi(object, object_to_js = false)]
pub struct NativeCors {
    pub origins: Vec<String>,
    pub credentials: Option<bool>,
    pub max_age_seconds: Option<f64>,
}

#[napi(object, object_to_js = false)]
pub struct NativeTickets {
    pub secrets: Vec<String>,
    /// JSON Web Keys, each as JSON text.
    pub keys: Vec<String>,
    pub audience: Option<String>,
    pub issuer: Option<String>,
    pub leeway_seconds: Option<f64>,
    pub one_time: Option<bool>,
    pub cookie: Option<String>,
}

/// Numbers are non-negative integers.
#[napi(object, object_to_js = false)]
pub struct NativeListenLimits {
    pub connections: Option<f64>,
    pub connections_per_address: Option<f64>,
    pub accepts_per_second: Option<f64>,
    pub header_timeout_ms: Option<f64>,
    pub body_timeout_ms: Option<f64>,
    pub idle_timeout_ms: Option<f64>,
    pub header_bytes: Option<f64>,
    pub headers: Option<f64>,
    pub url_bytes: Option<f64>,
    pub body_bytes: Option<f64>,
    pub streams_per_connection: Option<f64>,
}

#[napi(object, object_to_js = false)]
pub struct NativeListenOptions {
    pub address: NativeAddress,
    pub path: Option<String>,
    pub tls: Option<NativeTls>,
    pub cors: Option<NativeCors>,
    pub tickets: Option<NativeTickets>,
    pub anonymous: Option<bool>,
    pub publish_token: Option<String>,
    /// Whether everybody may read `/metrics`.
    pub metrics: Option<bool>,
    /// Who presents this may.
    pub metrics_token: Option<String>,
    pub trust_proxy: Option<bool>,
    pub trace_context: Option<bool>,
    pub limits: Option<NativeListenLimits>,
}

/// A running listener. It belongs to the process: it goes on when this is garbage.
#[napi]
pub struct NativeListener {
    listener: Listener,
    runtime: Handle,
}

/// Listens, or finds the listener of this process that does so already.
#[napi(catch_unwind)]
pub fn listen(env: Env, options: NativeListenOptions) -> napi::Result<NativeListener> {
    let options = convert(options).map_err(|error| throw(&env, &error))?;
    let (hub, runtime) = hub_with_runtime(&env)?;
    let mut listeners = LISTENERS.lock();
    listeners.retain(Listener::is_open);
    if let Some(listener) = listeners.iter().find(|listener| listener.is_at(&options.address)) {
        listener.check_same(&options).map_err(|error| throw(&env, &error))?;
        return Ok(NativeListener { listener: listener.clone(), runtime });
    }
    let listener = Listener::start(hub, options, &runtime).map_err(|error| throw(&env, &error))?;
    listeners.push(listener.clone());
    Ok(NativeListener { listener, runtime })
}

/// The secret that a listener of this process signs with.
pub(crate) fn ticket_secret() -> Option<String> {
    let listeners = LISTENERS.lock();
    let mut tickets = listeners.iter().filter_map(|listener| listener.options().tickets.as_ref());
    tickets.find_map(|tickets| tickets.secrets.first().cloned())
}

#[napi]
impl NativeListener {
    /// The address it got; none for a Unix socket.
    #[napi(getter, catch_unwind)]
    pub fn host(&self) -> Option<String> {
        self.listener.local_addr().map(|address| address.ip().to_string())
    }

    /// The port it got.
    #[napi(getter, catch_unwind)]
    pub fn port(&self) -> Option<u16> {
        self.listener.local_addr().map(|address| address.port())
    }

    /// Open connections, those of streams included.
    #[napi(getter, catch_unwind)]
    pub fn connections(&self) -> u32 {
        self.listener.connections() as u32
    }

    /// Closes it, and calls back when its connections are closed. The pending call keeps the process alive.
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

fn convert(given: NativeListenOptions) -> Result<ListenerOptions, Error> {
    let default = ListenerOptions::default();
    let metrics = match given.metrics_token {
        Some(token) => MetricsAccess::Token(token),
        None if given.metrics == Some(true) => MetricsAccess::Open,
        None => MetricsAccess::Off,
    };
    Ok(ListenerOptions {
        address: address(given.address),
        path: given.path.unwrap_or(default.path),
        tls: given.tls.map(|tls| TlsOptions { certificate: tls.cert, key: tls.key }),
        cors: given.cors.map(cors),
        tickets: given.tickets.map(tickets).transpose()?,
        anonymous: given.anonymous.unwrap_or(default.anonymous),
        publish_token: given.publish_token,
        metrics,
        trust_proxy: given.trust_proxy.unwrap_or(default.trust_proxy),
        trace_context: given.trace_context.unwrap_or(default.trace_context),
        limits: given.limits.map_or(default.limits, limits),
    })
}

fn address(given: NativeAddress) -> Address {
    match given.socket_path {
        Some(path) => Address::Unix(path.into()),
        None => Address::Tcp {
            host: given.host.unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: given.port.unwrap_or(0),
            reuse_port: given.reuse_port.unwrap_or(false),
        },
    }
}

fn cors(given: NativeCors) -> CorsOptions {
    let default = CorsOptions::default();
    CorsOptions {
        origins: given.origins,
        credentials: given.credentials.unwrap_or(default.credentials),
        max_age: given.max_age_seconds.map_or(default.max_age, seconds),
    }
}

fn tickets(given: NativeTickets) -> Result<TicketOptions, Error> {
    let default = TicketOptions::default();
    Ok(TicketOptions {
        secrets: given.secrets,
        keys: given.keys.iter().map(|key| PublicKey::from_jwk(key)).collect::<Result<_, _>>()?,
        audience: given.audience.unwrap_or(default.audience),
        issuer: given.issuer,
        leeway: given.leeway_seconds.map_or(default.leeway, seconds),
        one_time: given.one_time.unwrap_or(default.one_time),
        cookie: given.cookie.unwrap_or(default.cookie),
    })
}

fn limits(given: NativeListenLimits) -> LimitOptions {
    let default = LimitOptions::default();
    let count = |value: Option<f64>, default: usize| value.map_or(default, |value| value as usize);
    let millis = |value: Option<f64>, default| value.map_or(default, |value| Duration::from_millis(value as u64));
    LimitOptions {
        connections: count(given.connections, default.connections),
        connections_per_address: count(given.connections_per_address, default.connections_per_address),
        accepts_per_second: count(given.accepts_per_second, default.accepts_per_second),
        header_timeout: millis(given.header_timeout_ms, default.header_timeout),
        body_timeout: millis(given.body_timeout_ms, default.body_timeout),
        idle_timeout: millis(given.idle_timeout_ms, default.idle_timeout),
        header_bytes: count(given.header_bytes, default.header_bytes),
        headers: count(given.headers, default.headers),
        url_bytes: count(given.url_bytes, default.url_bytes),
        body_bytes: count(given.body_bytes, default.body_bytes),
        streams_per_connection: count(given.streams_per_connection, default.streams_per_connection),
    }
}

pub(crate) fn seconds(value: f64) -> Duration {
    Duration::from_secs(value as u64)
}
