//! A node's way to a history in memory; each direction can be closed by itself.

use std::sync::Arc;

use parking_lot::Mutex;
use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number, Topic};
use ssekit_core::event::position::Epoch;
use tokio::sync::Notify;

/// The way of one node.
#[derive(Clone)]
pub struct HalfOpen {
    memory: Memory,
    way: Arc<Mutex<Way>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Clone, Copy)]
struct Way {
    reads: bool,
    /// The number of events that have been appended, and the number that may be.
    appended: u64,
    most: u64,
    /// The node hears what has become of them.
    answers: bool,
    /// Reads come late.
    late: bool,
}

impl HalfOpen {
    pub fn to(memory: &Memory) -> Self {
        let way = Way { reads: true, appended: 0, most: u64::MAX, answers: true, late: false };
        Self { memory: memory.clone(), way: Arc::new(Mutex::new(way)), changed: Arc::default() }
    }

    pub fn let_read(&self, reads: bool) {
        self.way.lock().reads = reads;
        self.changed.notify_waiters();
    }

    /// Whether the node hears nothing for now, and believes that there is nothing.
    pub fn hold(&self, late: bool) {
        self.way.lock().late = late;
    }

    /// Lets this number of events through, and then none.
    pub fn let_append(&self, events: u64) {
        let mut way = self.way.lock();
        way.most = way.appended.saturating_add(events);
    }

    /// Whether the node hears that its events have been appended.
    pub fn let_hear(&self, answers: bool) {
        self.way.lock().answers = answers;
    }
}

impl Backplane for HalfOpen {
    async fn join(&mut self, known: &Known) -> Result<Joined, Failure> {
        if !self.way.lock().reads {
            return Err(Failure::new("no way in"));
        }
        self.memory.join(known).await
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> Result<Number, Failure> {
        if batch.topic == Topic::Members {
            if !self.way.lock().reads {
                return Err(Failure::new("no way in"));
            }
            return self.memory.append(epoch, batch).await;
        }
        let (some, answers) = {
            let mut way = self.way.lock();
            let some = batch.records.len().min(way.most.saturating_add(1).saturating_sub(batch.first) as usize);
            way.appended = way.appended.max(batch.first + some as u64 - 1);
            (some, way.answers)
        };
        let admitted = Batch { records: batch.records[..some].to_vec(), ..batch.clone() };
        let appended = self.memory.append(epoch, &admitted).await;
        if some < batch.records.len() || !answers { Err(Failure::new("no way out")) } else { appended }
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        let news = tokio::select! {
            news = self.memory.next(after, interest) => news,
            () = self.changed.notified() => Ok(News::default()),
        };
        while self.way.lock().late {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        if self.way.lock().reads { news } else { Err(Failure::new("no way in")) }
    }
}
