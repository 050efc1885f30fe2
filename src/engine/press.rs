//! Makes the bytes of a message out of the frozen campaign and one claimed recipient.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};

use crate::campaign::definition::Definition;
use crate::campaign::enclosure::{Enclosure, FileMark, Fingerprint};
use crate::campaign::letter::{Follows, Input, Letter, Merged};
use crate::campaign::problem::{Problem, Problems};
use crate::campaign::recipient::{Addressees, Recipient};
use crate::campaign::sequence::Continuation;
use crate::ledger::record::MessageMark;
use crate::mail::address::{Address, Mailbox};
use crate::mail::envelope::Envelope;
use crate::mail::message_id::MessageId;
use crate::mail::mime::{self, Attachment, Parts};
use crate::mail::threading;
use crate::typesetting::{self, Typesetter, TypesettingError};

/// A frozen campaign, its letters compiled.
#[derive(Debug)]
pub struct Press {
    definition: Definition,
    zone: TimeZone,
    letters: Vec<Letter>,
    typesetter: Option<Arc<Typesetter>>,
}

/// A letter as a PDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdfLetter {
    /// What the file is called; safe on every file system.
    pub name: String,
    /// The file. The same for the same frozen campaign, fields and day.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// What the typesetter wondered about.
    pub warnings: Vec<Problem>,
}

impl PdfLetter {
    /// Returns it as a file that goes along with a message.
    pub fn attachment(self) -> Attachment {
        Attachment { name: self.name, media_type: "application/pdf".to_owned(), bytes: self.bytes.into() }
    }
}

/// Why there is no message; a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// It is the letter's fault, or the row's: trying again brings nothing.
    #[error("{0}")]
    Unfit(String),
    /// The typesetter is of no use; the letter may go when it is.
    #[error("{0}")]
    Typesetter(String),
}

/// Why there is no PDF of a letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// The letter cannot be merged for this row.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Letter(Vec<Problem>),
    /// It cannot be typeset.
    #[error(transparent)]
    Typesetting(#[from] TypesettingError),
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
    /// The files that go along; a PDF letter is the first.
    pub attachments: Vec<Attachment>,
    /// How many of these, the first, were made for it.
    pub made: usize,
}

/// What one letter is merged with, its fields at hand.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    fields: Cow<'a, [(String, String)]>,
    today: Date,
    /// Of a further letter: the day of the first, and the subject that answers it.
    follows: Option<(Date, String)>,
}

impl Row<'_> {
    /// Returns it as the letter takes it.
    pub fn input(&self) -> Input<'_> {
        let follows = self.follows.as_ref();
        let follows = follows.map(|(first_on, subject)| Follows { first_on: *first_on, subject });
        Input { fields: &self.fields, today: self.today, follows }
    }
}

