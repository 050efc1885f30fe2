//! The rehearsal relay's side of one connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::behaviour::{AfterDot, Behaviour};
use super::{Accepted, RelayTls, Shared};
use crate::delivery::attempt::Stage;

/// The longest line of a command, generous beside the 512 octets of RFC 5321 §4.5.3.1.4, for AUTH.
const LONGEST_LINE: usize = 16 * 1024;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<W: AsyncRead + AsyncWrite + Unpin + Send> Wire for W {}

/// Talks to one guest until it leaves.
pub(super) async fn serve(stream: TcpStream, shared: &Shared, is_full: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let settings = &shared.settings;
    let (wire, upgrade): (Box<dyn Wire>, Option<Arc<ServerConfig>>) = match &settings.tls {
        RelayTls::None => (Box::new(stream), None),
        RelayTls::Implicit(config) => {
            (Box::new(TlsAcceptor::from(Arc::clone(config)).accept(stream).await?), None)
        }
        RelayTls::StartTls(config) => {
            // The plain part of the conversation happens on the TCP stream itself, so that it can be handed over.
            let mut plain = Conversation::new(stream, shared);
            plain.offers_starttls = true;
            if !plain.greet(is_full).await? || !plain.talk().await? {
                return Ok(());
            }
            (Box::new(plain.wire), Some(Arc::clone(config)))
        }
    };
    let is_greeted = upgrade.is_some();
    let wire: Box<dyn Wire> = match upgrade {
        Some(config) => Box::new(TlsAcceptor::from(config).accept(wire).await?),
        None => wire,
    };
    let mut conversation = Conversation::new(wire, shared);
    if is_greeted || conversation.greet(is_full).await? {
        conversation.talk().await?;
    }
    Ok(())
}

struct Conversation<'a, W> {
    wire: W,
    shared: &'a Shared,
    incoming: Vec<u8>,
    used: usize,
    /// Replies that wait until everything that was said has been heard (RFC 2920 §3.2).
    outgoing: Vec<u8>,
    offers_starttls: bool,
    said_hello: bool,
    is_logged_in: bool,
    reverse_path: Option<String>,
    envelope_id: Option<String>,
    forward_paths: Vec<String>,
    at_end: Behaviour,
    letters: u32,
}

/// What follows a command.
#[derive(PartialEq, Eq)]
enum Next {
    Command,
    /// TLS begins.
    StartTls,
    /// The line is closed.
    Close,
}

impl<'a, W: Wire> Conversation<'a, W> {
    fn new(wire: W, shared: &'a Shared) -> Self {
        Self {
            wire,
            shared,
            incoming: Vec::with_capacity(8 * 1024),
            used: 0,
            outgoing: Vec::with_capacity(512),
            offers_starttls: false,
            said_hello: false,
            is_logged_in: false,
            reverse_path: None,
            envelope_id: None,
            forward_paths: Vec::new(),
            at_end: Behaviour::Accept,
            letters: 0,
        }
    }

    /// Greets; returns whether the guest may stay.
    async fn greet(&mut self, is_full: bool) -> io::Result<bool> {
        match &self.shared.settings.greeting {
            Some(silence) if silence.is_empty() => {
                // Says nothing until the guest gives up.
                while self.fill().await? {
                    self.used = self.incoming.len();
                }
                return Ok(false);
            }
            Some(instead) => self.say(&instead.clone()),
            None if is_full => self.say("421 4.3.2 Too many connections"),
            None => self.say("220 rehearsal.postduif.example ESMTP"),
        }
        self.flush().await?;
        Ok(!is_full && self.shared.settings.greeting.is_none())
    }

    /// Talks until the guest leaves or wants TLS; returns whether it wants TLS.
    async fn talk(&mut self) -> io::Result<bool> {
        loop {
            let Some(line) = self.line().await? else { return Ok(false) };
            if !self.shared.settings.pipelining && self.used < self.incoming.len() {
                self.say("503 5.5.0 Improper use of command pipelining");
                self.flush().await?;
                return Ok(false);
            }
            match self.hear(&line).await? {
                Next::Command => {}
                Next::StartTls => return Ok(true),
                Next::Close => {
                    self.flush().await?;
                    return Ok(false);
                }
            }
        }
    }

