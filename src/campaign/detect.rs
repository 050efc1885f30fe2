//! How a roster is written: its encoding, its separator, its headings.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use encoding_rs::Encoding;

use super::addressees::mailboxes;
use super::columns::Columns;
use super::encoding::guess;
use super::headings::{normalised, trimmed};
use super::problem::{Place, Problem, RowPlace};
use super::roster::{RosterSettings, flaw_problem, short};
use super::table::{ROW, Record, Records};
use super::workbook::package::{Kind, Refused};
use super::workbook::{self, Sheet, listed};

/// One heading: what stands in the file and what a letter calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// As it stands in the file, without blanks around it.
    pub original: String,
    /// Its normalised name; empty only for a column without heading at the end.
    pub key: String,
}

/// How a roster is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// As what it was read.
    pub written: Written,
    /// Its headings, in order.
    pub headings: Vec<Heading>,
    /// The row with the headings.
    pub at: RowPlace,
    /// How many rows to pass over, that with the headings included.
    pub(super) skip: usize,
    pub(super) columns: Columns,
    /// What is worth a look about the file as a whole.
    pub warnings: Vec<Problem>,
}

/// As what a roster is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Separated values.
    Text {
        /// The encoding: `UTF-8`, `windows-1252`, `UTF-16LE`.
        encoding: &'static str,
        /// What stands between two cells.
        separator: char,
    },
    /// A sheet of a spreadsheet.
    Sheet(Arc<Sheet>),
}

impl Detected {
    /// Returns what stands between two cells, or would in a text of the same table.
    pub fn separator(&self) -> char {
        match self.written {
            Written::Text { separator, .. } => separator,
            Written::Sheet(_) => ';',
        }
    }
}

impl std::fmt::Display for Detected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.written {
            Written::Text { encoding, separator } => {
                let encoding = if *encoding == "windows-1252" { "Windows-1252" } else { encoding };
                write!(f, "read as {encoding}, separator {}", said(*separator))
            }
            Written::Sheet(sheet) => {
                write!(f, "read as a spreadsheet, sheet \"{}\"", short(&sheet.name))?;
                match sheet.others.len() {
                    0 => Ok(()),
                    others => write!(f, " (of {})", others + 1),
                }
            }
        }
    }
}

fn said(separator: char) -> String {
    if separator == '\t' { "tab".to_owned() } else { format!("`{separator}`") }
}

const SEPARATORS: [u8; 4] = [b';', b',', b'\t', b'|'];
/// So many rows tell the separator.
const SAMPLE: usize = 200;
/// Within so many rows the headings begin.
const TITLES: usize = 20;

/// Finds out how a roster is written, in one pass over the file; leaves it at its beginning.
///
/// # Errors
/// All that is wrong with the file as a whole and with its headings.
pub fn detect<R: Read + Seek>(file: &mut R, settings: &RosterSettings) -> Result<Detected, Vec<Problem>> {
    let refused =
        |why: Refused| vec![Problem::error(why.name, Place::file(&settings.file), why.said).hint(why.hint)];
    let kind = workbook::package::kind(file).map_err(refused)?;
    let ending = settings.file.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_text = kind == Kind::Text;
    let mut detected = if is_text {
        text(file, settings)
    } else {
        let sheet = Sheet::read(file, &kind, settings.sheet.as_deref()).map_err(refused)?;
        of_sheet(sheet, settings)
    }?;
    let mut warn = |name, said: String, hint: &str| {
        detected.warnings.push(Problem::warning(name, Place::file(&settings.file), said).hint(hint));
    };
    let ends_as_sheet = matches!(ending.as_str(), "xlsx" | "xlsm" | "xls" | "ods");
    if is_text && ends_as_sheet {
        warn("wrong-ending", format!("it ends in .{ending} and is a text; it was read as one"), "");
    } else if !is_text && matches!(ending.as_str(), "csv" | "txt" | "tsv") {
        warn("wrong-ending", format!("it ends in .{ending} and is a spreadsheet; it was read as one"), "");
    }
    if is_text && settings.sheet.is_some() {
        let said = "a text has no sheets, and `[recipients] sheet` names one".to_owned();
        warn("no-sheets", said, "take the line out of `config.toml`");
    }
    Ok(detected)
}

