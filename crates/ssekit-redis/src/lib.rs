//! A history in Redis 6.2 or later, or Valkey: two streams, and a hash that says how far they go.
//!
//! * [`options`]: where Redis is; `connector`: finds the server that has the keys; `transport`: sockets and TLS.
//! * `connection`: one command and its answer, by [`redis`]; `bounded`: limits the answer's size; `failure`: errors.
//! * `script`: what Redis does in one step; [`answer`]: what its answers say.
//!
//! Keys, for the prefix `ssekit`: `{ssekit}:history` (hash: epoch, events, members), `{ssekit}:events` and
//! `{ssekit}:members` (streams whose ids are the records' numbers), `{ssekit}:log-outs` (sorted set: when users were logged out),
//! and `{ssekit}:count:<node>:<topic>` (how far a node's records have been appended, kept for a day). The braces put all keys
//! into one slot of a cluster.
//!
//! Commands in use: `AUTH`, `SELECT`, `INFO`, `EVALSHA`, `EVAL`, `XREAD`, and within the scripts `HGET`, `HSET`, `GET`,
//! `SET`, `DEL`, `TIME`, `XADD`, `XRANGE`, `ZADD`, `ZCARD`, `ZRANGE`, `ZREMRANGEBYRANK`, `ZREMRANGEBYSCORE`; while a cluster's
//! slot moves, `ASKING`.

pub mod answer;
mod bounded;
mod connection;
mod connector;
mod failure;
mod options;
mod script;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};

pub use options::RedisOptions;

use answer::{Clock, Entry, millis_since_1970, number};
use connection::{ANSWER, Connection};
use connector::Connector;
use failure::CallError;
use script::{APPEND, JOIN, Script};
use ssekit_core::backplane::{
    Backplane, Batch, Ends, Failure, Interest, Joined, Known, LOG_OUTS_KEPT, LogOut, LogOuts, MOST_LOG_OUTS, MOST_READ,
    News, Number, Origin, READ_WAIT, Record, Topic,
};
use ssekit_core::error::Result;
use ssekit_core::event::position::Epoch;

/// The maximum number of servers that one call is sent on to.
const MOST_REDIRECTS: usize = 3;

/// The pause after a read that found only entries that are not ssekit's.
const AMONG_STRANGERS: Duration = Duration::from_millis(50);

/// The number of members records that are kept. A node that has missed more asks all others for a presence snapshot.
const MOST_MEMBERS: u64 = 10_000;

/// The log-outs that are asked for at once.
const LOG_OUTS_PIECE: usize = 4_096;

/// Redis as the backplane.
///
/// ```no_run
/// use ssekit_core::{Hub, Options};
/// use ssekit_redis::{Redis, RedisOptions};
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let redis = Redis::new(RedisOptions::at("redis://127.0.0.1:6379"))?;
/// let hub = Hub::start_on(redis, Options::default(), runtime.handle())?;
/// assert!(runtime.block_on(hub.ready()), "Redis answers");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Redis {
    connector: Connector,
    keys: Arc<Keys>,
    max_stream_events: u64,
    /// Taken for each call, and put back only after its answer. So an abandoned call takes its connection with it.
    connection: Option<Connection>,
    /// Redis's clock minus this machine's, in milliseconds.
    clock: i64,
    /// Records of a topic to ask for at once; fewer after an answer that was too large.
    most_read: usize,
    /// The place up to which foreign entries after a record have been skipped, in both topics.
    skipped: Skipped,
    /// Whether there was a foreign entry.
    strange: Strange,
}

/// For each topic: a record's number, and how far entries after it have been skipped.
#[derive(Debug, Clone, Copy, Default)]
struct Skipped {
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
    log_outs: String,
    prefix: String,
}

impl RedisOptions {
    /// Checks all options.
    ///
    /// # Errors
    /// Says which option is invalid and why, without the password.
    pub fn validate(&self) -> Result<()> {
        Redis::new(self.clone()).map(drop)
    }
}

