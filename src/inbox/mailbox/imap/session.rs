//! A session with an IMAP server: connect, TLS, log in; then one command at a time, each answered to its end.
//!
//! A command has succeeded only when its own tagged OK was read. A line that breaks, a farewell, a refusal and an answer that
//! is no IMAP are told apart from "there is nothing", because somebody may rely on that.

use std::time::Duration;

use tokio::time::Instant;

use super::command::{Command, Said};
use super::line::{Cut, Limits, Line, Room};
use super::response::{Condition, Fetched, Response, Unreadable, capabilities, code};
use crate::account::{Access, Hidden, Login, Mechanism, Secret, Security, bare_host};
use crate::inbox::mailbox::cursor::Opened;
use crate::inbox::mailbox::folder::Folder;
use crate::inbox::mailbox::{InboxError, Timeouts};

/// The room for everything but searches and messages.
const SMALL: Room = Room { text: 64 * 1024, literal: 8 * 1024 };
/// The room for what a search found: the numbers of some two million messages.
const SEARCH: Room = Room { text: 16 * 1024 * 1024, literal: 0 };

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    condition: Condition,
    /// What the server said, with the code in brackets.
    said: String,
}

impl Ended {
    /// Returns whether the server did what it was asked.
    pub(super) fn is_ok(&self) -> bool {
        self.condition == Condition::Ok
    }

    /// Makes an error of it that says what was refused.
    pub(super) fn refused(self, what: impl Into<String>) -> InboxError {
        InboxError::Refused { what: what.into(), said: shown(&self.said) }
    }

    /// Whether the server says of itself that it cannot at the moment (RFC 5530 §3).
    fn may_pass(&self) -> bool {
        code(&self.said).is_some_and(|(word, _)| {
            ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"]
                .iter()
                .any(|passing| word.eq_ignore_ascii_case(passing))
        })
    }
}

/// A session.
pub(super) struct Session {
    line: Line,
    /// Of the last command; tags rise.
    number: u64,
    capabilities: Vec<String>,
    timeouts: Timeouts,
    /// Whether the server knew us before we said anything (PREAUTH).
    was_known: bool,
    /// The folder that is open, as the server names it, and its UIDVALIDITY.
    selected: Option<(String, u32)>,
    /// Dead unless proven alive: true between commands only.
    pub(super) is_alive: bool,
}

impl Session {
    /// Connects, protects the line and logs in.
    ///
    /// # Errors
    /// [`InboxError::Login`] where the server does not let us in, [`InboxError::Away`] where that may pass.
    pub(super) async fn open(access: &Access, timeouts: Timeouts) -> Result<Self, InboxError> {
        let Some(login) = &access.server.login else {
            let session = Self::greet(access, timeouts).await?;
            let no_login =
                || InboxError::Login("the server wants a login, and there is none in the settings".into());
            return if session.was_known { Ok(session) } else { Err(no_login()) };
        };
        let secret = access.secret(login, timeouts.command).await.map_err(InboxError::Login)?;
        let mut session = Self::greet(access, timeouts).await?;
        let refused = match session.log_in(access, login, &secret).await {
            Err(InboxError::Login(refused)) => refused,
            Err(other) => return Err(other),
            Ok(()) => return Ok(session),
        };
        let fresh = access.fresher(login, &secret, timeouts.command).await.map_err(InboxError::Login)?;
        let Some(fresh) = fresh else { return Err(InboxError::Login(refused)) };
        session.close(Duration::from_secs(1)).await;
        let mut session = Self::greet(access, timeouts).await?;
        session.log_in(access, login, &fresh).await?;
        Ok(session)
    }

