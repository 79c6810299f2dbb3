//! A history within one process, for hubs that share it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{
    Address, Backplane, Batch, Ends, Failure, Interest, Joined, Known, LOG_OUTS_KEPT, LogOut, LogOuts, MOST_LOG_OUTS,
    MOST_PASSED, MOST_READ, News, NodeId, Number, Origin, Passed, READ_WAIT, Recall, Recalled, Record, Topic, Whose,
};
use crate::event::position::Epoch;

/// A history in memory. All clones share it.
///
/// ```
/// use ssekit_core::backplane::memory::Memory;
/// use ssekit_core::{Connect, Event, Hub, Options};
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let memory = Memory::new(10_000);
/// let here = Hub::start_on(memory.clone(), Options::default(), runtime.handle())?;
/// let there = Hub::start_on(memory, Options::default(), runtime.handle())?;
/// runtime.block_on(async { assert!(here.ready().await && there.ready().await) });
///
/// let mut page = there.connect(Connect { user: Some("ada"), ..Connect::default() })?;
/// here.send_to_user("ada", Event { data: "hello", ..Event::default() })?;
/// let bytes = runtime.block_on(std::future::poll_fn(|cx| page.stream.poll_next(cx, 64 * 1024)));
/// assert!(bytes.unwrap().starts_with(b"data: hello\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Memory {
    history: Arc<Mutex<History>>,
    news: Arc<Notify>,
    /// The number of records that are kept for each topic.
    kept: usize,
}

#[derive(Debug)]
struct History {
    epoch: Epoch,
    events: Sequence,
    members: Sequence,
    log_outs: Kept,
    /// The reason why all calls fail, during an outage.
    outage: Option<String>,
}

#[derive(Debug, Default)]
struct Sequence {
    records: Vec<Stored>,
    /// The number of the first record, minus one.
    forgotten: Number,
    /// Each node's count so far.
    counts: HashMap<NodeId, u64>,
}

/// The log-outs that are kept.
#[derive(Debug)]
struct Kept {
    since: Duration,
    last: HashMap<Arc<str>, Duration>,
}

#[derive(Debug)]
struct Stored {
    origin: Origin,
    at: Instant,
    to: Address,
    payload: Bytes,
}

impl Stored {
    fn record(&self, topic: Topic, number: Number) -> Record {
        Record { topic, number, origin: self.origin.clone(), at: self.at, payload: self.payload.clone() }
    }

    fn is_of(&self, whose: &Whose) -> bool {
        match whose {
            Whose::Addresses(addresses) => addresses.contains(&self.to),
            Whose::Standing => self.to.is_standing(),
        }
    }
}

impl Sequence {
    fn end(&self) -> Number {
        self.forgotten + self.records.len() as Number
    }

    fn append(&mut self, batch: &Batch, kept: usize, log_outs: &mut Kept) {
        let count = self.counts.entry(batch.node).or_default();
        for (number, record) in (batch.first..).zip(&batch.records) {
            if number > *count {
                *count = number;
                log_outs.add(&record.log_outs);
                let origin = Origin { node: batch.node, count: number };
                let (to, payload) = (record.to.clone(), record.payload.clone());
                self.records.push(Stored { origin, at: Instant::now(), to, payload });
            }
        }
        // Trim only now and then, so that each record moves at most twice.
        if self.records.len() >= kept * 2 {
            let excess = self.records.len() - kept;
            self.records.drain(..excess);
            self.forgotten += excess as Number;
        }
    }

    fn take_events(&self, after: Number, interest: &Interest, news: &mut News) {
        news.is_all = true;
        for (number, stored) in self.after(after) {
            if news.records.len() >= MOST_READ || news.records.len() + news.passed.len() >= MOST_PASSED {
                news.is_all = false;
                return;
            }
            if interest.wants(stored.to.as_bytes()) {
                news.records.push(stored.record(Topic::Events, number));
            } else {
                let Stored { origin, at, to, .. } = stored;
                news.passed.push(Passed { number, origin: origin.clone(), at: *at, to: to.clone() });
            }
        }
    }

    fn take_members(&self, after: Number, news: &mut News) {
        let members = self.after(after).take(MOST_READ);
        news.records.extend(members.map(|(number, stored)| stored.record(Topic::Members, number)));
    }

    fn after(&self, after: Number) -> impl DoubleEndedIterator<Item = (Number, &Stored)> {
        let skipped = (after.saturating_sub(self.forgotten) as usize).min(self.records.len());
        let first = self.forgotten + 1 + skipped as Number;
        let rest = self.records.get(skipped..).unwrap_or_default();
        rest.iter().enumerate().map(move |(index, stored)| (first + index as Number, stored))
    }

    fn recall(&self, what: &Recall) -> Recalled {
        let found: Vec<Record> = self
            .after(what.after)
            .filter(|(number, stored)| *number <= what.upto && stored.is_of(&what.whose))
            .map(|(number, stored)| stored.record(Topic::Events, number))
            .collect();
        what.bounded(found, self.forgotten)
    }
}

