use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";
const NOW: Duration = Duration::from_secs(1_800_000_000);

static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());

fn options() -> TicketOptions {
    TicketOptions { secrets: vec![SECRET.to_owned()], ..TicketOptions::default() }
}

fn ada() -> NewTicket {
    NewTicket { user: Some("ada".into()), ttl: Duration::from_secs(60), ..NewTicket::default() }
}

fn good() -> Value {
    json!({ "sub": "ada", "aud": "ssekit", "exp": NOW.as_secs() + 60 })
}

fn message(header: &Value, payload: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload.to_string()))
}

fn hs256(header: &Value, payload: &Value, secret: &str) -> String {
    let message = message(header, payload);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, message.as_bytes())))
}

fn eddsa(header: &Value) -> String {
    let message = message(header, &good());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(ED25519.sign(message.as_bytes())))
}

fn ed25519_jwk(id: Option<&str>) -> PublicKey {
    let x = URL_SAFE_NO_PAD.encode(ED25519.public_key());
    PublicKey::from_jwk(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id }).to_string()).unwrap()
}

fn refusal(options: &TicketOptions, payload: &Value) -> TicketError {
    options.verify(&hs256(&json!({ "alg": "HS256" }), payload, SECRET), NOW).unwrap_err()
}

#[test]
fn issued_ticket_is_valid_until_it_expires() {
    let token = issue(SECRET, NewTicket { client: Some("tab".into()), ..ada() }, NOW).unwrap();
    let claims = options().verify(&token, NOW).unwrap();
    assert_eq!((claims.user.as_deref(), claims.client.as_deref()), (Some("ada"), Some("tab")));
    assert_eq!(claims.left, Duration::from_secs(65));
    // The clocks may be five seconds apart.
    assert!(options().verify(&token, NOW + Duration::from_secs(64)).is_ok());
    assert_eq!(options().verify(&token, NOW + Duration::from_secs(65)), Err(TicketError::Expired));
}

#[test]
fn ids_that_no_client_can_have_make_a_ticket_void() {
    let with = |name: &str, value: &str| {
        let mut payload = good();
        payload[name] = value.into();
        refusal(&options(), &payload)
    };
    for user in ["", &"u".repeat(257)] {
        assert_eq!(with("sub", user), TicketError::UserId, "{user}");
    }
    for client in ["", " tab", "é", "a\nb", &"c".repeat(257)] {
        assert_eq!(with("cid", client), TicketError::ClientId, "{client}");
    }
    // The operator reads whose field it is.
    assert!(TicketError::UserId.to_string().starts_with("its sub cannot be"));
    assert!(TicketError::ClientId.to_string().starts_with("its cid cannot be"));
}

#[test]
fn ticket_is_refused_before_its_start() {
    let token = issue(SECRET, NewTicket { not_before: Duration::from_secs(60), ..ada() }, NOW).unwrap();
    assert_eq!(options().verify(&token, NOW + Duration::from_secs(54)), Err(TicketError::Early));
    assert!(options().verify(&token, NOW + Duration::from_secs(55)).is_ok());
    assert!(options().verify(&token, NOW + Duration::from_secs(124)).is_ok());
}

#[test]
fn ticket_holds_its_issue_time_in_microseconds() {
    for micros in 0..2_000 {
        let now = NOW + Duration::from_micros(micros * 501);
        let issued = options().verify(&issue(SECRET, ada(), now).unwrap(), now).unwrap().issued;
        assert_eq!(issued, now);
    }
}

#[test]
fn every_configured_secret_verifies() {
    let both = TicketOptions { secrets: vec![OTHER.to_owned(), SECRET.to_owned()], ..options() };
    let token = issue(SECRET, ada(), NOW).unwrap();
    assert!(both.verify(&token, NOW).is_ok());
    let replaced = TicketOptions { secrets: vec![OTHER.to_owned()], ..options() };
    assert_eq!(replaced.verify(&token, NOW), Err(TicketError::Signature));
}

#[test]
fn token_changed_at_any_byte_is_refused() {
    let token = issue(SECRET, ada(), NOW).unwrap();
    for at in 0..token.len() {
        for replacement in ["A", "B", ".", "=", " "] {
            let tampered = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
            assert!(tampered == token || options().verify(&tampered, NOW).is_err(), "{tampered}");
        }
        assert!(options().verify(&token[..at], NOW).is_err());
    }
}

