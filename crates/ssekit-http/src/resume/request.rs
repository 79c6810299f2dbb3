//! A request as Node.js read it, and what a ticket is bound to.
//!
//! A ticket stands for the application's answer to one question: who is this? So it is good only for a request that would ask
//! the same question: for the same URL, and with the same credentials. By default, these are `Authorization` and all cookies but
//! ssekit's own, because nobody but the application knows which of them counts. A page that logs in as somebody else, or logs
//! out, brings other cookies, and the application is asked.

use std::borrow::Cow;

use ring::digest::{Context, SHA256};

use crate::query::parameter;
use crate::resume::names::is_ours;

/// A request's target and its headers.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Path and query.
    pub target: &'a str,
    /// Names and values, by turns.
    pub headers: &'a [&'a str],
}

/// The parameter of a page that cannot set the header `Last-Event-ID`.
const PLACE: &str = "lastEventId";

/// The headers that say where a request comes from, if a proxy sets them. They count if the application has named the address.
const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// The choice of what a ticket is bound to besides the URL, the host, the origin and the kind of browser.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a> {
    /// The names of the cookies that say who the visitor is. `None`: all that are not ssekit's own.
    pub(super) cookies: Option<&'a [String]>,
    /// The names of further headers.
    pub(super) headers: &'a [String],
    /// Whether the application named the visitor's address.
    pub(super) by_address: bool,
}

impl<'a> Request<'a> {
    /// The values of a header, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.headers.chunks_exact(2);
        pairs.filter_map(move |pair| match pair {
            [its, value] if its.eq_ignore_ascii_case(name) => Some(*value),
            _ => None,
        })
    }

    /// The first value of a header.
    pub fn first(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// The path, without the query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The last event id, which the header says if there is one, and whether it came in the URL.
    pub fn last_event_id(&self) -> (Option<String>, bool) {
        match self.first("last-event-id").filter(|id| !id.is_empty()) {
            Some(id) => (Some(id.to_owned()), false),
            None => (self.parameter(PLACE).filter(|id| !id.is_empty()), true),
        }
    }

    /// The first parameter of the query with this name.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.query(), name).map(Cow::into_owned)
    }

    fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// Everything that has to be the same when the page comes back, as one short text.
    pub(super) fn digest(&self, choice: Choice<'_>) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut add = |kind: &str, value: &str| {
            for part in [kind, value] {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part.as_bytes());
            }
        };
        add("path", self.path());
        let parts = self.query().unwrap_or_default().split('&');
        parts.filter(|part| !part.is_empty() && !is_place(part)).for_each(|part| add("query", part));
        let named =
            ["accept", "host", "origin", "authorization"].into_iter().chain(choice.headers.iter().map(String::as_str));
        named.for_each(|name| self.all(name).for_each(|value| add(name, value)));
        add("browser", &kind_of_browser(self.first("user-agent").unwrap_or_default()));
        if choice.by_address {
            FORWARDED.iter().for_each(|name| self.all(name).for_each(|value| add(name, value)));
        }
        for (name, value) in self.credentials(choice.cookies) {
            add("cookie", name);
            add("value", value);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    /// The cookies that count, in an order of their own: a browser may change theirs.
    fn credentials(&self, names: Option<&[String]>) -> Vec<(&'a str, &'a str)> {
        let counts = |name: &str| match names {
            Some(names) => names.iter().any(|one| one == name),
            None => !is_ours(name),
        };
        let mut cookies: Vec<_> = self.cookies().filter(|(name, _)| counts(name)).collect();
        cookies.sort_unstable();
        cookies
    }

    /// The cookies (RFC 6265, section 4.2.1).
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = self.all("cookie").flat_map(|header| header.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('=')).map(|(name, value)| (name.trim(), value.trim()))
    }
}

/// The name of a browser without its versions, which change by themselves.
fn kind_of_browser(agent: &str) -> String {
    agent.chars().filter(|letter| !letter.is_ascii_digit() && !matches!(letter, '.' | '_')).collect()
}

/// Whether this part of a query is the page's position, which is another one each time the page comes back.
fn is_place(part: &str) -> bool {
    part.split_once('=').is_some_and(|(name, _)| name == PLACE)
}
