//! Makes the bytes of a message out of the frozen campaign and one claimed recipient.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};

use crate::campaign::definition::Definition;
use crate::campaign::letter::{Input, Letter, Merged};
use crate::campaign::problem::Problems;
use crate::campaign::recipient::{Addressees, Recipient};
use crate::ledger::record::MessageMark;
use crate::mail::address::{Address, Mailbox};
use crate::mail::envelope::Envelope;
use crate::mail::message_id::MessageId;
use crate::mail::mime::{self, Parts};

/// A frozen campaign, its letters compiled.
#[derive(Debug)]
pub struct Press {
    definition: Definition,
    zone: TimeZone,
    letters: Vec<Letter>,
}

/// One message, ready to go.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Where it goes.
    pub envelope: Envelope,
    /// RFC 5322 bytes, CRLF.
    pub bytes: Vec<u8>,
    /// Its subject, for people.
    pub subject: String,
    /// Its plain text, for people.
    pub text: String,
    /// Its HTML, for people.
    pub html: String,
}

/// Which message is wanted.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// For whom.
    pub recipient: &'a Recipient,
    /// Which letter, from 1.
    pub step: u32,
    /// Its name.
    pub message_id: &'a MessageId,
    /// Its `Date`.
    pub dated: Timestamp,
    /// Whether the letter waits for addressees beside the first who are put off.
    pub waits_for_others: bool,
    /// Instead of the recipient's mailbox, and with a mark in the subject.
    pub test_to: Option<&'a Address>,
}

impl Press {
    /// Compiles the letters of a definition.
    ///
    /// `columns` are the roster's fields under their normalised names. Problems are pushed; nothing is returned
    /// when a letter cannot be used.
    pub fn set_up(definition: Definition, columns: &[String], problems: &mut Problems) -> Option<Self> {
        let zone = TimeZone::get(&definition.timezone).unwrap_or(TimeZone::UTC);
        let letters: Vec<_> = definition
            .steps
            .iter()
            .map(|source| Letter::compile(source, &definition, columns, problems))
            .collect();
        let letters = letters.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Self { definition, zone, letters })
    }

    /// Returns the definition that it prints.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Returns the letter of a step.
    pub fn letter(&self, step: u32) -> Option<&Letter> {
        self.letters.get(usize::try_from(step.checked_sub(1)?).ok()?)
    }

    /// Returns what a letter is merged with.
    pub fn input<'a>(&self, recipient: &'a Recipient, dated: Timestamp) -> Input<'a> {
        let today = dated.to_zoned_datetime(self.zone.clone()).date();
        Input { fields: &recipient.fields, today }
    }

    /// Merges a letter, also for who takes no mail.
    ///
    /// # Errors
    /// A sentence for people: which row cannot be merged, and why.
    pub fn merge(&self, recipient: &Recipient, step: u32, dated: Timestamp) -> Result<Merged, String> {
        let letter = self.letter(step).ok_or_else(|| format!("there is no step {step}"))?;
        letter.merge(&self.input(recipient, dated)).map_err(|findings| {
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            format!("the letter of {} cannot be merged: {}", recipient.key, findings.join("; "))
        })
    }

    /// Makes a message.
    ///
    /// # Errors
    /// A sentence for people: which row cannot be merged, and why.
    pub fn print(&self, order: &Order<'_>) -> Result<Printed, String> {
        let merged = self.merge(order.recipient, order.step, order.dated)?;
        let sender = &self.definition.sender;
        let (addressees, subject) = match order.test_to {
            None => {
                let (Some(addressees), Some(to)) = (order.recipient.addressees(), order.recipient.mailbox())
                else {
                    return Err(format!("{} takes no mail", order.recipient.key));
                };
                (Addressees { to, ..addressees.clone() }, merged.subject)
            }
            Some(address) => (
                Addressees::one(address.clone()),
                format!("[TEST: {}] {}", order.recipient.key, merged.subject),
            ),
        };
        let reverse_path = if sender.verp && order.test_to.is_none() {
            sender.from.address.with_detail(&order.message_id.return_token())
        } else {
            sender.from.address.clone()
        };
        let envelope = Envelope {
            reverse_path: Some(reverse_path),
            forward_path: addressees.to.address.clone(),
            also: addressees.others().map(|mailbox| mailbox.address.clone()).collect(),
            waits_for_others: order.waits_for_others,
        };
        let to: Vec<Mailbox> = [&addressees.to].into_iter().chain(&addressees.also_to).cloned().collect();
        let bytes = mime::compose(&Parts {
            from: &sender.from,
            to: &to,
            cc: &addressees.cc,
            reply_to: sender.reply_to.as_ref(),
            subject: &subject,
            dated: &order.dated.to_zoned_datetime(self.zone.clone()),
            message_id: order.message_id,
            language: &self.definition.language,
            text: &merged.text,
            html: &merged.html,
            attachments: &[],
            extra: &[],
        });
        Ok(Printed { envelope, bytes, subject, text: merged.text, html: merged.html })
    }
}

impl Printed {
    /// Returns what the ledger keeps of the bytes.
    pub fn mark(&self, dated: Timestamp) -> MessageMark {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, &self.bytes).as_ref());
        MessageMark { digest: sha256, dated, size: self.bytes.len() as u64 }
    }
}
