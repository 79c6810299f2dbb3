//! Complete answers, and the head of an event stream.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};

use uuid::Uuid;

use crate::misfit::quoted;
use ssekit_core::error::{Error, Refusal};

/// An answer with its complete body.
pub(crate) type Answer = Response<Full<Bytes>>;

/// The listener is about to end. A client finds another one when it tries again.
pub(crate) fn closing() -> Answer {
    later(StatusCode::SERVICE_UNAVAILABLE, "This listener is closing. Try again later.\n")
}

/// A line of text for a person.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with_type(status, "text/plain; charset=utf-8", body.into())
}

/// JSON for a program.
pub(crate) fn json<T: serde::Serialize + ?Sized>(status: StatusCode, body: &T) -> Answer {
    // All answers here consist of strings, numbers and lists, which can always be serialized.
    with_type(status, "application/json", serde_json::to_vec(body).unwrap_or_default().into())
}

pub(crate) fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// No body, and no headers about one.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// Nothing is served at the request's path.
pub(crate) fn not_found<B>(request: &Request<B>, stream: &str) -> Answer {
    let got = quoted(request.uri().path());
    let says = format!("URL: got the path {got}, wants {stream:?}, or a path of /openapi.json that is switched on.\n");
    text(StatusCode::NOT_FOUND, says)
}

/// The method is not allowed; the answer lists the allowed ones.
pub(crate) fn wrong_method(method: &Method, allow: &'static str) -> Answer {
    let got = quoted(method.as_str());
    let says = format!("Method: got {got}, wants one of {allow}.\n");
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, says);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// The allowed methods of a path, in answer to OPTIONS.
pub(crate) fn options(allow: &'static str) -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// The credentials are missing or not valid. Only the operator log says why.
pub(crate) fn unauthorized() -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, "Unauthorized.\n");
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

/// Try again in five to fifteen seconds. The delay is random, so clients do not all return in the same second (RFC 9110,
/// section 10.2.3).
pub(crate) fn later(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = text(status, body);
    let seconds = 5 + (Uuid::new_v4().as_u128() % 11) as u64;
    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    answer
}

/// The whole stream of a page that connects while the hub drains. An `EventSource` takes any other answer as final, and would
/// not come back to the process that takes over. The connection is closed, because it leads to the process that is ending.
pub(crate) fn farewell(body: Bytes, version: Version) -> Answer {
    last(stream_head().map(|()| Full::new(body)), version)
}

/// The last answer on its connection.
pub(crate) fn last(mut answer: Answer, version: Version) -> Answer {
    if version < Version::HTTP_2 {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// The answer for an error of the engine. (During a drain, the client gets a farewell instead.)
pub(crate) fn of_error(error: &Error) -> Answer {
    match error.refusal() {
        Some(Refusal::Claimed) => {
            text(StatusCode::CONFLICT, "clientId: got an id that belongs to another user, wants another id.\n")
        }
        Some(Refusal::Clients) => later(StatusCode::SERVICE_UNAVAILABLE, "Too many streams. Try again later.\n"),
        Some(Refusal::User) => {
            later(StatusCode::TOO_MANY_REQUESTS, "Too many streams for this user. Close one, or try again later.\n")
        }
        Some(Refusal::Address) => {
            later(StatusCode::TOO_MANY_REQUESTS, "Too many streams from this address. Close one, or try again later.\n")
        }
        None if error.is_argument() => text(StatusCode::BAD_REQUEST, format!("{error}.\n")),
        None if error.is_channels_full() => text(StatusCode::TOO_MANY_REQUESTS, format!("{error}.\n")),
        Some(Refusal::Draining) | None => {
            later(StatusCode::SERVICE_UNAVAILABLE, "The server cannot open a stream now. Try again later.\n")
        }
    }
}

/// The head of an event stream. Events must arrive as they are sent: uncached, unchanged, and not buffered by nginx.
pub(crate) fn stream_head() -> Response<()> {
    let mut head = Response::new(());
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    head
}

/// The head of a stream that is about to begin, in answer to a request with these headers.
pub(crate) fn beginning_head(version: Version, request: &HeaderMap) -> Response<()> {
    let mut head = stream_head();
    if version != Version::HTTP_2 {
        let (name, value) = end_of_connection(|name| request.get(name).map(HeaderValue::as_bytes));
        head.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    head
}

/// The header of a stream over HTTP/1 that keeps the client from sending another request on its connection, which ends with the
/// stream (RFC 9112, section 9.6). `header` returns a header of the request.
///
/// undici needs another header. If a connection with `Connection: close` breaks off, undici treats the response as complete
/// and does not reconnect. A proxy may forward undici's name, but never its `Connection: keep-alive` (RFC 9110, section
/// 7.6.1).
pub(crate) fn end_of_connection<'a>(header: impl Fn(&'static str) -> Option<&'a [u8]>) -> (&'static str, &'static str) {
    let says = |name, values: &[&str]| {
        let value = header(name).unwrap_or_default();
        values.iter().any(|wanted| value.eq_ignore_ascii_case(wanted.as_bytes()))
    };
    if says("user-agent", &["node", "undici"]) && says("connection", &["keep-alive"]) {
        ("keep-alive", "timeout=0")
    } else {
        ("connection", "close")
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::USER_AGENT;

    use super::*;

    #[test]
    fn stream_over_http_1_ends_its_connection() {
        let head = |version, agent: &'static str, connection: &'static str| {
            let headers = [(USER_AGENT, agent), (CONNECTION, connection)];
            let headers = headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
            let head = beginning_head(version, &headers);
            let value = |name: &str| head.headers().get(name).map(|value| value.as_bytes().to_vec());
            (value("connection"), value("keep-alive"))
        };
        let closes = (Some(b"close".to_vec()), None);
        for agent in ["", "Mozilla/5.0", "nodes", "node-fetch", "curl/8.1"] {
            assert_eq!(head(Version::HTTP_11, agent, "keep-alive"), closes, "{agent}");
        }
        for agent in ["node", "undici", "Node"] {
            assert_eq!(head(Version::HTTP_11, agent, "Keep-Alive"), (None, Some(b"timeout=0".to_vec())), "{agent}");
            // A proxy has forwarded the name.
            assert_eq!(head(Version::HTTP_11, agent, ""), closes, "{agent}");
            assert_eq!(head(Version::HTTP_11, agent, "close"), closes, "{agent}");
            assert_eq!(head(Version::HTTP_2, agent, "keep-alive"), (None, None));
        }
        assert_eq!(head(Version::HTTP_2, "Mozilla/5.0", ""), (None, None));
    }
}