impl Redis {
    /// Creates a backplane that connects at its first call.
    ///
    /// # Errors
    /// The options are invalid.
    pub fn new(options: RedisOptions) -> Result<Self> {
        let connector = Connector::new(&options, options.server()?)?;
        let key = |name: &str| format!("{{{}}}:{name}", options.prefix);
        let (history, events, members) = (key("history"), key("events"), key("members"));
        let keys = Arc::new(Keys { history, events, members, log_outs: key("log-outs"), prefix: key("count") });
        Ok(Self {
            connector,
            keys,
            max_stream_events: options.max_stream_events,
            connection: None,
            clock: 0,
            most_read: MOST_READ,
            skipped: Skipped::default(),
            strange: Strange::None,
        })
    }

    /// Sends a command to the server that has the keys.
    async fn call(&mut self, command: &Cmd, time: Duration) -> std::result::Result<Value, CallError> {
        let mut redirects = 0;
        loop {
            match self.call_once(command, time).await {
                Err(error) if error.redirect.is_some() && redirects < MOST_REDIRECTS => redirects += 1,
                answer => return answer,
            }
        }
    }

    /// Sends a command to the server that had the keys last. Keeps the connection after an answer. After an error, the next
    /// call opens another one, perhaps to another server.
    async fn call_once(&mut self, command: &Cmd, time: Duration) -> std::result::Result<Value, CallError> {
        let mut connection = self.open().await?;
        let answer = connection.call(command, time).await;
        match &answer {
            Err(error) if !error.is("NOSCRIPT") => self.connector.learn_from(error),
            _ => self.connection = Some(connection),
        }
        answer
    }

    async fn run(
        &mut self,
        script: &Script,
        keys: &[&str],
        arguments: impl Fn(&mut Cmd),
    ) -> std::result::Result<Value, Failure> {
        let call = |whole| {
            let mut call = script.call(whole, keys);
            arguments(&mut call);
            call
        };
        let answer = match self.call(&call(false), ANSWER).await {
            Err(error) if error.is("NOSCRIPT") => self.call(&call(true), ANSWER).await,
            answer => answer,
        };
        Ok(answer?)
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
            skipped: self.skipped,
            strange: self.strange,
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("history", &self.keys.history).finish_non_exhaustive()
    }
}

/// The last part of the key of a topic's stream.
fn name_of(topic: Topic) -> &'static str {
    match topic {
        Topic::Events => "events",
        Topic::Members => "members",
    }
}

/// Adds the number of log-outs, and each with the count of its record.
fn add_log_outs(call: &mut Cmd, batch: &Batch) {
    call.arg(batch.records.iter().map(|record| record.log_outs.len()).sum::<usize>());
    for (count, record) in (batch.first..).zip(&batch.records) {
        for LogOut { user, at } in &record.log_outs {
            call.arg(count).arg(&**user).arg(at.as_micros() as u64);
        }
    }
}

