//! Where an event stands: the one sequence of a hub, and how it looks as an event id.

use std::fmt::{self, Write as _};

use uuid::Uuid;

/// An event's place in the hub's one sequence. The first event has 1; 0 is "before everything".
pub type Position = u64;

/// Positions between two that several nodes agree on: room for events of one node's own.
const ROOM: u32 = 20;

/// The position of the record with this number in a history that is shared.
pub fn agreed(number: u64) -> Position {
    number << ROOM
}

/// Whether it is the position of such a record, where there is such a history.
pub fn is_agreed(position: Position) -> bool {
    position.trailing_zeros() >= ROOM
}

/// The longest id that ssekit makes itself: epoch, dot, twenty digits.
pub const MAX_ID_BYTES: usize = Epoch::LEN + 1 + 20;

/// Names one history. It changes whenever a history starts anew, so that an id from before a restart is never taken for
/// a position of the new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Epoch([u8; Self::LEN]);

impl Epoch {
    const LEN: usize = 10;

    /// A new random epoch of 50 bits.
    pub fn random() -> Self {
        // Without the letters i, l, o and u: ids are read aloud when somebody debugs.
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut bits = Uuid::new_v4().as_u128() >> 70;
        Self(std::array::from_fn(|_| {
            let digit = DIGITS.get((bits % 32) as usize).copied().unwrap_or(b'0');
            bits /= 32;
            digit
        }))
    }

    /// The one with this text.
    pub fn parse_name(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// Its text, as it stands in ids.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id of the event at `position`.
    pub fn id(&self, position: Position) -> String {
        let mut id = String::with_capacity(MAX_ID_BYTES);
        // Writing to a String cannot fail.
        let _ = write!(id, "{self}.{position}");
        id
    }

    /// The position that `id` names, if it is an id of this epoch.
    pub fn parse(&self, id: &str) -> Option<Position> {
        let digits = id.strip_prefix(self.as_str())?.strip_prefix('.')?;
        let canonical = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
        canonical.then(|| digits.parse().ok()).flatten()
    }
}

/// A node's name: a process among several that share a history. A restarted one has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(Epoch);

impl NodeId {
    /// A new one, of 50 random bits.
    pub fn random() -> Self {
        Self(Epoch::random())
    }

    /// The one with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Epoch::parse_name(text).map(Self)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands between the position and the node in an id that means something to that node alone.
pub const ONLY_AT: char = '-';

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_position() {
        let epoch = Epoch::random();
        for position in [0, 1, 9, 10, 12_345, u64::MAX] {
            assert_eq!(epoch.parse(&epoch.id(position)), Some(position));
            assert!(epoch.id(position).len() <= MAX_ID_BYTES);
        }
    }

    #[test]
    fn what_is_not_exactly_our_id_names_nothing() {
        let epoch = Epoch::random();
        let of = |tail: &str| epoch.parse(&format!("{epoch}{tail}"));
        for tail in ["", ".", "1", ".01", ".+1", ".-1", ".1 ", ". 1", ".1.1", ".18446744073709551616", ".٣", ".1e3"] {
            assert_eq!(of(tail), None, "{tail:?}");
        }
        assert_eq!(Epoch::random().parse(&epoch.id(1)), None);
        assert_eq!(epoch.parse(""), None);
    }
}
