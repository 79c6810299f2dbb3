//! Any text as a ticket, made of good ones, their parts, and forged ones: no panic, nothing is accepted
//! that was not signed with a key that counts, what is accepted says what was signed, and it opens one stream.
#![no_main]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde_json::{Value, json};
use ssekit_core::{Hub, Options};
use ssekit_http::ticket::{self, Claims, DEFAULT_AUDIENCE, NewTicket, PublicKey, TicketOptions};
use ssekit_http::{Listener, ListenerOptions};
use ssekit_testing::PATIENCE;

const SECRETS: [&str; 2] = ["the first secret of this fuzz target", "and the second, which only verifies"];
const NOBODYS_SECRET: &str = "a secret that the listener is not told";
/// Short, so that few tickets are remembered at once.
const TTL: Duration = Duration::from_secs(4);
const TOKENS: usize = 8;

/// Values of a header.
const HEADERS: [&str; 10] = [
    r#"{"alg":"HS256","typ":"JWT"}"#,
    r#"{"alg":"HS256"}"#,
    r#"{"alg":"EdDSA"}"#,
    r#"{"alg":"EdDSA","kid":"a"}"#,
    r#"{"alg":"EdDSA","kid":"b"}"#,
    r#"{"alg":"none"}"#,
    r#"{"alg":"hs256"}"#,
    r#"{"alg":"HS256","alg":"none"}"#,
    r#"{"alg":"HS256","crit":["exp"]}"#,
    r#"{"alg":["HS256"]}"#,
];

/// Values of claims. `@` stands for the time, in seconds, and `%` for a number that no other run has.
const CLAIMS: [&str; 40] = [
    r#""exp":@2"#,
    r#""aud":"ssekit""#,
    r#""sub":"ada""#,
    r#""jti":"%-0""#,
    r#""iat":@0"#,
    r#""exp":@1"#,
    r#""aud":["other","ssekit"]"#,
    r#""sub":"bob""#,
    r#""jti":"%-1""#,
    r#""iat":@-9"#,
    r#""cid":"tab""#,
    r#""cid":"other tab""#,
    r#""nbf":@0"#,
    r#""nbf":@9"#,
    r#""iss":"login""#,
    r#""iat":@9"#,
    r#""exp":@-1"#,
    r#""exp":@99999999"#,
    r#""exp":1e308"#,
    r#""exp":1e400"#,
    r#""exp":-1"#,
    r#""exp":"@2""#,
    r#""exp":null"#,
    r#""iat":1e308"#,
    r#""iat":-1e308"#,
    r#""iat":1e-320"#,
    r#""nbf":-1e308"#,
    r#""aud":"other""#,
    r#""aud":[]"#,
    r#""aud":null"#,
    r#""sub":null"#,
    r#""sub":"""#,
    r#""sub":42"#,
    r#""sub":"a\u0000\r\n""#,
    r#""\u0073ub":"bob""#,
    r#""cid":"\u00e9""#,
    r#""cid":null"#,
    r#""jti":null"#,
    r#""jti":"""#,
    r#""else":{"sub":"bob"}"#,
];

struct Scene {
    hub: Hub,
    _listener: Listener,
    path: PathBuf,
    options: TicketOptions,
    pair: Ed25519KeyPair,
    life: Mutex<Life>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Life {
    runs: u64,
    /// Tickets, new ones now and then.
    issued: Vec<String>,
    issued_at: Duration,
    /// Tickets that have opened a stream, by their ids, and until when they are good.
    opened: HashMap<String, Duration>,
    /// When users were logged out.
    log_outs: HashMap<String, Duration>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let hub = Hub::start(Options { threads: 1, ..Options::default() }, runtime.handle()).expect("a hub");
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key of the right length");
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": URL_SAFE_NO_PAD.encode(pair.public_key()) });
    let options = TicketOptions {
        secrets: SECRETS.map(str::to_owned).to_vec(),
        keys: vec![PublicKey::from_jwk(&jwk.to_string()).expect("a public key")],
        leeway: Duration::ZERO,
        one_time: true,
        ..TicketOptions::default()
    };
    let path = std::env::temp_dir().join(format!("ssekit-fuzz-tickets-{}.sock", std::process::id()));
    let served = ListenerOptions {
        socket_path: Some(path.clone()),
        tickets: Some(options.clone()),
        ..ListenerOptions::default()
    };
    let listener = Listener::start(hub.clone(), served, runtime.handle()).expect("a listener");
    Scene { hub, _listener: listener, path, options, pair, life: Mutex::default(), _runtime: runtime }
});

/// A text under construction, and how the fuzzer's bytes are read as what to make of it.
struct Forge<'a> {
    script: &'a [u8],
    /// Tickets, most of them good.
    issued: &'a [String],
    now: Duration,
    run: u64,
    pair: &'a Ed25519KeyPair,
}

