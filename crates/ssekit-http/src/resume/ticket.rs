//! The content of a ticket, and whether it is good for a request.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::resume::cookie::{name_of, set};
use crate::resume::head::{Version, first_bytes, own_headers};
use crate::resume::keys::Keys;
use crate::resume::request::{Choice, Request};
use crate::resume::seal::{open, seal};
use ssekit_core::session::revoked::{LONGEST, MOST_LEEWAY};

/// How long tickets are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// After a connection. At least a second.
    pub ttl: Duration,
    /// After the application said who the page is, however often it has come back since. At most 30 days, because log-outs are
    /// remembered for that long.
    pub max_age: Duration,
}

/// The application's answer to one request of a page.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewTicket<'a> {
    /// The user; `None` for an anonymous client.
    pub user: Option<&'a str>,
    /// The channels that it gets.
    pub channels: &'a [String],
    /// Its description of itself for others, as JSON.
    pub data: Option<&'a str>,
    /// The application's addition to `ssekit:ready`, as JSON.
    pub welcome: Option<&'a str>,
    /// The cursor that the page was rendered with, if the application named it.
    pub since: Option<&'a str>,
    /// The client's address, if the application named it.
    pub address: Option<&'a str>,
    /// The names of the cookies that say who the visitor is. `None`: all that are not ssekit's own.
    pub cookies: Option<&'a [String]>,
    /// The names of further headers that do.
    pub headers: &'a [String],
}

/// A ticket that is good for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The user; `None` for an anonymous client.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The channels that it gets.
    #[serde(rename = "ch", default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Its description of itself for others, as JSON.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The application's addition to `ssekit:ready`, as JSON.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub welcome: Option<String>,
    /// The cursor that the page was rendered with.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The client's address, according to the application.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The headers of the first answer, without those that every answer here has.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    head: Vec<(String, String)>,
    /// The application was asked after this moment, in microseconds since 1970.
    #[serde(rename = "i")]
    identified: u64,
    /// The end of this ticket, in seconds since 1970.
    #[serde(rename = "e")]
    expires: u64,
    /// The time after a connection, and after the application was asked, in seconds.
    #[serde(rename = "b")]
    bounds: (u64, u64),
    /// The cookies and the headers that it is bound to.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<String>>,
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
    /// The code of everything that it is bound to.
    #[serde(rename = "m")]
    code: String,
}

impl Ticket {
    /// A ticket for whoever sent this request. `identified` is the time before the application was asked, and `head` are the
    /// headers of the answer. `None` if the answer is none that can be given again.
    pub fn new(
        request: Request<'_>,
        new: NewTicket<'_>,
        bounds: Bounds,
        identified: Duration,
        head: &[(String, String)],
    ) -> Option<Self> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let mut ticket = Self {
            user: owned(new.user),
            channels: new.channels.to_vec(),
            data: owned(new.data),
            welcome: owned(new.welcome),
            since: owned(new.since),
            address: owned(new.address),
            head: own_headers(head)?,
            identified: identified.as_micros() as u64,
            expires: 0,
            bounds: (bounds.ttl.as_secs(), bounds.max_age.min(LONGEST).as_secs()),
            cookies: new.cookies.map(<[String]>::to_vec),
            headers: new.headers.to_vec(),
            code: String::new(),
        };
        ticket.code = encode(code_of(&request.digest(ticket.choice())).as_ref());
        Some(ticket)
    }

    /// The ticket that a request brings, if it is good for this request now. Whether its user was logged out, only the hub knows.
    pub fn of(request: Request<'_>, keys: &Keys, now: Duration) -> Option<Self> {
        let content = open(keys, request.ticket()?)?;
        let ticket: Self = serde_json::from_slice(&content).ok()?;
        ticket.is_good(request, now).then_some(ticket)
    }

    /// The `Set-Cookie` that hands it out, good from now on. `None` if it is too long for a cookie, or has come to its end.
    pub fn cookie(&mut self, request: Request<'_>, keys: &Keys, now: Duration) -> Option<String> {
        let (ttl, max_age) = self.bounds;
        let end = self.identified().as_secs().saturating_add(max_age);
        self.expires = now.as_secs().saturating_add(ttl).min(end);
        let left = Duration::from_secs(self.expires.checked_sub(now.as_secs()).filter(|left| *left > 0)?);
        let value = seal(keys, &serde_json::to_vec(self).ok()?)?;
        set(request, &name_of(request), &value, left)
    }

    /// The answer to a request that the ticket is good for: the head, with this `Set-Cookie`, and the opening of the stream.
    pub fn first_bytes(&self, request: Request<'_>, version: Version, cookie: Option<&str>, opening: &[u8]) -> Vec<u8> {
        first_bytes(&self.head, request, version, cookie, opening)
    }

    /// The application was asked after this moment, since 1970.
    pub fn identified(&self) -> Duration {
        Duration::from_micros(self.identified)
    }

    fn is_good(&self, request: Request<'_>, now: Duration) -> bool {
        let code = decode(&self.code);
        let is_bound = hmac::verify(&code_key(), &request.digest(self.choice()), &code).is_ok();
        is_bound && now.as_secs() < self.expires && self.identified() <= now.saturating_add(MOST_LEEWAY)
    }

    fn choice(&self) -> Choice<'_> {
        let Self { cookies, headers, address, .. } = self;
        Choice { cookies: cookies.as_deref(), headers, by_address: address.is_some() }
    }
}

/// The comparison takes the same time wherever two codes differ. The key is no secret: the ticket around it is sealed.
fn code_key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, b"ssekit resume request 1")
}

fn code_of(digest: &[u8]) -> hmac::Tag {
    hmac::sign(&code_key(), digest)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}
