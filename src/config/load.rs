//! From `config.toml` to settled values. The only place that reads the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::check::{Document, shown};
use super::pace::{PaceChoice, given, profile, said};
use super::reference::schema;
use super::schema::{Raw, RawPace, RawTransport, RawWindow};
use super::words::{days, span, time};
use crate::campaign::calendar::{Deadlines, Window};
use crate::campaign::day::day;
use crate::campaign::definition::Sender;
use crate::campaign::headings::{nearest, normalised};
use crate::campaign::holidays::WorkingDays;
use crate::campaign::preflight;
use crate::campaign::preflight::acceptance::{Acceptance, Written};
use crate::campaign::problem::{Place, Problem, Problems};
use crate::campaign::roster::RosterSettings;
use crate::campaign::sequence::StepRule;
use crate::campaign::task::TaskColumns;
use crate::dashboard::board::Point;
use crate::delivery::pace::Pace;
use crate::inbox::mailbox;
use crate::mail::address::{Address, Mailbox};
use crate::mail::message_id::MessageId;
use crate::transport::Settings;
use crate::typesetting;

/// So many processes typeset at once, at most; each takes some fifty megabytes.
const MOST_PROCESSES: usize = 8;

/// The name of the file.
pub const FILE: &str = "config.toml";

/// The campaign's settings, settled: checked, with a value for everything.
#[derive(Clone, Debug)]
pub struct Config {
    /// The campaign's folder, as it was named.
    pub folder: PathBuf,
    /// The campaign's name.
    pub name: String,
    /// A language tag: `nl`.
    pub language: String,
    /// The time zone's name: `Europe/Amsterdam`.
    pub timezone: String,
    /// The same, to reckon with.
    pub zone: TimeZone,
    /// Who writes.
    pub sender: Sender,
    /// Where the roster is.
    pub roster: PathBuf,
    /// How the roster's columns are named.
    pub recipients: RosterSettings,
    /// What the columns are called that hold what a person needs for a task.
    pub tasks: TaskColumns,
    /// The letters' names, in their order.
    pub steps: Vec<String>,
    /// When each letter follows the one before, and for whom not; as many as `steps`, the first without any rule.
    pub rules: Vec<StepRule>,
    /// Which days are worked.
    pub working: WorkingDays,
    /// The way out.
    pub transport: Settings,
    /// The way back; none where no mailbox is read.
    pub inbox: Option<mailbox::Settings>,
    /// What stops reading the mailbox alone: a secret that is not there, as in `unready`.
    pub inbox_unready: Vec<Problem>,
    /// How fast, and how to say it.
    pub pace: PaceChoice,
    /// Office hours, if any.
    pub window: Option<Window>,
    /// The days after which nothing goes out.
    pub deadlines: Deadlines,
    /// How PDF letters are made.
    pub typesetting: typesetting::Settings,
    /// The folder with fonts of one's own, where there is one.
    pub fonts: Option<PathBuf>,
    /// At which time of the day the sender is told by mail what happened; none where nobody asked for it.
    pub notify: Option<Time>,
    /// What is looked for before a letter leaves.
    pub preflight: preflight::Settings,
    /// The points of the letter, to which answers are filed.
    pub points: Vec<Point>,
    /// How many people must approve a plan on the page before it may begin.
    pub approvals: usize,
    /// The ledger's file.
    pub ledger: PathBuf,
    /// What stops `send` alone: a secret that is not there. In `problems` each of them is a warning, so that
    /// `check` and `preview` go on without the secret; `send` must refuse while there is any.
    pub unready: Vec<Problem>,
}

impl Config {
    /// Describes how letters travel, for the plan's digest: account, protection, pace, office hours and the last day; no
    /// secret, and nothing that only changes how quickly the same letters get through.
    pub fn way(&self) -> String {
        let transport = match &self.transport {
            Settings::Rehearsal { .. } => "rehearsal".to_owned(),
            // Wherever the command is typed, it is the same folder.
            Settings::Folder { path } => {
                format!("folder {}", path.strip_prefix(&self.folder).unwrap_or(path).display())
            }
            Settings::Smtp(smtp) => {
                let user =
                    smtp.server.login.as_ref().map(|login| login.username.as_str()).unwrap_or_default();
                format!("smtp {}:{} {:?} {user}", smtp.server.host, smtp.server.port, smtp.server.security)
            }
        };
        let until = self.deadlines.last.map(|last| format!("\nuntil {last}")).unwrap_or_default();
        // A campaign of one letter has the digest that it always had.
        let follows = (self.rules.len() > 1).then(|| format!("\n{:?}\n{:?}", self.rules, self.working));
        let follows = follows.unwrap_or_default();
        format!("{transport}\n{}\n{:?}{until}{follows}", self.pace.said, self.window)
    }
}

