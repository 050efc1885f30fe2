//! The built-in relay: a real SMTP server on a loopback port, in this process.
//!
//! A rehearsal sends to it, and so do the tests. It forwards nothing. What it does with a letter is decided by
//! a [`Script`]: it takes everything, or behaves as the address spells it (`later@`, `nobody@`,
//! `vanish-after-dot@`; see [`Behaviour::spelled`]).

mod behaviour;
mod conversation;

pub use behaviour::{AfterDot, Behaviour, Rule, Script, Witness};

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::rustls::ServerConfig;

use crate::clock::Clock;

/// How the relay behaves. The default offers everything, knows no login and takes every letter.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// What becomes of each letter.
    pub script: Script,
    /// Where letters are kept, one `.eml` file each with its envelope in `Return-Path` and `Delivered-To`.
    pub keep: Option<PathBuf>,
    /// Whether [`Relay::accepted`] remembers letters with their bytes, and [`Relay::commands`] what was said.
    pub record: bool,
    /// How TLS is spoken.
    pub tls: RelayTls,
    /// Who may log in; with it nobody can send without.
    pub login: Option<RelayLogin>,
    /// Offers PIPELINING; without it a client that pipelines is cut off.
    pub pipelining: bool,
    /// Offers 8BITMIME.
    pub eight_bit_mime: bool,
    /// Offers SMTPUTF8.
    pub smtputf8: bool,
    /// Offers DSN; without it a letter that asks for reports is refused.
    pub dsn: bool,
    /// Knows EHLO; without it only HELO.
    pub ehlo: bool,
    /// The size it announces and holds to.
    pub size: u64,
    /// Letters over one connection before it says 421.
    pub letters_per_connection: Option<u32>,
    /// Connections at once; one more is told 421.
    pub connections: usize,
    /// Says this in place of its greeting and closes; an empty text says nothing and waits.
    pub greeting: Option<String>,
    /// Puts this in clear text behind the 220 to STARTTLS, as an attacker on the line would.
    pub injection: Option<String>,
    /// Keeps the state of MAIL after a refused recipient, as Postfix does: the next MAIL gets a 503.
    pub nested_mail: bool,
    /// How long `slow@` lets wait.
    pub slowness: Duration,
    /// Says 421 and closes when nothing was said for this long.
    pub idle_limit: Option<Duration>,
    /// By which time it waits.
    pub clock: Clock,
    /// Who is shown every letter that it takes, if anybody.
    pub witness: Option<Witness>,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            script: Script::AcceptAll,
            keep: None,
            record: false,
            tls: RelayTls::None,
            login: None,
            pipelining: true,
            eight_bit_mime: true,
            smtputf8: true,
            dsn: true,
            ehlo: true,
            size: 50 * 1024 * 1024,
            letters_per_connection: None,
            connections: 256,
            greeting: None,
            injection: None,
            nested_mail: false,
            slowness: Duration::from_millis(50),
            idle_limit: None,
            clock: Clock::system(),
            witness: None,
        }
    }
}

/// How the relay speaks TLS.
#[derive(Clone, Debug)]
pub enum RelayTls {
    /// Not at all.
    None,
    /// From the first byte.
    Implicit(Arc<ServerConfig>),
    /// After STARTTLS.
    StartTls(Arc<ServerConfig>),
}

/// Whom the relay lets in.
#[derive(Clone, Debug)]
pub struct RelayLogin {
    /// The mechanisms it offers: `PLAIN`, `LOGIN`, `XOAUTH2`, `OAUTHBEARER`.
    pub mechanisms: Vec<String>,
    /// The user.
    pub username: String,
    /// The password or the token.
    pub secret: String,
    /// What it says to a wrong secret; `535 5.7.8 …` unless told otherwise.
    pub refusal: String,
    /// Says so to every login after this many, as Gmail does.
    pub at_most: Option<u32>,
}

impl RelayLogin {
    /// Lets in `username` with `secret` by these mechanisms.
    pub fn of(mechanisms: &[&str], username: &str, secret: &str) -> Self {
        Self {
            mechanisms: mechanisms.iter().map(|&name| name.to_owned()).collect(),
            username: username.to_owned(),
            secret: secret.to_owned(),
            refusal: "535 5.7.8 Error: authentication failed".to_owned(),
            at_most: None,
        }
    }
}

/// A letter that the relay took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The reverse path, without brackets; empty for the null path.
    pub reverse_path: String,
    /// The first forward path, without brackets.
    pub forward_path: String,
    /// The further ones.
    pub also: Vec<String>,
    /// The envelope id (`ENVID`, RFC 3461 §4.4), where one was given.
    pub envelope_id: Option<String>,
    /// The message as it came, without the stuffing; empty unless [`RelaySettings::record`].
    pub message: Vec<u8>,
}

/// What the relay has seen.
#[derive(Default)]
struct Seen {
    accepted: Vec<Accepted>,
    commands: Vec<String>,
    taken: u64,
    connections: u64,
    logins: u64,
    times: HashMap<String, u32>,
}

struct Shared {
    settings: RelaySettings,
    seen: Mutex<Seen>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The relay; it stops when it is dropped, and its connections with it.
pub struct Relay {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Relay {
    /// Starts a relay on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port, or the folder for letters cannot be made.
    pub async fn start(settings: RelaySettings) -> io::Result<Relay> {
        if let Some(folder) = &settings.keep {
            super::folder::make(folder)?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared { settings, seen: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, accepting })
    }

    /// Returns where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the letters it took, in order; remembered only with [`RelaySettings::record`].
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.seen().accepted.clone()
    }

    /// Returns how many letters it took.
    pub fn taken(&self) -> u64 {
        self.shared.seen().taken
    }

    /// Returns the commands it heard, in order, without the secrets of AUTH; with [`RelaySettings::record`].
    pub fn commands(&self) -> Vec<String> {
        self.shared.seen().commands.clone()
    }

    /// Returns how many connections were made to it.
    pub fn connections(&self) -> u64 {
        self.shared.seen().connections
    }

    /// Returns how many times somebody tried to log in.
    pub fn logins(&self) -> u64 {
        self.shared.seen().logins
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            arrived = listener.accept() => {
                // An error here is about one guest, or passes (too many open files); the others stay.
                let Ok((stream, _)) = arrived else { tokio::task::yield_now().await; continue };
                shared.seen().connections += 1;
                let is_full = guests.len() >= shared.settings.connections;
                let shared = Arc::clone(&shared);
                guests.spawn(async move {
                    // A guest that vanishes is a guest less.
                    let _ = conversation::serve(stream, &shared, is_full).await;
                });
            }
            Some(_) = guests.join_next(), if !guests.is_empty() => {}
        }
    }
}
