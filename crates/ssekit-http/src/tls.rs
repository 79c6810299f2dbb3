//! TLS, by rustls.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::options::TlsOptions;
use ssekit_core::error::{Error, Result};

/// The name of HTTP/2 in protocol negotiation (RFC 7301).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";

/// The configuration that accepts TLS connections with this certificate.
///
/// # Errors
/// The certificate or the key cannot be read, or they do not belong together. The message shows neither of them.
pub(crate) fn server_config(options: &TlsOptions) -> Result<Arc<ServerConfig>> {
    let refuse = |what: &str| Error::argument(format!("options.tls.{what}"));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(options.certificate.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| refuse("cert: got text that is not PEM, wants a certificate chain in PEM"))?;
    if chain.is_empty() {
        return Err(refuse("cert: got text without a certificate, wants a certificate chain in PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(options.key.as_bytes())
        .map_err(|_| refuse("key: got text without a readable private key, wants one in PEM, not encrypted"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| {
            refuse(&format!("cert: got a certificate that does not fit the key ({error}), wants the key's own"))
        })?;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
