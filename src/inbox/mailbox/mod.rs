//! The ports to a mailbox: an IMAP server or a Maildir, read for what came in, and never changed.
//!
//! ```text
//! folders() ─► for each: page(folder, cursor, since) ─► … ─► page that is read to its end ─► watch(folder)
//! ```
//!
//! **The seam.** A [`Page`] holds what was read and the [`Cursor`] behind it. Whoever records a page keeps its cursor in the
//! same transaction, and comes back with it: then each message is handed out once, whatever breaks in between. Where numbers
//! or names have changed, messages are handed out again; whoever records them skips those whose [`Fingerprint`] it knows,
//! always.
//!
//! **Read to its end** is said only when nothing was left out: [`Page::read_to_end`] is an instant, and everything that lay in
//! the folder then, and had come on or after `since`, was handed out by this page or those before it. An error is never an end.
//!
//! **Invariant.** No flag, no move, no delete: what can be said to an IMAP server stands in `imap/command.rs`, and `maildir/`
//! opens files for reading only.

mod backoff;
pub mod cursor;
mod fingerprint;
mod folder;
mod imap;
mod maildir;
mod utf7;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

pub use backoff::pause;
pub use cursor::{Afresh, Cursor};
pub use fingerprint::{Fingerprint, LONGEST_HEADER};
pub use folder::{Folder, FolderError, Folders, Use};

use self::imap::Imap;
use self::maildir::Maildir;
use crate::account::{AccountError, Server};
use crate::clock::Clock;
use crate::mail::message_id::MessageId;

/// Where mail comes in, settled: everything is checked and has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The way to it.
    pub way: Way,
    /// The folders to read, as people name them; none means INBOX and the spam folder.
    pub folders: Vec<String>,
    /// The first day of which mail is read, where somebody has said so.
    pub since: Option<Date>,
    /// How much of a message is taken in, in bytes.
    pub largest: usize,
    /// How many messages a page has at most, at least 1.
    pub batch: usize,
}

/// How many messages a page has, where nobody says otherwise: some hundred kilobytes, and one transaction of the ledger.
pub const BATCH: usize = 200;

/// The way to a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A server.
    Imap {
        /// The server, and how to get in.
        server: Server,
        /// How long each part of the conversation may take.
        timeouts: Timeouts,
    },
    /// Files on this machine.
    Maildir {
        /// The folder with `cur` and `new` in it, or the one above such folders.
        path: PathBuf,
    },
}

/// How long each part of the conversation with an IMAP server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS: 30 s.
    pub connect: Duration,
    /// The time in which a server that was asked something must say a next byte: 2 min. The whole answer may take ten times
    /// as long.
    pub command: Duration,
    /// How long one IDLE lasts: 10 min. A server may hang up after 30 (RFC 2177 §3), and much on the way does so earlier.
    pub idle: Duration,
    /// How often a server without IDLE is asked: 1 min.
    pub poll: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(120),
            idle: Duration::from_secs(600),
            poll: Duration::from_secs(60),
        }
    }
}

/// Where a message lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    folder: Folder,
    key: Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Uid { validity: u32, uid: u32 },
    File { name: String, path: PathBuf },
}

impl Location {
    fn of_uid(folder: &Folder, validity: u32, uid: u32) -> Self {
        Self { folder: folder.clone(), key: Key::Uid { validity, uid } }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl fmt::Display for Location {
    /// `INBOX;UIDVALIDITY=7;UID=3`, as in RFC 5092; or `INBOX;FILE=…` with the unique name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::Uid { validity, uid } => write!(f, "{};UIDVALIDITY={validity};UID={uid}", self.folder.name),
            Key::File { name, .. } => write!(f, "{};FILE={name}", self.folder.name),
        }
    }
}

/// A message that lies in a folder, with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it lies.
    pub location: Location,
    /// When the mailbox took it in, where it tells.
    pub received: Option<Timestamp>,
    /// How large it is, in bytes, about: servers estimate, and files have shorter line ends.
    pub size: u64,
    /// Its header in CRLF lines, with the empty line behind it; of a longer one the first [`LONGEST_HEADER`] bytes.
    pub header: Vec<u8>,
}

impl Arrival {
    /// Returns what the message is known by.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.header)
    }
}

/// A message, header and all, in CRLF lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// It is larger than `largest`, and this is its beginning.
    pub is_cut: bool,
}

