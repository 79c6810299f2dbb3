//! The page: one HTML document with its style and its script, and no request to elsewhere. It has no data before it watches.

/// The document. It is made from `ts/inspector`.
pub const PAGE: &str = include_str!("page.html");

/// Its `Content-Security-Policy`: only the style and the script in the document, by their hashes, and requests to its own origin.
const POLICY: &str = include_str!("page.csp");

/// The headers of the page, besides `Content-Length`.
pub fn headers() -> [(&'static str, &'static str); 6] {
    [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-security-policy", POLICY.trim_ascii_end()),
        ("cross-origin-opener-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ]
}
