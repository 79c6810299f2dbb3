//! Options of a listener, with their defaults and bounds.
//!
//! A new option is a field here with its default, a line in its struct's [`Schema`], and its documentation in `listener.d.ts`.

mod check;
mod slots;

use std::path::PathBuf;
use std::time::Duration;

use crate::ticket::TicketOptions;
use slots::{MetricsSlot, PublishSlot};
use ssekit_core::schema::{Fields, Schema};
use ssekit_inspector::Rights;

/// The options of a listener.
///
/// ```
/// use ssekit_http::ListenerOptions;
///
/// let options = ListenerOptions { port: 8_080, anonymous: true, ..ListenerOptions::default() };
/// assert_eq!(options.validate(), Ok(()));
///
/// let error = ListenerOptions { path: "events".to_owned(), ..options }.validate().unwrap_err();
/// assert!(error.is_argument());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerOptions {
    /// An IPv4 or IPv6 address, or a name that resolves to one. `::` accepts IPv4 as well, if the system supports that. Default:
    /// 127.0.0.1.
    pub host: String,
    /// The port. With 0, the system chooses one. Default: 0.
    pub port: u16,
    /// Whether several processes may listen on this port. The kernel distributes the connections among them. Default: false.
    pub reuse_port: bool,
    /// A Unix domain socket in place of a port. An existing socket file that nobody listens on is replaced.
    pub socket_path: Option<PathBuf>,
    /// The path of the event stream. Default: `/events`.
    pub path: String,
    /// TLS. Without it, the listener speaks plain HTTP.
    pub tls: Option<TlsOptions>,
    /// The other origins whose pages may read the stream. Default: none.
    pub cors: Option<CorsOptions>,
    /// The tickets that are valid.
    pub tickets: Option<TicketOptions>,
    /// Whether a request without a ticket gets an anonymous stream. Default: false.
    pub anonymous: bool,
    /// The token that a publisher must present. Without it, nobody can publish over HTTP.
    pub publish_token: Option<String>,
    /// Access to `/metrics`. Default: nobody.
    pub metrics: MetricsAccess,
    /// Access to `/inspector`. Default: nobody.
    pub inspector: Option<InspectorOptions>,
    /// Whether all connections come from a proxy that names its client in `X-Forwarded-For`. Default: false.
    pub trust_proxy: bool,
    /// Whether an event that is published over HTTP keeps its publisher's trace context
    /// (<https://www.w3.org/TR/trace-context/>). Default: false.
    pub trace_context: bool,
    /// Bounds of what a peer may do.
    pub limits: ListenerLimits,
}

/// Access to `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MetricsAccess {
    /// Nobody.
    #[default]
    Off,
    /// Everybody who can reach the port.
    Open,
    /// Clients that present this token.
    Token(String),
}

impl MetricsAccess {
    /// The required token, if there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            Self::Token(token) => Some(token),
            Self::Off | Self::Open => None,
        }
    }
}

/// Access to `/inspector`, the page that shows who is connected and what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InspectorOptions {
    /// The token that the page must present.
    pub token: String,
    /// Whether the page shows the data of events and of clients. Default: false.
    pub data: bool,
    /// Whether the page may send events. Default: false.
    pub send: bool,
    /// Whether the page may disconnect clients. Default: false.
    pub disconnect: bool,
}

impl InspectorOptions {
    pub(crate) fn rights(&self) -> Rights {
        Rights { data: self.data, send: self.send, disconnect: self.disconnect }
    }
}

/// A certificate and its key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The certificate chain, PEM.
    pub certificate: String,
    /// Its private key, PEM (PKCS #8, PKCS #1 or SEC 1).
    pub key: String,
}

impl std::fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsOptions { .. }")
    }
}

/// Cross-origin requests (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsOptions {
    /// Origins, exactly as a browser writes them, such as `https://app.example.com`; or `*` alone for every origin.
    pub origins: Vec<String>,
    /// Whether requests may carry cookies and `Authorization`. Cannot be combined with `*`. Default: false.
    pub credentials: bool,
    /// The time a browser may cache the answer to a preflight. Default: ten minutes.
    pub max_age: Duration,
}

