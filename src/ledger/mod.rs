//! The ledger: what happened, durably. Its promises:
//!
//! 1. **Planning is idempotent.** Planning twice plans once; the unique keys do it.
//! 2. **A claim is exclusive and ends by itself.**
//! 3. **Written before done.** "End-of-data follows" is durable before the final dot leaves; the outcome is
//!    durable before it is reported. Many deliveries may share one commit; none goes without.
//! 4. **A crash leaves either a letter to send or a doubt to settle, never a guess.**
//! 5. **State and history change together**, compare-and-set on state and owner; a late worker is told no.
//! 6. **Suppression is looked at in the claim itself**, so what came in between plan and sending counts.
//! 7. **Limits are counted in the ledger** (accepted and in-doubt, rolling windows, per account and per
//!    recipient domain), so a restart resets nothing.
//! 8. **The inbox cursor moves in the same transaction as what was read**, and so does everything that follows from it.
//! 9. **Time is an argument.**
//! 10. **What was sent can be shown again, byte for byte**: the digest of every message is kept beside the frozen letter and
//!     fields and the files that went along, each of which is kept once.

pub mod record;

mod answers;
mod approval;
mod attempt;
mod campaigns;
mod claim;
mod days;
mod files;
mod history;
mod inbound;
mod lines;
mod lock;
mod mark;
mod reader;
mod roster;
mod schema;
mod sequence;
mod suppression;
mod tally;
mod trial;
mod wish;
mod writer;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

pub use self::answers::{AnswerWord, Filed};
pub use self::approval::{Approval, Start};
pub use self::days::Hour;
pub use self::inbound::Returns;
pub use self::lines::{Follow, Line, LineLetter, News, Sums, Touched};
pub use self::reader::Reader;
pub(crate) use self::suppression::entries as suppressing_entries;
pub use self::tally::Tally;
pub use self::trial::{Trial, TrialEnd};
pub use self::writer::Answer;
use self::writer::{Done, Writer, Writing};
use crate::campaign::calendar::Deadlines;
use crate::campaign::enclosure::{Enclosure, Fingerprint};
use crate::campaign::recipient::Recipient;
use crate::delivery::enrollment::Sequence;
use crate::delivery::state::Move;
use crate::mail::address::Address;
use record::{
    Arrival, AttemptEnd, Campaign, CampaignId, CampaignState, ClaimRequest, ClaimTicket, Claims, Counts,
    CursorRecord, Enrolled, Event, Granted, InboundId, Judgement, MessageMark, NewCampaign, Recorded,
    Released, Rescued, RosterPass, Settlement, Suppression, Wanted, Wish, Withdrawn,
};

/// Is handed every event after its commit, in order, each once, before the caller hears of it.
///
/// Runs on the writer's thread: nothing more is written before it returns. What a process that was killed did not
/// get to hand over is found again with [`Ledger::events_after`].
pub type EventSink = Arc<dyn Fn(&[Event]) + Send + Sync>;

/// What can go wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process holds it.
    #[error("the ledger {path} is in use by {holder}")]
    Held {
        /// The ledger file.
        path: String,
        /// Who holds it, as it introduced itself: process number, command, since when.
        holder: String,
    },
    /// The file system or SQLite refused. Nothing of what was asked was done.
    #[error("the ledger {path} cannot be used: {why}")]
    Unavailable {
        /// The ledger file.
        path: String,
        /// What was said.
        why: String,
    },
    /// The row is not what the caller believed: somebody else moved it, or the lease was lost.
    #[error("delivery {delivery} is no longer ours: {why}")]
    NotOurs {
        /// Which delivery.
        delivery: i64,
        /// What it is now.
        why: String,
    },
    /// The letter must not go any more, though the claim still holds: the campaign was paused or cancelled, or the
    /// recipient suppressed, since. Nothing was noted; end the attempt as one that did not take place.
    #[error("the letter must not go: {why}")]
    Stopped {
        /// What happened since the claim.
        why: String,
    },
    /// What was asked makes no sense as things stand. Nothing was changed.
    #[error("{why}")]
    Refused {
        /// Why, in a sentence.
        why: String,
    },
    /// Made by a newer version of this program.
    #[error("the ledger {path} was written by a newer postduif (schema {found}, this one knows {known})")]
    TooNew {
        /// The ledger file.
        path: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
}

