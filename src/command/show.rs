//! `postduif show KEY`: prints again, byte for byte, what was handed over, and says whether its digest is the ledger's.

use std::io::Write as _;

use super::{Context, bar, launched, ledger_failed, one_key, shown_path};
use crate::campaign::definition::hex;
use crate::campaign::plan::SHOWN_DIGITS;
use crate::cli::Show;
use crate::config::Config;
use crate::delivery::attempt::Stage;
use crate::delivery::state::State;
use crate::engine::replies;
use crate::engine::reprint::{Reprint, ReprintError, reprint};
use crate::exit::Exit;
use crate::ledger::Reader;
use crate::ledger::record::{Campaign, DeliveryRecord, Event, Story};
use crate::report::Failure;

/// Prints it to standard output, and the sentence about it to standard error.
///
/// # Errors
/// When nothing was handed over, or it cannot be printed again as it was.
pub fn run(context: &Context, what: &Show) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (reader, campaign) = launched(&config)?;
    if what.replies {
        return came_back(context, &config, &reader, &campaign, &what.key);
    }
    let sent = Sent::find(&reader, &campaign, &what.key, what.step)?;
    // A reader that hangs up is no failure.
    let _ = std::io::stdout().lock().write_all(&sent.reprint.printed.bytes);
    sent.refuse_another()?;
    let now = context.clock.now();
    context.report.say(&format!(
        "{}: SHA-256 {}, as the ledger has it. {}",
        sent.key(),
        hex(&sent.reprint.mark.digest),
        standing(sent.delivery(), &bar::when(sent.reprint.dated(), now, &config.zone))
    ));
    Ok(Exit::Done)
}

/// Prints what came back from a recipient: their words to standard output, and about them to standard error.
fn came_back(
    context: &Context,
    config: &Config,
    reader: &Reader,
    campaign: &Campaign,
    typed: &str,
) -> Result<Exit, Failure> {
    let key = one_key(reader, campaign, typed)?;
    let came = reader.came_from(campaign.id, &key).map_err(ledger_failed)?;
    if came.is_empty() {
        context.report.say(&format!("nothing came back from {key}"));
        return Ok(Exit::Done);
    }
    let now = context.clock.now();
    for record in &came {
        let at = bar::when(record.at, now, &config.zone);
        let from = record.sender.as_deref().unwrap_or("a person's word");
        context.report.say(&format!(
            "{key}: {}, from {from}, {at}: {}",
            record.kind.name(),
            record.subject.as_deref().unwrap_or("no subject")
        ));
        let Some(kept) = &record.kept else { continue };
        if let Some(text) = replies::text(&config.ledger, kept) {
            context.report.result(text.trim_end());
        }
        for path in replies::attachments(&config.ledger, kept) {
            context.report.say(&format!("  attached: {}", shown_path(&path)));
        }
    }
    Ok(Exit::Done)
}

/// Whether the message of the mark got as far as its final dot. The mark alone does not say it: where letters go as fast as they
/// can, it is noted ahead, while the relay is still being asked.
fn was_handed_over(delivery: &DeliveryRecord, events: &[Event]) -> bool {
    let of_this =
        |event: &&Event| event.message_id.as_ref() == Some(&delivery.message_id) && event.attempt.is_some();
    let newest =
        events.iter().rfind(|event| of_this(event) && (event.stage.is_some() || event.event == "in-doubt"));
    let got_there = || newest.is_some_and(|event| event.stage.is_none_or(|stage| stage == Stage::EndOfData));
    delivery.mark.is_some()
        && match delivery.state {
            State::Accepted | State::Bounced | State::InDoubt => true,
            State::InFlight => false,
            _ => got_there(),
        }
}

/// What became of the message, as far as anybody can know.
fn standing(delivery: &DeliveryRecord, printed: &str) -> String {
    match delivery.state {
        State::Accepted => format!("The relay took it; it was printed {printed}"),
        State::Bounced => format!("The relay took it, and it came back; it was printed {printed}"),
        State::InDoubt => format!("Nobody knows whether it went out; it was printed {printed}"),
        _ => format!("It was handed over, and the relay did not take it; it was printed {printed}"),
    }
}

/// A message that was handed over, printed again, with everything that the ledger knows of it.
pub(super) struct Sent {
    pub(super) story: Story,
    /// Which of the deliveries.
    at: usize,
    pub(super) reprint: Reprint,
}

impl Sent {
    /// Finds the letter of a step, or else the last that was handed over.
    pub(super) fn find(
        reader: &Reader,
        campaign: &Campaign,
        typed: &str,
        step: Option<u32>,
    ) -> Result<Self, Failure> {
        let key = one_key(reader, campaign, typed)?;
        let story = reader.story(campaign.id, &key).map_err(ledger_failed)?;
        let story = story.ok_or_else(|| Failure::input(format!("no recipient has the key `{key}`")))?;
        let wanted = |delivery: &DeliveryRecord| step.is_none_or(|step| delivery.step == step);
        let deliveries = &story.recipient.deliveries;
        let handed_over = deliveries
            .iter()
            .rposition(|delivery| wanted(delivery) && was_handed_over(delivery, &story.events));
        let Some(at) = handed_over else {
            return Err(never(&key, deliveries.iter().rfind(|it| wanted(it)), step));
        };
        let reprint = reprint(&story, &deliveries[at], reader).map_err(|error| failed(&key, error))?;
        Ok(Self { story, at, reprint })
    }

    /// The recipient's key.
    pub(super) fn key(&self) -> &str {
        &self.story.recipient.recipient.key
    }

    /// The delivery whose message it is.
    pub(super) fn delivery(&self) -> &DeliveryRecord {
        &self.story.recipient.deliveries[self.at]
    }

    /// Says no where it is not the message that was handed over.
    pub(super) fn refuse_another(&self) -> Result<(), Failure> {
        if self.reprint.is_the_same() {
            return Ok(());
        }
        let mark = self.reprint.printed.mark(self.reprint.dated());
        let shown = |digest: &[u8]| hex(digest).chars().take(SHOWN_DIGITS).collect::<String>();
        Err(Failure::new(
            Exit::Bug,
            format!("the letter of {} is not the one that was handed over, to the last octet", self.key()),
        )
        .fact("sent", format!("{}…, {} octets", shown(&self.reprint.mark.digest), self.reprint.mark.size))
        .fact("now", format!("{}…, {} octets", shown(&mark.digest), mark.size))
        .hint("another version of postduif may print it otherwise: use the one that sent it")
        .safe("the ledger was not changed"))
    }
}

fn never(key: &str, delivery: Option<&DeliveryRecord>, step: Option<u32>) -> Failure {
    let said = match (delivery, step) {
        (Some(delivery), _) => {
            format!("the letter of {key} was not handed over to a relay: it is {}", delivery.state)
        }
        (None, Some(step)) => format!("{key} has no letter {step}"),
        (None, None) => format!("{key} has no letter"),
    };
    Failure::input(said).hint(format!(
        "`postduif why {key}` says what happened, `postduif preview {key}` shows what would go"
    ))
}

fn failed(key: &str, error: ReprintError) -> Failure {
    match error {
        ReprintError::Ledger(error) => ledger_failed(error),
        error => Failure::new(Exit::Ledger, format!("the letter of {key} cannot be printed again: {error}"))
            .safe("the ledger was not changed"),
    }
}