/// Bounds of what a peer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections at once, 1 to 10,000,000. Default: 100,000.
    pub connections: usize,
    /// Connections at once from one address. 0 means no separate limit. Default: 0, because behind a proxy all connections
    /// come from one address.
    pub connections_per_address: usize,
    /// Connections accepted per second; the others wait in the kernel's queue. 0 means no limit. Default: 0.
    pub accepts_per_second: usize,
    /// The time for a request's head, from its first byte or from the beginning of the connection. A TLS handshake may take
    /// as long. 10 ms to one hour. Default: 10 s.
    pub header_timeout: Duration,
    /// The time for a request's body, from the end of the head. 10 ms to one hour. Default: 10 s.
    pub body_timeout: Duration,
    /// An HTTP/2 connection without a stream is closed after one to two times this duration. 10 ms to one hour. Default: 60
    /// s.
    pub idle_timeout: Duration,
    /// Bytes of a request's head, 8,192 to 1,048,576. Default: 16,384.
    pub header_bytes: usize,
    /// Header fields of a request, 1 to 1,000. Default: 64.
    pub headers: usize,
    /// Bytes of a request's target, 64 to 65,000. Default: 8,192.
    pub url_bytes: usize,
    /// Bytes of a request's body, 1,024 to 67,108,864. Default: 1 MiB.
    pub body_bytes: usize,
    /// HTTP/2 streams at once on one connection, 1 to 10,000. Default: 128.
    pub streams_per_connection: usize,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            reuse_port: false,
            socket_path: None,
            path: "/events".to_owned(),
            tls: None,
            cors: None,
            tickets: None,
            anonymous: false,
            publish_token: None,
            metrics: MetricsAccess::Off,
            inspector: None,
            trust_proxy: false,
            trace_context: false,
            limits: ListenerLimits::default(),
        }
    }
}

impl Default for CorsOptions {
    fn default() -> Self {
        Self { origins: Vec::new(), credentials: false, max_age: Duration::from_secs(600) }
    }
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connections_per_address: 0,
            accepts_per_second: 0,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            header_bytes: 16 << 10,
            headers: 64,
            url_bytes: 8 << 10,
            body_bytes: 1 << 20,
            streams_per_connection: 128,
        }
    }
}

/// The paths that the listener answers besides that of the event stream.
pub(crate) const OWN_PATHS: [&str; 6] = ["/publish", "/healthz", "/readyz", "/metrics", "/inspector", "/openapi.json"];

/// More connections than a process can have.
const MANY: u64 = 10_000_000;

/// An hour in milliseconds.
const HOUR: u64 = 3_600_000;

/// The largest integer that every JavaScript number can be.
const MOST_SAFE: u64 = (1 << 53) - 1;

impl Schema for ListenerOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .text("host", &mut self.host)
            .count("port", &mut self.port, 0..=65_535)
            .flag("reusePort", &mut self.reuse_port)
            .text("socketPath", &mut self.socket_path)
            .text("path", &mut self.path)
            .optional("tls", &mut self.tls)
            .optional("cors", &mut self.cors)
            .optional("tickets", &mut self.tickets)
            .flag("anonymous", &mut self.anonymous)
            .slot("publish", PublishSlot(&mut self.publish_token))
            .secret()
            .slot("metrics", MetricsSlot(&mut self.metrics))
            .secret()
            .optional("inspector", &mut self.inspector)
            .flag("trustProxy", &mut self.trust_proxy)
            .flag("traceContext", &mut self.trace_context)
            .group("limits", &mut self.limits)
    }
}

impl Schema for InspectorOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .text("token", &mut self.token)
            .secret()
            .required()
            .flag("data", &mut self.data)
            .flag("send", &mut self.send)
            .flag("disconnect", &mut self.disconnect)
    }
}

impl Schema for TlsOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default().pem("cert", &mut self.certificate).required().pem("key", &mut self.key).required()
    }
}

impl Schema for CorsOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .texts("origins", &mut self.origins)
            .required()
            .flag("credentials", &mut self.credentials)
            .seconds("maxAgeSeconds", &mut self.max_age, 0..=MOST_SAFE)
    }
}

impl Schema for ListenerLimits {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .count("connections", &mut self.connections, 1..=MANY)
            .count("connectionsPerAddress", &mut self.connections_per_address, 0..=MANY)
            .count("acceptsPerSecond", &mut self.accepts_per_second, 0..=MANY)
            .millis("headerTimeoutMs", &mut self.header_timeout, 10..=HOUR)
            .millis("bodyTimeoutMs", &mut self.body_timeout, 10..=HOUR)
            .millis("idleTimeoutMs", &mut self.idle_timeout, 10..=HOUR)
            .count("headerBytes", &mut self.header_bytes, 8_192..=1 << 20)
            .count("headers", &mut self.headers, 1..=1_000)
            .count("urlBytes", &mut self.url_bytes, 64..=65_000)
            .count("bodyBytes", &mut self.body_bytes, 1_024..=64 << 20)
            .count("streamsPerConnection", &mut self.streams_per_connection, 1..=10_000)
    }
}
