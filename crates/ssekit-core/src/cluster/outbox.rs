//! Records that this node has to append, in order, until the backplane has them. The queue is bounded, and a `Lost`
//! record reports what did not fit.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::backplane::Outgoing;
use crate::cluster::message::Message;

/// The maximum number of records, and bytes, that are appended at once.
const MOST_RECORDS: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// Bounds of the waiting records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// The records that wait to be appended.
#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: Bounds,
    queue: Mutex<Queue>,
    /// A record has been added.
    pub(crate) news: Notify,
    /// A record has been appended.
    progress: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// The number of records that have ever left at the front. The first waiting record has this count plus one.
    left: u64,
    bytes: usize,
    /// Events that were dropped from the front and that no `Lost` record reports yet.
    lost: u64,
    /// Events that were dropped since the start.
    dropped: u64,
    /// A log-out was dropped, and nobody has asked since.
    has_dropped_log_out: bool,
}

#[derive(Debug)]
struct Waiting {
    record: Outgoing,
    /// Events that are lost if this record is lost.
    weight: u64,
    /// It is a `Lost` record: it reports events that are already lost.
    is_word: bool,
}

/// The records that are waiting, and those that were dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Buffered {
    /// Waiting records.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Events that were dropped since the start because too many were waiting.
    pub dropped: u64,
}

