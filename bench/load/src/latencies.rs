//! The latencies of events, from sending to receiving.

use serde::Serialize;

/// The reported latencies, in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The number of latencies.
    pub count: usize,
    /// The fastest.
    pub min: f64,
    /// Half of them came at most so late.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// The last.
    pub max: f64,
}

/// All of them, in nanoseconds: quantiles are exact.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one. More than four seconds are four seconds.
    pub fn add(&mut self, nanoseconds: u64) {
        self.0.push(u32::try_from(nanoseconds).unwrap_or(u32::MAX));
    }

    /// The number of latencies.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sums them up and forgets them.
    pub fn take(&mut self) -> Summary {
        let mut all = std::mem::take(&mut self.0);
        all.sort_unstable();
        let at = |part: f64| {
            let index = (all.len() as f64 * part).ceil() as usize;
            all.get(index.saturating_sub(1)).map_or(0.0, |nanoseconds| f64::from(*nanoseconds) / 1e3)
        };
        Summary { count: all.len(), min: at(0.0), p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let mut latencies = Latencies::default();
        (1..=1_000).rev().for_each(|millisecond| latencies.add(millisecond * 1_000));
        let summary = latencies.take();
        assert_eq!((summary.count, summary.min, summary.p50, summary.p99), (1_000, 1.0, 500.0, 990.0));
        assert_eq!((summary.p999, summary.max), (999.0, 1_000.0));
        assert_eq!(latencies.take().count, 0);
    }
}
