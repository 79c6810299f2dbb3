//! Tickets: signed JSON Web Tokens (RFC 7519) that say whose stream a request may open, and until when.
//!
//! No part of a token is trusted before its signature has been verified. Until then, only the algorithm and the key's id are
//! read. Both merely choose among the configured keys, and each key has exactly one algorithm.

mod grants;
mod keys;
mod once;
mod payload;
mod signature;

use std::time::Duration;

pub use grants::Grants;
pub(crate) use once::{Continued, Once, Redeemed, Subject};
pub use signature::PublicKey;

use crate::secret::MIN_SECRET_BYTES;
use keys::KeysSlot;
use payload::Payload;
use ssekit_core::error::{Error, Result, counted, grouped};
use ssekit_core::schema::{Fields, Schema};
use ssekit_core::session::revoked::{LONGEST, MOST_LEEWAY, since_1970};

/// The longest token that is read at all, in bytes.
const MAX_TOKEN_BYTES: usize = 4_096;

/// The audience of a ticket, unless another is given.
pub const DEFAULT_AUDIENCE: &str = "ssekit";

/// The tickets that are valid.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketOptions {
    /// Shared secrets for HS256, at least 32 bytes each. The first one signs and all of them verify, so one secret can
    /// replace another.
    pub secrets: Vec<String>,
    /// Public keys of other parties that sign tickets.
    pub keys: Vec<PublicKey>,
    /// The audience that `aud` must name. Default: `ssekit`.
    pub audience: String,
    /// The `iss` that a ticket must have. Without it, `iss` may be anything or missing.
    pub issuer: Option<String>,
    /// The maximum difference between clocks, up to five minutes. Default: 5 s.
    pub leeway: Duration,
    /// Whether a ticket opens only one stream, which it may also continue. Default: false.
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

/// The claims of a valid ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user (`sub`). Without one, the client is anonymous.
    pub user: Option<String>,
    /// The client id that the stream must have (`cid`).
    pub client: Option<String>,
    /// The ticket's own id (`jti`).
    pub id: Option<String>,
    /// The channels that its page may read (`ch`).
    pub channels: Grants,
    /// When it was issued (`iat`), since 1970; zero if the ticket does not say.
    pub issued: Duration,
    /// The time it remains valid.
    pub left: Duration,
}

/// Why a ticket is not valid. The reason is for the operator; the client only learns that the ticket is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketError {
    /// The request has no ticket.
    Missing,
    /// It is not a token in compact form, or lacks a required claim.
    Malformed,
    /// No configured key is for its algorithm, which may be `none`, for instance.
    Algorithm,
    /// No configured key of its algorithm has its `kid`.
    Key,
    /// It was tampered with, or signed with another key.
    Signature,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    Early,
    /// It says that it was issued in the future.
    Future,
    /// It is valid for longer than log-outs are remembered: 30 days.
    TooLong,
    /// It is for another audience.
    Audience,
    /// It is from another issuer.
    Issuer,
    /// It may open only one stream, and has done so.
    Used,
    /// Too many one-time tickets of its user have been used and have not expired yet.
    TooMany,
    /// Its user has been logged out since it was issued.
    Revoked,
    /// It is for another client id.
    Client,
    /// Its `sub` cannot be the id of a user.
    UserId,
    /// Its `cid` cannot be the id of a client.
    ClientId,
    /// It came as a cookie with a request from another origin's page.
    Origin,
    /// One of its channels is neither a name nor a pattern.
    Channels,
}

impl std::fmt::Display for TicketError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "the request has none",
            Self::Malformed => "it is malformed",
            Self::Algorithm => "no key is configured for its algorithm",
            Self::Key => "no key with its kid is configured",
            Self::Signature => "its signature is wrong",
            Self::Expired => "it has expired",
            Self::Early => "it is not valid yet",
            Self::Future => "its iat is in the future, or not in seconds",
            Self::TooLong => "it is valid for more than 30 days",
            Self::Audience => "it is for another audience",
            Self::Issuer => "it is from another issuer",
            Self::Used => "it has been used",
            Self::TooMany => "too many one-time tickets of its user have been used",
            Self::Revoked => "its user has been logged out since",
            Self::Client => "it is for another client id",
            Self::UserId => "its sub cannot be the id of a user, which has 1 to 256 bytes",
            Self::ClientId => "its cid cannot be the id of a client, which has 1 to 256 printable ASCII characters",
            Self::Origin => "it came as a cookie with a request of another origin's page",
            Self::Channels => "one of its channels is neither a name nor a pattern that ends with `*`",
        })
    }
}

impl Schema for TicketOptions {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .text_or_texts("secret", &mut self.secrets)
            .secret()
            .slot("keys", KeysSlot(&mut self.keys))
            .secret()
            .text("audience", &mut self.audience)
            .text("issuer", &mut self.issuer)
            .seconds("leewaySeconds", &mut self.leeway, 0..=MOST_LEEWAY.as_secs())
            .flag("oneTime", &mut self.one_time)
            .text("cookie", &mut self.cookie)
    }
}

