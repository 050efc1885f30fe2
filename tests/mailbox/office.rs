//! Mailboxes of a real Dovecot, and Maildirs without one; a reader that keeps what it has read as the ledger would.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use postduif::account::{Login, Secret, Security, Server};
use postduif::clock::Clock;
use postduif::inbox::mailbox::{Arrival, BATCH, Cursor, Folder, Inbox, InboxError, Settings, Timeouts, Way};

use crate::support::mail_config::account;
use crate::support::maildir::MaildirFolders;
use crate::support::post_office::{PASSWORD, PostOffice};
use crate::support::servers::left_out;

/// How many mailboxes the office has; each test takes one of its own.
const MAILBOXES: usize = 60;

/// The office that all tests of this file share.
pub(crate) fn office() -> Option<&'static PostOffice> {
    static OFFICE: OnceLock<Option<PostOffice>> = OnceLock::new();
    if left_out() {
        return None;
    }
    let start = || {
        PostOffice::start_with(|wishes| {
            for nth in 0..MAILBOXES {
                wishes.mailbox(&format!("reader{nth}@example.test"));
                wishes.tokens.insert(format!("token{nth}"), format!("reader{nth}@example.test"));
            }
            // One process for all tests, so that a login costs no start of a program.
            wishes.dovecot_conf =
                "service imap {\n  process_limit = 200\n  service_count = 0\n}\n".to_owned();
        })
    };
    OFFICE.get_or_init(start).as_ref()
}

/// A mailbox that can be read, and the Maildir that it is kept in.
pub(crate) struct Post {
    pub(crate) mail: MaildirFolders,
    pub(crate) settings: Settings,
    /// The mailbox's owner, where it has one.
    pub(crate) user: String,
    _folder: Option<tempfile::TempDir>,
}

/// How a mailbox is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Dovecot,
    Maildir,
}

impl Post {
    /// A new mailbox; `None` when servers are to be left out and it needs one.
    pub(crate) fn new(kept: Kept) -> Option<Self> {
        match kept {
            Kept::Dovecot => Self::dovecot(),
            Kept::Maildir => Some(Self::maildir()),
        }
    }

    pub(crate) fn dovecot() -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let office = office()?;
        let nth = NEXT.fetch_add(1, Ordering::SeqCst);
        assert!(nth < MAILBOXES, "more tests than mailboxes");
        let user = format!("reader{nth}@example.test");
        let mail = MaildirFolders::at(office.maildir(&user), Some(account("nobody")));
        let server = Server {
            host: "127.0.0.1".to_owned(),
            port: office.ports.imap,
            security: Security::None,
            login: Some(Login { username: user.clone(), secret: Secret::Password(PASSWORD.to_owned()) }),
            ca_file: Some(office.ca_file()),
        };
        let settings = settings(Way::Imap { server, timeouts: Timeouts::default() });
        Some(Self { mail, settings, user, _folder: None })
    }

    pub(crate) fn maildir() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Maildir");
        let mail = MaildirFolders::at(path.clone(), None);
        for name in ["Junk", "Sent", "Drafts", "Trash"] {
            mail.make(name);
        }
        let settings = settings(Way::Maildir { path });
        Self { mail, settings, user: String::new(), _folder: Some(folder) }
    }

    /// The settings of the server, to be changed.
    pub(crate) fn server(&mut self) -> &mut Server {
        match &mut self.settings.way {
            Way::Imap { server, .. } => server,
            Way::Maildir { .. } => panic!("a Maildir has no server"),
        }
    }

    pub(crate) fn inbox(&self) -> Inbox {
        Inbox::open(self.settings.clone(), Clock::system()).unwrap()
    }
}

pub(crate) fn settings(way: Way) -> Settings {
    Settings { way, folders: Vec::new(), since: None, largest: 10_000_000, batch: BATCH }
}

/// A short message with a number; in LF lines, as delivery agents write them on disk.
pub(crate) fn message(nth: usize) -> Vec<u8> {
    format!(
        "From: Ben <ben@town.example>\nTo: ada@example.test\nSubject: Number {nth}\nMessage-ID: <{nth}.x@town.example>\n\nText {nth}\n"
    )
    .into_bytes()
}

/// The number of a message that [`message`] made.
pub(crate) fn number(header: &[u8]) -> usize {
    let header = String::from_utf8_lossy(header);
    header.split("Subject: Number ").nth(1).unwrap().lines().next().unwrap().parse().unwrap()
}

/// What a ledger would hold: what was read, and how far; both at once.
#[derive(Default)]
pub(crate) struct Records {
    /// In the order in which it was recorded, folder after folder.
    pub(crate) arrivals: Vec<Arrival>,
    /// As text, by folder.
    cursors: BTreeMap<String, String>,
}

impl Records {
    pub(crate) fn cursor(&self, folder: &Folder) -> Option<Cursor> {
        self.cursors.get(&folder.name).and_then(|text| Cursor::from_text(text))
    }

    pub(crate) fn numbers(&self) -> Vec<usize> {
        self.arrivals.iter().map(|arrival| number(&arrival.header)).collect()
    }

    /// Reads a folder to its end, or to the first error; returns the instant as of which it was read.
    pub(crate) async fn read(&mut self, inbox: &mut Inbox, folder: &Folder) -> Result<Timestamp, InboxError> {
        self.read_since(inbox, folder, Timestamp::UNIX_EPOCH).await
    }

    /// The same, but only what was received on or after an instant.
    pub(crate) async fn read_since(
        &mut self,
        inbox: &mut Inbox,
        folder: &Folder,
        since: Timestamp,
    ) -> Result<Timestamp, InboxError> {
        loop {
            let page = inbox.page(folder, self.cursor(folder).as_ref(), since).await?;
            assert!(page.arrivals.len() <= 200 && page.unreadable.is_empty());
            self.arrivals.extend(page.arrivals);
            self.cursors.insert(folder.name.clone(), page.cursor.to_text());
            if let Some(at) = page.read_to_end {
                return Ok(at);
            }
        }
    }

    /// Reads INBOX to its end with a new reader.
    pub(crate) async fn read_anew(&mut self, post: &Post) -> Timestamp {
        let mut inbox = post.inbox();
        let folders = inbox.folders().await.unwrap();
        let at = self.read(&mut inbox, &folders.read[0]).await.unwrap();
        inbox.close().await;
        at
    }
}

/// An instant as file systems have it.
pub(crate) fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.as_millisecond().try_into().unwrap())
}
