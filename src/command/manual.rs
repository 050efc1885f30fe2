//! `postduif completions` and `postduif man`: generated from the command line's own definition.

use std::fs;

use clap::CommandFactory as _;

use super::Context;
use crate::cli::{Cli, Completions, Man};
use crate::exit::Exit;
use crate::report::Failure;

/// Prints a completion script.
///
/// # Errors
/// Never; a reader that hangs up is no failure.
pub fn completions(what: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(what.shell, &mut Cli::command(), "postduif", &mut script);
    let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
    Ok(Exit::Done)
}

/// Writes `postduif.1` and a page for each command.
///
/// # Errors
/// When the folder cannot be written.
pub fn man(context: &Context, what: &Man) -> Result<Exit, Failure> {
    fs::create_dir_all(&what.dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &what.dir))
        .map_err(|error| Failure::input(format!("{} cannot be written: {error}", what.dir.display())))?;
    context.report.say(&format!("wrote the man pages into {}", what.dir.display()));
    Ok(Exit::Done)
}