impl TicketOptions {
    pub(crate) fn validate(&self) -> Result<()> {
        if self.secrets.is_empty() && self.keys.is_empty() {
            return Err(Error::argument(
                "options.tickets: got neither `secret` nor `keys`, wants at least one of them",
            ));
        }
        self.secrets.iter().try_for_each(|secret| check_secret("options.tickets.secret", secret))?;
        // RFC 6265, section 4.1.1: a cookie's name is a token.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.cookie.is_empty() || !self.cookie.bytes().all(token) {
            return Err(Error::argument(format!(
                "options.tickets.cookie: got {:?}, wants the name of a cookie: letters, digits and !#$%&'*+-.^_`|~",
                self.cookie
            )));
        }
        Ok(())
    }

    /// Checks a token, at a time since 1970.
    ///
    /// # Errors
    /// The token is not valid.
    pub fn verify(&self, token: &str, now: Duration) -> std::result::Result<Claims, TicketError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TicketError::Malformed);
        }
        let signed = signature::verified(token, self)?;
        Payload::of(&signed)?.check(self, now)
    }
}

/// The claims of a new ticket.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// The user. Without one, the client is anonymous.
    pub user: Option<String>,
    /// The client id that the stream must have. Without it, any id is accepted.
    pub client: Option<String>,
    /// The channels that its page may read: names, which it gets at once, and patterns (`order:*`), which it may ask for.
    pub channels: Vec<String>,
    /// The time it is valid, one second to 30 days. Default: one hour.
    pub ttl: Duration,
    /// When it becomes valid, counted from now. Default: at once.
    pub not_before: Duration,
    /// Its audience. Default: `ssekit`.
    pub audience: String,
    /// Its issuer.
    pub issuer: Option<String>,
}

impl Default for NewTicket {
    fn default() -> Self {
        Self {
            user: None,
            client: None,
            channels: Vec::new(),
            ttl: Duration::from_secs(3_600),
            not_before: Duration::ZERO,
            audience: DEFAULT_AUDIENCE.to_owned(),
            issuer: None,
        }
    }
}

impl Schema for NewTicket {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .text("userId", &mut self.user)
            .text("clientId", &mut self.client)
            .texts("channels", &mut self.channels)
            .seconds("ttl", &mut self.ttl, 1..=LONGEST.as_secs())
            .seconds("notBefore", &mut self.not_before, 0..=LONGEST.as_secs())
            .text("audience", &mut self.audience)
            .text("issuer", &mut self.issuer)
    }
}

/// Signs a ticket with a shared secret (HS256), at a time since 1970.
///
/// ```
/// use std::time::Duration;
///
/// use ssekit_http::ticket::{NewTicket, TicketOptions, issue, now};
///
/// let secret = "0123456789abcdef0123456789abcdef";
/// let ticket = NewTicket { user: Some("ada".to_owned()), ttl: Duration::from_secs(60), ..NewTicket::default() };
/// let token = issue(secret, ticket, now())?;
/// let options = TicketOptions { secrets: vec![secret.to_owned()], ..TicketOptions::default() };
/// assert_eq!(options.verify(&token, now()).unwrap().user.as_deref(), Some("ada"));
/// # Ok::<(), ssekit_core::Error>(())
/// ```
///
/// # Errors
/// The secret is too short, an id or a channel cannot be used, or a time is out of bounds.
pub fn issue(secret: &str, ticket: NewTicket, now: Duration) -> Result<String> {
    check_secret("ticket.secret", secret)?;
    if let Some(user) = &ticket.user {
        ssekit_core::event::check_length("ticket.userId", user)?;
    }
    if let Some(client) = &ticket.client {
        ssekit_core::event::check_header_text("ticket.clientId", client)?;
    }
    Grants::in_argument("ticket.channels", ticket.channels.clone())?;
    ticket.check_bounds("ticket")?;
    if ticket.not_before.saturating_add(ticket.ttl) > LONGEST {
        let [not_before, ttl] = [ticket.not_before, ticket.ttl].map(|time| grouped(time.as_secs()));
        return Err(Error::range(format!(
            "ticket.notBefore: got {not_before} s with a ttl of {ttl} s, wants both together within 30 days"
        )));
    }
    let token = signature::signed(&payload::write(&ticket, now), secret);
    if token.len() > MAX_TOKEN_BYTES {
        let (got, most) = (grouped(token.len() as u64), grouped(MAX_TOKEN_BYTES as u64));
        return Err(Error::range(format!(
            "ticket: got {got} bytes when signed, wants at most {most}; a pattern such as `order:*` stands for many channels"
        )));
    }
    Ok(token)
}

fn check_secret(argument: &str, secret: &str) -> Result<()> {
    if secret.len() < MIN_SECRET_BYTES {
        let got = counted(secret.len(), "byte");
        return Err(Error::argument(format!("{argument}: got {got}, wants at least {MIN_SECRET_BYTES}")));
    }
    Ok(())
}

/// The time since 1970.
pub fn now() -> Duration {
    since_1970()
}

#[cfg(test)]
mod tests;
