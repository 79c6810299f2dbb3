//! Checks of a listener's options that their list cannot express: the form of paths, origins and tokens, and which options
//! go together.

use ssekit_core::error::{Error, Result, counted};
use ssekit_core::schema::Schema;

use super::{CorsOptions, ListenerOptions, OWN_PATHS};
use crate::secret::MIN_SECRET_BYTES;

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
        check_token("options.inspector.token", self.inspector.as_ref().map(|inspector| inspector.token.as_str()))?;
        if self.tickets.is_none() && !self.anonymous && self.publish_token.is_none() {
            return Err(Error::argument(
                "options: got a listener that nobody could use, wants `tickets`, `anonymous: true` or `publish`",
            ));
        }
        Ok(())
    }

    fn check_address(&self) -> Result<()> {
        let Self { host, port, reuse_port, .. } = Self::default();
        let is_alone = self.host == host && self.port == port && self.reuse_port == reuse_port;
        match &self.socket_path {
            Some(path) if !is_alone => Err(Error::argument(format!(
                "options.socketPath: got {path:?} beside a TCP address, wants none of `host`, `port` and `reusePort` beside it"
            ))),
            _ => Ok(()),
        }
    }
}

impl CorsOptions {
    fn validate(&self) -> Result<()> {
        let any = self.origins.iter().any(|origin| origin == "*");
        if any && self.credentials {
            return Err(Error::argument(
                "options.cors.origins: got \"*\" with `credentials: true`, wants the origins that may send cookies",
            ));
        }
        if any && self.origins.len() > 1 {
            return Err(Error::argument(
                "options.cors.origins: got \"*\" beside other origins, wants \"*\" alone, or a list of origins",
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
        return Err(Error::argument(format!(
            "options.path: got {path:?}, which the listener uses itself, wants another path"
        )));
    }
    Ok(())
}

fn check_token(argument: &str, token: Option<&str>) -> Result<()> {
    let Some(token) = token else { return Ok(()) };
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::argument(format!(
            "{argument}: got a space or a character outside of printable ASCII, wants printable ASCII characters without spaces"
        )));
    }
    if token.len() < MIN_SECRET_BYTES {
        let got = counted(token.len(), "character");
        return Err(Error::argument(format!("{argument}: got {got}, wants at least {MIN_SECRET_BYTES}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ListenerLimits;

    fn anonymous() -> ListenerOptions {
        ListenerOptions { anonymous: true, ..ListenerOptions::default() }
    }

    fn refused(options: &ListenerOptions) -> String {
        options.validate().expect_err("options that cannot be used").to_string()
    }

    #[test]
    fn listener_without_a_purpose_is_refused() {
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
    fn any_origin_with_credentials_is_refused() {
        let cors = |origins: &[&str], credentials| {
            let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            ListenerOptions {
                cors: Some(CorsOptions { origins, credentials, ..CorsOptions::default() }),
                ..anonymous()
            }
        };
        assert!(refused(&cors(&["*"], true)).contains("with `credentials: true`"));
        assert!(refused(&cors(&["*", "https://a.example"], false)).contains("alone"));
        assert_eq!(cors(&["*"], false).validate(), Ok(()));
        assert_eq!(cors(&["https://a.example", "http://[::1]:3000"], true).validate(), Ok(()));
        for bad in ["a.example", "https://a.example/", "https://A.example", "https://", "null", "https://u@a.example"] {
            assert!(refused(&cors(&[bad], false)).contains("origin"), "{bad}");
        }
    }

    #[test]
    fn unreachable_path_is_refused() {
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