impl Forge<'_> {
    /// Zero stands for what is not there.
    fn byte(&mut self) -> usize {
        let Some((byte, rest)) = self.script.split_first() else { return 0 };
        self.script = rest;
        usize::from(*byte)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.script.split_at(count.min(self.script.len()));
        self.script = rest;
        taken.to_vec()
    }

    /// The next text, or none when the script is over.
    fn text(&mut self) -> Option<String> {
        if self.script.is_empty() {
            return None;
        }
        let mut text = Vec::new();
        while !self.script.is_empty() && self.step(&mut text) {}
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// False: the text is done.
    fn step(&mut self, text: &mut Vec<u8>) -> bool {
        let step = self.byte();
        let number = step >> 4;
        match step & 15 {
            0 => return false,
            1 | 2 => text.extend(self.issued[number % self.issued.len()].bytes()),
            3 | 4 => {
                let part = self.issued[number % self.issued.len()].split('.').nth(self.byte() % 3);
                text.extend(part.unwrap_or_default().bytes());
            }
            5 => text.push(b'.'),
            6 | 7 => text.extend(URL_SAFE_NO_PAD.encode(HEADERS[number % HEADERS.len()]).bytes()),
            8 | 9 => {
                let claims = self.claims(number);
                text.extend(URL_SAFE_NO_PAD.encode(claims).bytes());
            }
            10 | 11 => self.sign(text, number),
            12 => text.truncate(text.len().saturating_sub(number + 1)),
            13 => {
                let (at, by) = (self.byte() * text.len() / 256, self.byte());
                if let Some(byte) = text.get_mut(at) {
                    *byte = by as u8;
                }
            }
            14 => text.extend(self.bytes(number)),
            _ => {
                let raw = self.bytes(number * 4);
                text.extend(URL_SAFE_NO_PAD.encode(raw).bytes());
            }
        }
        true
    }

    /// Makes a number of claims. With a high number, the good claims come first, and others behind them.
    fn claims(&mut self, number: usize) -> String {
        let good = if number & 8 == 0 { 0 } else { 5 };
        let more: Vec<_> = (0..number & 7).map(|_| self.byte() % CLAIMS.len()).collect();
        let claims: Vec<_> = (0..good).chain(more).map(|claim| self.filled(CLAIMS[claim])).collect();
        format!("{{{}}}", claims.join(","))
    }

    fn filled(&self, claim: &str) -> String {
        let claim = claim.replace('%', &self.run.to_string());
        let Some((before, after)) = claim.split_once('@') else { return claim };
        let end = after.find('"').unwrap_or(after.len());
        let offset: f64 = after[..end].parse().unwrap_or_default();
        format!("{before}{}{}", self.now.as_micros() as f64 / 1e6 + offset, &after[end..])
    }

    fn sign(&self, text: &mut Vec<u8>, by: usize) {
        let secret = match by % 4 {
            by @ 0..2 => SECRETS[by],
            2 => NOBODYS_SECRET,
            _ => {
                let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(text));
                return text.extend(format!(".{signature}").bytes());
            }
        };
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text));
        text.extend(format!(".{signature}").bytes());
    }
}

/// Bytes that are written in one way only.
fn decoded(part: &str) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url of what is accepted");
    assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), part, "another text for the same token");
    bytes
}

/// Fails unless this text may be accepted, with these claims: by another reading of the RFCs, and other code.
fn check(text: &str, claims: &Claims, now: Duration, pair: &Ed25519KeyPair) {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("accepted in {} parts", parts.len()) };
    let (message, signature) = (format!("{header}.{payload}"), decoded(signature));
    let header: Value = serde_json::from_slice(&decoded(header)).expect("a header in JSON");
    let payload: Value = serde_json::from_slice(&decoded(payload)).expect("claims in JSON");
    let signed_by = |secret: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message.as_bytes()).as_ref() == signature
    };
    let is_signed = match header["alg"].as_str() {
        Some("HS256") => SECRETS.into_iter().any(signed_by),
        Some("EdDSA") => {
            let key = UnparsedPublicKey::new(&ED25519, pair.public_key());
            key.verify(message.as_bytes(), &signature).is_ok() && header["kid"].as_str().is_none_or(|kid| kid == "a")
        }
        _ => false,
    };
    assert!(is_signed && header["crit"].is_null(), "accepted unsigned: {header}");
    let said = |claim: &str| payload[claim].as_str();
    assert_eq!(
        (claims.user.as_deref(), claims.client.as_deref(), claims.id.as_deref()),
        (said("sub"), said("cid"), said("jti")),
        "{payload}"
    );
    let aud = &payload["aud"];
    let names = aud.as_str() == Some(DEFAULT_AUDIENCE)
        || aud.as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(DEFAULT_AUDIENCE)));
    assert!(names && claims.id.is_some(), "{payload}");
    let time = |claim: &str| payload[claim].as_f64();
    let (now, exp) = (now.as_secs_f64(), time("exp").expect("an end"));
    assert!(exp > now && time("nbf").is_none_or(|nbf| nbf <= now), "{payload} at {now}");
    assert!((claims.left.as_secs_f64() - (exp - now)).abs() < 1e-3, "{payload} at {now}: {:?} are left", claims.left);
    let issued = time("iat").unwrap_or_default();
    assert!(issued <= now + 1e-3 && (claims.issued.as_secs_f64() - issued.max(0.0)).abs() < 1e-3, "{payload} at {now}");
}

