//! The head of a request that Node.js has not read yet.
//!
//! Node.js reads requests by its own rules, and it would answer each of these. So only a request about which both agree is
//! read here: a plain `GET`, alone on its connection, with nothing in its head that a parser could take in another way.

use httparse::{EMPTY_HEADER, Header, Request as Parser, Status};

use crate::resume::names::PREFIX;

/// A head must have fewer bytes, which is the limit of Node.js as well. So whatever fills a buffer of this size is not known to
/// be whole.
pub const MOST_HEAD_BYTES: usize = 16 * 1_024;

/// The maximum number of its headers. Browsers and proxies send some thirty.
const MOST_HEADERS: usize = 100;

/// Headers that stand for more than a head, or for an answer that is no stream of its own.
const OTHERS: [&str; 6] =
    ["content-length", "transfer-encoding", "expect", "upgrade", "http2-settings", "ssekit-carrier"];

/// A part of the name of every ticket.
const TICKET: &[u8] = PREFIX.as_bytes();

/// The head of a request for a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Path and query.
    pub target: String,
    /// The names and values of its headers, by turns, as Node.js gives them: each byte of a value is a letter of Latin-1.
    pub headers: Vec<String>,
}

impl Head {
    /// The head in these bytes, if they are all of a request that may bring a ticket, and nothing else. Otherwise the request
    /// is one for Node.js: it is another one, it has not come whole, there is more behind it, or it is malformed.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // A parser may also take one of the two for the end of a line (RFC 9112, section 2.2), and skip empty lines.
        let may_be_one = bytes.len() < MOST_HEAD_BYTES && bytes.starts_with(b"GET ") && contains(bytes, TICKET);
        if !may_be_one || !has_plain_lines(bytes) {
            return None;
        }
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut parser = Parser::new(&mut headers);
        if parser.parse(bytes) != Ok(Status::Complete(bytes.len())) || parser.version != Some(1) {
            return None;
        }
        let target = parser.path.filter(|target| is_plain_target(target))?;
        is_for_a_stream(parser.headers).then(|| Self { target: target.to_owned(), headers: pairs(parser.headers) })
    }
}

/// Whether each line ends as RFC 9112 wants it.
fn has_plain_lines(bytes: &[u8]) -> bool {
    let ends = |byte: u8| bytes.iter().filter(|one| **one == byte).count();
    let both = bytes.windows(2).filter(|two| two == b"\r\n").count();
    ends(b'\r') == both && ends(b'\n') == both
}

