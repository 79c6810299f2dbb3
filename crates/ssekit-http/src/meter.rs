//! A listener's own counters, besides those of the hub.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;

use ssekit_core::counter::Counter;

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

    /// In Prometheus' text format.
    pub(crate) fn render(&self, connections: usize, out: &mut String) {
        use std::fmt::Write;
        let mut line = |text: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = out.write_fmt(text);
            out.push('\n');
        };
        line(format_args!("# HELP ssekit_listener_connections Open connections, those of streams included."));
        line(format_args!("# TYPE ssekit_listener_connections gauge"));
        line(format_args!("ssekit_listener_connections {connections}"));
        line(format_args!("# HELP ssekit_listener_answers_total Answers by class of status code; a stream is one."));
        line(format_args!("# TYPE ssekit_listener_answers_total counter"));
        for (class, count) in CLASSES.iter().zip(&self.answers) {
            line(format_args!("ssekit_listener_answers_total{{status=\"{class}\"}} {}", count.get()));
        }
        for (name, help, count) in [
            ("refused_tickets", "Requests whose ticket was missing or not good.", &self.refused_tickets),
            ("refused_connections", "Connections for which there was no place.", &self.refused_connections),
            ("published", "Events published over HTTP.", &self.published),
        ] {
            line(format_args!("# HELP ssekit_listener_{name}_total {help}"));
            line(format_args!("# TYPE ssekit_listener_{name}_total counter"));
            line(format_args!("ssekit_listener_{name}_total {}", count.get()));
        }
        self.latency.render(&mut line);
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

    fn render(&self, line: &mut impl FnMut(std::fmt::Arguments<'_>)) {
        const NAME: &str = "ssekit_listener_publish_seconds";
        let seconds = |micros: u64| micros as f64 / 1e6;
        line(format_args!("# HELP {NAME} From a publication's whole body to its answer."));
        line(format_args!("# TYPE {NAME} histogram"));
        for (bound, bucket) in BUCKETS.iter().zip(&self.buckets) {
            let count = bucket.load(Ordering::Relaxed);
            line(format_args!("{NAME}_bucket{{le=\"{}\"}} {count}", seconds(*bound)));
        }
        let count = self.count.load(Ordering::Relaxed);
        line(format_args!("{NAME}_bucket{{le=\"+Inf\"}} {count}"));
        line(format_args!("{NAME}_sum {}", seconds(self.micros.load(Ordering::Relaxed))));
        line(format_args!("{NAME}_count {count}"));
    }
}
