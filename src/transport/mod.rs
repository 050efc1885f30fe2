//! The way out: a relay over SMTP, the built-in rehearsal relay, or a folder of `.eml` files.
//!
//! Knows nothing of the ledger. What must be durable before the final dot leaves is a future that the caller
//! hands in; the transport awaits it at the right moment.

mod dot_stuffing;
mod folder;
mod line;
pub mod rehearsal;
mod session;
mod smtp;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::account::{AccountError, Security, Server};
use crate::delivery::attempt::Ending;
use crate::mail::envelope::Envelope;
use rehearsal::{Relay, RelaySettings};
use session::{Session, Way};
use smtp::{Letter, Outcome};

/// Where letters go, settled: everything is checked and has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each run")]
pub enum Settings {
    /// The built-in relay, on a loopback port of its own choice; nothing leaves the machine.
    Rehearsal {
        /// How many connections at once.
        connections: u32,
        /// Where it keeps the letters it takes, one `.eml` file each; `None` forgets them.
        keep: Option<PathBuf>,
    },
    /// A real relay.
    Smtp(SmtpSettings),
    /// One `.eml` file for each letter.
    Folder {
        /// The folder; made where it is missing.
        path: PathBuf,
    },
}

impl Settings {
    /// Returns the name under which limits are counted: `smtp://ada@mail.example.org:587`, `rehearsal`, `folder:PATH`.
    pub fn account(&self) -> String {
        match self {
            Settings::Rehearsal { .. } => "rehearsal".to_owned(),
            Settings::Folder { path } => format!("folder:{}", path.display()),
            Settings::Smtp(smtp) => smtp.server.account("smtp"),
        }
    }
}

/// How to reach a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpSettings {
    /// The relay, and how to get in.
    pub server: Server,
    /// How many connections at once, at least 1.
    pub connections: u32,
    /// Letters over one connection before it is closed and made anew.
    pub letters_per_connection: u32,
    /// What we say in EHLO; `None` is the address literal of our end (RFC 5321 §4.1.3).
    pub hello_name: Option<String>,
    /// Whether a relay that offers it is asked for reports that name the letter (RFC 3461).
    pub delivery_reports: bool,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}

/// How long each phase of the conversation may take; the defaults are those of RFC 5321 §4.5.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS: 30 s.
    pub connect: Duration,
    /// The greeting: 5 min.
    pub greeting: Duration,
    /// EHLO, AUTH, MAIL, RCPT, RSET and QUIT: 5 min.
    pub command: Duration,
    /// DATA until its 354: 2 min.
    pub data: Duration,
    /// Each block of the message: 3 min.
    pub block: Duration,
    /// The reply to the final dot: 10 min.
    pub end_of_data: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_secs(300),
            command: Duration::from_secs(300),
            data: Duration::from_secs(120),
            block: Duration::from_secs(180),
            end_of_data: Duration::from_secs(600),
        }
    }
}

/// Why a transport cannot be had: the settings do not work.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nobody can get in with these settings.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The name for EHLO has blanks or characters beyond ASCII.
    #[error("the name for EHLO (`hello-name`) must be a host name in plain letters")]
    HelloName,
    /// The folder for letters cannot be made.
    #[error("the folder {path} cannot be made: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// No loopback port, or the folder of the rehearsal cannot be made.
    #[error("the rehearsal relay cannot be started: {0}")]
    Rehearsal(std::io::Error),
}

/// A way out, ready for use. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Transport(Arc<Inner>);