/// Reads `config.toml` in a campaign folder; `environment` returns a variable's value.
///
/// Returns `None` where so much is wrong that nothing can be looked at; all errors are then in `problems`. Settings that
/// come with errors are there to find what else is wrong, and for nothing else.
pub fn load(
    dir: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Config> {
    let path = dir.join(FILE);
    let error = |said: String| Problem::error("unreadable", Place::file(FILE), said);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(found) if found.kind() == std::io::ErrorKind::NotFound => {
            problems.push(
                error(format!("there is no `{FILE}` in `{}`", shown(&dir.display().to_string())))
                    .hint("name the campaign's folder with `-C DIR`, or make one with `postduif init DIR`"),
            );
            return None;
        }
        Err(found) => {
            problems.push(error(format!("cannot be read: {found}")));
            return None;
        }
    };
    read_what_there_is(dir, &bytes, environment, problems)
}

/// Reads the bytes of a `config.toml` of the campaign folder `dir`; opens nothing.
///
/// Returns `None` where any error was found; all of them are then in `problems`.
pub fn read(
    dir: &Path,
    bytes: &[u8],
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Config> {
    let mut found = Problems::default();
    let settled = read_what_there_is(dir, bytes, environment, &mut found);
    let right = found.errors() == 0;
    problems.append(found);
    settled.filter(|_| right)
}

fn read_what_there_is(
    dir: &Path,
    bytes: &[u8],
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Config> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            problems.push(
                Problem::error("not-utf-8", Place::line(FILE, line), "the file is not written in UTF-8")
                    .hint("save it as UTF-8"),
            );
            return None;
        }
    };
    let document = Document::parse(FILE, text.trim_start_matches('\u{FEFF}'), problems)?;
    let accepted = document.accepted(&schema(), problems);
    match accepted.try_into::<Raw>() {
        Ok(raw) => Settling { dir, document: &document, environment, problems }.config(&raw),
        Err(error) => {
            problems.push(Problem::error("wrong-type", Place::file(FILE), error.message().to_owned()));
            None
        }
    }
}

pub(super) struct Settling<'a> {
    dir: &'a Path,
    pub(super) document: &'a Document<'a>,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) problems: &'a mut Problems,
}