impl Kept {
    fn new() -> Self {
        Self { since: since_1970(), last: HashMap::new() }
    }

    fn add(&mut self, log_outs: &[LogOut]) {
        if log_outs.is_empty() {
            return;
        }
        for LogOut { user, at } in log_outs {
            let last = self.last.entry(Arc::clone(user)).or_default();
            *last = (*last).max(*at);
        }
        let now = since_1970();
        self.last.retain(|_, at| *at + LOG_OUTS_KEPT > now);
        if let Some(excess) = self.last.len().checked_sub(MOST_LOG_OUTS + 1) {
            let mut times: Vec<Duration> = self.last.values().copied().collect();
            let (_, dropped, _) = times.select_nth_unstable(excess);
            self.since = self.since.max(*dropped);
            self.last.retain(|_, at| *at > *dropped);
        }
    }

    fn all(&self) -> LogOuts {
        let mut last: Vec<LogOut> =
            self.last.iter().map(|(user, at)| LogOut { user: Arc::clone(user), at: *at }).collect();
        last.sort_by_key(|log_out| log_out.at);
        LogOuts { since: self.since, last }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

impl History {
    fn sequence(&mut self, topic: Topic) -> &mut Sequence {
        match topic {
            Topic::Events => &mut self.events,
            Topic::Members => &mut self.members,
        }
    }

    fn reached(&mut self) -> Result<&mut Self, Failure> {
        match &self.outage {
            Some(message) => Err(Failure::new(message)),
            None => Ok(self),
        }
    }
}

impl Memory {
    /// An empty history. It keeps at least the `kept` newest records of each topic, and up to twice as many.
    pub fn new(kept: usize) -> Self {
        let (events, members) = Default::default();
        let history = History { epoch: Epoch::random(), events, members, log_outs: Kept::new(), outage: None };
        Self { history: Arc::new(Mutex::new(history)), news: Arc::default(), kept: kept.max(1) }
    }

    /// Makes all calls fail, or work again.
    pub fn set_outage(&self, outage: Option<&str>) {
        self.history.lock().outage = outage.map(str::to_owned);
        self.news.notify_waiters();
    }

    /// Loses everything, like a restarted server that keeps nothing on disk.
    pub fn lose_everything(&self) {
        let mut history = self.history.lock();
        history.epoch = Epoch::random();
        (history.events, history.members) = Default::default();
        history.log_outs = Kept::new();
        drop(history);
        self.news.notify_waiters();
    }
}

impl Backplane for Memory {
    async fn join(&mut self, known: &Known) -> Result<Joined, Failure> {
        let mut history = self.history.lock();
        let history = history.reached()?;
        if known.epoch != Some(history.epoch) {
            // A node that knows higher numbers must not see them a second time.
            for (topic, seen) in [(Topic::Events, known.ends.events), (Topic::Members, known.ends.members)] {
                let sequence = history.sequence(topic);
                if seen >= sequence.end() && seen > 0 {
                    sequence.records.clear();
                    sequence.forgotten = seen + 1;
                }
            }
        }
        let ends = Ends { events: history.events.end(), members: history.members.end() };
        let log_outs = history.log_outs.all();
        Ok(Joined { epoch: history.epoch, ends, forgotten: history.events.forgotten, log_outs })
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> Result<Number, Failure> {
        let end = {
            let mut history = self.history.lock();
            let history = history.reached()?;
            if history.epoch != epoch {
                return Err(Failure::other_history());
            }
            let History { events, members, log_outs, .. } = history;
            let sequence = match batch.topic {
                Topic::Events => events,
                Topic::Members => members,
            };
            sequence.append(batch, self.kept, log_outs);
            sequence.end()
        };
        self.news.notify_waiters();
        Ok(end)
    }

    const RECALLS: bool = true;

    async fn recall(&mut self, epoch: Epoch, what: &Recall) -> Result<Recalled, Failure> {
        let mut history = self.history.lock();
        let history = history.reached()?;
        if history.epoch != epoch {
            return Err(Failure::other_history());
        }
        Ok(history.events.recall(what))
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        // Start listening before the first look, so that no record is missed between the two.
        let appended = self.news.clone();
        let mut listening = std::pin::pin!(appended.notified());
        listening.as_mut().enable();
        let news = self.look(after, interest)?;
        if !news.is_empty() {
            return Ok(news);
        }
        let _ = timeout(READ_WAIT, listening).await;
        self.look(after, interest)
    }
}

impl Memory {
    fn look(&self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        let mut history = self.history.lock();
        let history = history.reached()?;
        let mut news = News::default();
        history.events.take_events(after.events, interest, &mut news);
        history.members.take_members(after.members, &mut news);
        Ok(news)
    }
}