fn is_plain_target(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_for_a_stream(headers: &[Header<'_>]) -> bool {
    let all = |name: &'static str| headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    let wants_events = all("accept").any(|accept| contains(accept.value, b"text/event-stream"));
    let may_have_ticket = all("cookie").any(|cookie| contains(cookie.value, TICKET));
    // One host: none or several are an error (RFC 9112, section 3.2).
    let is_plain = all("host").count() == 1 && OTHERS.iter().all(|name| all(name).next().is_none());
    wants_events && may_have_ticket && is_plain
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(value, part).is_some()
}

fn pairs(headers: &[Header<'_>]) -> Vec<String> {
    let latin1 = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect();
    headers.iter().flat_map(|header| [header.name.to_owned(), latin1(header.value)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str = "GET /api/sse?clientId=a HTTP/1.1\r\nHost: app.example\r\naccept: text/event-stream\r\n\
                         Cookie: session=1; ssekit-resume-x=y\r\n\r\n";

    fn with(headers: &str) -> String {
        PLAIN.replace("\r\n\r\n", &format!("\r\n{headers}\r\n\r\n"))
    }

    #[test]
    fn plain_request_is_read() {
        let head = Head::of(PLAIN.as_bytes()).unwrap();
        assert_eq!(head.target, "/api/sse?clientId=a");
        let cookie = ["Cookie", "session=1; ssekit-resume-x=y"];
        assert_eq!(head.headers, [&["Host", "app.example", "accept", "text/event-stream"][..], &cookie].concat());
    }

    #[test]
    fn values_are_as_in_node() {
        let text = with("X: \t a ~ b\t \r\nEmpty:");
        let bytes: Vec<u8> = text.bytes().map(|byte| if byte == b'~' { 0xe9 } else { byte }).collect();
        let head = Head::of(&bytes).unwrap();
        assert_eq!(head.headers[6..], ["X", "a \u{e9} b", "Empty", ""]);
    }

    #[test]
    fn anything_else_is_for_node() {
        let host = "Host: app.example\r\n";
        let others = [
            PLAIN.replace("GET", "HEAD"),
            PLAIN.replace("GET", "get"),
            PLAIN.replace("GET ", "GET  "),
            PLAIN.replace("HTTP/1.1", "HTTP/1.0"),
            PLAIN.replace("HTTP/1.1", "HTTP/2.0"),
            PLAIN.replace("/api", "http://app.example/api"),
            PLAIN.replace("/api", "*"),
            PLAIN.replace("/api", "/\u{e9}"),
            PLAIN.replace(host, ""),
            PLAIN.replace(host, &host.repeat(2)),
            PLAIN.replace("text/event-stream", "text/html"),
            PLAIN.replace("ssekit-resume-", "ssekit-"),
            PLAIN.replace("\r\n", "\n"),
            PLAIN.replace("\r\nHost", "\nHost"),
            PLAIN.replace("accept: ", "accept : "),
            PLAIN.replace("accept: ", "accept:\r\n "),
            PLAIN.replace("app.example", "app\rexample"),
            PLAIN.replace("app.example", "app\0example"),
            PLAIN.replace("app.example", "app\x7fexample"),
            PLAIN.replace("Host", "Ho st"),
            format!("\r\n{PLAIN}"),
            format!("{PLAIN}{PLAIN}"),
            format!("{PLAIN}\r\n"),
            PLAIN[..PLAIN.len() - 1].to_owned(),
            with("Content-Length: 0"),
            with("Transfer-Encoding: chunked"),
            with("EXPECT: 100-continue"),
            with("Upgrade: websocket"),
            with("ssekit-carrier: v1 open"),
            with(&vec!["a: b"; MOST_HEADERS].join("\r\n")),
            with(&format!("a: {}", "b".repeat(MOST_HEAD_BYTES - PLAIN.len() - "a: \r\n".len()))),
        ];
        for other in others {
            assert_eq!(Head::of(other.as_bytes()), None, "{other:?}");
        }
    }

    /// A request as it is written, and what it says.
    fn head() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
        let pair = ("[A-Za-z!#$%&'*+.^_`|~-]{1,12}", "[ -~]{0,20}".prop_map(|value| value.trim().to_owned()));
        ("/[!-~]{0,30}", proptest::collection::vec(pair, 0..20))
    }

    proptest! {
        #[test]
        fn says_what_was_written((target, others) in head(), spaces in "[ \t]{0,3}") {
            let plain = [("Host", "a"), ("Accept", "text/event-stream"), ("Cookie", "ssekit-resume-x=y")];
            let plain = plain.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let is_own = |name: &str| OTHERS.iter().chain(&["host"]).any(|own| own.eq_ignore_ascii_case(name));
            let all: Vec<_> = plain.into_iter().chain(others.into_iter().filter(|(name, _)| !is_own(name))).collect();
            let lines: String = all.iter().map(|(name, value)| format!("{name}:{spaces}{value}{spaces}\r\n")).collect();
            let head = Head::of(format!("GET {target} HTTP/1.1\r\n{lines}\r\n").as_bytes()).unwrap();
            prop_assert_eq!(head.target, target);
            let said: Vec<_> = head.headers.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            prop_assert_eq!(said, all);
        }

        #[test]
        fn part_of_a_request_is_for_node(end in 0..PLAIN.len()) {
            prop_assert_eq!(Head::of(&PLAIN.as_bytes()[..end]), None);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0..PLAIN.len()) {
            let mixed = [&PLAIN.as_bytes()[..at], &bytes, &PLAIN.as_bytes()[at..]].concat();
            let _ = (Head::of(&bytes), Head::of(&mixed));
        }
    }
}