/// Which message is wanted.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// For whom.
    pub recipient: &'a Recipient,
    /// Which letter, from 1.
    pub step: u32,
    /// What a further letter builds on; without it, it reads as if the first went on the same day and nothing came back.
    pub continues: Option<&'a Continuation>,
    /// Its name.
    pub message_id: &'a MessageId,
    /// Its `Date`.
    pub dated: Timestamp,
    /// The files that go along.
    pub attachments: &'a [Attachment],
    /// Whether the letter waits for addressees beside the first who are put off.
    pub waits_for_others: bool,
    /// Instead of the recipient's mailbox, and with a mark in the subject.
    pub test_to: Option<&'a Address>,
    /// Whether the letter's PDF is made now, where it asks for one. Looking at the text needs none, and no typesetter; one that
    /// was made before is the first of `attachments`.
    pub makes_pdf: bool,
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
        Some(Self { definition, zone, letters, typesetter: None })
    }

    /// Compiles the letters of a frozen definition, for the fields of a frozen row.
    pub fn for_row(definition: Definition, row: &Recipient, problems: &mut Problems) -> Option<Self> {
        let columns: Vec<String> = row.fields.iter().map(|(name, _)| name.clone()).collect();
        Self::set_up(definition, &columns, problems)
    }

    /// Gives it a typesetter, which it needs where [`Press::wants_pdf`].
    #[must_use]
    pub fn with_typesetter(mut self, typesetter: Arc<Typesetter>) -> Self {
        self.typesetter = Some(typesetter);
        self
    }

    /// Returns its typesetter, if it has one.
    pub fn typesetter(&self) -> Option<&Arc<Typesetter>> {
        self.typesetter.as_ref()
    }

    /// Returns whether any of its letters asks for a PDF.
    pub fn wants_pdf(&self) -> bool {
        self.letters.iter().any(|letter| letter.pdf_template().is_some())
    }

    /// Returns the definition that it prints.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Returns the letter of a step.
    pub fn letter(&self, step: u32) -> Option<&Letter> {
        self.letters.get(usize::try_from(step.checked_sub(1)?).ok()?)
    }

    /// Returns what the first letter is merged with.
    pub fn input<'a>(&self, recipient: &'a Recipient, dated: Timestamp) -> Input<'a> {
        Input { fields: &recipient.fields, today: self.day(dated), follows: None }
    }

    fn day(&self, at: Timestamp) -> Date {
        at.to_zoned_datetime(self.zone.clone()).date()
    }

    /// Returns what the letter of a step is merged with.
    pub fn row<'a>(
        &self,
        recipient: &'a Recipient,
        step: u32,
        dated: Timestamp,
        continues: Option<&Continuation>,
    ) -> Row<'a> {
        let today = self.day(dated);
        if step < 2 {
            return Row { fields: Cow::Borrowed(&recipient.fields), today, follows: None };
        }
        let expected;
        let continues = match continues {
            Some(continues) => continues,
            None => {
                expected = Continuation::expected(dated);
                &expected
            }
        };
        let first_on = continues.first_on(&self.zone).unwrap_or(today);
        let subject = self.topic(recipient, first_on);
        let mut fields = recipient.fields.clone();
        fields.extend(continues.fields(&self.zone));
        let follows = Some((first_on, threading::reply_subject(&subject)));
        Row { fields: Cow::Owned(fields), today, follows }
    }

    /// Returns the subject of the first letter as it went.
    fn topic(&self, recipient: &Recipient, first_on: Date) -> String {
        let input = Input { fields: &recipient.fields, today: first_on, follows: None };
        self.letters.first().map(|letter| letter.subject(&input)).unwrap_or_default()
    }

    /// Returns the fields that put a further letter below the one before; none for a first one.
    fn thread(&self, order: &Order<'_>) -> Vec<(String, String)> {
        let Some(continues) = order.continues.filter(|_| order.step > 1) else { return Vec::new() };
        let Some(first_on) = continues.first_on(&self.zone) else { return Vec::new() };
        let topic = self.topic(order.recipient, first_on);
        threading::fields(threading::base_subject(&topic), &continues.earlier, order.dated)
    }

    /// Makes the PDF of a letter; nothing where the letter asks for none. Waits for the typesetter, some ten milliseconds.
    ///
    /// A letter on paper needs no address of its recipient.
    ///
    /// # Errors
    /// When the letter cannot be merged for this row, or cannot be typeset.
    pub fn pdf(
        &self,
        to: &Recipient,
        step: u32,
        dated: Timestamp,
        continues: Option<&Continuation>,
    ) -> Result<Option<PdfLetter>, PdfError> {
        let day = self.day(dated);
        let Some(letter) = self.letter(step) else { return Ok(None) };
        let row = self.row(to, step, dated, continues);
        let Some(manuscript) = letter.manuscript(&row.input()).map_err(PdfError::Letter)? else {
            return Ok(None);
        };
        let typesetter = self.typesetter.as_ref().ok_or(TypesettingError::Missing { looked: Vec::new() })?;
        // The day alone, so that the same letter of the same day is the same file.
        let dated = self.zone.to_ambiguous_zoned_datetime(day.to_datetime(Time::midnight())).compatible();
        let Ok(dated) = dated else { return Ok(None) };
        let typeset = typesetter.typeset(&typesetting::Order {
            template: &manuscript.template,
            ident: &format!("{}\n{step}\n{}", self.definition.name, to.key),
            dated: &dated,
            data: &manuscript.data(&self.definition, to, day),
        })?;
        let typesetting::Typeset { pdf: bytes, pages, warnings } = typeset;
        Ok(Some(PdfLetter { name: manuscript.file_name, bytes, pages, warnings }))
    }

    /// Makes what is made for one message alone.
    fn made(&self, order: &Order<'_>) -> Result<Vec<Attachment>, PrintError> {
        let pdf = self.pdf(order.recipient, order.step, order.dated, order.continues).map_err(|error| {
            let said = format!("the letter of {} cannot be made into a PDF: {error}", order.recipient.key);
            match error {
                PdfError::Letter(_) | PdfError::Typesetting(TypesettingError::Faults(_)) => {
                    PrintError::Unfit(said)
                }
                PdfError::Typesetting(_) => PrintError::Typesetter(said),
            }
        })?;
        Ok(pdf.map(PdfLetter::attachment).into_iter().collect())
    }

    /// Merges a letter, also for who takes no mail.
    ///
    /// # Errors
    /// A sentence for people: which row cannot be merged, and why.
    pub fn merge(
        &self,
        recipient: &Recipient,
        step: u32,
        dated: Timestamp,
        continues: Option<&Continuation>,
    ) -> Result<Merged, String> {
        let letter = self.letter(step).ok_or_else(|| format!("there is no step {step}"))?;
        letter.merge(&self.row(recipient, step, dated, continues).input()).map_err(|findings| {
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            format!("the letter of {} cannot be merged: {}", recipient.key, findings.join("; "))
        })
    }

    /// Makes a message.
    ///
    /// # Errors
    /// A sentence for people: which row cannot be merged, and why.
    pub fn print(&self, order: &Order<'_>) -> Result<Printed, PrintError> {
        let merged = self.merge(order.recipient, order.step, order.dated, order.continues);
        let merged = merged.map_err(PrintError::Unfit)?;
        let mut attachments = if order.makes_pdf { self.made(order)? } else { Vec::new() };
        let made = attachments.len();
        attachments.extend_from_slice(order.attachments);
        let sender = &self.definition.sender;
        let (addressees, subject) = match order.test_to {
            None => {
                let (Some(addressees), Some(to)) = (order.recipient.addressees(), order.recipient.mailbox())
                else {
                    return Err(PrintError::Unfit(format!("{} takes no mail", order.recipient.key)));
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
            // A report about a trial must not be taken for one about the letter.
            envelope_id: order.test_to.is_none().then(|| order.message_id.envelope_id()),
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
            attachments: &attachments,
            extra: &self.thread(order),
        });
        Ok(Printed { envelope, bytes, subject, text: merged.text, html: merged.html, attachments, made })
    }
}

impl Printed {
    /// Returns the files that were made for it, as the ledger keeps them.
    pub fn made(&self) -> Vec<(Enclosure, Arc<[u8]>)> {
        let made = self.attachments.iter().take(self.made);
        made.map(|file| {
            let (digest, size) = (Fingerprint::of(&file.bytes), file.bytes.len() as u64);
            let mark = FileMark { digest, size, media_type: file.media_type.clone() };
            (Enclosure { name: file.name.clone(), file: mark }, Arc::clone(&file.bytes))
        })
        .collect()
    }

    /// Returns what the ledger keeps of the bytes.
    pub fn mark(&self, dated: Timestamp) -> MessageMark {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, &self.bytes).as_ref());
        MessageMark { digest: sha256, dated, size: self.bytes.len() as u64 }
    }
}
