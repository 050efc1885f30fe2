//! Why `send` sends nothing: each refusal with what was found, what to do, and what is safe.

use std::path::Path;

use super::reading::Reading;
use super::survey::Survey;
use super::{Context, bar, ledger_failed, shown_path};
use crate::campaign::plan;
use crate::delivery::attempt::Ending;
use crate::delivery::judgement::{Verdict, judge};
use crate::engine::press::Press;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::record::CampaignState;
use crate::report::Failure;
use crate::transport::Transport;

/// A secret that is not there stops `send` alone; `check` and `preview` only warn.
pub(super) fn refuse_if_unready(reading: &Reading) -> Result<(), Failure> {
    let Some(first) = reading.config.unready.first() else { return Ok(()) };
    let failure = Failure::input(first.said.clone()).safe("nothing was sent");
    Err(first.hint.iter().fold(failure, |failure, hint| failure.hint(hint.clone())))
}

/// A step that the campaign does not have.
pub(super) fn no_such_letter(press: &Press, step: u32) -> Failure {
    let letters = crate::report::count(press.definition().steps.len() as u64, "letter");
    Failure::input(format!("there is no letter {step}; the campaign has {letters}")).safe("nothing was sent")
}

/// Without a mailbox nobody can tell who answered.
pub(super) fn refuse_without_mailbox(reading: &Reading) -> Result<(), Failure> {
    if let Some(first) = reading.config.inbox_unready.first() {
        let failure = Failure::input(first.said.clone()).safe("nothing was sent");
        return Err(first.hint.iter().fold(failure, |failure, hint| failure.hint(hint.clone())));
    }
    if reading.config.inbox.is_some() {
        return Ok(());
    }
    Err(Failure::input("no mailbox is configured, so nobody can tell who answered")
        .hint("put it into `[inbox]` of config.toml; the guide shows how")
        .hint("`postduif follow-up --dry-run` shows who would get a letter")
        .safe("nothing was sent"))
}

/// `--plan` names the plan that was approved; any other is refused.
pub(super) fn refuse_another_plan(plan: Option<&str>, surveyed: &Survey) -> Result<(), Failure> {
    match plan {
        Some(given) if given.len() < plan::LEAST_DIGITS || !given.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let said = format!(
                "`{given}` is no digest of a plan; give its first {} digits or more",
                plan::LEAST_DIGITS
            );
            Err(Failure::input(said).hint("`postduif preview` shows it").safe("nothing was sent"))
        }
        Some(given) if !plan::names_plan(given, &surveyed.plan.digest) => {
            let now: String = surveyed.plan.digest.chars().take(plan::SHOWN_DIGITS).collect();
            Err(Failure::input(
                "this is not the plan that was approved: a letter, a row or a setting has changed",
            )
            .fact("given", given)
            .fact("now", now)
            .hint("look again with `postduif preview`")
            .safe("nothing was sent"))
        }
        _ => Ok(()),
    }
}

/// A campaign that is paused or over sends nothing, and says so before anybody is asked.
pub(super) fn refuse_if_stopped(context: &Context, reading: &Reading) -> Result<(), Failure> {
    let Some(launched) = &reading.launched else { return Ok(()) };
    match &launched.campaign.state {
        CampaignState::Running | CampaignState::Finished => Ok(()),
        CampaignState::Paused { until: Some(until), .. } if *until <= context.clock.now() => Ok(()),
        CampaignState::Paused { why, until } => {
            let mut failure = Failure::input("the campaign is paused").fact("why", why.clone());
            if let Some(until) = until {
                let until = bar::when(*until, context.clock.now(), &reading.config.zone);
                failure = failure.fact("until", until);
            }
            Err(failure.hint("`postduif resume` lets it go on at once").safe("nothing was sent"))
        }
        CampaignState::Cancelled => Err(Failure::input("the campaign was cancelled")
            .hint("to write again, give the campaign another name in config.toml")
            .safe("nothing was sent")),
    }
}

/// A ledger that lacks what the log has was put back from a copy, or begun anew: it does not know whom we wrote to.
pub(super) fn refuse_an_old_copy(ledger: &Ledger, last: i64, log: &Path) -> Result<(), Failure> {
    let known = ledger.events_after(last - 1, 1).wait().map_err(ledger_failed)?;
    if last == 0 || !known.is_empty() {
        return Ok(());
    }
    let (ledger, log) = (shown_path(ledger.path()), shown_path(log));
    Err(Failure::new(Exit::Ledger, format!("the ledger {ledger} is older than {log}"))
        .fact("means", "letters went out that this ledger knows nothing of, so it would send them again")
        .hint("put the newer ledger back")
        .hint(format!("where the ledger was begun anew on purpose, move {log} away as well"))
        .safe("nothing was sent"))
}

/// Says for people how a conversation ended that was to carry nothing yet, or a test.
pub(super) fn unreachable(transport: &Transport, ending: &Ending) -> Failure {
    let judged = judge(ending);
    let said = match judged.verdict {
        Verdict::Login => "the relay does not take our login",
        Verdict::Stop => "the relay does not want to talk to us",
        Verdict::InDoubt => "nobody knows whether the letter went out",
        _ if ending.stage().in_transaction() => "the relay did not take the letter",
        _ => "the relay cannot be reached",
    };
    Failure::new(Exit::Unreachable, said)
        .fact("relay", transport.describe())
        .fact("said", ending.to_string())
        .hint(judged.because)
        .safe("nothing was sent; every letter is still queued")
}
