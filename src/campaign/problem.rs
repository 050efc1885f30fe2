//! What is wrong with the input: every problem at once, each with its place, in words for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::preflight::acceptance::Acceptance;

/// Whether a problem stops the campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is planned and nothing goes out until it is mended.
    Error,
    /// Worth a look; nothing stops.
    Warning,
}

/// Where something stands. Lines, columns and rows count from 1; columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Place {
    /// The file as the user knows it: `recipients.csv`, `templates/letter.md`.
    pub file: String,
    /// The line of a text, where it is known.
    pub line: Option<u64>,
    /// The column in that line, where it is known.
    pub column: Option<u32>,
    /// The row of the roster, as a spreadsheet counts it.
    pub row: Option<u64>,
    /// The cell of a spreadsheet: `C12`.
    pub cell: Option<String>,
}

impl Place {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), ..Self::default() }
    }

    /// A line of a file.
    pub fn line(file: impl Into<String>, line: u64) -> Self {
        Self { line: Some(line), ..Self::file(file) }
    }

    /// A column of a line of a file.
    pub fn column(file: impl Into<String>, line: u64, column: u32) -> Self {
        Self { column: Some(column), ..Self::line(file, line) }
    }
}

/// `recipients.csv:14:3`, `recipients.csv:14 (row 12)` where an editor and a spreadsheet count differently,
/// `parties.xlsx: row 12`, `parties.xlsx: cell C12`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        match (&self.cell, self.row, self.line) {
            (Some(cell), ..) => write!(f, ": cell {cell}"),
            (None, Some(row), None) => write!(f, ": row {row}"),
            (None, Some(row), Some(line)) if row != line => write!(f, " (row {row})"),
            _ => Ok(()),
        }
    }
}

/// Where a row of the roster stands. In a text a cell may hold line breaks, so its lines are not its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RowPlace {
    /// The line on which it begins, as an editor counts; a spreadsheet has none.
    pub line: Option<u64>,
    /// Its row, as a spreadsheet counts.
    pub row: u64,
}

impl RowPlace {
    /// Returns the row as a place in its file.
    pub fn in_file(self, file: &str) -> Place {
        Place { line: self.line, row: Some(self.row), ..Place::file(file) }
    }

    /// Returns one of its cells as a place; `column` counts from 0. In a text that is the whole row.
    pub fn cell(self, file: &str, column: usize) -> Place {
        let cell = self.line.is_none().then(|| format!("{}{}", letters(column), self.row));
        Place { cell, ..self.in_file(file) }
    }
}

/// `line 14`, `line 14 (row 12)`, `row 12`.
impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) if line == self.row => write!(f, "line {line}"),
            Some(line) => write!(f, "line {line} (row {})", self.row),
            None => write!(f, "row {}", self.row),
        }
    }
}

/// The letters by which spreadsheets call a column: `A` for 0, `AA` for 26.
fn letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest % 26]);
        rest /= 26;
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it stops the campaign.
    pub severity: Severity,
    /// Its stable name in kebab case: `unknown-field`, `empty-field`, `same-address`.
    pub name: &'static str,
    /// Where it is, if anywhere in particular.
    pub place: Option<Place>,
    /// What is wrong: one sentence without a full stop, values in backticks.
    pub said: String,
    /// What to do about it, where we know: "did you mean `naam`?".
    pub hint: Option<String>,
    /// The key of the recipient whom it is about, where it is about one.
    pub recipient: Option<Box<str>>,
    /// Why somebody said that it may stay; then it stops nothing and is no warning either.
    pub accepted: Option<Box<str>>,
}

impl Problem {
    /// A problem that stops the campaign.
    pub fn error(name: &'static str, place: Place, said: impl Into<String>) -> Self {
        Self::new(Severity::Error, name, place, said)
    }

    /// A problem that is worth a look.
    pub fn warning(name: &'static str, place: Place, said: impl Into<String>) -> Self {
        Self::new(Severity::Warning, name, place, said)
    }

