//! The claims of a ticket (RFC 7519, section 4.1), after its signature has been verified.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::ticket::{Claims, Grants, NewTicket, TicketError, TicketOptions};
use ssekit_core::event::{check_header_text, check_length};
use ssekit_core::session::revoked::LONGEST;

/// The claims as they are written. A claim that appears twice is an error, because two readers could take different values.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    sub: Option<String>,
    cid: Option<String>,
    jti: Option<String>,
    ch: Option<Vec<String>>,
    iss: Option<String>,
    aud: Option<AudClaim>,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AudClaim {
    One(String),
    Many(Vec<String>),
}

impl AudClaim {
    fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(name) => name == audience,
            Self::Many(names) => names.iter().any(|name| name == audience),
        }
    }
}

impl Payload {
    pub(super) fn of(json: &[u8]) -> Result<Self, TicketError> {
        serde_json::from_slice(json).map_err(|_| TicketError::Malformed)
    }

    pub(super) fn check(self, options: &TicketOptions, time: Duration) -> Result<Claims, TicketError> {
        let (now, leeway) = (time.as_secs_f64(), options.leeway.as_secs_f64());
        if !self.exp.is_finite() || self.nbf.is_some_and(|nbf| !nbf.is_finite()) {
            return Err(TicketError::Malformed);
        }
        if self.exp + leeway <= now {
            return Err(TicketError::Expired);
        }
        if self.nbf.is_some_and(|nbf| nbf - leeway > now) {
            return Err(TicketError::Early);
        }
        if !self.aud.is_some_and(|audience| audience.names(&options.audience)) {
            return Err(TicketError::Audience);
        }
        if options.issuer.is_some() && options.issuer != self.iss {
            return Err(TicketError::Issuer);
        }
        if options.one_time && self.jti.is_none() {
            return Err(TicketError::Malformed);
        }
        let issued = self.iat.map(micros).unwrap_or_default();
        // A log-out could not tell such a ticket from one issued after it (RFC 7519, section 4.1.6). Its `iat` may be in
        // milliseconds.
        if issued > time.saturating_add(options.leeway) {
            return Err(TicketError::Future);
        }
        // Log-outs are not remembered for longer. Without `iat`, the remaining time is the shortest lifetime that the ticket
        // can have.
        if self.exp - self.iat.unwrap_or(now) > LONGEST.as_secs_f64() {
            return Err(TicketError::TooLong);
        }
        if self.sub.as_deref().is_some_and(|user| check_length("sub", user).is_err()) {
            return Err(TicketError::UserId);
        }
        if self.cid.as_deref().is_some_and(|client| check_header_text("cid", client).is_err()) {
            return Err(TicketError::ClientId);
        }
        let left = Duration::try_from_secs_f64(self.exp + leeway - now).unwrap_or(Duration::MAX);
        let channels = Grants::new(self.ch.unwrap_or_default()).map_err(|_| TicketError::Channels)?;
        Ok(Claims { user: self.sub, client: self.cid, id: self.jti, channels, issued, left })
    }
}

/// A time since 1970 to the nearest microsecond, which is as exact as a JSON number. Zero for times before 1970.
fn micros(seconds: f64) -> Duration {
    let (whole, part) = (seconds.trunc(), (seconds.fract() * 1e6).round());
    if seconds <= 0.0 {
        Duration::ZERO
    } else {
        Duration::from_secs(whole as u64).saturating_add(Duration::from_micros(part as u64))
    }
}

/// The claims of a new ticket.
pub(super) fn write(ticket: &NewTicket, now: Duration) -> String {
    let begins = now + ticket.not_before;
    let mut claims = json!({
        "aud": ticket.audience,
        // With microseconds, because a log-out and a log-in may happen in the same second.
        "iat": now.as_micros() as f64 / 1e6,
        "exp": (begins + ticket.ttl).as_secs(),
        "jti": Uuid::new_v4().to_string(),
    });
    let optional = [
        ("sub", ticket.user.as_deref().map(Into::into)),
        ("cid", ticket.client.as_deref().map(Into::into)),
        ("ch", (!ticket.channels.is_empty()).then(|| ticket.channels.as_slice().into())),
        ("iss", ticket.issuer.as_deref().map(Into::into)),
        ("nbf", (!ticket.not_before.is_zero()).then(|| begins.as_secs().into())),
    ];
    if let Some(claims) = claims.as_object_mut() {
        claims.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    claims.to_string()
}
