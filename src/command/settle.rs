//! `postduif settle KEY accepted|again`: a person's word on a letter in doubt.

use super::tasks::typed;
use super::{Context, launched, ledger_failed, log_file, one_key, outcome_file};
use crate::cli::{Settle, Word};
use crate::delivery::state::State;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::record::{Settlement, Wish};
use crate::report::Failure;

/// Writes the word down.
///
/// # Errors
/// When the letter is not in doubt.
pub fn run(context: &Context, what: &Settle) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (reader, campaign) = launched(&config)?;
    let key = one_key(&reader, &campaign, &what.key)?;
    let story = reader.story(campaign.id, &key).map_err(ledger_failed)?;
    let deliveries = story.map(|story| story.recipient.deliveries).unwrap_or_default();
    let doubtful = deliveries.iter().find(|delivery| delivery.state == State::InDoubt);
    let Some(delivery) = doubtful.or(deliveries.last()) else {
        return Err(Failure::input(format!("nothing is planned for {key}")));
    };
    if delivery.state != State::InDoubt {
        let state = delivery.state.name().replace('-', " ");
        let (said, hint) = match delivery.state {
            State::Task => (
                format!("{key} is a task for a person, not a letter in doubt"),
                format!("postduif mark {} done", typed(&key)),
            ),
            _ => (
                format!("the letter to {key} is {state}, not in doubt"),
                format!("postduif why {}", typed(&key)),
            ),
        };
        return Err(Failure::input(said).hint(hint).safe("nothing was changed"));
    }
    let step = delivery.step;
    drop(reader);
    let (settlement, then) = match what.word {
        Word::Accepted => (Settlement::Accepted, "counts as accepted"),
        Word::Again => (Settlement::Again, "is queued again; `postduif send` sends it"),
    };
    let note = what.note.clone().unwrap_or_else(|| "a person's word".to_owned());
    let wish = Wish::Settle { campaign: config.name.clone(), key: key.clone(), step, settlement, note };
    Ledger::wish(&config.ledger, &wish, context.clock.now()).map_err(ledger_failed)?;
    context.report.say(&format!("the letter to {key} {then}"));
    log_file::mend(context, &config);
    outcome_file::rewrite(context, &config);
    Ok(Exit::Done)
}
