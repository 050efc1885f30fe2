//! The rows of the ledger, as values.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::campaign::enclosure::Enclosure;
use crate::campaign::recipient::{Errand, Recipient};
use crate::campaign::sequence::Continuation;
use crate::delivery::attempt::{Ending, Stage};
use crate::delivery::enrollment::Next;
use crate::delivery::inbound::{Kind, Reading, Stop};
use crate::delivery::pace::Pace;
use crate::delivery::state::State;
use crate::mail::address::Address;

/// A campaign's number in this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CampaignId(pub i64);

/// What is frozen at launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCampaign {
    /// Its name: unique in the ledger.
    pub name: String,
    /// The definition as JSON.
    pub definition: String,
    /// The digest of the definition.
    pub digest: String,
    /// The secret that Message-IDs and reverse-path tokens are derived from.
    pub seed: [u8; 32],
}

/// Where a campaign stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CampaignState {
    /// Letters may go.
    Running,
    /// Nothing goes until it is resumed, or until a time.
    Paused {
        /// The reason.
        why: String,
        /// Resumes by itself then.
        until: Option<Timestamp>,
    },
    /// Everything has ended.
    Finished,
    /// Stopped for good by a person.
    Cancelled,
}

/// A campaign as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its number.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: CampaignState,
    /// The frozen definition, JSON.
    pub definition: String,
    /// Its digest.
    pub digest: String,
    /// The secret of its tokens.
    pub seed: [u8; 32],
    /// When it was launched.
    pub launched_at: Timestamp,
    /// The digest of the last plan that was sent.
    pub plan: Option<String>,
    /// The last pass over the roster that was finished; recipients it did not see are off the roster.
    pub roster_pass: i64,
    /// Whether a pass over the roster was begun and not ended: nothing is claimed meanwhile.
    pub roster_open: bool,
    /// How many letters its sequence has, at least 1.
    pub steps: u32,
}

/// A pass over the roster in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RosterPass {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// Its number, one more than the last.
    pub number: i64,
}

/// What enrolling did with each recipient given, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Enrolled {
    /// One entry for each.
    pub each: Vec<Enrollment>,
}

/// What enrolling did with one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrollment {
    /// Was not known: a recipient and a queued delivery were written.
    Added,
    /// Was known with the same address and fields.
    Known {
        /// Where its delivery stands.
        state: State,
    },
    /// Was known with other address or fields, and nothing was ever handed over: the new ones were taken.
    Updated,
    /// Was known with other address or fields and was already written to: nothing was changed.
    Changed {
        /// Where its delivery stands.
        state: State,
    },
    /// Was known, its letter had not arrived, and has another address now: the letter was queued again, to that one.
    Corrected,
    /// Another key of this campaign has this address: nothing was written, one person gets one letter.
    SameAddress {
        /// That other key.
        as_key: String,
    },
}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// Who claims: unique for each process.
    pub owner: String,
    /// The account whose limits count: `smtp://user@host:port`.
    pub account: String,
    /// At most so many.
    pub most: u32,
    /// The limits of the account.
    pub pace: Pace,
    /// Only these keys, where any are given.
    pub only: Vec<String>,
    /// The mailbox that must have been read before a letter of a later step is claimed; without one none is.
    pub mailbox: Option<MailboxRead>,
    /// Letters of later steps that should have gone before this are not claimed: a person is asked first.
    pub not_overdue_since: Option<Timestamp>,
    /// How long the claim holds without renewal.
    pub lease: Duration,
    /// The present.
    pub now: Timestamp,
}

/// The barrier before letters of later steps: these folders must have been read to their end, without an error, within this span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRead {
    /// The mailbox: `imap://ada@mail.example`.
    pub mailbox: String,
    /// Its folders, all of them.
    pub folders: Vec<String>,
    /// How long ago that may be.
    pub within: Duration,
}

/// A letter of a later step that is to be queued if it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// For whom.
    pub key: String,
    /// Whether it goes although the organisation answered.
    pub despite_reply: bool,
    /// The files that go along; each was kept before.
    pub enclosures: Vec<Enclosure>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// It waits for its turn.
    Queued {
        /// For whom.
        key: String,
        /// Which letter.
        step: u32,
    },
    /// It is not due, or not any more.
    Not {
        /// For whom.
        key: String,
        /// What is next instead.
        next: Next,
    },
}

