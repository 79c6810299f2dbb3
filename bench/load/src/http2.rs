//! HTTP/2 (RFC 9113) with prior knowledge, as far as a counting client needs it. Requests go out without a dynamic table (RFC 7541),
//! windows have their maximum size, and the client reads only the status of a response's head. This costs the client next to nothing,
//! because the benchmark measures the server.

use std::io;

use crate::request::{Part, Request};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;

const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A window's widest, and what it is at first.
const WIDEST: u32 = 0x7fff_ffff;
const FIRST_WINDOW: u32 = 65_535;
/// The number of bytes after which the connection's window is opened again. A stream's window never is: no stream gets that
/// much here.
const WINDOW_STEP: u32 = 1 << 30;

const HEAD: usize = 9;

/// The state of a connection.
#[derive(Debug, Default)]
pub(crate) struct Http2 {
    /// A frame's head as far as it has come, and for frames that are small and wanted whole, what follows.
    pending: Vec<u8>,
    /// The stream of the current `DATA` frame, and the bytes that have yet to come.
    data: Option<(usize, usize)>,
    /// Bytes since the window was last opened.
    taken: u32,
}

impl Http2 {
    /// The client's first bytes: one stream for each request, numbered from the first.
    pub(crate) fn requests(requests: &[Request]) -> Vec<u8> {
        let mut out = PREFACE.to_vec();
        let setting = |name: u16, value: u32| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
        frame(&mut out, SETTINGS, 0, 0, &[setting(ENABLE_PUSH, 0), setting(INITIAL_WINDOW_SIZE, WIDEST)].concat());
        frame(&mut out, WINDOW_UPDATE, 0, 0, &(WIDEST - FIRST_WINDOW).to_be_bytes());
        for (number, request) in requests.iter().enumerate() {
            frame(&mut out, HEADERS, END_STREAM | END_HEADERS, number as u32 * 2 + 1, &head_of(request));
        }
        out
    }

    pub(crate) fn read(
        &mut self,
        mut bytes: &[u8],
        outgoing: &mut Vec<u8>,
        mut part: impl FnMut(usize, Part<'_>),
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            if let Some((stream, left)) = self.data {
                let (body, rest) = bytes.split_at(left.min(bytes.len()));
                part(stream, Part::Body(body));
                self.data = Some((stream, left - body.len())).filter(|(_, left)| *left > 0);
                bytes = rest;
                continue;
            }
            let wanted = self.wanted();
            let (some, rest) = bytes.split_at((wanted - self.pending.len()).min(bytes.len()));
            self.pending.extend_from_slice(some);
            bytes = rest;
            if self.pending.len() == self.wanted() {
                self.take(outgoing, &mut part)?;
            }
        }
        Ok(())
    }

    /// The length of the pending frame, as far as it is known; of data only the head.
    fn wanted(&self) -> usize {
        match *self.pending.as_slice() {
            [a, b, c, kind, _, _, _, _, _, ..] if kind != DATA => HEAD + u32::from_be_bytes([0, a, b, c]) as usize,
            _ => HEAD,
        }
    }

