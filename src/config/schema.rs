//! The keys of `config.toml`. The comments here are the reference that users read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of one campaign: who writes to whom, which letter, how it travels and how fast.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Raw {
    /// The campaign itself.
    pub campaign: RawCampaign,
    /// Who writes. Further keys with a text are free, for the letter's foot: `postal-address` is
    /// `{{sender.postal_address}}` in the letter.
    pub sender: RawSender,
    /// Who is written to.
    pub recipients: RawRecipients,
    /// The letters, in their order: the first, and those that follow it for whoever does not answer.
    pub step: Vec<RawStep>,
    /// Which days are worked: a further letter goes on those alone.
    pub calendar: RawCalendar,
    /// The way out.
    pub transport: RawTransport,
    /// The way back: the mailbox that is read for replies and bounces. Without this table none is.
    pub inbox: Option<RawInbox>,
    /// How fast letters may go. Without this table an SMTP account gets a careful pace, which the program tells.
    pub pace: Option<RawPace>,
    /// Office hours: nothing goes out outside them. Without this table letters go at any time.
    pub window: Option<RawWindow>,
    /// How PDFs are made: of letters that ask for one, and of what the page hands out.
    pub pdf: RawPdf,
    /// A summary by mail to the sender's own address, while `postduif run` runs. Without this table none goes.
    pub notify: Option<RawNotify>,
    /// What is looked for before a letter leaves, and what may stay.
    pub preflight: RawPreflight,
    /// The points of the letter, to which the answers are filed on the page of `postduif serve`: one `[[point]]` for each.
    pub point: Vec<RawPoint>,
    /// Who must approve a plan on that page before it may begin.
    pub approval: RawApproval,
    /// Where it is written down what happened.
    pub ledger: RawLedger,
}

/// `[campaign]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawCampaign {
    /// Its name, and within one ledger its identity: another name is another campaign. Required.
    pub name: Option<String>,
    /// The language of the letters, a tag such as `nl` (RFC 5646). Default: `nl`.
    pub language: Option<String>,
    /// The time zone in which dates and office hours are told, such as `Europe/Amsterdam` (the default).
    pub timezone: Option<String>,
    /// The last day for everybody, such as `2025-10-28`: nothing goes out after it. A row may have an earlier one.
    #[schemars(extend("format" = "date"))]
    pub deadline: Option<String>,
}

/// `[sender]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct RawSender {
    /// The name that recipients see. Required.
    pub name: Option<String>,
    /// The address that the letters come from. Required.
    pub address: Option<String>,
    /// The address that answers go to, where it is another.
    pub reply_to: Option<String>,
    /// Whether each letter gets a return address of its own (`info+token@…`), so that bounces tell whose letter it
    /// was. The mail host must deliver such addresses. Default: `false`.
    pub verp: Option<bool>,
    /// Further keys.
    #[serde(flatten)]
    pub fields: BTreeMap<String, String>,
}

/// `[recipients]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawRecipients {
    /// The file with one recipient a row, beside this file or with its full path: a CSV, or a spreadsheet (`.xlsx`,
    /// `.ods`). Default: `recipients.csv`.
    pub file: Option<String>,
    /// The heading of the column with the address, or with several for one letter. Default: `e-mail`. Capitals, blanks and signs in headings do not
    /// matter: `E-mail` and `e mail` are one.
    pub address: Option<String>,
    /// The heading of the column with the name that stands before the address.
    pub name: Option<String>,
    /// The heading of the column with the organisation.
    pub organisation: Option<String>,
    /// The heading of the column with a short name of your own for each recipient. Without it, that is the address.
    pub key: Option<String>,
    /// The heading of the column with the way to reach the recipient: `e-mail` (or empty), `webformulier`, `post` or
    /// `telefoon`. Without it, a column headed `kanaal` or `channel` is taken if there is one.
    pub channel: Option<String>,
    /// The heading of the column with the last day on which anything may go to the recipient. Without it, a column
    /// headed `deadline` is taken if there is one.
    pub deadline: Option<String>,
    /// The heading of the column with further addresses that get a copy of the same letter. Without it, a column
    /// headed `cc` is taken if there is one.
    pub cc: Option<String>,
    /// The heading of the column with addresses that get a copy unseen by the others. Without it, a column headed
    /// `bcc` is taken if there is one.
    pub bcc: Option<String>,
    /// The heading of the column with the address of the form that a person fills in, for who takes no mail. Without
    /// it, a column headed `link`, `webformulier-link` or `form-link` is taken if there is one.
    pub link: Option<String>,
    /// The heading of the column with the most characters that the form takes. Without it, a column headed `limit`,
    /// `limiet` or `max-tekens` is taken if there is one.
    pub limit: Option<String>,
    /// A spreadsheet's sheet. Default: the first.
    pub sheet: Option<String>,
    /// The sign between two cells, where it is not found out rightly.
    #[schemars(extend("enum" = [";", ",", "\t", "|"]))]
    pub separator: Option<String>,
    /// The encoding of the file, where it is not found out rightly: `utf-8`, `windows-1252`, `utf-16le`,
    /// `macintosh`.
    pub encoding: Option<String>,
}