    /// A problem of that severity.
    pub fn new(severity: Severity, name: &'static str, place: Place, said: impl Into<String>) -> Self {
        let said = said.into();
        Self { severity, name, place: Some(place), said, hint: None, recipient: None, accepted: None }
    }

    /// Adds what to do about it; an empty text adds nothing.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into()).filter(|hint: &String| !hint.is_empty());
        self
    }

    /// Says whom it is about, by the key.
    #[must_use]
    pub fn about(mut self, key: &str) -> Self {
        self.recipient = Some(key.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        match (&self.accepted, self.severity) {
            (Some(_), _) => f.write_str("accepted: ")?,
            (None, Severity::Warning) => f.write_str("warning: ")?,
            (None, Severity::Error) => {}
        }
        f.write_str(&self.said)?;
        match (&self.accepted, &self.hint) {
            (Some(reason), _) => write!(f, " (because: {reason})"),
            (None, Some(hint)) => write!(f, "; {hint}"),
            (None, None) => Ok(()),
        }
    }
}

/// All problems of an input, gathered; at most [`Problems::KEPT`] of each severity are kept, and of warnings with one name
/// [`Problems::ALIKE`], all are counted.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    accepted: Vec<Problem>,
    more_errors: u64,
    more_warnings: u64,
    more_accepted: u64,
    /// How often each name was met, of what does not stop the campaign.
    alike: BTreeMap<&'static str, usize>,
    /// What somebody said may stay, and how often each was met.
    acceptances: Vec<(Acceptance, u64)>,
}

impl Problems {
    /// How many of each severity are kept in full: a roster of a million wrong rows must not fill the memory.
    pub const KEPT: usize = 200;
    /// How many warnings of one name are kept, so that they leave room for those of another.
    pub const ALIKE: usize = 25;

    /// Takes note of what may stay; it counts for those that are here and for those that come.
    pub fn accept(&mut self, acceptances: impl IntoIterator<Item = Acceptance>) {
        self.alike.clear();
        self.acceptances.extend(acceptances.into_iter().map(|acceptance| (acceptance, 0)));
        let (errors, warnings) = (std::mem::take(&mut self.errors), std::mem::take(&mut self.warnings));
        for problem in errors.into_iter().chain(warnings) {
            self.push(problem);
        }
    }

    /// Returns what may stay and was never met.
    pub fn acceptances_in_vain(&self) -> impl Iterator<Item = &Acceptance> {
        self.acceptances.iter().filter(|(_, met)| *met == 0).map(|(acceptance, _)| acceptance)
    }

    /// Adds one.
    pub fn push(&mut self, mut problem: Problem) {
        if let Some((acceptance, met)) =
            self.acceptances.iter_mut().find(|(acceptance, _)| acceptance.covers(&problem))
        {
            *met += 1;
            problem.accepted = Some(acceptance.reason.as_str().into());
        }
        let (list, more) = match problem.severity {
            _ if problem.accepted.is_some() => (&mut self.accepted, &mut self.more_accepted),
            Severity::Error => (&mut self.errors, &mut self.more_errors),
            Severity::Warning => (&mut self.warnings, &mut self.more_warnings),
        };
        let stops = problem.severity == Severity::Error && problem.accepted.is_none();
        let alike = if stops { None } else { Some(self.alike.entry(problem.name).or_default()) };
        if list.len() < Self::KEPT && alike.as_ref().is_none_or(|met| **met < Self::ALIKE) {
            if let Some(met) = alike {
                *met += 1;
            }
            list.push(problem);
        } else {
            *more += 1;
        }
    }

    /// Adds all of another.
    pub fn append(&mut self, other: Problems) {
        self.more_errors += other.more_errors;
        self.more_warnings += other.more_warnings;
        self.more_accepted += other.more_accepted;
        for problem in other.errors.into_iter().chain(other.warnings).chain(other.accepted) {
            self.push(problem);
        }
    }

