//! The distributed trace of an event: W3C trace context, <https://www.w3.org/TR/trace-context/>. The listener has no span of
//! its own in the trace. It checks the publisher's values and passes them on with the event.

use std::borrow::Cow;

/// `version "-" trace-id "-" parent-id "-" trace-flags`.
const PARENT_BYTES: usize = 55;

/// The maximum number of entries that a `tracestate` may have, by the standard.
const MAX_ENTRIES: usize = 32;

/// The maximum number of bytes of a `tracestate` that are passed on. The standard wants at least this many.
const MAX_STATE_BYTES: usize = 512;

/// Longer entries are the first to go where a `tracestate` is too long.
const LONG_ENTRY_BYTES: usize = 128;

/// A trace context that has been checked.
///
/// ```
/// use ssekit_core::TraceContext;
///
/// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace = TraceContext::parse(parent, Some("vendor=1")).unwrap();
/// assert_eq!((trace.parent(), trace.state()), (parent, Some("vendor=1")));
/// assert!(TraceContext::parse("not a parent", None).is_none());
/// ```
///
/// It holds only printable ASCII, so it cannot end the line that it is written into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// Reads the values of `traceparent` and `tracestate`. Without a valid `traceparent` there is no context, whatever the
    /// `tracestate`. An invalid `tracestate` is ignored.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let parent = parse_parent(parent.trim_matches(BLANKS))?.into_owned();
        Some(Self { parent, state: state.and_then(parse_state) })
    }

    /// The `traceparent`.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// The `tracestate`, if there is one.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Characters that may surround a header's value, and an entry of a list.
const BLANKS: [char; 2] = [' ', '\t'];

/// Returns a version 00 value as it is. A later version begins in the same way, so its known part is returned as version 00.
fn parse_parent(text: &str) -> Option<Cow<'_, str>> {
    let (known, rest) = text.split_at_checked(PARENT_BYTES)?;
    let mut parts = known.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = [version, trace, parent, flags].map(str::len) == [2, 32, 16, 2];
    let hexadecimal = known.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    if !lengths || !hexadecimal || parts.next().is_some() || version == "ff" || is_zero(trace) || is_zero(parent) {
        return None;
    }
    if version == "00" {
        return rest.is_empty().then_some(Cow::Borrowed(known));
    }
    if !rest.is_empty() && !rest.starts_with('-') {
        return None;
    }
    // Only the last bit of the flags, "sampled", is known.
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    Some(Cow::Owned(format!("00-{trace}-{parent}-{sampled:02x}")))
}

fn parse_state(text: &str) -> Option<String> {
    let entries: Vec<&str> =
        text.split(',').map(|entry| entry.trim_matches(BLANKS)).filter(|entry| !entry.is_empty()).collect();
    if entries.is_empty() || entries.len() > MAX_ENTRIES {
        return None;
    }
    for (index, entry) in entries.iter().enumerate() {
        let (key, value) = entry.split_once('=')?;
        let is_double = entries.iter().take(index).any(|earlier| earlier.split('=').next() == Some(key));
        if is_double || !is_key(key) || !is_value(value) {
            return None;
        }
    }
    let state = shortened(entries).join(",");
    (!state.is_empty()).then_some(state)
}

/// Leaves out whole entries until the rest is short enough: long entries first, then from the end.
fn shortened(mut entries: Vec<&str>) -> Vec<&str> {
    let is_too_long =
        |entries: &[&str]| entries.iter().map(|entry| entry.len() + 1).sum::<usize>() > MAX_STATE_BYTES + 1;
    while is_too_long(&entries) {
        let long = entries.iter().rposition(|entry| entry.len() > LONG_ENTRY_BYTES);
        entries.remove(long.unwrap_or(entries.len() - 1));
    }
    entries
}

/// Accepts a name, or a tenant's name at a system.
fn is_key(key: &str) -> bool {
    let is_name = |name: &str, most: usize, first: fn(&u8) -> bool| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
        name.len() <= most && name.as_bytes().first().is_some_and(first) && name.bytes().all(plain)
    };
    match key.split_once('@') {
        None => is_name(key, 256, u8::is_ascii_lowercase),
        Some((tenant, system)) => {
            let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            is_name(tenant, 241, first) && is_name(system, 14, u8::is_ascii_lowercase)
        }
    }
}