/// A handle on the ledger; clones share one writer thread, which gathers what is waiting into one durable commit.
///
/// Every method hands its request in when it is **called**; the [`Answer`] it returns can be awaited later, or
/// waited for on a thread. When the answer is there, the commit is on the disk. If a commit fails (a full disk),
/// nothing of it happened and everybody who shared it is told [`LedgerError::Unavailable`].
///
/// The lock and the file are let go when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Ledger {
    writer: Arc<Writer>,
}

impl Ledger {
    /// Opens or makes the ledger and takes its lock (`<path>.lock`, an OS lock; the holder's line is written in it).
    ///
    /// # Errors
    /// [`LedgerError::Held`] if another process sends from it, [`LedgerError::TooNew`], [`LedgerError::Unavailable`].
    pub fn open(path: &Path, holder: &str, sink: Option<EventSink>) -> Result<Self, LedgerError> {
        if !path.is_file() {
            // Makes the folder, so that the lock has a place; two may do so at once.
            drop(schema::open_for_writing(path)?);
        }
        let lock = lock::Lock::take(path, holder)?;
        let conn = schema::open_for_writing(path)?;
        let writer = Writer::start(conn, path.to_owned(), lock, sink)?;
        Ok(Self { writer: Arc::new(writer) })
    }

    /// Opens a ledger for reading: takes no lock, makes nothing, changes nothing. Nothing where there is none.
    pub fn read(path: &Path) -> Result<Option<Reader>, LedgerError> {
        Reader::open(path)
    }

    /// Does what a person asks, whether or not another process is sending. See [`Wish`].
    ///
    /// # Errors
    /// [`LedgerError::Refused`] says what stands in the way: no such campaign, not in doubt, already finished.
    pub fn wish(path: &Path, wish: &Wish, now: Timestamp) -> Result<Granted, LedgerError> {
        wish::grant(path, wish, now)
    }

    /// Writes down what came back, as [`Ledger::record`] does, whether or not another process is sending.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] where nothing can be written; nothing was recorded then, and the cursor stays.
    pub fn record_beside(
        path: &Path,
        arrivals: &[Arrival],
        cursor: Option<&CursorRecord>,
        now: Timestamp,
    ) -> Result<Vec<Recorded>, LedgerError> {
        wish::beside(path, |writing| writing.record(arrivals, cursor, now))
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        self.writer.path()
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Done<T> + Send + 'static,
    ) -> Answer<T> {
        self.writer.ask(work)
    }

    /// Writes the campaign down, or returns the one of that name that is there already, unchanged.
    pub fn launch(&self, campaign: NewCampaign, now: Timestamp) -> Answer<Campaign> {
        self.ask(move |writing| writing.launch(&campaign, now))
    }

    /// Returns the campaign of that name.
    pub fn campaign(&self, name: &str) -> Answer<Option<Campaign>> {
        let name = name.to_owned();
        self.ask(move |writing| writing.campaign_named(&name))
    }

    /// Replaces the frozen definition; only while nothing of the campaign was ever handed to a relay. Returns
    /// whether the definition given is the frozen one now.
    pub fn refreeze(
        &self,
        campaign: CampaignId,
        definition: String,
        digest: String,
        now: Timestamp,
    ) -> Answer<bool> {
        self.ask(move |writing| writing.refreeze(campaign, &definition, &digest, now))
    }

    /// Writes the digest of the plan that is being sent.
    pub fn set_plan(&self, campaign: CampaignId, digest: String) -> Answer<()> {
        self.ask(move |writing| writing.set_plan(campaign, &digest))
    }

