//! Reads what goes over the wire, and fails on every byte that should not be there.

use std::collections::VecDeque;

use bytes::Bytes;

/// One event as a page would get it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Received {
    pub name: String,
    pub data: String,
    pub id: String,
    pub retry: Option<u64>,
    /// Comments within it, which say what trace it belongs to.
    pub comments: Vec<String>,
}

impl Received {
    pub fn is_reset(&self) -> bool {
        self.name == "ssekit:reset"
    }

    /// It says nothing but its id.
    pub fn is_position(&self) -> bool {
        self.name == "ssekit:position" && self.data == "{}"
    }

    /// The position in an id of ssekit's own.
    pub fn position(&self) -> u64 {
        position_of(&self.id)
    }
}

/// The position in an id of ssekit's own.
pub fn position_of(id: &str) -> u64 {
    id.split_once('.')
        .and_then(|(_, position)| position.parse().ok())
        .unwrap_or_else(|| panic!("not ssekit's id: {id:?}"))
}

/// The event stream's parser, for the one way in which ssekit writes it.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Received,
    data_lines: usize,
    events: VecDeque<Received>,
    pub heartbeats: usize,
}

impl Parser {
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.take_line(std::str::from_utf8(&line).expect("lines are UTF-8"));
            } else {
                self.line.push(*byte);
            }
        }
    }

    fn take_line(&mut self, line: &str) {
        match line.split_once(": ") {
            _ if line.is_empty() => {
                assert!(self.data_lines > 0, "a blank line without data is no event");
                self.data_lines = 0;
                self.events.push_back(std::mem::take(&mut self.event));
            }
            _ if line == ":" => self.heartbeats += 1,
            // A reader of comments must have them before anything of the event.
            Some(("", comment)) if self.has_no_field() => self.event.comments.push(comment.to_owned()),
            Some(("event", name)) => self.event.name = name.to_owned(),
            Some(("retry", retry)) => self.event.retry = Some(retry.parse().unwrap()),
            Some(("id", id)) => self.event.id = id.to_owned(),
            Some(("data", data)) => {
                if self.data_lines > 0 {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(data);
                self.data_lines += 1;
            }
            _ => panic!("not a line of ssekit's: {line:?}"),
        }
    }

    fn has_no_field(&self) -> bool {
        let comments = self.event.comments.clone();
        self.data_lines == 0 && self.event == Received { comments, ..Received::default() }
    }

    pub fn pop(&mut self) -> Option<Received> {
        self.events.pop_front()
    }

    /// Whether it stands between two events.
    pub fn is_clear(&self) -> bool {
        self.line.is_empty() && self.event == Received::default() && self.data_lines == 0
    }
}

/// The events in some bytes that hold whole ones.
pub fn events_in(bytes: &[u8]) -> Vec<Received> {
    let mut parser = Parser::default();
    parser.push(bytes);
    assert!(parser.is_clear(), "ends within an event");
    std::iter::from_fn(|| parser.pop()).collect()
}

/// The complete events in bytes that were cut anywhere.
pub fn events_before_cut(bytes: &[u8]) -> Vec<Received> {
    let whole = bytes.windows(2).rposition(|window| window == b"\n\n").map_or(0, |end| end + 2);
    events_in(&bytes[..whole])
}

/// HTTP/1.1's chunked coding, by the letter: no leading zeros, no extensions, no trailers.
#[derive(Debug, Default)]
pub struct Dechunker {
    buffer: Vec<u8>,
    /// The last chunk was there.
    pub ended: bool,
    /// Others write the chunks, who may take capital digits.
    any_case: bool,
}

impl Dechunker {
    /// A reader of chunks that ssekit did not write.
    pub fn of_others() -> Self {
        Self { any_case: true, ..Self::default() }
    }

    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.buffer.extend_from_slice(bytes);
        let mut body = Vec::new();
        let mut start = 0;
        while let Some((head, size)) = self.head(start) {
            let end = start + head + size;
            let Some(tail) = self.buffer.get(end..end + 2) else { break };
            assert_eq!(tail, b"\r\n", "a chunk ends with a line end");
            body.extend_from_slice(&self.buffer[start + head..end]);
            assert!(!self.ended, "a chunk after the last one");
            self.ended = size == 0;
            start = end + 2;
        }
        self.buffer.drain(..start);
        body
    }

    /// The length of the head of the chunk at `start`, and that of the chunk.
    fn head(&self, start: usize) -> Option<(usize, usize)> {
        let rest = &self.buffer[start..];
        let digits = rest.windows(2).take(9).position(|window| window == b"\r\n");
        assert!(digits.is_some() || rest.len() < 10, "no head of a chunk: {:?}", Bytes::copy_from_slice(&rest[..10]));
        let head = std::str::from_utf8(&rest[..digits?]).unwrap();
        let size = usize::from_str_radix(head, 16).unwrap();
        let written = if self.any_case { head.to_ascii_lowercase() } else { head.to_owned() };
        assert_eq!(written, format!("{size:x}"), "lower case, no leading zeros");
        Some((head.len() + 2, size))
    }

    /// The part of a chunk that has only begun.
    pub fn begun(&self) -> &[u8] {
        match self.head(0) {
            Some((head, size)) => &self.buffer[head..self.buffer.len().min(head + size)],
            None => &[],
        }
    }

    pub fn is_clear(&self) -> bool {
        self.buffer.is_empty()
    }
}

/// The fields of `ssekit:ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub id: String,
    pub retry: Option<u64>,
    pub client_id: String,
    pub user_id: Option<String>,
    pub resumed: bool,
}

/// Reads a stream's first bytes: the one event `ssekit:ready`.
pub fn ready_in(opening: &[u8]) -> Ready {
    let events = events_in(opening);
    let [event] = events.as_slice() else { panic!("not one event: {events:?}") };
    assert_eq!(event.name, "ssekit:ready");
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
    Ready {
        id: event.id.clone(),
        retry: event.retry,
        client_id: data["clientId"].as_str().unwrap().to_owned(),
        user_id: data["userId"].as_str().map(str::to_owned),
        resumed: data["resumed"].as_bool().unwrap(),
    }
}
