//! A ticket is good for its own page, and means nothing otherwise.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_micros(1_800_000_000_123_456);
const BOUNDS: Bounds = Bounds { ttl: Duration::from_secs(600), max_age: Duration::from_secs(3_600) };

fn keys() -> Keys {
    Keys::of("secret", &["a secret of the tests of early resume"]).unwrap()
}

/// A page's request, which can be changed.
#[derive(Debug, Clone)]
struct Page {
    target: String,
    headers: Vec<(String, String)>,
}

impl Page {
    fn new() -> Self {
        let headers = [
            ("Host", "app.example"),
            ("Cookie", "session=ada; theme=dark"),
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { target: "/api/sse?clientId=tab-1".into(), headers: headers.into_iter().map(owned).collect() }
    }

    fn with<T>(&self, run: impl FnOnce(Request<'_>) -> T) -> T {
        let flat = self.headers.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        run(Request { target: &self.target, headers: &flat.collect::<Vec<_>>() })
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    fn at(mut self, target: &str) -> Self {
        self.target = target.into();
        self
    }

    /// The page after it has stored a cookie.
    fn holding(self, set_cookie: &str) -> Self {
        let pair = set_cookie.split(';').next().unwrap_or_default();
        let before = self.with(|request| request.first("cookie").unwrap_or_default().to_owned());
        self.set("Cookie", &format!("{before}; {pair}"))
    }

    fn ticket(&self, keys: &Keys, now: Duration) -> Option<Ticket> {
        self.with(|request| Ticket::of(request, keys, now))
    }
}

fn stream_head() -> Vec<(String, String)> {
    let head = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("x-frame-options", "DENY"),
        ("set-cookie", "session=secret"),
        ("connection", "close"),
    ];
    head.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn ada() -> NewTicket<'static> {
    NewTicket { user: Some("ada"), ..NewTicket::default() }
}

fn issued_to(page: &Page, new: NewTicket<'_>, keys: &Keys) -> String {
    page.with(|request| {
        let mut ticket = Ticket::new(request, new, BOUNDS, NOW, &stream_head()).unwrap();
        ticket.cookie(request, keys, NOW).unwrap()
    })
}

#[test]
fn page_that_comes_back_is_known() {
    let (page, keys) = (Page::new(), keys());
    let channels = ["order:1".to_owned()];
    let new = NewTicket { channels: &channels, data: Some(r#"{"name":"Ada"}"#), ..ada() };
    let back = page.clone().holding(&issued_to(&page, new, &keys));
    let ticket = back.ticket(&keys, NOW).unwrap();
    assert_eq!(ticket.user.as_deref(), Some("ada"));
    assert_eq!((ticket.channels.as_slice(), ticket.data.as_deref()), (&channels[..], new.data));
    assert_eq!(ticket.identified(), NOW);
    // Its place in the history is its own matter, and so is the version of its browser.
    let later = back
        .at("/api/sse?clientId=tab-1&lastEventId=0f.12")
        .set("User-Agent", "Mozilla/6.0 (X11; Linux x86_64) Chrome/141.2.0.0");
    assert!(later.set("Last-Event-ID", "0f.13").ticket(&keys, NOW).is_some());
}

#[test]
fn cookie_is_for_its_path_and_out_of_reach_of_scripts() {
    let (page, keys) = (Page::new(), keys());
    let cookie = issued_to(&page, ada(), &keys);
    assert!(cookie.starts_with("ssekit-resume-"), "{cookie}");
    assert!(cookie.ends_with("; Path=/api/sse; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
    let https = issued_to(&page.set("X-Forwarded-Proto", "https"), ada(), &keys);
    assert!(https.starts_with("__Secure-ssekit-resume-") && https.ends_with("; Secure"), "{https}");
}

#[test]
fn other_requests_are_not_its_page() {
    let (page, keys) = (Page::new(), keys());
    let back = page.clone().holding(&issued_to(&page, ada(), &keys));
    let cookies = back.with(|request| request.first("cookie").unwrap().to_owned());
    let own = cookies.rsplit_once("; ").unwrap().1.to_owned();
    let others = [
        back.clone().at("/api/other?clientId=tab-1"),
        back.clone().at("/api/sse?clientId=tab-1&channel=secret"),
        back.clone().at("/api/sse"),
        back.clone().set("Accept", "application/json"),
        back.clone().set("Host", "other.example"),
        back.clone().set("Origin", "https://other.example"),
        back.clone().set("Authorization", "Bearer other"),
        back.clone().set("User-Agent", "curl/8.0"),
        // Logged in as somebody else, logged out, and a cookie taken from an access log or a jar.
        back.clone().set("Cookie", &format!("session=bob; theme=dark; {own}")),
        back.clone().set("Cookie", &own),
        back.clone().set("Cookie", &format!("session=ada; theme=dark; more=1; {own}")),
    ];
    assert!(back.ticket(&keys, NOW).is_some());
    for other in others {
        assert_eq!(other.ticket(&keys, NOW), None, "{other:?}");
    }
    let reordered = back.set("Cookie", &format!("{own}; theme=dark; session=ada"));
    assert!(reordered.ticket(&keys, NOW).is_some());
}

#[test]
fn application_can_name_what_counts() {
    let (page, keys) = (Page::new().set("X-Tenant", "one"), keys());
    let (cookies, headers) = (["session".to_owned()], ["X-Tenant".to_owned()]);
    let new = NewTicket { cookies: Some(&cookies), headers: &headers, ..ada() };
    let back = page.clone().holding(&issued_to(&page, new, &keys));
    let own = back.with(|request| request.first("cookie").unwrap().rsplit_once("; ").unwrap().1.to_owned());
    assert!(back.clone().set("Cookie", &format!("session=ada; theme=light; {own}")).ticket(&keys, NOW).is_some());
    assert_eq!(back.clone().set("Cookie", &format!("session=bob; theme=dark; {own}")).ticket(&keys, NOW), None);
    assert_eq!(back.set("X-Tenant", "two").ticket(&keys, NOW), None);
}

#[test]
fn address_counts_if_the_application_named_it() {
    let (page, keys) = (Page::new().set("X-Forwarded-For", "192.0.2.1"), keys());
    let moved = |new: NewTicket<'_>| {
        let back = page.clone().holding(&issued_to(&page, new, &keys));
        back.set("X-Forwarded-For", "192.0.2.2").ticket(&keys, NOW)
    };
    assert!(moved(ada()).is_some());
    assert_eq!(moved(NewTicket { address: Some("192.0.2.1"), ..ada() }), None);
}

#[test]
fn ticket_ends_and_can_be_renewed_until_its_greatest_age() {
    let (page, keys) = (Page::new(), keys());
    let back = page.clone().holding(&issued_to(&page, ada(), &keys));
    let at = |seconds: u64| NOW + Duration::from_secs(seconds);
    assert!(back.ticket(&keys, at(599)).is_some());
    assert_eq!(back.ticket(&keys, at(600)), None);
    // A clock that is far behind.
    assert!(back.ticket(&keys, NOW - Duration::from_secs(300)).is_some());
    assert_eq!(back.ticket(&keys, NOW - Duration::from_secs(302)), None);

    let mut ticket = back.ticket(&keys, at(500)).unwrap();
    let renewed = page.with(|request| ticket.cookie(request, &keys, at(500)).unwrap());
    let back = page.clone().holding(&renewed);
    assert!(back.ticket(&keys, at(1_099)).is_some());
    assert_eq!(back.ticket(&keys, at(1_099)).unwrap().identified(), NOW);
    let last = page.with(|request| ticket.cookie(request, &keys, at(3_500)).unwrap());
    assert!(last.contains("; Max-Age=100;"), "{last}");
    assert_eq!(page.with(|request| ticket.cookie(request, &keys, at(3_600))), None);
}

#[test]
fn only_its_own_secret_opens_it() {
    let (page, keys) = (Page::new(), keys());
    let back = page.clone().holding(&issued_to(&page, ada(), &keys));
    assert_eq!(back.ticket(&Keys::of_this_process().unwrap(), NOW), None);
}

#[test]
fn tabs_have_cookies_of_their_own_within_bounds() {
    let keys = keys();
    let mut browser = Page::new();
    for tab in 0..8 {
        let page = browser.clone().at(&format!("/api/sse?clientId=tab-{tab}"));
        assert!(page.with(without_others).is_empty(), "{tab}");
        browser = browser.holding(&issued_to(&page, ada(), &keys));
        assert!(browser.clone().at(&page.target).ticket(&keys, NOW).is_some());
    }
    let removed = browser.at("/api/sse?clientId=tab-9").with(without_others);
    assert_eq!(removed.len(), 8);
    assert!(removed.iter().all(|cookie| cookie.contains("=; Path=/api/sse; Max-Age=0;")));
}

#[test]
fn large_answers_have_no_ticket() {
    let (page, keys, welcome) = (Page::new(), keys(), format!("\"{}\"", "x".repeat(4_000)));
    let new = NewTicket { welcome: Some(&welcome), ..ada() };
    page.with(|request| {
        let mut ticket = Ticket::new(request, new, BOUNDS, NOW, &stream_head()).unwrap();
        assert_eq!(ticket.cookie(request, &keys, NOW), None);
    });
    let path = page
        .at("/api/a;b")
        .with(|request| Ticket::new(request, ada(), BOUNDS, NOW, &stream_head()).unwrap().cookie(request, &keys, NOW));
    assert_eq!(path, None);
}

#[test]
fn only_a_plain_stream_can_be_given_again() {
    let with = |name: &str, value: &str| {
        let mut head = stream_head();
        head.retain(|(own, _)| own != name);
        head.push((name.into(), value.into()));
        Page::new().with(|request| Ticket::new(request, ada(), BOUNDS, NOW, &head)).is_some()
    };
    assert!(with("x-own", "caf\u{e9}"));
    for (name, value) in [
        ("content-type", "text/html"),
        ("cache-control", "no-cache"),
        ("content-encoding", "gzip"),
        ("x-own", "two\r\nset-cookie: lines"),
        ("x-own", "\u{20ac}"),
        ("x own", "1"),
    ] {
        assert!(!with(name, value), "{name}: {value}");
    }
}

#[test]
fn head_is_that_of_the_first_answer_without_its_cookies() {
    let (page, keys) = (Page::new(), keys());
    let ticket = page.clone().holding(&issued_to(&page, ada(), &keys)).ticket(&keys, NOW).unwrap();
    let written = |page: &Page, version| {
        let bytes = page.with(|request| ticket.first_bytes(request, version, Some("a=b"), b"event: x\n\n"));
        String::from_utf8(bytes).unwrap()
    };
    let text = written(&page, Version::Http11);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.split("\r\n").filter(|line| !line.starts_with("Date: ")).collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 200 OK");
    assert_eq!(
        lines,
        [
            "content-type: text/event-stream; charset=utf-8",
            "cache-control: no-cache, no-transform",
            "x-accel-buffering: no",
            "x-frame-options: DENY",
            "set-cookie: a=b",
            "connection: close",
            "transfer-encoding: chunked",
        ]
    );
    assert_eq!(body, "a\r\nevent: x\n\n\r\n");
    let old = written(&page, Version::Http10);
    assert!(!old.contains("chunked") && old.ends_with("\r\n\r\nevent: x\n\n"));
    let undici = page.set("User-Agent", "node").set("Connection", "keep-alive");
    assert!(written(&undici, Version::Http11).contains("\r\nkeep-alive: timeout=0\r\n"));
}

/// Anything that a visitor could change in a request.
fn any_page() -> impl Strategy<Value = Page> {
    let target = prop_oneof!["/api/sse(\\?(clientId=tab-[12]&?)?(channel=a&?)?)?", "/[a-z?=&%;]{0,12}"];
    let value = "(session=(ada|bob)(; )?)?(theme=dark(; )?)?";
    let agent = prop_oneof!["Mozilla/5.[0-9] \\(X11\\)", "curl"];
    (target, value, agent, "(app|other).example").prop_map(|(target, cookie, agent, host)| Page {
        target,
        headers: [("Host", host), ("Cookie", cookie), ("User-Agent", agent)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    })
}

proptest! {
    /// The rule of a ticket's use, written down a second time.
    #[test]
    fn ticket_never_serves_another_request(first in any_page(), second in any_page(), late in 0_u64..1_200) {
        let keys = keys();
        let cookie = first.with(|request| {
            Ticket::new(request, ada(), BOUNDS, NOW, &stream_head())?.cookie(request, &keys, NOW)
        });
        let Some(cookie) = cookie else { return Ok(()) };
        let facts = |page: &Page| page.with(|request| {
            let mut cookies: Vec<_> = request.cookies().map(|(name, value)| format!("{name}={value}")).collect();
            cookies.sort();
            let parts: Vec<_> = page.target.split(['?', '&']).filter(|part| !part.is_empty()).map(str::to_owned).collect();
            let agent = request.first("user-agent").unwrap().replace(|letter: char| letter.is_ascii_digit() || letter == '.', "");
            (parts, request.first("host").map(str::to_owned), cookies, agent, request.path().to_owned())
        });
        let is_same = facts(&first) == facts(&second) && late < 600;
        let back = second.holding(&cookie);
        prop_assert_eq!(back.ticket(&keys, NOW + Duration::from_secs(late)).is_some(), is_same);
    }
}
