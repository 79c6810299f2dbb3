//! What a ticket says (RFC 7519, section 4.1), once its signature is known to be good.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::listener::ticket::{Claims, NewTicket, Refusal, TicketOptions};

/// The claims as they are written. A claim that stands there twice is an error: two readers could take different ones.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    sub: Option<String>,
    cid: Option<String>,
    jti: Option<String>,
    iss: Option<String>,
    aud: Option<Audience>,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(name) => name == audience,
            Self::Many(names) => names.iter().any(|name| name == audience),
        }
    }
}

impl Payload {
    pub(super) fn of(json: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(json).map_err(|_| Refusal::Malformed)
    }

    pub(super) fn check(self, options: &TicketOptions, now: Duration) -> Result<Claims, Refusal> {
        let (now, leeway) = (now.as_secs_f64(), options.leeway.as_secs_f64());
        if !self.exp.is_finite() || self.nbf.is_some_and(|nbf| !nbf.is_finite()) {
            return Err(Refusal::Malformed);
        }
        if self.exp + leeway <= now {
            return Err(Refusal::Expired);
        }
        if self.nbf.is_some_and(|nbf| nbf - leeway > now) {
            return Err(Refusal::Early);
        }
        if !self.aud.is_some_and(|audience| audience.names(&options.audience)) {
            return Err(Refusal::Audience);
        }
        if options.issuer.is_some() && options.issuer != self.iss {
            return Err(Refusal::Issuer);
        }
        if options.one_time && self.jti.is_none() {
            return Err(Refusal::Malformed);
        }
        // A ticket may be good for longer than a clock can count; then that is how long it is.
        let left = Duration::try_from_secs_f64(self.exp + leeway - now).unwrap_or(Duration::MAX);
        let issued = self.iat.and_then(|iat| Duration::try_from_secs_f64(iat).ok()).unwrap_or_default();
        Ok(Claims { user: self.sub, client: self.cid, id: self.jti, issued, left })
    }
}

/// The claims of a new ticket.
pub(super) fn write(ticket: NewTicket<'_>, now: Duration) -> String {
    let begins = now + ticket.not_before;
    let mut claims = json!({
        "aud": ticket.audience,
        // With its milliseconds: a log-out and a log-in may fall into one second.
        "iat": now.as_millis() as f64 / 1e3,
        "exp": (begins + ticket.ttl).as_secs(),
        "jti": Uuid::new_v4().to_string(),
    });
    let optional = [
        ("sub", ticket.user.map(Into::into)),
        ("cid", ticket.client.map(Into::into)),
        ("iss", ticket.issuer.map(Into::into)),
        ("nbf", (!ticket.not_before.is_zero()).then(|| begins.as_secs().into())),
    ];
    if let Some(claims) = claims.as_object_mut() {
        claims.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    claims.to_string()
}
