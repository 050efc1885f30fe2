//! The bytes of what comes back: answers with their thread and their quotation, automatic answers (RFC 3834), reports of what
//! was not delivered (RFC 3464) and of who complains (RFC 5965).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::mail::address::{Address, Mailbox};
use crate::mail::headers;
use crate::mail::parsed::ParsedMail;
use crate::mail::threading::base_subject;

/// The host that reports, and that has the private addresses.
const RELAY: &str = "relay.rehearsal.example";

/// A message as it lies in the mailbox: header and body, in CRLF lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail(pub(super) Vec<u8>);

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// Whom we wrote to.
    Themselves,
    /// Somebody of the same organisation.
    Colleague,
    /// They themselves, from a private address.
    AtHome,
    /// Their mail server.
    Postmaster,
}

/// A letter that somebody has got.
pub(super) struct Letter<'a> {
    /// The recipient's key.
    pub(super) key: &'a str,
    /// What they are called.
    pub(super) name: &'a str,
    /// Where they got it.
    pub(super) address: &'a Address,
    /// When.
    pub(super) at: Timestamp,
    /// The campaign's zone.
    pub(super) zone: &'a TimeZone,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
    /// The same, read.
    pub(super) mail: &'a ParsedMail,
    /// Its reverse path.
    pub(super) reverse_path: &'a str,
    /// Its envelope id.
    pub(super) envelope_id: Option<&'a str>,
}

