//! The history: one sequence of events in logs, one log per audience.
//!
//! * [`timeline`]: gives an event its position, appends it to a log, and keeps all logs within their bounds.
//! * [`log`]: the newest events of one audience, in a `ring`.
//! * [`duplicates`]: events that stand in the history twice.
//! * [`options`]: the bounds.

pub mod duplicates;
pub mod log;
pub mod options;
pub mod ring;
pub mod timeline;

pub use options::{HistoryOptions, LogBounds};
