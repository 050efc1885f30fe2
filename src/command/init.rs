//! `postduif init`: a new campaign folder, never over existing files; with a letter that exists already, if there is one.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use super::Context;
use crate::campaign::document::draft::{Draft, draft};
use crate::campaign::document::{self, Sort};
use crate::campaign::headings::normalised;
use crate::cli::Init;
use crate::exit::Exit;
use crate::report::Failure;

const LETTER: &str = "templates/letter.md";
const ROSTER: &str = "recipients.csv";

/// What a new folder holds.
const STARTER: [(&str, &str); 6] = [
    ("config.toml", include_str!("../../assets/starter/config.toml")),
    (ROSTER, include_str!("../../assets/starter/recipients.csv")),
    (LETTER, include_str!("../../assets/starter/templates/letter.md")),
    ("templates/foot.md", include_str!("../../assets/starter/templates/foot.md")),
    ("templates/brief.typ", include_str!("../../assets/starter/templates/brief.typ")),
    // What happened holds personal data and does not belong into a shared repository.
    ("logs/.gitignore", "*\n!.gitignore\n"),
];

/// Writes what is missing, and says what was there already.
///
/// # Errors
/// When a file cannot be written, or no letter can be made of the document; then nothing is written.
pub fn run(context: &Context, what: &Init) -> Result<Exit, Failure> {
    let folder = what.dir.as_deref().unwrap_or(&context.folder);
    // The foot and the columns of the letter go with a roster that is new.
    let own_roster = folder.join(ROSTER).exists();
    let drafted = what.from.as_deref().map(|from| drafted(folder, from, !own_roster)).transpose()?;
    let mut written = 0;
    for (name, text) in STARTER {
        let own = match (&drafted, name) {
            (Some(draft), LETTER) => draft.text.clone(),
            (Some(draft), ROSTER) => with_columns(text, &draft.fields),
            _ => text.to_owned(),
        };
        if write_new(&folder.join(name), &own)? {
            written += 1;
            context.report.say(&format!("wrote  {}", folder.join(name).display()));
        } else {
            context.report.say(&format!("kept   {} (it was there already)", folder.join(name).display()));
        }
    }
    if let (Some(draft), Some(from)) = (&drafted, &what.from) {
        tell(context, draft, from, own_roster);
    }
    if written > 0 {
        let folder = folder.display();
        context.report.say(&format!(
            "\nNow fill in what stands in [square brackets], then look:\n  \
             postduif -C {folder} check\n  postduif -C {folder} preview"
        ));
    }
    Ok(Exit::Done)
}

/// Makes a letter out of a document.
fn drafted(folder: &Path, from: &Path, foot: bool) -> Result<Draft, Failure> {
    let letter = folder.join(LETTER);
    if letter.exists() {
        return Err(Failure::input(format!("{} is there already", letter.display()))
            .hint("name another folder, or move that letter away first")
            .safe("nothing was written; existing files are never changed by `init`"));
    }
    let shown = from.display();
    let failed = |said: String| Failure::input(said).safe("nothing was written");
    let unreadable = |error: document::Unreadable| failed(format!("{shown}: {error}")).hint(error.hint());
    let about = fs::metadata(from).map_err(|error| failed(format!("{shown} cannot be read: {error}")))?;
    // A device or a pipe may have no end.
    if !about.is_file() {
        return Err(failed(format!("{shown} cannot be read: it is no file"))
            .hint("name one document: .docx, .odt, .md, .html or .txt"));
    }
    let mut bytes = Vec::new();
    fs::File::open(from)
        .and_then(|file| file.take(document::LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(format!("{shown} cannot be read: {error}")))?;
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let read = document::read(&name, &bytes).map_err(unreadable)?;
    draft(read, foot).map_err(unreadable)
}

/// Adds the columns that a letter uses to the starter's roster, with values to fill in.
fn with_columns(roster: &str, fields: &[String]) -> String {
    let known: Vec<String> = roster.lines().next().unwrap_or_default().split(',').map(normalised).collect();
    let mut new: Vec<&String> = Vec::new();
    for field in fields {
        let name = normalised(field);
        if !known.contains(&name) && !new.iter().any(|other| normalised(other) == name) {
            new.push(field);
        }
    }
    let quoted = |text: &str| format!(",\"{}\"", crate::mail::headers::clean(text).replace('"', "\"\""));
    let lines = roster.lines().enumerate().map(|(number, line)| {
        let more = new.iter().map(|field| match number {
            0 => quoted(field),
            _ => quoted(&format!("[{}]", normalised(field))),
        });
        format!("{line}{}\n", more.collect::<String>())
    });
    lines.collect()
}

/// Says what was made of a document.
fn tell(context: &Context, draft: &Draft, from: &Path, own_roster: bool) {
    context.report.say(&format!("\n{LETTER} was made from {}: {}", from.display(), draft.kept));
    for note in &draft.notes {
        let word = match note.sort {
            Sort::Changed => "changed",
            Sort::Dropped => "dropped",
            Sort::Look => "look",
        };
        context.report.say(&format!("  {word:<7}  {}", note.said));
    }
    if !draft.fields.is_empty() {
        let names: Vec<String> =
            draft.fields.iter().map(|field| crate::mail::headers::clean(field)).collect();
        let own = if own_roster {
            "your recipients.csv needs them"
        } else {
            "the new recipients.csv has them, to be filled in"
        };
        context.report.say(&format!(
            "  {:<7}  the letter uses the columns {}; {own}",
            "look",
            names.join(", ")
        ));
    }
}

fn write_new(path: &Path, text: &str) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| {
        Failure::input(format!("{} cannot be written: {error}", path.display()))
            .safe("existing files are never changed by `init`")
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}
