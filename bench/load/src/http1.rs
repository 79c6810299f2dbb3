//! The part of HTTP/1.1 that a client needs to find events. The scanner skips the body's framing.

use std::io;

use crate::request::{Part, Request};

/// The end of a response's head.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// A response.
#[derive(Debug, Default)]
pub(crate) struct Http1 {
    /// Its head as far as it has come.
    head: Vec<u8>,
    is_open: bool,
}

impl Http1 {
    pub(crate) fn request(Request { authority, path, headers }: &Request) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nAccept: text/event-stream\r\n{headers}\r\n").into_bytes()
    }

    pub(crate) fn read(&mut self, bytes: &[u8], mut part: impl FnMut(usize, Part<'_>)) -> io::Result<()> {
        if self.is_open {
            part(0, Part::Body(bytes));
            return Ok(());
        }
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&self.head, BLANK_LINE) else { return Ok(()) };
        if !self.head.starts_with(b"HTTP/1.1 200 ") {
            let line = self.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            return Err(io::Error::other(String::from_utf8_lossy(line).into_owned()));
        }
        self.is_open = true;
        self.head = Vec::new();
        part(0, Part::Head);
        part(0, Part::Body(bytes.get((end + BLANK_LINE.len()).saturating_sub(before)..).unwrap_or_default()));
        Ok(())
    }
}