impl Outbox {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, queue: Mutex::default(), news: Notify::new(), progress: Notify::new() }
    }

    /// Adds records, one after the other. If too many are waiting, drops the oldest, because a client that reads on
    /// after a gap needs the newest state most. Returns the count of the last record.
    pub(crate) fn push(&self, records: impl IntoIterator<Item = Outgoing>) -> u64 {
        let mut queue = self.queue.lock();
        for record in records {
            queue.bytes += record.payload.len();
            queue.waiting.push_back(Waiting { record, weight: 1, is_word: false });
            while queue.waiting.len() > 1
                && (queue.waiting.len() > self.bounds.records || queue.bytes > self.bounds.bytes)
            {
                queue.drop_oldest();
            }
        }
        let count = queue.left + queue.waiting.len() as u64;
        drop(queue);
        self.news.notify_one();
        count
    }

    /// The next records to append, and the count of the first. They stay until they have been appended.
    pub(crate) fn peek(&self) -> Option<(u64, Vec<Outgoing>)> {
        let mut queue = self.queue.lock();
        queue.tell_lost();
        let mut bytes = 0;
        let fitting = queue.waiting.iter().take(MOST_RECORDS).take_while(|waiting| {
            let fits = bytes == 0 || bytes + waiting.record.payload.len() <= MOST_BYTES;
            bytes += waiting.record.payload.len();
            fits
        });
        let records: Vec<Outgoing> = fitting.map(|waiting| waiting.record.clone()).collect();
        (!records.is_empty()).then_some((queue.left + 1, records))
    }

    /// The maximum number of records that may wait.
    pub(crate) fn most(&self) -> usize {
        self.bounds.records
    }

    /// The bytes that something without hurry may add, so that events do not have to go for it; 0: it has to wait.
    pub(crate) fn room(&self) -> usize {
        let queue = self.queue.lock();
        let is_half_free = queue.waiting.len() * 2 <= self.bounds.records && queue.bytes * 2 <= self.bounds.bytes;
        if is_half_free { self.bounds.bytes / 4 } else { 0 }
    }

    /// Notes that everything up to this count has been appended.
    pub(crate) fn appended(&self, count: u64) {
        let mut queue = self.queue.lock();
        while queue.left < count && queue.pop().is_some() {}
        drop(queue);
        self.progress.notify_waiters();
    }

    /// Drops everything without reporting it, because another message will take its place.
    pub(crate) fn clear(&self) {
        let mut queue = self.queue.lock();
        while queue.pop().is_some() {}
        drop(queue);
        self.progress.notify_waiters();
    }

    /// Whether a log-out was dropped since the last such call.
    pub(crate) fn take_dropped_log_out(&self) -> bool {
        std::mem::take(&mut self.queue.lock().has_dropped_log_out)
    }

    /// Waits until everything up to this count has been appended, or dropped.
    pub(crate) async fn is_appended(&self, count: u64) {
        loop {
            let mut progress = std::pin::pin!(self.progress.notified());
            progress.as_mut().enable();
            if self.queue.lock().left >= count {
                return;
            }
            progress.await;
        }
    }

    /// The count of the newest record that has been appended, or dropped.
    pub(crate) fn count_of_appended(&self) -> u64 {
        self.queue.lock().left
    }

    /// The count of the newest record.
    pub(crate) fn count(&self) -> u64 {
        let queue = self.queue.lock();
        queue.left + queue.waiting.len() as u64
    }

    pub(crate) fn buffered(&self) -> Buffered {
        let queue = self.queue.lock();
        Buffered { records: queue.waiting.len(), bytes: queue.bytes, dropped: queue.dropped }
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.left += 1;
        self.bytes -= waiting.record.payload.len();
        Some(waiting)
    }

    fn drop_oldest(&mut self) {
        if let Some(waiting) = self.pop() {
            self.lost += waiting.weight;
            self.dropped += u64::from(!waiting.is_word) * waiting.weight;
            self.has_dropped_log_out |= !waiting.record.log_outs.is_empty();
        }
    }

    /// Puts a `Lost` record in the place of the dropped records. It takes the count of the last dropped record. That
    /// record may have been appended after all, by a call whose answer was lost. Then so were all before it, and the
    /// backplane skips the `Lost` record.
    fn tell_lost(&mut self) {
        let weight = std::mem::take(&mut self.lost);
        if weight == 0 {
            return;
        }
        let record = Message::Lost(weight).record();
        self.bytes += record.payload.len();
        self.waiting.push_front(Waiting { record, weight, is_word: true });
        self.left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(records: usize) -> Outbox {
        Outbox::new(Bounds { records, bytes: 1 << 20 })
    }

    fn record(number: u64) -> Outgoing {
        Message::DisconnectClient(&number.to_string()).record()
    }

    #[test]
    fn record_stays_counted_until_it_is_appended() {
        let outbox = outbox(100);
        assert_eq!(outbox.peek(), None);
        assert_eq!(outbox.push((1..=3).map(record)), 3);
        assert_eq!(outbox.peek(), Some((1, vec![record(1), record(2), record(3)])));
        outbox.appended(2);
        assert_eq!(outbox.peek(), Some((3, vec![record(3)])));
        outbox.appended(2);
        outbox.appended(3);
        assert_eq!(outbox.peek(), None);
        assert_eq!(outbox.buffered(), Buffered::default());
        assert_eq!((outbox.push([record(4)]), outbox.count()), (4, 4));
    }

    #[test]
    fn dropped_records_leave_one_counted_gap() {
        let outbox = outbox(3);
        outbox.push((1..=5).map(record));
        let told = Message::Lost(2).record();
        assert_eq!(outbox.peek(), Some((2, vec![told, record(3), record(4), record(5)])));
        assert_eq!(outbox.buffered().dropped, 2);
        // The `Lost` record itself is the oldest now.
        outbox.push([record(6)]);
        let told = Message::Lost(3).record();
        assert_eq!(outbox.peek(), Some((3, vec![told, record(4), record(5), record(6)])));
        assert_eq!(outbox.buffered().dropped, 3);
        outbox.appended(6);
        assert_eq!(outbox.peek(), None);
    }

    #[test]
    fn room_is_what_events_leave() {
        let outbox = outbox(3);
        assert_eq!(outbox.room(), 1 << 18);
        outbox.push([record(1)]);
        assert_eq!(outbox.room(), 1 << 18);
        outbox.push([record(2)]);
        assert_eq!(outbox.room(), 0);
        outbox.appended(2);
        outbox.push([Outgoing { payload: vec![b'x'; 1 << 20].into(), ..record(0) }]);
        assert_eq!(outbox.room(), 0);
    }

    #[test]
    fn batch_is_limited_but_holds_one_large_record() {
        let outbox = Outbox::new(Bounds { records: 100, bytes: 1 << 30 });
        let large = Outgoing { payload: vec![b'x'; 3 << 20].into(), ..record(0) };
        outbox.push([large.clone(), record(1), record(2)]);
        assert_eq!(outbox.peek(), Some((1, vec![large])));
        outbox.appended(1);
        assert_eq!(outbox.peek().map(|(first, records)| (first, records.len())), Some((2, 2)));
    }

    #[tokio::test]
    async fn waiter_wakes_when_its_record_is_appended() {
        let outbox = outbox(10);
        let count = outbox.push([record(1), record(2)]);
        let waiting = outbox.is_appended(count);
        let appending = async {
            outbox.appended(1);
            tokio::task::yield_now().await;
            outbox.appended(2);
        };
        tokio::join!(waiting, appending);
        outbox.is_appended(count).await;
    }
}
