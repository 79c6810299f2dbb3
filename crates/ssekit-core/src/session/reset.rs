//! The reasons why a client must start anew.

use crate::event::RESERVED_PREFIX;

/// Why a client must start anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// The last event id is malformed, of another epoch, or of an event that is not in the history.
    Unknown,
    /// Events that the client has not seen have left the history.
    Evicted,
}

impl ResetReason {
    const ALL: [Self; 2] = [Self::Unknown, Self::Evicted];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Evicted => "evicted",
        }
    }

    /// The id of `ssekit:ready` on a stream that owes a reset. A client that is cut off between the two comes back with this
    /// id, and is still owed the reset. The id of a position would lose the gap.
    pub fn owed_id(self) -> String {
        format!("{RESERVED_PREFIX}{}", self.as_str())
    }

    /// The reset that is owed to a client that comes back with such an id.
    pub fn of_owed_id(id: &str) -> Option<Self> {
        let reason = id.strip_prefix(RESERVED_PREFIX)?;
        Some(Self::ALL.into_iter().find(|known| known.as_str() == reason).unwrap_or(Self::Unknown))
    }
}
