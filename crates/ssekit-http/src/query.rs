//! Reads the query parameters of a request's target.

use std::borrow::Cow;

/// The first value of a query parameter, decoded like a form
/// (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>). `None` if it is missing or not UTF-8.
pub(crate) fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<Cow<'a, str>> {
    parameters(query, name).next()?
}

/// All values of a query parameter. `None` for each that is not UTF-8.
pub(crate) fn parameters<'a>(query: Option<&'a str>, name: &str) -> impl Iterator<Item = Option<Cow<'a, str>>> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| decode(value))
}

fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let escaped = if *byte == b'%' { tail.split_at_checked(2).and_then(|(digits, _)| hex(digits)) } else { None };
        rest = match escaped {
            Some(byte) => {
                decoded.push(byte);
                tail.get(2..).unwrap_or_default()
            }
            None => {
                decoded.push(if *byte == b'+' { b' ' } else { *byte });
                tail
            }
        };
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    // `from_str_radix` accepts a sign.
    if digits.starts_with('+') { None } else { u8::from_str_radix(digits, 16).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_decode_like_form_fields() {
        let of = |query, name| parameter(Some(query), name).map(Cow::into_owned);
        assert_eq!(of("ticket=a.b.c&clientId=tab+1%2F%E2%82%AC", "clientId").as_deref(), Some("tab 1/€"));
        assert_eq!(of("ticket=a.b.c", "ticket").as_deref(), Some("a.b.c"));
        assert_eq!(of("a=1&a=2", "a").as_deref(), Some("1"));
        assert_eq!(of("a=%zz%4&b", "a").as_deref(), Some("%zz%4"));
        assert_eq!(of("a=%+1", "a").as_deref(), Some("% 1"));
        assert_eq!(of("a=%ff", "a"), None);
        assert_eq!(of("b=1", "a"), None);
        assert_eq!(parameter(None, "a"), None);
    }

    #[test]
    fn repeated_parameter_has_several_values() {
        let of = |query| parameters(query, "a").map(|value| value.map(Cow::into_owned)).collect::<Vec<_>>();
        assert_eq!(of(Some("a=1&b=2&a=%ff&a=&a")), [Some("1".to_owned()), None, Some(String::new())]);
        assert_eq!(of(Some("")), []);
        assert_eq!(of(None), []);
    }
}