#[test]
fn algorithm_none_is_refused_in_any_spelling() {
    for alg in ["none", "None", "NONE", "", "HS384", "HS512", "hs256", "RS256", "PS256"] {
        let message = message(&json!({ "alg": alg }), &good());
        for signature in ["", "AAAA"] {
            let refused = options().verify(&format!("{message}.{signature}"), NOW);
            assert_eq!(refused, Err(TicketError::Algorithm), "{alg}");
        }
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    // The classic attack: sign with HS256, with the well-known public key as the secret.
    let options = TicketOptions { keys: vec![ed25519_jwk(None)], ..TicketOptions::default() };
    let public = URL_SAFE_NO_PAD.encode(ED25519.public_key());
    for secret in [public.as_str(), SECRET] {
        let token = hs256(&json!({ "alg": "HS256" }), &good(), secret);
        assert_eq!(options.verify(&token, NOW), Err(TicketError::Algorithm));
    }
}

#[test]
fn missing_or_wrong_claims_are_refused() {
    let without = |claim: &str| {
        let mut payload = good();
        payload.as_object_mut().unwrap().remove(claim);
        payload
    };
    let with = |claim: &str, value: Value| {
        let mut payload = good();
        payload[claim] = value;
        payload
    };
    assert_eq!(refusal(&options(), &without("exp")), TicketError::Malformed);
    assert_eq!(refusal(&options(), &without("aud")), TicketError::Audience);
    assert_eq!(refusal(&options(), &with("aud", json!("other"))), TicketError::Audience);
    assert_eq!(refusal(&options(), &with("aud", json!(["other"]))), TicketError::Audience);
    assert_eq!(refusal(&options(), &with("exp", json!("soon"))), TicketError::Malformed);
    assert_eq!(refusal(&options(), &with("exp", json!(NOW.as_secs() - 60))), TicketError::Expired);
    assert_eq!(refusal(&options(), &with("nbf", json!(NOW.as_secs() + 60))), TicketError::Early);
    assert_eq!(refusal(&options(), &with("sub", json!(42))), TicketError::Malformed);
    // In milliseconds, or from a clock that is ahead by more than the leeway (five seconds).
    assert_eq!(refusal(&options(), &with("iat", json!(NOW.as_millis() as u64))), TicketError::Future);
    assert_eq!(refusal(&options(), &with("iat", json!(NOW.as_secs() + 6))), TicketError::Future);
    assert_eq!(refusal(&options(), &with("iat", json!(1e300))), TicketError::Future);
    assert!(
        options()
            .verify(&hs256(&json!({ "alg": "HS256" }), &with("iat", json!(NOW.as_secs() + 5)), SECRET), NOW)
            .is_ok()
    );
    // Valid for longer than log-outs are remembered, even when most of that time is over.
    assert_eq!(refusal(&options(), &with("exp", json!(NOW.as_secs() + 30 * 86_400 + 1))), TicketError::TooLong);
    assert_eq!(refusal(&options(), &with("exp", json!(1e300))), TicketError::TooLong);
    assert_eq!(refusal(&options(), &with("iat", json!(NOW.as_secs() - 30 * 86_400))), TicketError::TooLong);
    assert_eq!(refusal(&options(), &with("iat", json!(-1))), TicketError::TooLong);
    let issuer = TicketOptions { issuer: Some("login".to_owned()), ..options() };
    assert_eq!(refusal(&issuer, &good()), TicketError::Issuer);
    let once = TicketOptions { one_time: true, ..options() };
    assert_eq!(refusal(&once, &good()), TicketError::Malformed);
    let many = hs256(&json!({ "alg": "HS256" }), &with("aud", json!(["other", "ssekit"])), SECRET);
    assert!(options().verify(&many, NOW).is_ok());
}

#[test]
fn unknown_critical_header_is_refused() {
    let token = hs256(&json!({ "alg": "HS256", "crit": ["exp"] }), &good(), SECRET);
    assert_eq!(options().verify(&token, NOW), Err(TicketError::Malformed));
}

#[test]
fn kid_selects_the_key() {
    let keys = |ids: &[Option<&str>]| TicketOptions {
        keys: ids.iter().map(|id| ed25519_jwk(*id)).collect(),
        ..TicketOptions::default()
    };
    let named = |kid: &str| eddsa(&json!({ "alg": "EdDSA", "kid": kid }));
    assert!(keys(&[Some("old"), Some("new")]).verify(&named("new"), NOW).is_ok());
    assert!(keys(&[Some("old"), Some("new")]).verify(&named("old"), NOW).is_ok());
    assert_eq!(keys(&[Some("new")]).verify(&named("old"), NOW), Err(TicketError::Key));
    assert!(keys(&[None]).verify(&named("any"), NOW).is_ok());
    assert!(keys(&[Some("new")]).verify(&eddsa(&json!({ "alg": "EdDSA" })), NOW).is_ok());
}

#[test]
fn es256_is_verified() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
    let options =
        TicketOptions { keys: vec![PublicKey::from_jwk(&jwk.to_string()).unwrap()], ..TicketOptions::default() };
    let message = message(&json!({ "alg": "ES256" }), &good());
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(&random, message.as_bytes()).unwrap());
    assert!(options.verify(&format!("{message}.{signature}"), NOW).is_ok());
    assert_eq!(options.verify(&format!("{message}.{}", "A".repeat(86)), NOW), Err(TicketError::Signature));
}

