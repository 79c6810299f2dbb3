//! Compares a token in a time that does not reveal how much of it was right.

use ring::hmac;
use ring::rand::SystemRandom;

use ssekit_core::error::{Error, Result};

/// The shortest secret or token that is accepted: 32 bytes, as RFC 7518, section 3.2 requires for HS256.
pub(crate) const MIN_SECRET_BYTES: usize = 32;

/// A token. Only a keyed hash of it is kept.
pub(crate) struct Secret {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Secret {
    pub(crate) fn new(token: &str) -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(|_| {
            Error::system("drawing a random key", &std::io::Error::other("no random numbers to be had"))
        })?;
        let tag = hmac::sign(&key, token.as_bytes());
        Ok(Self { key, tag })
    }

    /// Whether this is the token. It compares hashes of equal length, in constant time.
    pub(crate) fn is(&self, presented: &str) -> bool {
        hmac::verify(&self.key, presented.as_bytes(), self.tag.as_ref()).is_ok()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_right() {
        let secret = Secret::new("a token").unwrap();
        assert!(secret.is("a token"));
        for wrong in ["", "a", "a toke", "a token ", "A token"] {
            assert!(!secret.is(wrong), "{wrong:?}");
        }
    }
}
