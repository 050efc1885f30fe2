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
//! 9. **Time is an argument.**
//! 10. **What was sent can be shown again**: the digest of every message is kept beside the frozen letter and fields.
//!
//! (8, the inbox cursor, comes with the inbox.)

pub mod record;

use std::path::Path;

use jiff::Timestamp;

use crate::campaign::recipient::Recipient;
use crate::delivery::state::Move;
use record::*;

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
    /// The file system or SQLite refused.
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
#[derive(Clone, Debug)]
pub struct Ledger {}

#[expect(clippy::todo, unused_variables, missing_docs, reason = "sketch")]
impl Ledger {
    /// Opens or makes the ledger and takes its lock (`<path>.lock`, an OS lock; the holder's line is written in it).
    pub fn open(path: &Path, holder: &str) -> Result<Self, LedgerError> {
        todo!()
    }
    /// Writes the campaign down, or returns the one of that name that is there already.
    pub async fn launch(&self, campaign: NewCampaign, now: Timestamp) -> Result<Campaign, LedgerError> {
        todo!()
    }
    pub async fn campaign(&self, name: &str) -> Result<Option<Campaign>, LedgerError> {
        todo!()
    }
    /// Replaces the frozen definition; only while nothing of the campaign was ever handed to a relay.
    pub async fn refreeze(
        &self,
        campaign: CampaignId,
        definition: String,
        digest: String,
    ) -> Result<bool, LedgerError> {
        todo!()
    }
    /// Begins a pass over the roster: rows not enrolled again in this pass count as off the roster when it ends.
    pub async fn begin_roster(&self, campaign: CampaignId) -> Result<RosterPass, LedgerError> {
        todo!()
    }
    /// Writes recipients down with their delivery of `step`, in order. See [`Enrolled`].
    pub async fn enroll(
        &self,
        pass: &RosterPass,
        step: u32,
        recipients: Vec<Recipient>,
        now: Timestamp,
    ) -> Result<Enrolled, LedgerError> {
        todo!()
    }
    pub async fn end_roster(&self, pass: RosterPass) -> Result<(), LedgerError> {
        todo!()
    }
    pub async fn claim(&self, request: ClaimRequest) -> Result<Claims, LedgerError> {
        todo!()
    }
    pub async fn give_back(&self, claims: Vec<ClaimTicket>, now: Timestamp) -> Result<(), LedgerError> {
        todo!()
    }
    /// Makes "end-of-data follows" durable, with the digest and the date of the bytes that are about to leave.
    pub async fn note_end_of_data(
        &self,
        ticket: &ClaimTicket,
        message: MessageMark,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        todo!()
    }
    pub async fn end_attempt(
        &self,
        ticket: &ClaimTicket,
        end: AttemptEnd,
        moved: Move,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        todo!()
    }
}