impl Backplane for Redis {
    async fn join(&mut self, known: &Known) -> std::result::Result<Joined, Failure> {
        let keys = Arc::clone(&self.keys);
        let fresh = Epoch::random();
        let answer = self
            .run(&JOIN, &[&keys.history, &keys.events, &keys.members, &keys.log_outs], |call| {
                let Ends { events, members } = known.ends;
                let last = known.last.as_ref().map(Origin::to_string).unwrap_or_default();
                call.arg(known.epoch.as_ref().map_or("", Epoch::as_str)).arg(events).arg(members);
                call.arg(last).arg(fresh.as_str());
            })
            .await?;
        let (joined, time) = answer::joined(&answer).ok_or_else(|| self.not_ours(&keys.history))?;
        self.clock = time - millis_since_1970();
        Ok(Joined { log_outs: self.log_outs(time).await?, ..joined })
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> std::result::Result<Number, Failure> {
        let keys = Arc::clone(&self.keys);
        let (stream, kept) = match batch.topic {
            Topic::Events => (&keys.events, self.max_stream_events),
            Topic::Members => (&keys.members, MOST_MEMBERS),
        };
        let topic = name_of(batch.topic);
        let count = format!("{}:{}:{topic}", keys.prefix, batch.node);
        let answer = self
            .run(&APPEND, &[&keys.history, stream, &count, &keys.log_outs], |call| {
                call.arg(epoch.as_str()).arg(topic).arg(batch.node.as_str()).arg(batch.first).arg(kept);
                add_log_outs(call, batch);
                for record in &batch.records {
                    call.arg(record.payload.as_ref());
                }
            })
            .await?;
        match answer {
            Value::Nil => Err(Failure::other_history()),
            answer => number(&answer).ok_or_else(|| self.not_ours(&keys.history)),
        }
    }

    /// Every record is in one stream, so each node is given all of them.
    async fn next(&mut self, after: Ends, _interest: &Interest) -> std::result::Result<News, Failure> {
        let keys = Arc::clone(&self.keys);
        let answer = self.call_once(&self.read_after(after), READ_WAIT + ANSWER).await;
        match &answer {
            Err(error) if error.too_large => self.most_read = (self.most_read / 8).max(1),
            // The other server may have taken over without the newest records, and used their numbers again.
            Err(error) if error.redirect.is_some() => return Err(Failure::other_history()),
            _ => {}
        }
        let now = Clock::now(self.clock);
        let streams = answer::streams(answer?).ok_or_else(|| self.not_ours(&keys.events))?;
        if streams.is_empty() {
            return Ok(News { is_all: true, ..News::default() });
        }
        let (mut records, mut is_full) = (Vec::new(), false);
        for (key, entries) in streams {
            if key == keys.events {
                is_full = entries.len() >= self.most_read;
                self.take(Topic::Events, after.events, entries, now, &mut records);
            } else {
                self.take(Topic::Members, after.members, entries, now, &mut records);
            }
        }
        if is_full && self.most_read < MOST_READ {
            // As the contract demands: members records, which prove that everything has been read, must not overtake
            // the rest of the events.
            records.retain(|record| record.topic == Topic::Events);
            self.most_read = (self.most_read * 2).min(MOST_READ);
        }
        if records.is_empty() {
            // There was a foreign entry, and the next read returns it again at once.
            tokio::time::sleep(AMONG_STRANGERS).await;
        }
        let is_all = records.iter().filter(|record| record.topic == Topic::Events).count() < MOST_READ;
        Ok(News { records, passed: Vec::new(), is_all })
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
    /// The log-outs that are not too old at this time in milliseconds. They come in pieces, because others wait while Redis writes
    /// one. What is added meanwhile does no harm, and the time since which they are complete is asked for at the end.
    async fn log_outs(&mut self, now: i64) -> std::result::Result<LogOuts, Failure> {
        let kept = Duration::from_millis(now.unsigned_abs()).saturating_sub(LOG_OUTS_KEPT) + Duration::from_micros(1);
        let (mut from, mut most, mut last) = (kept, LOG_OUTS_PIECE, Vec::new());
        // Redis keeps fewer, so anything else that answers has an end, too.
        while last.len() + most <= 4 * MOST_LOG_OUTS {
            let mut piece = self.log_outs_from(from, most).await?;
            let Some(newest) = piece.last().filter(|_| piece.len() >= most).map(|newest| newest.at) else {
                last.append(&mut piece);
                return Ok(LogOuts { since: self.known_since().await?, last });
            };
            // Others of the same moment may follow, so they are all in the next piece.
            piece.retain(|log_out| log_out.at < newest);
            if piece.is_empty() {
                most *= 2;
            }
            from = newest;
            last.append(&mut piece);
        }
        Err(self.not_ours(&Arc::clone(&self.keys).log_outs))
    }

    /// The oldest of the log-outs from this time on.
    async fn log_outs_from(&mut self, from: Duration, most: usize) -> std::result::Result<Vec<LogOut>, Failure> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(&self.keys.log_outs).arg(from.as_micros() as u64).arg("+inf").arg("BYSCORE");
        range.arg("LIMIT").arg(0).arg(most).arg("WITHSCORES");
        let answer = self.call_once(&range, ANSWER).await?;
        answer::log_outs(&answer).ok_or_else(|| self.not_ours(&Arc::clone(&self.keys).log_outs))
    }

    async fn known_since(&mut self) -> std::result::Result<Duration, Failure> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(&self.keys.log_outs).arg(0).arg(0).arg("WITHSCORES");
        let answer = self.call_once(&range, ANSWER).await?;
        let since = answer::known_since(&answer).ok_or_else(|| self.not_ours(&Arc::clone(&self.keys).log_outs))?;
        // Everything was lost since the node joined.
        since.ok_or_else(Failure::other_history)
    }

