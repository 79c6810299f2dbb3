//! A history in Redis 6.2 or later, or Valkey: two streams, and a hash that says how far they go.
//!
//! * [`options`]: where Redis is; `connection`: one connection; `command`: requests; [`reply`]: replies, checked
//!   against bounds; `script`: what Redis does in one step.
//!
//! Keys, for the prefix `ssekit`: `{ssekit}:history` (hash: epoch, events, members), `{ssekit}:events` and
//! `{ssekit}:members` (streams whose ids are the records' numbers), and `{ssekit}:count:<node>:<channel>` (how far a
//! node's records have been appended, kept for a day). The braces put all keys into one slot of a cluster.
//!
//! Commands in use: `AUTH`, `SELECT`, `INFO`, `EVALSHA`, `EVAL`, `XREAD`, and within the scripts `HGET`, `HSET`, `GET`,
//! `SET`, `DEL`, `TIME`, `XADD`, `XRANGE`.

mod command;
mod connection;
mod options;
pub mod reply;
mod script;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redis_protocol::resp2::types::BytesFrame;
use tokio::time::Instant;

pub use options::RedisOptions;

use command::{Command, number, text};
use connection::{ANSWER, CallError, Connection, Connector};
use script::{APPEND, JOIN, Script};
use ssekit_core::backplane::{
    Backplane, Batch, Channel, Ends, Failure, Joined, Known, MOST_READ, NodeId, Number, Origin, READ_WAIT, Record,
};
use ssekit_core::error::Result;
use ssekit_core::event::position::Epoch;

/// No record has this number: positions, and the scripts' numbers, go no further.
const MOST_NUMBER: Number = 1 << 43;

/// How long to wait after a read that found only entries that are not ssekit's.
const AMONG_STRANGERS: Duration = Duration::from_millis(50);

/// The number of members records that are kept. A node that has missed more asks all others for a presence snapshot.
const MOST_MEMBERS: u64 = 10_000;

/// Redis as the backplane.
pub struct Redis {
    connector: Connector,
    keys: Arc<Keys>,
    max_stream_events: u64,
    /// Taken for each call, and put back only after its answer. So an abandoned call takes its connection with it.
    connection: Option<Connection>,
    /// Redis's clock minus this machine's, in milliseconds.
    clock: i64,
    /// Records of a channel to ask for at once; fewer after an answer that was too large.
    most_read: usize,
    /// How far foreign entries after a record have been skipped, in both channels.
    passed: Passed,
    /// Whether there was a foreign entry.
    strange: Strange,
}

/// For each channel: a record's number, and how far entries after it have been skipped.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    events: (Number, u64),
    members: (Number, u64),
}

/// Whether there was an entry that is not ssekit's, and whether that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strange {
    None,
    Seen,
    Told,
}

struct Keys {
    history: String,
    events: String,
    members: String,
    prefix: String,
}

impl Redis {
    /// Creates a backplane that connects at its first call.
    ///
    /// # Errors
    /// The options are invalid.
    pub fn new(options: RedisOptions) -> Result<Self> {
        let connector = Connector::new(&options, options.server()?)?;
        let key = |name: &str| format!("{{{}}}:{name}", options.prefix);
        let (history, events, members, prefix) = (key("history"), key("events"), key("members"), key("count"));
        let keys = Arc::new(Keys { history, events, members, prefix });
        Ok(Self {
            connector,
            keys,
            max_stream_events: options.max_stream_events,
            connection: None,
            clock: 0,
            most_read: MOST_READ,
            passed: Passed::default(),
            strange: Strange::None,
        })
    }

    async fn call(&mut self, command: &Command, time: Duration) -> std::result::Result<BytesFrame, Failure> {
        let mut connection = self.open().await?;
        let answer = connection.call(command, time).await;
        self.conclude(connection, answer)
    }

    async fn run(
        &mut self,
        script: &Script,
        keys: &[&str],
        arguments: impl Fn(Command) -> Command,
    ) -> std::result::Result<BytesFrame, Failure> {
        let mut connection = self.open().await?;
        let mut answer = connection.call(&arguments(script.call(false, keys)), ANSWER).await;
        if matches!(&answer, Err(error) if error.no_script) {
            answer = connection.call(&arguments(script.call(true, keys)), ANSWER).await;
        }
        self.conclude(connection, answer)
    }

