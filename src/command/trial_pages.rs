//! The first letters and the longest, typeset before anything is sent: a fault of the template is told by `check` and not by the
//! first letter that goes out. And the characters that no font has, in every row.

use std::collections::HashSet;

use jiff::Timestamp;

use super::pdf_letters::typeset;
use super::reading::Reading;
use crate::campaign::letter::Letter;
use crate::campaign::problem::{Place, Problem, RowPlace};
use crate::campaign::recipient::Recipient;
use crate::engine::press::{PdfError, Press};
use crate::typesetting::{About, TypesettingError};

/// So many letters are typeset, and the longest.
pub(super) const LETTERS: usize = 12;

/// Typesets the letters of these rows; what is wrong goes to the problems, each once.
pub(super) fn typeset_some(reading: &mut Reading, rows: &[(RowPlace, Recipient)], now: Timestamp) {
    let Some(press) = &reading.press else { return };
    // Without a typesetter that was told already.
    if !press.wants_pdf() || about(press).is_none() {
        return;
    }
    let recipients: Vec<Recipient> = rows.iter().map(|(_, recipient)| recipient.clone()).collect();
    let steps = (1..).zip(&press.definition().steps).map(|(step, _)| step);
    let asks = |step: &u32| press.letter(*step).is_some_and(|letter| letter.pdf_template().is_some());
    let mut all = Vec::new();
    for step in steps.filter(asks) {
        let make =
            |part: &[Recipient]| typeset((press, step), part, now, reading.config.typesetting.processes);
        // What is wrong with the first letter is mostly wrong with all of them.
        let mut made = make(recipients.get(..1).unwrap_or_default());
        if !matches!(made.first(), Some(Err(PdfError::Typesetting(_)))) {
            made.extend(make(recipients.get(1..).unwrap_or_default()));
        }
        all.extend(made.into_iter().zip(rows).enumerate());
    }
    let mut found: Vec<Problem> = Vec::new();
    for (index, (made, (at, recipient))) in all {
        match made {
            Ok(letter) => found.extend(letter.into_iter().flat_map(|letter| letter.warnings)),
            Err(PdfError::Typesetting(TypesettingError::Faults(faults))) => {
                found.extend(faults.into_iter().map(|fault| match index {
                    0 => fault,
                    _ => Problem { said: format!("{}: {}", recipient.key, fault.said), ..fault },
                }));
            }
            // What is wrong with the row is told by the survey.
            Err(PdfError::Letter(_)) => {}
            Err(PdfError::Typesetting(error)) => {
                let place = at.in_file(&reading.config.recipients.file);
                found.push(Problem::error("typesetting", place, format!("{}: {error}", recipient.key)));
            }
        }
    }
    let mut told = HashSet::new();
    found.retain(|problem| told.insert(problem.to_string()));
    found.into_iter().for_each(|problem| reading.problems.push(problem));
}

/// Returns what the typesetter says of itself, where a letter needs it and it is there.
pub(super) fn about(press: &Press) -> Option<About> {
    press.typesetter()?.about().ok()
}

/// Finds characters that no font has in what the letter shows of a row.
pub(super) fn unprintable(
    about: &About,
    letter: &Letter,
    recipient: &Recipient,
    place: &Place,
    found: &mut Vec<Problem>,
) {
    let used = recipient.fields.iter().filter(|(field, _)| letter.columns_used().contains(field));
    let shown = [("name", recipient.name.as_ref()), ("organisation", recipient.organisation.as_ref())];
    let shown = shown.into_iter().filter_map(|(field, value)| Some((field, value?)));
    let mut told = HashSet::new();
    for (field, value) in used.map(|(field, value)| (field.as_str(), value)).chain(shown) {
        if let Some(character) = value.chars().find(|character| !about.can_show(*character))
            && told.insert(character)
        {
            let said = format!("{}: `{field}`: no font of the PDF has `{character}`", recipient.key);
            found.push(
                Problem::error("no-glyph", place.clone(), said)
                    .hint("write it otherwise, or put a font that has it into the folder of `[pdf] fonts`"),
            );
        }
    }
}
