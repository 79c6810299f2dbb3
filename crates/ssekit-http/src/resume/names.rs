//! The names of ssekit's own cookies.

/// The beginning of every name.
pub(super) const PREFIX: &str = "ssekit-resume-";

/// A browser accepts a cookie with this beginning only over HTTPS, so nobody on the way can plant one (RFC 6265bis, section
/// 4.1.3.1).
pub(super) const SECURE: &str = "__Secure-";

/// Whether a cookie is one of ssekit's own.
pub(super) fn is_ours(name: &str) -> bool {
    name.strip_prefix(SECURE).unwrap_or(name).starts_with(PREFIX)
}