    /// After an answer, keeps the connection. After an error, the next call opens another one, perhaps to another
    /// server.
    fn conclude(
        &mut self,
        connection: Connection,
        answer: std::result::Result<BytesFrame, CallError>,
    ) -> std::result::Result<BytesFrame, Failure> {
        match answer {
            Ok(value) => {
                self.connection = Some(connection);
                Ok(value)
            }
            Err(error) => {
                self.connector.learn_from(&error);
                if error.too_large {
                    self.most_read = (self.most_read / 8).max(1);
                }
                Err(error.into())
            }
        }
    }

    async fn open(&mut self) -> std::result::Result<Connection, Failure> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.connector.open().await,
        }
    }
}

/// Each clone has its own connection.
impl Clone for Redis {
    fn clone(&self) -> Self {
        Self {
            connector: self.connector.clone(),
            keys: Arc::clone(&self.keys),
            max_stream_events: self.max_stream_events,
            connection: None,
            clock: self.clock,
            most_read: self.most_read,
            passed: self.passed,
            strange: self.strange,
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("history", &self.keys.history).finish_non_exhaustive()
    }
}

/// The last part of the key of a channel's stream.
fn name_of(channel: Channel) -> &'static str {
    match channel {
        Channel::Events => "events",
        Channel::Members => "members",
    }
}

