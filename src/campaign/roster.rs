//! The roster: a file of separated values with one recipient a row, read as a stream.
//!
//! [`detect`] looks through the file once and says how it is written; [`RosterReader`] reads its rows. Both take
//! the bytes from whoever opened the file. Memory does not grow with the number of rows.

use std::io::Read;

use encoding_rs::Encoding;

use super::channel::errand;
use super::columns::missing;
use super::day::day;
use super::detect::blank;
pub use super::detect::{Detected, Heading, detect};
use super::encoding::looks_misread;
use super::headings::trimmed;
use super::problem::{Place, Problem};
use super::recipient::{Addressees, Channel, Recipient};
use super::table::{CELL, COLUMNS, Flaw, ROW, Record, Records};
use super::twice::{Suspects, Why};
use crate::mail::address::Address;

/// How the campaign names the roster and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterSettings {
    /// The file as messages name it: `recipients.csv`.
    pub file: String,
    /// The heading of the column with the address; headings are matched by their normalised names.
    pub address: String,
    /// The heading of the column with the display name.
    pub name: Option<String>,
    /// The heading of the column with the organisation.
    pub organisation: Option<String>,
    /// The heading of the column with the recipient's key.
    pub key: Option<String>,
    /// The heading of the column with the way to reach the recipient. Without it, a column headed `kanaal` or
    /// `channel` is taken if there is one.
    pub channel: Option<String>,
    /// The heading of the column with the last day for the recipient. Without it, a column headed `deadline` is taken
    /// if there is one.
    pub deadline: Option<String>,
    /// The separator, where it must not be found out.
    pub separator: Option<char>,
    /// The encoding's label (`windows-1252`), where it must not be found out.
    pub encoding: Option<String>,
}

/// A file `recipients.csv` with addresses in the column `e-mail`.
impl Default for RosterSettings {
    fn default() -> Self {
        Self {
            file: "recipients.csv".to_owned(),
            address: "e-mail".to_owned(),
            name: None,
            organisation: None,
            key: None,
            channel: None,
            deadline: None,
            separator: None,
            encoding: None,
        }
    }
}