/// What is next for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    /// Who.
    pub key: String,
    /// Its address, where it has one.
    pub address: Option<String>,
    /// What is next.
    pub next: Next,
    /// Why a person holds the next letter back, where one does.
    pub hold: Option<String>,
    /// Since when the last letter is queued, if it is.
    pub queued_since: Option<Timestamp>,
}

/// What was claimed.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The deliveries, now in flight, in the order of the roster.
    pub claims: Vec<Claim>,
    /// If there are fewer than asked for: when something more may be claimed at the earliest; `None` when
    /// nothing is left that time alone would release.
    pub again_at: Option<Again>,
    /// Where the campaign stands; unless it is running, nothing was claimed.
    pub state: Option<CampaignState>,
    /// Whether letters of later steps are due and wait until the mailbox is read again.
    pub unread: bool,
}

/// When a claim may be tried again, and what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// The instant.
    pub at: Timestamp,
    /// Why not now.
    pub why: WaitsFor,
}

/// What keeps queued letters back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A limit of the account or of a domain.
    Pace,
    /// The time after a deferral.
    Retry,
}

/// Proof of a claim: every write about the delivery carries it, and is refused when it is no longer true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimTicket {
    /// The delivery.
    pub delivery: i64,
    /// Who claimed.
    pub owner: String,
    /// A number that rises with every claim of this delivery (a fencing token).
    pub fence: i64,
    /// Its step, from 1.
    pub step: u32,
}

/// One delivery in our hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its proof.
    pub ticket: ClaimTicket,
    /// The recipient as frozen, without the addressees beside the first that are on the suppression list.
    pub recipient: Recipient,
    /// The step, from 1.
    pub step: u32,
    /// Which delivery of this recipient and step it is, from 0.
    pub generation: u32,
    /// Its Message-ID, the same on every attempt.
    pub message_id: String,
    /// This attempt's number, from 1, counting all.
    pub attempt: u32,
    /// Attempts that counted against the retry policy so far, without this one.
    pub counted: u32,
    /// The files that go along, as frozen.
    pub enclosures: Vec<Enclosure>,
    /// What a further letter builds on; nothing for a first one.
    pub continues: Option<Continuation>,
}

/// What the bytes were that are about to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageMark {
    /// SHA-256 of the message as handed over, before dot-stuffing.
    pub digest: [u8; 32],
    /// The `Date` field's instant; rendering again needs it.
    pub dated: Timestamp,
    /// How many bytes.
    pub size: u64,
}

/// How an attempt ended, for the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptEnd {
    /// What was observed.
    pub ending: Ending,
    /// What it means, in a sentence.
    pub because: String,
    /// When the attempt began.
    pub began: Timestamp,
    /// The Message-ID that the provider put in the place of ours, where its reply told one.
    pub wire_id: Option<String>,
}

/// One line of the history, append-only; `logs/delivery.jsonl` is these lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Rises by one with every event of the ledger.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// The campaign's name.
    pub campaign: String,
    /// The recipient's key; none for events of the campaign as a whole.
    pub key: Option<String>,
    /// The step.
    pub step: Option<u32>,
    /// What happened: `accepted`, `deferred`, `refused`, `expired`, `in-doubt`, `requeued`, `settled`,
    /// `cancelled`, `lapsed`, `done`, `open`, `launched`, `paused`, `resumed`, …
    pub event: String,
    /// The attempt's number.
    pub attempt: Option<u32>,
    /// How far it got.
    pub stage: Option<Stage>,
    /// What the relay said.
    pub reply: Option<crate::mail::smtp_reply::SmtpReply>,
    /// In words.
    pub note: Option<String>,
    /// The Message-ID.
    pub message_id: Option<String>,
}

impl Event {
    /// What was said about it: by the relay, or else in our own words.
    pub fn said(&self) -> Option<String> {
        self.reply.as_ref().map(ToString::to_string).or_else(|| self.note.clone())
    }