struct Inner {
    kind: Kind,
    account: String,
    description: String,
    connections: u32,
    stored: Option<PathBuf>,
    /// A session that [`Transport::reach`] opened, for the first lane that connects.
    opened: Mutex<Option<Session>>,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each run")]
enum Kind {
    Smtp {
        way: Way,
        /// The rehearsal relay lives as long as the transport to it.
        _rehearsal: Option<Relay>,
    },
    Folder(PathBuf),
}

impl Transport {
    /// Makes a transport of its settings: reads certificates, makes folders, starts the rehearsal relay.
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// [`TransportError`] where the settings cannot work.
    pub async fn open(settings: Settings) -> Result<Transport, TransportError> {
        let account = settings.account();
        let inner = match settings {
            Settings::Smtp(settings) => Inner {
                account,
                description: settings.server.describe(),
                connections: settings.connections.max(1),
                stored: None,
                opened: Mutex::default(),
                kind: Kind::Smtp { way: Way::ready(settings)?, _rehearsal: None },
            },
            Settings::Rehearsal { connections, keep } => {
                let settings = RelaySettings { keep, ..RelaySettings::default() };
                return Self::rehearsal(settings, connections, u32::MAX).await;
            }
            Settings::Folder { path } => {
                folder::make(&path).map_err(|error| TransportError::Folder { path: path.clone(), error })?;
                Inner {
                    account,
                    description: format!("the folder {}; nothing is sent", path.display()),
                    connections: 1,
                    stored: Some(path.clone()),
                    opened: Mutex::default(),
                    kind: Kind::Folder(path),
                }
            }
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Starts a rehearsal relay and makes a transport to it, with so many connections at once and letters over each. The relay
    /// lives as long as the transport.
    ///
    /// # Errors
    /// No loopback port, or the folder for letters cannot be made.
    pub async fn rehearsal(
        relay: RelaySettings,
        connections: u32,
        letters_per_connection: u32,
    ) -> Result<Transport, TransportError> {
        let stored = relay.keep.clone();
        let relay = Relay::start(relay).await.map_err(TransportError::Rehearsal)?;
        let settings = SmtpSettings {
            server: Server {
                host: relay.addr().ip().to_string(),
                port: relay.addr().port(),
                security: Security::None,
                login: None,
                ca_file: None,
            },
            connections,
            letters_per_connection,
            hello_name: None,
            delivery_reports: true,
            timeouts: Timeouts::default(),
        };
        Ok(Self(Arc::new(Inner {
            account: "rehearsal".to_owned(),
            description: "the rehearsal relay; nothing leaves this machine".into(),
            connections: connections.max(1),
            stored,
            opened: Mutex::default(),
            kind: Kind::Smtp { way: Way::ready(settings)?, _rehearsal: Some(relay) },
        })))
    }

    /// Returns the name under which limits are counted: `smtp://ada@mail.example.org:587`, `rehearsal`,
    /// `folder:PATH`.
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// Returns the relay's host name; nothing for a folder.
    pub fn host(&self) -> &str {
        match &self.0.kind {
            Kind::Smtp { way, .. } => &way.settings.server.host,
            Kind::Folder(_) => "",
        }
    }

    /// Returns how many lanes may run at once, at least 1.
    pub fn connections(&self) -> u32 {
        self.0.connections
    }

    /// Describes it for people: `mail.example.org:587 (STARTTLS) as ada`.
    pub fn describe(&self) -> String {
        self.0.description.clone()
    }

    /// Returns where letters can be read afterwards, for a rehearsal that keeps them and for a folder.
    pub fn stored(&self) -> Option<PathBuf> {
        self.0.stored.clone()
    }

    /// Connects and logs in, so that a relay that cannot be reached is known before any letter is touched. The
    /// session is kept for the first lane, so that this costs no login of its own.
    ///
    /// # Errors
    /// The ending that an attempt would have had; it concerns the session and no letter.
    pub async fn reach(&self) -> Result<(), Ending> {
        if let Kind::Smtp { way, .. } = &self.0.kind {
            let session = Session::open(way).await?;
            *self.0.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        }
        Ok(())
    }

    /// Makes a lane; it connects with its first letter, unless a session is open for it.
    pub fn lane(&self) -> Lane {
        let session = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        Lane { transport: self.clone(), session, wire: Vec::new() }
    }
}

/// One lane has at most one connection at a time; lanes run side by side.
pub struct Lane {
    transport: Transport,
    session: Option<Session>,
    /// The stuffed letter; kept for its room.
    wire: Vec<u8>,
}

impl Lane {
    /// Makes one attempt: connects and logs in where there is no session, then runs one transaction.
    ///
    /// A kept session that turns out to be dead before the relay took anything in is replaced, once, and
    /// nobody need know. `message` is an RFC 5322 message in CRLF lines. `before_dot` is awaited after the
    /// relay said 354 and before the final dot can leave, at most once; if it gives `Err(why)` the connection
    /// is dropped without the dot, and the ending is [`Ending::Broken`] at [`Stage::Body`].
    ///
    /// May be dropped at any time: a connection in the middle of a letter is not used again.
    ///
    /// [`Stage::Body`]: crate::delivery::attempt::Stage::Body
    pub async fn attempt<F>(&mut self, envelope: &Envelope, message: &[u8], before_dot: F) -> Ending
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        let way = match &self.transport.0.kind {
            Kind::Folder(path) => return folder::attempt(path, message, before_dot).await,
            Kind::Smtp { way, .. } => way,
        };
        let mut before_dot = pin!(before_dot);
        // Dead unless proven alive: it comes back only after a clean end.
        let mut kept = self.session.take();
        if let Some(used_up) = kept.take_if(|kept| kept.letters >= way.settings.letters_per_connection) {
            used_up.quit(FAREWELL).await;
        }
        let size = dot_stuffing::stuff(message, &mut self.wire);
        let letter = Letter {
            wire: &self.wire,
            size,
            is_eight_bit: !message.is_ascii(),
            envelope_id: envelope.envelope_id.as_deref().filter(|_| way.settings.delivery_reports),
        };
        loop {
            let mut session = match kept.take() {
                Some(session) => session,
                None => match Session::open(way).await {
                    Ok(session) => session,
                    Err(ending) => return ending,
                },
            };
            let outcome =
                session.transact(envelope, &letter, before_dot.as_mut(), &way.settings.timeouts).await;
            if let Outcome::Ended(ending) = outcome {
                if session.is_alive {
                    self.session = Some(session);
                }
                return ending;
            }
        }
    }

    /// Connects and logs in, so that a relay that cannot be reached is known before any letter is touched.
    ///
    /// # Errors
    /// The ending that an attempt would have had; it concerns the session and no letter.
    pub async fn connect(&mut self) -> Result<(), Ending> {
        if let Kind::Smtp { way, .. } = &self.transport.0.kind
            && self.session.is_none()
        {
            self.session = Some(Session::open(way).await?);
        }
        Ok(())
    }

    /// Ends the session politely; errors do not matter.
    pub async fn close(self) {
        if let Some(session) = self.session {
            session.quit(FAREWELL).await;
        }
    }
}

/// How long we wait for an answer to QUIT.
const FAREWELL: Duration = Duration::from_secs(5);