/// A sheet, with what its look hides.
fn of_sheet(sheet: Sheet, settings: &RosterSettings) -> Result<Detected, Vec<Problem>> {
    let mut start = Vec::new();
    let mut record = Record::default();
    while start.len() < TITLES && sheet.fill(start.len(), 0, &mut record) {
        start.push(record.clone());
    }
    let sheet = Arc::new(sheet);
    let elsewhere = |mut problems: Vec<Problem>| {
        if let Some(last) = problems.last_mut().filter(|_| !sheet.others.is_empty()) {
            let others = format!(
                "or is it on another sheet? There are {}: `[recipients] sheet`",
                listed(&sheet.others)
            );
            last.hint =
                Some(last.hint.take().map_or_else(|| others.clone(), |hint| format!("{hint}; {others}")));
        }
        problems
    };
    let mut detected = headings(&start, settings, Written::Sheet(Arc::clone(&sheet))).map_err(elsewhere)?;
    let place = |row| RowPlace { line: None, row }.in_file(&settings.file);
    if let Some((count, first)) = sheet.hidden_below(detected.at.row) {
        let said = match count {
            1 => "the row is hidden, and is read like the others".to_owned(),
            _ => format!("this row and {} more are hidden, and are read like the others", count - 1),
        };
        let hint = "delete the rows that are not meant, or copy those that are into a sheet of their own";
        detected.warnings.push(Problem::warning("hidden-rows", place(first), said).hint(hint));
    }
    if let Some((first, last)) = sheet.merged_below(detected.at.row) {
        let said =
            format!("cells of the rows {first} to {last} are merged; only the first row has their value");
        let hint = "undo the merging, and fill in the value for each row";
        detected.warnings.push(Problem::warning("merged-cells", place(first), said).hint(hint));
    }
    Ok(detected)
}

fn text<R: Read + Seek>(file: &mut R, settings: &RosterSettings) -> Result<Detected, Vec<Problem>> {
    let unreadable = |error: std::io::Error| {
        vec![Problem::error("unreadable", Place::file(&settings.file), format!("cannot be read: {error}"))]
    };
    file.rewind().map_err(unreadable)?;
    let encoding = match &settings.encoding {
        Some(label) => Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            vec![
                Problem::error(
                    "unknown-encoding",
                    Place::file(&settings.file),
                    format!("the encoding `{label}` is unknown"),
                )
                .hint("name one such as `utf-8`, `windows-1252`, `utf-16le` or `macintosh`"),
            ]
        })?,
        None => guess(&mut *file).map_err(unreadable)?,
    };
    let separator = match settings.separator.and_then(|c| u8::try_from(c).ok()).filter(u8::is_ascii) {
        Some(separator) => separator,
        None => {
            let mut best = (f64::MIN, b';');
            for separator in SEPARATORS {
                file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
                let sample = sample(&mut *file, encoding, separator, SAMPLE).map_err(unreadable)?;
                if let Some(announced) = announced(&sample) {
                    best.1 = announced;
                    break;
                }
                let score = score(&sample);
                if score > best.0 {
                    best = (score, separator);
                }
            }
            best.1
        }
    };
    file.rewind().map_err(unreadable)?;
    let start = sample(&mut *file, encoding, separator, TITLES).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let written = Written::Text { encoding: encoding.name(), separator: char::from(separator) };
    headings(&start, settings, written)
}

fn sample(
    bytes: impl Read,
    encoding: &'static Encoding,
    separator: u8,
    most: usize,
) -> std::io::Result<Vec<Record>> {
    let mut records = Records::new(bytes, encoding, separator);
    let mut sample = Vec::new();
    let mut record = Record::default();
    let mut size = 0;
    // Bounded twice: by rows, and by what they hold.
    while sample.len() < most && size < 2 * ROW && records.read(&mut record)? {
        size += record.cells.iter().map(|cell| cell.len() + 24).sum::<usize>();
        sample.push(record.clone());
    }
    Ok(sample)
}

/// The separator that a first line `sep=;` names, whichever separator it was read with.
fn announced(sample: &[Record]) -> Option<u8> {
    let first = sample.first()?;
    let text = first.cells.first()?;
    let behind = trimmed(text).strip_prefix("sep=").or_else(|| trimmed(text).strip_prefix("SEP="))?;
    SEPARATORS.into_iter().find(|separator| behind.as_bytes() == [*separator])
}

pub(super) fn blank(record: &Record) -> bool {
    record.flaw.is_none() && record.cells.iter().all(|cell| trimmed(cell).is_empty())
}

