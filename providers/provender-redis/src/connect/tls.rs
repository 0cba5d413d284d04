//! TLS with the checks that redis-py's options ask for.

use super::Node;
use crate::config::{TlsSettings, Verify};
use crate::error::unreachable;
use provender_core::{Error, OpenContext, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How to speak TLS with the servers of a store.
pub(super) struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the certificates; relative paths start at the repository's folder.
    ///
    /// # Errors
    /// `Invalid` or what reading a file gives, naming option and file.
    pub(super) fn new(settings: &TlsSettings, context: &OpenContext) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::internal("TLS cannot be set up").because(e))?;
        let verifier = Verifier::new(settings, provider, context)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let config = match (&settings.certificate, &settings.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate, "ssl_certfile", context)?;
                let path = context.path(key);
                let secret =
                    PrivateKeyDer::from_pem_file(&path).map_err(|e| unreadable(e, "ssl_keyfile", &path))?;
                builder
                    .with_client_auth_cert(chain, secret)
                    .map_err(|e| unreadable(e, "ssl_keyfile", &path))?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands.
    pub(super) async fn wrap(&self, stream: TcpStream, node: &Node) -> Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(node.host.to_string())
            .map_err(|e| Error::invalid("not a host name").with("node", node).because(e))?;
        self.0.connect(name, stream).await.map_err(|e| unreachable(e, node))
    }
}

fn certificates(
    file: &str,
    option: &'static str,
    context: &OpenContext,
) -> Result<Vec<CertificateDer<'static>>> {
    let path = context.path(file);
    let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = read.map_err(|e| unreadable(e, option, &path))?;
    match all.is_empty() {
        true => Err(unreadable("there is no certificate in it", option, &path)),
        false => Ok(all),
    }
}

fn unreadable(
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    option: &'static str,
    path: &std::path::Path,
) -> Error {
    Error::invalid("cannot use a TLS file")
        .with("at", "online_store.connection_string")
        .with("option", option)
        .with("path", path.display())
        .with("expected", "a PEM file")
        .because(cause)
}

fn roots(settings: &TlsSettings, context: &OpenContext) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match &settings.ca {
        Some(file) => {
            for certificate in certificates(file, "ssl_ca_certs", context)? {
                let added = roots.add(certificate);
                added.map_err(|e| unreadable(e, "ssl_ca_certs", &context.path(file)))?;
            }
        }
        // Systems carry a few that rustls does not take; those are left out, as everywhere.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    Ok(roots)
}

/// Checks as much of a certificate as the settings ask for.
#[derive(Debug)]
struct Verifier {
    /// Absent if nothing is checked.
    inner: Option<Arc<WebPkiServerVerifier>>,
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(settings: &TlsSettings, provider: Arc<CryptoProvider>, context: &OpenContext) -> Result<Self> {
        let inner = match settings.verify {
            Verify::Nothing => None,
            Verify::Full | Verify::Issuer => {
                let roots = Arc::new(roots(settings, context)?);
                let built = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
                Some(built.map_err(|e| {
                    Error::invalid("no certificate authority is trusted")
                        .with("at", "online_store.connection_string")
                        .with("expected", "ssl_ca_certs=FILE, or authorities of the system")
                        .because(e)
                })?)
            }
        };
        Ok(Self { inner, names: settings.verify == Verify::Full, provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is checked last: what fails here was issued by somebody whom we trust.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.names => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
