//! `postduif why KEY`: one line, what happened to this recipient and why.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Context, bar, launched, one_key, status};
use crate::cli::Why;
use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::exit::Exit;
use crate::ledger::record::{RecipientRecord, Story};
use crate::report::{Failure, count};

/// Tells it.
///
/// # Errors
/// When nothing has been sent yet, or no recipient has that key.
pub fn run(context: &Context, what: &Why) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (reader, campaign) = launched(&config)?;
    let key = one_key(&reader, &campaign, &what.key)?;
    let story = reader.story(campaign.id, &key).map_err(super::ledger_failed)?;
    let suppressed = match &story {
        Some(story) => match story.recipient.recipient.address() {
            Some(address) => reader.suppressed(address).map_err(super::ledger_failed)?,
            None => None,
        },
        None => None,
    };
    if let Some(story) = story {
        let now = context.clock.now();
        context.report.result(&tell(&story, suppressed.as_deref(), now, &config.zone));
    }
    Ok(Exit::Done)
}

/// Puts a recipient's story into one line.
fn tell(story: &Story, suppressed: Option<&str>, now: Timestamp, zone: &TimeZone) -> String {
    let record = &story.recipient;
    let who = match record.recipient.address() {
        Some(address) => format!("{} <{address}>", record.recipient.key),
        None => format!("{} ({})", record.recipient.key, record.recipient.whereto()),
    };
    let Some(delivery) = record.deliveries.last() else { return format!("{who}: nothing is planned") };
    let at =
        |when: Option<Timestamp>| when.map_or_else(|| "earlier".to_owned(), |at| bar::when(at, now, zone));
    let said = delivery.last.as_ref().map(|event| {
        let reply = event.reply.as_ref().map(|reply| format!("the relay said \"{reply}\""));
        let words = [reply, event.note.clone()];
        words.into_iter().flatten().collect::<Vec<_>>().join(": ")
    });
    let said = said.filter(|said| !said.is_empty()).unwrap_or_else(|| "nothing more is known".to_owned());
    let last = delivery.last.as_ref().map(|event| event.at);
    let attempts = count(u64::from(delivery.attempts), "attempt");
    match status::standing(record, suppressed.is_some()) {
        Standing::AwaitingReply => {
            format!(
                "{who}: accepted {} after {attempts}; {said}; {}",
                at(delivery.ended_at),
                delivery.message_id
            )
        }
        Standing::Refused => format!("{who}: refused {}; {said}", at(last)),
        Standing::Bounced => format!("{who}: came back {}; {said}", at(last)),
        Standing::Expired => format!("{who}: given up {} after {attempts}; {said}", at(last)),
        Standing::InDoubt => format!(
            "{who}: in doubt since {}; {said}; look in your Sent folder for {}, then `postduif settle {} accepted` or `again`",
            at(delivery.ended_at.or(last)),
            delivery.message_id,
            record.recipient.key
        ),
        Standing::Suppressed => {
            format!(
                "{who}: not written to, because it is on the suppression list: {}",
                suppressed.unwrap_or_default()
            )
        }
        Standing::Cancelled => format!("{who}: cancelled {}; {said}", at(last)),
        Standing::Lapsed => format!("{who}: not sent, because {said} ({})", at(last)),
        Standing::Task => format!("{who}: a task for a person, still open"),
        Standing::Done => format!("{who}: done {}; {said}", at(last)),
        Standing::OffRoster => format!("{who}: not written to, because its row is no longer in the roster"),
        Standing::InFlight => format!("{who}: on its way to the relay at this moment"),
        Standing::Queued => queued(&who, record, &said, &attempts, &at(Some(delivery.not_before)), now),
    }
}

fn queued(
    who: &str,
    record: &RecipientRecord,
    said: &str,
    attempts: &str,
    not_before: &str,
    now: Timestamp,
) -> String {
    let Some(delivery) = record.deliveries.last() else { return who.to_owned() };
    debug_assert_eq!(delivery.state, State::Queued);
    match (delivery.attempts, delivery.not_before > now) {
        (0, _) => format!("{who}: queued; nothing was tried yet"),
        (_, true) => format!("{who}: put off after {attempts}, again {not_before}; {said}"),
        (_, false) => format!("{who}: queued again after {attempts}; {said}"),
    }
}