impl Scene {
    /// Asks for a stream, and does not wait for the answer.
    fn ask(&self, token: &str, client: usize) -> UnixStream {
        let mut socket = UnixStream::connect(&self.path).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket's option");
        let target = if client == 0 { "/events".to_owned() } else { format!("/events?clientId=c{client}") };
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
        socket.write_all(request.as_bytes()).expect("a request is taken");
        socket
    }

    /// Shows what is accepted at the door, twice at once and once more.
    fn redeem(&self, life: &mut Life, text: &str, claims: &Claims) {
        let id = claims.id.clone().unwrap_or_default();
        let asked = [self.ask(text, 0), self.ask(text, 1)];
        let streams = asked.map(|socket| (status(&socket), socket));
        let opened = streams.iter().filter(|(status, _)| *status == 200).count();
        let again = usize::from(status(&self.ask(text, 2)) == 200);
        let before = usize::from(life.opened.contains_key(&id));
        assert!(before + opened + again <= 1, "{text} opens {opened} and {again} after {before}");
        if opened + again == 1 {
            life.opened.insert(id, ticket::now() + claims.left);
        }
        let log_out = claims.user.as_ref().and_then(|user| life.log_outs.get(user));
        assert!(
            opened + again == 0 || log_out.is_none_or(|log_out| claims.issued > *log_out),
            "{text} is from before a log-out"
        );
    }
}

fn status(mut socket: &UnixStream) -> u16 {
    let mut line = [0; 12];
    socket.read_exact(&mut line).expect("a head");
    let text = std::str::from_utf8(&line).expect("text");
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|status| status.parse().ok()).expect("a status");
    assert!(matches!(status, 200 | 400 | 401 | 409 | 431), "{status}");
    status
}

/// Tickets as they are issued: four good ones, and others that are not, or not now.
fn issue(options: &TicketOptions, now: Duration, pair: &Ed25519KeyPair) -> Vec<String> {
    let new = || NewTicket { user: Some("ada".into()), ttl: TTL, ..NewTicket::default() };
    let tickets = [
        (SECRETS[0], new(), now),
        (SECRETS[1], NewTicket { user: Some("bob".into()), ..new() }, now),
        (SECRETS[0], NewTicket { user: None, ..new() }, now),
        (SECRETS[0], NewTicket { client: Some("c1".into()), ..new() }, now),
        (NOBODYS_SECRET, new(), now),
        (SECRETS[0], NewTicket { audience: "another".into(), ..new() }, now),
        (SECRETS[0], NewTicket { not_before: TTL * 2, ..new() }, now),
        (SECRETS[0], new(), now - TTL * 2),
    ];
    let issued = tickets.map(|(secret, new, at)| ticket::issue(secret, new, at).expect("it can be issued"));
    for good in &issued[..4] {
        check(good, &options.verify(good, now).expect("it is good"), now, pair);
    }
    issued.to_vec()
}

impl Life {
    fn begin_run(&mut self, options: &TicketOptions, now: Duration, pair: &Ed25519KeyPair) {
        self.runs += 1;
        if self.issued.is_empty() || self.issued_at + TTL / 2 < now || self.runs.is_multiple_of(64) {
            self.opened.retain(|_, until| *until > now);
            (self.issued, self.issued_at) = (issue(options, now, pair), now);
        }
    }
}

fuzz_target!(|script: &[u8]| {
    let Scene { hub, options, pair, life, .. } = &*SCENE;
    let mut life = life.lock().expect("nobody panicked");
    let now = ticket::now();
    life.begin_run(options, now, pair);
    // The door is much slower than the check, so not all is shown there.
    let (first, script) = script.split_first().map_or((0, script), |(first, rest)| (*first, rest));
    let (logs_out, comes_to_door) = (first >= 240, first >= 192);
    if logs_out {
        hub.disconnect_user("ada");
        life.log_outs.insert("ada".to_owned(), now);
    }
    let issued = life.issued.clone();
    let mut forge = Forge { script, issued: &issued, now, run: life.runs, pair };
    for _ in 0..TOKENS {
        let Some(text) = forge.text() else { break };
        if let Ok(claims) = options.verify(&text, now) {
            check(&text, &claims, now, pair);
            if comes_to_door {
                SCENE.redeem(&mut life, &text, &claims);
            }
        }
    }
});
