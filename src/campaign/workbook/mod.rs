//! A roster that is a spreadsheet: `.xlsx` and `.ods`, read by calamine into a table of texts.
//!
//! A sheet is held in memory, closely packed, since the formats cannot be read in pieces; what it may unfold to is
//! bounded in [`package`]. A list that is larger is for CSV.

mod marks;
pub(super) mod package;

use std::fmt::Write as _;
use std::io::{Read, Seek};

use calamine::{CellErrorType, Data, ExcelDateTime, Ods, OdsError, Reader, SheetType, Xlsx, XlsxError};

use super::headings::{nearest, trimmed};
use super::problem::RowPlace;
use super::table::{CELL, COLUMNS, Flaw, Record};
pub(super) use marks::Marks;
use package::{Kind, Refused};

/// The texts of a sheet together, in bytes.
const MOST_TEXT: usize = 128 << 20;

/// What a cell was before it became a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A number, whose zeros at the beginning are gone.
    Number,
    /// An error: `#N/A`.
    Error,
    /// A formula whose value the file does not hold.
    NoValue,
}

/// One sheet, row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its name.
    pub name: String,
    /// The names of the others.
    pub others: Vec<String>,
    rows: Vec<Row>,
    cells: Vec<Cell>,
    text: String,
    marks: Option<Marks>,
}

/// A row that is not empty: its number, and where its cells begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    number: u32,
    from: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    column: u16,
    typed: Option<Typed>,
    until: u32,
}

impl Sheet {
    /// Reads the sheet of a name, or the first, out of a spreadsheet.
    ///
    /// # Errors
    /// A sentence about the file.
    pub(super) fn read<R: Read + Seek>(
        file: &mut R,
        kind: &Kind,
        wanted: Option<&str>,
    ) -> Result<Self, Refused> {
        let file = package::rewound(file)?;
        let mut sheet = Sheet::default();
        match kind {
            Kind::Text => return Err(Refused::broken()),
            Kind::Xlsx => {
                {
                    let mut book = Xlsx::new(&mut *file).map_err(of_xlsx)?;
                    let names = sheet_names(book.sheets_metadata());
                    sheet.chosen(&names, wanted)?;
                    let mut cells = book.worksheet_cells_reader(&sheet.name).map_err(of_xlsx)?;
                    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(of_xlsx)? {
                        let (row, column) = cell.pos;
                        sheet.push(row, column, &cell.value.into(), cell.formula.is_some())?;
                    }
                }
                sheet.marks = marks::of_xlsx(package::rewound(file)?, &sheet.name);
            }
            Kind::Ods(tables) => {
                let mut book = Ods::new(&mut *file).map_err(of_ods)?;
                let names = sheet_names(book.sheets_metadata());
                sheet.chosen(&names, wanted)?;
                let range = book.worksheet_range(&sheet.name).map_err(of_ods)?;
                drop(book);
                let (top, left) = range.start().unwrap_or_default();
                // A formula without a value is one whose value is an empty text: LibreOffice writes it so.
                for (row, column, value) in range.used_cells() {
                    let at =
                        |first: u32, behind: usize| first + u32::try_from(behind).unwrap_or(u32::MAX / 2);
                    sheet.push(at(top, row), at(left, column), value, false)?;
                }
                let found = tables.iter().find(|(name, _)| *name == sheet.name);
                sheet.marks = found.map(|(_, marks)| marks.clone());
            }
        }
        Ok(sheet)
    }

    fn chosen(&mut self, names: &[String], wanted: Option<&str>) -> Result<(), Refused> {
        self.name = Self::choice(names, wanted)?;
        self.others = names.iter().filter(|name| **name != self.name).cloned().collect();
        Ok(())
    }

