//! Options of a listener, with their defaults and bounds.
//!
//! A new option is a field here with its default, a line in its struct's [`Schema`], and its documentation in `listener.d.ts`.

mod slots;

use std::path::PathBuf;
use std::time::Duration;

use crate::secret::MIN_SECRET_BYTES;
use crate::ticket::TicketOptions;
use slots::{MetricsSlot, PublishSlot};
use ssekit_core::error::{Error, Result};
use ssekit_core::schema::{Fields, Schema};

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
    /// Which tickets are valid.
    pub tickets: Option<TicketOptions>,
    /// Whether a request without a ticket gets an anonymous stream. Default: false.
    pub anonymous: bool,
    /// The token that a publisher must present. Without it, nobody can publish over HTTP.
    pub publish_token: Option<String>,
    /// Who may read `/metrics`. Default: nobody.
    pub metrics: MetricsAccess,
    /// Whether all connections come from a proxy that names its client in `X-Forwarded-For`. Default: false.
    pub trust_proxy: bool,
    /// Whether an event that is published over HTTP keeps its publisher's trace context
    /// (<https://www.w3.org/TR/trace-context/>). Default: false.
    pub trace_context: bool,
    /// Bounds of what a peer may do.
    pub limits: ListenerLimits,
}

/// Who may read `/metrics`.
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
    /// How long a browser may cache the answer to a preflight. Default: ten minutes.
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
pub(crate) const OWN_PATHS: [&str; 5] = ["/publish", "/healthz", "/readyz", "/metrics", "/openapi.json"];

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
            .flag("trustProxy", &mut self.trust_proxy)
            .flag("traceContext", &mut self.trace_context)
            .group("limits", &mut self.limits)
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

impl ListenerOptions {
    /// Checks every bound.
    ///
    /// # Errors
    /// A value cannot be used. The message has its name in JavaScript.
    pub fn validate(&self) -> Result<()> {
        self.check_bounds("options")?;
        self.check_address()?;
        check_path(&self.path)?;
        if let Some(cors) = &self.cors {
            cors.validate()?;
        }
        if let Some(tickets) = &self.tickets {
            tickets.validate()?;
        }
        check_token("options.publish.token", self.publish_token.as_deref())?;
        check_token("options.metrics.token", self.metrics.token())?;
        if self.tickets.is_none() && !self.anonymous && self.publish_token.is_none() {
            return Err(Error::argument(
                "options: nobody could use this listener; it wants `tickets`, `anonymous: true` or `publish`",
            ));
        }
        Ok(())
    }

    fn check_address(&self) -> Result<()> {
        let Self { host, port, reuse_port, .. } = Self::default();
        let is_alone = self.host == host && self.port == port && self.reuse_port == reuse_port;
        match &self.socket_path {
            Some(path) if !is_alone => Err(Error::argument(format!(
                "options.socketPath: got {path:?} beside a TCP address, wants to stand without `host`, `port` and `reusePort`"
            ))),
            _ => Ok(()),
        }
    }
}

impl CorsOptions {
    fn validate(&self) -> Result<()> {
        let any = self.origins.iter().any(|origin| origin == "*");
        if any && (self.credentials || self.origins.len() > 1) {
            return Err(Error::argument(
                "options.cors.origins: `*` stands alone and without credentials; name the origins that may send cookies",
            ));
        }
        match self.origins.iter().find(|origin| *origin != "*" && !is_origin(origin)) {
            Some(origin) => Err(Error::argument(format!(
                "options.cors.origins: got {origin:?}, wants an origin as a browser writes it, such as https://app.example.com"
            ))),
            None => Ok(()),
        }
    }
}

/// Whether a browser would write an origin like this: scheme, host and perhaps a port, in lower case, with nothing after it.
fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/?#@\\\"".contains(&byte);
    !host.is_empty() && host.bytes().all(plain)
}

fn check_path(path: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#%".contains(&byte);
    if !path.starts_with('/') || path.len() > 256 || !path.bytes().all(plain) {
        return Err(Error::argument(format!(
            "options.path: got {path:?}, wants a path that begins with /, at most 256 printable ASCII characters, none of ?#%"
        )));
    }
    if OWN_PATHS.contains(&path) {
        return Err(Error::argument(format!("options.path: {path} is the listener's own")));
    }
    Ok(())
}

fn check_token(argument: &str, token: Option<&str>) -> Result<()> {
    let Some(token) = token else { return Ok(()) };
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::argument(format!("{argument}: wants printable ASCII characters without spaces")));
    }
    if token.len() < MIN_SECRET_BYTES {
        let got = token.len();
        return Err(Error::argument(format!("{argument}: got {got} characters, wants at least {MIN_SECRET_BYTES}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymous() -> ListenerOptions {
        ListenerOptions { anonymous: true, ..ListenerOptions::default() }
    }

    fn refused(options: &ListenerOptions) -> String {
        options.validate().expect_err("options that cannot be used").to_string()
    }

    #[test]
    fn a_listener_that_nobody_could_use_is_refused() {
        assert!(refused(&ListenerOptions::default()).contains("tickets"));
        assert_eq!(anonymous().validate(), Ok(()));
    }

    #[test]
    fn a_limit_out_of_bounds_is_named() {
        let limits = ListenerLimits { header_bytes: 8_191, ..ListenerLimits::default() };
        assert!(refused(&ListenerOptions { limits, ..anonymous() }).contains("options.limits.headerBytes"));
    }

    #[test]
    fn unix_socket_stands_without_a_tcp_address() {
        let unix = ListenerOptions { socket_path: Some("/tmp/a".into()), ..anonymous() };
        assert_eq!(unix.validate(), Ok(()));
        for both in [
            ListenerOptions { port: 80, ..unix.clone() },
            ListenerOptions { host: "::".to_owned(), ..unix.clone() },
            ListenerOptions { reuse_port: true, ..unix.clone() },
        ] {
            assert!(refused(&both).contains("options.socketPath"));
        }
    }

    #[test]
    fn every_origin_and_credentials_do_not_go_together() {
        let cors = |origins: &[&str], credentials| {
            let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            ListenerOptions {
                cors: Some(CorsOptions { origins, credentials, ..CorsOptions::default() }),
                ..anonymous()
            }
        };
        assert!(refused(&cors(&["*"], true)).contains("without credentials"));
        assert!(refused(&cors(&["*", "https://a.example"], false)).contains("alone"));
        assert_eq!(cors(&["*"], false).validate(), Ok(()));
        assert_eq!(cors(&["https://a.example", "http://[::1]:3000"], true).validate(), Ok(()));
        for bad in ["a.example", "https://a.example/", "https://A.example", "https://", "null", "https://u@a.example"] {
            assert!(refused(&cors(&[bad], false)).contains("origin"), "{bad}");
        }
    }

    #[test]
    fn a_path_that_could_not_be_asked_for_is_refused() {
        for path in ["", "events", "/a?b", "/a b", "/%41", "/metrics", "/é"] {
            assert!(
                refused(&ListenerOptions { path: path.to_owned(), ..anonymous() }).contains("options.path"),
                "{path}"
            );
        }
    }

    #[test]
    fn a_guessable_token_is_refused_without_showing_it() {
        let options = ListenerOptions { publish_token: Some("secret".to_owned()), ..anonymous() };
        let message = refused(&options);
        assert!(message.contains("publish.token") && !message.contains("secret"), "{message}");
    }
}
