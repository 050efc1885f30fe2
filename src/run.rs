//! The composition root: settings and the machine's own clock go in, a command is run, an exit comes out.

use crate::cli::{Cli, Command};
use crate::clock::Clock;
use crate::command::{self, Context};
use crate::config::Environment;
use crate::exit::Exit;
use crate::report::Report;

/// Runs one command and returns what the shell is told.
pub fn run(cli: Cli) -> Exit {
    let environment = Environment::of_this_process();
    let report = Report::for_terminal(environment.refuses_colour(), cli.quiet);
    let mut context =
        Context { folder: cli.folder, clock: Clock::system(), environment, report, rehearsal: None };
    context.rehearsal = cli.command.rehearsal().map(|named| named.unwrap_or_else(|| context.rehearsals()));
    let done = match cli.command {
        Command::Init(what) => command::init::run(&context, &what),
        Command::Check(what) => command::check::run(&context, &what),
        Command::Preview(what) => command::preview::run(&context, &what),
        Command::Send(what) => command::send::run(&context, &what),
        Command::FollowUp(what) => command::follow_up::run(&context, &what),
        Command::Run(what) => command::run::run(&context, &what),
        Command::Rehearse(what) => command::rehearse::run(&context, &what),
        Command::Status(what) => command::status::run(&context, &what),
        Command::Why(what) => command::why::run(&context, &what),
        Command::Show(what) => command::show::run(&context, &what),
        Command::Proof(what) => command::proof::run(&context, &what),
        Command::Settle(what) => command::settle::run(&context, &what),
        Command::Mark(what) => command::mark::run(&context, &what),
        Command::Inbox(what) => command::inbox::run(&context, &what),
        Command::Review(what) => command::review::run(&context, &what),
        Command::Serve(what) => command::serve::run(&context, &what),
        Command::Pause(what) => command::pause::pause(&context, &what),
        Command::Resume => command::pause::resume(&context),
        Command::Cancel(what) => command::pause::cancel(&context, &what),
        Command::Suppress(what) => command::suppress::run(&context, &what.what),
        Command::Completions(what) => command::manual::completions(&what),
        Command::Man(what) => command::manual::man(&context, &what),
    };
    match done {
        Ok(exit) => exit,
        Err(failure) => context.report.fail(&failure),
    }
}
