//! One connection to Redis: sends a command and waits for its answer, for a limited time.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use redis_protocol::resp2::types::BytesFrame;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::command::{Command, text};
use crate::options::{Host, RedisOptions, Server};
use crate::reply::{Unfit, take_reply};
use ssekit_core::backplane::Failure;

/// The time limit for a command that does not wait for anything.
pub(crate) const ANSWER: Duration = Duration::from_secs(3);

/// The oldest release with every feature that is used.
const OLDEST: (u32, u32) = (6, 2);

/// The kinds of errors that may refuse a login.
const LOGIN_ERRORS: [&str; 7] = ["WRONGPASS", "NOAUTH", "NOPERM", "ERR", "LOADING", "DENIED", "MASTERDOWN"];

/// The most characters of an error that are reported.
const MOST_TOLD: usize = 300;

/// A two-way byte stream: a socket, or TLS over one.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    server: Arc<Server>,
    tls: Option<TlsConnector>,
    /// The host that now has the keys, according to another server of the cluster.
    moved: Option<Host>,
    /// The host to try next.
    turn: usize,
}

/// An open connection.
pub(crate) struct Connection {
    transport: Box<dyn Transport>,
    /// Input that is not yet a complete answer.
    input: BytesMut,
    /// The password, which must not show up in the server's errors.
    secret: Option<String>,
}

impl Connector {
    /// # Errors
    /// The certificates are invalid.
    pub(crate) fn new(options: &RedisOptions, server: Server) -> ssekit_core::error::Result<Self> {
        let tls = if server.tls { Some(trusting(options.ca.as_deref())?) } else { None };
        Ok(Self { server: Arc::new(server), tls, moved: None, turn: 0 })
    }

    /// Opens a connection to the server that has the keys.
    pub(crate) async fn open(&mut self) -> Result<Connection, Failure> {
        let host = match (self.moved.take(), &self.server.service) {
            (Some(host), _) => host,
            (None, Some(service)) => self.ask_sentinels(&service.clone()).await?,
            (None, None) => self.next_host()?,
        };
        let mut connection = self.dial(&host).await?;
        let (user, password) = (self.server.user.as_deref(), self.server.password.as_deref());
        if let Some(password) = password {
            let auth = Command::new("AUTH");
            let auth = if let Some(user) = user { auth.arg(user) } else { auth };
            connection.call(&auth.arg(password), ANSWER).await.map_err(CallError::of_login)?;
        }
        if self.server.database > 0 {
            connection.call(&Command::new("SELECT").number(self.server.database.into()), ANSWER).await?;
        }
        connection.check_release().await?;
        Ok(connection)
    }

    /// If the keys have moved, the next connection goes to their new host. Otherwise the server is looked up again.
    pub(crate) fn learn_from(&mut self, error: &CallError) {
        self.moved = error.moved.clone();
    }

    /// Tries the hosts in turn.
    fn next_host(&mut self) -> Result<Host, Failure> {
        let hosts = &self.server.hosts;
        let host = hosts.get(self.turn % hosts.len().max(1)).cloned();
        self.turn = self.turn.wrapping_add(1);
        host.ok_or_else(|| Failure::new("Redis: there is no host"))
    }

