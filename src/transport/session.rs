//! A session with a relay: connect, TLS, EHLO, AUTH. What is said about a letter is in [`smtp`](super::smtp).

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};

use super::line::{Cut, Line};
use super::login::{self, Hidden, Mechanism};
use super::{Login, Secret, Security, SmtpSettings, TransportError};
use crate::delivery::attempt::{Ending, Stage};

/// What the relay offers in answer to EHLO (RFC 5321 §4.1.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    /// RFC 2920.
    pub(super) pipelining: bool,
    /// RFC 6152.
    pub(super) eight_bit_mime: bool,
    /// RFC 6531.
    pub(super) smtputf8: bool,
    /// RFC 1870; the limit in octets where there is one.
    pub(super) size: Option<Option<u64>>,
    starttls: bool,
    auth: Vec<String>,
}

impl Offers {
    /// Reads the lines of the reply to EHLO; the first is the greeting.
    fn read(lines: &str) -> Self {
        let mut offers = Self::default();
        for line in lines.lines().skip(1) {
            let line = line.trim().to_ascii_uppercase();
            // `AUTH=LOGIN` is how servers said it before RFC 4954.
            let (keyword, rest) = line.split_once([' ', '=']).unwrap_or((&line, ""));
            match keyword {
                "PIPELINING" => offers.pipelining = true,
                "8BITMIME" => offers.eight_bit_mime = true,
                "SMTPUTF8" => offers.smtputf8 = true,
                "STARTTLS" => offers.starttls = true,
                // 0 is "no limit" (RFC 1870 §4).
                "SIZE" => offers.size = Some(rest.trim().parse().ok().filter(|&limit| limit > 0)),
                "AUTH" => offers.auth.extend(rest.split_ascii_whitespace().map(str::to_owned)),
                _ => {}
            }
        }
        offers
    }
}

/// How to reach the relay: what was settled, checked and made ready once for all connections.
pub(super) struct Way {
    pub(super) settings: SmtpSettings,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Commands for secrets run one at a time: they may ask a person.
    asking: tokio::sync::Mutex<()>,
}

impl Way {
    /// Checks the settings and reads the certificates.
    pub(super) fn ready(settings: SmtpSettings) -> Result<Self, TransportError> {
        let tls = match settings.security {
            Security::None => None,
            Security::Tls | Security::StartTls => Some((
                TlsConnector::from(Arc::new(trust(&settings)?)),
                ServerName::try_from(bare_host(&settings.host).to_owned())
                    .map_err(|_| TransportError::Host(settings.host.clone()))?,
            )),
        };
        if let Some(Login { secret: Secret::PasswordFile(path), .. }) = &settings.login {
            login::read_file(path).map_err(TransportError::Secret)?;
        }
        if settings.login.as_ref().is_some_and(|login| login.username.chars().any(char::is_control)) {
            return Err(TransportError::Secret("the user name has control characters".into()));
        }
        if settings.hello_name.as_ref().is_some_and(|name| name.bytes().any(|b| b <= b' ' || b >= 0x7f)) {
            return Err(TransportError::HelloName);
        }
        Ok(Self { settings, tls, asking: tokio::sync::Mutex::default() })
    }

    async fn secret(&self, login: &Login) -> Result<Hidden, Ending> {
        let _alone = self.asking.lock().await;
        login::fetch(&login.secret, self.settings.timeouts.command.min(LONGEST_ASKING))
            .await
            .map_err(|why| Ending::Broken { stage: Stage::Auth, why })
    }
}

/// How long a command for a secret may take.
const LONGEST_ASKING: Duration = Duration::from_secs(120);