    /// Connects, protects the line and hears what the server can do.
    async fn greet(access: &Access, timeouts: Timeouts) -> Result<Self, InboxError> {
        let security = access.server.security;
        let stream = access.connect(timeouts.connect).await.map_err(InboxError::Away)?;
        let mut line = Line::new(stream);
        if security == Security::Tls {
            line = protect(line, access, timeouts).await?;
        }
        let mut session = Self {
            line,
            number: 0,
            capabilities: Vec::new(),
            timeouts,
            was_known: false,
            selected: None,
            is_alive: true,
        };
        session.hear_greeting().await?;
        if security != Security::StartTls {
            return Ok(session);
        }
        let unsafe_line = |why: &str| Err(InboxError::Tls(why.to_owned()));
        if session.was_known {
            // After it there is no STARTTLS; somebody on the line may have put it there (RFC 9051 §11.1).
            return unsafe_line(
                "the server takes us for known before the line is protected; we do not go on",
            );
        }
        if !session.can("STARTTLS") {
            return unsafe_line("the server does not offer STARTTLS");
        }
        let ended = session.run(Command::StartTls, SMALL, |_| ()).await?;
        if !ended.is_ok() {
            return unsafe_line(&format!("the server refused STARTTLS: {}", shown(&ended.said)));
        }
        if session.line.has_unread() {
            return unsafe_line(
                "the server, or somebody on the line, put plain text behind the answer to STARTTLS; we do not read it",
            );
        }
        session.line = protect(session.line, access, timeouts).await?;
        // What was offered in the clear may be anybody's word (RFC 3501 §6.2.1).
        session.ask_capabilities().await?;
        Ok(session)
    }

    async fn hear_greeting(&mut self) -> Result<(), InboxError> {
        let limits = Limits::begin(self.timeouts.command);
        let bytes = self.line.response(SMALL, &limits).await.map_err(away)?;
        let (condition, said) = match Response::read(bytes) {
            Ok(Response::Status { tag: None, condition, said }) => (condition, said),
            _ => return Err(no_imap(bytes)),
        };
        match condition {
            Condition::Ok => {}
            Condition::PreAuth => self.was_known = true,
            Condition::No | Condition::Bad | Condition::Bye => {
                return Err(InboxError::Away(format!("the server turned us away: {}", shown(&said))));
            }
        }
        match offered(&said) {
            Some(capabilities) => self.capabilities = capabilities,
            None => self.ask_capabilities().await?,
        }
        Ok(())
    }

    async fn ask_capabilities(&mut self) -> Result<(), InboxError> {
        let mut heard = Vec::new();
        let ended = self
            .run(Command::Capability, SMALL, |response| {
                if let Response::Capabilities(capabilities) = response {
                    heard.extend(capabilities);
                }
            })
            .await?;
        self.capabilities = heard;
        if ended.is_ok() { Ok(()) } else { Err(ended.refused("to say what it can do")) }
    }

