//! What is caught before a letter leaves: functions of values that return findings, one file for each family.
//!
//! | file | looks at |
//! |---|---|
//! | `source` | what the author wrote, with line and column, in all branches at once |
//! | `row` | one row: its values where they land, its subject, its address |
//! | `whole` | a merged letter, once for each shape |
//! | `people` | all rows together |
//!
//! Whatever is looked at for every row looks at the values alone and at what stands beside them, since a roster may have a
//! million rows. `command/survey.rs` goes through them.

pub mod acceptance;
pub mod catalogue;
pub mod dates;
pub mod language;
pub mod links;
pub mod mail_programs;
pub mod markup;
pub mod names;
pub mod people;
pub mod row;
pub mod salutation;
pub mod sizes;
pub mod source;
pub mod spam;
pub mod text;
pub mod values;
pub mod whole;

use catalogue::Finding;

use super::problem::{Place, Problem, Severity};
use acceptance::Acceptance;

/// `[preflight]`, settled.
#[derive(Clone, Debug)]
pub struct Settings {
    /// More than so many recipients of one organisation with the same text are worth a warning.
    pub per_organisation: usize,
    /// Whether SpamAssassin is asked where it is installed.
    pub spamassassin: bool,
    /// What may stay.
    pub accept: Vec<Acceptance>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { per_organisation: 3, spamassassin: true, accept: Vec::new() }
    }
}

/// Something that was found, and not yet where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub finding: &'static Finding,
    /// A sentence without a full stop.
    pub said: String,
    /// What to do, where we know better than the catalogue.
    pub hint: Option<String>,
    /// Whether it only warns this time.
    pub soft: bool,
}

impl Found {
    /// A finding with its sentence.
    pub fn new(finding: &'static Finding, said: impl Into<String>) -> Self {
        Self { finding, said: said.into(), hint: None, soft: false }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Makes it only warn.
    #[must_use]
    pub fn softly(self) -> Self {
        Self { soft: true, ..self }
    }

    /// Makes a problem of it; before a relay that leads nowhere, an error only warns.
    pub fn at(self, place: Place, real: bool) -> Problem {
        let mut problem = self.finding.at(place, self.said);
        if self.soft || !real {
            problem.severity = Severity::Warning;
        }
        problem.hint = self.hint;
        problem
    }
}

/// A text for a sentence: on one line, without what could disturb a terminal, at most 60 characters.
fn shown(text: &str) -> String {
    let clean = crate::mail::headers::clean(text);
    match clean.char_indices().nth(60) {
        None => clean,
        Some(_) => clean.chars().take(59).chain(['…']).collect(),
    }
}
