//! Reading a campaign folder: settings, letters, roster. Every command that needs the whole begins here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::enclosures::{Cabinet, Trouble};
use super::preflight::later_letters;
use super::stationery::{self, Materials};
use super::tasks::missing_columns;
use super::{Context, ledger_failed, pdf_letters};
use crate::account::{Secret, Server};
use crate::campaign::attachments::FOLDER;
use crate::campaign::definition::{Definition, LetterSource};
use crate::campaign::enclosure::{Enclosure, FileMark};
use crate::campaign::front_matter::{self, files_for_all, pdf_template};
use crate::campaign::headings::nearest;
use crate::campaign::preflight::acceptance::Acceptance;
use crate::campaign::preflight::catalogue::EXAMPLE_ADDRESS;
use crate::campaign::preflight::{Found, source};
use crate::campaign::problem::{Place, Problem, Problems, Severity};
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::{self, Detected, RosterReader};
use crate::config::Config;
use crate::delivery::state::State;
use crate::engine::press::Press;
use crate::inbox::mailbox;
use crate::ledger::record::{Campaign, Counts};
use crate::ledger::{Ledger, Reader, Returns};
use crate::mail::mime::Attachment;
use crate::report::Failure;
use crate::transport;
use crate::typesetting::TypesettingError;

/// How much of a file of the campaign is read at most: a letter is not a film.
const TEMPLATE_LIMIT: u64 = 1024 * 1024;
/// How deep folders of templates are looked through: `templates/partij/D66.md` is one deep.
const DEEPEST: usize = 4;

/// A campaign folder, read, with everything that is wrong with it.
pub struct Reading {
    /// The settings.
    pub config: Config,
    /// The letters as the files have them now.
    pub definition: Definition,
    /// How the roster is written; nothing if it cannot be read.
    pub roster: Option<Detected>,
    /// Makes messages of the letters that would go: the frozen ones once a letter has gone, else those of the files.
    pub press: Option<Press>,
    /// Pictures and fonts for PDF letters, as they are now.
    pub materials: Materials,
    /// The campaign in the ledger, if it was launched.
    pub launched: Option<Launched>,
    /// The files that go along with letters.
    pub cabinet: Cabinet,
    /// A window on the ledger, where there is one.
    pub reader: Option<Reader>,
    /// All problems so far.
    pub problems: Problems,
    /// The lines of `config.toml`, to say where a value stands.
    config_lines: Vec<String>,
    /// Whether the settings have errors: they are good enough to look for more then, and for nothing else.
    pub settings_wrong: bool,
}

/// The campaign as the ledger has it.
pub struct Launched {
    /// The row.
    pub campaign: Campaign,
    /// Its deliveries by state.
    pub counts: Counts,
    /// What goes: the frozen letters, and those of the files that were not begun.
    pub continued: Option<Box<Definition>>,
    /// Whether the files now differ from what goes.
    pub drifted: bool,
    /// What came back.
    pub returns: Returns,
}

impl Reading {
    /// Reads the folder.
    ///
    /// # Errors
    /// When the settings cannot be read at all, since nothing else can be found without them; their problems have
    /// been told by then. Or when the ledger is there and cannot be read.
    pub fn of(context: &Context) -> Result<Self, Failure> {
        let mut problems = Problems::default();
        let config = context.config_with(&mut problems)?;
        let settings_wrong = problems.errors() > 0;
        let text = fs::read_to_string(context.folder.join("config.toml")).unwrap_or_default();
        let config_lines = text.lines().map(str::to_owned).collect();
        let cabinet = Cabinet::of(&context.folder);
        let (definition, materials) = definition(context, &config, &cabinet, &mut problems);
        let roster = detect(&config, &mut problems);
        let reader = Ledger::read(&config.ledger).map_err(ledger_failed)?;
        let launched = match &reader {
            Some(reader) => launched(reader, &config, &definition).map_err(ledger_failed)?,
            None => None,
        };
        let mut reading = Self {
            config,
            definition,
            roster,
            press: None,
            materials,
            launched,
            cabinet,
            reader,
            problems,
            config_lines,
            settings_wrong,
        };
        reading.set_up_press();
        reading.set_up_typesetter();
        reading.look_for_columns_of_settings();
        let accepted = reading.acceptances();
        reading.problems.accept(accepted);
        reading.look_at_what_was_written(context);
        reading.look_for_files_of_the_accounts();
        Ok(reading)
    }