    /// Returns whether the server can do something; `capability` is in capitals.
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|word| word == capability)
    }

    async fn log_in(&mut self, access: &Access, login: &Login, secret: &Hidden) -> Result<(), InboxError> {
        if self.was_known {
            return Ok(());
        }
        Access::may_log_in(self.line.stream()).map_err(InboxError::Login)?;
        let server = &access.server;
        let offers: Vec<String> = self
            .capabilities
            .iter()
            .filter_map(|word| word.strip_prefix("AUTH="))
            .map(str::to_owned)
            .collect();
        let ended = match Mechanism::choose(&offers, login) {
            Ok(mechanism) => {
                let dialogue = mechanism.dialogue(login, secret, bare_host(&server.host), server.port);
                let at_once = dialogue.initial.as_deref().filter(|_| self.can("SASL-IR"));
                let command = Command::Authenticate { mechanism: mechanism.name(), initial: at_once };
                let later = dialogue.initial.as_deref().filter(|_| at_once.is_none());
                let answers = dialogue.answers.iter().map(String::as_str);
                // `*` ends a dialogue that asks for more than there is to say.
                let answers = later.into_iter().chain(answers).chain(["*"]).map(Said::answer).collect();
                self.converse(command, answers, SMALL, |_| ()).await?
            }
            Err(why) if matches!(login.secret, Secret::TokenCommand(_)) => {
                return Err(InboxError::Login(why));
            }
            Err(_) if self.can("LOGINDISABLED") => {
                let why = "cannot log in: the server allows no login with a password on this line";
                return Err(InboxError::Login(why.into()));
            }
            Err(_) => {
                let command = Command::Login { username: &login.username, password: secret };
                self.run(command, SMALL, |_| ()).await?
            }
        };
        if ended.is_ok() {
            // Another set than before the login, mostly (RFC 3501 §6.2.2).
            match offered(&ended.said) {
                Some(capabilities) => self.capabilities = capabilities,
                None => self.ask_capabilities().await?,
            }
            return Ok(());
        }
        let said = shown(&ended.said);
        if ended.may_pass() {
            return Err(InboxError::Away(format!("the server lets nobody in at the moment: {said}")));
        }
        Err(InboxError::Login(format!("the server refused the login: {said}")))
    }

    /// Says a command and reads everything up to its own end; `hear` is given what comes before it.
    pub(super) async fn run(
        &mut self,
        command: Command<'_>,
        room: Room,
        hear: impl FnMut(Response<'_>),
    ) -> Result<Ended, InboxError> {
        self.converse(command, Vec::new(), room, hear).await
    }

    /// The same, with answers for each time that the server asks us to go on.
    async fn converse(
        &mut self,
        command: Command<'_>,
        answers: Vec<Said>,
        room: Room,
        mut hear: impl FnMut(Response<'_>),
    ) -> Result<Ended, InboxError> {
        let (tag, mut parts) = self.prepare(command)?;
        parts.extend(answers);
        let mut parts = parts.into_iter();
        self.is_alive = false;
        let limits = Limits::begin(self.timeouts.command);
        if let Some(first) = parts.next() {
            self.line.send(&first, &limits).await.map_err(away)?;
        }
        loop {
            let bytes = self.line.response(room, &limits).await.map_err(away)?;
            match step(bytes, &tag, matches!(command, Command::Logout))? {
                Step::Ended(ended) => {
                    self.is_alive = true;
                    return Ok(ended);
                }
                Step::Heard(response) => hear(response),
                Step::GoOn => {
                    let part = parts.next().ok_or_else(|| {
                        InboxError::Away("the server asked for more than there is to say".to_owned())
                    })?;
                    self.line.send(&part, &limits).await.map_err(away)?;
                }
            }
        }
    }

    fn prepare(&mut self, command: Command<'_>) -> Result<(String, Vec<Said>), InboxError> {
        self.number += 1;
        let tag = format!("p{}", self.number);
        let said = command.said(&tag).map_err(|_| InboxError::Refused {
            what: "to hear a name with letters beyond ASCII or with control characters".into(),
            said: "nothing was sent".into(),
        })?;
        Ok((tag, said))
    }

    /// Opens a folder, without changing anything in it.
    pub(super) async fn examine(&mut self, folder: &Folder) -> Result<Opened, InboxError> {
        self.selected = None;
        let (mut validity, mut next, mut exists) = (None, None, 0);
        let ended = self
            .run(Command::Examine(&folder.wire), SMALL, |response| match response {
                Response::Exists(count) => exists = count,
                Response::Status { said, .. } => match code(&said) {
                    Some(("UIDVALIDITY", value)) => validity = value.parse().ok(),
                    Some(("UIDNEXT", value)) => next = value.parse().ok(),
                    _ => {}
                },
                _ => {}
            })
            .await?;
        if !ended.is_ok() {
            return Err(ended.refused(format!("to open the folder `{}`", folder.name)));
        }
        let Some(validity) = validity else {
            return Err(InboxError::Refused {
                what: format!(
                    "to say how long the numbers of messages in `{}` hold (UIDVALIDITY)",
                    folder.name
                ),
                said: shown(&ended.said),
            });
        };
        self.selected = Some((folder.wire.clone(), validity));
        Ok(Opened { validity, next, exists })
    }

    /// Returns whether a folder is open, and the numbers of its messages hold.
    pub(super) fn has_open(&self, folder: &Folder, validity: u32) -> bool {
        self.selected.as_ref().is_some_and(|(wire, of)| *wire == folder.wire && *of == validity)
    }

    /// Lets the server tell what has happened.
    pub(super) async fn sync(&mut self) -> Result<(), InboxError> {
        let ended = self.run(Command::Noop, SMALL, |_| ()).await?;
        if ended.is_ok() { Ok(()) } else { Err(ended.refused("to say what has happened (NOOP)")) }
    }

    /// Searches in the open folder.
    pub(super) async fn search(&mut self, command: Command<'_>) -> Result<Vec<u32>, InboxError> {
        let mut found = Vec::new();
        let ended = self
            .run(command, SEARCH, |response| {
                if let Response::Found(uids) = response {
                    found.extend(uids);
                }
            })
            .await?;
        if ended.is_ok() { Ok(found) } else { Err(ended.refused("to search")) }
    }

    /// Fetches from the open folder; `hear` is given each message of which a section came.
    pub(super) async fn fetch(
        &mut self,
        command: Command<'_>,
        most: usize,
        mut hear: impl FnMut(Fetched<'_>),
    ) -> Result<Ended, InboxError> {
        let room = Room { text: SMALL.text, literal: most.max(SMALL.literal) };
        self.run(command, room, |response| {
            if let Response::Message(fetched) = response
                && fetched.section.is_some()
            {
                hear(fetched);
            }
        })
        .await
    }

    /// Names the folders.
    pub(super) async fn list(&mut self) -> Result<Vec<Folder>, InboxError> {
        let with_use = self.can("SPECIAL-USE") && self.can("LIST-EXTENDED");
        let mut found = Vec::new();
        let ended = self
            .run(Command::List { with_use }, SMALL, |response| {
                if let Response::Folder(Some(folder)) = response {
                    found.push(folder);
                }
            })
            .await?;
        if ended.is_ok() { Ok(found) } else { Err(ended.refused("to name its folders")) }
    }

    /// Waits until something is put into the open folder, at most until `end`; says whether something was (RFC 2177).
    pub(super) async fn idle(&mut self, end: Instant) -> Result<bool, InboxError> {
        let (tag, parts) = self.prepare(Command::Idle)?;
        self.is_alive = false;
        let mut limits = Limits::begin(self.timeouts.command);
        for part in &parts {
            self.line.send(part, &limits).await.map_err(away)?;
        }
        let (mut came, mut idles, mut done) = (false, false, false);
        loop {
            if idles && !done {
                done = came || Instant::now() >= end || !self.line.wait(end).await.map_err(away)?;
                // Only the wait for a response may take its time; what has begun is to go on.
                limits = Limits::begin(self.timeouts.command);
                if done {
                    self.line.send(&Said::done(), &limits).await.map_err(away)?;
                }
            }
            let bytes = self.line.response(SMALL, &limits).await.map_err(away)?;
            match step(bytes, &tag, false)? {
                Step::GoOn => idles = true,
                Step::Heard(Response::Exists(_)) => came = true,
                Step::Heard(_) => {}
                Step::Ended(ended) => {
                    self.is_alive = true;
                    return if ended.is_ok() {
                        Ok(came)
                    } else {
                        Err(ended.refused("to tell what comes in"))
                    };
                }
            }
        }
    }

    /// Says goodbye; what comes of it does not matter.
    pub(super) async fn close(mut self, limit: Duration) {
        if self.is_alive {
            self.timeouts.command = limit;
            let _ = self.run(Command::Logout, SMALL, |_| ()).await;
        }
    }
}

/// What a response means for the command that is under way.
enum Step<'a> {
    Heard(Response<'a>),
    GoOn,
    Ended(Ended),
}

fn step<'a>(bytes: &'a [u8], tag: &str, leaving: bool) -> Result<Step<'a>, InboxError> {
    match Response::read(bytes) {
        Ok(Response::Status { tag: Some(own), condition, said }) if own == tag => {
            Ok(Step::Ended(Ended { condition, said }))
        }
        Ok(Response::Status { tag: Some(_), .. }) => {
            Err(InboxError::Away("the server ended another command than the one that was said".to_owned()))
        }
        Ok(Response::Status { tag: None, condition: Condition::Bye, said }) if !leaving => {
            Err(InboxError::Away(format!("the server said goodbye: {}", shown(&said))))
        }
        Ok(Response::GoOn) => Ok(Step::GoOn),
        Ok(response) => Ok(Step::Heard(response)),
        Err(Unreadable) => Err(no_imap(bytes)),
    }
}

async fn protect(line: Line, access: &Access, timeouts: Timeouts) -> Result<Line, InboxError> {
    line.protect(|stream| access.protect(stream, timeouts.connect)).await.map_err(|error| {
        if error.may_pass { InboxError::Away(error.why) } else { InboxError::Tls(error.why) }
    })
}

/// Returns the capabilities that stand in a status response.
fn offered(said: &str) -> Option<Vec<String>> {
    let (word, rest) = code(said)?;
    word.eq_ignore_ascii_case("CAPABILITY").then(|| capabilities(rest.as_bytes()))
}

fn away(cut: Cut) -> InboxError {
    InboxError::Away(cut.to_string())
}

fn no_imap(bytes: &[u8]) -> InboxError {
    let said = shown(&String::from_utf8_lossy(bytes.get(..400).unwrap_or(bytes)));
    InboxError::Away(format!("the server said something that is no IMAP (`{said}`)"))
}

/// What a server said, for a message: short and without control characters.
pub(super) fn shown(said: &str) -> String {
    let mut shown: String =
        said.trim().chars().take(200).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if said.trim().chars().nth(200).is_some() {
        shown.push('…');
    }
    if shown.is_empty() { "nothing".to_owned() } else { shown }
}
