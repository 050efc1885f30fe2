//! `postduif preview --pdf`: every letter as a PDF, for printing and post. A recipient needs no mail address for it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use jiff::Timestamp;

use super::preview::write_private;
use super::reading::Reading;
use super::{Context, wrong_input};
use crate::campaign::problem::{Problem, Problems};
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::Row;
use crate::campaign::twice::Duplicates;
use crate::engine::press::{PdfError, PdfLetter, Press};
use crate::report::Failure;
use crate::typesetting::TypesettingError;

/// What to do where there is no typesetter.
pub(super) const HINT: &str =
    "`cargo install --locked --path letter-pdf`, typed in the folder of the program's source, builds it";

/// Rows typeset together, on as many threads as there are processes.
const CHUNK: usize = 64;

/// Writes those of a step into a folder; returns how many.
///
/// # Errors
/// When no letter asks for a PDF, the typesetter is not there, a letter cannot be typeset, or a file cannot be written.
pub fn write(
    context: &Context,
    reading: &Reading,
    (key, step): (Option<&str>, u32),
    folder: &Path,
) -> Result<u64, Failure> {
    let press = reading.press.as_ref().ok_or_else(|| wrong_input(&reading.problems))?;
    refuse_without(press)?;
    let failed =
        |error: std::io::Error| Failure::input(format!("{} cannot be written: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut duplicates = Duplicates::default();
    for row in reading.rows()?.whom_alone() {
        if let Row::Recipient { recipient, .. } = row {
            duplicates.note(&recipient);
        }
    }
    let now = context.clock.now();
    let mut rows = reading.rows()?.leaving_out(duplicates.suspects());
    let mut names = Names::default();
    let mut warnings = HashSet::new();
    let mut written = 0;
    loop {
        let mut chunk: Vec<Recipient> = Vec::with_capacity(CHUNK);
        for row in rows.by_ref() {
            if let Row::Recipient { recipient, .. } = row
                && key.is_none_or(|key| recipient.key == key)
            {
                chunk.push(recipient);
                if chunk.len() == CHUNK {
                    break;
                }
            }
        }
        if chunk.is_empty() {
            return Ok(written);
        }
        for (recipient, letter) in
            chunk.iter().zip(typeset((press, step), &chunk, now, reading.config.typesetting.processes))
        {
            let Some(letter) = letter.map_err(|error| failure(context, &recipient.key, error))? else {
                continue;
            };
            written += 1;
            let told: Vec<Problem> =
                letter.warnings.into_iter().filter(|warning| warnings.insert(warning.to_string())).collect();
            tell(context, told);
            write_private(&folder.join(names.free(written, &letter.name)), &letter.bytes).map_err(failed)?;
        }
    }
}

/// Typesets the letters of a step for some rows, in their order, on as many threads as there may be processes.
pub(super) fn typeset(
    (press, step): (&Press, u32),
    chunk: &[Recipient],
    now: Timestamp,
    processes: usize,
) -> Vec<Result<Option<PdfLetter>, PdfError>> {
    // Where one letter takes too long, each may, and there may be a million.
    let hopeless = AtomicBool::new(false);
    let make = |recipient: &Recipient| {
        if hopeless.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let made = press.pdf(recipient, step, now, None);
        if let Err(PdfError::Typesetting(TypesettingError::TooSlow { .. })) = made {
            hopeless.store(true, Ordering::Relaxed);
        }
        made
    };
    let share = chunk.len().div_ceil(processes.max(1)).max(1);
    thread::scope(|scope| {
        let others: Vec<_> = chunk
            .chunks(share)
            .map(|part| scope.spawn(|| part.iter().map(&make).collect::<Vec<_>>()))
            .collect();
        others.into_iter().flat_map(|other| other.join().unwrap_or_default()).collect()
    })
}

/// A letter that asks for no PDF has none, and without the typesetter there is none.
fn refuse_without(press: &Press) -> Result<(), Failure> {
    if press.letter(1).is_none_or(|letter| letter.pdf_template().is_none()) {
        let file = press.definition().steps.first().map(|step| step.file()).unwrap_or_default();
        return Err(Failure::input(format!("the letter {file} asks for no PDF")).hint(
            "add `pdf = \"brief.typ\"` to its front matter, and a template of that name to `templates/`",
        ));
    }
    match press.typesetter().map(|typesetter| typesetter.about()) {
        Some(Err(error)) => Err(without(error)),
        _ => Ok(()),
    }
}

/// Says for people that the typesetter is of no use.
fn without(error: TypesettingError) -> Failure {
    let failure = Failure::input(error.to_string());
    match error {
        TypesettingError::Missing { .. } | TypesettingError::Unusable { .. } => failure.hint(HINT),
        _ => failure,
    }
}

fn failure(context: &Context, key: &str, error: PdfError) -> Failure {
    let failure = match error {
        PdfError::Letter(problems) | PdfError::Typesetting(TypesettingError::Faults(problems)) => {
            tell(context, problems);
            Failure::input(format!("the letter of {key} cannot be made into a PDF"))
        }
        PdfError::Typesetting(error) => {
            let said = format!("the letter of {key} cannot be made into a PDF: {error}");
            Failure { said, ..without(error) }
        }
    };
    failure.safe("what was written before is whole; nothing was sent")
}

fn tell(context: &Context, found: Vec<Problem>) {
    let mut problems = Problems::default();
    found.into_iter().for_each(|problem| problems.push(problem));
    context.report.problems(&problems);
}

/// Names that are in use: some file systems take capitals for the same.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    /// Returns a name that no other letter has: its own, or with its number before it.
    fn free(&mut self, number: u64, name: &str) -> String {
        let numbered = format!("{number:04}-{name}");
        if self.0.insert(name.to_lowercase()) { name.to_owned() } else { numbered }
    }
}
