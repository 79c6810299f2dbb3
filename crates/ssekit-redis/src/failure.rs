//! Errors of failed calls: they tell the operator enough, and no secret.

use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};

use crate::options::Host;
use ssekit_core::backplane::Failure;
use ssekit_core::error::printable;

/// The kinds of errors that may refuse a login.
const LOGIN_ERRORS: [&str; 7] = ["WRONGPASS", "NOAUTH", "NOPERM", "ERR", "LOADING", "DENIED", "MASTERDOWN"];

/// The maximum number of characters of an error that are reported.
const MOST_TOLD: usize = 300;

/// The passwords, which a server, or something in its place, may repeat.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.is_empty()).collect())
    }

    /// A server's text, safe to show anywhere.
    pub(crate) fn printable(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        printable(&text.chars().take(MOST_TOLD).collect::<String>())
    }
}

/// The host that has the keys, according to another server of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) host: Host,
    /// The keys are on their way there (`ASK`), so the host serves only those who know that.
    pub(crate) is_asking: bool,
}

impl Redirect {
    fn of(error: &ServerError) -> Option<Self> {
        let is_asking = error.kind() == Some(ServerErrorKind::Ask);
        let error = RedisError::from(error.clone());
        let host = Host::parse(error.redirect_node()?.0, 6_379)?;
        Some(Self { host, is_asking })
    }
}

/// The reason why a call failed.
#[derive(Debug)]
pub(crate) struct CallError {
    failure: Failure,
    /// The server's name for the error. `None`: the server did not answer, or not with an error.
    code: Option<String>,
    /// Another server has the keys.
    pub(crate) redirect: Option<Redirect>,
    /// The answer was too large: ask for less at once.
    pub(crate) too_large: bool,
}

/// A connection could not be opened.
impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self { failure, code: None, redirect: None, too_large: false }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        error.failure
    }
}

impl CallError {
    pub(crate) fn late() -> Self {
        Self::new("Redis does not answer in time")
    }

    pub(crate) fn too_large() -> Self {
        Self { too_large: true, ..Self::new("Redis: the answer is too large") }
    }

    fn new(message: impl Into<String>) -> Self {
        Failure::new(message).into()
    }

    /// The client library's error. Its message about an answer that it cannot parse may quote anything.
    pub(crate) fn of_client(error: &RedisError) -> Self {
        if error.kind() == ErrorKind::Parse {
            return Self::new("Redis: the answer is not the protocol of Redis");
        }
        Self::new(format!("Redis: {error}"))
    }

    /// The server's error.
    pub(crate) fn of_server(error: &ServerError, secrets: &Secrets) -> Self {
        let code = error.code();
        let line = error.details().map_or_else(|| code.to_owned(), |details| format!("{code} {details}"));
        let message = secrets.printable(without_place(&line));
        // An error in a script has the code ERR in Redis 6.2, and its own one behind the place.
        let code = message.split(' ').next().map(str::to_owned);
        let redirect = Redirect::of(error);
        Self { code, redirect, ..Self::new(format!("Redis: {message}")) }
    }

    /// Whether the server names the error so.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Reports only the kind of a login error, because the rest may contain the password in any form.
    pub(crate) fn of_login(self) -> Self {
        let Some(code) = &self.code else { return self };
        let failure = match LOGIN_ERRORS.into_iter().find(|known| known == code) {
            Some(known) => Failure::new(format!("Redis: {known} the login is refused")),
            None => Failure::new("Redis: the login is refused"),
        };
        Self { failure, ..self }
    }
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

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn of_server(line: &str) -> CallError {
        let Ok(Value::ServerError(error)) = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()) else {
            panic!("{line} is no error")
        };
        CallError::of_server(&error, &Secrets::new(["secret".into(), String::new()]))
    }

    fn told(error: CallError) -> String {
        Failure::from(error).to_string()
    }

    #[test]
    fn script_error_reads_like_a_command_error() {
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

    #[test]
    fn server_error_is_quoted_without_secrets_and_controls() {
        for (line, expected) in [
            (
                "READONLY You can't write against a read only replica.",
                "READONLY You can't write against a read only replica.",
            ),
            ("OOM", "OOM"),
            ("NOPERM user secret", "NOPERM user ***"),
            ("secret", "***"),
            ("ERR \u{1b}[2Jsecret", "ERR \u{fffd}[2J***"),
        ] {
            assert_eq!(told(of_server(line)), format!("Redis: {expected}"));
        }
    }

    #[test]
    fn of_a_refused_login_only_a_known_kind_is_told() {
        for (line, expected) in [
            ("WRONGPASS terces", "Redis: WRONGPASS the login is refused"),
            ("ERR terces", "Redis: ERR the login is refused"),
            ("TERCES no", "Redis: the login is refused"),
        ] {
            assert_eq!(told(of_server(line).of_login()), expected);
        }
    }

    #[test]
    fn unparsable_answer_is_not_quoted() {
        for bytes in [&b"HTTP secret\r\n"[..], b"$secret\r\n", b"*1\r\n:secret\r\n", b"\xff\r\n"] {
            let error = redis::parse_redis_value(bytes).unwrap_err();
            assert_eq!(told(CallError::of_client(&error)), "Redis: the answer is not the protocol of Redis");
        }
    }

    #[test]
    fn redirect_names_the_server_with_the_keys() {
        let host = Host { name: "::1".into(), port: 7_001 };
        let redirect = |is_asking| Some(Redirect { host: host.clone(), is_asking });
        assert_eq!(of_server("MOVED 3999 [::1]:7001").redirect, redirect(false));
        assert_eq!(of_server("ASK 3999 [::1]:7001").redirect, redirect(true));
        for line in ["MOVED", "ASK 3999", "MOVED 3999 a:port", "TRYAGAIN 3999 a:1", "ERR 3999 a:1"] {
            assert_eq!(of_server(line).redirect, None, "{line}");
        }
    }
}
