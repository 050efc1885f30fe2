//! How to get into a mail account, on the way out and on the way back: where its server is, how the line to it is
//! protected, and how we say who we are.
//!
//! What is said once we are in belongs to `transport` and to `inbox`. No error here shows a secret, nor what a command
//! printed.

mod access;
mod sasl;
mod secret;
mod stream;
mod tls;

use std::path::PathBuf;

pub(crate) use access::{Access, bare_host};
pub(crate) use sasl::Mechanism;
pub(crate) use secret::{Hidden, read as read_secret};
pub(crate) use stream::{Stream, says_closed};

/// A server, and how to get in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the line is protected.
    pub security: Security,
    /// How we say who we are, where the server wants to know.
    pub login: Option<Login>,
    /// Certificates (PEM) trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
}

impl Server {
    /// Describes it for people: `mail.example.org:587 (STARTTLS) as ada`.
    pub fn describe(&self) -> String {
        let line = match self.security {
            Security::Tls => "TLS",
            Security::StartTls => "STARTTLS",
            Security::None => "no encryption",
        };
        match &self.login {
            Some(login) => format!("{}:{} ({line}) as {}", self.host, self.port, login.username),
            None => format!("{}:{} ({line})", self.host, self.port),
        }
    }

    /// Returns a name for the account: `smtp://ada@mail.example.org:587`; nothing secret is in it.
    pub fn account(&self, scheme: &str) -> String {
        match &self.login {
            Some(login) => format!("{scheme}://{}@{}:{}", login.username, self.host, self.port),
            None => format!("{scheme}://{}:{}", self.host, self.port),
        }
    }
}

/// How the line is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 §3): usually port 465 for SMTP and 993 for IMAP.
    Tls,
    /// STARTTLS (RFC 3207; RFC 3501 §6.2.1), required: usually port 587 for SMTP and 143 for IMAP.
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

/// Why nobody can get in with these settings, however often it is tried.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The host is neither a name nor an IP address.
    #[error("`{0}` is neither a host name nor an IP address")]
    Host(String),
    /// The file of additional certificates is of no use.
    #[error("the certificates in {path} cannot be used: {why}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No secret to log in with.
    #[error("{0}")]
    Secret(String),
    /// No certificate authority to trust, or the like.
    #[error("TLS cannot be used: {0}")]
    Tls(String),
}