impl Backplane for Redis {
    async fn join(&mut self, known: &Known) -> std::result::Result<Joined, Failure> {
        let keys = Arc::clone(&self.keys);
        let keys = [keys.history.as_str(), &keys.events, &keys.members];
        let fresh = Epoch::random();
        let answer = self
            .run(&JOIN, &keys, |call| {
                let Ends { events, members } = known.ends;
                let last = known.last.as_ref().map(Origin::to_string).unwrap_or_default();
                let call = call.arg(known.epoch.as_ref().map_or("", Epoch::as_str)).number(events).number(members);
                call.arg(last).arg(fresh.as_str())
            })
            .await?;
        let BytesFrame::Array(parts) = answer else { return Err(not_ours(&self.keys.history)) };
        let [epoch, numbers @ ..] = parts.as_slice() else { return Err(not_ours(&self.keys.history)) };
        let numbers: Option<Vec<u64>> = numbers.iter().map(number).collect();
        let (Some(epoch), Some([events, members, forgotten, time])) = (text(epoch), numbers.as_deref()) else {
            return Err(not_ours(&self.keys.history));
        };
        let (events, members, forgotten, time) = (*events, *members, *forgotten, *time as i64);
        if events.max(members).max(forgotten) >= MOST_NUMBER {
            return Err(not_ours(&self.keys.history));
        }
        self.clock = time - millis_since_1970();
        let epoch = Epoch::parse_name(epoch).ok_or_else(|| not_ours(&self.keys.history))?;
        Ok(Joined { epoch, ends: Ends { events, members }, forgotten })
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> std::result::Result<Number, Failure> {
        let keys = Arc::clone(&self.keys);
        let (stream, kept) = match batch.channel {
            Channel::Events => (&keys.events, self.max_stream_events),
            Channel::Members => (&keys.members, MOST_MEMBERS),
        };
        let channel = name_of(batch.channel);
        let count = format!("{}:{}:{channel}", keys.prefix, batch.node);
        let answer = self
            .run(&APPEND, &[&keys.history, stream, &count], |call| {
                let call =
                    call.arg(epoch.as_str()).arg(channel).arg(batch.node.as_str()).number(batch.first).number(kept);
                batch.records.iter().fold(call, |call, record| call.arg(record))
            })
            .await?;
        match answer {
            BytesFrame::Null => Err(Failure::other_history()),
            answer => number(&answer).ok_or_else(|| not_ours(&keys.history)),
        }
    }

    async fn read(&mut self, after: Ends) -> std::result::Result<Vec<Record>, Failure> {
        let keys = Arc::clone(&self.keys);
        let read = Command::new("XREAD").arg("COUNT").number(self.most_read as u64);
        let read = read.arg("BLOCK").number(READ_WAIT.as_millis() as u64);
        let read = read.arg("STREAMS").arg(&keys.events).arg(&keys.members);
        let Passed { events, members } = self.passed;
        let start =
            |number, passed: (Number, u64)| format!("{number}-{}", if passed.0 == number { passed.1 } else { 0 });
        let read = read.arg(start(after.events, events)).arg(start(after.members, members));
        let answer = self.call(&read, READ_WAIT + ANSWER).await?;
        let now = Clock { millis: millis_since_1970() + self.clock, instant: Instant::now() };
        let BytesFrame::Array(streams) = answer else { return Ok(Vec::new()) };
        let (mut records, mut is_full) = (Vec::new(), false);
        for stream in streams {
            let (key, entries) = pair(stream).ok_or_else(|| not_ours(&keys.events))?;
            let (Some(key), BytesFrame::Array(entries)) = (text(&key), entries) else { continue };
            if key == keys.events {
                is_full = entries.len() >= self.most_read;
                self.take(Channel::Events, after.events, entries, now, &mut records);
            } else {
                self.take(Channel::Members, after.members, entries, now, &mut records);
            }
        }
        if is_full && self.most_read < MOST_READ {
            // As the contract demands: members records, which prove that everything has been read, must not overtake
            // the rest of the events.
            records.retain(|record| record.channel == Channel::Events);
            self.most_read = (self.most_read * 2).min(MOST_READ);
        }
        if records.is_empty() {
            // There was a foreign entry, and the next read returns it again at once.
            tokio::time::sleep(AMONG_STRANGERS).await;
        }
        Ok(records)
    }

    fn notice(&mut self) -> Option<String> {
        if self.strange != Strange::Seen {
            return None;
        }
        self.strange = Strange::Told;
        let Keys { events, members, .. } = &*self.keys;
        Some(format!("Redis: {events} or {members} holds something that is not ssekit's, which is passed over"))
    }
}

impl Redis {
    /// Takes a stream's records and skips foreign entries. A foreign entry may come after a record, but not in the
    /// place of one: there, the next append clears it away.
    fn take(&mut self, channel: Channel, after: Number, entries: Vec<BytesFrame>, now: Clock, out: &mut Vec<Record>) {
        let mut last = after;
        for entry in entries {
            let id = match &entry {
                BytesFrame::Array(parts) => parts.first().and_then(text).and_then(id_of),
                _ => None,
            };
            if let Some(record) = record(channel, entry, now) {
                last = record.number;
                out.push(record);
                continue;
            }
            if self.strange == Strange::None {
                self.strange = Strange::Seen;
            }
            if let Some(place) = id.filter(|(number, _)| *number == last) {
                match channel {
                    Channel::Events => self.passed.events = place,
                    Channel::Members => self.passed.members = place,
                }
            }
        }
    }
}

/// The two parts of an entry's id.
fn id_of(text: &str) -> Option<(Number, u64)> {
    let (number, behind) = text.split_once('-')?;
    Some((number.parse().ok()?, behind.parse().ok()?))
}

/// The same moment on two clocks.
#[derive(Clone, Copy)]
struct Clock {
    millis: i64,
    instant: Instant,
}

/// A stream's entry: its id, and its alternating fields and values.
fn record(channel: Channel, entry: BytesFrame, now: Clock) -> Option<Record> {
    let (id, BytesFrame::Array(fields)) = pair(entry)? else { return None };
    let number = text(&id)?.strip_suffix("-0")?.parse().ok().filter(|number| (1..MOST_NUMBER).contains(number))?;
    let mut values = fields.into_iter().skip(1).step_by(2);
    let (origin, time, payload) = (values.next()?, values.next()?, values.next()?);
    let (node, count) = text(&origin)?.split_once('.')?;
    let age = now.millis - text(&time)?.parse::<i64>().ok()?;
    let at = now.instant.checked_sub(Duration::from_millis(age.max(0) as u64)).unwrap_or(now.instant);
    let origin = Origin { node: NodeId::parse(node)?, count: count.parse().ok()? };
    let BytesFrame::BulkString(payload) = payload else { return None };
    Some(Record { channel, number, origin, at, payload })
}

fn pair(value: BytesFrame) -> Option<(BytesFrame, BytesFrame)> {
    let BytesFrame::Array(values) = value else { return None };
    let [first, second] = <[BytesFrame; 2]>::try_from(values).ok()?;
    Some((first, second))
}

fn not_ours(key: &str) -> Failure {
    Failure::new(format!("Redis: {key} holds what is not ssekit's; wants another prefix"))
}

fn millis_since_1970() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