    /// Returns whether letters would leave the machine.
    pub fn is_real(&self) -> bool {
        match &self.config.transport {
            transport::Settings::Rehearsal { .. } | transport::Settings::Folder { .. } => false,
            transport::Settings::Smtp(smtp) => !is_loopback(&smtp.server.host),
        }
    }

    /// Returns what may stay: what the settings say, and the letters that would go.
    pub fn acceptances(&self) -> Vec<Acceptance> {
        let definition = self.press.as_ref().map_or(&self.definition, |press| press.definition());
        let of_letter = |source: &LetterSource| front_matter::acceptances(&source.file(), &source.text);
        let accepted = self.config.preflight.accept.iter().cloned();
        accepted.chain(definition.steps.iter().flat_map(of_letter)).collect()
    }

    /// Opens the roster anew, at its first row.
    ///
    /// # Errors
    /// When the file cannot be opened any more, or could not be read before.
    pub fn rows(&self) -> Result<RosterReader<BufReader<File>>, Failure> {
        let path = &self.config.roster;
        let detected = self.roster.as_ref().ok_or_else(|| Failure::input("the roster cannot be read"))?;
        let file = File::open(path)
            .map_err(|error| Failure::input(format!("{} cannot be read: {error}", path.display())))?;
        Ok(RosterReader::new(BufReader::with_capacity(64 * 1024, file), &self.config.recipients, detected))
    }

    /// Returns the files that go along with a recipient's letter, as far as they are there, and which must be there and are not.
    /// One who takes no mail has none.
    pub fn enclosures(&self, recipient: &Recipient, now: Timestamp) -> (Vec<Enclosure>, Vec<Problem>) {
        let press = self.press.as_ref().filter(|_| recipient.errand().is_none());
        let wanted = press.and_then(|press| press.letter(1)?.wanted(&press.input(recipient, now)).ok());
        // What else is wrong with the row is told with its letter.
        wanted.map(|wanted| self.cabinet.enclosures(wanted)).unwrap_or_default()
    }

    /// Returns which files must be there for a recipient's letters that follow, and are not yet; each names its letter.
    pub fn missing_later(&self, recipient: &Recipient, now: Timestamp) -> Vec<Problem> {
        let press = self.press.as_ref().filter(|_| recipient.errand().is_none());
        let later = press.into_iter().flat_map(|press| later_letters(press).map(move |later| (press, later)));
        let asking = later.filter(|(_, (_, letter, _))| letter.encloses());
        let missing = asking.filter_map(|(press, (step, letter, _))| {
            let row = press.row(recipient, step, now, None);
            Some(self.cabinet.enclosures(letter.wanted(&row.input()).ok()?).1)
        });
        let warning = |problem| Problem { severity: Severity::Warning, ..problem };
        missing.flatten().map(warning).collect()
    }

