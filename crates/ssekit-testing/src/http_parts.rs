//! The parts of requests, over HTTP/1 and HTTP/2, for tests that combine them at random.

/// Parts of requests: some fit together, and most do not.
pub const PARTS: &[&str] = &[
    "GET ",
    "POST ",
    "HEAD ",
    "OPTIONS ",
    "PRI * ",
    "/events",
    "/publish",
    "/healthz",
    "?clientId=",
    "tab",
    "%00",
    "%",
    "&ticket=",
    "&lastEventId=",
    " HTTP/1.1",
    " HTTP/1.0",
    " HTTP/2.0",
    "\r\n",
    "\n",
    "\r",
    "Host: a",
    "Accept: text/html",
    "Last-Event-ID: ",
    "Content-Length: 5",
    "Content-Length: 99999999999",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Connection: close",
    "Connection: upgrade",
    "Upgrade: h2c",
    "Content-Type: application/json",
    "Idempotency-Key: k",
    "Authorization: Bearer a-token-that-only-these-tests-know-of",
    "\r\n\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "{}",
    r#"{"broadcast":true,"event":{"data":1}}"#,
    r#"{"channel":"news","event":{"data":1}}"#,
    "SM\r\n\r\n",
    ":",
    " ",
    "\0",
    "é",
];

/// Beginnings of connections that are as they should be.
pub fn good_beginnings() -> Vec<Vec<u8>> {
    const BODY: &str = r#"{"broadcast":true,"event":{"data":1}}"#;
    const BEARER: &str = "Bearer a-token-that-only-these-tests-know-of";
    let post = format!(
        "POST /publish HTTP/1.1\r\nHost: a\r\nAuthorization: {BEARER}\r\nContent-Type: application/json\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=1\r\n\
         Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let stream = frame(HEADERS, END_HEADERS | END_STREAM, 1, &head(GET, "/events", &[]));
    let headers = [("authorization", BEARER), ("content-type", "application/json")];
    let publication = frame(HEADERS, END_HEADERS, 1, &head(POST, "/publish", &headers));
    vec![
        b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"GET /events?clientId=tab&lastEventId=0.1&ticket=x HTTP/1.0\r\nAccept: */*\r\n\r\n".to_vec(),
        b"HEAD /events HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        post.into_bytes(),
        http2_opening(),
        [http2_opening(), stream].concat(),
        [http2_opening(), publication, frame(DATA, END_STREAM, 1, BODY.as_bytes())].concat(),
    ]
}

/// The beginning of a client's connection over HTTP/2 (RFC 9113, section 3.4).
pub fn http2_opening() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat()
}

/// Types of frames (RFC 9113, section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame as it stands on the wire.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block (RFC 7541): the method by its index in the static table, the rest as literals.
pub fn head(method: u8, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![method, 0x86];
    let mut literal = |prefix: &[u8], texts: &[&str]| {
        block.extend(prefix);
        for text in texts {
            assert!(text.len() < 127, "a longer one would take more than one byte for its length");
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    };
    // Never indexed, with the names `:path` and `:authority` from the static table.
    literal(&[0x14], &[path]);
    literal(&[0x11], &["sse.example"]);
    more.iter().for_each(|(name, value)| literal(&[0x10], &[name, value]));
    block
}

pub const GET: u8 = 0x82;
pub const POST: u8 = 0x83;