    /// An event of a campaign as a whole; its number is given when it is written down.
    pub fn of_campaign(at: Timestamp, campaign: &str, event: &str) -> Self {
        Self {
            seq: 0,
            at,
            campaign: campaign.to_owned(),
            key: None,
            step: None,
            event: event.to_owned(),
            attempt: None,
            stage: None,
            reply: None,
            note: None,
            message_id: None,
        }
    }
}

/// What [`rescue`](super::Ledger::rescue) found of workers that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rescued {
    /// Letters that had not left: queued again.
    pub requeued: u64,
    /// Letters whose final dot may have left: in doubt, for a person to settle.
    pub in_doubt: u64,
}

/// A person's word on a delivery in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It went out.
    Accepted,
    /// It did not; it goes again.
    Again,
}

/// A person's word on a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The task is done.
    Done,
    /// The task is not done, or what stopped the next letters is no reason, after all.
    Open,
    /// What they say, or what became of the letter, came by another way than our mailbox.
    Came(Verdict),
    /// A remark for the history; it changes nothing.
    Note,
    /// The next letter waits until a person lets it go.
    Hold,
    /// It waits no longer.
    Release,
}

/// A number of something that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InboundId(pub i64);

/// Something that came back, to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it was found: `imap://ada@mail.example/INBOX`.
    pub source: String,
    /// What is the same of the same message in another folder or under another number.
    pub fingerprint: Option<[u8; 32]>,
    /// Its own Message-ID.
    pub message_id: Option<String>,
    /// The address it came from.
    pub sender: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its own date.
    pub at: Timestamp,
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// The recipient it belongs to.
    pub key: String,
    /// The delivery it names; without one, the newest that was handed over.
    pub delivery: Option<i64>,
    /// What was read out of it.
    pub reading: Reading,
    /// The folder with its text and attachments, below that of the ledger.
    pub kept: Option<String>,
}

/// What became of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was recorded before.
    Known,
    /// The ledger has no such recipient.
    Stranger,
    /// It was written down, with what follows.
    New {
        /// Its number.
        id: InboundId,
        /// Whether it waits for a person.
        review: bool,
    },
}

/// How far a folder was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorRecord {
    /// The mailbox: `imap://ada@mail.example`.
    pub mailbox: String,
    /// The folder.
    pub folder: String,
    /// The cursor, as the inbox writes it.
    pub cursor: String,
    /// When it was last read to its end without an error; none leaves what is known.
    pub read_to_end_at: Option<Timestamp>,
}

/// Whether something that came back waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// It never did.
    None,
    /// It does.
    Open,
    /// A person has said what it is.
    Judged,
}

/// What a person says that something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An answer of the organisation.
    Reply,
    /// An automatic answer; nothing follows from it.
    AutoReply,
    /// They are away until a day.
    Away(Date),
    /// The letter did not arrive.
    Bounced,
    /// The address is wrong.
    WrongAddress,
    /// The letter did not arrive, and goes again.
    SendAgain,
    /// They want no more letters.
    OptedOut,
    /// They call it spam.
    Complaint,
    /// It has nothing to do with our letter, or nothing follows from it.
    Nothing,
}

/// A person's word on something that waited for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What it is.
    pub verdict: Verdict,
    /// Another recipient that it belongs to.
    pub key: Option<String>,
    /// Why, for the history.
    pub note: Option<String>,
}

/// Something that came back, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundRecord {
    /// Its number.
    pub id: InboundId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// The recipient it belongs to.
    pub key: String,
    /// The step of the delivery that it names.
    pub step: Option<u32>,
    /// That delivery.
    pub delivery: Option<i64>,
    /// Where it was found; `by hand` for a person's word.
    pub source: String,
    /// Its own Message-ID.
    pub message_id: Option<String>,
    /// The address it came from.
    pub sender: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its own date.
    pub at: Timestamp,
    /// When it was recorded.
    pub read_at: Timestamp,
    /// What it counts as, a judgement included.
    pub kind: Kind,
    /// What was read out of it.
    pub reading: Reading,
    /// What it stops the next letters for.
    pub stop: Option<Stop>,
    /// Of an absence: the day of return.
    pub until: Option<Date>,
    /// Whether it waits for a person.
    pub review: Review,
    /// When a person judged it.
    pub judged_at: Option<Timestamp>,
    /// What the person said.
    pub judged: Option<String>,
    /// The folder with its text and attachments.
    pub kept: Option<String>,
}

