//! `postduif mark KEY done|open`: a person's word on a recipient who takes no mail.

use super::tasks::typed;
use super::{Context, launched, ledger_failed, log_file, one_key, outcome_file};
use crate::cli::{Mark, MarkWord};
use crate::delivery::state::State;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::record::{CampaignState, Mark as Meant, Wish};
use crate::report::Failure;

/// Writes the word down, whether or not another process is sending.
///
/// # Errors
/// When it makes no sense: the recipient gets mail, or the task was cancelled.
pub fn run(context: &Context, what: &Mark) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (reader, campaign) = launched(&config)?;
    let key = one_key(&reader, &campaign, &what.key)?;
    let enrolled = reader.enrolled(campaign.id, &key).map_err(ledger_failed)?;
    // What was read is not looked at any more once something is written.
    drop(reader);
    let mark = match what.word {
        MarkWord::Done => Meant::Done,
        MarkWord::Open => Meant::Open,
    };
    let note = what.note.as_deref().map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
    let wish = Wish::Mark { campaign: config.name.clone(), key: key.clone(), step: what.step, mark, note };
    if let Err(refused) = Ledger::wish(&config.ledger, &wish, context.clock.now()) {
        let failure = ledger_failed(refused);
        let hint = enrolled.and_then(|enrolled| instead(enrolled.state, mark, &typed(&key)));
        return Err(hint.into_iter().fold(failure, Failure::hint));
    }
    let (_, campaign) = launched(&config)?;
    context.report.say(&match mark {
        Meant::Done if campaign.state == CampaignState::Finished => {
            format!("the task {key} is done, and with it the campaign")
        }
        Meant::Done => format!("the task {key} is done"),
        Meant::Open => format!("the task {key} is open again"),
    });
    log_file::mend(context, &config);
    outcome_file::rewrite(context, &config);
    Ok(Exit::Done)
}

/// Says which command was meant, for a recipient that the word makes no sense of.
fn instead(state: State, mark: Meant, key: &str) -> Option<String> {
    match state {
        State::Queued => Some(format!(
            "`postduif send --only {key}` sends it; to do it by hand instead, say so in the roster's column for the channel"
        )),
        State::InDoubt => Some(format!("`postduif settle {key} accepted` or `again` ends the doubt")),
        State::Done if mark == Meant::Done => Some(format!("`postduif mark {key} open` takes that back")),
        State::Task => Some(format!("`postduif mark {key} done` says that it is done")),
        State::InFlight
        | State::Accepted
        | State::Refused
        | State::Bounced
        | State::Expired
        | State::Cancelled
        | State::Lapsed
        | State::Done => Some(format!("`postduif why {key}` tells more")),
    }
}
