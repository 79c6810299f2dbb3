//! What the targets share with the tests: the carrier that pulls a stream and the parser that fails on every byte too many.
#![allow(dead_code, reason = "each target uses what it needs")]

use std::time::Duration;

use ssekit_core::{Event, HistoryOptions, Options};

#[path = "../../crates/ssekit-core/tests/support/pull.rs"]
pub(crate) mod pull;
#[path = "../../crates/ssekit-core/tests/support/wire.rs"]
pub(crate) mod wire;

/// How long a target waits before it is taken for hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A history from which nothing falls out.
pub(crate) fn keeping_all() -> Options {
    let (much, max_age) = (1 << 40, Duration::from_secs(1 << 30));
    let history = HistoryOptions { max_events: 10_000_000, max_bytes: much, max_total_bytes: much, max_age };
    Options { history, threads: 2, ..Options::default() }
}

pub(crate) fn data(data: &str) -> Event<'_> {
    Event { data, ..Event::default() }
}