    /// Begins a pass over the roster: recipients not enrolled in this pass are off the roster when it ends.
    /// Until then nothing is claimed; a pass that was cut off is mended by the next one.
    pub fn begin_roster(&self, campaign: CampaignId) -> Answer<RosterPass> {
        self.ask(move |writing| writing.begin_roster(campaign))
    }

    /// Writes recipients down with their delivery of `step`, in the order of the roster. See [`Enrolled`].
    ///
    /// Some thousand recipients at a time make for few commits and little memory. What had lapsed is queued again where
    /// the deadline was moved.
    pub fn enroll(
        &self,
        pass: &RosterPass,
        step: u32,
        recipients: Vec<Recipient>,
        deadlines: &Deadlines,
        now: Timestamp,
    ) -> Answer<Enrolled> {
        let recipients = recipients.into_iter().map(|recipient| (recipient, Vec::new())).collect();
        self.enroll_with(pass, step, recipients, deadlines, now)
    }

    /// Enrols recipients with the files that go along with their letters, as [`Ledger::enroll`] does without any.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where a file was not kept before, with [`Ledger::keep_file`].
    pub fn enroll_with(
        &self,
        pass: &RosterPass,
        step: u32,
        recipients: Vec<(Recipient, Vec<Enclosure>)>,
        deadlines: &Deadlines,
        now: Timestamp,
    ) -> Answer<Enrolled> {
        let (pass, deadlines) = (*pass, deadlines.clone());
        self.ask(move |writing| writing.enroll(&pass, step, &recipients, &deadlines, now))
    }

    /// Keeps a file's octets, once; returns their digest.
    pub fn keep_file(&self, bytes: Vec<u8>) -> Answer<Fingerprint> {
        self.ask(move |writing| writing.keep_file(&bytes))
    }

    /// Returns the octets of a file that was kept.
    pub fn file(&self, digest: Fingerprint) -> Answer<Option<Vec<u8>>> {
        self.ask(move |writing| Ok(files::content(writing.conn, &digest)?))
    }

    /// Returns whether a file was kept.
    pub fn has_file(&self, digest: Fingerprint) -> Answer<bool> {
        self.ask(move |writing| Ok(files::is_kept(writing.conn, &digest)?))
    }

    /// Ends a pass. A finished campaign with somebody new on its roster runs again.
    pub fn end_roster(&self, pass: RosterPass, now: Timestamp) -> Answer<()> {
        self.ask(move |writing| writing.end_roster(&pass, now))
    }

    /// Takes what is due, as far as the limits leave room: queued to in flight.
    ///
    /// Looks at the campaign's state, at the suppression list and at the limits in the same transaction. A pause
    /// whose time is over ends here. Suppressed recipients are cancelled here, and those whose deadline is over lapse.
    pub fn claim(&self, request: ClaimRequest) -> Answer<Claims> {
        self.ask(move |writing| writing.claim(&request))
    }

    /// Gives claims back of which nothing was attempted; they keep their place and cost no attempt. Those that are
    /// no longer ours, or for which end-of-data was noted, are passed over.
    pub fn give_back(&self, claims: Vec<ClaimTicket>, now: Timestamp) -> Answer<()> {
        self.ask(move |writing| writing.give_back(&claims, now))
    }

    /// Makes "end-of-data follows" durable, with the digest and the date of the bytes that are about to leave.
    ///
    /// # Errors
    /// [`LedgerError::NotOurs`] for a late worker; [`LedgerError::Stopped`] if the letter must not go any more. In
    /// both cases the final dot must not leave.
    pub fn note_end_of_data(&self, ticket: &ClaimTicket, message: MessageMark, now: Timestamp) -> Answer<()> {
        self.note_with(ticket, message, Vec::new(), now)
    }

