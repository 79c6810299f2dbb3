//! Pages of other origins (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! An answer names an origin only if that origin is in the list. `Vary` says that the answer depends on the origin, so no
//! cache gives one origin's answer to another.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderValue,
    ORIGIN, VARY,
};
use hyper::{Method, Request};

use crate::options::CorsOptions;

/// The headers that a page's request may carry: those that fetch-based event-source clients send.
const ALLOWED_HEADERS: &str = "authorization, cache-control, content-type, last-event-id";

/// Adds the headers for other origins' pages.
#[derive(Debug)]
pub(crate) struct Cors(Option<CorsOptions>);

impl Cors {
    pub(crate) fn new(options: Option<CorsOptions>) -> Self {
        Self(options)
    }

    /// Adds the headers for a request from this origin.
    pub(crate) fn decorate(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let Some(options) = &self.0 else { return };
        if self.is_open() {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|origin| self.lists(origin)) else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if options.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    /// Adds the further headers for a preflight.
    pub(crate) fn decorate_preflight<B>(&self, request: &Request<B>, headers: &mut HeaderMap) {
        let Some(options) = &self.0 else { return };
        let asked =
            request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let origin = request.headers().get(ORIGIN);
        if asked && origin.is_some_and(|origin| self.is_open() || self.lists(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST"));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
            headers.insert(ACCESS_CONTROL_MAX_AGE, options.max_age.as_secs().into());
        }
    }

    /// Whether to trust a cookie of this request. A browser sends cookies along, no matter whose page makes the request.
    pub(crate) fn trusts_cookies<B>(&self, request: &Request<B>) -> bool {
        let Some(origin) = request.headers().get(ORIGIN) else { return true };
        let credentials = self.0.as_ref().is_some_and(|options| options.credentials);
        credentials && self.lists(origin) || is_same_origin(origin, request)
    }

    fn is_open(&self) -> bool {
        self.0.as_ref().is_some_and(|options| options.origins.iter().any(|origin| origin == "*"))
    }

    fn lists(&self, origin: &HeaderValue) -> bool {
        self.0
            .as_ref()
            .is_some_and(|options| options.origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes()))
    }
}

/// Whether the page comes from the host that it sends the request to. (This also works behind a proxy that passes on `Host`.)
fn is_same_origin<B>(origin: &HeaderValue, request: &Request<B>) -> bool {
    let host = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let host = host.or_else(|| request.headers().get(HOST).map(HeaderValue::as_bytes));
    let origin = origin.as_bytes();
    let page = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    page.is_some() && page == host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], credentials: bool) -> Cors {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Cors::new(Some(CorsOptions { origins, credentials, ..CorsOptions::default() }))
    }

    fn decorated(cors: &Cors, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        cors.decorate(origin.map(HeaderValue::from_static).as_ref(), &mut headers);
        headers
    }

    #[test]
    fn only_listed_origins_are_echoed() {
        let cors = cors(&["https://a.example"], true);
        let headers = decorated(&cors, Some("https://a.example"));
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        for other in [None, Some("https://a.example.evil"), Some("http://a.example"), Some("null")] {
            let headers = decorated(&cors, other);
            assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{other:?}");
            assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS), "{other:?}");
            assert_eq!(headers[VARY], "Origin");
        }
    }

    #[test]
    fn any_origin_gets_a_star() {
        let headers = decorated(&cors(&["*"], false), Some("https://a.example"));
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }

    #[test]
    fn cookies_need_the_same_or_a_credentialed_origin() {
        let trusts = |cors: &Cors, origin: Option<&str>| {
            let mut request = Request::builder().header(HOST, "sse.example:8443");
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            cors.trusts_cookies(&request.body(()).unwrap())
        };
        let with = cors(&["https://a.example"], true);
        let without = cors(&["https://a.example"], false);
        let none = Cors::new(None);
        for cors in [&with, &without, &none] {
            assert!(trusts(cors, None));
            assert!(trusts(cors, Some("https://sse.example:8443")));
            assert!(!trusts(cors, Some("https://sse.example")));
            assert!(!trusts(cors, Some("https://evil.example")));
            assert!(!trusts(cors, Some("null")));
        }
        assert!(trusts(&with, Some("https://a.example")));
        assert!(!trusts(&without, Some("https://a.example")));
    }
}
