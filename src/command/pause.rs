//! `postduif pause`, `resume` and `cancel`: wishes that a running `send` obeys before its next final dot.

use super::{Context, ask, launched, ledger_failed, log_file, outcome_file};
use crate::cli::{Cancel, Pause};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::record::{CampaignState, Wish, Withdrawn};
use crate::report::{Failure, count};

/// Stops sending until `resume`.
///
/// # Errors
/// When nothing has been sent yet, or the campaign is over.
pub fn pause(context: &Context, what: &Pause) -> Result<Exit, Failure> {
    let config = context.config()?;
    launched(&config)?;
    let wish = Wish::Pause { campaign: config.name.clone(), why: what.why.clone(), until: None };
    Ledger::wish(&config.ledger, &wish, context.clock.now()).map_err(ledger_failed)?;
    log_file::mend(context, &config);
    context.report.say("paused; `postduif resume` lets it go on");
    Ok(Exit::Done)
}

/// Lets a paused campaign go on.
///
/// # Errors
/// When nothing has been sent yet, or the campaign is over.
pub fn resume(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    launched(&config)?;
    let wish = Wish::Resume { campaign: config.name.clone() };
    Ledger::wish(&config.ledger, &wish, context.clock.now()).map_err(ledger_failed)?;
    log_file::mend(context, &config);
    context.report.say("letters may go again; `postduif send` sends them");
    Ok(Exit::Done)
}

/// Stops the campaign for good.
///
/// # Errors
/// When nothing has been sent yet, or nobody confirms.
pub fn cancel(context: &Context, what: &Cancel) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (reader, campaign) = launched(&config)?;
    if campaign.state == CampaignState::Cancelled {
        context.report.say("it was cancelled already");
        return Ok(Exit::Done);
    }
    let counts = reader.counts(campaign.id).map_err(ledger_failed)?;
    drop(reader);
    if !what.yes {
        let tasks = match counts.tasks {
            0 => String::new(),
            tasks => format!(" and {} never be done", count(tasks, "task")),
        };
        let question = format!(
            "{} would never be sent{tasks}, and the campaign cannot be taken up again. Type `cancel` to go ahead:",
            count(counts.queued + counts.lapsed, "letter")
        );
        if !ask::type_exactly(&context.report, &question, "cancel", "--yes")? {
            context.report.say("nothing was changed");
            return Ok(Exit::Done);
        }
    }
    let wish = Wish::Cancel { campaign: config.name.clone(), why: "cancelled by hand".to_owned() };
    let granted = Ledger::wish(&config.ledger, &wish, context.clock.now()).map_err(ledger_failed)?;
    let Withdrawn { letters, tasks } = granted.ended;
    let tasks = match tasks {
        0 => String::new(),
        tasks => format!(", {} will not be done", count(tasks, "task")),
    };
    context.report.say(&format!("cancelled; {} will not be sent{tasks}", count(letters, "letter")));
    log_file::mend(context, &config);
    outcome_file::rewrite(context, &config);
    Ok(Exit::Done)
}
