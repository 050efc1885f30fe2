//! The way out: a relay over SMTP, the built-in rehearsal relay, or a folder of `.eml` files.
//!
//! Knows nothing of the ledger. What must be durable before the final dot leaves is a future that the caller
//! hands in; the transport awaits it at the right moment.

use std::path::PathBuf;
use std::time::Duration;

/// Where letters go, settled: everything is checked and has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {
    /// The built-in relay, on a loopback port of its own choice; nothing leaves the machine.
    Rehearsal {
        /// How many connections at once.
        connections: u32,
    },
    /// A real relay.
    Smtp(SmtpSettings),
    /// One `.eml` file for each letter.
    Folder {
        /// The folder; made where it is missing.
        path: PathBuf,
    },
}

/// How to reach a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpSettings {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the line is protected.
    pub security: Security,
    /// How we say who we are, where the relay wants to know.
    pub login: Option<Login>,
    /// Certificates (PEM) trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// How many connections at once, at least 1.
    pub connections: u32,
    /// Letters over one connection before it is closed and made anew.
    pub letters_per_connection: u32,
    /// What we say in EHLO; `None` is the address literal of our end (RFC 5321 §4.1.3).
    pub hello_name: Option<String>,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}

/// How the line is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 §3.3), usually port 465.
    Tls,
    /// STARTTLS (RFC 3207), required; usually port 587.
    StartTls,
    /// None: only to loopback, or where the user insists.
    None,
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// Where the secret comes from.
    pub secret: Secret,
}

/// Where a secret comes from; read when it is needed and kept no longer. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// A password, read from the environment by `config`.
    Password(String),
    /// A command line for the shell; its first line of output is the password.
    PasswordCommand(String),
    /// A file of mode 0600; its first line is the password.
    PasswordFile(PathBuf),
    /// A command line for the shell; its first line of output is an OAuth2 access token (XOAUTH2, RFC 7628).
    TokenCommand(String),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Secret::Password(_) => f.write_str("Password(…)"),
            Secret::PasswordCommand(command) => f.debug_tuple("PasswordCommand").field(command).finish(),
            Secret::PasswordFile(path) => f.debug_tuple("PasswordFile").field(path).finish(),
            Secret::TokenCommand(command) => f.debug_tuple("TokenCommand").field(command).finish(),
        }
    }
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
