//! One row of the roster, read as a recipient.

use super::addressees::{MOST, gathered, mailboxes};
use super::channel::errand;
use super::columns::missing;
use super::day::day;
use super::detect::{Detected, Written};
use super::encoding::looks_misread;
use super::headings::trimmed;
use super::problem::{Place, Problem};
use super::recipient::{Addressees, Channel, Recipient};
use super::roster::{RosterSettings, short, turns};
use super::table::Record;
use super::workbook::Typed;
use crate::mail::address::Mailbox;

/// What is told once for the whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    misread: bool,
    no_address_column: bool,
    /// The columns whose numbers were told.
    numbers: Vec<usize>,
}

/// Reads a row whose cells are as many as the headings; its fields not where `whom_alone` is enough.
///
/// # Errors
/// All that is wrong with it; nothing where that was said of an earlier row and holds for all.
pub(super) fn recipient(
    record: &Record,
    settings: &RosterSettings,
    detected: &Detected,
    whom_alone: bool,
    said: &mut Said,
) -> Result<(Recipient, Vec<Problem>), Vec<Problem>> {
    let mut row = Row { record, settings, detected, problems: Vec::new(), warnings: Vec::new() };
    let columns = detected.columns;
    let mut fields = Vec::new();
    if !whom_alone {
        fields = row.fields(said);
        row.look_at_types(said);
    }
    let deadline = row.deadline();
    let (name, organisation) = (row.head(columns.name), row.head(columns.organisation));
    let channel = row.channel(said);
    let key = row.head(columns.key).or_else(|| match channel.as_ref()? {
        Channel::Mail(addressees) => Some(addressees.to.address.canonical()),
        Channel::ByHand(_) => {
            let mut names: Vec<&str> = organisation.iter().chain(&name).map(String::as_str).collect();
            names.dedup();
            Some(names.join(", ")).filter(|key| !key.is_empty())
        }
    });
    if key.is_none() && channel.is_some() {
        row.problems.push(
            Problem::error("no-key", row.place(), "nothing in the row says whom it is about").hint(
                "where there is no address, a key, a name or an organisation is needed: see `[recipients]`",
            ),
        );
    }
    match (channel, key) {
        (Some(channel), Some(key)) if row.problems.is_empty() => {
            Ok((Recipient { key, name, organisation, channel, deadline, fields }, row.warnings))
        }
        _ => Err(row.problems),
    }
}