    async fn ask_sentinels(&mut self, service: &str) -> Result<Host, Failure> {
        let mut last = Failure::new("Redis: there is no sentinel");
        for _ in 0..self.server.hosts.len() {
            let sentinel = self.next_host()?;
            let asked = async {
                let mut connection = self.dial(&sentinel).await?;
                let ask = Command::new("SENTINEL").arg("get-master-addr-by-name").arg(service);
                let answer = connection.call(&ask, ANSWER).await?;
                let known = match &answer {
                    BytesFrame::Array(parts) => parts.first().and_then(text).zip(parts.get(1).and_then(text)),
                    _ => None,
                };
                let known = known.and_then(|(name, port)| Some((name.to_owned(), port.parse().ok()?)));
                let (name, port) =
                    known.ok_or_else(|| Failure::new(format!("sentinel {sentinel} does not know of {service:?}")))?;
                Ok(Host { name, port })
            };
            match asked.await {
                Ok(host) => return Ok(host),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn dial(&self, host: &Host) -> Result<Connection, Failure> {
        let failed = |what: &dyn std::fmt::Display| Failure::new(format!("Redis at {host}: {what}"));
        let dialled = async {
            let socket = TcpStream::connect((host.name.as_str(), host.port)).await?;
            socket.set_nodelay(true)?;
            let Some(tls) = &self.tls else { return Ok(Box::new(socket) as Box<dyn Transport>) };
            let name = ServerName::try_from(host.name.clone()).map_err(std::io::Error::other)?;
            Ok(Box::new(tls.connect(name, socket).await?) as Box<dyn Transport>)
        };
        let dialled: std::io::Result<Box<dyn Transport>> =
            timeout(ANSWER, dialled).await.map_err(|_| failed(&"it cannot be reached in time"))?;
        let transport = dialled.map_err(|error| failed(&error))?;
        Ok(Connection { transport, input: BytesMut::new(), secret: self.server.password.clone() })
    }
}

/// The reason why a call failed.
#[derive(Debug)]
pub(crate) struct CallError {
    failure: Failure,
    /// The host that has the keys.
    moved: Option<Host>,
    /// The script must be sent in full.
    pub(crate) no_script: bool,
    /// The user lacks the permission.
    not_permitted: bool,
    /// The answer was too large: ask for less at once.
    pub(crate) too_large: bool,
    /// The kind of error that the server names, if a login can fail with it.
    kind: Option<&'static str>,
    /// Whether the error is an answer from the server.
    from_server: bool,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        error.failure
    }
}

impl CallError {
    fn new(message: impl Into<String>) -> Self {
        let failure = Failure::new(message);
        Self {
            failure,
            moved: None,
            no_script: false,
            not_permitted: false,
            too_large: false,
            kind: None,
            from_server: false,
        }
    }

    /// A server's error begins with its kind, in capital letters.
    fn of_server(message: &str) -> Self {
        let message = &printable(without_place(message));
        let mut words = message.split(' ');
        let kind = words.next().unwrap_or_default();
        let moved = if kind == "MOVED" { words.nth(1).and_then(|host| Host::parse(host, 6_379)) } else { None };
        let (no_script, not_permitted) = (kind == "NOSCRIPT", kind == "NOPERM");
        let kind = LOGIN_ERRORS.into_iter().find(|known| *known == kind);
        let from_server = true;
        Self { moved, no_script, not_permitted, kind, from_server, ..Self::new(format!("Redis: {message}")) }
    }

    /// Reports only the kind of a login error, because the rest may contain the password in any form.
    fn of_login(self) -> Self {
        match self.kind {
            Some(kind) => Self { failure: Failure::new(format!("Redis: {kind} the login is refused")), ..self },
            None if self.from_server => Self { failure: Failure::new("Redis: the login is refused"), ..self },
            None => self,
        }
    }
}

/// A server's text, safe to show anywhere.
fn printable(text: &str) -> String {
    text.chars().take(MOST_TOLD).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Removes the place of an error within a script, which tells the operator nothing. Redis 6.2 puts the place in front,
/// followed by the error's kind. Later releases put it at the end.
fn without_place(message: &str) -> &str {
    if let Some((_, behind)) = message.rsplit_once("@user_script:").filter(|_| message.starts_with("ERR Error running"))
    {
        return behind.split_once(": ").map_or(message, |(_, error)| error.trim_start_matches('-'));
    }
    match message.rsplit_once(" script: ") {
        Some((error, place)) if place.contains("@user_script") => error,
        _ => message,
    }
}

impl Connection {
    /// Sends a command and waits for its answer. Do not use the connection again after an error other than `no_script`,
    /// or after an abandoned call: an answer may still be on its way.
    pub(crate) async fn call(&mut self, command: &Command, time: Duration) -> Result<BytesFrame, CallError> {
        let answered = async {
            self.transport.write_all(&command.bytes()).await?;
            self.transport.flush().await?;
            self.answer().await
        };
        match timeout(time, answered).await {
            Err(_) => Err(CallError::new("Redis does not answer in time")),
            Ok(Err(error)) => {
                let too_large = error.get_ref().and_then(|error| error.downcast_ref()) == Some(&Unfit::TooLarge);
                Err(CallError { too_large, ..CallError::new(format!("Redis: {error}")) })
            }
            Ok(Ok(BytesFrame::Error(error))) => Err(CallError::of_server(&self.without_secret(&error))),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    /// A server, or something in its place, may repeat the password that it was sent.
    fn without_secret(&self, message: &str) -> String {
        match self.secret.as_deref().filter(|secret| !secret.is_empty()) {
            Some(secret) => message.replace(secret, "***"),
            None => message.to_owned(),
        }
    }

    async fn answer(&mut self) -> std::io::Result<BytesFrame> {
        loop {
            if let Some(answer) = take_reply(&mut self.input).map_err(std::io::Error::other)? {
                return Ok(answer);
            }
            // Reserve as much again as there is, so that a long answer is not scanned from its beginning too often.
            self.input.reserve(self.input.len().max(16 * 1024));
            if self.transport.read_buf(&mut self.input).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Checks the release. If the user may not ask for it, assumes that it is new enough.
    async fn check_release(&mut self) -> Result<(), Failure> {
        let answer = match self.call(&Command::new("INFO").arg("server"), ANSWER).await {
            Err(error) if error.not_permitted => return Ok(()),
            answer => answer?,
        };
        let info = text(&answer).unwrap_or_default();
        let Some(release) = info.lines().find_map(|line| line.strip_prefix("redis_version:")) else { return Ok(()) };
        let mut numbers = release.trim().split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let release_of = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if release_of < OLDEST {
            return Err(Failure::new(format!("Redis is {}, wants {}.{} or later", release.trim(), OLDEST.0, OLDEST.1)));
        }
        Ok(())
    }
}

fn trusting(pem: Option<&str>) -> ssekit_core::error::Result<TlsConnector> {
    let wrong = |what: String| ssekit_core::error::Error::argument(format!("options.backplane.ca: {what}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.unwrap_or_default().as_bytes()) {
        let certificate = certificate.map_err(|error| wrong(format!("got no certificate: {error}")))?;
        // Skip a certificate that rustls cannot use, as is usual: there may be an odd one among many.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(wrong("got none, wants certificates in PEM for rediss://".into()));
    }
    Ok(TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_error_loses_its_script_prefix() {
        for (told, bare) in [
            ("WRONGTYPE Operation against a key", "WRONGTYPE Operation against a key"),
            // Redis 7 and Valkey.
            ("OOM no memory script: 2e10c0, on @user_script:13.", "OOM no memory"),
            ("WRONGTYPE wrong script: on @user_script:1.", "WRONGTYPE wrong"),
            (
                "ERR ACL failure in script: User bob has no permissions script: on @user_script:1.",
                "ERR ACL failure in script: User bob has no permissions",
            ),
            // Redis 6.2.
            ("ERR Error running script (call to f_5a): @user_script:1: WRONGTYPE wrong", "WRONGTYPE wrong"),
            ("ERR Error running script (call to f_5a): @user_script:1: @user_script: 1: -OOM no: more", "OOM no: more"),
        ] {
            assert_eq!(without_place(told), bare);
        }
    }
}