/// What was read of a folder in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What was found, in the order in which it came in as far as the mailbox tells.
    pub arrivals: Vec<Arrival>,
    /// Messages that are there and cannot be had, though others can. A person has to look at them; the cursor is past them.
    pub unreadable: Vec<Location>,
    /// Where reading goes on; to be kept together with what was found.
    pub cursor: Cursor,
    /// Where this was the last page: everything that lay in the folder at this instant was handed out.
    pub read_to_end: Option<Timestamp>,
    /// Why the folder was read from its beginning, where it was.
    pub afresh: Option<Afresh>,
}

/// A copy of a message in a Sent folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The folder's name.
    pub folder: String,
    /// When the folder took it in.
    pub at: Option<Timestamp>,
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something is different in the folder; a look is worth while.
    Something,
    /// The time was up.
    Nothing,
}

/// Why a mailbox could not be read. Nothing was changed in it, and what was recorded before holds.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// Nobody can get in with these settings.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The folders in the settings are not there, or not to be read.
    #[error(transparent)]
    Folders(#[from] FolderError),
    /// The server does not let us in, or we have nothing to log in with.
    #[error("{0}")]
    Login(String),
    /// The line cannot be protected as it must be.
    #[error("{0}")]
    Tls(String),
    /// The server cannot be reached, the line broke, or it said something that cannot be understood; that may pass.
    #[error("{0}")]
    Away(String),
    /// The server was asked for something and said no.
    #[error("the server refused {what}: {said}")]
    Refused {
        /// What it was asked for: `to open the folder …`.
        what: String,
        /// What it said.
        said: String,
    },
    /// Files that cannot be read.
    #[error("{path} cannot be read: {error}")]
    Files {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl InboxError {
    /// Returns whether waiting may help; otherwise a person has to do something first.
    pub fn may_pass(&self) -> bool {
        matches!(self, InboxError::Away(_) | InboxError::Refused { .. } | InboxError::Files { .. })
    }
}

/// How much is taken in at once.
#[derive(Clone, Copy)]
struct Caps {
    /// Of a message, in bytes.
    largest: usize,
    /// Messages.
    batch: usize,
}

/// A mailbox to be read.
pub struct Inbox {
    kind: Kind,
    account: String,
    description: String,
    wanted: Vec<String>,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each run")]
enum Kind {
    Imap(Imap),
    Maildir(Maildir),
}

impl Inbox {
    /// Makes a port of its settings: reads certificates, looks whether the folder is there. Connects to nobody yet.
    ///
    /// # Errors
    /// [`InboxError`] where the settings cannot work.
    pub fn open(settings: Settings, clock: Clock) -> Result<Self, InboxError> {
        let account = settings.account();
        let caps = Caps { largest: settings.largest, batch: settings.batch.max(1) };
        let (kind, description) = match settings.way {
            Way::Imap { server, timeouts } => {
                let description = server.describe();
                (Kind::Imap(Imap::ready(server, timeouts, caps, clock)?), description)
            }
            Way::Maildir { path } => {
                let description = format!("the Maildir {}", path.display());
                (Kind::Maildir(Maildir::ready(path, caps, clock)?), description)
            }
        };
        Ok(Self { kind, account, description, wanted: settings.folders })
    }

    /// Returns the name under which cursors are kept: `imap://ada@mail.example.org:993`, `maildir:PATH`.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Describes it for people: `mail.example.org:993 (TLS) as ada`.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Finds the folders that are read, and those with copies of what was sent.
    ///
    /// # Errors
    /// [`InboxError::Folders`] where one in the settings is not there, and whatever else keeps us out.
    pub async fn folders(&mut self) -> Result<Folders, InboxError> {
        let all = match &mut self.kind {
            Kind::Imap(imap) => imap.list().await?,
            Kind::Maildir(maildir) => maildir.list().await?,
        };
        Ok(folder::choose(&all, &self.wanted)?)
    }

    /// Reads the next page of a folder: what came behind `cursor`, and on or after `since`.
    ///
    /// A cursor of another kind of mailbox counts as none.
    ///
    /// # Errors
    /// [`InboxError`]; the folder was then not read to its end, and the cursor from before holds.
    pub async fn page(
        &mut self,
        folder: &Folder,
        cursor: Option<&Cursor>,
        since: Timestamp,
    ) -> Result<Page, InboxError> {
        match (&mut self.kind, cursor) {
            (Kind::Imap(imap), Some(Cursor::Uids(uids))) => imap.page(folder, Some(uids), since).await,
            (Kind::Imap(imap), _) => imap.page(folder, None, since).await,
            (Kind::Maildir(maildir), Some(Cursor::Files(files))) => {
                maildir.page(folder, Some(files), since).await
            }
            (Kind::Maildir(maildir), _) => maildir.page(folder, None, since).await,
        }
    }

    /// Reads a message, or what of it is not larger than `largest`; `None` where it has vanished.
    ///
    /// # Errors
    /// [`InboxError`] where it may be there and cannot be had.
    pub async fn body(&mut self, location: &Location) -> Result<Option<Body>, InboxError> {
        match (&mut self.kind, &location.key) {
            (Kind::Imap(imap), Key::Uid { validity, uid }) => {
                imap.body(&location.folder, *validity, *uid).await
            }
            (Kind::Maildir(maildir), Key::File { name, path }) => {
                maildir.body(&location.folder, name, path).await
            }
            // A location of another mailbox: nothing lies there here.
            _ => Ok(None),
        }
    }

    /// Looks for a copy of a message in the folders of what was sent.
    ///
    /// That there is none says nothing: not every provider keeps copies, and where `folders.sent` is empty nobody has looked.
    ///
    /// # Errors
    /// [`InboxError`] where one of the folders could not be searched.
    pub async fn find_in_sent(
        &mut self,
        folders: &Folders,
        id: &MessageId,
    ) -> Result<Option<Copy>, InboxError> {
        for folder in &folders.sent {
            let found = match &mut self.kind {
                Kind::Imap(imap) => imap.find(folder, id.as_str()).await?,
                Kind::Maildir(maildir) => maildir.find(folder, id.as_str()).await?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Waits until something comes into a folder that was read, at most so long. What came since it was last read wakes at
    /// once, and now and then it wakes for nothing.
    ///
    /// # Errors
    /// [`InboxError`] where nobody can tell any more what comes.
    pub async fn watch(&mut self, folder: &Folder, patience: Duration) -> Result<Woken, InboxError> {
        match &mut self.kind {
            Kind::Imap(imap) => imap.watch(folder, patience).await,
            Kind::Maildir(maildir) => maildir.watch(folder, patience).await,
        }
    }

    /// Ends the conversation politely; errors do not matter.
    pub async fn close(self) {
        if let Kind::Imap(imap) = self.kind {
            imap.close().await;
        }
    }
}

impl Settings {
    /// Returns the instant from which on mail is read, for a campaign that was launched then: the beginning of the day in the
    /// settings, or else a day before the launch, so that no answer is missed for a clock that was wrong.
    pub fn begins(&self, zone: &TimeZone, launched: Timestamp) -> Timestamp {
        let midnight =
            self.since.map(|day| day.to_datetime(Time::midnight()).to_zoned_datetime(zone.clone()));
        let begins = midnight.and_then(Result::ok).map(|midnight| midnight.timestamp());
        begins.unwrap_or_else(|| launched.saturating_sub(24.hours()).unwrap_or(launched))
    }

    /// Returns the name under which cursors are kept: `imap://ada@mail.example.org:993`, `maildir:PATH`.
    pub fn account(&self) -> String {
        match &self.way {
            Way::Imap { server, .. } => server.account("imap"),
            Way::Maildir { path } => format!("maildir:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_begins_with_the_day_in_the_settings_or_a_day_before_the_launch() {
        let mut settings = Settings {
            way: Way::Maildir { path: PathBuf::new() },
            folders: Vec::new(),
            since: None,
            largest: 1,
            batch: 1,
        };
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let launched: Timestamp = "2026-02-03T10:00:00Z".parse().unwrap();
        let begins = |settings: &Settings| settings.begins(&zone, launched).to_string();
        assert_eq!(begins(&settings), "2026-02-02T10:00:00Z");
        settings.since = Some(jiff::civil::date(2026, 2, 1));
        assert_eq!(begins(&settings), "2026-01-31T23:00:00Z");
    }

    /// The engine's loops run on several threads: this does not compile where a future must stay on one.
    #[test]
    fn reading_may_change_threads() {
        fn may_change_threads<T: Send>(_: T) {}
        fn check(inbox: &mut Inbox, folder: &Folder, location: &Location, folders: &Folders, id: &MessageId) {
            may_change_threads(inbox.folders());
            may_change_threads(inbox.page(folder, None, Timestamp::UNIX_EPOCH));
            may_change_threads(inbox.body(location));
            may_change_threads(inbox.find_in_sent(folders, id));
            may_change_threads(inbox.watch(folder, Duration::ZERO));
        }
        let _ = check;
    }
}
