//! The part of an address that counts, wherever clients or connections from one address are bounded.

use std::net::IpAddr;

/// A network that counts as one address. An owner of one IPv6 address has 2^64 of them, so a network of that size counts as
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network([u8; 8]);

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        // Where a socket takes both families, an IPv4 address arrives as an IPv6 one.
        match address.to_canonical() {
            // No IPv6 address of the global or a local network begins like this.
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                Self([0, 0, 0, 0, a, b, c, d])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Reads an address as proxies write it: with or without a port, IPv6 with or without brackets and a zone. An IPv4-mapped
/// IPv6 address is IPv4 (RFC 4291, section 2.5.5.2).
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let Some(bracketed) = text.strip_prefix('[') else {
        let with_port = || {
            let (host, _) = text.split_once(':').filter(|(_, port)| is_port(port))?;
            host.parse().map(IpAddr::V4).ok()
        };
        return without_zone(text).parse().ok().map(|address: IpAddr| address.to_canonical()).or_else(with_port);
    };
    let (host, rest) = bracketed.split_once(']')?;
    let is_end = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
    let address = without_zone(host).parse().map(IpAddr::V6).ok()?;
    is_end.then(|| address.to_canonical())
}

/// A zone says which of the reader's own links an address is on (RFC 4007), which is of no use to anybody else. Only an IPv6
/// address has a zone.
fn without_zone(host: &str) -> &str {
    match host.split_once('%') {
        Some((address, zone)) if address.contains(':') && !zone.is_empty() => address,
        _ => host,
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Option<Network> {
        Some(Network::of(text.parse().unwrap()))
    }

    #[test]
    fn address_counts_by_customer_network() {
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn address_is_read_in_proxy_notation() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1:8080 ", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:443", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:1", "192.0.2.1"),
        ] {
            assert_eq!(parse_address(text), Some(address.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "unknown",
            "_hidden",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:+1",
            "192.0.2.1%eth0",
            "[192.0.2.1]:80",
            "[::1",
            "[::1]80",
            "::1%",
            "192.0.2.1, 192.0.2.2",
        ] {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }
}