    fn choice(names: &[String], wanted: Option<&str>) -> Result<String, Refused> {
        let Some(wanted) = wanted else {
            return names.first().cloned().ok_or_else(|| {
                Refused::new("empty-roster", "there is no sheet in the file", "add one with the list")
            });
        };
        let alike = |name: &&String| trimmed(name).to_lowercase() == trimmed(wanted).to_lowercase();
        let found = names.iter().find(|name| *name == wanted).or_else(|| names.iter().find(alike));
        found.cloned().ok_or_else(|| {
            let hint = match nearest(wanted, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", listed(names)),
            };
            Refused::new("missing-sheet", format!("there is no sheet `{wanted}`"), hint)
        })
    }

    /// Takes a cell; they come row by row.
    fn push(&mut self, row: u32, column: u32, value: &Data, has_formula: bool) -> Result<(), Refused> {
        let before = self.text.len();
        let typed = self.write(value);
        let typed = if has_formula && *value == Data::Empty { Some(Typed::NoValue) } else { typed };
        if self.text.len() == before && typed.is_none() {
            return Ok(());
        }
        let until = u32::try_from(self.text.len()).ok().filter(|_| self.text.len() <= MOST_TEXT);
        let from = u32::try_from(self.cells.len()).ok();
        let (Some(until), Some(from)) = (until, from) else { return Err(Refused::large()) };
        match self.rows.last() {
            Some(last) if last.number == row + 1 => {}
            Some(last) if last.number > row + 1 => return Err(Refused::broken()),
            _ => self.rows.push(Row { number: row + 1, from }),
        }
        self.cells.push(Cell { column: u16::try_from(column).unwrap_or(u16::MAX), typed, until });
        Ok(())
    }

    /// Writes a value as a text to the others.
    fn write(&mut self, value: &Data) -> Option<Typed> {
        match value {
            Data::Empty => {}
            Data::String(text) if text.contains('\r') => {
                self.text.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
            }
            Data::String(text) => self.text.push_str(text),
            Data::Int(number) => {
                let _ = write!(self.text, "{number}");
                return Some(Typed::Number);
            }
            Data::Float(number) => {
                self.text.push_str(&decimal(*number));
                return Some(Typed::Number);
            }
            // A letter asks `{{#if member}}`, and there what is empty is false.
            Data::Bool(is) => self.text.push_str(if *is { "true" } else { "" }),
            Data::DateTime(at) => self.text.push_str(&moment(at)),
            Data::DateTimeIso(text) => self.text.push_str(&iso(text)),
            Data::DurationIso(text) => self.text.push_str(&duration(text)),
            Data::Error(error) => {
                self.text.push_str(error_text(error));
                return Some(Typed::Error);
            }
        }
        None
    }

    /// Fills in the row with this index, and returns whether there is one. It is as wide as `width` at least.
    pub(super) fn fill(&self, at: usize, width: usize, record: &mut Record) -> bool {
        let Some(row) = self.rows.get(at) else { return false };
        record.cells.clear();
        record.typed.clear();
        record.flaw = None;
        record.spans_from = None;
        record.last_line = 0;
        record.at = RowPlace { line: None, row: u64::from(row.number) };
        let from = row.from as usize;
        let until = self.rows.get(at + 1).map_or(self.cells.len(), |next| next.from as usize);
        let mut beyond = 0;
        let mut begins = from.checked_sub(1).map_or(0, |before| self.cells[before].until as usize);
        for cell in &self.cells[from..until] {
            let text = self.text.get(begins..cell.until as usize).unwrap_or_default();
            begins = cell.until as usize;
            let column = usize::from(cell.column);
            if column >= COLUMNS {
                record.flaw.get_or_insert(Flaw::Wide);
                beyond = column + 1;
                continue;
            }
            if text.len() > CELL {
                record.flaw.get_or_insert(Flaw::Long(column + 1));
                continue;
            }
            if record.cells.len() <= column {
                record.cells.resize(column + 1, String::new());
            }
            text.clone_into(&mut record.cells[column]);
            if let Some(typed) = cell.typed {
                record.typed.push((column, typed));
            }
        }
        if record.cells.len() < width {
            record.cells.resize(width, String::new());
        }
        record.width = record.cells.len().max(beyond);
        true
    }

