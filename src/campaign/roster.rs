//! The roster: a file of separated values with one recipient a row, read as a stream.
//!
//! [`detect`] looks through the file once and says how it is written; [`RosterReader`] reads its rows. Both take
//! the bytes from whoever opened the file. Memory does not grow with the number of rows.

use std::io::{self, Read};
use std::sync::Arc;

use encoding_rs::Encoding;

use super::detect::blank;
pub use super::detect::{Detected, Heading, Written, detect};
use super::headings::trimmed;
use super::problem::{Place, Problem, RowPlace};
use super::recipient::Recipient;
use super::row::{self, Said};
use super::table::{CELL, COLUMNS, Flaw, ROW, Record, Records};
use super::twice::{Suspects, Why};
use super::workbook::Sheet;

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
    /// The heading of the column with further addresses that get a copy. Without it, a column headed `cc` is taken if
    /// there is one.
    pub cc: Option<String>,
    /// The same for copies that the others do not see, and `bcc`.
    pub bcc: Option<String>,
    /// The sheet of a spreadsheet; the first one without it.
    pub sheet: Option<String>,
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
            cc: None,
            bcc: None,
            sheet: None,
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
pub(super) fn turns(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn flaw_problem(
    flaw: Flaw,
    record: &Record,
    settings: &RosterSettings,
    headings: &[Heading],
) -> Problem {
    let at = |line| Place { row: Some(record.at.row), ..Place::line(&settings.file, line) };
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
                record.at.in_file(&settings.file),
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
            record.at.in_file(&settings.file),
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
        /// Where the row begins.
        at: RowPlace,
        /// Who it is.
        recipient: Recipient,
        /// What is worth a look.
        warnings: Vec<Problem>,
    },
    /// A recipient who already gets the letter by an earlier row.
    LeftOut {
        /// Where the row begins.
        at: RowPlace,
        /// Who it is.
        recipient: Recipient,
        /// Why they are left out.
        why: Why,
        /// The row that gets the letter.
        first: RowPlace,
        /// The same as a warning.
        warning: Problem,
    },
    /// A row that cannot be used.
    Wrong {
        /// Where the row begins.
        at: RowPlace,
        /// All that is wrong with it; nothing where that was said of an earlier row.
        problems: Vec<Problem>,
    },
}

/// Where the rows come from: everything behind it is the same for both.
enum Table<R> {
    Text(Records<R>),
    Sheet { sheet: Arc<Sheet>, next: usize, width: usize },
}

impl<R: Read> Table<R> {
    fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        match self {
            Table::Text(records) => records.read(record),
            Table::Sheet { sheet, next, width } => {
                *next += 1;
                Ok(sheet.fill(*next - 1, *width, record))
            }
        }
    }
}

/// The rows of a roster, in the order of the file; empty rows are passed over.
pub struct RosterReader<R> {
    table: Table<R>,
    record: Record,
    settings: RosterSettings,
    detected: Detected,
    suspects: Suspects,
    said: Said,
    whom_alone: bool,
    begun: bool,
    ended: bool,
}

impl<R: Read> RosterReader<R> {
    /// Reads the rows of a file that stands at its beginning; those of a sheet are held already.
    pub fn new(file: R, settings: &RosterSettings, detected: &Detected) -> Self {
        let table = match &detected.written {
            Written::Text { encoding, separator } => {
                let encoding = Encoding::for_label(encoding.as_bytes()).unwrap_or(encoding_rs::UTF_8);
                Table::Text(Records::new(file, encoding, u8::try_from(*separator).unwrap_or(b';')))
            }
            Written::Sheet(sheet) => {
                Table::Sheet { sheet: Arc::clone(sheet), next: 0, width: detected.headings.len() }
            }
        };
        Self {
            table,
            record: Record::default(),
            settings: settings.clone(),
            detected: detected.clone(),
            suspects: Suspects::default(),
            said: Said::default(),
            whom_alone: false,
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

    /// Reads whom the rows are about and no more: their fields stay empty and are not looked at. For a first pass.
    #[must_use]
    pub fn whom_alone(mut self) -> Self {
        self.whom_alone = true;
        self
    }

    /// Returns how the roster is written.
    pub fn detected(&self) -> &Detected {
        &self.detected
    }

    fn row(&mut self) -> Row {
        let at = self.record.at;
        if let Some(problem) = self.wrong_width() {
            return Row::Wrong { at, problems: vec![problem] };
        }
        let read =
            row::recipient(&self.record, &self.settings, &self.detected, self.whom_alone, &mut self.said);
        let (recipient, mut warnings) = match read {
            Ok(read) => read,
            Err(problems) => return Row::Wrong { at, problems },
        };
        match self.suspects.judge(at, &recipient) {
            None => {
                warnings.extend(self.suspects.shared(&self.settings.file, at, &recipient));
                Row::Recipient { at, recipient, warnings }
            }
            Some((why, first)) => {
                let warning = why.warning(&self.settings.file, at, first, &recipient);
                Row::LeftOut { at, recipient, why, first, warning }
            }
        }
    }

    /// What is wrong with how the row is written, as a whole.
    fn wrong_width(&self) -> Option<Problem> {
        let (record, headings) = (&self.record, &self.detected.headings);
        if let Some(flaw) = record.flaw {
            return Some(flaw_problem(flaw, record, &self.settings, headings));
        }
        let place = || record.at.in_file(&self.settings.file);
        let said = || format!("the row has {}, the headings are {}", cells(record.width), headings.len());
        if record.width < headings.len() {
            let mut problem = Problem::error("short-row", place(), said());
            let spans = record.last_line.saturating_sub(record.at.line.unwrap_or_default());
            if let Some(opened) = record.spans_from.filter(|_| spans > 3) {
                problem.hint = Some(format!("is the quote that opens on line {opened} left open?"));
            }
            return Some(problem);
        }
        let beyond = record.cells.iter().skip(headings.len()).position(|cell| !trimmed(cell).is_empty());
        if let Some(beyond) = beyond {
            let at = headings.len() + beyond;
            if record.at.line.is_none() {
                let said = format!("`{}` stands in a column without heading", short(&record.cells[at]));
                let problem = Problem::error("no-heading", record.at.cell(&self.settings.file, at), said);
                return Some(problem.hint("give the column a heading, or empty it"));
            }
            return Some(
                Problem::error("long-row", place(), said())
                    .hint("put quotes around a value that holds the separator"),
            );
        }
        None
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
                match self.table.read(&mut self.record) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.ended = true;
                        return None;
                    }
                    Err(error) => {
                        self.ended = true;
                        let at = self.record.at;
                        let place = at.in_file(&self.settings.file);
                        let problem =
                            Problem::error("unreadable", place, format!("cannot be read further: {error}"));
                        return Some(Row::Wrong { at, problems: vec![problem] });
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