    /// How many stop the campaign.
    pub fn errors(&self) -> u64 {
        self.errors.len() as u64 + self.more_errors
    }

    /// How many do not.
    pub fn warnings(&self) -> u64 {
        self.warnings.len() as u64 + self.more_warnings
    }

    /// How many were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.len() as u64 + self.more_accepted
    }

    /// Returns those kept, sorted by file and line, errors, warnings and what was accepted together.
    pub fn sorted(&self) -> Vec<&Problem> {
        let mut all: Vec<&Problem> = self.errors.iter().chain(&self.warnings).chain(&self.accepted).collect();
        all.sort_by_key(|problem| {
            let place = problem.place.clone().unwrap_or_default();
            (place.file, place.line, place.row, place.column, place.cell)
        });
        all
    }

    /// How many are counted and not kept.
    pub fn left_out(&self) -> u64 {
        self.more_errors + self.more_warnings + self.more_accepted
    }

    /// Returns whether there is none that stops or warns.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.warnings.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_a_line_with_its_place_and_its_hint() {
        let problem = Problem::error(
            "unknown-field",
            Place::column("templates/letter.md", 5, 12),
            "`{{nmae}}` names no column",
        )
        .hint("did you mean `naam`?");
        assert_eq!(
            problem.to_string(),
            "templates/letter.md:5:12: `{{nmae}}` names no column; did you mean `naam`?"
        );
    }

    #[test]
    fn a_row_is_named_as_the_editor_and_as_the_spreadsheet_count_it() {
        let (text, later) = (RowPlace { line: Some(2), row: 2 }, RowPlace { line: Some(14), row: 12 });
        let sheet = RowPlace { line: None, row: 12 };
        let places = [
            text.in_file("r.csv"),
            later.in_file("r.csv"),
            later.cell("r.csv", 2),
            sheet.in_file("r.xlsx"),
            sheet.cell("r.xlsx", 2),
            sheet.cell("r.xlsx", 25),
            sheet.cell("r.xlsx", 26),
            sheet.cell("r.xlsx", 16_383),
        ];
        let told: Vec<String> = places.iter().map(Place::to_string).collect();
        assert_eq!(
            told,
            [
                "r.csv:2",
                "r.csv:14 (row 12)",
                "r.csv:14 (row 12)",
                "r.xlsx: row 12",
                "r.xlsx: cell C12",
                "r.xlsx: cell Z12",
                "r.xlsx: cell AA12",
                "r.xlsx: cell XFD12"
            ]
        );
        assert_eq!([text, later, sheet].map(|at| at.to_string()), ["line 2", "line 14 (row 12)", "row 12"]);
        assert_eq!(
            serde_json::to_string(&sheet.cell("r.xlsx", 2)).unwrap(),
            r#"{"file":"r.xlsx","line":null,"column":null,"row":12,"cell":"C12"}"#
        );
    }

    #[test]
    fn all_are_counted_and_a_bounded_number_is_kept() {
        let mut problems = Problems::default();
        for line in 1..=1000 {
            problems.push(Problem::error("x", Place::line("recipients.csv", line), "wrong"));
        }
        assert_eq!((problems.errors(), problems.sorted().len()), (1000, Problems::KEPT));
        assert_eq!(problems.left_out(), 1000 - Problems::KEPT as u64);
    }

    #[test]
    fn warnings_of_one_name_leave_room_for_those_of_another() {
        let mut problems = Problems::default();
        for line in 1..=1000 {
            problems.push(Problem::warning("x", Place::line("recipients.csv", line), "odd"));
        }
        problems.push(Problem::warning("y", Place::line("recipients.csv", 1001), "odder"));
        assert_eq!(problems.warnings(), 1001);
        let kept: Vec<&str> = problems.sorted().into_iter().map(|problem| problem.name).collect();
        assert_eq!((kept.len(), kept.last()), (Problems::ALIKE + 1, Some(&"y")));
    }
}
