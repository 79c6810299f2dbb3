//! Parses Redis's answers. Anything unexpected, from the server or from another writer to the same keys, is an error or
//! is skipped.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use redis::Value;
use tokio::time::Instant;

use ssekit_core::backplane::{Ends, Joined, LogOut, LogOuts, NodeId, Number, Origin, Record, Topic};
use ssekit_core::event::position::Epoch;

/// No record has this number: positions, and the scripts' numbers, go no further.
const MOST_NUMBER: Number = 1 << 43;

/// From here on, a score is not exact.
const MOST_EXACT: f64 = (1_u64 << 53) as f64;

/// The text of a string.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// A non-negative number.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

/// The history that a node has joined, without its log-outs, and the time of Redis's clock in milliseconds.
pub fn joined(answer: &Value) -> Option<(Joined, i64)> {
    let Value::Array(parts) = answer else { return None };
    let [epoch, events, members, forgotten, time] = parts.as_slice() else { return None };
    let epoch = Epoch::parse_name(text(epoch)?)?;
    let place = |value| number(value).filter(|number| *number < MOST_NUMBER);
    let ends = Ends { events: place(events)?, members: place(members)? };
    let joined = Joined { epoch, ends, forgotten: place(forgotten)?, log_outs: LogOuts::default() };
    Some((joined, i64::try_from(number(time)?).ok()?))
}

/// Log-outs, the oldest first.
pub fn log_outs(answer: &Value) -> Option<Vec<LogOut>> {
    scored(answer)?.map(|(user, at)| Some(LogOut { user: Arc::from(text(user)?), at: time_of(at)? })).collect()
}

/// The time since which no log-out is missing. `None` within: there are no log-outs that could say.
pub fn known_since(answer: &Value) -> Option<Option<Duration>> {
    let Some((member, below_zero)) = scored(answer)?.next() else { return Some(None) };
    let at = time_of(below_zero)?;
    Some(text(member)?.is_empty().then_some(at))
}

/// The members of a sorted set, each with its score.
fn scored(answer: &Value) -> Option<impl Iterator<Item = (&Value, &Value)>> {
    let Value::Array(parts) = answer else { return None };
    let (pairs, rest) = parts.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[member, score]| (member, score)))
}

/// The time that a score stands for, which a server may write with an exponent.
fn time_of(score: &Value) -> Option<Duration> {
    let micros: f64 = text(score)?.parse().ok()?;
    // Every such number of microseconds is exact.
    Some(Duration::from_micros(micros.abs().min(MOST_EXACT) as u64))
}

/// The entries of each stream with news, with the stream's key. Empty if there was no news for the time of a read.
pub fn streams(answer: Value) -> Option<Vec<(String, Vec<Entry>)>> {
    let streams = match answer {
        Value::Nil => return Some(Vec::new()),
        Value::Array(streams) if !streams.is_empty() => streams,
        _ => return None,
    };
    let stream = |stream| {
        let (key, Value::Array(entries)) = pair(stream)? else { return None };
        Some((text(&key)?.to_owned(), entries.into_iter().map(Entry).collect()))
    };
    streams.into_iter().map(stream).collect()
}

/// A stream's entry: its id, and its alternating fields and values.
#[derive(Debug)]
pub struct Entry(Value);

impl Entry {
    /// The two parts of the id.
    pub fn id(&self) -> Option<(Number, u64)> {
        let Value::Array(parts) = &self.0 else { return None };
        let (number, behind) = text(parts.first()?)?.split_once('-')?;
        Some((number.parse().ok()?, behind.parse().ok()?))
    }