fn is_value(value: &str) -> bool {
    let plain = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(plain) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parent(text: &str) -> Option<String> {
        TraceContext::parse(text, None).map(|context| context.parent)
    }

    fn state(text: &str) -> Option<String> {
        TraceContext::parse(GOOD, Some(text)).unwrap().state
    }

    #[test]
    fn valid_parent_is_kept_unchanged() {
        assert_eq!(parent(GOOD).as_deref(), Some(GOOD));
        assert_eq!(parent(&format!(" \t{GOOD} ")).as_deref(), Some(GOOD));
        let unsampled = GOOD.replace("-01", "-00");
        assert_eq!(parent(&unsampled), Some(unsampled));
    }

    #[test]
    fn known_part_of_a_later_version_is_kept() {
        for version in ["01-", "cc-", "fe-"] {
            let later = GOOD.replacen("00-", version, 1);
            for rest in ["", "-", "-what the future holds"] {
                assert_eq!(parent(&format!("{later}{rest}")).as_deref(), Some(GOOD));
            }
            assert_eq!(parent(&format!("{later}.")), None);
        }
        assert_eq!(parent(&GOOD.replacen("00-", "01-", 1).replace("-01", "-fe")), Some(GOOD.replace("-01", "-00")));
    }

    #[test]
    fn invalid_parent_is_none() {
        let zeros = "00000000000000000000000000000000";
        for bad in [
            String::new(),
            "00".to_owned(),
            GOOD.replacen("00-", "ff-", 1),
            GOOD.replacen("00-", "0-", 1),
            GOOD.replacen("00-", ".0-", 1),
            GOOD.to_uppercase(),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", zeros),
            GOOD.replace("00f067aa0ba902b7", "0000000000000000"),
            GOOD.replace("4736-", "473-0"),
            GOOD.replace("4736-", "473g-"),
            GOOD.replace("-01", "-1"),
            GOOD.replace("-01", "-0é"),
            GOOD.replace("-01", "-0\n"),
            GOOD.replace('-', "_"),
            format!("{GOOD}-"),
            format!("{GOOD}\n"),
            format!("{GOOD}\r\ndata: forged"),
            format!("{GOOD},{GOOD}"),
        ] {
            assert_eq!(parent(&bad), None, "{bad:?}");
            assert_eq!(TraceContext::parse(&bad, Some("a=1")), None);
        }
    }

    #[test]
    fn valid_state_is_kept_without_optional_whitespace() {
        let (name, value) = (format!("{}=1", "z".repeat(256)), format!("a={}", "~".repeat(256)));
        let tenant = format!("{}@{}=1", "0".repeat(241), "s".repeat(14));
        for (given, kept) in [
            ("a=1", "a=1"),
            ("a=1,b=2", "a=1,b=2"),
            (" a=1 \t,, \tb=2 ,", "a=1,b=2"),
            ("0t@s=x y!~", "0t@s=x y!~"),
            ("a_-*/=  1", "a_-*/=  1"),
            (&name, &name),
            (&value, &value),
            (&tenant, &tenant),
        ] {
            assert_eq!(state(given).as_deref(), Some(kept));
        }
    }

    #[test]
    fn invalid_state_is_dropped_and_the_parent_kept() {
        let many: Vec<String> = (0..33).map(|number| format!("k{number}=1")).collect();
        let long = ["z".repeat(257) + "=1", format!("{}@s=1", "t".repeat(242)), format!("t@{}=1", "s".repeat(15))];
        let fixed = [
            "",
            " , ",
            "a",
            "=1",
            "a=",
            "A=1",
            "0a=1",
            "a=1,a=2",
            "a=b=c",
            "@s=1",
            "t@=1",
            "t@@s=1",
            "t@0=1",
            "é=1",
            "a=é",
            "a=\u{1}",
            "a=1\n",
            "a=1\r\nid: 1",
            "a =1",
        ];
        for bad in fixed.into_iter().chain([&*many.join(",")]).chain(long.iter().map(String::as_str)) {
            assert_eq!(state(bad), None, "{bad:?}");
        }
        assert_eq!(state(&format!("a={}", "x".repeat(257))), None);
        assert!(state(&many[1..].join(",")).is_some());
    }

    #[test]
    fn long_state_loses_long_entries_first() {
        let entry = |name: &str, bytes: usize| format!("{name}={}", "x".repeat(bytes - name.len() - 1));
        let [first, second, third] = ["a", "b", "c"].map(|name| entry(name, 128));
        let long = entry("l", 129);
        let fits = format!("{first},{second},{third},{}", entry("d", 125));
        assert_eq!((fits.len(), state(&fits)), (512, Some(fits.clone())));
        assert_eq!(state(&format!("{long},{first},{second},{third}")), Some(format!("{first},{second},{third}")));
        let exceeds = format!("{first},{second},{third},{}", entry("d", 126));
        assert_eq!(state(&exceeds), Some(format!("{first},{second},{third}")));
        assert_eq!(state(&format!("{},{}", entry("a", 258), entry("b", 258))).map(|kept| kept.len()), Some(258));
    }
}
