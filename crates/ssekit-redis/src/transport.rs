//! The way to a server: a socket, or TLS over one.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::options::Host;
use ssekit_core::error::{Error, Result};

/// A two-way byte stream.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Connects to hosts: with TLS if it has a connector.
#[derive(Clone)]
pub(crate) struct Dialler(Option<TlsConnector>);

impl Dialler {
    pub(crate) fn plain() -> Self {
        Self(None)
    }

    /// Trusts the authorities with these certificates in PEM.
    ///
    /// # Errors
    /// There is no usable certificate.
    pub(crate) fn trusting(pem: Option<&str>) -> Result<Self> {
        let wrong = |got: &str| {
            Error::argument(format!("options.backplane.ca: got {got}, wants certificates in PEM for rediss://"))
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.unwrap_or_default().as_bytes()) {
            let certificate = certificate.map_err(|error| wrong(&format!("text that is not PEM ({error})")))?;
            // Skip a certificate that rustls cannot use, as is usual: there may be an odd one among many.
            let _ = roots.add(certificate);
        }
        if roots.is_empty() {
            return Err(wrong(if pem.is_none() { "none" } else { "text without a usable certificate" }));
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Some(TlsConnector::from(std::sync::Arc::new(config)))))
    }

    pub(crate) async fn dial(&self, host: &Host) -> std::io::Result<Box<dyn Transport>> {
        let socket = TcpStream::connect((host.name.as_str(), host.port)).await?;
        socket.set_nodelay(true)?;
        let Some(tls) = &self.0 else { return Ok(Box::new(socket)) };
        let name = ServerName::try_from(host.name.clone()).map_err(std::io::Error::other)?;
        Ok(Box::new(tls.connect(name, socket).await?))
    }
}
