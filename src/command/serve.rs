//! `postduif serve`: the page for people who do not type commands. It is given what it may know as functions: it knows neither
//! the inbox nor the press, and cannot send.

use std::sync::Arc;

use super::{Context, log_file, outcome_file, runtime};
use crate::cli::Serve;
use crate::config::Config;
use crate::dashboard::desk::{Settings, Sources};
use crate::dashboard::loopback::{ListenError, Loopback};
use crate::dashboard::page::Window;
use crate::engine::replies;
use crate::exit::Exit;
use crate::report::Failure;

/// Shows the page until Ctrl-C.
///
/// # Errors
/// When the settings cannot be used, or nobody can listen there.
pub fn run(context: &Context, what: &Serve) -> Result<Exit, Failure> {
    let config = Arc::new(context.config()?);
    let listen: Loopback = what.listen.parse().map_err(listen_failed)?;
    let settings = Settings {
        ledger: config.ledger.clone(),
        campaign: config.name.clone(),
        zone: config.zone.clone(),
        clock: context.clock.clone(),
        read_only: what.read_only,
        sources: sources(context, &config),
    };
    let runtime = runtime()?;
    runtime.block_on(async {
        let listener = listen.bind().await.map_err(listen_failed)?;
        let window = Window::on(listener, settings)
            .map_err(|error| Failure::new(Exit::Bug, error.to_string()).safe("nothing was sent"))?;
        context.report.say("Open this link in your browser; whoever has it can work on the campaign. Ctrl-C ends.");
        context.report.result(&window.link);
        let ended = window.serve(async {
            let _ = tokio::signal::ctrl_c().await;
        });
        ended.await.map_err(|error| Failure::new(Exit::Bug, format!("the page ended: {error}")))
    })?;
    Ok(Exit::Done)
}

fn listen_failed(error: ListenError) -> Failure {
    let failure = Failure::input(error.to_string()).safe("nothing was changed");
    match error {
        ListenError::Refused { .. } => failure.hint("`postduif serve --listen 127.0.0.1:0` takes any port that is free"),
        ListenError::NoAddress(_) | ListenError::NotLoopback(_) => failure,
    }
}

fn sources(context: &Context, config: &Arc<Config>) -> Sources {
    let (of_text, of_files, of_logs) = (Arc::clone(config), Arc::clone(config), Arc::clone(config));
    let context = context.clone();
    Sources {
        kept_text: Box::new(move |kept| replies::text(&of_text.ledger, kept)),
        kept_files: Box::new(move |kept| replies::attachments(&of_files.ledger, kept)),
        changed: Box::new(move || {
            log_file::mend(&context, &of_logs);
            outcome_file::rewrite(&context, &of_logs);
        }),
    }
}