    fn take(&mut self, outgoing: &mut Vec<u8>, part: &mut impl FnMut(usize, Part<'_>)) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let [a, b, c, kind, flags, s0, s1, s2, s3, payload @ ..] = pending.as_slice() else { return Ok(()) };
        let stream = u32::from_be_bytes([*s0 & 0x7f, *s1, *s2, *s3]) as usize / 2;
        let failed = |what: &str| Err(io::Error::other(format!("HTTP/2: {what}")));
        if *flags & PADDED != 0 && matches!(*kind, DATA | HEADERS) {
            return failed("padding, which this client does not know");
        }
        match *kind {
            DATA => {
                let length = u32::from_be_bytes([0, *a, *b, *c]);
                self.data = Some((stream, length as usize)).filter(|(_, left)| *left > 0);
                self.taken += length;
                if self.taken >= WINDOW_STEP {
                    frame(outgoing, WINDOW_UPDATE, 0, 0, &self.taken.to_be_bytes());
                    self.taken = 0;
                }
                if *flags & END_STREAM != 0 {
                    return failed("a stream has ended");
                }
            }
            HEADERS => {
                // A new size of the dynamic table may stand first.
                match payload.iter().find(|byte| **byte & 0xe0 != 0x20) {
                    Some(&STATUS_200) => part(stream, Part::Head),
                    _ => return failed("another status than 200"),
                }
            }
            SETTINGS if *flags & ACK == 0 => frame(outgoing, SETTINGS, ACK, 0, &[]),
            PING if *flags & ACK == 0 => frame(outgoing, PING, ACK, 0, payload),
            RST_STREAM => return failed("a stream was reset"),
            GOAWAY => return failed("the server goes away"),
            _ => {}
        }
        Ok(())
    }
}

/// Entries of the static table (RFC 7541, appendix A), as a header field that is one of them.
const STATUS_200: u8 = 0x80 | 8;
const METHOD_GET: u8 = 0x80 | 2;
const SCHEME_HTTP: u8 = 0x80 | 6;
/// And as the name of a field whose value follows.
const AUTHORITY: u8 = 1;
const PATH: u8 = 4;

fn head_of(Request { authority, path, headers }: &Request) -> Vec<u8> {
    let mut out = vec![METHOD_GET, SCHEME_HTTP, PATH];
    text(&mut out, path);
    out.push(AUTHORITY);
    text(&mut out, authority);
    let lines = headers.lines().filter_map(|line| line.split_once(": "));
    for (name, value) in std::iter::once(("accept", "text/event-stream")).chain(lines) {
        // With its own name, and not to be remembered.
        out.push(0);
        text(&mut out, &name.to_ascii_lowercase());
        text(&mut out, value);
    }
    out
}

/// A string as it is, behind its length (RFC 7541, section 5).
fn text(out: &mut Vec<u8>, text: &str) {
    const MOST: usize = 0x7f;
    if text.len() < MOST {
        out.push(text.len() as u8);
    } else {
        out.push(MOST as u8);
        let mut rest = text.len() - MOST;
        while rest >= 0x80 {
            out.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        out.push(rest as u8);
    }
    out.extend_from_slice(text.as_bytes());
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = payload.len() as u32;
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Request {
        Request { authority: "a:1".into(), path: path.into(), headers: "Last-Event-ID: e.7\r\n".into() }
    }

    #[test]
    fn requests_are_what_the_standard_says() {
        let sent = Http2::requests(&[request("/x"), request("/y")]);
        let rest = sent.strip_prefix(PREFACE).unwrap();
        let settings = [0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff];
        let rest = rest.strip_prefix(&settings[..]).unwrap();
        let rest = rest.strip_prefix(&[0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0, 0][..]).unwrap();
        let head = b"\x82\x86\x04\x02/x\x01\x03a:1\x00\x06accept\x11text/event-stream\x00\x0dlast-event-id\x03e.7";
        let begin = [0, 0, head.len() as u8, 1, 5, 0, 0, 0, 1];
        let rest = rest.strip_prefix(&begin[..]).unwrap().strip_prefix(&head[..]).unwrap();
        assert_eq!(rest.get(5..9), Some(&[0, 0, 0, 3][..]), "the second stream is the third number");
    }

    #[test]
    fn a_long_string_has_a_long_length() {
        let mut out = Vec::new();
        text(&mut out, &"x".repeat(1_337 + 127));
        assert_eq!(out.get(..3), Some(&[0x7f, 0xb9, 0x0a][..]), "as in RFC 7541, C.1.2, with seven bits");
    }

    #[test]
    fn frames_are_read_wherever_they_are_cut() {
        let mut sent = Vec::new();
        frame(&mut sent, SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 200]);
        frame(&mut sent, HEADERS, END_HEADERS, 1, &[0x3f, STATUS_200, 1, 2]);
        frame(&mut sent, HEADERS, END_HEADERS, 3, &[STATUS_200]);
        frame(&mut sent, DATA, 0, 3, b"three");
        frame(&mut sent, DATA, 0, 1, b"");
        frame(&mut sent, PING, 0, 0, b"12345678");
        frame(&mut sent, DATA, 0, 1, b"one");
        for size in 1..sent.len() {
            let (mut http2, mut outgoing) = (Http2::default(), Vec::new());
            let (mut heads, mut bodies) = (Vec::new(), [Vec::new(), Vec::new()]);
            for piece in sent.chunks(size) {
                let take = |stream: usize, part: Part<'_>| match part {
                    Part::Head => heads.push(stream),
                    Part::Body(body) => bodies[stream].extend_from_slice(body),
                };
                http2.read(piece, &mut outgoing, take).unwrap();
            }
            assert_eq!((heads, bodies), (vec![0, 1], [b"one".to_vec(), b"three".to_vec()]));
            assert_eq!(outgoing, b"\0\0\0\x04\x01\0\0\0\0\0\0\x08\x06\x01\0\0\0\x0012345678");
        }
    }

    #[test]
    fn what_is_no_stream_of_events_is_an_error() {
        for (kind, flags, payload) in
            [(HEADERS, 4, &[0x8c][..]), (RST_STREAM, 0, &[0; 4]), (GOAWAY, 0, &[0; 8]), (DATA, END_STREAM, &[1])]
        {
            let mut sent = Vec::new();
            frame(&mut sent, kind, flags, 1, payload);
            assert!(Http2::default().read(&sent, &mut Vec::new(), |_, _| {}).is_err());
        }
    }
}