    /// Notes it as [`Ledger::note_end_of_data`] does, and keeps the files that were made when the message was printed
    /// (a PDF letter), which nothing frozen has: each with its octets.
    ///
    /// # Errors
    /// The same.
    pub fn note_with(
        &self,
        ticket: &ClaimTicket,
        message: MessageMark,
        made: Vec<(Enclosure, Arc<[u8]>)>,
        now: Timestamp,
    ) -> Answer<()> {
        let ticket = ticket.clone();
        self.ask(move |writing| writing.note_end_of_data(&ticket, &message, &made, now))
    }

    /// Writes down how an attempt ended and where the delivery stands now, together.
    ///
    /// # Errors
    /// [`LedgerError::NotOurs`] for a late worker: nothing is changed.
    pub fn end_attempt(
        &self,
        ticket: &ClaimTicket,
        end: AttemptEnd,
        moved: Move,
        now: Timestamp,
    ) -> Answer<()> {
        let ticket = ticket.clone();
        self.ask(move |writing| writing.end_attempt(&ticket, &end, moved, now))
    }

    /// Prolongs every claim of `owner`; returns how many it holds.
    pub fn renew(&self, owner: &str, until: Timestamp) -> Answer<u64> {
        let owner = owner.to_owned();
        self.ask(move |writing| writing.renew(&owner, until))
    }

    /// Takes care of what workers other than `owner` left in flight: those whose lease has run out, or all of them,
    /// which is right for who has just taken the lock: nobody else can be alive.
    pub fn rescue(&self, owner: &str, all_others: bool, now: Timestamp) -> Answer<Rescued> {
        let owner = owner.to_owned();
        self.ask(move |writing| writing.rescue(&owner, all_others, now))
    }

    /// Withdraws the open tasks of these keys, each with its reason; returns how many that ended.
    pub fn withdraw_tasks(
        &self,
        campaign: CampaignId,
        tasks: Vec<(String, String)>,
        now: Timestamp,
    ) -> Answer<u64> {
        self.ask(move |writing| writing.withdraw_tasks(campaign, &tasks, now))
    }

