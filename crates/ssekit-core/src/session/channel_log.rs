//! The events of a channel.

use std::sync::Arc;

use crate::event::position::Position;
use crate::history::log::{Log, LogBounds};

/// A channel's name, and the log that everybody who has subscribed reads.
#[derive(Debug)]
pub(crate) struct ChannelLog {
    pub(crate) name: Arc<str>,
    pub(crate) log: Arc<Log>,
}

impl ChannelLog {
    /// Up to `floor`, events may be missing.
    pub(crate) fn new(name: &str, floor: Position, bounds: Option<LogBounds>) -> Self {
        Self { name: name.into(), log: Arc::new(Log::bounded(floor, bounds)) }
    }
}
