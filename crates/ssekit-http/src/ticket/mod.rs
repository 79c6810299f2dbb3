//! Tickets: signed JSON Web Tokens (RFC 7519) that say whose stream a request may open, and until when.
//!
//! Nothing in a token is believed before its signature is: of what is not signed yet, only the algorithm and the key's name
//! are looked at, and both only choose among keys that are configured, each of which knows its one algorithm.

mod once;
mod payload;
mod signature;

use std::time::Duration;

pub(crate) use once::{Once, Redeemed, Subject};
pub use signature::PublicKey;

use crate::secret::MIN_SECRET_BYTES;
use payload::Payload;
use ssekit_core::error::{Error, Result};
use ssekit_core::session::revoked::{LONGEST, MOST_LEEWAY, since_1970};

/// The longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 4_096;

/// Who a ticket is for, unless told otherwise.
pub const DEFAULT_AUDIENCE: &str = "ssekit";

/// Whose tickets are good.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketOptions {
    /// Shared secrets for HS256, at least 32 bytes each. The first one signs, all of them verify, so that one can replace
    /// another.
    pub secrets: Vec<String>,
    /// Public keys of others who sign.
    pub keys: Vec<PublicKey>,
    /// What `aud` has to name. Default: `ssekit`.
    pub audience: String,
    /// What `iss` has to be; none: anything, or nothing.
    pub issuer: Option<String>,
    /// How far clocks may be apart, up to five minutes. Default: 5 s.
    pub leeway: Duration,
    /// Whether a ticket opens one stream only, which it may continue. Default: false.
    pub one_time: bool,
    /// The cookie that may hold a ticket. Default: `ssekit_ticket`.
    pub cookie: String,
}

impl Default for TicketOptions {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            keys: Vec::new(),
            audience: DEFAULT_AUDIENCE.to_owned(),
            issuer: None,
            leeway: Duration::from_secs(5),
            one_time: false,
            cookie: "ssekit_ticket".to_owned(),
        }
    }
}

impl std::fmt::Debug for TicketOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketOptions").field("audience", &self.audience).field("one_time", &self.one_time).finish()
    }
}

/// What a good ticket says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user (`sub`); none: an anonymous client.
    pub user: Option<String>,
    /// The client id that the stream has to have (`cid`).
    pub client: Option<String>,
    /// The ticket's own id (`jti`).
    pub id: Option<String>,
    /// When it was issued (`iat`), since 1970; zero if it does not say.
    pub issued: Duration,
    /// How long it is still good.
    pub left: Duration,
}

/// Why a ticket is not good. This is for the operator; whoever presented it only learns that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketError {
    /// There is none.
    Missing,
    /// It is not a token of the compact form, or lacks what it must have.
    Malformed,
    /// Rejection configured key is for its algorithm: `none`, for instance.
    Algorithm,
    /// Rejection configured key of its algorithm has its `kid`.
    Key,
    /// It was tampered with, or signed with another key.
    Signature,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    Early,
    /// It says that it was issued in the future.
    Future,
    /// It is good for longer than log-outs are remembered: 30 days.
    TooLong,
    /// It is for somebody else.
    Audience,
    /// It is from somebody else.
    Issuer,
    /// Only one stream may be opened with it, and one has been.
    Used,
    /// So many one-time tickets of its user have been used, and are still good, that no further one can be.
    TooMany,
    /// Its user has been logged out since.
    Revoked,
    /// It is for another client id.
    Client,
    /// A cookie that another origin's page has sent along.
    Origin,
}

impl std::fmt::Display for TicketError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is none",
            Self::Malformed => "it is malformed",
            Self::Algorithm => "no key is configured for its algorithm",
            Self::Key => "no key is configured that its kid names",
            Self::Signature => "its signature is wrong",
            Self::Expired => "it has expired",
            Self::Early => "it is not valid yet",
            Self::Future => "its iat is in the future, or not in seconds",
            Self::TooLong => "it is good for more than 30 days",
            Self::Audience => "it is for another audience",
            Self::Issuer => "it is from another issuer",
            Self::Used => "it has been used",
            Self::TooMany => "too many one-time tickets of its user have been used",
            Self::Revoked => "its user has been logged out since",
            Self::Client => "it is for another client id",
            Self::Origin => "it came as a cookie with a request of another origin's page",
        })
    }
}

impl TicketOptions {
    pub(crate) fn validate(&self) -> Result<()> {
        if self.secrets.is_empty() && self.keys.is_empty() {
            return Err(Error::argument("options.tickets: wants a `secret` or `keys`"));
        }
        self.secrets.iter().try_for_each(|secret| check_secret("options.tickets.secret", secret))?;
        if self.leeway > MOST_LEEWAY {
            return Err(Error::range("options.tickets.leewaySeconds: wants 0 to 300"));
        }
        // RFC 6265, section 4.1.1: a cookie's name is a token.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.cookie.is_empty() || !self.cookie.bytes().all(token) {
            return Err(Error::argument("options.tickets.cookie: wants the name of a cookie"));
        }
        Ok(())
    }

    /// Checks a token, at a time since 1970.
    ///
    /// # Errors
    /// It is not good.
    pub fn verify(&self, token: &str, now: Duration) -> std::result::Result<Claims, TicketError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TicketError::Malformed);
        }
        let signed = signature::verified(token, self)?;
        Payload::of(&signed)?.check(self, now)
    }
}

/// What a new ticket shall say.
#[derive(Debug, Clone, Copy)]
pub struct NewTicket<'a> {
    /// The user; none: an anonymous client.
    pub user: Option<&'a str>,
    /// The client id that the stream has to have; none: any.
    pub client: Option<&'a str>,
    /// How long it is good, one second to 30 days.
    pub ttl: Duration,
    /// From when on it is good, counted from now.
    pub not_before: Duration,
    /// Who it is for.
    pub audience: &'a str,
    /// Who it is from.
    pub issuer: Option<&'a str>,
}

/// Signs a ticket with a shared secret (HS256), at a time since 1970.
///
/// # Errors
/// The secret is too short, an id cannot be used, or the time is out of its bounds.
pub fn issue(secret: &str, ticket: NewTicket<'_>, now: Duration) -> Result<String> {
    check_secret("secret", secret)?;
    if let Some(user) = ticket.user {
        ssekit_core::event::check_length("userId", user)?;
    }
    if let Some(client) = ticket.client {
        ssekit_core::event::check_header_text("clientId", client)?;
    }
    if !(Duration::from_secs(1)..=LONGEST).contains(&ticket.ttl) {
        return Err(Error::range("ttl: wants 1 to 2,592,000 seconds (30 days)"));
    }
    if ticket.not_before.saturating_add(ticket.ttl) > LONGEST {
        return Err(Error::range("notBefore: wants the ticket's end within 30 days"));
    }
    Ok(signature::signed(&payload::write(ticket, now), secret))
}

fn check_secret(argument: &str, secret: &str) -> Result<()> {
    if secret.len() < MIN_SECRET_BYTES {
        let got = secret.len();
        return Err(Error::argument(format!("{argument}: got {got} bytes, wants at least {MIN_SECRET_BYTES}")));
    }
    Ok(())
}

/// The time since 1970.
pub fn now() -> Duration {
    since_1970()
}

#[cfg(test)]
mod tests;
