//! A listener's own counters, besides those of the hub.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;

use ssekit_core::counter::Counter;
use ssekit_core::metrics::{Metric, Reading};

/// Upper bounds of the latency histogram's buckets, in microseconds.
const BUCKETS: [u64; 8] = [50, 100, 250, 1_000, 5_000, 25_000, 100_000, 1_000_000];

/// Classes of status codes, from 2xx on.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// A listener's counters.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    answers: [Counter; CLASSES.len()],
    pub(crate) refused_tickets: Counter,
    pub(crate) refused_connections: Counter,
    published: Counter,
    latency: Histogram,
}

/// Counts durations. Each bucket counts those that are not longer than its bound.
#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Meter {
    /// An answer was given.
    pub(crate) fn answered(&self, status: StatusCode) {
        if let Some(counter) = self.answers.get(usize::from(status.as_u16() / 100).wrapping_sub(2)) {
            counter.add(1);
        }
    }

    /// Records a request to publish, and its duration from the complete body to the answer.
    pub(crate) fn published(&self, events: usize, took: Duration) {
        self.published.add(events as u64);
        self.latency.record(took);
    }

    /// The counters with their names, as Prometheus gets them.
    pub(crate) fn table(&self, connections: usize) -> Vec<Metric> {
        let answers = CLASSES.into_iter().zip(self.answers.each_ref().map(Counter::get));
        vec![
            Metric::gauge("listener_connections", "Open connections, those of streams included.", connections),
            Metric::counter(
                "listener_answers",
                "Answers by class of status code; a stream is one.",
                Reading::by("status", answers),
            ),
            Metric::counter(
                "listener_refused_tickets",
                "Requests whose ticket was missing or not good.",
                self.refused_tickets.get(),
            ),
            Metric::counter(
                "listener_refused_connections",
                "Connections for which there was no place.",
                self.refused_connections.get(),
            ),
            Metric::counter("listener_published", "Events published over HTTP.", self.published.get()),
            Metric::histogram(
                "listener_publish_seconds",
                "From a publication's whole body to its answer.",
                self.latency.reading(),
            ),
        ]
    }
}

impl Histogram {
    fn record(&self, took: Duration) {
        let micros = took.as_micros() as u64;
        let within = BUCKETS.iter().zip(&self.buckets).filter(|(bound, _)| micros <= **bound);
        within.for_each(|(_, bucket)| _ = bucket.fetch_add(1, Ordering::Relaxed));
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn reading(&self) -> Reading {
        let seconds = |micros: u64| micros as f64 / 1e6;
        let within = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        Reading::Histogram {
            buckets: BUCKETS.into_iter().map(seconds).zip(within).collect(),
            count: self.count.load(Ordering::Relaxed),
            sum: seconds(self.micros.load(Ordering::Relaxed)),
        }
    }
}
