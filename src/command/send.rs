//! `postduif send`: shows the plan, asks, freezes and enrols, sends, and tells what became of it.

use super::reading::Reading;
use super::refusals::{refuse_another_plan, refuse_if_stopped, refuse_if_unready};
use super::sending::{Sending, reach};
use super::survey::survey;
use super::{Context, ask, bar, interrupt, ledger_failed, runtime, show_plan, test_letter, wrong_input};
use crate::cli::Send;
use crate::delivery::patience::Patience;
use crate::engine::deliver::Run;
use crate::engine::shutdown::Shutdown;
use crate::exit::Exit;
use crate::report::Failure;

/// Sends.
///
/// # Errors
/// When anything is wrong before the first letter; after that, what happened is told and the exit says it.
pub fn run(context: &Context, what: &Send) -> Result<Exit, Failure> {
    let mut reading = Reading::of(context)?;
    if let Some(address) = &what.test {
        return test_letter::run(context, &mut reading, what, address);
    }
    let surveyed = survey(context, &mut reading, &what.only)?;
    context.report.problems(&reading.problems);
    if reading.problems.errors() > 0 {
        return Err(wrong_input(&reading.problems).hint("postduif check names them again"));
    }
    refuse_if_unready(&reading)?;
    refuse_another_plan(what.plan.as_deref(), &surveyed)?;
    refuse_if_stopped(context, &reading)?;
    let letters = what.limit.map_or(surveyed.plan.letters, |limit| limit.min(surveyed.plan.letters));
    context.report.say(&show_plan::text(&reading, &surveyed, context.clock.now()));
    if letters == 0 && surveyed.plan.tasks == 0 && reading.launched.is_none() {
        context.report.say("there is nothing to send");
        return Ok(Exit::Done);
    }
    if !what.only.is_empty() && surveyed.plan.tasks > 0 {
        let keys: Vec<&str> = surveyed.plan.some_tasks.iter().map(|task| task.key.as_str()).collect();
        context.report.say(&format!("by hand, and not by `send`: {}", keys.join(", ")));
    }
    if letters > 0 && !approved(context, what, letters)? {
        context.report.say("nothing was sent");
        return Ok(Exit::Done);
    }
    let sending = Sending::begin(context, &reading, "send")?;
    sending.enroll(context, &reading, &surveyed)?;
    let runtime = runtime()?;
    let only = surveyed.only;
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::default();
        let transport = sending.transport().await?;
        if letters > 0 {
            reach(&transport).await?;
        }
        let run = Run {
            only: only.clone(),
            limit: what.limit,
            patience: if what.wait { Patience::Endless } else { Patience::Sitting },
            ..sending.run(context, transport, &shutdown)
        };
        let watcher = tokio::spawn(bar::watch(
            std::sync::Arc::clone(&run.progress),
            letters,
            context.report.clone(),
            context.clock.clone(),
            reading.config.zone.clone(),
        ));
        let interrupts = tokio::spawn(interrupt::listen(shutdown.clone(), context.report.clone()));
        let ended = run.deliver().await;
        watcher.abort();
        interrupts.abort();
        let _ = watcher.await;
        ended.map_err(|error| {
            ledger_failed(error).hint("nothing more was sent, because nothing more could be written down")
        })
    });
    drop(runtime);
    sending.conclude(context, &ended?, &only)
}

fn approved(context: &Context, what: &Send, letters: u64) -> Result<bool, Failure> {
    if what.yes {
        return Ok(true);
    }
    let question = format!("To send, type the number of letters ({letters}):");
    ask::type_exactly(&context.report, &question, &letters.to_string(), "--yes")
}
