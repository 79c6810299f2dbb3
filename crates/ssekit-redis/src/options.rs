//! Options: where Redis is, and how much of it is used.

use std::fmt;

use ssekit_core::error::{Error, Result, counted};
use ssekit_core::schema::{Fields, Schema};

/// Options for Redis 6.2 or later, or Valkey.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// `redis://[user[:password]@]host[:port][/database]`, `rediss://…` for TLS, or, with sentinels,
    /// `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/service[/database]`. The login is for Redis.
    /// Sentinels that want one get it from `?sentinelUser=…&sentinelPassword=…` at the end. For a cluster, list several
    /// hosts in the same way as sentinels; they are tried in turn.
    pub url: String,
    /// The first part of all keys, in braces, so that all keys are in one slot of a cluster. Default: `ssekit`.
    pub prefix: String,
    /// The approximate number of events that Redis keeps, 100 to 100,000,000. Default: 100,000.
    pub max_stream_events: u64,
    /// Certificates, in PEM, of the authorities that may sign the server's; required for TLS.
    pub ca: Option<String>,
}

impl RedisOptions {
    /// Options for this URL, with defaults for the rest.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), prefix: "ssekit".into(), max_stream_events: 100_000, ca: None }
    }

    /// Parses the URL and checks the other options.
    ///
    /// # Errors
    /// Says which option is invalid and why, without the password.
    pub(crate) fn server(&self) -> Result<Server> {
        self.check_bounds("options.backplane")?;
        let usable = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > 128 || !self.prefix.chars().all(usable) {
            let got = match self.prefix.len() {
                length @ 129.. => counted(length, "byte"),
                _ => format!("{:?}", self.prefix),
            };
            return Err(Error::argument(format!(
                "options.backplane.prefix: got {got}, wants 1 to 128 letters, digits and the characters - _ . : /"
            )));
        }
        Server::parse(&self.url)
    }
}

impl Schema for RedisOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .text("redis", &mut self.url)
            .secret()
            .text("prefix", &mut self.prefix)
            .count("maxStreamEvents", &mut self.max_stream_events, 100..=100_000_000)
            .text("ca", &mut self.ca)
            .secret()
    }
}

/// Passwords do not belong in logs.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The contents of a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) tls: bool,
    /// All hosts with their ports.
    pub(crate) hosts: Vec<Host>,
    /// If set, the hosts are sentinels, and know where this service is.
    pub(crate) service: Option<String>,
    pub(crate) login: Login,
    /// The login at the sentinels.
    pub(crate) sentinel_login: Login,
    pub(crate) database: u32,
}

/// Without a password, there is no login.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

impl Host {
    /// Parses `host:port`, as a server names another one.
    pub(crate) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (name, port) = match text.rsplit_once(':') {
            // An IPv6 address is in brackets if a port follows.
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port.parse().ok()?),
            _ => (text, default_port),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        (!name.is_empty()).then(|| Self { name: name.into(), port })
    }
}

