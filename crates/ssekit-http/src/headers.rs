//! Reads the headers of a request.

use std::borrow::Cow;

use hyper::header::{ACCEPT, COOKIE, HeaderName};
use hyper::{HeaderMap, Request};

use crate::misfit::quoted;
use crate::query::parameter;

/// The header, or the query parameter for clients that cannot set the header. An empty value means that the client has seen
/// nothing.
pub(crate) fn last_event_id<B>(request: &Request<B>) -> Option<Cow<'_, str>> {
    let id = header_id(request).map(Cow::Borrowed).or_else(|| parameter(request.uri().query(), "lastEventId"));
    id.filter(|id| !id.is_empty())
}

pub(crate) fn header_id<B>(request: &Request<B>) -> Option<&str> {
    request.headers().get("last-event-id").and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// Whether a client accepts an event stream (RFC 9110, section 12.5.1). Without the header it accepts anything.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(ACCEPT).iter().peekable();
    let fits = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        ["text/event-stream", "text/*", "*/*"].iter().any(|wanted| range.eq_ignore_ascii_case(wanted))
    };
    given.peek().is_none() || given.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(fits)
}

/// The values of a header, safe in the answer to its sender. Not for headers with secrets.
pub(crate) fn shown(headers: &HeaderMap, name: HeaderName) -> String {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    if values.is_empty() { "none".to_owned() } else { quoted(&values.join(", ")) }
}

/// The token of an `Authorization` header (RFC 6750, section 2.1).
pub(crate) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie (RFC 6265, section 4.2).
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(name: hyper::header::HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn request_that_accepts_only_other_types_is_refused() {
        for (accept, accepts) in [
            (&[][..], true),
            (&["text/event-stream"], true),
            (&["Text/Event-Stream;q=0.5"], true),
            (&["text/html, */*;q=0.1"], true),
            (&["text/*"], true),
            (&["application/json", "text/event-stream"], true),
            (&["text/html"], false),
            (&["application/json, text/html"], false),
            (&[""], false),
        ] {
            assert_eq!(accepts_events(&headers(ACCEPT, accept)), accepts, "{accept:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers = headers(COOKIE, &["other_t=1; t2=2", "a=b=c; t=\"value\" ; t=later"]);
        assert_eq!(cookie(&headers, "t"), Some("value"));
        assert_eq!(cookie(&headers, "a"), Some("b=c"));
        assert_eq!(cookie(&headers, "o"), None);
    }

    #[test]
    fn bearer_token_is_recognised_by_its_scheme() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