/// An IPv6 address may be written in brackets.
fn bare_host(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Whom we trust: the system's authorities, and those of `ca-file`.
fn trust(settings: &SmtpSettings) -> Result<ClientConfig, TransportError> {
    let mut extra = Vec::new();
    if let Some(path) = &settings.ca_file {
        let wrong = |why: String| TransportError::CaFile { path: path.clone(), why };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            extra.push(certificate.map_err(|error| wrong(error.to_string()))?);
        }
        if extra.is_empty() {
            return Err(wrong("there is no certificate (PEM) in it".into()));
        }
    }
    let wrong = |error: rustls::Error| TransportError::Tls(error.to_string());
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

/// A session that is ready for letters.
pub(super) struct Session {
    pub(super) line: Line,
    pub(super) offers: Offers,
    /// Letters begun over it.
    pub(super) letters: u32,
    /// The relay may still remember a transaction that was refused.
    pub(super) reset_first: bool,
    /// Dead unless proven alive: true between letters only.
    pub(super) is_alive: bool,
}

impl Session {
    /// Connects, protects the line, says hello and logs in.
    ///
    /// # Errors
    /// The ending that an attempt has which gets no further.
    pub(super) async fn open(way: &Way) -> Result<Self, Ending> {
        let Some(login) = &way.settings.login else { return Self::hello(way).await };
        let secret = way.secret(login).await?;
        let mut session = Self::hello(way).await?;
        let refused = match session.log_in(way, login, &secret).await {
            Ok(()) => return Ok(session),
            Err(refused) => refused,
        };
        // A token may have run out since it was fetched. A password has not, and trying it again gets accounts locked.
        let may_be_stale = matches!(&refused, Ending::Rejected { reply, .. } if reply.is_permanent())
            && matches!(login.secret, Secret::TokenCommand(_));
        if !may_be_stale {
            return Err(refused);
        }
        let fresh = way.secret(login).await?;
        if fresh == secret {
            return Err(refused);
        }
        session.quit(Duration::from_secs(1)).await;
        let mut session = Self::hello(way).await?;
        session.log_in(way, login, &fresh).await?;
        Ok(session)
    }

    /// Connects, protects the line and says hello.
    async fn hello(way: &Way) -> Result<Self, Ending> {
        let settings = &way.settings;
        let timeouts = &settings.timeouts;
        let broken = |stage: Stage, cut: Cut| Ending::Broken { stage, why: cut.to_string() };
        let mut line = connect(settings).await?;
        if settings.security == Security::Tls {
            line = protect(line, way).await?;
        }
        let greeted = line.reply(timeouts.greeting).await.map_err(|cut| broken(Stage::Greeting, cut))?;
        if greeted / 100 != 2 {
            return Err(Ending::Rejected { stage: Stage::Greeting, reply: line.said() });
        }
        let mut offers = say_hello(&mut line, settings).await?;
        if settings.security == Security::StartTls {
            if !offers.starttls {
                let why = "the relay does not offer STARTTLS".to_owned();
                return Err(Ending::Broken { stage: Stage::Tls, why });
            }
            line.send(b"STARTTLS\r\n", timeouts.command).await.map_err(|cut| broken(Stage::Tls, cut))?;
            let code = line.reply(timeouts.command).await.map_err(|cut| broken(Stage::Tls, cut))?;
            if code / 100 != 2 {
                return Err(Ending::Rejected { stage: Stage::Tls, reply: line.said() });
            }
            if line.has_unread() {
                let why = "the relay, or somebody on the line, put plain text behind the answer to STARTTLS; \
                           we do not read it";
                return Err(Ending::Broken { stage: Stage::Tls, why: why.into() });
            }
            line = protect(line, way).await?;
            // What was offered in the clear may be anybody's word (RFC 3207 §4.2).
            offers = say_hello(&mut line, settings).await?;
        }
        Ok(Self { line, offers, letters: 0, reset_first: false, is_alive: true })
    }

    async fn log_in(&mut self, way: &Way, login: &Login, secret: &Hidden) -> Result<(), Ending> {
        let limit = way.settings.timeouts.command;
        let broken = |why: String| Ending::Broken { stage: Stage::Auth, why };
        if !self.line.is_protected() && !self.line.peer().ip().is_loopback() {
            return Err(broken("cannot log in: the line is not protected".into()));
        }
        let mechanism = Mechanism::choose(&self.offers.auth, login).map_err(broken)?;
        let dialogue = mechanism.dialogue(login, secret, bare_host(&way.settings.host), way.settings.port);
        self.line.send(dialogue.command.as_bytes(), limit).await.map_err(|cut| broken(cut.to_string()))?;
        let mut answers = dialogue.answers.iter();
        loop {
            let code = self.line.reply(limit).await.map_err(|cut| broken(cut.to_string()))?;
            match (code, code / 100) {
                (_, 2) => return Ok(()),
                (334, _) => {
                    // `*` ends a dialogue that asks for more than there is to say (RFC 4954 §4).
                    let answer = answers.next().map_or("*", String::as_str);
                    let said = format!("{answer}\r\n");
                    self.line.send(said.as_bytes(), limit).await.map_err(|cut| broken(cut.to_string()))?;
                }
                _ => return Err(Ending::Rejected { stage: Stage::Auth, reply: self.line.said() }),
            }
        }
    }

    /// Says goodbye; what comes of it does not matter.
    pub(super) async fn quit(mut self, limit: Duration) {
        if self.is_alive && self.line.send(b"QUIT\r\n", limit).await.is_ok() {
            let _ = self.line.reply(limit).await;
        }
    }
}

async fn connect(settings: &SmtpSettings) -> Result<Line, Ending> {
    let limit = settings.timeouts.connect;
    let host = bare_host(&settings.host);
    let broken = |why: String| Ending::Broken { stage: Stage::Connect, why };
    let late = || broken(format!("{host}:{} did not answer within {limit:?}", settings.port));
    let unreachable =
        |error: io::Error| broken(format!("{host}:{} cannot be reached ({error})", settings.port));
    let found = timeout(limit, lookup_host((host, settings.port))).await.map_err(|_| late())?;
    let addresses: Vec<_> = found.map_err(unreachable)?.collect();
    let mut why = broken(format!("{host} has no address"));
    // Each address gets its share, so that a dead one in front does not keep us from the others.
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                return Line::new(stream).map_err(|error| broken(format!("the line broke ({error})")));
            }
            Ok(Err(error)) => why = unreachable(error),
            Err(_) => why = late(),
        }
    }
    Err(why)
}

