//! ssekit's own HTTP server, started and closed from JavaScript; see `ListenOptions` in index.d.ts. JavaScript has checked
//! the types; the engine checks everything else.

use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::Error;
use ssekit_http::ticket::{PublicKey, TicketOptions};
use ssekit_http::{Address, CorsOptions, Listener, ListenerLimits, ListenerOptions, MetricsAccess, TlsOptions};
use tokio::runtime::Handle;

use crate::error::throw;
use crate::given::Given;
use crate::hub::hub_with_runtime;

/// The listeners of this process. A hot reload that asks for one again gets the existing one.
static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());

/// A running listener. It belongs to the process, so it keeps running when this object becomes garbage.
#[napi]
pub struct NativeListener {
    listener: Listener,
    runtime: Handle,
}

/// Starts a listener; the options are JSON text. If this process already has a listener at that address, returns that one.
#[napi(catch_unwind)]
pub fn listen(env: Env, options: String) -> napi::Result<NativeListener> {
    let options = Given::read(&env, &options, self::options)?.map_err(|error| throw(&env, &error))?;
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

fn options(given: &mut Given) -> Result<ListenerOptions, Error> {
    let default = ListenerOptions::default();
    let metrics = match (given.text("metricsToken"), given.flag("metrics", false)) {
        (Some(token), _) => MetricsAccess::Token(token),
        (None, true) => MetricsAccess::Open,
        (None, false) => MetricsAccess::Off,
    };
    Ok(ListenerOptions {
        address: address(given),
        path: given.text("path").unwrap_or(default.path),
        tls: given.has("tls.cert").then(|| tls(given)),
        cors: given.has("cors.origins").then(|| cors(given)),
        tickets: given.has("tickets.secrets").then(|| tickets(given)).transpose()?,
        anonymous: given.flag("anonymous", default.anonymous),
        publish_token: given.text("publishToken"),
        metrics,
        trust_proxy: given.flag("trustProxy", default.trust_proxy),
        trace_context: given.flag("traceContext", default.trace_context),
        limits: limits(given),
    })
}

fn address(given: &mut Given) -> Address {
    match given.text("socketPath") {
        Some(path) => Address::Unix(path.into()),
        None => Address::Tcp {
            host: given.text("host").unwrap_or_else(|| "127.0.0.1".to_owned()),
            // JavaScript has checked that it is a port.
            port: given.number("port").unwrap_or(0) as u16,
            reuse_port: given.flag("reusePort", false),
        },
    }
}

fn tls(given: &mut Given) -> TlsOptions {
    TlsOptions {
        certificate: given.text("tls.cert").unwrap_or_default(),
        key: given.text("tls.key").unwrap_or_default(),
    }
}

fn cors(given: &mut Given) -> CorsOptions {
    let default = CorsOptions::default();
    CorsOptions {
        origins: given.texts("cors.origins"),
        credentials: given.flag("cors.credentials", default.credentials),
        max_age: given.seconds("cors.maxAgeSeconds", default.max_age),
    }
}

/// Keys are JSON Web Keys, each as JSON text.
fn tickets(given: &mut Given) -> Result<TicketOptions, Error> {
    let default = TicketOptions::default();
    Ok(TicketOptions {
        secrets: given.texts("tickets.secrets"),
        keys: given.texts("tickets.keys").iter().map(|key| PublicKey::from_jwk(key)).collect::<Result<_, _>>()?,
        audience: given.text("tickets.audience").unwrap_or(default.audience),
        issuer: given.text("tickets.issuer"),
        leeway: given.seconds("tickets.leewaySeconds", default.leeway),
        one_time: given.flag("tickets.oneTime", default.one_time),
        cookie: given.text("tickets.cookie").unwrap_or(default.cookie),
    })
}

fn limits(given: &mut Given) -> ListenerLimits {
    let default = ListenerLimits::default();
    ListenerLimits {
        connections: given.count("limits.connections", default.connections),
        connections_per_address: given.count("limits.connectionsPerAddress", default.connections_per_address),
        accepts_per_second: given.count("limits.acceptsPerSecond", default.accepts_per_second),
        header_timeout: given.millis("limits.headerTimeoutMs", default.header_timeout),
        body_timeout: given.millis("limits.bodyTimeoutMs", default.body_timeout),
        idle_timeout: given.millis("limits.idleTimeoutMs", default.idle_timeout),
        header_bytes: given.count("limits.headerBytes", default.header_bytes),
        headers: given.count("limits.headers", default.headers),
        url_bytes: given.count("limits.urlBytes", default.url_bytes),
        body_bytes: given.count("limits.bodyBytes", default.body_bytes),
        streams_per_connection: given.count("limits.streamsPerConnection", default.streams_per_connection),
    }
}
