//! What becomes of a claim: noted, ended, given back, renewed, rescued, settled. Every write is compare-and-set.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::LedgerError;
use super::campaigns::{CANCELLED, refused};
use super::files;
use super::history::{About, message_id, millis};
use super::record::{AttemptEnd, CampaignId, ClaimTicket, Event, MessageMark, Rescued, Settlement};
use super::sequence::{Hindrance, hindrance};
use super::writer::{Done, Writing};
use crate::campaign::enclosure::Enclosure;
use crate::delivery::retry::RetryPolicy;
use crate::delivery::state::{self, Move, State};

/// A delivery with what its history wants to know.
pub(super) struct Delivery {
    id: i64,
    pub(super) state: State,
    owner: Option<String>,
    fence: i64,
    noted: Option<i64>,
    attempts: u32,
    counted: u32,
    step: u32,
    campaign: i64,
    pub(super) campaign_name: String,
    pub(super) campaign_state: i64,
    recipient: i64,
    key: String,
    message_id: Option<String>,
}

const DELIVERY: &str = "SELECT d.id, d.state, d.owner, d.fence, d.noted, d.attempts, d.counted, d.step, d.campaign, c.name, c.state,
        d.recipient, r.key, d.id_left, c.sender_domain
    FROM delivery d JOIN recipient r ON r.id = d.recipient JOIN campaign c ON c.id = d.campaign WHERE d.id = ?1";

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let left: Option<String> = row.get(13)?;
    Ok(Delivery {
        id: row.get(0)?,
        // A number that nobody knows is treated with the most care.
        state: State::from_code(row.get(1)?).unwrap_or(State::InDoubt),
        owner: row.get(2)?,
        fence: row.get(3)?,
        noted: row.get(4)?,
        attempts: row.get(5)?,
        counted: row.get(6)?,
        step: row.get(7)?,
        campaign: row.get(8)?,
        campaign_name: row.get(9)?,
        campaign_state: row.get(10)?,
        recipient: row.get(11)?,
        key: row.get(12)?,
        message_id: match left {
            Some(left) => Some(message_id(&left, &row.get::<_, String>(14)?)),
            None => None,
        },
    })
}

impl Delivery {
    pub(super) fn about(&self) -> About {
        About {
            campaign: Some(self.campaign),
            recipient: Some(self.recipient),
            delivery: Some(self.id),
            began: None,
        }
    }

    pub(super) fn event(&self, now: Timestamp, what: &str, note: Option<String>) -> Event {
        Event {
            seq: 0,
            at: now,
            campaign: self.campaign_name.clone(),
            key: Some(self.key.clone()),
            step: Some(self.step),
            event: what.to_owned(),
            attempt: (self.attempts > 0).then_some(self.attempts),
            stage: None,
            reply: None,
            note,
            message_id: self.message_id.clone(),
        }
    }

    /// Says no to a worker who holds this delivery no longer.
    fn check(&self, ticket: &ClaimTicket) -> Result<(), LedgerError> {
        let why = if self.state != State::InFlight {
            format!("it is {} by now", self.state)
        } else if self.owner.as_deref() != Some(ticket.owner.as_str()) {
            format!("{} holds it", self.owner.as_deref().unwrap_or("nobody"))
        } else if self.fence != ticket.fence {
            "it was claimed again since".to_owned()
        } else {
            return Ok(());
        };
        Err(LedgerError::NotOurs { delivery: ticket.delivery, why })
    }
}