    /// Closes the connection, too: perhaps this was the answer to another command.
    fn not_ours(&mut self, key: &str) -> Failure {
        self.connection = None;
        Failure::new(format!(
            "Redis: the key {key} holds data that is not ssekit's, wants another options.backplane.prefix"
        ))
    }

    fn read_after(&self, after: Ends) -> Cmd {
        let start = |number, skipped: (Number, u64)| {
            let behind = if skipped.0 == number { skipped.1 } else { 0 };
            format!("{number}-{behind}")
        };
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(self.most_read).arg("BLOCK").arg(READ_WAIT.as_millis() as u64);
        read.arg("STREAMS").arg(&self.keys.events).arg(&self.keys.members);
        read.arg(start(after.events, self.skipped.events)).arg(start(after.members, self.skipped.members));
        read
    }

    /// Takes a stream's records and skips foreign entries. A foreign entry may come after a record, but not in the
    /// place of one: there, the next append clears it away.
    fn take(&mut self, topic: Topic, after: Number, entries: Vec<Entry>, now: Clock, out: &mut Vec<Record>) {
        let mut last = after;
        for entry in entries {
            let id = entry.id();
            if let Some(record) = entry.record(topic, now) {
                last = record.number;
                out.push(record);
                continue;
            }
            if self.strange == Strange::None {
                self.strange = Strange::Seen;
            }
            if let Some(place) = id.filter(|(number, _)| *number == last) {
                match topic {
                    Topic::Events => self.skipped.events = place,
                    Topic::Members => self.skipped.members = place,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ssekit_core::backplane::{Address, NodeId, Outgoing};
    use ssekit_testing::redis_server::RedisServer;

    use super::*;

    #[tokio::test]
    async fn records_that_are_too_many_for_one_answer_come_in_several() {
        let server = RedisServer::start();
        let mut redis = Redis::new(RedisOptions::at(server.url())).unwrap();
        let joined = redis.join(&Known::default()).await.unwrap();
        let (node, topic) = (NodeId::random(), Topic::Events);
        for first in 1..=100 {
            let large = Outgoing::new(Address::everybody(), Bytes::from(vec![b'x'; 64 << 10]));
            let records = vec![large];
            redis.append(joined.epoch, &Batch { node, topic, first, records }).await.unwrap();
        }
        redis.connector.most_bytes = 1 << 20;
        redis.connection = None;
        let (mut ends, mut numbers, mut too_large) = (joined.ends, Vec::new(), 0);
        while numbers.len() < 100 {
            match redis.next(ends, &Interest::everything()).await {
                Ok(news) => numbers.extend(news.records.iter().map(|record| record.number)),
                Err(failure) => {
                    assert_eq!(failure.to_string(), "Redis: the answer is too large");
                    too_large += 1;
                    assert!(too_large < 100, "it asks for less");
                }
            }
            ends.events = numbers.last().copied().unwrap_or(ends.events);
        }
        assert_eq!(numbers, (joined.ends.events + 1..=joined.ends.events + 100).collect::<Vec<_>>());
        assert!(too_large > 1, "{too_large}");
    }
}