impl Letter<'_> {
    /// A person answers it, above the whole of it as a quotation.
    pub(super) fn answer(&self, author: Author, text: &str, at: Timestamp) -> Mail {
        let mut head = self.head(author, &format!("Re: {}", self.base_subject()), at);
        let ours = self.message_id();
        if author == Author::AtHome {
            // What was passed on to the private address is what is answered.
            let passed_on = format!("<doorgestuurd.{}@{}>", at.as_millisecond(), self.address.domain());
            headers::structured("In-Reply-To", &passed_on, &mut head);
            headers::structured("References", &format!("{ours} {passed_on}"), &mut head);
        } else {
            self.thread(&mut head);
        }
        let written =
            self.at.to_zoned_datetime(self.zone.clone()).strftime("%-d-%-m-%Y om %H:%M").to_string();
        let quoted: String = self.text().trim_end().lines().map(|line| format!("> {line}\n")).collect();
        plain(head, &format!("{text}\n\nOp {written} schreef {}:\n{quoted}", self.sender()))
    }

    /// A person writes a message of its own about it.
    pub(super) fn anew(&self, text: &str, at: Timestamp) -> Mail {
        plain(self.head(Author::Themselves, "Uw brief", at), text)
    }

    /// A machine answers it.
    pub(super) fn automatic(
        &self,
        author: Author,
        prefix: &str,
        text: &str,
        threaded: bool,
        at: Timestamp,
    ) -> Mail {
        let mut head = b"Return-Path: <>\r\n".to_vec();
        head.extend(self.head(author, &format!("{prefix}: {}", self.subject()), at));
        if threaded {
            self.thread(&mut head);
        }
        let auto = if author == Author::Postmaster { "auto-generated" } else { "auto-replied" };
        headers::structured("Auto-Submitted", auto, &mut head);
        headers::structured("X-Auto-Response-Suppress", "All", &mut head);
        plain(head, text)
    }

    /// The relay reports that it could not be delivered. `reply` is what the host of the address said.
    pub(super) fn returned(&self, status: &str, reply: &str, at: Timestamp) -> Mail {
        let address = self.address;
        let mut head = b"Return-Path: <>\r\n".to_vec();
        self.date("Date", at, &mut head);
        headers::structured("From", &format!("Mail Delivery System <MAILER-DAEMON@{RELAY}>"), &mut head);
        headers::structured("To", self.reverse_path, &mut head);
        headers::structured("Subject", "Undelivered Mail Returned to Sender", &mut head);
        headers::structured("Message-ID", &self.own_id(at, RELAY), &mut head);
        headers::structured("Auto-Submitted", "auto-replied", &mut head);
        let words = format!(
            "This is the mail system at host {RELAY}.\r\n\r\nI'm sorry to have to inform you that your message could not\r\n\
             be delivered to one or more recipients. It's attached below.\r\n\r\n<{address}>: host mail.{}[192.0.2.25]\r\n\
             \u{20}   said: {reply}\r\n",
            address.domain()
        );
        let mut report = format!("Reporting-MTA: dns; {RELAY}\r\n");
        if let Some(id) = self.envelope_id {
            report.push_str(&format!("Original-Envelope-Id: {id}\r\n"));
        }
        let mut arrived = Vec::new();
        self.date("Arrival-Date", self.at, &mut arrived);
        report.push_str(&String::from_utf8_lossy(&arrived));
        report.push_str(&format!(
            "\r\nFinal-Recipient: rfc822; {address}\r\nOriginal-Recipient: rfc822;{address}\r\nAction: failed\r\n\
             Status: {status}\r\nRemote-MTA: dns; mail.{}\r\nDiagnostic-Code: smtp; {reply}\r\n",
            address.domain()
        ));
        let parts = [
            ("text/plain; charset=us-ascii", words.as_bytes()),
            ("message/delivery-status", report.as_bytes()),
            ("message/rfc822", self.bytes),
        ];
        self.report(head, "delivery-status", &parts)
    }

    /// The provider passes on that somebody pressed "this is spam".
    pub(super) fn complaint(&self, at: Timestamp) -> Mail {
        let mut head = Vec::new();
        self.date("Date", at, &mut head);
        headers::structured("From", &format!("feedback@{RELAY}"), &mut head);
        headers::structured("To", self.reverse_path, &mut head);
        headers::unstructured("Subject", &format!("FW: {}", self.subject()), &mut head);
        headers::structured("Message-ID", &self.own_id(at, RELAY), &mut head);
        let report = format!(
            "Feedback-Type: abuse\r\nUser-Agent: Rehearsal/1.0\r\nVersion: 1\r\nOriginal-Mail-From: <{}>\r\n\
             Original-Rcpt-To: <{}>\r\n",
            self.reverse_path, self.address
        );
        let words = b"This is an email abuse report for an email message received from IP 192.0.2.10.\r\n";
        let parts = [
            ("text/plain; charset=us-ascii", &words[..]),
            ("message/feedback-report", report.as_bytes()),
            ("message/rfc822", self.bytes),
        ];
        self.report(head, "feedback-report", &parts)
    }

    fn report(&self, mut head: Vec<u8>, kind: &str, parts: &[(&str, &[u8])]) -> Mail {
        let boundary = format!("=_report.{}", self.at.as_millisecond());
        headers::structured("MIME-Version", "1.0", &mut head);
        let media = format!("multipart/report; report-type={kind}; boundary=\"{boundary}\"");
        headers::structured("Content-Type", &media, &mut head);
        head.extend(b"\r\n");
        for (media, bytes) in parts {
            head.extend(format!("--{boundary}\r\nContent-Type: {media}\r\n\r\n").as_bytes());
            head.extend_from_slice(bytes);
            head.extend(b"\r\n");
        }
        head.extend(format!("--{boundary}--\r\n").as_bytes());
        Mail(head)
    }

    fn head(&self, author: Author, subject: &str, at: Timestamp) -> Vec<u8> {
        let domain = self.address.domain();
        let (name, address) = match author {
            Author::Themselves => (self.name.to_owned(), self.address.to_string()),
            Author::Colleague => ("Het secretariaat".to_owned(), format!("secretariaat@{domain}")),
            Author::AtHome => {
                (self.name.to_owned(), format!("thuis.{}@post.rehearsal.example", domain.replace('.', "-")))
            }
            Author::Postmaster => ("postmaster".to_owned(), format!("postmaster@{domain}")),
        };
        let mut head = Vec::new();
        self.date("Date", at, &mut head);
        if let Ok(address) = Address::parse(&address) {
            headers::mailboxes("From", &[Mailbox::new(Some(&name), address)], &mut head);
        }
        headers::structured("To", &self.sender(), &mut head);
        headers::unstructured("Subject", subject, &mut head);
        headers::structured("Message-ID", &self.own_id(at, domain), &mut head);
        head
    }

    /// The fields that put an answer below it, with the id that they saw (RFC 5322 §3.6.4).
    fn thread(&self, head: &mut Vec<u8>) {
        let ours = self.message_id();
        let mut references = self.mail.fields.ids("references");
        references.push(ours.clone());
        headers::structured("In-Reply-To", &ours, head);
        headers::structured("References", &references.join(" "), head);
    }

    fn date(&self, name: &str, at: Timestamp, out: &mut Vec<u8>) {
        let local = at.to_zoned_datetime(self.zone.clone());
        headers::structured(name, &local.strftime("%a, %-d %b %Y %H:%M:%S %z").to_string(), out);
    }

    /// The id of what is written, the same each time.
    fn own_id(&self, at: Timestamp, domain: &str) -> String {
        let number: u64 =
            self.key.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        format!("<{}.{number:x}@{domain}>", at.as_millisecond())
    }

    pub(super) fn message_id(&self) -> String {
        self.mail.fields.ids("message-id").into_iter().next().unwrap_or_default()
    }

    /// Where answers go.
    fn sender(&self) -> String {
        let found = ["reply-to", "from"].iter().find_map(|field| self.mail.mailbox(field));
        found.map(|(_, address)| address).unwrap_or_default()
    }

    fn subject(&self) -> String {
        self.mail.subject()
    }

    fn base_subject(&self) -> String {
        base_subject(&self.subject()).to_owned()
    }

    /// Its text, as a mail program without pictures shows it.
    fn text(&self) -> String {
        let parts = self.mail.parts();
        let text = parts.iter().find(|part| part.media == "text/plain").and_then(|part| part.as_text());
        text.unwrap_or_default().replace('\r', "")
    }
}

/// Closes a header and adds a text.
fn plain(mut head: Vec<u8>, text: &str) -> Mail {
    headers::structured("MIME-Version", "1.0", &mut head);
    headers::structured("Content-Type", "text/plain; charset=utf-8", &mut head);
    headers::structured("Content-Transfer-Encoding", "8bit", &mut head);
    head.extend(b"\r\n");
    for line in text.lines() {
        head.extend(line.as_bytes());
        head.extend(b"\r\n");
    }
    Mail(head)
}