    /// Reads the files that go along with a recipient's letter of a step.
    ///
    /// # Errors
    /// When one that must be there cannot be read; each is named.
    pub fn attachments(
        &self,
        recipient: &Recipient,
        step: u32,
        now: Timestamp,
    ) -> Result<Vec<Attachment>, Failure> {
        let Some(press) = &self.press else { return Ok(Vec::new()) };
        let Some(letter) = press.letter(step) else { return Ok(Vec::new()) };
        let kept = |digest: &_| self.reader.as_ref()?.file(digest).ok()?;
        let row = press.row(recipient, step, now, None);
        let wanted = letter.wanted(&row.input());
        let attachments = wanted.and_then(|wanted| self.cabinet.attachments(wanted, &kept));
        attachments.map_err(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failure::input(format!("the letter of {} lacks a file: {}", recipient.key, told.join("; ")))
                .safe("nothing was sent")
        })
    }

    /// Compiles the letters that would go.
    fn set_up_press(&mut self) {
        let Some(roster) = &self.roster else { return };
        let columns: Vec<String> = roster.headings.iter().map(|heading| heading.key.clone()).collect();
        let frozen = self.launched.as_ref().filter(|launched| launched.drifted);
        let Some(frozen) = frozen else {
            self.press = Press::set_up(self.definition.clone(), &columns, &mut self.problems);
            return;
        };
        // The files' own letter does not go out, so what is wrong with it stops nothing.
        let mut of_the_files = Problems::default();
        Press::set_up(self.definition.clone(), &columns, &mut of_the_files);
        for problem in of_the_files.sorted() {
            self.problems.push(Problem { severity: Severity::Warning, ..problem.clone() });
        }
        let frozen = frozen.continued.as_deref().cloned();
        self.press = frozen.and_then(|frozen| Press::set_up(frozen, &columns, &mut self.problems));
        if let Some(launched) = self.launched.as_ref().filter(|launched| launched.drifted) {
            let since = launched.campaign.launched_at.to_zoned_datetime(self.config.zone.clone()).date();
            self.problems.push(
                Problem::warning(
                    "drift",
                    Place::file("templates/"),
                    format!("letter or sender differ from what was frozen at launch on {since}; the frozen ones go out"),
                )
                .hint("to send another text to the rest, give the campaign another name"),
            );
        }
    }

    /// Gives the press a typesetter where a letter asks for a PDF, and looks whether it is there; sending needs it.
    fn set_up_typesetter(&mut self) {
        let Some(press) = self.press.take_if(|press| press.wants_pdf()) else { return };
        let stationery = &press.definition().stationery;
        if self.definition.stationery.is_empty() {
            // The letter of the files asks for none any more, and the frozen one, which goes out, does.
            let (templates, fonts) = (self.config.folder.join("templates"), self.config.fonts.as_deref());
            (_, self.materials) = stationery::read(&templates, fonts, &mut Problems::default());
        }
        let settings = self.config.typesetting.clone();
        let typesetter = stationery::typesetter(stationery, &self.materials, settings, &mut self.problems);
        match typesetter.about() {
            Ok(_) => {}
            Err(TypesettingError::Faults(faults)) => {
                faults.into_iter().for_each(|fault| self.problems.push(fault))
            }
            Err(error @ (TypesettingError::TooSlow { .. } | TypesettingError::Broken { .. })) => {
                self.problems.push(Problem::error(
                    "typesetting",
                    Place::file("templates/"),
                    error.to_string(),
                ));
            }
            Err(error @ (TypesettingError::Missing { .. } | TypesettingError::Unusable { .. })) => {
                let letters = press.definition().steps.iter();
                let mut asks =
                    letters.filter(|letter| pdf_template(letter).is_some()).map(LetterSource::file);
                let file = asks.next().unwrap_or_default();
                let said = format!("the letter asks for a PDF, and {error}");
                let hint = format!("sending needs it; {}", pdf_letters::HINT);
                let problem = |severity| {
                    let problem =
                        Problem::error("no-typesetter", Place::file(&file), said.clone()).hint(&hint);
                    Problem { severity, ..problem }
                };
                self.problems.push(problem(Severity::Warning));
                self.config.unready.push(problem(Severity::Error));
            }
        }
        self.press = Some(press.with_typesetter(Arc::new(typesetter)));
    }

    /// Looks for the columns that the settings name for tasks, and for whom letters leave out.
    fn look_for_columns_of_settings(&mut self) {
        let Some(roster) = &self.roster else { return };
        let headings: Vec<String> = roster.headings.iter().map(|heading| heading.key.clone()).collect();
        for problem in missing_columns(&self.config.tasks, &headings, &self.config.recipients.file) {
            self.problems.push(problem);
        }
        let conditions = self.config.rules.iter().flat_map(|rule| &rule.unless);
        for condition in conditions.filter(|condition| !headings.contains(&condition.field)) {
            let near = nearest(&condition.field, headings.iter().map(String::as_str));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let said = format!("no column is headed `{}`, which `unless` asks for", condition.field);
            let place = self.place_in_config("unless");
            self.problems.push(
                Problem::error("missing-column", place, said)
                    .hint(hint.unwrap_or_else(|| "a column of the roster, or `replied`".to_owned())),
            );
        }
    }

    /// Returns where a key stands in `config.toml`.
    pub fn place_in_config(&self, key: &str) -> Place {
        match self.config_lines.iter().position(|line| line.trim_start().starts_with(key)) {
            Some(at) => Place::line("config.toml", at as u64 + 1),
            None => Place::file("config.toml"),
        }
    }

    /// Looks whether the files that the accounts need can be used; sending and reading need them, and a preview does not.
    fn look_for_files_of_the_accounts(&mut self) {
        let mut files = Vec::new();
        let mut of_server = |table, server: &Server, needs| {
            if let Some(Secret::PasswordFile(path)) = server.login.as_ref().map(|login| &login.secret) {
                let found = fs::metadata(path).map(|about| is_open_to_others(&about));
                files.push((table, "password-file", path.clone(), found, needs));
            }
            if let Some(path) = &server.ca_file {
                files.push((table, "ca-file", path.clone(), fs::metadata(path).map(|_| false), needs));
            }
        };
        if let transport::Settings::Smtp(smtp) = &self.config.transport {
            of_server("[transport]", &smtp.server, "sending needs it");
        }
        let needs = "reading the mailbox needs it";
        match self.config.inbox.as_ref().map(|inbox| &inbox.way) {
            Some(mailbox::Way::Imap { server, .. }) => of_server("[inbox]", server, needs),
            Some(mailbox::Way::Maildir { path }) => {
                files.push(("[inbox]", "path", path.clone(), fs::read_dir(path).map(|_| false), needs));
            }
            None => {}
        }
        for (table, key, path, found, needs) in files {
            let (said, hint) = match found {
                Ok(false) => continue,
                Ok(true) => {
                    ("may be read by others".to_owned(), format!("{needs} private: run `chmod 600` on it"))
                }
                Err(error) => (format!("cannot be read: {error}"), needs.to_owned()),
            };
            let mut lines = self.config_lines.iter().map(|line| line.trim_start());
            let heading = lines.position(|line| line.starts_with(table));
            let line = heading.and_then(|at| Some(at + 1 + lines.position(|line| line.starts_with(key))?));
            let place = match line {
                Some(at) => Place::line("config.toml", at as u64 + 1),
                None => Place::file("config.toml"),
            };
            let said = format!("`{key}`: {} {said}", path.display());
            self.problems.push(Problem::warning("unready-file", place, said).hint(hint));
        }
    }

    /// Looks for what nobody should get to read, in the letters that would go and in what is told of the sender.
    fn look_at_what_was_written(&mut self, context: &Context) {
        let real = self.is_real();
        let definition = self.press.as_ref().map_or(&self.definition, |press| press.definition());
        let today = context.clock.now().to_zoned_datetime(self.config.zone.clone()).date();
        let place = |value: &str| match self.config_lines.iter().position(|line| line.contains(value)) {
            Some(at) => Place::line("config.toml", at as u64 + 1),
            None => Place::file("config.toml"),
        };
        let mut found = source::look(definition, today, real);
        found.extend(source::look_at_sender(&definition.name, &definition.sender, real, place));
        // What stands in for a wrong address is not the user's.
        let address = &definition.sender.from.address;
        if real && !self.settings_wrong && crate::mail::address::reserved_domain(address) {
            let said = format!("the sender's address {address} is only an example");
            let example = Found::new(&EXAMPLE_ADDRESS, said).hint("put your own into `sender.address`");
            found.push(example.at(place(&address.to_string()), real));
        }
        found.into_iter().for_each(|problem| self.problems.push(problem));
    }
}

