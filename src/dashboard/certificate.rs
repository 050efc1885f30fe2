//! The certificate of the page and its key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

/// A certificate with its key, ready to be shown to browsers.
#[derive(Clone)]
pub struct Certificate {
    pub(super) acceptor: TlsAcceptor,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file has nothing of what it should have.
    #[error("there is no {what} (PEM) in {path}")]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What it should have.
        what: &'static str,
    },
    /// The two are not of each other.
    #[error("the key in {key} is not that of the certificate in {certificate}")]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// A name is not among those that it is for.
    #[error("the certificate in {path} is not for `{name}`")]
    OtherName {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// Something else is wrong with them.
    #[error("the certificate in {certificate} with the key in {key} cannot be used: {error}")]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

impl CertificateError {
    /// Returns what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            CertificateError::Unreadable { .. } => {
                "it must be there, and the account that runs this must be able to read it"
            }
            CertificateError::Nothing { what: "key", .. } => {
                "it begins with `-----BEGIN PRIVATE KEY-----`, and has no pass phrase"
            }
            CertificateError::Nothing { .. } => {
                "it begins with `-----BEGIN CERTIFICATE-----`; the server's own comes first, then those that signed it"
            }
            CertificateError::Mismatch { .. } => {
                "take both from the same place; in the file of the certificate, the server's own comes first"
            }
            CertificateError::OtherName { .. } => {
                "browsers would warn: name one that it is for, or get one for this name"
            }
            CertificateError::Unusable { .. } => "get a new one",
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|error| CertificateError::Unreadable { path: path.to_owned(), error })
}

impl Certificate {
    /// Reads a certificate, with those that signed it, and its key, from files (PEM, RFC 7468).
    ///
    /// # Errors
    /// Every [`CertificateError`] at once: with a file, with the two together, or with a name that it must be for.
    pub fn read<'a>(
        certificate: &Path,
        key: &Path,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Vec<CertificateError>> {
        let nothing = |path: &Path, what| CertificateError::Nothing { path: path.to_owned(), what };
        let chain = read(certificate).and_then(|pem| {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            let chain = chain.ok().filter(|chain| !chain.is_empty());
            chain.ok_or_else(|| nothing(certificate, "certificate"))
        });
        let secret =
            read(key).and_then(|pem| PrivateKeyDer::from_pem_slice(&pem).map_err(|_| nothing(key, "key")));
        let (chain, secret) = match (chain, secret) {
            (Ok(chain), Ok(secret)) => (chain, secret),
            (chain, secret) => return Err(chain.err().into_iter().chain(secret.err()).collect()),
        };
        let others: Vec<_> = names
            .filter(|name| !is_for(&chain, name))
            .map(|name| CertificateError::OtherName { path: certificate.to_owned(), name: name.to_owned() })
            .collect();
        let config = config(chain, secret).map_err(|error| {
            let (certificate, key) = (certificate.to_owned(), key.to_owned());
            match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    CertificateError::Mismatch { certificate, key }
                }
                error => CertificateError::Unusable { certificate, key, error },
            }
        });
        match config {
            Ok(config) if others.is_empty() => Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) }),
            config => Err(config.err().into_iter().chain(others).collect()),
        }
    }
}

/// Whether the first of a chain is for a name.
fn is_for(chain: &[CertificateDer<'_>], name: &str) -> bool {
    let parsed = chain.first().and_then(|own| ParsedCertificate::try_from(own).ok());
    // What cannot be read is told as that.
    let Some(parsed) = parsed else { return true };
    ServerName::try_from(name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    // Named outright: with two providers in the build, rustls would not choose one by itself.
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

    use super::*;

    /// What is said of these files: a line for each.
    fn said(certificate: &Path, key: &Path, name: &str) -> String {
        let errors = Certificate::read(certificate, key, std::iter::once(name)).err().unwrap();
        let folder = certificate.parent().unwrap().display().to_string();
        let lines = errors.iter().map(|error| format!("{error}; {}", error.hint()).replace(&folder, "DIR"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_certificate_with_its_key_is_taken_and_everything_else_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["page.example".to_owned()]).unwrap();
        let other = generate_simple_self_signed(["other.example".to_owned()]).unwrap();
        let chain = file("chain.pem", &format!("{}{}", cert.pem(), other.cert.pem()));
        let key = file("key.pem", &signing_key.serialize_pem());
        assert!(Certificate::read(&chain, &key, ["page.example"].into_iter()).is_ok());
        let strange = file("strange.pem", &KeyPair::generate().unwrap().serialize_pem());
        let broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let missing = folder.path().join("missing.pem");
        let told = [
            said(&missing, &missing, "page.example"),
            said(&key, &chain, "page.example"),
            said(&chain, &strange, "other.example"),
            said(&chain, &key, "x.page.example"),
            said(&broken, &key, "page.example"),
        ];
        insta::assert_snapshot!(told.join("\n\n"), @r#"
        DIR/missing.pem cannot be read: No such file or directory (os error 2); it must be there, and the account that runs this must be able to read it
        DIR/missing.pem cannot be read: No such file or directory (os error 2); it must be there, and the account that runs this must be able to read it

        there is no certificate (PEM) in DIR/key.pem; it begins with `-----BEGIN CERTIFICATE-----`; the server's own comes first, then those that signed it
        there is no key (PEM) in DIR/chain.pem; it begins with `-----BEGIN PRIVATE KEY-----`, and has no pass phrase

        the key in DIR/strange.pem is not that of the certificate in DIR/chain.pem; take both from the same place; in the file of the certificate, the server's own comes first
        the certificate in DIR/chain.pem is not for `other.example`; browsers would warn: name one that it is for, or get one for this name

        the certificate in DIR/chain.pem is not for `x.page.example`; browsers would warn: name one that it is for, or get one for this name

        the certificate in DIR/broken.pem with the key in DIR/key.pem cannot be used: invalid peer certificate: BadEncoding; get a new one
        "#);
    }
}
