//! Any bytes on a connection that Node.js has not read from: no panic, and what is read there is what RFC 9112 says, read by the letter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssekit_http::resume::{Head, MOST_HEAD_BYTES};

const START: &[u8] = b"GET /api/sse?clientId=a HTTP/1.1\r\nHost: app.example\r\nAccept: text/event-stream\r\n\
                       Cookie: session=1; ssekit-resume-x=y\r\n";

/// The target and the headers, if this is one `GET` request with a head and nothing else.
fn by_the_letter(bytes: &[u8]) -> Option<(String, Vec<String>)> {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let head = text.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let is_token = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
        let is_value = |letter: char| letter == '\t' || (letter >= ' ' && letter != '\x7f');
        if name.is_empty() || !name.chars().all(is_token) || !value.chars().all(is_value) {
            return None;
        }
        headers.extend([name.to_owned(), value.trim_matches([' ', '\t']).to_owned()]);
    }
    let is_plain = target.starts_with('/') && target.chars().all(|letter| letter.is_ascii_graphic());
    is_plain.then(|| (target.to_owned(), headers))
}

fuzz_target!(|data: (bool, u16, &[u8])| {
    let (is_whole, at, bytes) = data;
    let at = usize::from(at) % (START.len() + 1);
    let mixed = [&START[..at], bytes, &START[at..], b"\r\n"].concat();
    let bytes = if is_whole { bytes } else { &mixed };
    let Some(Head { target, headers }) = Head::of(bytes) else { return };
    assert!(bytes.len() < MOST_HEAD_BYTES);
    assert_eq!(Some((target, headers.clone())), by_the_letter(bytes));
    let all = |name: &str| headers.chunks(2).filter(|pair| pair[0].eq_ignore_ascii_case(name)).count();
    assert_eq!((all("host"), all("content-length"), all("transfer-encoding"), all("upgrade")), (1, 0, 0, 0));
});