impl Writing<'_> {
    pub(super) fn delivery(&self, id: i64) -> Done<Delivery> {
        match self.conn.prepare_cached(DELIVERY)?.query_row([id], delivery).optional()? {
            Some(delivery) => Ok(delivery),
            None => {
                Err(LedgerError::NotOurs { delivery: id, why: "the ledger has no such delivery".to_owned() }
                    .into())
            }
        }
    }

    pub(super) fn note_end_of_data(
        &mut self,
        ticket: &ClaimTicket,
        message: &MessageMark,
        made: &[(Enclosure, Arc<[u8]>)],
        now: Timestamp,
    ) -> Done<()> {
        if self.suppressing()?
            && let Some(reason) = self.suppression_of(ticket.delivery)?
        {
            self.delivery(ticket.delivery)?.check(ticket)?;
            return Err(LedgerError::Stopped { why: format!("the recipient is suppressed: {reason}") }.into());
        }
        if ticket.step > 1
            && let Some(Hindrance::Over(why)) = hindrance(self.conn, ticket.delivery)?
        {
            self.delivery(ticket.delivery)?.check(ticket)?;
            return Err(LedgerError::Stopped { why }.into());
        }
        let noted = self
            .conn
            .prepare_cached(
                "UPDATE delivery SET noted = fence, message = ?4, dated = ?5, size = ?6, made = ?8, noted_without = without
                 WHERE id = ?1 AND owner = ?2 AND fence = ?3 AND state = 1
                     AND EXISTS (SELECT 1 FROM campaign c WHERE c.id = delivery.campaign
                         AND (c.state = 0 OR (c.state = 1 AND c.until <= ?7)))",
            )?
            .execute(params![
                ticket.delivery,
                ticket.owner,
                ticket.fence,
                message.digest,
                millis(message.dated),
                i64::try_from(message.size).unwrap_or(i64::MAX),
                millis(now),
                files::list(&made.iter().map(|(enclosure, _)| enclosure.clone()).collect::<Vec<_>>())
            ])?;
        if noted == 1 {
            for (_, bytes) in made {
                self.keep_file(bytes)?;
            }
            return Ok(());
        }
        let delivery = self.delivery(ticket.delivery)?;
        delivery.check(ticket)?;
        let stands = if delivery.campaign_state == CANCELLED { "cancelled" } else { "paused" };
        Err(LedgerError::Stopped { why: format!("campaign {} was {stands}", delivery.campaign_name) }.into())
    }

    pub(super) fn end_attempt(
        &mut self,
        ticket: &ClaimTicket,
        end: &AttemptEnd,
        moved: Move,
        now: Timestamp,
    ) -> Done<()> {
        let delivery = self.delivery(ticket.delivery)?;
        delivery.check(ticket)?;
        let what = match moved.to {
            State::Accepted => "accepted",
            State::Refused => "refused",
            State::Expired => "expired",
            State::InDoubt => "in-doubt",
            State::Queued if moved.counts => "deferred",
            State::Queued => "requeued",
            to @ (State::InFlight
            | State::Bounced
            | State::Cancelled
            | State::Lapsed
            | State::Task
            | State::Done) => {
                return refused(format!("no attempt ends in {to}"));
            }
        };
        let mut event = delivery.event(now, what, Some(end.because.clone()).filter(|why| !why.is_empty()));
        event.stage = Some(end.ending.stage());
        event.reply = end.ending.reply().cloned();
        let about = About { began: Some(millis(end.began)), ..delivery.about() };
        let seq = self.happened(about, event)?;
        let ended = matches!(moved.to, State::Accepted | State::InDoubt).then(|| millis(now));
        self.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?2, not_before = coalesce(?3, not_before), counted = counted + ?4,
                     owner = NULL, lease_until = NULL, ended_at = ?5, last_event = ?6, wire_id = ?7 WHERE id = ?1",
            )?
            .execute(params![
                delivery.id,
                moved.to.code(),
                moved.not_before.map(millis),
                i64::from(moved.counts),
                ended,
                seq,
                end.wire_id
            ])?;
        self.withdraw_if_cancelled(&delivery, moved.to, now)
    }

    /// What comes back into the queue of a cancelled campaign goes no further.
    fn withdraw_if_cancelled(&mut self, delivery: &Delivery, to: State, now: Timestamp) -> Done<()> {
        if to == State::Queued && delivery.campaign_state == CANCELLED {
            self.withdraw(delivery.id, "the campaign was cancelled", now)?;
        }
        Ok(())
    }

    /// Queued, lapsed, or a task, to cancelled, with its event.
    pub(super) fn withdraw(&mut self, id: i64, why: &str, now: Timestamp) -> Done<()> {
        let delivery = self.delivery(id)?;
        let moved = self.lawful(&delivery, &state::Event::Withdrawn, now)?;
        let event =
            self.happened(delivery.about(), delivery.event(now, "cancelled", Some(why.to_owned())))?;
        self.conn
            .prepare_cached("UPDATE delivery SET state = ?2, last_event = ?3 WHERE id = ?1")?
            .execute(params![id, moved.to.code(), event])?;
        Ok(())
    }

    /// Queued to lapsed, with its event.
    pub(super) fn lapse(&mut self, id: i64, now: Timestamp) -> Done<()> {
        let delivery = self.delivery(id)?;
        let moved = self.lawful(&delivery, &state::Event::DeadlinePassed, now)?;
        let note = "the deadline passed before it could go".to_owned();
        let event = self.happened(delivery.about(), delivery.event(now, "lapsed", Some(note)))?;
        self.conn
            .prepare_cached("UPDATE delivery SET state = ?2, last_event = ?3 WHERE id = ?1")?
            .execute(params![id, moved.to.code(), event])?;
        Ok(())
    }

    /// Lapsed to queued, with its event.
    pub(super) fn revive(&mut self, id: i64, now: Timestamp) -> Done<()> {
        let delivery = self.delivery(id)?;
        let moved = self.lawful(&delivery, &state::Event::DeadlineMoved, now)?;
        let note = "the deadline was moved".to_owned();
        let event = self.happened(delivery.about(), delivery.event(now, "requeued", Some(note)))?;
        self.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?2, not_before = coalesce(?3, not_before), last_event = ?4
                 WHERE id = ?1",
            )?
            .execute(params![id, moved.to.code(), moved.not_before.map(millis), event])?;
        Ok(())
    }

    /// Asks the table; no policy is needed, because none of these events asks for a wait.
    pub(super) fn lawful(&self, delivery: &Delivery, event: &state::Event, now: Timestamp) -> Done<Move> {
        match delivery.state.on(event, delivery.counted, now, &RetryPolicy::of(Vec::new())) {
            Ok(moved) => Ok(moved),
            Err(illegal) => refused(illegal.to_string()),
        }
    }

    pub(super) fn give_back(&mut self, tickets: &[ClaimTicket], now: Timestamp) -> Done<()> {
        for ticket in tickets {
            // One that is no longer ours needs no giving back.
            let returned = self
                .conn
                .prepare_cached(
                    "UPDATE delivery SET state = 0, owner = NULL, lease_until = NULL, attempts = attempts - 1
                     WHERE id = ?1 AND owner = ?2 AND fence = ?3 AND state = 1
                         AND (noted IS NULL OR noted <> fence)",
                )?
                .execute(params![ticket.delivery, ticket.owner, ticket.fence])?;
            if returned == 1 {
                let delivery = self.delivery(ticket.delivery)?;
                self.withdraw_if_cancelled(&delivery, State::Queued, now)?;
            }
        }
        Ok(())
    }

    pub(super) fn renew(&mut self, owner: &str, until: Timestamp) -> Done<u64> {
        let renewed = self
            .conn
            .prepare_cached("UPDATE delivery SET lease_until = ?2 WHERE state = 1 AND owner = ?1")?
            .execute(params![owner, millis(until)])?;
        Ok(renewed as u64)
    }

    pub(super) fn rescue(&mut self, owner: &str, all_others: bool, now: Timestamp) -> Done<Rescued> {
        let lost: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT id FROM delivery WHERE state = 1 AND owner IS NOT ?1 AND (?2 OR lease_until <= ?3)
                 ORDER BY position",
            )?
            .query_map(params![owner, all_others, millis(now)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut rescued = Rescued::default();
        for id in lost {
            let delivery = self.delivery(id)?;
            let noted = delivery.noted == Some(delivery.fence);
            let (event, what, note) = if noted {
                rescued.in_doubt += 1;
                let note =
                    "the sender ended after the final dot may have left: nobody knows whether it went out";
                (state::Event::LeaseEndedAfterDot, "in-doubt", note)
            } else {
                rescued.requeued += 1;
                (state::Event::LeaseEnded, "requeued", "the sender ended before the letter left")
            };
            let moved = self.lawful(&delivery, &event, now)?;
            let seq = self.happened(delivery.about(), delivery.event(now, what, Some(note.to_owned())))?;
            // It keeps its place in the queue: `not_before` stays what it was at the claim.
            self.conn
                .prepare_cached(
                    "UPDATE delivery SET state = ?2, owner = NULL, lease_until = NULL, ended_at = ?3,
                         last_event = ?4 WHERE id = ?1",
                )?
                .execute(params![id, moved.to.code(), noted.then(|| millis(now)), seq])?;
            self.withdraw_if_cancelled(&delivery, moved.to, now)?;
        }
        Ok(rescued)
    }

    pub(super) fn settle(
        &mut self,
        campaign: CampaignId,
        key: &str,
        step: u32,
        settlement: Settlement,
        note: &str,
        now: Timestamp,
    ) -> Done<()> {
        let id: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT d.id FROM recipient r JOIN delivery d ON d.recipient = r.id AND d.step = ?3
                 WHERE r.campaign = ?1 AND r.key = ?2 ORDER BY d.generation DESC LIMIT 1",
            )?
            .query_row(params![campaign.0, key, step], |row| row.get(0))
            .optional()?;
        let Some(id) = id else {
            return refused(format!("the campaign has no letter {step} to `{key}`"));
        };
        let delivery = self.delivery(id)?;
        let event = match settlement {
            Settlement::Accepted => state::Event::ProvedSent,
            Settlement::Again => state::Event::ProvedUnsent,
        };
        if delivery.state != State::InDoubt {
            return refused(format!(
                "the letter to `{key}` is not in doubt: it is {}, and that stays so",
                delivery.state
            ));
        }
        if settlement == Settlement::Again && delivery.campaign_state == CANCELLED {
            return refused(format!(
                "campaign {} is cancelled: the letter to `{key}` cannot go again",
                delivery.campaign_name
            ));
        }
        let moved = self.lawful(&delivery, &event, now)?;
        let said = match settlement {
            Settlement::Accepted => format!("it went out: {note}"),
            Settlement::Again => format!("it did not go out and goes again: {note}"),
        };
        let event = self.happened(delivery.about(), delivery.event(now, "settled", Some(said)))?;
        self.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?2, not_before = coalesce(?3, not_before),
                     ended_at = CASE WHEN ?2 = 0 THEN NULL ELSE ended_at END, last_event = ?4 WHERE id = ?1",
            )?
            .execute(params![id, moved.to.code(), moved.not_before.map(millis), event])?;
        if settlement == Settlement::Again {
            self.reopen(campaign, "a letter goes again", now)?;
        }
        Ok(())
    }
}
