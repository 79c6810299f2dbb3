//! The cookies that hold tickets: one for each client id in a URL, so that the tabs of a browser do not overwrite each other's.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use crate::resume::names::{PREFIX, SECURE, is_ours};
use crate::resume::request::Request;

/// The number of bytes of a client id's hash that tell the pages of one browser apart.
const HASH_BYTES: usize = 9;

/// The maximum number of these cookies that one browser keeps. Node.js reads 16 KiB of headers, and a cookie may have 4 KiB.
const MOST: usize = 8;

/// The maximum number of their bytes.
const MOST_BYTES: usize = 6 * 1_024;

/// The name of a page's cookie. Pages without a client id share one, as they would share the answer of the application.
pub(super) fn name_of(request: Request<'_>) -> String {
    let client = request.parameter("clientId").unwrap_or_default();
    let hash = digest(&SHA256, client.as_bytes());
    let short = hash.as_ref().get(..HASH_BYTES).unwrap_or_default();
    let secure = if request.is_secure() { SECURE } else { "" };
    format!("{secure}{PREFIX}{}", URL_SAFE_NO_PAD.encode(short))
}

/// A value for `Set-Cookie` (RFC 6265, section 4.1). `None` if the path cannot stand in one.
pub(super) fn set(request: Request<'_>, name: &str, value: &str, max_age: Duration) -> Option<String> {
    let path = request.path();
    let fits = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
    let secure = if request.is_secure() { "; Secure" } else { "" };
    let seconds = max_age.as_secs();
    fits.then(|| format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"))
}

/// Values for `Set-Cookie` that remove what other pages of the browser have left, if that is too much beside one more. Those that are
/// still open lose nothing but the short way back.
pub fn without_others(request: Request<'_>) -> Vec<String> {
    let name = name_of(request);
    let others: Vec<_> = request.cookies().filter(|(other, _)| is_ours(other) && **other != name).collect();
    let bytes: usize = others.iter().map(|(name, value)| name.len() + value.len()).sum();
    if others.len() < MOST && bytes <= MOST_BYTES {
        return Vec::new();
    }
    others.iter().filter_map(|(name, _)| set(request, name, "", Duration::ZERO)).collect()
}

impl<'a> Request<'a> {
    /// The page's own ticket, not yet opened.
    pub(super) fn ticket(&self) -> Option<&'a str> {
        let name = name_of(*self);
        self.cookies().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Whether it came over HTTPS up to the proxy. Whoever claims that without truth gets a cookie that is not sent back.
    fn is_secure(&self) -> bool {
        let claimed = self.first("x-forwarded-proto").and_then(|protocols| protocols.split(',').next());
        claimed.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("https"))
    }
}