    /// Returns how many rows below a row are hidden and not empty, and the first of them.
    pub(super) fn hidden_below(&self, row: u64) -> Option<(u64, u64)> {
        let marks = self.marks.as_ref()?;
        let mut hidden = self
            .rows
            .iter()
            .map(|row| u64::from(row.number))
            .filter(|number| *number > row && marks.hides(*number));
        let first = hidden.next()?;
        Some((1 + hidden.count() as u64, first))
    }

    /// Returns the first rows below a row over which cells are merged.
    pub(super) fn merged_below(&self, row: u64) -> Option<(u64, u64)> {
        self.marks.as_ref()?.merged_from(row + 1)
    }
}

/// The first names of sheets, for a message.
pub(super) fn listed(names: &[String]) -> String {
    let names: Vec<String> =
        names.iter().take(12).map(|name| format!("`{}`", super::roster::short(name))).collect();
    names.join(", ")
}

fn error_text(error: &CellErrorType) -> &'static str {
    match error {
        CellErrorType::Div0 => "#DIV/0!",
        CellErrorType::NA => "#N/A",
        CellErrorType::Name => "#NAME?",
        CellErrorType::Null => "#NULL!",
        CellErrorType::Num => "#NUM!",
        CellErrorType::Ref => "#REF!",
        CellErrorType::Value => "#VALUE!",
        _ => "#ERROR",
    }
}

fn sheet_names(sheets: &[calamine::Sheet]) -> Vec<String> {
    let tables = sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    tables.map(|sheet| sheet.name.clone()).collect()
}

/// The shortest decimal number that means the same to a spreadsheet, which keeps fifteen digits.
fn decimal(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    // Nobody writes a minus before nothing.
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

/// A date of a spreadsheet: `2025-10-28`, with a time `2025-10-28 14:30`, a time alone `14:30`.
fn moment(at: &ExcelDateTime) -> String {
    let value = at.as_f64();
    if at.is_duration() || (0.0..1.0).contains(&value) {
        let minutes = (value * 24.0 * 60.0).round();
        return format!("{}:{:02}", (minutes / 60.0).trunc(), (minutes % 60.0).abs());
    }
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    if !(0.0..2_958_466.0).contains(&value) {
        return decimal(value);
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute, second) {
        (0, 0, 0) => date,
        (hour, minute, 0) => format!("{date} {hour:02}:{minute:02}"),
        (hour, minute, second) => format!("{date} {hour:02}:{minute:02}:{second:02}"),
    }
}

/// The same from a text of ISO 8601.
fn iso(text: &str) -> String {
    let text = text.split('.').next().unwrap_or(text);
    let text = text.strip_suffix('Z').unwrap_or(text);
    match text.split_once('T') {
        Some((date, "00:00:00" | "00:00")) => date.to_owned(),
        Some((date, time)) => {
            format!("{date} {}", time.strip_suffix(":00").filter(|_| time.len() == 8).unwrap_or(time))
        }
        None => text.to_owned(),
    }
}

/// A span of ISO 8601 as an `.ods` writes a time: `PT14H30M00S` is `14:30`.
fn duration(text: &str) -> String {
    let parts = text.strip_prefix("PT").and_then(|rest| {
        let (hours, rest) = rest.split_once('H')?;
        let (minutes, _) = rest.split_once('M')?;
        Some((hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?))
    });
    parts.map_or_else(|| text.to_owned(), |(hours, minutes)| format!("{hours}:{minutes:02}"))
}

fn of_xlsx(error: XlsxError) -> Refused {
    match error {
        XlsxError::Password => Refused::locked(),
        XlsxError::Io(error) => error.into(),
        _ => Refused::broken(),
    }
}

fn of_ods(error: OdsError) -> Refused {
    match error {
        OdsError::Password => Refused::locked(),
        OdsError::Io(error) => error.into(),
        OdsError::CellLimitExceeded { .. } => Refused::large(),
        _ => Refused::broken(),
    }
}