/// What a person asks of a ledger that another process may be sending from. Campaigns go by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing more goes out until it is resumed, or until a time.
    Pause {
        /// The campaign.
        campaign: String,
        /// The reason.
        why: String,
        /// Resumes by itself then.
        until: Option<Timestamp>,
    },
    /// Letters may go again.
    Resume {
        /// The campaign.
        campaign: String,
    },
    /// Nothing more goes out, for good.
    Cancel {
        /// The campaign.
        campaign: String,
        /// The reason.
        why: String,
    },
    /// A person's word on a delivery in doubt.
    Settle {
        /// The campaign.
        campaign: String,
        /// The recipient's key, exactly.
        key: String,
        /// The step.
        step: u32,
        /// The word.
        settlement: Settlement,
        /// Who says so and why.
        note: String,
    },
    /// A person's word on a recipient.
    Mark {
        /// The campaign.
        campaign: String,
        /// The recipient's key, exactly.
        key: String,
        /// The step; without one, the first that the word makes sense of.
        step: Option<u32>,
        /// The word.
        mark: Mark,
        /// What else there is to say, for the history.
        note: Option<String>,
    },
    /// A person's word on something that came back.
    Judge {
        /// The campaign.
        campaign: String,
        /// Which.
        inbound: InboundId,
        /// The word.
        judgement: Judgement,
    },
    /// We do not write to this address or domain (and everything below it), in any campaign.
    Suppress {
        /// `ada@x.example` or `x.example`.
        what: String,
        /// The reason.
        reason: String,
    },
    /// We may write to it again.
    Unsuppress {
        /// As it was added, in any spelling.
        what: String,
    },
}

impl Wish {
    /// Returns the name of the campaign that it is about, if it is about one.
    pub fn campaign(&self) -> Option<&str> {
        match self {
            Wish::Pause { campaign, .. }
            | Wish::Resume { campaign }
            | Wish::Cancel { campaign, .. }
            | Wish::Settle { campaign, .. }
            | Wish::Mark { campaign, .. }
            | Wish::Judge { campaign, .. } => Some(campaign),
            Wish::Suppress { .. } | Wish::Unsuppress { .. } => None,
        }
    }
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Granted {
    /// For the suppression list: whether it was not so before.
    pub changed: bool,
    /// For a cancellation: what it ended.
    pub ended: Withdrawn,
}

/// What a cancellation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Withdrawn {
    /// Letters that were queued or had lapsed.
    pub letters: u64,
    /// Tasks that were open.
    pub tasks: u64,
}

/// One entry of the suppression list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// `ada@x.example`, or `x.example` with everything below it.
    pub what: String,
    /// The reason.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// Deliveries of a campaign by state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Recipients, those off the roster included.
    pub recipients: u64,
    /// Waiting for their turn, those off the roster included.
    pub queued: u64,
    /// Of the queued, those that are off the roster and are not sent.
    pub off_roster: u64,
    /// Held by a worker.
    pub in_flight: u64,
    /// The relay took responsibility.
    pub accepted: u64,
    /// The relay said no, at once.
    pub refused: u64,
    /// A report said no, afterwards.
    pub bounced: u64,
    /// Deferred until no attempts were left.
    pub expired: u64,
    /// Neither sent nor unsent.
    pub in_doubt: u64,
    /// Will not be sent.
    pub cancelled: u64,
    /// Not sent before the deadline.
    pub lapsed: u64,
    /// For a person to do, those off the roster included.
    pub tasks: u64,
    /// Of the tasks, those that are off the roster.
    pub tasks_off_roster: u64,
    /// Done by a person.
    pub done: u64,
}

impl Counts {
    /// Returns the count of a state.
    pub fn of(mut self, state: State) -> u64 {
        *self.of_mut(state)
    }