    /// The entry as a record, if it is one.
    pub fn record(self, topic: Topic, now: Clock) -> Option<Record> {
        let (id, Value::Array(fields)) = pair(self.0)? else { return None };
        let number = text(&id)?.strip_suffix("-0")?.parse().ok().filter(|number| (1..MOST_NUMBER).contains(number))?;
        let mut values = fields.into_iter().skip(1).step_by(2);
        let (origin, time, payload) = (values.next()?, values.next()?, values.next()?);
        let (node, count) = text(&origin)?.split_once('.')?;
        let at = now.instant_of(text(&time)?.parse().ok()?);
        let origin = Origin { node: NodeId::parse(node)?, count: count.parse().ok()? };
        let Value::BulkString(payload) = payload else { return None };
        Some(Record { topic, number, origin, at, payload: Bytes::from(payload) })
    }
}

/// The same moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    millis: i64,
    instant: Instant,
}

impl Clock {
    /// Now, if Redis's clock is `ahead` milliseconds ahead of this machine's.
    pub fn now(ahead: i64) -> Self {
        Self { millis: millis_since_1970().saturating_add(ahead), instant: Instant::now() }
    }

    fn instant_of(self, millis: i64) -> Instant {
        let age = self.millis.saturating_sub(millis).max(0);
        self.instant.checked_sub(Duration::from_millis(age as u64)).unwrap_or(self.instant)
    }
}

pub(crate) fn millis_since_1970() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn pair(value: Value) -> Option<(Value, Value)> {
    let Value::Array(values) = value else { return None };
    let [first, second] = <[Value; 2]>::try_from(values).ok()?;
    Some((first, second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(bytes: &[u8]) -> Option<Value> {
        redis::parse_redis_value(bytes).ok()
    }

    /// Everything that is made of an answer.
    fn understand(answer: Value) -> Vec<Record> {
        let _ = joined(&answer);
        let entries = streams(answer).into_iter().flatten().flat_map(|(_, entries)| entries);
        entries.filter_map(|entry| entry.record(Topic::Events, Clock::now(0))).collect()
    }

    #[test]
    fn answer_of_another_type_is_nothing() {
        for other in [
            "+OK\r\n",
            ":1\r\n",
            "$1\r\nx\r\n",
            "*0\r\n",
            "*1\r\n:1\r\n",
            "*2\r\n$1\r\nk\r\n:1\r\n",
            "*1\r\n-ERR no\r\n",
            "%1\r\n:1\r\n:2\r\n",
            "~1\r\n:1\r\n",
            "|1\r\n:1\r\n:2\r\n:3\r\n",
            "#t\r\n",
            ",1.5\r\n",
            "(123\r\n",
            "=5\r\ntxt:x\r\n",
        ] {
            let answer = parsed(other.as_bytes()).unwrap();
            assert!(joined(&answer).is_none() && streams(answer).is_none(), "{other:?}");
        }
        assert_eq!(streams(Value::Nil).unwrap().len(), 0);
    }

    #[test]
    fn numbers_and_times_beyond_all_bounds_are_no_records() {
        let record = |id: &str, time: &str| {
            let node = "0123456789";
            let fields = [("o", format!("{node}.1")), ("t", time.to_owned()), ("d", "data".to_owned())];
            let fields = fields.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
            let bulk = |text: String| Value::BulkString(text.into_bytes());
            let entry = Value::Array(vec![bulk(id.to_owned()), Value::Array(fields.map(bulk).collect())]);
            Entry(entry).record(Topic::Events, Clock::now(i64::MAX))
        };
        assert_eq!(record("7-0", "0").unwrap().number, 7);
        assert!(record("7-0", &i64::MIN.to_string()).is_some(), "it is very old");
        for id in ["0-0", "8796093022208-0", "18446744073709551615-0", "7-1", "7", "-", "x-0"] {
            assert!(record(id, "0").is_none(), "{id}");
        }
        assert!(record("7-0", "9223372036854775808").is_none() && record("7-0", "").is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_that_look_like_the_protocol_do_harm(bytes in "([*$:+%~-][0-9-]{0,3}\r\n){0,60}") {
            if let Some(answer) = parsed(bytes.as_bytes()) {
                prop_assert!(understand(answer).is_empty());
            }
        }
    }
}