#[cfg(unix)]
fn is_open_to_others(about: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

/// Returns whether a host is this machine itself.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn launched(
    reader: &Reader,
    config: &Config,
    definition: &Definition,
) -> Result<Option<Launched>, crate::ledger::LedgerError> {
    let Some(campaign) = reader.campaign(&config.name)? else { return Ok(None) };
    let counts = reader.counts(campaign.id)?;
    // Until a letter was handed over or a task done, launching again takes the new text.
    let nothing_done =
        |state| matches!(state, State::Queued | State::Cancelled | State::Lapsed | State::Task);
    let untouched = State::ALL.into_iter().all(|state| nothing_done(state) || counts.of(state) == 0);
    let begun = if untouched { 0 } else { reader.begun(campaign.id)?.max(1) };
    let frozen: Option<Definition> = serde_json::from_str(&campaign.definition).ok();
    let continued =
        frozen.filter(|_| begun > 0).map(|frozen| Box::new(definition.continuing(&frozen, begun)));
    let drifted = !untouched && continued.as_ref().is_none_or(|continued| **continued != *definition);
    let returns = reader.returns(campaign.id)?;
    Ok(Some(Launched { campaign, counts, continued, drifted, returns }))
}

/// Reads the letters and everything they may include.
fn definition(
    context: &Context,
    config: &Config,
    cabinet: &Cabinet,
    problems: &mut Problems,
) -> (Definition, Materials) {
    let folder = context.folder.join("templates");
    let steps: Vec<_> = config
        .steps
        .iter()
        .filter_map(|name| {
            let name = letter_name(&folder, name, problems)?;
            let stem = name.trim_end_matches(".html");
            let mut source =
                LetterSource { name: name.clone(), text: String::new(), partials: BTreeMap::new() };
            let ending = if source.is_html() { "html" } else { "md" };
            templates(&folder, ending, "", DEEPEST, &mut source.partials, problems);
            source.text = source.partials.remove(stem).or_else(|| {
                let place = Place::file(source.file());
                problems.push(Problem::error("no-letter", place, "there is no such file"));
                None
            })?;
            Some(source)
        })
        .collect();
    let wants_pdf = steps.iter().any(|source: &LetterSource| pdf_template(source).is_some());
    let (stationery, materials) = if wants_pdf {
        stationery::read(&folder, config.fonts.as_deref(), problems)
    } else {
        Default::default()
    };
    let definition = Definition {
        name: config.name.clone(),
        language: config.language.clone(),
        timezone: config.timezone.clone(),
        sender: config.sender.clone(),
        attachments: files(&steps, cabinet, problems),
        steps,
        stationery,
    };
    (definition, materials)
}

