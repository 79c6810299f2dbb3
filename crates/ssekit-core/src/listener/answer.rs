//! Answers: those that end at once, and the head of an event stream.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode, Version};

use uuid::Uuid;

use crate::error::Error;
use crate::life::Refusal;

/// An answer that is there as a whole.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A line of text for a person.
pub(crate) fn text(status: StatusCode, body: &'static str) -> Answer {
    with_type(status, "text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()))
}

/// JSON for a program.
pub(crate) fn json<T: serde::Serialize + ?Sized>(status: StatusCode, body: &T) -> Answer {
    // What is answered here consists of strings, numbers and lists, which can always be written.
    with_type(status, "application/json", serde_json::to_vec(body).unwrap_or_default().into())
}

pub(crate) fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// No body, and nothing to say about one.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

pub(crate) fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "Not found.\n")
}

/// The method is wrong; these are right.
pub(crate) fn wrong_method(allow: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// What the path can do, for who asks by OPTIONS.
pub(crate) fn options(allow: &'static str) -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// The credentials are missing or not good. Why, only the journal knows.
pub(crate) fn unauthorized() -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, "Unauthorized.\n");
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

/// Not now; come back in a while, five to fifteen seconds: not all in the same one (RFC 9110, section 10.2.3).
pub(crate) fn later(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = text(status, body);
    let seconds = 5 + (Uuid::new_v4().as_u128() % 11) as u64;
    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    answer
}

/// The whole stream of a page that comes while the hub is drained: an `EventSource` takes any other answer for final, and
/// would not come back to the process that takes over. And not over this connection, which leads to the one that ends.
pub(crate) fn farewell(body: Bytes, version: Version) -> Answer {
    let mut answer = stream_head().map(|()| Full::new(body));
    if version < Version::HTTP_2 {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// What an error of the engine's is to a peer. (That the hub is drained, it is told otherwise.)
pub(crate) fn of_error(error: &Error) -> Answer {
    match error.refusal() {
        Some(Refusal::Claimed) => text(StatusCode::CONFLICT, "This client id belongs to another user.\n"),
        Some(Refusal::Clients) => {
            later(StatusCode::SERVICE_UNAVAILABLE, "There are as many streams as there may be.\n")
        }
        Some(Refusal::User) => later(StatusCode::TOO_MANY_REQUESTS, "This user has as many streams as one may have.\n"),
        Some(Refusal::Address) => {
            later(StatusCode::TOO_MANY_REQUESTS, "As many streams come from this address as may.\n")
        }
        None if error.is_argument() || error.is_range() => {
            text(StatusCode::BAD_REQUEST, "The client id or user id cannot be used.\n")
        }
        Some(Refusal::Draining) | None => later(StatusCode::SERVICE_UNAVAILABLE, "Try again later.\n"),
    }
}

/// The head of an event stream: it arrives as it is sent, uncached, unchanged, and not collected by nginx.
pub(crate) fn stream_head() -> Response<()> {
    let mut head = Response::new(());
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    head
}
