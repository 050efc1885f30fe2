//! What was sent, out of the ledger, as far as an answer can be recognised by it.

use crate::campaign::definition::Definition;
use crate::campaign::problem::Problems;
use crate::campaign::recipient::Recipient;
use crate::delivery::inbound::LetterNumber;
use crate::inbox::{Sent, SentLetter, own_lines, visible_reference};
use crate::ledger::record::{Campaign, DeliveryRecord};
use crate::ledger::{LedgerError, Reader};
use crate::mail::message_id::MessageId;

use super::press::Press;

/// Lines of our letters that are shorter than this may be anybody's: a greeting, a name, a day.
const OWN_LINE: usize = 40;

/// What was sent, and how our letters read.
#[derive(Debug, Default)]
pub struct Letters {
    /// The index.
    pub sent: Sent,
    /// Lines of our letters, so that they are not taken for somebody's words.
    pub own_lines: Vec<String>,
}

/// Reads what was handed over, of every campaign in the ledger: an answer may be one to a letter of last year.
///
/// A letter to several addressees is found by each of their addresses.
///
/// # Errors
/// [`LedgerError`] where the ledger cannot be read.
pub fn letters(reader: &Reader) -> Result<Letters, LedgerError> {
    let mut letters = Letters::default();
    for campaign in reader.campaigns()? {
        let (mut press, mut referring) = (None, None);
        if let Ok(definition) = serde_json::from_str::<Definition>(&campaign.definition) {
            letters.sent.add_own(&definition.sender.from.address.to_string());
        }
        reader.each_recipient(campaign.id, |record| {
            for delivery in record.deliveries.iter().filter(|delivery| delivery.mark.is_some()) {
                let to = delivery.frozen.as_ref().unwrap_or(&record.recipient);
                let press = press.get_or_insert_with(|| set_up(&campaign, to)).as_ref();
                let shows = |of: &mut bool| press.filter(|_| *of).and_then(|press| text(press, delivery, to));
                if letters.own_lines.is_empty() {
                    letters.own_lines = press
                        .and_then(|press| text(press, delivery, to))
                        .map(|text| lines(&text))
                        .unwrap_or_default();
                }
                // Merging each letter anew takes its time; most show no reference.
                let reference = shows(referring.get_or_insert_with(|| press.is_some_and(refers)))
                    .and_then(|text| visible_reference(&text).map(str::to_owned));
                add(&mut letters.sent, &campaign, delivery, to, subject(press, delivery, to), reference);
            }
            true
        })?;
    }
    Ok(letters)
}

/// The letters as they were frozen; nothing where they cannot be read, and then answers are known by their ids alone.
fn set_up(campaign: &Campaign, recipient: &Recipient) -> Option<Press> {
    Press::for_row(serde_json::from_str(&campaign.definition).ok()?, recipient, &mut Problems::default())
}

fn subject(press: Option<&Press>, delivery: &DeliveryRecord, to: &Recipient) -> String {
    let merged = press.and_then(|press| {
        let dated = delivery.mark.as_ref()?.dated;
        let row = press.row(to, delivery.step, dated, delivery.continues.as_ref());
        Some(press.letter(delivery.step)?.subject(&row.input()))
    });
    merged.unwrap_or_default()
}

/// The text of a letter as it went.
fn text(press: &Press, delivery: &DeliveryRecord, to: &Recipient) -> Option<String> {
    let dated = delivery.mark.as_ref()?.dated;
    press.merge(to, delivery.step, dated, delivery.continues.as_ref()).ok().map(|merged| merged.text)
}

fn lines(text: &str) -> Vec<String> {
    own_lines(text).into_iter().filter(|line| line.chars().count() >= OWN_LINE).collect()
}

/// Whether the letters show a reference that is each recipient's own: one with a field in it.
fn refers(press: &Press) -> bool {
    let sources = press.definition().steps.iter();
    let texts = sources.flat_map(|source| [&source.text].into_iter().chain(source.partials.values()));
    let mut shown = texts.filter_map(|text| visible_reference(text));
    shown.any(|word| word.contains("{{"))
}

fn add(
    sent: &mut Sent,
    campaign: &Campaign,
    delivery: &DeliveryRecord,
    to: &Recipient,
    subject: String,
    reference: Option<String>,
) {
    let Some(addressees) = to.addressees() else { return };
    let letter = SentLetter {
        key: to.key.clone(),
        step: Some(delivery.step),
        number: Some(LetterNumber { campaign: campaign.id.0, delivery: delivery.id }),
        message_id: delivery.message_id.clone(),
        wire_id: delivery.wire_id.clone(),
        envelope_id: Some(MessageId::stored(delivery.message_id.clone()).envelope_id().to_owned()),
        reference,
        address: addressees.to.address.to_string(),
        subject,
        sent_at: delivery.mark.as_ref().map(|mark| mark.dated.as_second()),
    };
    for other in addressees.others() {
        // Known by the address alone, since the ids are the letter's.
        sent.add(SentLetter {
            message_id: String::new(),
            wire_id: None,
            envelope_id: None,
            reference: None,
            address: other.address.to_string(),
            ..letter.clone()
        });
    }
    sent.add(letter);
}
