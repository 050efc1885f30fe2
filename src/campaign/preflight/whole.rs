//! A merged letter as a whole: asked once for each shape, which rows that take the same branches share.

use std::collections::HashSet;

use super::markup::Markup;
use super::{Found, links, salutation, text};
use crate::campaign::draft::Draft;
use crate::campaign::letter::Merged;
use crate::campaign::problem::{Place, Problem};

/// So many shapes are looked at; a letter with more branches repeats itself.
const MOST: usize = 64;

/// What is the same for every shape.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The letter's file.
    pub file: &'a str,
    /// What its author wrote.
    pub source: &'a str,
    /// The key of the recipient whose letter is looked at for its shape.
    pub key: &'a str,
    /// The campaign's language (RFC 5646).
    pub language: &'a str,
    /// Whether letters would leave the machine.
    pub real: bool,
}

/// Remembers which shapes were looked at, and what was told.
#[derive(Debug, Default)]
pub struct Wholes {
    shapes: HashSet<u64>,
    /// Of the letters that follow.
    later: HashSet<u64>,
    told: HashSet<(&'static str, String)>,
}

impl Wholes {
    /// Returns whether a shape is new and should be looked at.
    pub fn wants(&mut self, shape: u64) -> bool {
        self.shapes.len() < MOST && self.shapes.insert(shape)
    }

    /// Returns the same of the letters that follow, whose shapes together have a name.
    pub fn wants_later(&mut self, shapes: u64) -> bool {
        self.later.len() < MOST && self.later.insert(shapes)
    }

    /// Looks at a letter of a new shape; `source` is what its author wrote.
    pub fn look(&mut self, about: &About<'_>, draft: &Draft, merged: &Merged) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut greetings = Vec::new();
        text::look(&merged.text, about.language, &mut found);
        for (from, line) in lines(&merged.text) {
            // A line with a value in it is looked at row by row, and one that the author wrote so where it was written.
            let has_value =
                draft.landed.iter().any(|landed| landed.at.start < from + line.len() && landed.at.end > from);
            if !has_value && salutation::is_one(line) && !about.source.contains(line) {
                salutation::look(line, &mut greetings);
            }
        }
        let fixed = |at: usize| !draft.landed.iter().any(|landed| landed.in_link && landed.at.contains(&at));
        for address in links::addresses(&merged.text) {
            let at = address.as_ptr() as usize - merged.text.as_ptr() as usize;
            if fixed(at) {
                links::look(address, &mut found);
            }
        }
        let page = Markup::read(&merged.html);
        for (address, shown) in &page.anchors {
            links::look_at_anchor(address, shown, &mut found);
        }
        let mut problems = self.new_ones(found, about.file, about.real);
        // Which salutation there is follows from the row.
        for mut problem in self.new_ones(greetings, about.file, about.real) {
            problem.said = format!("{}, as for {}", problem.said, about.key);
            problems.push(problem);
        }
        problems
    }

    /// Adds what was found elsewhere, each once.
    pub fn new_ones(&mut self, found: Vec<Found>, file: &str, real: bool) -> Vec<Problem> {
        let told = &mut self.told;
        found
            .into_iter()
            .filter(|found| told.insert((found.finding.name, found.said.clone())))
            .map(|found| found.at(Place::file(file), real))
            .collect()
    }
}

/// The lines of a text, each with where it begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    text.split('\n').map(move |line| {
        let at = from;
        from += line.len() + 1;
        (at, line)
    })
}
