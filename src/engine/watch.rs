//! Reads the mailbox: what is new, which letter it belongs to, and what follows, written into the ledger together with how far
//! the mailbox was read. Beside a process that sends, too: it takes no lock.
//!
//! ```text
//! folder ─► page ─► known? ─► body ─► inbox::read (with what was sent) ─► text and files kept ─► ledger: arrivals and cursor at once
//! ```

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::replies;
use super::sent::{self, Letters};
use super::summary;
use crate::clock::Clock;
use crate::delivery::inbound::{Kind, Reading};
use crate::delivery::state::State;
use crate::inbox::mailbox::{Arrival as Found, Cursor, Folder, Folders, Inbox, InboxError, Woken};
use crate::inbox::{self, Excerpt, Settings};
use crate::ledger::record::{Arrival, Campaign, CampaignId, CursorRecord, Recorded, Settlement, Wish};
use crate::ledger::{Ledger, LedgerError, Reader};
use crate::mail::message_id::MessageId;
use crate::mail::parsed::{ParsedMail, attachments};

/// So many messages that belong to no letter are told by name.
const MOST_TOLD: usize = 20;

/// Why a round ended early. What was recorded before holds, and the next round goes on there.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The mailbox cannot be read.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What they wrote cannot be kept.
    #[error("what they wrote cannot be kept in {folder}: {error}")]
    Kept {
        /// The folder of the ledger.
        folder: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Something that came back and was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// The recipient.
    pub key: String,
    /// Who wrote.
    pub sender: Option<String>,
    /// What it is.
    pub reading: Reading,
    /// Whether it waits for a person.
    pub review: bool,
}

/// What one round found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// What came back, in the order in which it was read.
    pub came: Vec<Came>,
    /// How many messages have nothing to do with our letters.
    pub unrelated: u64,
    /// Messages of a kind that concerns letters, and that belong to none we know: a sentence each, the first of them.
    pub unplaced: Vec<String>,
    /// How many more of those there are.
    pub more_unplaced: u64,
    /// Messages that are there and cannot be had.
    pub unreadable: Vec<String>,
    /// Letters whose copy lay in the Sent folder: they are in doubt no longer.
    pub found_in_sent: Vec<String>,
}

/// Reads a mailbox for a ledger.
pub struct Watch {
    inbox: Inbox,
    ledger: PathBuf,
    campaign: Campaign,
    since: Timestamp,
    zone: TimeZone,
    clock: Clock,
    /// Those found last.
    folders: Option<Folders>,
}

impl Watch {
    /// Makes one; nothing is connected yet.
    pub fn new(
        inbox: Inbox,
        ledger: &Path,
        campaign: Campaign,
        since: Timestamp,
        zone: TimeZone,
        clock: Clock,
    ) -> Self {
        Self { inbox, ledger: ledger.to_owned(), campaign, since, zone, clock, folders: None }
    }

    /// Reads every folder to its end, and looks for the copies of letters in doubt. What is found is added to `round`, also
    /// where it ends early: what was recorded is known from then on, and nobody else tells of it.
    ///
    /// # Errors
    /// [`WatchError`]; the folder in which it happened was not read to its end.
    pub async fn round(&mut self, round: &mut Round) -> Result<(), WatchError> {
        let clock = self.clock.clone();
        let _working = clock.working();
        let folders = self.inbox.folders().await?;
        // What was sent is only looked up when there is something to compare it with.
        let mut letters = None;
        for folder in &folders.read {
            self.read(folder, &mut letters, round).await?;
        }
        self.look_into_sent(&folders, round).await?;
        self.folders = Some(folders);
        Ok(())
    }

    /// Returns which mailbox it reads, and which folders the last round read.
    pub fn mailbox(&self) -> (String, Vec<String>) {
        let folders = self.folders.iter().flat_map(|folders| &folders.read);
        (self.inbox.account().to_owned(), folders.map(|folder| folder.name.clone()).collect())
    }

    /// Waits until something comes into the first folder, at most so long.
    ///
    /// # Errors
    /// [`InboxError`] where nobody can tell any more what comes.
    pub async fn wait(&mut self, patience: std::time::Duration) -> Result<Woken, InboxError> {
        match self.folders.as_ref().and_then(|folders| folders.read.first()) {
            Some(folder) => self.inbox.watch(folder, patience).await,
            None => Ok(Woken::Nothing),
        }
    }

    /// Ends the conversation politely.
    pub async fn close(self) {
        self.inbox.close().await;
    }

