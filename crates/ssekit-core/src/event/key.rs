//! A secret that lets a client continue although no user vouches for it.
//!
//! A client id stands in URLs, and so in access logs; knowing it proves nothing. So each id on such a client's stream ends
//! with a secret. An `EventSource` sends its last id back by itself, in a header that access logs do not have.

use std::fmt;
use std::hint::black_box;

use uuid::Uuid;

/// Separates an id from the key after it.
const BEFORE: char = '~';

/// A random secret of 80 bits, as text that travels unharmed in a header and in a URL.
#[derive(Clone, Copy)]
pub struct Key([u8; Self::LEN]);

impl Key {
    const LEN: usize = 16;

    /// The number of bytes that a key adds to an id.
    pub const SUFFIX: usize = Self::LEN + BEFORE.len_utf8();

    /// Without the letters i, l, o and u, like everything that ssekit puts into an id.
    const DIGITS: &'static [u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// A new key.
    pub fn random() -> Self {
        let bits = Uuid::new_v4().as_u128();
        // Only random bits of the UUID: the 48 before its version, and the 62 after its variant.
        let mut bits = (bits >> 80) << 62 | (bits & ((1 << 62) - 1));
        Self(std::array::from_fn(|_| {
            let digit = Self::DIGITS.get((bits % 32) as usize).copied().unwrap_or(b'0');
            bits /= 32;
            digit
        }))
    }

    /// Splits an id into the part before the key and the key, if it ends with what looks like a key.
    pub fn split(id: &str) -> Option<(&str, Self)> {
        let (id, key) = id.rsplit_once(BEFORE)?;
        let bytes: [u8; Self::LEN] = key.as_bytes().try_into().ok()?;
        bytes.iter().all(|byte| Self::DIGITS.contains(byte)).then_some((id, Self(bytes)))
    }

    /// The key as the end of an id, which [`Key::split`] reads.
    pub(crate) fn shown(&self) -> String {
        self.suffix().into_iter().map(char::from).collect()
    }

    /// Whether both are equal, in a time that does not depend on how much of them is.
    pub fn matches(&self, other: &Self) -> bool {
        let differences = self.0.iter().zip(&other.0).fold(0, |all, (one, other)| black_box(all | (one ^ other)));
        black_box(differences) == 0
    }

    /// The text at the end of every id on its client's stream.
    pub(crate) fn suffix(&self) -> [u8; Self::SUFFIX] {
        let mut suffix = [BEFORE as u8; Self::SUFFIX];
        for (slot, byte) in suffix.iter_mut().skip(BEFORE.len_utf8()).zip(self.0) {
            *slot = byte;
        }
        suffix
    }
}

/// Never shows the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn text(key: &Key) -> String {
        String::from_utf8(key.suffix().to_vec()).unwrap()
    }

    #[test]
    fn key_is_found_behind_any_id() {
        let keys: Vec<Key> = (0..100).map(|_| Key::random()).collect();
        assert_eq!(keys.iter().map(text).collect::<HashSet<_>>().len(), 100);
        for (number, key) in keys.iter().enumerate() {
            for id in ["epoch.12", "ssekit:evicted", "own~id", "a~0123456789abcdef", ""] {
                let (bare, found) =
                    Key::split(&format!("{id}{}", text(key))).map(|(bare, key)| (bare.to_owned(), key)).unwrap();
                assert_eq!(bare, id);
                assert!(found.matches(key));
                assert!(!found.matches(&keys[(number + 1) % 100]));
            }
        }
    }

    #[test]
    fn every_digit_counts() {
        let key = Key::random();
        for at in 0..Key::LEN {
            let mut other = key;
            other.0[at] = if key.0[at] == b'0' { b'1' } else { b'0' };
            assert!(!key.matches(&other));
        }
    }

    #[test]
    fn every_digit_of_a_key_is_random() {
        let keys: Vec<Key> = (0..1_000).map(|_| Key::random()).collect();
        for at in 0..Key::LEN {
            let seen: HashSet<u8> = keys.iter().map(|key| key.0[at]).collect();
            assert_eq!(seen.len(), 32, "digit {at}");
        }
    }

    #[test]
    fn text_without_the_form_of_a_key_is_none() {
        for id in
            ["", "~", "a", "a~", "a~0123456789abcde", "a~0123456789abcdefg", "a~0123456789ABCDEF", "a~0123456789abcdeü"]
        {
            assert!(Key::split(id).is_none(), "{id:?}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", Key::random()), "Key(…)");
    }
}