    /// Pauses a campaign. A pause without an end stays when one with an end is asked for.
    pub fn pause(
        &self,
        campaign: CampaignId,
        why: &str,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Answer<()> {
        let why = why.to_owned();
        self.ask(move |writing| writing.pause(campaign, &why, until, now))
    }

    /// Lets a paused campaign run again.
    pub fn resume(&self, campaign: CampaignId, now: Timestamp) -> Answer<()> {
        self.ask(move |writing| writing.resume(campaign, now, None))
    }

    /// Cancels a campaign for good; returns what that ended. Letters in flight end by themselves.
    pub fn cancel(&self, campaign: CampaignId, why: &str, now: Timestamp) -> Answer<Withdrawn> {
        let why = why.to_owned();
        self.ask(move |writing| writing.cancel(campaign, &why, now))
    }

    /// Queues letters of later steps that are due, each for a key; whatever has changed since they were looked for is looked at
    /// again, in the same transaction.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where the campaign is paused or cancelled, and nothing is queued then.
    pub fn release(
        &self,
        campaign: CampaignId,
        sequence: Arc<Sequence>,
        wanted: Vec<Wanted>,
        now: Timestamp,
    ) -> Answer<Vec<Released>> {
        self.ask(move |writing| writing.release(campaign, &sequence, &wanted, now))
    }

    /// Holds the letters of later steps that are queued to the last days as the settings have them now.
    pub fn hold_to_last_days(&self, campaign: CampaignId, sequence: Arc<Sequence>) -> Answer<()> {
        self.ask(move |writing| writing.hold_to_last_days(campaign, &sequence))
    }

    /// Finishes a running campaign if nothing can change any more: nothing queued and no task open on the roster,
    /// nothing in flight, nothing in doubt, and no further letter to come by `sequence`, which a campaign of one letter needs
    /// not. Returns where it stands.
    pub fn finish_if_done(
        &self,
        campaign: CampaignId,
        sequence: Option<Arc<Sequence>>,
        now: Timestamp,
    ) -> Answer<CampaignState> {
        self.ask(move |writing| writing.finish_if_done(campaign, sequence.as_deref(), now))
    }

    /// Takes a person's word on a delivery in doubt.
    pub fn settle(
        &self,
        campaign: CampaignId,
        key: &str,
        step: u32,
        settlement: Settlement,
        note: &str,
        now: Timestamp,
    ) -> Answer<()> {
        let (key, note) = (key.to_owned(), note.to_owned());
        self.ask(move |writing| writing.settle(campaign, &key, step, settlement, &note, now))
    }

    /// Writes down what came back with everything that follows from it, and how far its folder was read: promise 8.
    pub fn record(
        &self,
        arrivals: Vec<Arrival>,
        cursor: Option<CursorRecord>,
        now: Timestamp,
    ) -> Answer<Vec<Recorded>> {
        self.ask(move |writing| writing.record(&arrivals, cursor.as_ref(), now))
    }

    /// Takes a person's word on something that came back.
    pub fn judge(&self, inbound: InboundId, judgement: Judgement, now: Timestamp) -> Answer<()> {
        self.ask(move |writing| writing.judge(inbound, &judgement, now))
    }

    /// Returns whether a message was recorded before.
    pub fn is_known(&self, fingerprint: [u8; 32]) -> Answer<bool> {
        self.ask(move |writing| Ok(inbound::is_known(writing.conn, &fingerprint)?))
    }

    /// Returns how far a folder was read.
    pub fn cursor(&self, mailbox: &str, folder: &str) -> Answer<Option<CursorRecord>> {
        let (mailbox, folder) = (mailbox.to_owned(), folder.to_owned());
        self.ask(move |writing| Ok(inbound::cursor(writing.conn, &mailbox, &folder)?))
    }

    /// Adds to the suppression list; returns whether it was not there before.
    pub fn suppress(&self, what: &str, reason: &str, now: Timestamp) -> Answer<bool> {
        let (what, reason) = (what.to_owned(), reason.to_owned());
        self.ask(move |writing| writing.suppress(&what, &reason, now))
    }

    /// Takes something off the suppression list; returns whether it was there.
    pub fn unsuppress(&self, what: &str, now: Timestamp) -> Answer<bool> {
        let what = what.to_owned();
        self.ask(move |writing| writing.unsuppress(&what, now))
    }

    /// Returns the suppression list.
    pub fn suppressions(&self) -> Answer<Vec<Suppression>> {
        self.ask(|writing| Ok(suppression::list(writing.conn)?))
    }

    /// Returns why we do not write to an address, if there is a reason.
    pub fn suppressed(&self, address: &Address) -> Answer<Option<String>> {
        let (canonical, domain) = (address.canonical(), address.domain().to_owned());
        self.ask(move |writing| Ok(suppression::reason(writing.conn, &canonical, &domain)?))
    }

    /// Counts the deliveries of a campaign by state.
    pub fn counts(&self, campaign: CampaignId) -> Answer<Counts> {
        self.ask(move |writing| Ok(reader::counts(writing.conn, campaign)?))
    }

    /// Finds a delivery by its Message-ID: the campaign, the key and the step.
    pub fn find_by_message_id(&self, id: &str) -> Answer<Option<(CampaignId, String, u32)>> {
        let id = id.to_owned();
        self.ask(move |writing| Ok(reader::find_by_message_id(writing.conn, &id)?))
    }

    /// Writes an event that changes no delivery, such as a test letter; campaign and recipient are found by name
    /// and key. Returns its number.
    pub fn note_event(&self, event: Event) -> Answer<i64> {
        self.ask(move |writing| writing.note_event(event))
    }

    /// Returns at most `most` events that came after `seq`, oldest first.
    pub fn events_after(&self, seq: i64, most: u32) -> Answer<Vec<Event>> {
        self.ask(move |writing| Ok(history::after(writing.conn, seq, most)?))
    }
}