async fn protect(line: Line, way: &Way) -> Result<Line, Ending> {
    let broken = |why: String| Ending::Broken { stage: Stage::Tls, why };
    let Some((connector, name)) = &way.tls else { return Ok(line) };
    let limit = way.settings.timeouts.connect;
    match timeout(limit, line.protect(|stream| connector.connect(name.clone(), stream))).await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(broken(why_no_tls(error, &way.settings.host))),
        Err(_) => Err(broken(format!("the TLS handshake did not end within {limit:?}"))),
    }
}

fn why_no_tls(error: io::Error, host: &str) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            format!("the certificate of {host} is not to be trusted: {}", why_untrusted(why))
        }
        Some(rustls::Error::InvalidMessage(_)) => "the relay does not speak TLS on this port".into(),
        Some(other) => format!("the TLS handshake failed ({other})"),
        None => Cut::from(error).to_string(),
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

/// EHLO, and HELO where that is too new (RFC 5321 §4.1.1.1).
async fn say_hello(line: &mut Line, settings: &SmtpSettings) -> Result<Offers, Ending> {
    let limit = settings.timeouts.command;
    let broken = |cut: Cut| Ending::Broken { stage: Stage::Hello, why: cut.to_string() };
    let name = settings.hello_name.clone().unwrap_or_else(|| match line.local().ip() {
        IpAddr::V4(ip) => format!("[{ip}]"),
        IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    });
    line.send(format!("EHLO {name}\r\n").as_bytes(), limit).await.map_err(broken)?;
    let code = line.reply(limit).await.map_err(broken)?;
    if code / 100 == 2 {
        return Ok(Offers::read(&line.said_lines()));
    }
    if matches!(code, 500 | 502 | 504) {
        line.send(format!("HELO {name}\r\n").as_bytes(), limit).await.map_err(broken)?;
        if line.reply(limit).await.map_err(broken)? / 100 == 2 {
            return Ok(Offers::default());
        }
    }
    Err(Ending::Rejected { stage: Stage::Hello, reply: line.said() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read_as_servers_write_them() {
        let offers = Offers::read(
            "mail.example at your service\nSIZE 35882577\n8bitmime\nAUTH LOGIN PLAIN\nAUTH=XOAUTH2\nSTARTTLS\nPIPELINING\nSMTPUTF8\nX",
        );
        let auth = ["LOGIN", "PLAIN", "XOAUTH2"].map(str::to_owned).to_vec();
        let size = Some(Some(35_882_577));
        let all =
            Offers { pipelining: true, eight_bit_mime: true, smtputf8: true, size, starttls: true, auth };
        assert_eq!(offers, all);
        assert_eq!(Offers::read("PIPELINING is only my name\nSIZE\nSIZE 0").size, Some(None));
        assert_eq!(Offers::read("PIPELINING\n"), Offers::default());
    }
}
