//! Whom we trust, and why a server is not trusted, in words.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};

use super::AccountError;

/// Whom we trust: the system's authorities, and those of `ca_file`.
pub(super) fn trust(ca_file: Option<&Path>) -> Result<ClientConfig, AccountError> {
    let mut extra = Vec::new();
    if let Some(path) = ca_file {
        let wrong = |why: String| AccountError::CaFile { path: path.to_owned(), why };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            extra.push(certificate.map_err(|error| wrong(error.to_string()))?);
        }
        if extra.is_empty() {
            return Err(wrong("there is no certificate (PEM) in it".into()));
        }
    }
    let wrong = |error: rustls::Error| AccountError::Tls(error.to_string());
    // Named outright: with two providers in the build, rustls would not choose one by itself.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, Arc::clone(&provider));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .dangerous() // The name is rustls's for every verifier that is not its own.
        .with_custom_certificate_verifier(Arc::new(verifier.map_err(wrong)?))
        .with_no_client_auth();
    Ok(config)
}

/// Why no protected line came about.
#[derive(Debug)]
pub(crate) struct NoTls {
    /// A clause for people.
    pub(crate) why: String,
    /// Whether it was the line that broke, and not trust.
    pub(crate) may_pass: bool,
}

impl NoTls {
    pub(super) fn of(error: &io::Error, host: &str) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let why = match inner {
            Some(rustls::Error::InvalidCertificate(why)) => {
                format!("the certificate of {host} is not to be trusted: {}", why_untrusted(why))
            }
            Some(rustls::Error::InvalidMessage(_)) => format!("{host} does not speak TLS on this port"),
            Some(other) => format!("the TLS handshake failed ({other})"),
            // rustls tells so of a line that was closed without a farewell.
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                format!("{host} closed the line in the TLS handshake")
            }
            None => format!("the line broke in the TLS handshake ({error})"),
        };
        Self { why, may_pass: inner.is_none() }
    }
}

fn why_untrusted(error: &CertificateError) -> String {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "it has expired".into(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "it is not valid yet (is this machine's clock right?)".into()
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => "it is for another name".into(),
        // The second is an authority of the same name with another key.
        E::UnknownIssuer | E::BadSignature => {
            "nobody we trust has signed it (`ca-file` can name more)".into()
        }
        E::Revoked => "it has been revoked".into(),
        // What `openssl req -x509` makes when it is not told otherwise.
        E::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "it is that of an authority (CA:TRUE), which no server may show as its own".into()
        }
        other => other.to_string(),
    }
}
