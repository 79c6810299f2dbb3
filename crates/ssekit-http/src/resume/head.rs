//! The head of an answer that no framework writes: a stream's own headers, and those that the first answer had.

use std::time::SystemTime;

use crate::answer::end_of_connection;
use crate::resume::request::Request;

/// The version of HTTP that a request speaks. Over HTTP/1.0, a stream has no chunks and ends with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// The headers of every stream. Answers of the binding have the same (`ts/server/stream-headers.ts`).
const STREAM: [(&str, &str); 3] = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
];

/// Headers that belong to one answer alone: its connection, its date, and its cookies, which may be somebody's secrets.
const OF_ONE_ANSWER: [&str; 9] = [
    "set-cookie",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "content-length",
    "trailer",
    "upgrade",
    "date",
];

/// The headers of an answer that a ticket has to keep. `None` if a stream with such a head cannot be given again.
pub(super) fn own_headers(head: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let is = |name: &str, wanted: &str| name.eq_ignore_ascii_case(wanted);
    let has = |(wanted, its): &(&str, &str)| head.iter().any(|(name, value)| is(name, wanted) && value == its);
    if !STREAM.iter().all(has) || head.iter().any(|(name, _)| is(name, "content-encoding")) {
        return None;
    }
    let belongs = |(name, _): &&(String, String)| {
        !STREAM.iter().any(|(own, _)| is(name, own)) && !OF_ONE_ANSWER.iter().any(|own| is(name, own))
    };
    let own: Vec<_> = head.iter().filter(belongs).cloned().collect();
    own.iter().all(|(name, value)| is_name(name) && is_value(value)).then_some(own)
}

/// The head, with these headers and this `Set-Cookie`, and the opening of the stream after it.
pub(super) fn first_bytes(
    own: &[(String, String)],
    request: Request<'_>,
    version: Version,
    cookie: Option<&str>,
    opening: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(768 + opening.len());
    let mut line = |name: &str, value: &str| {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        // A header is Latin-1 for Node.js, which has read or would have written it.
        bytes.extend(value.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')));
        bytes.extend_from_slice(b"\r\n");
    };
    line("HTTP/1.1 200 OK\r\nDate", &httpdate::fmt_http_date(SystemTime::now()));
    STREAM.iter().for_each(|(name, value)| line(name, value));
    own.iter().for_each(|(name, value)| line(name, value));
    cookie.iter().for_each(|cookie| line("set-cookie", cookie));
    let (name, value) = end_of_connection(|name| request.first(name).map(str::as_bytes));
    line(name, value);
    if version == Version::Http11 {
        line("transfer-encoding", "chunked");
        bytes.extend_from_slice(format!("\r\n{:x}\r\n", opening.len()).as_bytes());
        bytes.extend_from_slice(opening);
        bytes.extend_from_slice(b"\r\n");
    } else {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(opening);
    }
    bytes
}

/// RFC 9110, section 5.1.
fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_letter)
}

/// RFC 9110, section 5.5, as Latin-1. No line ends in it, so that a value cannot become a header.
fn is_value(value: &str) -> bool {
    value.chars().all(|letter| matches!(letter, '\t' | ' '..='~' | '\u{80}'..='\u{ff}'))
}