impl Server {
    fn parse(url: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::argument(format!(
                "options.backplane.redis: {what}, wants redis://[user[:password]@]host[:port][/database]"
            ))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("got text that is not a URL"))?;
        let (tls, sentinel) = match scheme {
            "redis" => (false, false),
            "rediss" => (true, false),
            "redis+sentinel" => (false, true),
            "rediss+sentinel" => (true, true),
            // Anything else may be a password at the wrong place.
            _ if scheme.len() <= 16 && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'+') => {
                return Err(wrong(&format!("got a URL with the scheme {scheme}")));
            }
            _ => return Err(wrong("got a URL with another scheme")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) =
            authority.rsplit_once('@').map_or((None, authority), |(login, hosts)| (Some(login), hosts));
        let default_port = if sentinel { 26_379 } else { 6_379 };
        let hosts: Option<Vec<Host>> = hosts.split(',').map(|host| Host::parse(host, default_port)).collect();
        let hosts = hosts
            .filter(|hosts| !hosts.is_empty())
            .ok_or_else(|| wrong("got a URL without a host, or with a port that is not a number"))?;
        let mut path = path.split('/').filter(|part| !part.is_empty());
        let service = if sentinel {
            Some(path.next().ok_or_else(|| wrong("got a URL without the name of a service"))?.into())
        } else {
            None
        };
        let database = match path.next() {
            Some(number) => number.parse().map_err(|_| wrong("got a database that is not a number"))?,
            None => 0,
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            // In `redis://secret@host`, the text is a user and not a password: clients do not agree on it.
            Some((user, "")) => {
                (Some(unescape(user).ok_or_else(|| wrong("got a user that is escaped wrongly"))?), None)
            }
            Some((user, password)) => {
                let password = unescape(password).ok_or_else(|| wrong("got a password that is escaped wrongly"))?;
                (unescape(user).filter(|user| !user.is_empty()), Some(password))
            }
            None => (None, None),
        };
        let parameter = |name: &str| {
            let value = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            let wrong = || wrong(&format!("got a {name} that is escaped wrongly"));
            value.map(|value| unescape(value).ok_or_else(wrong)).transpose()
        };
        let sentinel_login = Login { user: parameter("sentinelUser")?, password: parameter("sentinelPassword")? };
        Ok(Self { tls, hosts, service, login: Login { user, password }, sentinel_login, database })
    }
}

/// Decodes percent-encoding (RFC 3986, section 2.1).
fn unescape(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            out.push((digit()? * 16 + digit()?) as u8);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, port: u16) -> Host {
        Host { name: name.into(), port }
    }

    #[test]
    fn url_names_server_and_user() {
        let plain = Server::parse("redis://localhost").unwrap();
        assert_eq!(
            (plain.hosts, plain.tls, plain.database, plain.login.password),
            (vec![host("localhost", 6_379)], false, 0, None)
        );
        let full = Server::parse("rediss://ada:p%40ss%3Aword@[::1]:7000/3").unwrap();
        assert_eq!((full.hosts, full.tls, full.database), (vec![host("::1", 7_000)], true, 3));
        assert_eq!((full.login.user.as_deref(), full.login.password.as_deref()), (Some("ada"), Some("p@ss:word")));
        let secret = Server::parse("redis://:secret@a:1,b:2").unwrap();
        assert_eq!((secret.login.user, secret.login.password.as_deref()), (None, Some("secret")));
        assert_eq!(secret.hosts, [host("a", 1), host("b", 2)]);
        let sentinel = Server::parse("redis+sentinel://one,two:5000/main/4").unwrap();
        assert_eq!((sentinel.service.as_deref(), sentinel.database), (Some("main"), 4));
        assert_eq!(sentinel.hosts, [host("one", 26_379), host("two", 5_000)]);
        assert!(sentinel.sentinel_login.password.is_none());
        let guarded = "redis+sentinel://:secret@one/main?sentinelUser=eve&sentinelPassword=p%26ss";
        let Server { login, sentinel_login, .. } = Server::parse(guarded).unwrap();
        assert_eq!((login.user, login.password.as_deref()), (None, Some("secret")));
        assert_eq!((sentinel_login.user.as_deref(), sentinel_login.password.as_deref()), (Some("eve"), Some("p&ss")));
    }

    #[test]
    fn error_hides_the_password() {
        for url in [
            "",
            "localhost:6379",
            "http://:secret@a",
            "redis://",
            "redis://:secret@a:port",
            "redis://:secret@a/x",
            "redis+sentinel://a/main?sentinelPassword=secret%",
        ] {
            let error = Server::parse(url).map(|_| ()).unwrap_err();
            assert!(error.is_argument() && !error.to_string().contains("secret"), "{error}");
        }
        assert!(!format!("{:?}", RedisOptions::at("redis://:secret@a")).contains("secret"));
    }
}
