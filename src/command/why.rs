//! `postduif why KEY`: one line, what happened to this recipient and why.

use jiff::Timestamp;

use super::status::{Around, Stands};
use super::tasks::typed;
use super::{Context, bar, follow_up, launched, one_key, status, tasks};
use crate::campaign::task::{due, told};
use crate::cli::Why;
use crate::config::Config;
use crate::delivery::enrollment::{Next, Reason};
use crate::delivery::inbound::Kind;
use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::exit::Exit;
use crate::ledger::record::{CampaignState, InboundRecord, Onward, RecipientRecord, Story};
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
    let around = Around::new(&config, &reader, &campaign).map_err(super::ledger_failed)?;
    if let Some(story) = story {
        let now = context.clock.now();
        let came = reader.came_from(campaign.id, &key).map_err(super::ledger_failed)?;
        let stands = around.stands(&story.recipient);
        let mut told = tell(&config, &story, &stands, now) + &evidence(&stands, &came);
        if config.steps.len() > 1 && campaign.state != CampaignState::Cancelled {
            let onward = reader.onward(campaign.id, &key, &config.sequence(), false);
            let onward = onward.map_err(super::ledger_failed)?;
            told.push_str(&onward.and_then(|onward| further(&config, &onward, now)).unwrap_or_default());
        }
        context.report.result(&told);
    }
    Ok(Exit::Done)
}

/// Says what is next in the sequence, where a letter may follow or something keeps it back.
fn further(config: &Config, onward: &Onward, now: Timestamp) -> Option<String> {
    let words = follow_up::words(config, onward, now);
    match &onward.next {
        Next::Letter { .. } => Some(format!("; next: {words}")),
        Next::Nothing(Reason::Queued(_) | Reason::NotBegun | Reason::ByHand) => None,
        // What the letter stands for says so already.
        Next::Nothing(Reason::Replied | Reason::OptedOut | Reason::Complained | Reason::Bounced) => {
            Some("; no letter follows".to_owned())
        }
        Next::Nothing(reason) if reason.is_final() => Some(format!("; no letter follows: {words}")),
        Next::Nothing(_) => Some(format!("; the next letter waits: {words}")),
    }
}

/// On what evidence the last of what came back is theirs, where that is what they stand for.
fn evidence(stands: &Stands, came: &[InboundRecord]) -> String {
    let by_what_came = matches!(
        stands.standing,
        Standing::Replied
            | Standing::AutoReplied
            | Standing::OptedOut
            | Standing::Complained
            | Standing::Review
    );
    let last = came.iter().rfind(|record| record.kind != Kind::Unrelated && record.sender.is_some());
    match last.and_then(|record| record.reading.matched.as_ref()).filter(|_| by_what_came) {
        Some(matched) => format!("; known by {} {}", matched.by.words(), matched.evidence),
        None => String::new(),
    }
}

/// Puts a recipient's story into one line.
fn tell(config: &Config, story: &Story, stands: &Stands, now: Timestamp) -> String {
    let (record, zone) = (&story.recipient, &config.zone);
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
    let came = || status::came(&stands.came, now, zone).unwrap_or_default();
    match stands.standing {
        Standing::Replied => format!("{who}: answered; {}", came()),
        Standing::AutoReplied => {
            let until = stands.came.until.map(|day| format!(", away until {day}")).unwrap_or_default();
            format!(
                "{who}: a machine answered{until}; {}; the letter was accepted {}",
                came(),
                at(delivery.ended_at)
            )
        }
        Standing::OptedOut => format!("{who}: wants no more letters; {}", came()),
        Standing::Complained => format!("{who}: called the letter spam; {}", came()),
        Standing::Review => format!("{who}: waits for your judgement; {}", came()),
        Standing::AwaitingReply => {
            let letter = match delivery.step {
                1 => "accepted".to_owned(),
                step => format!("{} accepted", follow_up::letter_name(config, step)),
            };
            format!(
                "{who}: {letter} {} after {attempts}; {said}; {}",
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
                stands.suppressed.as_deref().unwrap_or_default()
            )
        }
        Standing::Cancelled => format!("{who}: cancelled {}; {said}", at(last)),
        Standing::Lapsed => format!(
            "{who}: not sent, because {said} ({}); where the deadline is moved, `postduif send` sends it",
            at(last)
        ),
        Standing::Task => format!("{who}: {}", open(config, record, now)),
        Standing::Done => {
            let note = delivery.last.as_ref().and_then(|event| event.note.as_ref());
            let note = note.map(|note| format!("; {note}")).unwrap_or_default();
            format!("{who}: done by hand {}{note}", at(last))
        }
        Standing::OffRoster => format!("{who}: not written to, because its row is no longer in the roster"),
        Standing::InFlight => format!("{who}: on its way to the relay at this moment"),
        Standing::Queued => {
            let lapses = config.deadlines.day(record.recipient.deadline);
            let lapses =
                lapses.map(|day| format!("; lapses after {}", told(day, config.deadlines.today(now))));
            let queued = queued(&who, record, &said, &attempts, &at(Some(delivery.not_before)), now);
            queued + &lapses.unwrap_or_default()
        }
    }
}

/// Tells what there is to do for an open task.
fn open(config: &Config, record: &RecipientRecord, now: Timestamp) -> String {
    let today = config.deadlines.today(now);
    let task = tasks::task(config, &record.recipient);
    let due = task.as_ref().and_then(|task| task.due).map(|day| format!(", {}", due(day, today)));
    let link = task.and_then(|task| task.link).map(|link| format!(": {link}"));
    let key = typed(&record.recipient.key);
    format!(
        "a task for a person, still open{}{}; `postduif preview {key} --text` prints the text, \
         `postduif mark {key} done` when it is done",
        due.unwrap_or_default(),
        link.unwrap_or_default()
    )
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
