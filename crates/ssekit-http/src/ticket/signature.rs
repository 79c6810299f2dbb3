//! A token's signature: JSON Web Signature in its compact form (RFC 7515, section 3.1), and the keys that check it.
//!
//! There are only four algorithms here, over `ring`: three with public keys and one with a secret. The kind of a key fixes
//! its algorithm. So no token can have an RSA key taken for a secret, or get `none` accepted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use crate::misfit::quoted;
use crate::ticket::{TicketError, TicketOptions};
use ssekit_core::error::{Error, Result};

/// The header of every ticket that is issued here.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// A public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    id: Option<String>,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Kind {
    /// EdDSA with Ed25519 (RFC 8037).
    Ed25519(Vec<u8>),
    /// ES256: ECDSA over P-256; the point, uncompressed.
    P256(Vec<u8>),
    /// RS256: RSASSA-PKCS1-v1_5, 2,048 to 8,192 bits.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// A JSON Web Key (RFC 7517). Its private part is never kept.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl PublicKey {
    /// Reads a JSON Web Key from JSON text.
    ///
    /// # Errors
    /// The text is not a key, or the key is of an unsupported kind.
    pub fn from_jwk(json: &str) -> Result<Self> {
        Self::in_argument("key", json)
    }

    /// The same, with the argument's name for an error.
    pub(super) fn in_argument(argument: &str, json: &str) -> Result<Self> {
        let refuse = |got: &str| {
            let wants = "a public JSON Web Key: OKP with Ed25519, EC with P-256, or RSA with at least 2,048 bits";
            Error::argument(format!("{argument}: got {got}, wants {wants}"))
        };
        let key: Jwk = serde_json::from_slice(json.as_bytes()).map_err(|_| refuse("no JSON Web Key"))?;
        let kind = key.kind().ok_or_else(|| refuse(&key.describe()))?;
        match key.alg {
            Some(alg) if alg != kind.algorithm() => Err(Error::argument(format!(
                "{argument}.alg: got {}, wants {}, the only algorithm for such a key",
                quoted(&alg),
                kind.algorithm()
            ))),
            _ => Ok(Self { id: key.kid, kind }),
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.kind {
            Kind::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Kind::P256(key) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature),
            Kind::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }
}

impl Kind {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa { .. } => "RS256",
        }
    }
}

impl Jwk {
    /// Its kind in words, without the numbers of the key.
    fn describe(&self) -> String {
        let curve = self.crv.as_deref().map(|curve| format!(" and crv {}", quoted(curve))).unwrap_or_default();
        format!("an unusable key with kty {}{curve}", quoted(&self.kty))
    }

    fn kind(&self) -> Option<Kind> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => bytes(&self.x).filter(|x| x.len() == 32).map(Kind::Ed25519),
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                (x.len() == 32 && y.len() == 32).then(|| Kind::P256([&[4][..], &x, &y].concat()))
            }
            ("RSA", None) => {
                let (n, e) = (bytes(&self.n)?, bytes(&self.e)?);
                (n.len() >= 256).then_some(Kind::Rsa { n, e })
            }
            _ => None,
        }
    }
}

/// A token's statement about its own signature. `crit` names extensions that the reader must understand, and we understand no
/// extensions.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// Returns the payload of a token if its signature is good.
pub(super) fn verified(token: &str, options: &TicketOptions) -> std::result::Result<Vec<u8>, TicketError> {
    let (message, signature) = token.rsplit_once('.').ok_or(TicketError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(TicketError::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TicketError::Malformed);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TicketError::Malformed)?;
    if header.crit.is_some() {
        return Err(TicketError::Malformed);
    }
    let (payload, signature) = (decode(payload)?, decode(signature)?);
    if header.alg == "HS256" && !options.secrets.is_empty() {
        check_secrets(&options.secrets, message.as_bytes(), &signature)?;
    } else {
        check_keys(&options.keys, &header, message.as_bytes(), &signature)?;
    }
    Ok(payload)
}

fn check_secrets(secrets: &[String], message: &[u8], signature: &[u8]) -> std::result::Result<(), TicketError> {
    let good = |secret: &String| hmac::verify(&hmac_key(secret), message, signature).is_ok();
    if secrets.iter().any(good) { Ok(()) } else { Err(TicketError::Signature) }
}

fn check_keys(
    keys: &[PublicKey],
    header: &Header,
    message: &[u8],
    signature: &[u8],
) -> std::result::Result<(), TicketError> {
    let mut able = keys.iter().filter(|key| key.kind.algorithm() == header.alg).peekable();
    if able.peek().is_none() {
        return Err(TicketError::Algorithm);
    }
    // A token without a `kid` may belong to any key, and a key without an id may fit any token.
    let named = |key: &&PublicKey| header.kid.is_none() || key.id.is_none() || key.id == header.kid;
    let mut candidates = able.filter(named).peekable();
    if candidates.peek().is_none() {
        return Err(TicketError::Key);
    }
    if candidates.any(|key| key.verifies(message, signature)) { Ok(()) } else { Err(TicketError::Signature) }
}

/// Signs a payload; returns the token.
pub(super) fn signed(payload: &str, secret: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
    let signature = hmac::sign(&hmac_key(secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn hmac_key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}
