//! A backplane under observation: it counts the records that it returns, and what it recalls can be held back or made to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ssekit_core::backplane::{
    Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number, Recall, Recalled,
};
use ssekit_core::event::position::Epoch;

/// The facts about a backplane, and its behaviour.
#[derive(Debug, Default)]
pub struct Watch {
    records: AtomicUsize,
    passed: AtomicUsize,
    fails: AtomicBool,
    held: AtomicBool,
    late: AtomicBool,
}

impl Watch {
    /// The number of records that it has returned.
    pub fn records(&self) -> usize {
        self.records.load(Ordering::SeqCst)
    }

    /// The number of records that it has passed over.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    /// Whether recalling fails.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Whether news that has been read comes late.
    pub fn hold_news(&self, late: bool) {
        self.late.store(late, Ordering::SeqCst);
    }

    /// Whether recalling waits.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }
}

#[derive(Clone)]
pub struct Watched<B>(pub B, pub Arc<Watch>);

impl<B: Backplane> Backplane for Watched<B> {
    const RECALLS: bool = B::RECALLS;

    async fn join(&mut self, known: &Known) -> Result<Joined, Failure> {
        self.0.join(known).await
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> Result<Number, Failure> {
        self.0.append(epoch, batch).await
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        let news = self.0.next(after, interest).await?;
        self.1.records.fetch_add(news.records.len(), Ordering::SeqCst);
        self.1.passed.fetch_add(news.passed.len(), Ordering::SeqCst);
        while self.1.late.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        Ok(news)
    }

    async fn recall(&mut self, epoch: Epoch, what: &Recall) -> Result<Recalled, Failure> {
        while self.1.held.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        if self.1.fails.load(Ordering::SeqCst) {
            return Err(Failure::new("it does not recall"));
        }
        let recalled = self.0.recall(epoch, what).await?;
        self.1.records.fetch_add(recalled.records.len(), Ordering::SeqCst);
        Ok(recalled)
    }
}
