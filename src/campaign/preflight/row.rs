//! One row: its values where the letter shows them, its subject, its mailbox. Asked for every row of a roster.

use std::ops::Range;

use jiff::civil::Date;

use super::catalogue::{LEFT_OVER, NEEDS_SMTPUTF8};
use super::{Found, dates, links, names, salutation, sizes, values};
use crate::campaign::draft::Draft;
use crate::campaign::placeholder;
use crate::campaign::problem::{Problem, RowPlace};
use crate::campaign::recipient::Recipient;
use crate::campaign::words::Tongue;

/// How far round a value a date or a term may begin, in octets.
const NEAR: usize = 60;

/// What is the same for every row.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    /// The roster's file.
    pub file: &'a str,
    /// The campaign's language, where dates can be written in it.
    pub tongue: Option<Tongue>,
    /// The day of sending.
    pub today: Date,
    /// Whether letters would leave the machine.
    pub real: bool,
    /// Whether it is the first letter.
    pub first: bool,
    /// What is odd about the subject without any value in it: that is told once, and not for each row.
    pub odd_subject: Vec<Found>,
}

impl Rows<'_> {
    /// Looks at a row and at its letter.
    pub fn look(&self, at: RowPlace, recipient: &Recipient, draft: &Draft, problems: &mut Vec<Problem>) {
        let mut found = Vec::new();
        let named =
            recipient.addressees().and_then(|all| recipient.name.as_deref().or(all.to.name.as_deref()));
        self.look_at_values(draft, named, &mut found);
        let before = found.len();
        names::look_at_subject(&draft.subject, &draft.raw_subject, self.first, &mut found);
        let known = |found: &Found| self.odd_subject.iter().any(|odd| odd.finding == found.finding);
        if found[before..].iter().any(known) {
            let subject = found.split_off(before);
            found.extend(subject.into_iter().filter(|found| !known(found)));
        }
        sizes::look_at_html(draft.html_size, &mut found);
        if let Some(addressees) = recipient.addressees() {
            if let Some(name) = named {
                names::look_at_display_name(name, &mut found);
                values::look_at_case(name, &mut found);
            }
            for mailbox in [&addressees.to].into_iter().chain(addressees.others()) {
                if mailbox.address.needs_smtputf8() {
                    let said = format!("{} has letters beyond ASCII before the @", mailbox.address);
                    found.push(Found::new(&NEEDS_SMTPUTF8, said));
                }
            }
        }
        for found in found {
            let mut problem = found.at(at.in_file(self.file), self.real).about(&recipient.key);
            problem.said = format!("{}: {}", recipient.key, problem.said);
            // One field that is shown twice is one finding, and a name may stand in the letter and beside the address.
            let known = |other: &Problem| {
                other.name == problem.name && other.said == problem.said && other.place == problem.place
            };
            if !problems.iter().rev().take(20).any(known) {
                problems.push(problem);
            }
        }
    }

    fn look_at_values(&self, draft: &Draft, named: Option<&str>, found: &mut Vec<Found>) {
        let mut greeted = None;
        for landed in &draft.landed {
            let Some(value) = draft.text.get(landed.at.clone()) else { continue };
            if landed.in_link {
                links::look(value, found);
                continue;
            }
            let of_the_row = !landed.said.starts_with("sender.") && !landed.said.starts_with("campaign.");
            if of_the_row {
                let before = found.len();
                // The name beside the address is looked at as such.
                let is_name = named != Some(value) && values::holds_names(landed.field());
                values::look(value, is_name, found);
                for left in placeholder::leftovers_of_a_value(value, self.tongue) {
                    found.push(Found::new(&LEFT_OVER, format!("`{}` is still to be filled in", left.text)));
                }
                for found in &mut found[before..] {
                    found.said = format!("`{}`: {}", landed.field(), found.said);
                }
                links::addresses(value).for_each(|address| links::look(address, found));
            }
            let line = draft.line(landed);
            if greeted != Some(line.start) {
                let text = draft.text.get(line.clone()).unwrap_or_default();
                if salutation::is_one(text) {
                    greeted = Some(line.start);
                    salutation::look(text, found);
                }
            }
            if dates::may_hold_one(value) || dates::may_be_a_day(value) {
                let (from, text) = draft.around(landed, NEAR);
                let mut here = Vec::new();
                dates::look(text, self.today, self.tongue, &mut here);
                // What the author alone wrote is told where it was written.
                let touches =
                    |at: &Range<usize>| from + at.start < landed.at.end && from + at.end > landed.at.start;
                found.extend(here.into_iter().filter(|(at, _)| touches(at)).map(|(_, found)| found));
            }
        }
    }
}