    pub(super) fn of_mut(&mut self, state: State) -> &mut u64 {
        match state {
            State::Queued => &mut self.queued,
            State::InFlight => &mut self.in_flight,
            State::Accepted => &mut self.accepted,
            State::Refused => &mut self.refused,
            State::Bounced => &mut self.bounced,
            State::Expired => &mut self.expired,
            State::InDoubt => &mut self.in_doubt,
            State::Cancelled => &mut self.cancelled,
            State::Lapsed => &mut self.lapsed,
            State::Task => &mut self.tasks,
            State::Done => &mut self.done,
        }
    }
}

/// A delivery as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its number.
    pub id: i64,
    /// The step.
    pub step: u32,
    /// Which delivery of this recipient and step it is, from 0.
    pub generation: u32,
    /// Where it stands.
    pub state: State,
    /// All attempts.
    pub attempts: u32,
    /// Those that counted against the retry policy.
    pub counted: u32,
    /// Not claimed before this instant; 1970 if it never had to wait.
    pub not_before: Timestamp,
    /// When it was accepted or came into doubt.
    pub ended_at: Option<Timestamp>,
    /// The bytes of the last attempt that got as far as the final dot.
    pub mark: Option<MessageMark>,
    /// Its Message-ID, the same on every attempt.
    pub message_id: String,
    /// The account of its last claim.
    pub account: Option<String>,
    /// How the last attempt ended.
    pub last: Option<Event>,
    /// When it lapses.
    pub not_after: Option<Timestamp>,
    /// Addressees of the frozen row that were left out when it was claimed last.
    pub without: Vec<Address>,
    /// The files that go along, as frozen.
    pub enclosures: Vec<Enclosure>,
    /// What belongs to the bytes of `mark` beside what is frozen.
    pub noted: Noted,
    /// The recipient as it was when this letter went, where the roster has another address by now.
    pub frozen: Option<Recipient>,
    /// The Message-ID that the provider put in the place of ours.
    pub wire_id: Option<String>,
    /// What a further letter builds on; nothing for a first one.
    pub continues: Option<Continuation>,
}

/// What belongs to the message of the last attempt that got as far as the final dot, beside its mark and what is frozen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Addressees of the frozen row that were left out of it.
    pub without: Vec<Address>,
    /// Files that were made when it was printed, before the frozen ones: a PDF letter.
    pub made: Vec<Enclosure>,
}

/// A recipient as the ledger has it, with its deliveries in the order of the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientRecord {
    /// As frozen.
    pub recipient: Recipient,
    /// Its place in the roster when it was last seen there, from 1.
    pub position: i64,
    /// Whether the last pass over the roster saw it.
    pub on_roster: bool,
    /// Its deliveries.
    pub deliveries: Vec<DeliveryRecord>,
}

/// A recipient as frozen, with where its latest delivery stands: what the plan needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledRecord {
    /// As frozen.
    pub recipient: Recipient,
    /// Where the latest delivery stands.
    pub state: State,
    /// Whether anything was ever handed over to this recipient, or done: then a changed row changes nothing any more.
    pub handed_over: bool,
}

/// A recipient and what became of its latest delivery, without the frozen fields: what a table of all of them needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRecord {
    /// What the campaigner calls it.
    pub key: String,
    /// What a person does, for a recipient who takes no mail.
    pub errand: Option<Errand>,
    /// The frozen address, where there is one.
    pub address: Option<String>,
    /// The recipient's own deadline.
    pub deadline: Option<Date>,
    /// Whether the last pass over the roster saw it.
    pub on_roster: bool,
    /// The latest delivery's step.
    pub step: u32,
    /// Where it stands.
    pub state: State,
    /// All its attempts.
    pub attempts: u32,
    /// When it was accepted or came into doubt.
    pub ended_at: Option<Timestamp>,
    /// Its Message-ID.
    pub message_id: String,
    /// What the relay said last.
    pub reply: Option<crate::mail::smtp_reply::SmtpReply>,
    /// What that means, in words.
    pub note: Option<String>,
    /// When that was.
    pub last_at: Option<Timestamp>,
}

/// Everything about one recipient. With the definition, the frozen fields, the Message-ID and the mark, what was sent
/// can be rendered again and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The row and its deliveries.
    pub recipient: RecipientRecord,
    /// All that happened, oldest first.
    pub events: Vec<Event>,
    /// The campaign's frozen definition, JSON.
    pub definition: String,
}