/// Shortens a value for a message and takes out what would disturb a terminal.
pub(super) fn short(text: &str) -> String {
    let mut shown: String =
        text.chars().take(60).map(|c| if c.is_control() || turns(c) { '\u{FFFD}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that turn the direction of the text around them (UAX #9): they make a line look like another.
fn turns(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn flaw_problem(
    flaw: Flaw,
    record: &Record,
    settings: &RosterSettings,
    headings: &[Heading],
) -> Problem {
    let at = |line| Place::line(&settings.file, line);
    match flaw {
        Flaw::Unclosed(line) => Problem::error(
            "unclosed-quote",
            at(line),
            "the quote that opens a cell on this line is never closed, so everything below was read as that cell",
        )
        .hint("close it, or write a quote inside a cell twice"),
        Flaw::Stray(line) => Problem::error(
            "stray-quote",
            at(line),
            "in a quoted cell that begins on this line, text follows the closing quote",
        )
        .hint("write a quote inside a cell twice, or close the quote that was left open"),
        Flaw::Long(column) => {
            let named = headings.get(column - 1).map(|h| format!(" (`{}`)", short(&h.original)));
            Problem::error(
                "long-cell",
                at(record.line),
                format!(
                    "column {column}{} is too long: a cell holds at most {} kB, a row {} kB",
                    named.unwrap_or_default(),
                    CELL / 1024,
                    ROW / 1024
                ),
            )
            .hint("is a quote left open?")
        }
        Flaw::Wide => Problem::error(
            "wide-row",
            at(record.line),
            format!("the row has {} columns; at most {COLUMNS} are read", record.width),
        )
        .hint("is this the right file?"),
    }
}

/// One row of the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A recipient.
    Recipient {
        /// The line on which the row begins.
        line: u64,
        /// Who it is.
        recipient: Recipient,
        /// What is worth a look.
        warnings: Vec<Problem>,
    },
    /// A recipient who already gets the letter by an earlier row.
    LeftOut {
        /// The line on which the row begins.
        line: u64,
        /// Who it is.
        recipient: Recipient,
        /// Why they are left out.
        why: Why,
        /// The line of the row that gets the letter.
        first_line: u64,
        /// The same as a warning.
        warning: Problem,
    },
    /// A row that cannot be used.
    Wrong {
        /// The line on which the row begins.
        line: u64,
        /// All that is wrong with it.
        problems: Vec<Problem>,
    },
}

/// The rows of a roster, in the order of the file; empty rows are passed over.
pub struct RosterReader<R> {
    records: Records<R>,
    record: Record,
    settings: RosterSettings,
    detected: Detected,
    suspects: Suspects,
    misread_said: bool,
    no_column_said: bool,
    begun: bool,
    ended: bool,
}

impl<R: Read> RosterReader<R> {
    /// Reads the rows of a file that stands at its beginning.
    pub fn new(file: R, settings: &RosterSettings, detected: &Detected) -> Self {
        let encoding = Encoding::for_label(detected.encoding.as_bytes()).unwrap_or(encoding_rs::UTF_8);
        let separator = u8::try_from(detected.separator).unwrap_or(b';');
        Self {
            records: Records::new(file, encoding, separator),
            record: Record::default(),
            settings: settings.clone(),
            detected: detected.clone(),
            suspects: Suspects::default(),
            misread_said: false,
            no_column_said: false,
            begun: false,
            ended: false,
        }
    }

    /// Leaves out the second and further rows of whoever stands there twice.
    #[must_use]
    pub fn leaving_out(mut self, suspects: Suspects) -> Self {
        self.suspects = suspects;
        self
    }

    /// Returns how the roster is written.
    pub fn detected(&self) -> &Detected {
        &self.detected
    }

    fn row(&mut self) -> Row {
        let record = &self.record;
        let line = record.line;
        let place = || Place::line(&self.settings.file, line);
        let (headings, columns) = (&self.detected.headings, self.detected.columns);
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        if let Some(flaw) = record.flaw {
            return Row::Wrong { line, problems: vec![flaw_problem(flaw, record, &self.settings, headings)] };
        }
        let spans = record.last_line - line;
        if record.width < headings.len() {
            let mut problem = Problem::error(
                "short-row",
                place(),
                format!("the row has {}, the headings are {}", cells(record.width), headings.len()),
            );
            if let Some(opened) = record.spans_from
                && spans > 3
            {
                problem.hint = Some(format!("is the quote that opens on line {opened} left open?"));
            }
            return Row::Wrong { line, problems: vec![problem] };
        }
        if record.cells.iter().skip(headings.len()).any(|cell| !trimmed(cell).is_empty()) {
            return Row::Wrong {
                line,
                problems: vec![
                    Problem::error(
                        "long-row",
                        place(),
                        format!("the row has {}, the headings are {}", cells(record.width), headings.len()),
                    )
                    .hint("put quotes around a value that holds the separator"),
                ],
            };
        }
        let mut fields = Vec::with_capacity(headings.len());
        for (at, (heading, cell)) in headings.iter().zip(&record.cells).enumerate() {
            let value = trimmed(cell);
            let named = || {
                if heading.key.is_empty() {
                    format!("column {}", at + 1)
                } else {
                    format!("`{}`", short(&heading.original))
                }
            };
            if heading.key.is_empty() {
                if !value.is_empty() {
                    problems.push(
                        Problem::error(
                            "no-heading",
                            place(),
                            format!("`{}` stands in {}, which has no heading", short(value), named()),
                        )
                        .hint("give the column a heading, or empty it"),
                    );
                }
                continue;
            }
            // Most cells are plain letters, which can be none of the following.
            if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                if let Some(control) = value
                    .chars()
                    .find(|c| matches!(c, '\0'..='\u{1F}' | '\u{7F}') && !matches!(c, '\n' | '\t'))
                {
                    problems.push(
                        Problem::error(
                            "control-character",
                            place(),
                            format!("{} holds the control character U+{:04X}", named(), u32::from(control)),
                        )
                        .hint("remove it; a spreadsheet's CLEAN function does"),
                    );
                }
                if value.contains('\u{FFFD}') {
                    problems.push(
                        Problem::error(
                            "unreadable-text",
                            place(),
                            format!("{} holds bytes that are not {}", named(), self.detected.encoding),
                        )
                        .hint("save the file as UTF-8 anew, or set `[recipients] encoding`"),
                    );
                }
                if value.chars().any(turns) {
                    let said = format!("{} holds characters that turn the direction of reading", named());
                    if columns.names_somebody(at) {
                        problems.push(Problem::error("turned-text", place(), said).hint("remove them"));
                    } else {
                        warnings.push(Problem::warning("turned-text", place(), said));
                    }
                }
                if !self.misread_said && looks_misread(value) {
                    self.misread_said = true;
                    warnings.push(
                        Problem::warning(
                            "misread-text",
                            place(),
                            format!(
                                "{} reads `{}` as {}, which looks wrong",
                                named(),
                                short(value),
                                self.detected.encoding
                            ),
                        )
                        .hint(
                            "look at this cell; if it is wrong, save the file as UTF-8 or set \
                             `[recipients] encoding`",
                        ),
                    );
                }
            }
            fields.push((heading.key.clone(), value.to_owned()));
        }
        let cell =
            |at: Option<usize>| at.and_then(|at| record.cells.get(at)).map_or("", |cell| trimmed(cell));
        let head = |at: Option<usize>| {
            Some(cell(at).split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
        };
        let named = |at: Option<usize>| {
            at.and_then(|at| headings.get(at)).map_or("", |heading| &heading.original).to_owned()
        };
        let deadline = Some(cell(columns.deadline)).filter(|cell| !cell.is_empty()).and_then(|text| {
            let wrong = |why: String| {
                let said = format!("`{}` holds `{}`: {why}", short(&named(columns.deadline)), short(text));
                let hint = "write a day such as `2025-10-28` or `28-10-2025`, or leave the cell empty";
                problems.push(Problem::error("wrong-deadline", place(), said).hint(hint));
            };
            day(text).map_err(wrong).ok()
        });
        let (name, organisation) = (head(columns.name), head(columns.organisation));
        let channel = match errand(cell(columns.channel)) {
            Ok(None) if columns.address.is_none() => {
                // The same is wrong with every such row, so it is told once.
                if !self.no_column_said {
                    let place = Place::line(&self.settings.file, self.detected.line);
                    problems.push(missing("address", &self.settings.address, headings, place));
                }
                self.no_column_said = true;
                None
            }
            Ok(None) => match address(cell(columns.address), record, &self.settings) {
                Ok(address) => Some(Channel::Mail(Addressees::one(address))),
                Err(problem) => {
                    problems.push(*problem);
                    None
                }
            },
            // An address that stands there all the same is nobody's business.
            Ok(Some(errand)) => Some(Channel::ByHand(errand)),
            Err(hint) => {
                let said = format!(
                    "`{}` holds `{}`, which is no way to reach anybody",
                    short(&named(columns.channel)),
                    short(cell(columns.channel))
                );
                problems.push(Problem::error("unknown-channel", place(), said).hint(hint));
                None
            }
        };
        let key = head(columns.key).or_else(|| match channel.as_ref()? {
            Channel::Mail(addressees) => Some(addressees.to.address.canonical()),
            Channel::ByHand(_) => {
                let mut names: Vec<&str> = organisation.iter().chain(&name).map(String::as_str).collect();
                names.dedup();
                Some(names.join(", ")).filter(|key| !key.is_empty())
            }
        });
        if key.is_none() && channel.is_some() {
            problems
                .push(Problem::error("no-key", place(), "nothing in the row says whom it is about").hint(
                "where there is no address, a key, a name or an organisation is needed: see `[recipients]`",
            ));
        }
        let (Some(channel), Some(key), true) = (channel, key, problems.is_empty()) else {
            return Row::Wrong { line, problems };
        };
        let recipient = Recipient { key, name, organisation, channel, deadline, fields };
        match self.suspects.judge(line, &recipient) {
            None => Row::Recipient { line, recipient, warnings },
            Some((why, first_line)) => {
                let warning = why.warning(&self.settings.file, line, first_line, &recipient);
                Row::LeftOut { line, recipient, why, first_line, warning }
            }
        }
    }
}

/// Reads the cell with the address.
fn address(cell: &str, record: &Record, settings: &RosterSettings) -> Result<Address, Box<Problem>> {
    let place = Place::line(&settings.file, record.line);
    let heading = &settings.address;
    if cell.is_empty() {
        return Err(Box::new(
            Problem::error("no-address", place, format!("`{heading}` is empty"))
                .hint("fill it in, or remove the row"),
        ));
    }
    if cell.contains(['\n', '\r']) {
        let opened = record.spans_from.unwrap_or(record.line);
        return Err(Box::new(
            Problem::error("broken-address", place, format!("`{heading}` holds a line break"))
                .hint(format!("one address a row; is the quote that opens on line {opened} left open?")),
        ));
    }
    let only = address_in(cell);
    if only.matches('@').count() > 1 && only.contains([',', ';', ' ', '/', '|']) {
        return Err(Box::new(
            Problem::error(
                "two-addresses",
                place,
                format!("`{heading}` holds more than one address: `{}`", short(cell)),
            )
            .hint("one address a row; give the other a row of its own"),
        ));
    }
    Address::parse(only).map_err(|error| {
        Box::new(Problem::error(
            "wrong-address",
            place,
            format!("`{}` is not a mail address: {}", short(only), error.why),
        ))
    })
}

/// `Ada Jansen <ada@council.example>` names a mailbox; the address is what stands between the brackets.
pub(super) fn address_in(cell: &str) -> &str {
    let cell = trimmed(cell);
    match cell.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((_, inside)) => trimmed(inside),
        None => cell,
    }
}

fn cells(width: usize) -> String {
    if width == 1 { "1 cell".to_owned() } else { format!("{width} cells") }
}

impl<R: Read> Iterator for RosterReader<R> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while !self.ended {
            let skip = if self.begun { 0 } else { self.detected.skip };
            self.begun = true;
            for _ in 0..=skip {
                match self.records.read(&mut self.record) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.ended = true;
                        return None;
                    }
                    Err(error) => {
                        self.ended = true;
                        let line = self.record.line;
                        let place = Place::line(&self.settings.file, line);
                        let problem =
                            Problem::error("unreadable", place, format!("cannot be read further: {error}"));
                        return Some(Row::Wrong { line, problems: vec![problem] });
                    }
                }
            }
            if !blank(&self.record) {
                return Some(self.row());
            }
        }
        None
    }
}
