//! An event's position: the one sequence of a hub, and how it appears in event ids.

use std::fmt::{self, Write as _};

use uuid::Uuid;

/// An event's place in the hub's one sequence. The first event has 1; 0 is "before everything".
pub type Position = u64;

/// Bits for the positions between two agreed ones: room for one node's own events.
const ROOM: u32 = 20;

/// The position of the record with this number in a shared history.
pub fn agreed(number: u64) -> Position {
    number << ROOM
}

/// The number of the newest such record up to this position.
pub fn number_of(position: Position) -> u64 {
    position >> ROOM
}

/// The position of that record. Events after it, up to this position, are one node's own.
pub fn last_agreed(position: Position) -> Position {
    agreed(number_of(position))
}

/// Whether it is the position of such a record, in a hub with a shared history.
pub fn is_agreed(position: Position) -> bool {
    position.trailing_zeros() >= ROOM
}

/// The longest id of the form `<epoch>.<position>`: epoch, dot, twenty digits. Ids that name a node are longer.
pub const MAX_ID_BYTES: usize = Epoch::LEN + 1 + 20;

/// Parses a number in its one canonical form: decimal digits, with no leading zeros.
fn canonical(digits: &str) -> Option<u64> {
    let canonical = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
    canonical.then(|| digits.parse().ok()).flatten()
}

/// Names one history. It changes whenever a history starts anew, so that an id from before a restart never passes for a
/// position of the new history.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Epoch([u8; Self::LEN]);

impl Epoch {
    const LEN: usize = 10;

    /// A new random epoch of ten base-32 digits. 46 of its 50 bits are random; the others are the UUID's version.
    pub fn random() -> Self {
        // Without the letters i, l, o and u, because people read ids aloud when they debug.
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut bits = Uuid::new_v4().as_u128() >> 70;
        Self(std::array::from_fn(|_| {
            let digit = DIGITS.get((bits % 32) as usize).copied().unwrap_or(b'0');
            bits /= 32;
            digit
        }))
    }

    /// The epoch with this text.
    pub fn parse_name(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// Its text, as it appears in ids.
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
        canonical(id.strip_prefix(self.as_str())?.strip_prefix('.')?)
    }

    /// Whether this looks like an id of some epoch, and not like a caller's own.
    pub fn has_made(id: &str) -> bool {
        let parts = id.split_once('.');
        parts.is_some_and(|(epoch, rest)| {
            Self::parse_name(epoch).is_some() && rest.starts_with(|first: char| first.is_ascii_digit())
        })
    }

    /// The meaning of an id of this epoch, in any of its forms.
    pub fn parse_seen<'a>(&self, id: &'a str) -> Option<Seen<'a>> {
        let mut parts = id.splitn(3, ONLY_AT);
        let position = self.parse(parts.next()?)?;
        let only_at = parts.next();
        let number = parts.next().map_or(Some(0), canonical)?;
        Some(Seen { position, only_at, elsewhere: agreed(number) })
    }

    /// The id for a page that is catching up at this node: see [`Seen`].
    pub fn id_of_newcomer(&self, position: Position, node: &NodeId, elsewhere: Position) -> String {
        format!("{self}.{position}{ONLY_AT}{node}{ONLY_AT}{}", number_of(elsewhere))
    }
}

/// A node's name: one process among several that share a history. A restarted process has another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(Epoch);

impl NodeId {
    /// A new random name, as random as an [`Epoch`].
    pub fn random() -> Self {
        Self(Epoch::random())
    }

    /// The name with this text.
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

/// Separates the position from the node, in an id that means something to that node alone.
pub const ONLY_AT: char = '-';

/// The events that a page has seen, according to an event id:
///
/// * `<epoch>.<position>` means the same on every node.
/// * `<epoch>.<position>-<node>` means everything up to this position at that node.
/// * `<epoch>.<position>-<node>-<number>` means that the page is still catching up there. It came from another node, where
///   it had seen every record of the shared history up to this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The page has seen everything up to this position,
    pub position: Position,
    /// at this node, if one is named,
    pub only_at: Option<&'a str>,
    /// and everything up to this position in the shared history.
    pub elsewhere: Position,
}

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
    fn id_names_position_and_node() {
        let (epoch, node) = (Epoch::random(), NodeId::random());
        let plain = Seen { position: 7, only_at: None, elsewhere: 0 };
        assert_eq!(epoch.parse_seen(&epoch.id(7)), Some(plain));
        let here = Seen { only_at: Some(node.as_str()), ..plain };
        assert_eq!(epoch.parse_seen(&format!("{epoch}.7-{node}")), Some(here));
        let newcomer = epoch.id_of_newcomer(7, &node, agreed(9) + 3);
        assert_eq!(epoch.parse_seen(&newcomer), Some(Seen { elsewhere: agreed(9), ..here }));
        for tail in ["7-", "-7", ".7-a-", ".7-a-x", ".7-a-1-1", ".7-a-01"] {
            assert_eq!(epoch.parse_seen(&format!("{epoch}{tail}")), None, "{tail:?}");
        }
    }

    #[test]
    fn foreign_id_names_nothing() {
        let epoch = Epoch::random();
        let of = |tail: &str| epoch.parse(&format!("{epoch}{tail}"));
        for tail in ["", ".", "1", ".01", ".+1", ".-1", ".1 ", ". 1", ".1.1", ".18446744073709551616", ".٣", ".1e3"] {
            assert_eq!(of(tail), None, "{tail:?}");
        }
        assert_eq!(Epoch::random().parse(&epoch.id(1)), None);
        assert_eq!(epoch.parse(""), None);
    }
}
