//! The way in, made ready once for all connections: name and certificates checked, the secret fetched when needed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::secret::{self, Hidden};
use super::stream::Stream;
use super::tls::{NoTls, trust};
use super::{AccountError, Login, Secret, Security, Server};

/// How long a command for a secret may take.
const LONGEST_ASKING: Duration = Duration::from_secs(120);

/// How to get to a server and in.
pub(crate) struct Access {
    pub(crate) server: Server,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Commands for secrets run one at a time: they may ask a person.
    asking: tokio::sync::Mutex<()>,
}

impl Access {
    /// Checks the settings and reads the certificates; connects to nobody.
    pub(crate) fn ready(server: Server) -> Result<Self, AccountError> {
        let tls = match server.security {
            Security::None => None,
            Security::Tls | Security::StartTls => Some((
                TlsConnector::from(Arc::new(trust(server.ca_file.as_deref())?)),
                ServerName::try_from(bare_host(&server.host).to_owned())
                    .map_err(|_| AccountError::Host(server.host.clone()))?,
            )),
        };
        if let Some(Login { secret: Secret::PasswordFile(path), .. }) = &server.login {
            secret::read_file(path).map_err(AccountError::Secret)?;
        }
        if server.login.as_ref().is_some_and(|login| login.username.chars().any(char::is_control)) {
            return Err(AccountError::Secret("the user name has control characters".into()));
        }
        Ok(Self { server, tls, asking: tokio::sync::Mutex::default() })
    }

    /// Fetches the secret of `login`, every time anew.
    ///
    /// # Errors
    /// A clause for people that begins with "cannot log in".
    pub(crate) async fn secret(&self, login: &Login, limit: Duration) -> Result<Hidden, String> {
        let _alone = self.asking.lock().await;
        secret::fetch(&login.secret, limit.min(LONGEST_ASKING)).await
    }

    /// Asks for the secret once more where the server refused it: a token may have run out since it was fetched. A password
    /// has not, and trying it again gets accounts locked. `None` where there is no other secret to try.
    ///
    /// # Errors
    /// As [`Access::secret`].
    pub(crate) async fn fresher(
        &self,
        login: &Login,
        refused: &Hidden,
        limit: Duration,
    ) -> Result<Option<Hidden>, String> {
        match login.secret {
            Secret::TokenCommand(_) => Ok(Some(self.secret(login, limit).await?).filter(|it| it != refused)),
            Secret::Password(_) | Secret::PasswordCommand(_) | Secret::PasswordFile(_) => Ok(None),
        }
    }

    /// Connects over TCP.
    ///
    /// # Errors
    /// A clause for people that names host and port.
    pub(crate) async fn connect(&self, limit: Duration) -> Result<Stream, String> {
        let (host, port) = (bare_host(&self.server.host), self.server.port);
        let late = || format!("{host}:{port} did not answer within {limit:?}");
        let unreachable = |error: io::Error| format!("{host}:{port} cannot be reached ({error})");
        let found = timeout(limit, lookup_host((host, port))).await.map_err(|_| late())?;
        let addresses: Vec<_> = found.map_err(unreachable)?.collect();
        let mut why = format!("{host} has no address");
        // Each address gets its share, so that a dead one in front does not keep us from the others.
        let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it a short command waits 40 ms for the other end's delayed ACK.
                    stream.set_nodelay(true).map_err(|error| format!("the line broke ({error})"))?;
                    return Ok(Stream::Plain(stream));
                }
                Ok(Err(error)) => why = unreachable(error),
                Err(_) => why = late(),
            }
        }
        Err(why)
    }

    /// Puts TLS on the line; what is protected already, or is not to be, stays as it is.
    ///
    /// # Errors
    /// [`NoTls`] with a clause for people.
    pub(crate) async fn protect(&self, stream: Stream, limit: Duration) -> Result<Stream, NoTls> {
        let (connector, name, tcp) = match (&self.tls, stream) {
            (Some((connector, name)), Stream::Plain(tcp)) => (connector, name, tcp),
            (_, stream) => return Ok(stream),
        };
        match timeout(limit, connector.connect(name.clone(), tcp)).await {
            Ok(Ok(tls)) => Ok(Stream::Tls(Box::new(tls))),
            Ok(Err(error)) => Err(NoTls::of(&error, &self.server.host)),
            Err(_) => {
                Err(NoTls { why: format!("the TLS handshake did not end within {limit:?}"), may_pass: true })
            }
        }
    }

    /// Says whether a secret may be said on a line: it is protected, or does not leave this machine.
    ///
    /// # Errors
    /// A clause for people that begins with "cannot log in".
    pub(crate) fn may_log_in(stream: &Stream) -> Result<(), String> {
        let is_here = || stream.tcp().peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        if stream.is_protected() || is_here() {
            return Ok(());
        }
        Err(format!("{}: the line is not protected", secret::CANNOT))
    }
}

/// An IPv6 address may be written in brackets.
pub(crate) fn bare_host(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
