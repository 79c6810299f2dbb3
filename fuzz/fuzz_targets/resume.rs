//! Any request with anything as a ticket of early resume: no panic, and a ticket is good only for the request that it was made for, as it
//! was made, until it ends.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ssekit_http::resume::{Bounds, Keys, NewTicket, Request, Ticket, Version};

const NOW: Duration = Duration::from_secs(1_800_000_000);
const TTL: u64 = 600;
const TARGET: &str = "/api/sse?clientId=tab-1&channel=a";
const OTHERS: &str = "session=ada; theme=dark";
const HEADERS: [(&str, &str); 4] = [
    ("host", "app.example"),
    ("accept", "text/event-stream"),
    ("origin", "https://app.example"),
    ("user-agent", "Mozilla/5.0 (X11) Chrome/140"),
];

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::of("secret", &["the secret of this fuzz target, long enough"]).unwrap());

/// The name and the value of the cookie.
static TICKET: LazyLock<(String, String)> = LazyLock::new(|| {
    let head = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("vary", "rsc"),
    ];
    let head: Vec<_> = head.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let cookie = with(TARGET, OTHERS, &[], |request| {
        let new = NewTicket { user: Some("ada"), ..NewTicket::default() };
        let bounds = Bounds { ttl: Duration::from_secs(TTL), max_age: Duration::from_secs(3_600) };
        Ticket::new(request, new, bounds, NOW, &head).unwrap().cookie(request, &KEYS, NOW).unwrap()
    });
    let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
});

/// Runs something with a request that has these headers, and others in place of those with the same name.
fn with<T>(target: &str, cookie: &str, others: &[(String, String)], run: impl FnOnce(Request<'_>) -> T) -> T {
    let is_other = |name: &str| others.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let own = HEADERS.iter().copied().chain([("cookie", cookie)]).filter(|(name, _)| !is_other(name));
    let all: Vec<&str> = own
        .flat_map(|(name, value)| [name, value])
        .chain(others.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
        .collect();
    run(Request { target, headers: &all })
}

/// The path, and what counts of the query.
fn parts(target: &str) -> (&str, Vec<&str>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (path, query.split('&').filter(|part| !part.is_empty() && !part.starts_with("lastEventId=")).collect())
}

fuzz_target!(|data: (u8, u16, &[u8], &[u8])| {
    let (kind, late, first, second) = data;
    let (one, two) = (String::from_utf8_lossy(first).into_owned(), String::from_utf8_lossy(second).into_owned());
    let (name, value) = &*TICKET;
    let now = NOW + Duration::from_secs(late.into());
    let own = format!("{OTHERS}; {name}={value}");
    let (mut target, mut cookie, mut others) = (TARGET.to_owned(), own.clone(), Vec::new());
    let is_same;
    match kind % 5 {
        // A cookie ends at a semicolon, and what follows is another one.
        0 | 1 if one.contains(';') || two.contains(';') => return,
        // Another ticket.
        0 => (cookie, is_same) = (format!("{OTHERS}; {name}={one}"), one.trim() == value),
        // The same, with some of its text in another place.
        1 => {
            let at = first.len().min(value.len());
            let mixed = format!("{}{two}{}", &value[..at], &value[at..]);
            (cookie, is_same) = (format!("{OTHERS}; {name}={mixed}"), mixed.trim() == value);
        }
        // Another place.
        2 => {
            is_same = parts(&one) == parts(TARGET);
            target = one;
        }
        // Another header.
        3 => {
            let lower = one.to_ascii_lowercase();
            let counts = ["host", "accept", "origin", "authorization"].contains(&lower.as_str());
            // Which versions of a browser are the same is for the unit tests, and HTTPS has another name.
            if ["user-agent", "cookie", "x-forwarded-proto"].contains(&lower.as_str()) {
                return;
            }
            is_same = !counts || HEADERS.iter().any(|(name, value)| *name == lower && *value == two);
            others.push((one, two));
        }
        // Other cookies.
        _ => {
            let pairs = |text: &str| -> Vec<String> {
                let mut all: Vec<_> = text
                    .split(';')
                    .filter_map(|pair| pair.trim().split_once('='))
                    .map(|(name, value)| format!("{}={}", name.trim(), value.trim()))
                    .filter(|pair| !pair.starts_with("ssekit-resume-") && !pair.starts_with("__Secure-ssekit-resume-"))
                    .collect();
                all.sort();
                all
            };
            is_same = pairs(&one) == pairs(OTHERS);
            cookie = format!("{name}={value}; {one}");
        }
    }
    with(&target, &cookie, &others, |request| {
        let ticket = Ticket::of(request, &KEYS, now);
        assert_eq!(ticket.is_some(), is_same && u64::from(late) < TTL, "{target:?} {cookie:?} {others:?}");
        if let Some(mut ticket) = ticket {
            assert_eq!(ticket.user.as_deref(), Some("ada"));
            let cookie = ticket.cookie(request, &KEYS, now);
            let bytes = ticket.first_bytes(request, Version::Http11, cookie.as_deref(), b"x");
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
            assert_eq!(&bytes[end..], b"\r\n\r\n1\r\nx\r\n");
        }
    });
});
