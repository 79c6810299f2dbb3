//! Finds the benchmark's events in what a connection brings.
//!
//! Each event's data begins with `{"seq":<number>,"at":<nanoseconds>`, by which it is found whatever stands around it: the
//! framing of HTTP, or the habits of a server. So all servers are read by the same few instructions, and a client costs little.

use memchr::memmem::Finder;

const MARK: &[u8] = b"\"seq\":";
const SENT_AT: &[u8] = b",\"at\":";

/// The longest beginning of an event that can be cut off: mark, number, mark, number.
const LONGEST: usize = MARK.len() + 20 + SENT_AT.len() + 20;

/// One event, as far as the benchmark is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Its number.
    pub seq: u64,
    /// When it was sent.
    pub at: u64,
}

/// Knows what to look for.
#[derive(Debug)]
pub struct Scanner {
    mark: Finder<'static>,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { mark: Finder::new(MARK) }
    }
}

impl Scanner {
    /// Tells `found` about every event in `bytes`, which continue where `carry` ends. An event that is cut off at the end becomes
    /// the new `carry`.
    pub fn scan(&self, carry: &mut Vec<u8>, bytes: &[u8], mut found: impl FnMut(Sighting)) {
        if carry.is_empty() {
            let rest = self.scan_whole(bytes, &mut found);
            carry.extend_from_slice(rest);
            return;
        }
        // The joint: the carry, and as much as one beginning of an event can need.
        let kept = carry.len();
        carry.extend_from_slice(bytes.get(..LONGEST.min(bytes.len())).unwrap_or(bytes));
        if bytes.len() <= LONGEST {
            let joint = std::mem::take(carry);
            carry.extend_from_slice(self.scan_whole(&joint, &mut found));
            return;
        }
        let Some(Cut { sighting, end }) = self.first_from(carry, kept) else {
            carry.clear();
            carry.extend_from_slice(self.scan_whole(bytes, &mut found));
            return;
        };
        found(sighting);
        let read_of_bytes = end.saturating_sub(kept);
        carry.clear();
        carry.extend_from_slice(self.scan_whole(bytes.get(read_of_bytes..).unwrap_or_default(), &mut found));
    }

    /// The event that begins in the first `kept` bytes of the joint.
    fn first_from(&self, joint: &[u8], kept: usize) -> Option<Cut> {
        let start = self.mark.find(joint).filter(|start| *start < kept)?;
        match read(joint.get(start..)?) {
            Read::Event(sighting, length) => Some(Cut { sighting, end: start + length }),
            Read::CutOff | Read::SomethingElse => None,
        }
    }

    /// Returns what may be the beginning of an event that is cut off.
    fn scan_whole<'a>(&self, mut bytes: &'a [u8], found: &mut impl FnMut(Sighting)) -> &'a [u8] {
        while let Some(start) = self.mark.find(bytes) {
            let event = bytes.get(start..).unwrap_or_default();
            match read(event) {
                Read::Event(sighting, length) => {
                    found(sighting);
                    bytes = event.get(length..).unwrap_or_default();
                }
                Read::CutOff => return event,
                Read::SomethingElse => bytes = event.get(MARK.len()..).unwrap_or_default(),
            }
        }
        beginning_of_mark(bytes)
    }
}

struct Cut {
    sighting: Sighting,
    end: usize,
}

enum Read {
    Event(Sighting, usize),
    CutOff,
    SomethingElse,
}

fn read(event: &[u8]) -> Read {
    let Some((seq, after_seq)) = number(event, MARK.len()) else { return cut_off_if_short(event) };
    if event.get(after_seq..after_seq + SENT_AT.len()) != Some(SENT_AT) {
        return cut_off_if_short(event);
    }
    match number(event, after_seq + SENT_AT.len()) {
        Some((at, end)) => Read::Event(Sighting { seq, at }, end),
        None => cut_off_if_short(event),
    }
}

fn cut_off_if_short(event: &[u8]) -> Read {
    if event.len() < LONGEST { Read::CutOff } else { Read::SomethingElse }
}

/// A number that something follows, and where that stands.
fn number(bytes: &[u8], start: usize) -> Option<(u64, usize)> {
    let digits = bytes.get(start..)?.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let end = start + digits;
    if digits == 0 || end >= bytes.len() {
        return None;
    }
    let text = std::str::from_utf8(bytes.get(start..end)?).ok()?;
    Some((text.parse().ok()?, end))
}

fn beginning_of_mark(bytes: &[u8]) -> &[u8] {
    let longest = (MARK.len() - 1).min(bytes.len());
    let cut = (1..=longest).rev().find(|length| bytes.ends_with(MARK.get(..*length).unwrap_or_default()));
    bytes.get(bytes.len() - cut.unwrap_or(0)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(numbers: std::ops::Range<u64>) -> Vec<u8> {
        let one = |seq: u64| {
            format!(
                "7b\r\nevent: tick\ndata: {{\"seq\":{seq},\"at\":{},\"pad\":\"\\\"seq\\\":x\"}}\n\n\r\n",
                seq * 1_000
            )
        };
        numbers.map(one).collect::<String>().into_bytes()
    }

    fn scanned<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u64> {
        let (scanner, mut carry, mut seen) = (Scanner::default(), Vec::new(), Vec::new());
        for part in parts {
            scanner.scan(&mut carry, part, |sighting| {
                assert_eq!(sighting.at, sighting.seq * 1_000);
                seen.push(sighting.seq);
            });
            assert!(carry.len() <= LONGEST);
        }
        seen
    }

    #[test]
    fn every_event_is_found_once_wherever_the_stream_is_cut() {
        let stream = events(98..103);
        for cut in 0..=stream.len() {
            for second in cut..=stream.len() {
                let parts = [&stream[..cut], &stream[cut..second], &stream[second..]];
                assert_eq!(scanned(parts), [98, 99, 100, 101, 102], "cut at {cut} and {second}");
            }
        }
        assert_eq!(scanned(stream.chunks(1)), [98, 99, 100, 101, 102]);
    }

    #[test]
    fn what_only_looks_like_an_event_is_none() {
        let text = b"\"seq\":12 and then something else that is long enough to be sure that it is something else";
        assert!(scanned([&text[..]]).is_empty());
    }
}
