//! `[inbox]`, settled: where mail comes in, and which of it is read.

use super::check::shown;
use super::load::Settling;
use super::schema::{RawInbox, RawInboxTimeouts};
use super::server::Kind;
use super::words::amount;
use crate::account::Security;
use crate::campaign::problem::Problem;
use crate::inbox::mailbox::{BATCH, Settings, Timeouts, Way};

const SERVER: Kind = Kind {
    table: "inbox",
    host: "name the server that your mail program reads from",
    travels: "mail",
    needs: "reading the mailbox needs it",
    security: [(Some(143), Security::StartTls), (None, Security::Tls)],
    ports: [993, 143, 143],
};

/// How much of a message is taken in, where nobody says otherwise.
pub const LARGEST: usize = 10_000_000;
/// The least and the most that can be said: a header must fit, and one message stands in memory.
const BOUNDS: std::ops::RangeInclusive<u64> = 100_000..=200_000_000;

impl Settling<'_> {
    pub(super) fn inbox(&mut self, raw: &RawInbox, unready: &mut Vec<Problem>) -> Option<Settings> {
        let way = match raw.kind.as_deref() {
            Some("imap") => {
                let server = self.server(&SERVER, &raw.server, unready);
                let timeouts = self.inbox_timeouts(&raw.timeouts);
                if server.is_some()
                    && raw.server.username.is_none()
                    && !self.document.has(&["inbox", "username"])
                {
                    let said = "`inbox.username` is missing";
                    self.error(
                        "missing-key",
                        &["inbox"],
                        said,
                        "whose mailbox is it? often the address itself",
                    );
                }
                server.map(|server| Way::Imap { server, timeouts })
            }
            Some("maildir") => {
                let hint = "name the folder with `cur` and `new` in it";
                let path = self.required(&["inbox", "path"], raw.path.as_ref(), hint);
                path.map(|path| Way::Maildir { path: self.path(&path) })
            }
            _ => {
                let hint = "write `imap` or `maildir`, or remove the table: then no mailbox is read";
                self.required(&["inbox", "kind"], None, hint);
                None
            }
        };
        for name in &raw.folders {
            if name.trim().is_empty() || name.chars().any(char::is_control) {
                let said = format!("`{}` is no folder's name", shown(name));
                self.error(
                    "wrong-folder",
                    &["inbox", "folders"],
                    said,
                    "write it as the mail program shows it",
                );
            }
        }
        let since = raw.since.as_ref().and_then(|text| self.day("wrong-day", &["inbox", "since"], text));
        let largest = raw.largest.as_ref().and_then(|text| {
            let found = amount(text).filter(|bytes| BOUNDS.contains(bytes));
            if found.is_none() {
                let said = format!("`inbox.largest` cannot be `{}`", shown(text));
                let hint = "write an amount such as \"10 MB\", from 100 KB to 200 MB";
                self.error("wrong-amount", &["inbox", "largest"], said, hint);
            }
            found.and_then(|bytes| usize::try_from(bytes).ok())
        });
        let (folders, largest) = (raw.folders.clone(), largest.unwrap_or(LARGEST));
        Some(Settings { way: way?, folders, since, largest, batch: BATCH })
    }

    fn inbox_timeouts(&mut self, raw: &RawInboxTimeouts) -> Timeouts {
        let default = Timeouts::default();
        let mut read =
            |key: &str, text: Option<&String>, default| self.span(&["inbox", "timeouts", key], text, default);
        Timeouts {
            connect: read("connect", raw.connect.as_ref(), default.connect),
            command: read("command", raw.command.as_ref(), default.command),
            poll: read("poll", raw.poll.as_ref(), default.poll),
            ..default
        }
    }
}