impl Settling<'_> {
    pub(super) fn error(&mut self, name: &'static str, path: &[&str], said: impl Into<String>, hint: &str) {
        let mut problem = Problem::error(name, self.document.place(path), said);
        if !hint.is_empty() {
            problem = problem.hint(hint);
        }
        self.problems.push(problem);
    }

    pub(super) fn required(&mut self, path: &[&str], value: Option<&String>, hint: &str) -> Option<String> {
        match value.map(|value| value.trim()) {
            Some("") => {
                self.error("missing-key", path, format!("`{}` is empty", path.join(".")), hint);
                None
            }
            Some(value) => Some(value.to_owned()),
            None => {
                // A value of the wrong kind was told already.
                if !self.document.has(path) {
                    self.error("missing-key", path, format!("`{}` is missing", path.join(".")), hint);
                }
                None
            }
        }
    }

    fn address(&mut self, path: &[&str], text: &str) -> Option<Address> {
        match Address::parse(text) {
            Ok(address) => Some(address),
            Err(error) => {
                self.error(
                    "wrong-address",
                    path,
                    format!("`{}` is not a mail address: {}", path.join("."), error.why),
                    "",
                );
                None
            }
        }
    }

    pub(super) fn span(&mut self, path: &[&str], text: Option<&String>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        let least = if path.first() == Some(&"pace") { Duration::ZERO } else { Duration::from_millis(1) };
        span(text).filter(|span| *span >= least).unwrap_or_else(|| {
            self.error(
                "wrong-time",
                path,
                format!("`{}` cannot be `{}`", path.join("."), shown(text)),
                "write a number and `ms`, `s`, `min` or `h`, such as \"30s\" or \"5 min\", at most a week",
            );
            default
        })
    }

    pub(super) fn path(&self, text: &str) -> PathBuf {
        // `join` keeps an absolute path as it is.
        self.dir.join(text)
    }

    fn config(&mut self, raw: &Raw) -> Option<Config> {
        let campaign = &raw.campaign;
        let name = self.required(
            &["campaign", "name"],
            campaign.name.as_ref(),
            "the name is the campaign's identity in the ledger",
        );
        if name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            self.error("wrong-name", &["campaign", "name"], "`campaign.name` holds a control character", "");
        }
        let language = campaign.language.clone().unwrap_or_else(|| "nl".to_owned());
        if !language_tag(&language) {
            self.error(
                "wrong-language",
                &["campaign", "language"],
                format!("`{}` is no language tag", shown(&language)),
                "write one such as `nl` or `en-GB`",
            );
        }
        let timezone = campaign.timezone.clone().unwrap_or_else(|| "Europe/Amsterdam".to_owned());
        let zone = self.zone(&timezone);
        let last = campaign
            .deadline
            .as_ref()
            .and_then(|text| self.day("wrong-deadline", &["campaign", "deadline"], text));
        let sender = self.sender(raw);
        let recipients = self.recipients(raw);
        let roster = self.path(&recipients.file);
        let (steps, rules) = self.steps(raw);
        let working = self.working_days(&raw.calendar);
        let mut unready = Vec::new();
        let transport = self.transport(&raw.transport, &mut unready);
        let mut inbox_unready = Vec::new();
        let inbox = raw.inbox.as_ref().and_then(|inbox| self.inbox(inbox, &mut inbox_unready));
        let pace = self.pace(raw.pace.as_ref(), &raw.transport);
        let window = raw.window.as_ref().and_then(|window| self.window(window, zone.clone()));
        let notify = raw.notify.as_ref().map(|notify| self.notify(notify));
        let preflight = self.preflight(raw);
        let (points, approvals) = (self.points(raw), self.approvals(raw));
        let ledger = self.ledger(raw.ledger.url.as_deref());
        // What stands in for a wrong value is never used: an error has been told, and it is only to find more of them.
        Some(Config {
            folder: self.dir.to_owned(),
            name: name.unwrap_or_default(),
            language,
            timezone,
            deadlines: Deadlines { zone: zone.clone().unwrap_or(TimeZone::UTC), last },
            zone: zone.unwrap_or(TimeZone::UTC),
            sender: sender?,
            roster,
            recipients,
            tasks: TaskColumns { link: raw.recipients.link.clone(), limit: raw.recipients.limit.clone() },
            rules,
            working,
            steps,
            inbox,
            inbox_unready,
            transport: transport.unwrap_or(Settings::Rehearsal { connections: 1, keep: None }),
            pace: pace.unwrap_or_else(PaceChoice::careful),
            window,
            typesetting: self.typesetting(raw.pdf.program.as_deref()),
            fonts: raw.pdf.fonts.as_deref().map(|folder| self.path(folder)),
            notify,
            preflight,
            points,
            approvals,
            ledger: ledger.unwrap_or_else(|| self.path("logs/ledger.db")),
            unready,
        })
    }

    /// Where the typesetter is looked for: beside our own program, then in the folders of `PATH`.
    fn typesetting(&self, program: Option<&str>) -> typesetting::Settings {
        let own = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
        let path = (self.environment)("PATH").unwrap_or_default();
        typesetting::Settings {
            program: program.map(|program| self.path(program)),
            folders: own.into_iter().chain(std::env::split_paths(&path)).collect(),
            limit: typesetting::Settings::LIMIT,
            processes: std::thread::available_parallelism().map_or(1, usize::from).min(MOST_PROCESSES),
        }
    }

    pub(super) fn day(&mut self, name: &'static str, path: &[&str], text: &str) -> Option<Date> {
        match day(text) {
            Ok(day) => Some(day),
            Err(why) => {
                let said = format!("`{}` cannot be `{}`: {why}", path.join("."), shown(text));
                self.error(name, path, said, "write a day such as `2025-10-28` or `28-10-2025`");
                None
            }
        }
    }

    fn zone(&mut self, name: &str) -> Option<TimeZone> {
        // A zone has a name like these; anything else may not be looked for among files.
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+'));
        match plain.then(|| TimeZone::get(name)).and_then(Result::ok) {
            Some(zone) => Some(zone),
            None => {
                let known: Vec<String> =
                    jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
                let hint = match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "write one such as `Europe/Amsterdam`".to_owned(),
                };
                self.error(
                    "unknown-timezone",
                    &["campaign", "timezone"],
                    format!("`{}` is no known time zone", shown(name)),
                    &hint,
                );
                None
            }
        }
    }

    fn sender(&mut self, raw: &Raw) -> Option<Sender> {
        let raw = &raw.sender;
        let name = self.required(&["sender", "name"], raw.name.as_ref(), "recipients see it as the sender");
        if name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            self.error("wrong-name", &["sender", "name"], "`sender.name` holds a control character", "");
        }
        let address = self
            .required(&["sender", "address"], raw.address.as_ref(), "letters come from it")
            .and_then(|text| self.address(&["sender", "address"], &text));
        // RFC 5321 §4.5.3.1.1; a `+` and the token come behind it.
        let longest = 64 - 1 - MessageId::RETURN_TOKEN;
        let verp = raw.verp.unwrap_or(false);
        if verp && address.as_ref().is_some_and(|address| address.local().len() > longest) {
            let said =
                format!("with `verp`, at most {longest} characters fit before the @ of `sender.address`");
            self.error("long-address", &["sender", "address"], said, "use a shorter address, or no `verp`");
        }
        let reply_to = raw.reply_to.as_ref().and_then(|text| self.address(&["sender", "reply-to"], text));
        let mut fields = BTreeMap::new();
        for (key, value) in &raw.fields {
            let field = normalised(key);
            let taken = ["name", "address", "reply_to", "verp"].contains(&field.as_str());
            if field.is_empty() || taken || fields.insert(field, value.trim().to_owned()).is_some() {
                self.error(
                    "same-key",
                    &["sender", key],
                    format!("`sender.{}` has no name of its own in the letter", shown(key)),
                    "rename it",
                );
            }
        }
        Some(Sender {
            from: Mailbox {
                name,
                address: address.or_else(|| Address::parse("nobody@sender.example").ok())?,
            },
            reply_to: reply_to.map(|address| Mailbox { name: None, address }),
            verp,
            fields,
        })
    }

    fn recipients(&mut self, raw: &Raw) -> RosterSettings {
        let raw = &raw.recipients;
        let file = raw.file.clone().unwrap_or_else(|| "recipients.csv".to_owned());
        if file.trim().is_empty() {
            self.error("missing-key", &["recipients", "file"], "`recipients.file` is empty", "");
        }
        for (key, value) in [
            ("address", &raw.address),
            ("name", &raw.name),
            ("organisation", &raw.organisation),
            ("key", &raw.key),
            ("channel", &raw.channel),
            ("deadline", &raw.deadline),
            ("cc", &raw.cc),
            ("bcc", &raw.bcc),
            ("link", &raw.link),
            ("limit", &raw.limit),
        ] {
            if value.as_ref().is_some_and(|heading| normalised(heading).is_empty()) {
                let said = format!("`recipients.{key}` names no heading");
                self.error("missing-key", &["recipients", key], said, "write the heading of a column");
            }
        }
        if let Some(label) = &raw.encoding
            && encoding_rs::Encoding::for_label(label.as_bytes()).is_none()
        {
            self.error(
                "unknown-encoding",
                &["recipients", "encoding"],
                format!("the encoding `{}` is unknown", shown(label)),
                "name one such as `utf-8`, `windows-1252`, `utf-16le` or `macintosh`",
            );
        }
        RosterSettings {
            file,
            address: raw.address.clone().unwrap_or_else(|| "e-mail".to_owned()),
            name: raw.name.clone(),
            organisation: raw.organisation.clone(),
            key: raw.key.clone(),
            channel: raw.channel.clone(),
            deadline: raw.deadline.clone(),
            cc: raw.cc.clone(),
            bcc: raw.bcc.clone(),
            sheet: raw.sheet.clone(),
            separator: raw.separator.as_ref().and_then(|text| text.chars().next()),
            encoding: raw.encoding.clone(),
        }
    }

    fn pace(&mut self, raw: Option<&RawPace>, transport: &RawTransport) -> Option<PaceChoice> {
        if let Some(raw) = raw {
            let jitter = self.span(&["pace", "jitter"], raw.jitter.as_ref(), Duration::ZERO);
            let choice = given(raw, jitter);
            if raw.unlimited == Some(true)
                && choice.as_ref().is_some_and(|choice| choice.pace != Pace::default())
            {
                self.error(
                    "two-paces",
                    &["pace", "unlimited"],
                    "`unlimited = true` stands beside limits",
                    "leave the limits, or remove them and `jitter`",
                );
            }
            if choice.is_some() {
                return choice;
            }
            if ["per-minute", "per-hour", "per-day", "per-domain-per-minute", "unlimited"]
                .iter()
                .any(|key| self.document.has(&["pace", key]) && *key != "unlimited")
            {
                // A limit is there and was wrong: told already.
                return Some(PaceChoice { pace: Pace::default(), said: String::new(), defaulted: true });
            }
            self.error(
                "no-pace",
                &["pace"],
                "`[pace]` sets no limit",
                "set one such as `per-minute`, say `unlimited = true`, or remove the table for a careful default",
            );
            return None;
        }
        let unlimited = |way: &str| PaceChoice {
            pace: Pace::default(),
            said: format!("no [pace] given: unlimited, because {way}"),
            defaulted: true,
        };
        Some(match transport.kind.as_deref() {
            Some("smtp") => {
                let host = transport.server.host.as_deref().unwrap_or_default();
                let profile = profile(host.trim());
                let pace = profile.pace();
                let said = format!(
                    "no [pace] given: careful default for {} ({}): {}",
                    host,
                    profile.name,
                    said(&pace)
                );
                PaceChoice { pace, said, defaulted: true }
            }
            Some("folder") => unlimited("letters only become files"),
            _ => unlimited("the rehearsal sends nothing out"),
        })
    }

    fn window(&mut self, raw: &RawWindow, zone: Option<TimeZone>) -> Option<Window> {
        let days = match days(raw.days.as_deref().unwrap_or("mon-sun")) {
            Ok(days) => Some(days),
            Err(word) => {
                self.error(
                    "unknown-day",
                    &["window", "days"],
                    format!("`{}` is no day of the week", shown(&word)),
                    "write such as `mon-fri`, `mon,wed,fri` or `ma-vr`",
                );
                None
            }
        };
        let mut read = |key: &str, text: &str| {
            let read = time(text);
            if read.is_none() {
                self.error(
                    "wrong-time",
                    &["window", key],
                    format!("`{}` is no time of the day", shown(text)),
                    "write hours and minutes, such as `09:00`",
                );
            }
            read
        };
        let from = read("from", raw.from.as_deref().unwrap_or("00:00"));
        let until = read("until", raw.until.as_deref().unwrap_or("23:59"));
        let (from, until) = (from?, until?);
        if from >= until {
            self.error(
                "empty-window",
                &["window", "until"],
                "the window closes before it opens",
                "`until` must be later than `from` on the same day",
            );
            return None;
        }
        Some(Window { zone: zone?, days: days?, from, until })
    }

    fn preflight(&mut self, raw: &Raw) -> preflight::Settings {
        let raw = &raw.preflight;
        let defaults = preflight::Settings::default();
        let mut accept: Vec<Acceptance> = Vec::new();
        for (number, written) in raw.accept.iter().enumerate() {
            let written = Written {
                finding: written.finding.clone(),
                reason: written.reason.clone(),
                only: written.only.clone(),
                place: self.document.place_of_item(&["preflight", "accept"], number),
            };
            match written.settle() {
                Ok(settled) => accept.push(settled),
                Err(problem) => self.problems.push(*problem),
            }
        }
        preflight::Settings {
            per_organisation: raw
                .per_organisation
                .and_then(|most| usize::try_from(most).ok())
                .unwrap_or(defaults.per_organisation),
            spamassassin: raw.spamassassin.as_deref() != Some("off"),
            accept,
        }
    }

    fn ledger(&mut self, url: Option<&str>) -> Option<PathBuf> {
        let url = url.unwrap_or("sqlite:logs/ledger.db").trim();
        match url.split_once(':') {
            Some(("sqlite", file)) if !file.trim_matches(['/', ' ']).is_empty() => {
                // `sqlite:///var/x.db` is a habit from other programs: an empty host, then the path.
                Some(self.path(file.strip_prefix("//").unwrap_or(file).trim()))
            }
            Some(("postgres" | "postgresql", _)) => {
                self.error(
                    "unknown-ledger",
                    &["ledger", "url"],
                    "this version keeps its ledger in SQLite only; PostgreSQL is not there yet",
                    "write `sqlite:logs/ledger.db`",
                );
                None
            }
            _ => {
                // Not shown: such an address may hold a password.
                self.error(
                    "unknown-ledger",
                    &["ledger", "url"],
                    "`ledger.url` names no SQLite file",
                    "write `sqlite:` and a path, such as `sqlite:logs/ledger.db`",
                );
                None
            }
        }
    }
}

/// A language tag in outline (RFC 5646 §2.1): letters, then parts of up to eight letters or digits.
fn language_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=8).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}