struct Row<'a> {
    record: &'a Record,
    settings: &'a RosterSettings,
    detected: &'a Detected,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Row<'_> {
    fn place(&self) -> Place {
        self.record.at.in_file(&self.settings.file)
    }

    fn cell_place(&self, at: usize) -> Place {
        self.record.at.cell(&self.settings.file, at)
    }

    fn cell(&self, at: Option<usize>) -> &str {
        at.and_then(|at| self.record.cells.get(at)).map_or("", |cell| trimmed(cell))
    }

    /// A cell in one line.
    fn head(&self, at: Option<usize>) -> Option<String> {
        let cell = self.cell(at);
        if cell.is_empty() {
            return None;
        }
        Some(cell.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// How a column is called in a message.
    fn named(&self, at: usize) -> String {
        match self.detected.headings.get(at) {
            Some(heading) if !heading.key.is_empty() => format!("`{}`", short(&heading.original)),
            _ => format!("column {}", at + 1),
        }
    }

    fn fields(&mut self, said: &mut Said) -> Vec<(String, String)> {
        let headings = &self.detected.headings;
        let mut fields = Vec::with_capacity(headings.len());
        for (at, (heading, cell)) in headings.iter().zip(&self.record.cells).enumerate() {
            let value = trimmed(cell);
            if heading.key.is_empty() {
                if !value.is_empty() {
                    self.problems.push(
                        Problem::error(
                            "no-heading",
                            self.cell_place(at),
                            format!("`{}` stands in {}, which has no heading", short(value), self.named(at)),
                        )
                        .hint("give the column a heading, or empty it"),
                    );
                }
                continue;
            }
            if value.starts_with('#') && ERRORS.contains(&value) {
                self.error_cell(at, value);
            }
            // Most cells are plain letters, which can be nothing that is looked for.
            if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                self.look_at_letters(at, value, said);
            }
            fields.push((heading.key.clone(), value.to_owned()));
        }
        fields
    }

    /// Looks at cells of a spreadsheet that are no texts.
    fn look_at_types(&mut self, said: &mut Said) {
        for (at, typed) in self.record.typed.iter().copied() {
            match typed {
                // An error that is no text of an error.
                Typed::Error if !ERRORS.contains(&self.cell(Some(at))) => {
                    let value = self.cell(Some(at)).to_owned();
                    self.error_cell(at, &value);
                }
                Typed::Error => {}
                Typed::NoValue => {
                    let said = format!("{} is a formula whose value is not in the file", self.named(at));
                    self.problems.push(
                        Problem::error("no-value", self.cell_place(at), said)
                            .hint("open the file in your spreadsheet program and save it anew"),
                    );
                }
                Typed::Number if said.numbers.contains(&at) => {}
                Typed::Number => {
                    let value = self.cell(Some(at));
                    let heading = self.detected.headings.get(at).map_or("", |heading| heading.key.as_str());
                    if loses_zeros(heading, value) {
                        said.numbers.push(at);
                        let said = format!("{} holds numbers, such as {value}", self.named(at));
                        self.warnings.push(Problem::warning("number", self.cell_place(at), said).hint(
                            "zeros at the beginning are lost in them; if there were any, make the cells text",
                        ));
                    }
                }
            }
        }
    }

    fn error_cell(&mut self, at: usize, value: &str) {
        let said = format!("{} holds the error `{}`", self.named(at), short(value));
        self.problems.push(
            Problem::error("error-cell", self.cell_place(at), said)
                .hint("mend the formula, or empty the cell"),
        );
    }

    /// Looks for characters that nobody meant to be there.
    fn look_at_letters(&mut self, at: usize, value: &str, said: &mut Said) {
        let named = self.named(at);
        let (lost, as_what, mend) = match self.detected.written {
            Written::Text { encoding, .. } => (
                format!("bytes that are not {encoding}"),
                format!(" as {encoding}"),
                "save the file as UTF-8 anew, or set `[recipients] encoding`",
            ),
            Written::Sheet(_) => {
                ("a character that was lost on the way here".to_owned(), String::new(), "write it anew")
            }
        };
        if let Some(control) =
            value.chars().find(|c| matches!(c, '\0'..='\u{1F}' | '\u{7F}') && !matches!(c, '\n' | '\t'))
        {
            self.problems.push(
                Problem::error(
                    "control-character",
                    self.cell_place(at),
                    format!("{named} holds the control character U+{:04X}", u32::from(control)),
                )
                .hint("remove it; a spreadsheet's CLEAN function does"),
            );
        }
        if value.contains('\u{FFFD}') {
            self.problems.push(
                Problem::error("unreadable-text", self.cell_place(at), format!("{named} holds {lost}"))
                    .hint(mend),
            );
        }
        if value.chars().any(turns) {
            let said = format!("{named} holds characters that turn the direction of reading");
            if self.detected.columns.names_somebody(at) {
                let problem = Problem::error("turned-text", self.cell_place(at), said);
                self.problems.push(problem.hint("remove them"));
            } else {
                self.warnings.push(Problem::warning("turned-text", self.cell_place(at), said));
            }
        }
        if !said.misread && looks_misread(value) {
            said.misread = true;
            self.warnings.push(
                Problem::warning(
                    "misread-text",
                    self.cell_place(at),
                    format!("{named} reads `{}`{as_what}, which looks wrong", short(value)),
                )
                .hint(format!("look at this cell; if it is wrong, {mend}")),
            );
        }
    }

    fn deadline(&mut self) -> Option<jiff::civil::Date> {
        let at = self.detected.columns.deadline?;
        let text = self.cell(Some(at));
        if text.is_empty() {
            return None;
        }
        match day(text) {
            Ok(day) => Some(day),
            Err(why) => {
                let said = format!("{} holds `{}`: {why}", self.named(at), short(text));
                // How a spreadsheet counts days.
                let serial = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
                let hint = if serial {
                    "is it a date? Give the cell the format of a date"
                } else {
                    "write a day such as `2025-10-28` or `28-10-2025`, or leave the cell empty"
                };
                self.problems.push(Problem::error("wrong-deadline", self.cell_place(at), said).hint(hint));
                None
            }
        }
    }

    fn channel(&mut self, said: &mut Said) -> Option<Channel> {
        let columns = self.detected.columns;
        match errand(self.cell(columns.channel)) {
            Ok(None) => match columns.address {
                Some(address) => self.addressees(address).map(Channel::Mail),
                None => {
                    // The same is wrong with every such row, so it is told once.
                    if !said.no_address_column {
                        let place = self.detected.at.in_file(&self.settings.file);
                        let headings = &self.detected.headings;
                        self.problems.push(missing("address", &self.settings.address, headings, place));
                    }
                    said.no_address_column = true;
                    None
                }
            },
            // An address that stands there all the same is nobody's business.
            Ok(Some(errand)) => Some(Channel::ByHand(errand)),
            Err(hint) => {
                let at = columns.channel.unwrap_or_default();
                let said = format!(
                    "{} holds `{}`, which is no way to reach anybody",
                    self.named(at),
                    short(self.cell(columns.channel))
                );
                self.problems.push(Problem::error("unknown-channel", self.cell_place(at), said).hint(hint));
                None
            }
        }
    }

    fn addressees(&mut self, address: usize) -> Option<Addressees> {
        if self.cell(Some(address)).is_empty() {
            let said = format!("{} is empty", self.named(address));
            self.problems.push(
                Problem::error("no-address", self.cell_place(address), said)
                    .hint("fill it in, or remove the row"),
            );
            return None;
        }
        let columns = self.detected.columns;
        let before = self.problems.len();
        let to = self.mailboxes(address);
        let cc = columns.cc.map(|at| self.mailboxes(at)).unwrap_or_default();
        let bcc = columns.bcc.map(|at| self.mailboxes(at)).unwrap_or_default();
        let count = to.len() + cc.len() + bcc.len();
        if count > MOST {
            let said = format!("the row has {count} addresses; one letter goes to at most {MOST}");
            let opened = self
                .record
                .spans_from
                .map(|line| format!("is the quote that opens on line {line} left open?"));
            let hint = opened.unwrap_or_else(|| "give each recipient a row of its own".to_owned());
            self.problems.push(Problem::error("many-addresses", self.place(), said).hint(hint));
        }
        if self.problems.len() > before {
            return None;
        }
        let gathered = gathered(to, cc, bcc);
        if gathered.is_none() {
            let said =
                format!("{} holds no address: `{}`", self.named(address), short(self.cell(Some(address))));
            self.problems.push(Problem::error("no-address", self.cell_place(address), said));
        }
        gathered
    }

    /// Reads a cell with addresses; each that is wrong is a problem of its own.
    fn mailboxes(&mut self, at: usize) -> Vec<Mailbox> {
        let cell = self.cell(Some(at));
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        for mailbox in mailboxes(cell) {
            match mailbox {
                Ok(mailbox) => found.push(mailbox),
                Err(error) => wrong.push(error),
            }
        }
        if wrong.is_empty() {
            return found;
        }
        // A cell that swallowed other rows would tell every word of them.
        let many = wrong.len().saturating_sub(MOST);
        wrong.truncate(MOST);
        let (named, place) = (self.named(at), self.cell_place(at));
        let opened = self.record.spans_from.filter(|_| cell.contains('\n'));
        for error in wrong {
            let said = format!("{named}: `{}` is not a mail address: {}", short(&error.text), error.why);
            let mut problem = Problem::error("wrong-address", place.clone(), said);
            problem.hint = opened.map(|line| format!("is the quote that opens on line {line} left open?"));
            self.problems.push(problem);
        }
        if many > 0 {
            let said = format!("{named}: {many} more are no mail addresses");
            self.problems.push(Problem::error("wrong-address", place, said));
        }
        found
    }
}

/// What spreadsheets write instead of a value, in English and in Dutch.
const ERRORS: [&str; 14] = [
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#N/B", "#VERW!", "#WAARDE!",
    "#DEEL/0!", "#NAAM?", "#GETAL!", "#LEEG!",
];

/// Returns whether a number under a heading may once have begun with a zero: telephone numbers do, post codes and
/// other numbers of some length may.
fn loses_zeros(heading: &str, value: &str) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| heading.contains(part));
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    has(&["tel", "phone", "mobiel", "gsm", "fax"])
        || has(&["post", "zip", "plz"])
        || value.len() > 3 && has(&["nummer", "number", "code"])
}