    async fn read(
        &mut self,
        folder: &Folder,
        letters: &mut Option<Letters>,
        round: &mut Round,
    ) -> Result<(), WatchError> {
        let source = format!("{}/{}", self.inbox.account(), folder.name);
        loop {
            let reader = self.reader()?;
            let known = reader.cursor(self.inbox.account(), &folder.name)?;
            let known = known.and_then(|record| Cursor::from_text(&record.cursor));
            let page = self.inbox.page(folder, known.as_ref(), self.since).await?;
            let mut arrivals = Vec::new();
            for found in &page.arrivals {
                let fingerprint = found.fingerprint().header;
                if reader.is_known(&fingerprint)? {
                    continue;
                }
                // Gone before it was read: somebody has thrown it away, and a person has seen it.
                let Some(body) = self.inbox.body(&found.location).await? else { continue };
                let letters = match letters {
                    Some(letters) => letters,
                    None => letters.insert(sent::letters(&reader)?),
                };
                let (mail, now) = (ParsedMail::read(&body.bytes), self.clock.now());
                let settings = Settings {
                    sent: Some(&letters.sent),
                    today: now.to_zoned_datetime(self.zone.clone()).date(),
                    own_lines: &letters.own_lines,
                };
                let reading = inbox::read_mail(&mail, settings);
                let is_our_summary = mail.fields.raw(&summary::FIELD.to_lowercase()).is_some();
                if reading.matched.is_none() && (reading.kind == Kind::Unrelated || is_our_summary) {
                    round.unrelated += 1;
                    continue;
                }
                let excerpt = Excerpt::of(&mail, &letters.own_lines);
                arrivals.extend(self.arrival(found, &body.bytes, reading, excerpt, &source, round)?);
            }
            round.unreadable.extend(page.unreadable.iter().map(ToString::to_string));
            let cursor = CursorRecord {
                mailbox: self.inbox.account().to_owned(),
                folder: folder.name.clone(),
                cursor: page.cursor.to_text(),
                read_to_end_at: page.read_to_end,
            };
            drop(reader);
            let recorded = Ledger::record_beside(&self.ledger, &arrivals, Some(&cursor), self.clock.now())?;
            for (arrival, recorded) in arrivals.into_iter().zip(recorded) {
                if let Recorded::New { review, .. } = recorded {
                    let Arrival { key, sender, reading, .. } = arrival;
                    round.came.push(Came { key, sender, reading, review });
                }
            }
            if page.read_to_end.is_some() {
                return Ok(());
            }
        }
    }

    /// Makes of a message what the ledger writes down, and keeps what they wrote; nothing where it belongs to no letter.
    fn arrival(
        &self,
        found: &Found,
        bytes: &[u8],
        reading: Reading,
        excerpt: Excerpt,
        source: &str,
        round: &mut Round,
    ) -> Result<Option<Arrival>, WatchError> {
        let Some(matched) = reading.matched.clone() else {
            if round.unplaced.len() == MOST_TOLD {
                round.more_unplaced += 1;
            } else {
                let from = excerpt.sender.as_deref().unwrap_or("nobody");
                let subject = excerpt.subject.as_deref().unwrap_or("no subject");
                round.unplaced.push(format!("{} from {from}: {subject}", reading.kind.name()));
            }
            return Ok(None);
        };
        let Some(letter) = matched.letter else { return Ok(None) };
        let fingerprint = found.fingerprint().header;
        let kept = replies::keep(&self.ledger, &fingerprint, &excerpt.text, &attachments(bytes))
            .map_err(|error| WatchError::Kept { folder: self.ledger.clone(), error })?;
        Ok(Some(Arrival {
            source: source.to_owned(),
            fingerprint: Some(fingerprint),
            message_id: excerpt.message_id,
            sender: excerpt.sender,
            subject: excerpt.subject,
            at: excerpt.at.or(found.received).unwrap_or_else(|| self.clock.now()),
            campaign: CampaignId(letter.campaign),
            key: matched.key,
            delivery: Some(letter.delivery),
            reading,
            kept: Some(kept),
        }))
    }

    /// A copy in the Sent folder proves that a letter in doubt went out. That there is none proves nothing.
    async fn look_into_sent(&mut self, folders: &Folders, round: &mut Round) -> Result<(), WatchError> {
        let mut doubts = Vec::new();
        let reader = self.reader()?;
        // Mostly nothing is in doubt, and then nobody goes through all recipients.
        if folders.sent.is_empty() || reader.counts(self.campaign.id)?.in_doubt == 0 {
            return Ok(());
        }
        reader.each_recipient(self.campaign.id, |record| {
            let in_doubt = record.deliveries.iter().filter(|delivery| delivery.state == State::InDoubt);
            doubts.extend(
                in_doubt.map(|doubt| (record.recipient.key.clone(), doubt.step, doubt.message_id.clone())),
            );
            true
        })?;
        drop(reader);
        for (key, step, id) in doubts {
            let Some(copy) = self.inbox.find_in_sent(folders, &MessageId::stored(id)).await? else {
                continue;
            };
            let wish = Wish::Settle {
                campaign: self.campaign.name.clone(),
                key: key.clone(),
                step,
                settlement: Settlement::Accepted,
                note: format!("its copy lies in the folder {}", copy.folder),
            };
            match Ledger::wish(&self.ledger, &wish, self.clock.now()) {
                Ok(_) => round.found_in_sent.push(key),
                // Somebody settled it in between.
                Err(LedgerError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn reader(&self) -> Result<Reader, WatchError> {
        Ledger::read(&self.ledger)?.ok_or_else(|| {
            LedgerError::Refused { why: format!("there is no ledger at {}", self.ledger.display()) }.into()
        })
    }
}
