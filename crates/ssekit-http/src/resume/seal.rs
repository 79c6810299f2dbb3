//! Encryption and authentication: AES-256 in Galois/Counter Mode (NIST SP 800-38D), with a key for each ticket.
//!
//! The key comes from the secret and a random salt, by HMAC-SHA-256. So no key is used twice, the nonce may be constant, and
//! any number of tickets can be made with one secret. The tag is compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::resume::keys::Keys;

/// The version of this format. Others are not opened.
const VERSION: u8 = 1;

/// Separates these keys from any others that are made of the same secret.
const PURPOSE: &[u8] = b"ssekit resume ticket 1";

const SALT_BYTES: usize = 16;

/// The number of bytes before the encrypted part.
const PREFIX_BYTES: usize = 1 + SALT_BYTES;

/// The longest text that is opened, or handed out: browsers keep cookies of 4,096 bytes with their names.
pub(super) const MOST_TEXT_BYTES: usize = 3_800;

/// Returns the sealed text; `None` if it is too long for a cookie, or the system has no random numbers.
pub(super) fn seal(keys: &Keys, content: &[u8]) -> Option<String> {
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).ok()?;
    let mut sealed = content.to_vec();
    key(keys.first()?, &salt)?.seal_in_place_append_tag(nonce(), Aad::from(PURPOSE), &mut sealed).ok()?;
    let text = URL_SAFE_NO_PAD.encode([&[VERSION][..], &salt, &sealed].concat());
    (text.len() <= MOST_TEXT_BYTES).then_some(text)
}

/// Returns the content of a text that was sealed with one of the keys.
pub(super) fn open(keys: &Keys, text: &str) -> Option<Vec<u8>> {
    if text.len() > MOST_TEXT_BYTES {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (prefix, sealed) = bytes.split_at_checked(PREFIX_BYTES)?;
    let (&version, salt) = prefix.split_first()?;
    let open_with = |secret: &[u8]| {
        let mut content = sealed.to_vec();
        let opened = key(secret, salt)?.open_in_place(nonce(), Aad::from(PURPOSE), &mut content).ok()?;
        let length = opened.len();
        content.truncate(length);
        Some(content)
    };
    if version == VERSION { keys.all().find_map(open_with) } else { None }
}

fn key(secret: &[u8], salt: &[u8]) -> Option<LessSafeKey> {
    let made = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &[PURPOSE, salt].concat());
    UnboundKey::new(&AES_256_GCM, made.as_ref()).ok().map(LessSafeKey::new)
}

/// Each key seals one ticket only.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; ring::aead::NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(secrets: &[&str]) -> Keys {
        Keys::of("secret", secrets).unwrap()
    }

    const OLD: &str = "the secret of the deployment before";
    const NEW: &str = "the secret that takes over from it";

    #[test]
    fn secrets_can_be_replaced() {
        let text = seal(&keys(&[OLD]), b"content").unwrap();
        assert_eq!(open(&keys(&[NEW, OLD]), &text).as_deref(), Some(&b"content"[..]));
        assert_eq!(open(&keys(&[NEW]), &text), None);
    }

    #[test]
    fn same_content_never_looks_the_same() {
        let keys = keys(&[OLD]);
        assert_ne!(seal(&keys, b"content"), seal(&keys, b"content"));
    }

    #[test]
    fn text_fits_into_a_cookie() {
        let keys = keys(&[OLD]);
        assert!(seal(&keys, &[7; 2_800]).is_some());
        assert_eq!(seal(&keys, &[7; 2_900]), None);
        assert_eq!(open(&keys, &"A".repeat(MOST_TEXT_BYTES + 1)), None);
    }

    proptest! {
        #[test]
        fn opens_what_was_sealed(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let keys = keys(&[OLD]);
            prop_assert_eq!(open(&keys, &seal(&keys, &content).unwrap()), Some(content));
        }

        #[test]
        fn opens_nothing_else(
            content in proptest::collection::vec(any::<u8>(), 0..100),
            at in any::<prop::sample::Index>(),
            bits in 1_u8..=255,
            keep in any::<prop::sample::Index>(),
        ) {
            let keys = keys(&[OLD]);
            let mut bytes = URL_SAFE_NO_PAD.decode(seal(&keys, &content).unwrap()).unwrap();
            let shorter = &bytes[..keep.index(bytes.len())];
            prop_assert_eq!(open(&keys, &URL_SAFE_NO_PAD.encode(shorter)), None);
            let index = at.index(bytes.len());
            bytes[index] ^= bits;
            prop_assert_eq!(open(&keys, &URL_SAFE_NO_PAD.encode(&bytes)), None);
        }

        #[test]
        fn survives_any_text(text in ".{0,200}") {
            prop_assert_eq!(open(&keys(&[OLD]), &text), None);
        }
    }
}
