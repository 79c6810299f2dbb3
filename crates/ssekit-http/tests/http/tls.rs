//! The listener over TLS: both versions of HTTP, agreed on by ALPN, and peers that cannot do it.

use std::sync::Arc;
use std::time::Duration;

use ssekit_core::DisconnectReason;
use ssekit_http::{Listener, ListenerLimits, ListenerOptions, TlsOptions};
use ssekit_testing::door::{Door, anonymous, get};
use ssekit_testing::http2::Connection;
use ssekit_testing::wire::{Dechunker, Parser};
use ssekit_testing::{Engine, Recorder, data, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A certificate of its own.
fn certificate() -> TlsOptions {
    let made = rcgen::generate_simple_self_signed(["sse.example".to_owned()]).unwrap();
    TlsOptions { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

fn over_tls(tls: &TlsOptions) -> ListenerOptions {
    ListenerOptions { tls: Some(tls.clone()), ..anonymous() }
}

/// A connection that trusts this certificate alone and speaks these protocols.
async fn connect(door: &Door, tls: &TlsOptions, protocols: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(tls.certificate.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let mut config =
        builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(door.address()).await.unwrap();
    let name = ServerName::try_from("sse.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

#[test]
fn http2_is_agreed_on_and_carries_streams() {
    let tls = certificate();
    let door = Door::open(over_tls(&tls));
    door.engine.block_on(async {
        let socket = connect(&door, &tls, &["h2", "http/1.1"]).await;
        assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut connection = Connection::over(socket, None).await;
        let mut streams = Vec::new();
        for _ in 0..20 {
            streams.push(connection.stream("/events").await);
        }
        door.engine.broadcast(data("x"), None).unwrap();
        for stream in &mut streams {
            assert_eq!(stream.data(1).await, ["x"]);
        }
    });
    door.wait_until_empty();
}

#[test]
fn http1_serves_clients_without_http2() {
    let tls = certificate();
    let door = Door::open(over_tls(&tls));
    let recorder = Recorder::of(&door.engine.hub);
    for (tab, protocols) in [("first", &["http/1.1"][..]), ("second", &[])] {
        door.engine.block_on(async {
            let mut socket = connect(&door, &tls, protocols).await;
            socket.write_all(get(&format!("/events?clientId={tab}")).as_bytes()).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"));
            // hyper writes them where TLS stands between.
            let mut dechunker = Dechunker::of_others();
            let mut parser = Parser::default();
            for name in ["ssekit:ready", "hello"] {
                let event = loop {
                    if let Some(event) = parser.pop() {
                        break event;
                    }
                    let mut bytes = [0; 4096];
                    let read = socket.read(&mut bytes).await.unwrap();
                    parser.push(&dechunker.push(&bytes[..read]));
                };
                assert_eq!(event.name, name);
                let hello = ssekit_core::Event { name: "hello", ..data("x") };
                door.engine.send_to_client(tab, hello).unwrap();
            }
            assert_eq!(door.engine.stats().listener, 1);
        });
        // It left without a word, and that was noticed.
        let left = || recorder.ends_of(tab).last() == Some(&DisconnectReason::Peer);
        eventually("it is gone", left);
        door.wait_until_empty();
    }
}

#[test]
fn plain_text_at_a_tls_port_is_logged_and_closed() {
    let tls = certificate();
    let door = Door::open(over_tls(&tls));
    let recorder = Recorder::of(&door.engine.hub);
    let mut plain = door.connect();
    plain.send(get("/events"));
    plain.rest();
    let told = || recorder.told().iter().any(|told| format!("{told:?}").contains("no TLS with 127.0.0.1"));
    eventually("it is told", told);
    door.wait_until_empty();
}

#[test]
fn slow_handshake_ends_at_its_deadline() {
    let tls = certificate();
    let limits = ListenerLimits { header_timeout: Duration::from_millis(100), ..ListenerLimits::default() };
    let door = Door::open(ListenerOptions { limits, ..over_tls(&tls) });
    for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut slow = door.connect();
        slow.send(begun);
        assert!(slow.rest().is_empty());
    }
}

#[test]
fn unusable_certificate_is_refused_and_not_shown() {
    let (one, other) = (certificate(), certificate());
    let engine = Engine::start();
    let handle = engine.block_on(async { tokio::runtime::Handle::current() });
    let refused = |certificate: &str, key: &str| {
        let tls = TlsOptions { certificate: certificate.to_owned(), key: key.to_owned() };
        let error = Listener::start(engine.hub.clone(), over_tls(&tls), &handle).unwrap_err();
        assert!(error.is_argument() && !error.to_string().contains("BEGIN"), "{error}");
        error.to_string()
    };
    assert!(refused("", &one.key).contains("options.tls.cert"));
    assert!(refused("nonsense", &one.key).contains("options.tls.cert"));
    assert!(refused(&one.certificate, "").contains("options.tls.key"));
    assert!(refused(&one.certificate, &one.certificate).contains("options.tls.key"));
    assert!(refused(&one.certificate, &other.key).contains("does not fit the key"));
    assert!(!format!("{one:?}").contains("BEGIN"));
}
