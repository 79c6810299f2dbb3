//! The `Host` of a request (RFC 9112, section 3.2). It must be unambiguous: with two of them, a proxy in front may use one
//! and the server behind it the other.

use std::net::Ipv6Addr;

use hyper::header::HOST;
use hyper::{HeaderMap, Version};

/// Whether a request names its host as required: once and in the proper form. Over HTTP/1.0 and HTTP/2 it may have no `Host`.
pub(crate) fn is_named_properly(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version != Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// `uri-host [ ":" port ]`, or nothing (RFC 9110, section 7.2).
fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    if text.is_empty() {
        return true;
    }
    let (is_name, port) = match text.strip_prefix('[').and_then(|literal| literal.split_once(']')) {
        Some((address, rest)) => (address.parse::<Ipv6Addr>().is_ok(), rest),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (!name.is_empty() && is_registered_name(name.as_bytes()), port)
        }
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    is_name && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// RFC 3986, section 3.2.2. This includes IPv4 addresses.
fn is_registered_name(name: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte);
    let is_escape = |at: usize| name.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    name.iter().enumerate().all(|(at, byte)| is_plain(byte) || *byte == b'%' && is_escape(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_hosts_are_accepted() {
        for host in
            ["", "a", "a.example", "A.example:443", "a:", "127.0.0.1:1", "[::1]", "[::1]:80", "x_y", "%41b", "m\u{fc}"]
        {
            assert_eq!(is_host(host.as_bytes()), host.is_ascii(), "{host}");
        }
        for host in [
            ":80", "a b", "a,b c", "a/b", "u@a", "a:b", "a:1:2", "::1", "[::1", "[a]", "[::1]80", "%4", "a?b", "a\t",
            "\\",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