/// Returns the name of a letter as its source has it: with `.html` for a page.
fn letter_name(folder: &Path, name: &str, problems: &mut Problems) -> Option<String> {
    let page = format!("{name}.html");
    match (folder.join(format!("{name}.md")).exists(), folder.join(&page).exists()) {
        _ if name.ends_with(".html") => Some(name.to_owned()),
        (true, true) => {
            let said = format!("there are two letters of that name, `{name}.md` and `{page}`");
            problems.push(
                Problem::error("two-letters", Place::file(format!("templates/{page}")), said)
                    .hint(format!("write `letter = \"{page}\"` for this one, or move one of them away")),
            );
            None
        }
        (false, true) => Some(page),
        _ => Some(name.to_owned()),
    }
}

/// Reads the files that go along with every letter. What is not there is told when the letter is compiled, which knows
/// whether that matters.
fn files(steps: &[LetterSource], cabinet: &Cabinet, problems: &mut Problems) -> BTreeMap<String, FileMark> {
    let mut files = BTreeMap::new();
    for path in steps.iter().flat_map(files_for_all) {
        match cabinet.look(&path) {
            Ok(mark) => {
                files.insert(path, mark);
            }
            Err(Trouble::Missing { .. }) => {}
            Err(trouble) => {
                let place = Place::file(format!("{FOLDER}/{path}"));
                problems.push(Problem::warning("no-attachment", place, trouble.to_string()));
            }
        }
    }
    files
}

/// Reads every file with this ending of a folder and of those below it, by name without the ending.
fn templates(
    folder: &Path,
    ending: &str,
    before: &str,
    depth: usize,
    texts: &mut BTreeMap<String, String>,
    problems: &mut Problems,
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let is_template = path.extension().is_some_and(|known| known == ending);
        if !is_template && depth > 0 && path.is_dir() {
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                templates(&path, ending, &format!("{before}{name}/"), depth - 1, texts, problems);
            }
            continue;
        }
        if !is_template {
            continue;
        }
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        let name = format!("{before}{name}");
        let place = Place::file(format!("templates/{name}.{ending}"));
        let size = fs::metadata(&path).map_or(0, |about| about.len());
        if size > TEMPLATE_LIMIT {
            let said = format!("the file has {} MB; a letter has some kilobytes", size / 1_000_000);
            problems.push(Problem::error("large-file", place, said));
            continue;
        }
        match fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) => {
                texts.insert(name, text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned));
            }
            Ok(Err(_)) => problems.push(
                Problem::error("not-utf-8", place, "the file is not in UTF-8")
                    .hint("save it as UTF-8 in your editor"),
            ),
            Err(error) => {
                problems.push(Problem::error("unreadable", place, format!("it cannot be read: {error}")));
            }
        }
    }
}

fn detect(config: &Config, problems: &mut Problems) -> Option<Detected> {
    let place = || Place::file(config.recipients.file.clone());
    // A device or a pipe may have no end, and the roster is read more than once.
    if fs::metadata(&config.roster).is_ok_and(|found| !found.is_file()) {
        problems.push(Problem::error("unreadable", place(), "it cannot be read: it is no file"));
        return None;
    }
    let mut file = match File::open(&config.roster) {
        Ok(file) => BufReader::new(file),
        Err(error) => {
            let said = format!("it cannot be read: {error}");
            problems.push(Problem::error("unreadable", place(), said));
            return None;
        }
    };
    match roster::detect(&mut file, &config.recipients) {
        Ok(mut detected) => {
            detected.warnings.drain(..).for_each(|problem| problems.push(problem));
            Some(detected)
        }
        Err(found) => {
            found.into_iter().for_each(|problem| problems.push(problem));
            None
        }
    }
}