/// The token of RFC 7515, appendix A.2. Its claims are not ours; the test is that its signature is found to be good.
#[test]
fn rs256_verifies_the_signature_of_the_rfc() {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS\
             -pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2\
             CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9\
             gb54h4FRWyuXpoQ";
    let jwk = json!({ "kty": "RSA", "n": n, "e": "AQAB" });
    let options =
        TicketOptions { keys: vec![PublicKey::from_jwk(&jwk.to_string()).unwrap()], ..TicketOptions::default() };
    let message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb\
                     F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
                     LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy\
                     wlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert!(signature::verified(&format!("{message}.{signature}"), &options).is_ok());
    let broken = signature.replacen('c', "d", 1);
    assert_eq!(signature::verified(&format!("{message}.{broken}"), &options), Err(TicketError::Signature));
}

#[test]
fn unknown_key_is_refused() {
    for jwk in [
        "",
        "{}",
        r#"{"kty":"oct","k":"AAAA"}"#,
        r#"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
        r#"{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}"#,
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
    ] {
        assert!(PublicKey::from_jwk(jwk).unwrap_err().is_argument(), "{jwk}");
    }
    let x = URL_SAFE_NO_PAD.encode(ED25519.public_key());
    let other = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "RS256" }).to_string();
    assert!(PublicKey::from_jwk(&other).unwrap_err().to_string().contains("EdDSA"));
}

#[test]
fn channels_of_a_ticket_are_names_and_patterns() {
    let channels = || vec!["news".to_owned(), "order:*".to_owned()];
    let with = |channels: Value| {
        let mut claims = good();
        claims["ch"] = channels;
        claims
    };
    let token = issue(SECRET, NewTicket { channels: channels(), ..ada() }, NOW).unwrap();
    assert_eq!(options().verify(&token, NOW).unwrap().channels, Grants::new(channels()).unwrap());
    let none = options().verify(&issue(SECRET, ada(), NOW).unwrap(), NOW).unwrap();
    assert_eq!(none.channels, Grants::default());
    for wrong in [json!(["**"]), json!(["order*:"]), json!([""]), json!(["news", "a\n"]), json!(["*", "x".repeat(257)])]
    {
        assert_eq!(refusal(&options(), &with(wrong.clone())), TicketError::Channels, "{wrong}");
    }
    for wrong in [json!("news"), json!({ "0": "news" }), json!([7]), json!([["news"]]), json!([null]), json!(true)] {
        assert_eq!(refusal(&options(), &with(wrong.clone())), TicketError::Malformed, "{wrong}");
    }
    assert!(options().verify(&hs256(&json!({ "alg": "HS256" }), &with(Value::Null), SECRET), NOW).is_ok());
    let twice = r#"{"sub":"ada","aud":"ssekit","exp":1800000060,"ch":["a"],"ch":["*"]}"#;
    assert_eq!(Payload::of(twice.as_bytes()).err(), Some(TicketError::Malformed));
}

#[test]
fn ticket_with_unusable_channels_is_not_issued() {
    let issue_for = |channels: &[&str]| {
        let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
        issue(SECRET, NewTicket { channels, ..ada() }, NOW).unwrap_err()
    };
    for wrong in ["", "**", "order*:", "a\nb", &"x".repeat(257)] {
        let error = issue_for(&["news", wrong]);
        assert!(error.is_argument() && error.to_string().starts_with("ticket.channel"), "{wrong:?}: {error}");
    }
    let many: Vec<String> = (0..1_000).map(|number| format!("order:{number}")).collect();
    let too_long = issue_for(&many.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(too_long.is_range() && too_long.to_string().contains("order:*"), "{too_long}");
}

#[test]
fn refusal_to_issue_hides_the_secret() {
    let short = issue("short-secret", ada(), NOW).unwrap_err();
    assert!(short.is_argument() && !short.to_string().contains("short-secret"));
    assert!(issue(SECRET, NewTicket { user: Some("".into()), ..ada() }, NOW).unwrap_err().is_argument());
    assert!(issue(SECRET, NewTicket { client: Some("é".into()), ..ada() }, NOW).unwrap_err().is_argument());
    let late = NewTicket { not_before: Duration::from_secs(1), ttl: LONGEST, ..ada() };
    assert!(issue(SECRET, late, NOW).unwrap_err().is_range());
    for ttl in [Duration::ZERO, Duration::from_secs(30 * 86_400 + 1)] {
        assert!(issue(SECRET, NewTicket { ttl, ..ada() }, NOW).unwrap_err().is_range());
    }
    assert!(!format!("{:?}", options()).contains(SECRET));
}