/// How likely the separator is: the share of rows of the usual width, the share of rows with an address that
/// stands alone in its cell, and a little for more columns.
fn score(sample: &[Record]) -> f64 {
    let rows: Vec<&Record> = sample.iter().filter(|record| !blank(record)).collect();
    if rows.is_empty() {
        return 0.0;
    }
    let mut widths: Vec<usize> = rows.iter().map(|record| record.width).collect();
    widths.sort_unstable();
    let (mut modal, mut most) = (1, 0);
    for run in widths.chunk_by(|a, b| a == b) {
        if run.len() >= most {
            (modal, most) = (run[0], run.len());
        }
    }
    let addressed =
        rows.iter().filter(|record| record.cells.iter().any(|cell| cell.contains('@') && lone(cell))).count();
    #[expect(clippy::cast_precision_loss, reason = "at most 200 rows")]
    let share = |count: usize| count as f64 / rows.len() as f64;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand columns")]
    let width = modal as f64;
    share(most) * 10.0 + share(addressed) * 20.0 + width.ln()
}

/// An address that stands alone: with several, a cell of the wrong separator would look right.
fn lone(cell: &str) -> bool {
    let cell = trimmed(cell);
    !cell.contains([';', ',', '|', '\t']) && matches!(mailboxes(cell).as_slice(), [Ok(_)])
}

fn headings(start: &[Record], settings: &RosterSettings, written: Written) -> Result<Detected, Vec<Problem>> {
    let is_sep = |record: &Record| {
        record.cells.first().is_some_and(|cell| trimmed(cell).to_ascii_lowercase().starts_with("sep="))
    };
    // Title rows may stand above the headings, and the word `e-mail` may be a value of a row below them: the headings
    // are the first row with the most of what is looked for.
    let looked_for = Columns::looked_for(settings);
    let mut found: Option<(usize, usize)> = None;
    for (at, record) in start.iter().enumerate() {
        let cells: Vec<String> = record.cells.iter().map(|cell| normalised(cell)).collect();
        let count = looked_for.iter().filter(|names| names.iter().any(|name| cells.contains(name))).count();
        if count > found.map_or(0, |(_, most)| most) {
            found = Some((at, count));
        }
    }
    let found =
        found.map(|(at, _)| at).or_else(|| start.iter().position(|record| !blank(record) && !is_sep(record)));
    let Some((skip, record)) = found.and_then(|at| Some((at + 1, start.get(at)?))) else {
        return Err(vec![
            Problem::error("empty-roster", Place::file(&settings.file), "there is nothing in the file")
                .hint("its first row holds the headings, each further row a recipient"),
        ]);
    };
    let place = || record.at.in_file(&settings.file);
    let cell = |at| record.at.cell(&settings.file, at);
    let mut problems = Vec::new();
    if let Some(flaw) = record.flaw {
        problems.push(flaw_problem(flaw, record, settings, &[]));
    }
    let headings: Vec<Heading> = record
        .cells
        .iter()
        .map(|cell| Heading {
            original: trimmed(cell).split_whitespace().collect::<Vec<_>>().join(" "),
            key: normalised(cell),
        })
        .collect();
    let last = headings.iter().rposition(|heading| !heading.key.is_empty()).unwrap_or(0);
    for (at, heading) in headings.iter().enumerate() {
        let number = at + 1;
        if heading.key.is_empty() && at < last {
            problems.push(
                Problem::error("empty-heading", cell(at), format!("column {number} has no heading"))
                    .hint("name it, or remove the column"),
            );
        } else if let Some(first) = headings[..at].iter().position(|other| other.key == heading.key)
            && !heading.key.is_empty()
        {
            problems.push(
                Problem::error(
                    "same-heading",
                    cell(at),
                    format!(
                        "the headings `{}` (column {}) and `{}` (column {number}) are one name, `{}`",
                        short(&headings[first].original),
                        first + 1,
                        short(&heading.original),
                        short(&heading.key)
                    ),
                )
                .hint("rename one of them"),
            );
        }
        if problems.len() >= 50 {
            break;
        }
    }
    let columns = Columns::find(settings, &headings, &place(), &mut problems);
    match columns {
        Some(columns) if problems.is_empty() => {
            Ok(Detected { written, headings, at: record.at, skip, columns, warnings: Vec::new() })
        }
        _ => Err(problems),
    }
}
