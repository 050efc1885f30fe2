//! `postduif init`: a new campaign folder, never over existing files.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::Context;
use crate::cli::Init;
use crate::exit::Exit;
use crate::report::Failure;

/// What a new folder holds.
const STARTER: [(&str, &str); 6] = [
    ("config.toml", include_str!("../../assets/starter/config.toml")),
    ("recipients.csv", include_str!("../../assets/starter/recipients.csv")),
    ("templates/letter.md", include_str!("../../assets/starter/templates/letter.md")),
    ("templates/foot.md", include_str!("../../assets/starter/templates/foot.md")),
    ("templates/brief.typ", include_str!("../../assets/starter/templates/brief.typ")),
    // What happened holds personal data and does not belong into a shared repository.
    ("logs/.gitignore", "*\n!.gitignore\n"),
];

/// Writes what is missing, and says what was there already.
///
/// # Errors
/// When a file cannot be written.
pub fn run(context: &Context, what: &Init) -> Result<Exit, Failure> {
    let folder = what.dir.as_deref().unwrap_or(&context.folder);
    let mut written = 0;
    for (name, text) in STARTER {
        if write_new(&folder.join(name), text)? {
            written += 1;
            context.report.say(&format!("wrote  {}", folder.join(name).display()));
        } else {
            context.report.say(&format!("kept   {} (it was there already)", folder.join(name).display()));
        }
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
