//! The rehearsal relay as tests use it: with certificates made on the spot, and a way to it.
#![expect(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postduif::account::{Login, Security, Server};
use postduif::delivery::attempt::Ending;
use postduif::mail::address::Address;
use postduif::mail::envelope::Envelope;
use postduif::transport::rehearsal::{Relay, RelaySettings, RelayTls, Script};
use postduif::transport::{Lane, Settings, SmtpSettings, Timeouts, Transport};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// How the line is protected in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Plain,
    StartTls,
    Implicit,
}

/// A certificate for these names, in a file that `ca-file` can name.
pub(crate) struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) ca_file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Certificate {
    pub(crate) fn of(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { config: Arc::new(config), ca_file, _folder: folder }
    }
}

/// A relay, and the settings of a way to it.
pub(crate) struct Post {
    pub(crate) relay: Relay,
    pub(crate) way: SmtpSettings,
    _certificate: Option<Certificate>,
}

impl Post {
    /// Starts a relay that remembers everything; addresses spell what it does unless told otherwise.
    pub(crate) async fn start(protection: Protection, settings: RelaySettings) -> Self {
        let certificate =
            (protection != Protection::Plain).then(|| Certificate::of(&["localhost", "127.0.0.1"]));
        let tls = match (&certificate, protection) {
            (Some(made), Protection::StartTls) => RelayTls::StartTls(Arc::clone(&made.config)),
            (Some(made), _) => RelayTls::Implicit(Arc::clone(&made.config)),
            (None, _) => RelayTls::None,
        };
        let relay = Relay::start(RelaySettings { record: true, tls, ..settings }).await.unwrap();
        let way = SmtpSettings {
            server: Server {
                host: "127.0.0.1".into(),
                port: relay.addr().port(),
                security: match protection {
                    Protection::Plain => Security::None,
                    Protection::StartTls => Security::StartTls,
                    Protection::Implicit => Security::Tls,
                },
                login: None,
                ca_file: certificate.as_ref().map(|made| made.ca_file.clone()),
            },
            connections: 1,
            letters_per_connection: 100,
            hello_name: None,
            delivery_reports: true,
            timeouts: Timeouts::default(),
        };
        Self { relay, way, _certificate: certificate }
    }

    pub(crate) fn login(mut self, login: Login) -> Self {
        self.way.server.login = Some(login);
        self
    }

    pub(crate) async fn lane(&self) -> Lane {
        Transport::open(Settings::Smtp(self.way.clone())).await.unwrap().lane()
    }
}

/// Settings under which addresses spell what becomes of their letters.
pub(crate) fn spelled() -> RelaySettings {
    RelaySettings { script: Script::Spelled, ..RelaySettings::default() }
}

/// Timeouts so short that a silent relay is soon given up; only silence may run into them.
pub(crate) fn impatient() -> Timeouts {
    let short = Duration::from_millis(300);
    Timeouts {
        greeting: short,
        command: short,
        data: short,
        block: short,
        end_of_data: short,
        ..Timeouts::default()
    }
}

pub(crate) fn envelope(to: &str) -> Envelope {
    envelope_from("desk@post.example", to)
}

pub(crate) fn envelope_from(from: &str, to: &str) -> Envelope {
    Envelope::one(Some(Address::parse(from).unwrap()), Address::parse(to).unwrap())
}

pub(crate) const LETTER: &[u8] =
    b"From: Desk <desk@post.example>\r\nSubject: An appeal\r\n\r\nDear all,\r\n.\r\n..and so on\r\n";

/// Sends [`LETTER`] to `local@town.example`.
pub(crate) async fn send(lane: &mut Lane, local: &str) -> Ending {
    lane.attempt(&envelope(&format!("{local}@town.example")), LETTER, async { Ok(()) }).await
}