/// `[[step]]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawStep {
    /// The letter's name: `letter` is the file `templates/letter.md`, or `templates/letter.html` where there is only that;
    /// `letter.html` is the latter in any case. Required.
    pub letter: Option<String>,
    /// How long after the letter before was accepted: `10 working days`, `2 weeks`, `5 days`. Required for every letter but the first,
    /// which has none.
    pub after: Option<String>,
    /// For whom the letter is left out: `replied`, which always holds, or a column of the roster, `fractie`, `fractie = nee`,
    /// `fractie != ja`; several are joined by ` or `.
    pub unless: Option<String>,
    /// The last day on which the letter may go, such as `2025-09-15`.
    #[schemars(extend("format" = "date"))]
    pub not_after: Option<String>,
}

/// `[[point]]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawPoint {
    /// A short name of its own; answers are kept under it, so it stays as it is. Required.
    pub name: Option<String>,
    /// What the point is, in a few words; it heads the column of the table. Required.
    pub title: Option<String>,
}

/// `[approval]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawApproval {
    /// How many people. Default: 1.
    #[schemars(extend("minimum" = 1, "maximum" = 5))]
    pub people: Option<u32>,
}

/// `[calendar]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawCalendar {
    /// Whose public holidays are kept, reckoned for any year. Default: `nl`.
    #[schemars(extend("enum" = ["nl", "be", "de", "fr", "none"]))]
    pub country: Option<String>,
    /// Further days on which nothing follows, such as `["2025-12-24"]`.
    pub closed: Vec<String>,
}

/// A server and how to get in: the same keys in `[transport]`, for `smtp`, and in `[inbox]`, for `imap`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct RawServer {
    /// smtp, imap: the server's host name. Required there.
    pub host: Option<String>,
    /// smtp, imap: its port. Default for SMTP: 465 with `tls`, 587 with `starttls`, 25 with `none`; for IMAP: 993 with `tls`, otherwise
    /// 143.
    #[schemars(extend("minimum" = 1, "maximum" = 65535))]
    pub port: Option<u16>,
    /// smtp, imap: how the line is protected. Default for SMTP: `starttls`, but `tls` on port 465; for IMAP: `tls`, but `starttls` on port
    /// 143. `none` only to this machine itself, or with `allow-plaintext`.
    #[schemars(extend("enum" = ["tls", "starttls", "none"]))]
    pub security: Option<String>,
    /// smtp, imap: allows `security = "none"` to another machine. Everybody on the way can read and change what is said.
    pub allow_plaintext: Option<bool>,
    /// smtp, imap: the user name, where the server wants a login.
    pub username: Option<String>,
    /// smtp, imap: the name of the environment variable that holds the password.
    pub password_env: Option<String>,
    /// smtp, imap: a command whose first line of output is the password.
    pub password_command: Option<String>,
    /// smtp, imap: a file, readable by you alone, whose first line is the password.
    pub password_file: Option<String>,
    /// smtp, imap: a command whose first line of output is an OAuth2 access token.
    pub token_command: Option<String>,
    /// smtp, imap: a file with certificates (PEM) to trust beside those of the system.
    pub ca_file: Option<String>,
}

/// `[transport]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(extend("additionalProperties" = false))]
pub struct RawTransport {
    /// `rehearsal`: to a relay inside the program, nothing leaves the machine (the default). `smtp`: to a real
    /// relay. `folder`: as files.
    #[schemars(extend("enum" = ["rehearsal", "smtp", "folder"]))]
    pub kind: Option<String>,
    /// smtp: the relay.
    #[serde(flatten)]
    pub server: RawServer,
    /// How many connections at once. Default: 1.
    #[schemars(extend("minimum" = 1, "maximum" = 64))]
    pub connections: Option<u32>,
    /// smtp: how many letters go over one connection before a new one is made. The default depends on the host.
    #[schemars(extend("minimum" = 1, "maximum" = 100_000))]
    pub letters_per_connection: Option<u32>,
    /// smtp: the name this machine says in EHLO. Default: its address.
    pub hello_name: Option<String>,
    /// smtp: whether the relay is asked for reports that name the letter when it could not be delivered or is late (DSN,
    /// RFC 3461), where it offers that. Default: `true`.
    pub delivery_reports: Option<bool>,
    /// folder: where the `.eml` files go. Default: `logs/letters`.
    pub path: Option<String>,
    /// smtp: how long each phase may take, such as `"30s"` or `"5 min"`.
    pub timeouts: RawTimeouts,
}

