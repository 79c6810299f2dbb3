//! Checks a server's reply before it is parsed: it must be complete and within bounds. The parser calls itself for
//! nested arrays and believes every length, so deep or large input must not reach it (CWE-674, CWE-770).

use redis_protocol::resp2::decode::decode_bytes_mut;
use redis_protocol::resp2::types::BytesFrame;

use bytes::BytesMut;

/// The deepest nesting of arrays. `XREAD` has four levels.
const MOST_DEPTH: usize = 8;

/// The most values in one reply. `XREAD` has about ten for each record.
const MOST_VALUES: usize = 1 << 20;

/// The most bytes in one string: the largest possible event (64 MiB), with its audience.
const MOST_STRING: usize = 80 << 20;

/// The most bytes in one reply.
const MOST_BYTES: usize = 256 << 20;

/// The most bytes in a line: a number, a word, or an error.
const MOST_LINE: usize = 64 << 10;

/// The reason why a reply is not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It does not follow the protocol.
    Malformed,
    /// Its arrays are nested too deeply.
    TooDeep,
    /// It is larger than any valid reply.
    TooLarge,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the answer is not the protocol of Redis",
            Self::TooDeep => "the answer is nested too deeply",
            Self::TooLarge => "the answer is too large",
        })
    }
}

impl std::error::Error for Unfit {}

/// Takes the first reply from the input. Returns `None` if it is incomplete.
///
/// # Errors
/// The input cannot become a usable reply.
pub fn take_reply(input: &mut BytesMut) -> Result<Option<BytesFrame>, Unfit> {
    let Some(length) = whole(input)? else { return Ok(None) };
    let mut reply = input.split_to(length);
    match decode_bytes_mut(&mut reply) {
        Ok(Some((reply, ..))) => Ok(Some(reply)),
        _ => Err(Unfit::Malformed),
    }
}

/// The length of the first reply, if it is complete.
fn whole(input: &[u8]) -> Result<Option<usize>, Unfit> {
    // How many values are still missing in each open array.
    let mut open = [0_usize; MOST_DEPTH];
    let (mut depth, mut values, mut at) = (0_usize, 0_usize, 0_usize);
    loop {
        let Some((kind, number, behind)) = line(input, at)? else { return Ok(None) };
        at = behind;
        values += 1;
        if kind == b'$'
            && let Some(length) = number
        {
            if length > MOST_STRING {
                return Err(Unfit::TooLarge);
            }
            at += length + 2;
            match input.get(at - 2..at) {
                Some(b"\r\n") => {}
                Some(_) => return Err(Unfit::Malformed),
                None if at > MOST_BYTES => return Err(Unfit::TooLarge),
                None => return Ok(None),
            }
        }
        if at > MOST_BYTES || values > MOST_VALUES {
            return Err(Unfit::TooLarge);
        }
        if kind == b'*'
            && let Some(length) = number.filter(|length| *length > 0)
        {
            if length > MOST_VALUES {
                return Err(Unfit::TooLarge);
            }
            *open.get_mut(depth).ok_or(Unfit::TooDeep)? = length;
            depth += 1;
            continue;
        }
        // A value is complete; the last one also completes its array.
        loop {
            let Some(left) = depth.checked_sub(1).and_then(|inner| open.get_mut(inner)) else { return Ok(Some(at)) };
            *left -= 1;
            if *left > 0 {
                break;
            }
            depth -= 1;
        }
    }
}

/// The line at this place: its kind, the length that it announces for the content after it, if any, and where it ends.
fn line(input: &[u8], at: usize) -> Result<Option<(u8, Option<usize>, usize)>, Unfit> {
    let rest = input.get(at..).unwrap_or_default();
    let Some((&kind, rest)) = rest.split_first() else { return Ok(None) };
    let known = rest.get(..MOST_LINE).unwrap_or(rest);
    let Some(length) = memchr::memmem::find(known, b"\r\n") else {
        let is_endless = known.len() == MOST_LINE || !b"+-:$*".contains(&kind);
        return if is_endless { Err(Unfit::Malformed) } else { Ok(None) };
    };
    let text = known.get(..length).unwrap_or_default();
    let number = match kind {
        b'+' | b'-' => None,
        b':' => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
            number.map(|_| None).ok_or(Unfit::Malformed)?
        }
        b'$' | b'*' if text == b"-1" => None,
        b'$' | b'*' => Some(length_of(text)?),
        _ => return Err(Unfit::Malformed),
    };
    Ok(Some((kind, number, at + 1 + length + 2)))
}

fn length_of(text: &[u8]) -> Result<usize, Unfit> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(Unfit::Malformed);
    }
    // A number that this machine cannot hold is far too large.
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Unfit::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(bytes: &[u8]) -> Result<Option<BytesFrame>, Unfit> {
        take_reply(&mut BytesMut::from(bytes))
    }

    #[test]
    fn nested_arrays_are_refused_before_parsing() {
        assert_eq!(take(&b"*1\r\n".repeat(10_000)), Err(Unfit::TooDeep));
        assert_eq!(take(&[&b"*1\r\n".repeat(9)[..], b":1\r\n"].concat()), Err(Unfit::TooDeep));
        assert!(take(&[&b"*1\r\n".repeat(8)[..], b":1\r\n"].concat()).unwrap().is_some());
    }

    #[test]
    fn excessive_lengths_are_refused_at_once() {
        for length in ["9223372036854775808", "9223372036854775807", "18446744073709551616", "83886081"] {
            assert_eq!(take(format!("${length}\r\n").as_bytes()), Err(Unfit::TooLarge), "{length}");
        }
        assert_eq!(take(b"*1048577\r\n"), Err(Unfit::TooLarge));
        let many = [&b"*1000000\r\n"[..], &b"*1\r\n:1\r\n".repeat(600_000)].concat();
        assert_eq!(take(&many), Err(Unfit::TooLarge));
    }

    #[test]
    fn foreign_protocol_is_refused() {
        for bytes in
            [&b"HTTP/1.1 400\r\n"[..], b"$x\r\n", b"$+1\r\n", b"$-2\r\n", b":\r\n", b"*\r\n", b"$1\r\nab\r\n", b"!"]
        {
            assert_eq!(take(bytes), Err(Unfit::Malformed), "{bytes:?}");
        }
        assert_eq!(take(&[b"+", &b"x".repeat(MOST_LINE)[..]].concat()), Err(Unfit::Malformed));
    }

    #[test]
    fn only_complete_replies_are_taken() {
        let replies = [&b"+OK\r\n"[..], b"-ERR no\r\n", b":-7\r\n", b"$-1\r\n", b"$0\r\n\r\n", b"*-1\r\n", b"*0\r\n"];
        let nested = b"*2\r\n*2\r\n$1\r\na\r\n*0\r\n:1\r\n";
        for reply in replies.into_iter().chain([&nested[..]]) {
            for end in 0..reply.len() {
                assert_eq!(take(&reply[..end]), Ok(None), "{reply:?} up to {end}");
            }
            let mut input = BytesMut::from(&[reply, b"+next\r\n"].concat()[..]);
            assert!(take_reply(&mut input).unwrap().is_some(), "{reply:?}");
            assert_eq!(&input[..], b"+next\r\n");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = take(&bytes);
        }

        #[test]
        fn resembling_bytes_do_no_harm(bytes in "([*$:+-][0-9-]{0,3}\r\n){0,60}") {
            let mut input = BytesMut::from(bytes.as_bytes());
            while let Ok(Some(_)) = take_reply(&mut input) {}
        }
    }
}