    async fn hear(&mut self, line: &str) -> io::Result<Next> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        if self.shared.settings.record {
            let heard = if verb == "AUTH" {
                line.split(' ').take(2).collect::<Vec<_>>().join(" ")
            } else {
                line.to_owned()
            };
            self.shared.seen().commands.push(heard);
        }
        match verb.as_str() {
            "EHLO" if self.shared.settings.ehlo => self.hello(),
            "HELO" => {
                self.said_hello = true;
                self.say("250 rehearsal.postduif.example");
            }
            "STARTTLS" if self.offers_starttls => {
                self.say("220 2.0.0 Ready to start TLS");
                if let Some(injection) = self.shared.settings.injection.clone() {
                    self.say(&injection);
                }
                self.flush().await?;
                return Ok(Next::StartTls);
            }
            "AUTH" if self.shared.settings.login.is_some() && !self.offers_starttls => {
                return self.auth(rest).await;
            }
            "MAIL" => return Ok(self.mail(rest)),
            "RCPT" => return Ok(self.rcpt(rest)),
            "DATA" => return self.data().await,
            "RSET" => {
                self.forget();
                self.say("250 2.0.0 Ok");
            }
            "NOOP" => self.say("250 2.0.0 Ok"),
            "QUIT" => {
                self.say("221 2.0.0 Bye");
                return Ok(Next::Close);
            }
            _ => self.say("502 5.5.2 Command not recognised"),
        }
        Ok(Next::Command)
    }

    fn hello(&mut self) {
        let settings = &self.shared.settings;
        let mut lines = vec!["rehearsal.postduif.example".to_owned(), "ENHANCEDSTATUSCODES".to_owned()];
        lines.push(format!("SIZE {}", settings.size));
        if self.offers_starttls {
            lines.push("STARTTLS".into());
        } else if let Some(login) = &settings.login {
            lines.push(format!("AUTH {}", login.mechanisms.join(" ")));
        }
        let extensions = [
            (settings.pipelining, "PIPELINING"),
            (settings.eight_bit_mime, "8BITMIME"),
            (settings.smtputf8, "SMTPUTF8"),
            (settings.dsn, "DSN"),
        ];
        lines.extend(extensions.into_iter().filter(|(offered, _)| *offered).map(|(_, name)| name.to_owned()));
        self.said_hello = true;
        self.forget();
        let last = lines.len() - 1;
        for (nth, line) in lines.iter().enumerate() {
            self.say(&format!("250{}{line}", if nth == last { ' ' } else { '-' }));
        }
    }

    async fn auth(&mut self, rest: &str) -> io::Result<Next> {
        let Some(login) = self.shared.settings.login.clone() else { return Ok(Next::Command) };
        let attempts = {
            let mut seen = self.shared.seen();
            seen.logins += 1;
            seen.logins
        };
        if login.at_most.is_some_and(|at_most| attempts > u64::from(at_most)) {
            self.say("454 4.7.0 Too many login attempts, please try again later");
            return Ok(Next::Close);
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let mechanism = mechanism.to_ascii_uppercase();
        if !login.mechanisms.contains(&mechanism) {
            self.say("504 5.5.4 Unrecognized authentication type");
            return Ok(Next::Command);
        }
        let (user, secret) = (&login.username, &login.secret);
        let port_free = |said: &str| {
            said.split('\x01')
                .filter(|part| !part.starts_with("host=") && !part.starts_with("port="))
                .collect::<Vec<_>>()
                .join("\x01")
        };
        let is_let_in = match mechanism.as_str() {
            "LOGIN" => {
                let mut said = Vec::new();
                for prompt in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                    self.say(prompt);
                    let Some(answer) = self.line().await? else { return Ok(Next::Close) };
                    said.push(decode(&answer));
                }
                said == [user.clone(), secret.clone()]
            }
            "PLAIN" => decode(initial) == format!("\0{user}\0{secret}"),
            "XOAUTH2" => decode(initial) == format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
            _ => port_free(&decode(initial)) == format!("n,a={user},\x01auth=Bearer {secret}\x01\x01"),
        };
        if is_let_in {
            self.is_logged_in = true;
            self.say("235 2.7.0 Authentication successful");
            return Ok(Next::Command);
        }
        if mechanism.contains("OAUTH") {
            let why = BASE64.encode(r#"{"status":"401","schemes":"bearer","scope":"https://mail.example/"}"#);
            self.say(&format!("334 {why}"));
            let Some(answer) = self.line().await? else { return Ok(Next::Close) };
            let wanted = if mechanism == "XOAUTH2" { "" } else { "AQ==" };
            if answer != wanted {
                self.say("501 5.5.2 That is not how a refused token is answered");
                return Ok(Next::Command);
            }
        }
        self.say(&login.refusal);
        Ok(if login.refusal.starts_with("421") { Next::Close } else { Next::Command })
    }

    fn mail(&mut self, rest: &str) -> Next {
        let settings = &self.shared.settings;
        let Some((path, parameters)) = path(rest, "FROM:") else {
            self.say("501 5.5.4 Syntax: MAIL FROM:<address>");
            return Next::Command;
        };
        let size = parameters
            .split(' ')
            .find_map(|p| p.strip_prefix("SIZE="))
            .and_then(|size| size.parse::<u64>().ok());
        let is_limited = settings.letters_per_connection.is_some_and(|limit| self.letters >= limit);
        if !self.said_hello {
            self.say("503 5.5.1 Say hello first");
        } else if settings.login.is_some() && !self.is_logged_in {
            self.say("530 5.7.0 Authentication required");
        } else if is_limited {
            self.say("421 4.7.0 Max message per connection reached, closing transmission channel");
            return Next::Close;
        } else if self.reverse_path.is_some() {
            self.say("503 5.5.1 Error: nested MAIL command");
        } else if size.is_some_and(|size| size > settings.size) {
            self.say("552 5.3.4 Message size exceeds fixed limit");
        } else if !path.is_ascii() && !parameters.split(' ').any(|p| p == "SMTPUTF8") {
            self.say("553 5.6.7 Address needs SMTPUTF8");
        } else if !settings.dsn && asks_for_reports(parameters) {
            self.say("555 5.5.4 Unsupported option");
        } else {
            match self.decide(path) {
                Behaviour::Refuse { at: Stage::MailFrom, reply } => return self.refuse(&reply),
                Behaviour::Vanish { at: Stage::MailFrom } => return self.vanish(),
                _ => {}
            }
            self.reverse_path = Some(path.to_owned());
            self.envelope_id =
                parameters.split(' ').find_map(|p| p.strip_prefix("ENVID=")).map(str::to_owned);
            self.say("250 2.1.0 Ok");
        }
        Next::Command
    }

    fn rcpt(&mut self, rest: &str) -> Next {
        let Some((path, parameters)) = path(rest, "TO:") else {
            self.say("501 5.5.4 Syntax: RCPT TO:<address>");
            return Next::Command;
        };
        if self.reverse_path.is_none() {
            self.say("503 5.5.1 Error: need MAIL command");
        } else if self.forward_paths.len() >= 100 {
            // RFC 5321 §4.5.3.1.8: so many every server takes.
            self.say("452 4.5.3 Too many recipients");
        } else if !self.shared.settings.dsn && asks_for_reports(parameters) {
            self.say("555 5.5.4 Unsupported option");
        } else {
            let behaviour = self.decide(path);
            match &behaviour {
                Behaviour::Refuse { at: Stage::RcptTo, reply } => {
                    if !self.shared.settings.nested_mail && self.forward_paths.is_empty() {
                        self.forget();
                    }
                    return self.refuse(reply);
                }
                Behaviour::Vanish { at: Stage::RcptTo } => return self.vanish(),
                _ => {}
            }
            if self.at_end == Behaviour::Accept {
                self.at_end = behaviour;
            }
            self.forward_paths.push(path.to_owned());
            self.say("250 2.1.5 Ok");
        }
        Next::Command
    }

    async fn data(&mut self) -> io::Result<Next> {
        if self.forward_paths.is_empty() {
            self.say("503 5.5.1 Error: need RCPT command");
            return Ok(Next::Command);
        }
        match self.at_end.clone() {
            Behaviour::Refuse { at: Stage::Data, reply } => {
                self.forget();
                return Ok(self.refuse(&reply));
            }
            Behaviour::Vanish { at: Stage::Data } => return Ok(self.vanish()),
            _ => {}
        }
        self.say("354 End data with <CR><LF>.<CR><LF>");
        self.flush().await?;
        if self.at_end == (Behaviour::Vanish { at: Stage::Body }) {
            self.fill().await?;
            return Ok(self.vanish());
        }
        let Some(message) = self.message().await? else { return Ok(Next::Close) };
        let Some(message) = message else {
            self.forget();
            self.say("552 5.3.4 Message size exceeds fixed limit");
            return Ok(Next::Command);
        };
        self.letters += 1;
        self.after_dot(message).await
    }

    async fn after_dot(&mut self, message: Vec<u8>) -> io::Result<Next> {
        let after = match std::mem::replace(&mut self.at_end, Behaviour::Accept) {
            Behaviour::Refuse { at: Stage::EndOfData, reply } => {
                self.forget();
                return Ok(self.refuse(&reply));
            }
            Behaviour::AfterDot(AfterDot::Vanish { keeps: false }) => return Ok(self.vanish()),
            Behaviour::AfterDot(after) => Some(after),
            _ => None,
        };
        let id = match self.take(message) {
            Ok(id) => id,
            Err(error) => {
                self.forget();
                self.say(&format!("452 4.3.1 The letter cannot be kept ({error})"));
                return Ok(Next::Command);
            }
        };
        let taken = format!("250 2.0.0 Ok: queued as R{id:08}");
        match after {
            None => self.say(&taken),
            Some(AfterDot::Vanish { .. }) => return Ok(self.vanish()),
            Some(AfterDot::Silent) => {
                while self.fill().await? {
                    self.used = self.incoming.len();
                }
                return Ok(Next::Close);
            }
            Some(AfterDot::Slow) => {
                self.shared.settings.clock.sleep(self.shared.settings.slowness).await;
                self.say(&taken);
            }
            Some(AfterDot::Say { bytes, closes }) => {
                self.outgoing.extend(bytes);
                return Ok(if closes { Next::Close } else { Next::Command });
            }
            Some(AfterDot::Close) => {
                self.say(&taken);
                self.flush().await?;
                self.say("421 4.4.2 Idle for too long");
                return Ok(Next::Close);
            }
        }
        Ok(Next::Command)
    }

    /// Takes responsibility for the letter; returns its number.
    fn take(&mut self, message: Vec<u8>) -> io::Result<u64> {
        let reverse_path = self.reverse_path.take().unwrap_or_default();
        let mut forward_paths = std::mem::take(&mut self.forward_paths).into_iter();
        let forward_path = forward_paths.next().unwrap_or_default();
        let also: Vec<String> = forward_paths.collect();
        let settings = &self.shared.settings;
        if let Some(folder) = &settings.keep {
            let path = folder.join(super::super::folder::file_name(&message));
            let mut envelope = format!("Return-Path: <{reverse_path}>\r\nDelivered-To: {forward_path}\r\n");
            also.iter().for_each(|path| envelope.push_str(&format!("Delivered-To: {path}\r\n")));
            super::super::folder::store(&path, &[envelope.as_bytes(), &message], false)?;
        }
        let envelope_id = self.envelope_id.take();
        let letter = Accepted { reverse_path, forward_path, also, envelope_id, message };
        if let Some(witness) = &settings.witness {
            witness.sees(&letter);
        }
        let mut seen = self.shared.seen();
        seen.taken += 1;
        if settings.record {
            seen.accepted.push(letter);
        }
        Ok(seen.taken)
    }

    fn decide(&self, path: &str) -> Behaviour {
        let settings = &self.shared.settings;
        if matches!(settings.script, super::Script::AcceptAll) {
            return Behaviour::Accept;
        }
        let times = {
            let mut seen = self.shared.seen();
            let times = seen.times.entry(path.to_owned()).or_default();
            *times += 1;
            *times - 1
        };
        settings.script.decide(path, times)
    }

    fn forget(&mut self) {
        self.reverse_path = None;
        self.envelope_id = None;
        self.forward_paths.clear();
        self.at_end = Behaviour::Accept;
    }

    fn refuse(&mut self, reply: &str) -> Next {
        reply.lines().for_each(|line| self.say(line));
        if reply.starts_with("421") { Next::Close } else { Next::Command }
    }

    /// Closes the line without another word; what was answered before in the same group still goes out.
    fn vanish(&mut self) -> Next {
        Next::Close
    }

    fn say(&mut self, line: &str) {
        self.outgoing.extend_from_slice(line.as_bytes());
        self.outgoing.extend_from_slice(b"\r\n");
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.outgoing.is_empty() {
            self.wire.write_all(&self.outgoing).await?;
            self.wire.flush().await?;
            self.outgoing.clear();
        }
        Ok(())
    }

    /// Reads more; returns whether there was more.
    async fn fill(&mut self) -> io::Result<bool> {
        if self.used == self.incoming.len() {
            self.incoming.clear();
            self.used = 0;
        } else if self.used > 64 * 1024 {
            self.incoming.drain(..self.used);
            self.used = 0;
        }
        self.incoming.reserve(16 * 1024);
        Ok(self.wire.read_buf(&mut self.incoming).await? > 0)
    }

    /// Hears one line, without its end; says first what waits to be said.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut looked = self.used;
        loop {
            if let Some(end) = memchr(b'\n', &self.incoming[looked..]).map(|found| looked + found) {
                let line = &self.incoming[self.used..end];
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                self.used = end + 1;
                return Ok(Some(line));
            }
            if self.incoming.len() - self.used > LONGEST_LINE {
                return Ok(None);
            }
            self.flush().await?;
            let pending = self.incoming.len() - self.used;
            let idle_limit: Option<Duration> = self.shared.settings.idle_limit;
            let more = match idle_limit {
                None => self.fill().await?,
                Some(limit) => match tokio::time::timeout(limit, self.fill()).await {
                    Ok(more) => more?,
                    Err(_) => {
                        self.say("421 4.4.2 Error: timeout exceeded");
                        self.flush().await?;
                        return Ok(None);
                    }
                },
            };
            if !more {
                return Ok(None);
            }
            looked = self.used + pending;
        }
    }

    /// Hears a message to its final dot. `None` says that the guest is gone; `Some(None)` that it was too big.
    ///
    /// A bare LF ends a line here, as it does with careless servers: whoever could smuggle a second letter
    /// past such a one is found out in rehearsal.
    async fn message(&mut self) -> io::Result<Option<Option<Vec<u8>>>> {
        let limit = usize::try_from(self.shared.settings.size).unwrap_or(usize::MAX);
        let mut message = Vec::new();
        let mut is_too_big = false;
        let mut looked = self.used;
        loop {
            while let Some(end) = memchr(b'\n', &self.incoming[looked..]).map(|found| looked + found + 1) {
                let line = &self.incoming[self.used..end];
                (self.used, looked) = (end, end);
                if matches!(line, b".\n" | b".\r\n") {
                    return Ok(Some((!is_too_big).then_some(message)));
                }
                let line = line.strip_prefix(b".").unwrap_or(line);
                is_too_big |= message.len() + line.len() > limit;
                if !is_too_big {
                    message.extend_from_slice(line);
                }
            }
            let pending = self.incoming.len() - self.used;
            if pending > limit || !self.fill().await? {
                return Ok(None);
            }
            looked = self.used + pending;
        }
    }
}

/// Reads `FROM:<path> parameters`.
fn path<'l>(rest: &'l str, keyword: &str) -> Option<(&'l str, &'l str)> {
    let (said, rest) = rest.split_at_checked(keyword.len())?;
    let rest = rest.trim_start().strip_prefix('<')?;
    let (path, parameters) = rest.split_at(rest.rfind('>')?);
    said.eq_ignore_ascii_case(keyword).then(|| (path, parameters.get(1..).unwrap_or_default().trim()))
}

/// Whether parameters are those of RFC 3461 §4.
fn asks_for_reports(parameters: &str) -> bool {
    let mut names = parameters.split(' ').filter_map(|parameter| parameter.split_once('='));
    names.any(|(name, _)| matches!(name, "RET" | "ENVID" | "NOTIFY" | "ORCPT"))
}

fn decode(text: &str) -> String {
    BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