/// `[transport.timeouts]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawTimeouts {
    /// Looking up the name, connecting and TLS. Default: `30s`.
    pub connect: Option<String>,
    /// The relay's greeting. Default: `5 min`.
    pub greeting: Option<String>,
    /// The reply to a command. Default: `5 min`.
    pub command: Option<String>,
    /// The reply to DATA. Default: `2 min`.
    pub data: Option<String>,
    /// Each block of the letter. Default: `3 min`.
    pub block: Option<String>,
    /// The reply to the end of the letter. Default: `10 min`; a shorter time makes letters in doubt.
    pub end_of_data: Option<String>,
}

/// `[inbox]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(extend("additionalProperties" = false))]
pub struct RawInbox {
    /// `imap`: on a server. `maildir`: in files on this machine. Required.
    #[schemars(extend("enum" = ["imap", "maildir"]))]
    pub kind: Option<String>,
    /// imap: the server.
    #[serde(flatten)]
    pub server: RawServer,
    /// maildir: the folder with `cur` and `new` in it, or the one above such folders. Required there.
    pub path: Option<String>,
    /// The folders that are read, as the mail program shows them; parts of a name are joined by `/`. Default: `INBOX` and the
    /// spam folder. What was sent is only looked into for copies, and drafts not at all.
    pub folders: Vec<String>,
    /// The first day of which mail is read, such as `2026-02-01`. Default: the day before the campaign's first letter.
    #[schemars(extend("format" = "date"))]
    pub since: Option<String>,
    /// How much of a message is taken in, such as `"5 MB"`; of a larger one only the beginning is read. Default: `10 MB`.
    pub largest: Option<String>,
    /// imap: how long the server may take, such as `"30s"` or `"5 min"`.
    pub timeouts: RawInboxTimeouts,
}

/// `[inbox.timeouts]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawInboxTimeouts {
    /// Looking up the name, connecting and TLS. Default: `30s`.
    pub connect: Option<String>,
    /// How long the server may be silent when it was asked something; a whole answer may take ten times as long. Default:
    /// `2 min`.
    pub command: Option<String>,
    /// How often a server is asked that cannot tell by itself when something comes in. Default: `1 min`.
    pub poll: Option<String>,
}

/// `[pace]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawPace {
    /// At most so many letters within any minute.
    #[schemars(extend("minimum" = 1, "maximum" = 1_000_000_000))]
    pub per_minute: Option<u32>,
    /// At most so many within any hour.
    #[schemars(extend("minimum" = 1, "maximum" = 1_000_000_000))]
    pub per_hour: Option<u32>,
    /// At most so many within any 24 hours.
    #[schemars(extend("minimum" = 1, "maximum" = 1_000_000_000))]
    pub per_day: Option<u32>,
    /// At most so many within any minute to addresses of one domain.
    #[schemars(extend("minimum" = 1, "maximum" = 1_000_000_000))]
    pub per_domain_per_minute: Option<u32>,
    /// At most so much is added, by chance, to the time between two letters: `"2s"`. Default: none.
    pub jitter: Option<String>,
    /// No limit at all; the relay's own limits then stop you, often for a day.
    pub unlimited: Option<bool>,
}

/// `[window]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawWindow {
    /// The days: `mon-fri`, `mon,wed,fri`, or in Dutch `ma-vr`. Default: every day.
    pub days: Option<String>,
    /// When it opens, `HH:MM`. Default: `00:00`.
    pub from: Option<String>,
    /// When it closes, `HH:MM`, later than `from`. Default: `23:59`.
    pub until: Option<String>,
}

/// `[pdf]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawPdf {
    /// The typesetter, where it is neither beside this program nor in a folder of `PATH`: the path of `letter-pdf`.
    pub program: Option<String>,
    /// A folder with fonts of your own (`.otf`, `.ttf`, `.ttc`), beside the four faces of Libertinus Serif that are
    /// always there.
    pub fonts: Option<String>,
}

/// `[notify]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawNotify {
    /// At which time of the day, `HH:MM`, it is told who answered, what bounced and what waits for a person; on a day
    /// without news nothing goes. Default: `08:00`.
    pub daily: Option<String>,
}

/// `[preflight]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawPreflight {
    /// More than so many recipients of one organisation who get the same text are a finding. Default: 3.
    #[schemars(extend("minimum" = 1, "maximum" = 1_000_000))]
    pub per_organisation: Option<u32>,
    /// Whether SpamAssassin is asked about the letters: `auto`, where it is installed (the default), or `off`.
    #[schemars(extend("enum" = ["auto", "off"]))]
    pub spamassassin: Option<String>,
    /// A finding that may stay. A letter's front matter can say the same for itself.
    pub accept: Vec<RawAccept>,
}

/// `[[preflight.accept]]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawAccept {
    /// The finding's name, as `check` and the reference of findings have it. Required.
    pub finding: Option<String>,
    /// Why it may stay, for whoever reads this later. Required.
    pub reason: Option<String>,
    /// The keys of the recipients for whom it may stay. Without it, for all.
    pub only: Vec<String>,
}

/// `[ledger]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawLedger {
    /// The ledger's file, behind `sqlite:`. Default: `sqlite:logs/ledger.db`.
    pub url: Option<String>,
}
