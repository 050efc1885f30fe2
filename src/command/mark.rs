//! `postduif mark KEY WORD`: a person's word on a recipient: what came by another way, or what was done by hand.

use super::tasks::typed;
use super::{Context, launched, ledger_failed, log_file, one_key, outcome_file};
use crate::cli::{Mark, MarkWord};
use crate::delivery::state::State;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::record::{CampaignState, Mark as Meant, Verdict, Wish};
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
        MarkWord::Replied | MarkWord::Declined => Meant::Came(Verdict::Reply),
        MarkWord::OptedOut => Meant::Came(Verdict::OptedOut),
        MarkWord::Bounced => Meant::Came(Verdict::Bounced),
        MarkWord::WrongAddress => Meant::Came(Verdict::WrongAddress),
        MarkWord::Note => Meant::Note,
        MarkWord::Hold => Meant::Hold,
        MarkWord::Release => Meant::Release,
    };
    let note = what.text.as_deref().or(what.note.as_deref()).map(str::trim).filter(|note| !note.is_empty());
    let note = match (what.word, note) {
        (MarkWord::Note, None) => {
            return Err(Failure::input("a remark needs words")
                .hint(format!("`postduif mark {} note \"they will answer on Friday\"`", typed(&key)))
                .safe("nothing was changed"));
        }
        (MarkWord::Declined, Some(note)) => Some(format!("they decline: {note}")),
        (MarkWord::Declined, None) => Some("they decline".to_owned()),
        (_, note) => note.map(str::to_owned),
    };
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
        Meant::Open => format!("{key} is open again"),
        Meant::Came(Verdict::Reply) => {
            format!("{key} has answered; nobody of the same organisation is written to any more")
        }
        Meant::Came(Verdict::WrongAddress) => format!(
            "the address of {key} is wrong and is not written to any more; put the right one into the roster, \
             and `postduif send` sends the letter to it"
        ),
        Meant::Came(Verdict::OptedOut) => format!("{key} gets no more letters"),
        Meant::Came(_) => format!("{key} is noted as bounced"),
        Meant::Note => format!("noted in the history of {key}"),
        Meant::Hold => {
            format!("{key} gets no further letter until you say `postduif mark {} release`", typed(&key))
        }
        Meant::Release => format!("the next letter to {key} goes when it is due"),
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
