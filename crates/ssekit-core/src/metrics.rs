//! Counters and gauges, as lines of a table, and their text format for Prometheus, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{self, Display, Write};
use std::time::Duration;

/// The content type of this text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One line of the table: a value with its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name in the `stats()` of JavaScript, with that of its group: `lag.events`. `None`: it is not there.
    pub stat: Option<&'static str>,
    /// Its family in Prometheus. `None`: it has none.
    pub family: Option<Family>,
    /// Its value.
    pub value: Reading,
}

/// Everything that Prometheus gets about a value, except the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    kind: MetricKind,
    /// Without the prefix `ssekit_`, and without the suffix `_total` of a counter.
    name: &'static str,
    help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A number.
    Count(u64),
    /// A time: JavaScript gets milliseconds, Prometheus seconds.
    Time(Duration),
    /// A number for each value of a label.
    Counts {
        /// The label's name.
        label: &'static str,
        /// The label's values, with their numbers.
        counts: Vec<(&'static str, u64)>,
    },
    /// Durations, by bucket.
    Histogram {
        /// The upper bound of each bucket in seconds, with the number of durations up to it.
        buckets: Vec<(f64, u64)>,
        /// The number of all durations.
        count: u64,
        /// Their sum in seconds.
        sum: f64,
    },
    /// A word, for JavaScript alone.
    Text(String),
    /// An absent value, for JavaScript alone.
    Null,
}

impl Metric {
    /// A number that only grows. In Prometheus, its name ends with `_total`.
    pub fn counter(name: &'static str, help: &'static str, value: impl Into<Reading>) -> Self {
        Self::new(MetricKind::Counter, name, help, value.into())
    }

    /// A number that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str, value: impl Into<Reading>) -> Self {
        Self::new(MetricKind::Gauge, name, help, value.into())
    }

    /// A histogram of durations.
    pub fn histogram(name: &'static str, help: &'static str, value: Reading) -> Self {
        Self::new(MetricKind::Histogram, name, help, value)
    }

    /// A value that only JavaScript gets.
    pub fn stat(name: &'static str, value: impl Into<Reading>) -> Self {
        Self { stat: Some(name), family: None, value: value.into() }
    }

    /// JavaScript gets it, too, by this name.
    #[must_use]
    pub fn named(self, stat: &'static str) -> Self {
        Self { stat: Some(stat), ..self }
    }

    fn new(kind: MetricKind, name: &'static str, help: &'static str, value: Reading) -> Self {
        Self { stat: None, family: Some(Family { kind, name, help }), value }
    }
}

impl Reading {
    /// Numbers by the values of a label.
    pub fn by(label: &'static str, counts: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        Self::Counts { label, counts: counts.into_iter().collect() }
    }
}

impl From<u64> for Reading {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Reading {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<Duration> for Reading {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl From<&str> for Reading {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The metrics as Prometheus reads them.
///
/// ```
/// use ssekit_core::metrics::{Metric, text};
///
/// let table = [Metric::counter("events", "Events published.", 3_u64)];
/// let lines = ["# HELP ssekit_events_total Events published.", "# TYPE ssekit_events_total counter", "ssekit_events_total 3"];
/// assert!(text(table).lines().eq(lines));
/// ```
pub fn text(table: impl IntoIterator<Item = Metric>) -> String {
    let mut text = String::with_capacity(4096);
    for metric in table {
        if let Some(family) = metric.family {
            // Writing to a String cannot fail.
            let _ = family.write(&metric.value, &mut text);
        }
    }
    text
}

impl Family {
    fn write(self, value: &Reading, text: &mut String) -> fmt::Result {
        let Self { kind, name, help } = self;
        let name = format!("ssekit_{name}{}", if kind == MetricKind::Counter { "_total" } else { "" });
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str())?;
        match value {
            Reading::Count(count) => writeln!(text, "{name} {count}"),
            Reading::Time(time) => writeln!(text, "{name} {}", time.as_secs_f64()),
            Reading::Counts { label, counts } => {
                counts.iter().try_for_each(|(value, count)| write_labelled(text, &name, label, value, *count))
            }
            Reading::Histogram { buckets, count, sum } => write_histogram(text, &name, buckets, *count, *sum),
            Reading::Text(_) | Reading::Null => Ok(()),
        }
    }
}

fn write_labelled(text: &mut String, name: &str, label: &str, value: impl Display, count: u64) -> fmt::Result {
    writeln!(text, "{name}{{{label}=\"{value}\"}} {count}")
}

fn write_histogram(text: &mut String, name: &str, buckets: &[(f64, u64)], count: u64, sum: f64) -> fmt::Result {
    let bucket = format!("{name}_bucket");
    buckets.iter().try_for_each(|(bound, within)| write_labelled(text, &bucket, "le", bound, *within))?;
    write_labelled(text, &bucket, "le", "+Inf", count)?;
    writeln!(text, "{name}_sum {sum}\n{name}_count {count}")
}

impl MetricKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}
