//! Campaigns: launched, frozen, paused, resumed, cancelled, finished.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::LedgerError;
use super::history::{About, instant, millis, plain};
use super::record::{Campaign, CampaignId, CampaignState, NewCampaign, Withdrawn};
use super::sequence::may_go_on;
use super::writer::{Done, Writing};
use crate::campaign::definition::Definition;
use crate::delivery::enrollment::Sequence;
use crate::delivery::state::State;
use crate::mail::address::Address;

pub(super) const RUNNING: i64 = 0;
const PAUSED: i64 = 1;
const FINISHED: i64 = 2;
pub(super) const CANCELLED: i64 = 3;

pub(super) const CAMPAIGN: &str =
    "SELECT id, name, state, why, until, definition, digest, seed, launched_at, plan, roster_pass, open_pass,
        steps
    FROM campaign";

/// Reads a row of [`CAMPAIGN`].
pub(super) fn campaign(row: &Row<'_>) -> rusqlite::Result<Campaign> {
    let until: Option<i64> = row.get(4)?;
    let state = match row.get::<_, i64>(2)? {
        RUNNING => CampaignState::Running,
        PAUSED => CampaignState::Paused {
            why: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
            until: until.map(instant),
        },
        FINISHED => CampaignState::Finished,
        _ => CampaignState::Cancelled,
    };
    Ok(Campaign {
        id: CampaignId(row.get(0)?),
        name: row.get(1)?,
        state,
        definition: row.get(5)?,
        digest: row.get(6)?,
        seed: row.get(7)?,
        launched_at: instant(row.get(8)?),
        plan: row.get(9)?,
        roster_pass: row.get(10)?,
        roster_open: row.get::<_, Option<i64>>(11)?.is_some(),
        steps: row.get(12)?,
    })
}

/// Says no, with a reason.
pub(super) fn refused<T>(why: impl Into<String>) -> Done<T> {
    Err(LedgerError::Refused { why: why.into() }.into())
}

/// Finds the sender's domain in a definition: Message-IDs are rooted there.
fn domain_of_sender(definition: &str) -> Result<String, LedgerError> {
    let json: serde_json::Value = serde_json::from_str(definition).map_err(|error| LedgerError::Refused {
        why: format!("the campaign's definition is no JSON: {error}"),
    })?;
    json.pointer("/sender/from/address")
        .and_then(serde_json::Value::as_str)
        .and_then(|address| Address::parse(address).ok())
        .map(|address| address.domain().to_owned())
        .ok_or_else(|| LedgerError::Refused {
            why: "the campaign's definition names no sender address".to_owned(),
        })
}

/// Counts the letters of a definition.
fn letters(definition: &str) -> u32 {
    let json: Option<serde_json::Value> = serde_json::from_str(definition).ok();
    let steps = json.as_ref().and_then(|json| json.get("steps")?.as_array());
    steps.map_or(1, |steps| u32::try_from(steps.len()).unwrap_or(u32::MAX)).max(1)
}

/// Returns the domain of the sender: the right part of every Message-ID.
pub(super) fn sender_domain(conn: &Connection, id: CampaignId) -> rusqlite::Result<String> {
    conn.query_row("SELECT sender_domain FROM campaign WHERE id = ?1", [id.0], |row| row.get(0))
}

/// Counts the letters of the sequence of which any was ever handed over to a relay, or may be in its hands now.
pub(super) fn begun(conn: &Connection, id: CampaignId) -> rusqlite::Result<usize> {
    let step: u32 = conn
        .prepare_cached(
            "SELECT coalesce(max(step), 0) FROM delivery
             WHERE campaign = ?1 AND (state NOT IN (0, 7, 8, 9) OR message IS NOT NULL)",
        )?
        .query_row([id.0], |row| row.get(0))?;
    Ok(usize::try_from(step).unwrap_or(usize::MAX))
}

impl Writing<'_> {
    pub(super) fn campaign_named(&self, name: &str) -> Done<Option<Campaign>> {
        let mut find = self.conn.prepare_cached(&format!("{CAMPAIGN} WHERE name = ?1"))?;
        Ok(find.query_row([name], campaign).optional()?)
    }

    pub(super) fn campaign_numbered(&self, id: CampaignId) -> Done<Campaign> {
        let mut find = self.conn.prepare_cached(&format!("{CAMPAIGN} WHERE id = ?1"))?;
        match find.query_row([id.0], campaign).optional()? {
            Some(campaign) => Ok(campaign),
            None => refused(format!("the ledger has no campaign number {}", id.0)),
        }
    }

    pub(super) fn launch(&mut self, new: &NewCampaign, now: Timestamp) -> Done<Campaign> {
        if let Some(there) = self.campaign_named(&new.name)? {
            return Ok(there);
        }
        let domain = domain_of_sender(&new.definition)?;
        let twin: Option<String> = self
            .conn
            .prepare_cached("SELECT name FROM campaign WHERE seed = ?1")?
            .query_row([new.seed], |row| row.get(0))
            .optional()?;
        if let Some(twin) = twin {
            // Message-IDs of both would be the same.
            return refused(format!("campaign {twin} has the same secret seed; draw a new one"));
        }
        let id = self
            .conn
            .prepare_cached(
                "INSERT INTO campaign (name, definition, digest, seed, sender_domain, launched_at, steps)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .insert(params![
                new.name,
                new.definition,
                new.digest,
                new.seed,
                domain,
                millis(now),
                letters(&new.definition)
            ])?;
        self.of_campaign(id, &new.name, now, "launched", Some(format!("definition {}", new.digest)))?;
        self.campaign_numbered(CampaignId(id))
    }

    pub(super) fn of_campaign(
        &mut self,
        id: i64,
        name: &str,
        now: Timestamp,
        what: &str,
        note: Option<String>,
    ) -> Done<()> {
        let about = About { campaign: Some(id), ..About::default() };
        self.happened(about, plain(now, name, what, note)).map(|_| ())
    }

    /// Whether anything of the campaign was ever handed to a relay or done by a person, or may be in a relay's hands now.
    pub(super) fn handed_over(&self, id: CampaignId) -> Done<bool> {
        let mut find = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery
                 WHERE campaign = ?1 AND (state NOT IN (0, 7, 8, 9) OR message IS NOT NULL))",
        )?;
        Ok(find.query_row([id.0], |row| row.get(0))?)
    }

    pub(super) fn refreeze(
        &mut self,
        id: CampaignId,
        definition: &str,
        digest: &str,
        now: Timestamp,
    ) -> Done<bool> {
        let campaign = self.campaign_numbered(id)?;
        if campaign.digest == digest && campaign.definition == definition {
            return Ok(true);
        }
        let domain = domain_of_sender(definition)?;
        if self.handed_over(id)? && !self.only_later_letters_differ(&campaign, definition)? {
            return Ok(false);
        }
        self.conn
            .prepare_cached(
                "UPDATE campaign SET definition = ?2, digest = ?3, sender_domain = ?4, steps = ?5 WHERE id = ?1",
            )?
            .execute(params![id.0, definition, digest, domain, letters(definition)])?;
        self.of_campaign(id.0, &campaign.name, now, "refrozen", Some(format!("definition {digest}")))?;
        Ok(true)
    }

    /// Whether a definition is the frozen one, but for letters of which none was ever handed over.
    fn only_later_letters_differ(&self, campaign: &Campaign, definition: &str) -> Done<bool> {
        let read = |json: &str| serde_json::from_str::<Definition>(json).ok();
        let Some((frozen, new)) = read(&campaign.definition).zip(read(definition)) else { return Ok(false) };
        Ok(new.continuing(&frozen, begun(self.conn, campaign.id)?) == new)
    }

    pub(super) fn set_plan(&mut self, id: CampaignId, digest: &str) -> Done<()> {
        self.campaign_numbered(id)?;
        self.conn
            .prepare_cached("UPDATE campaign SET plan = ?2 WHERE id = ?1")?
            .execute(params![id.0, digest])?;
        Ok(())
    }

    fn set_state(&self, id: CampaignId, state: i64, why: Option<&str>, until: Option<Timestamp>) -> Done<()> {
        self.conn
            .prepare_cached("UPDATE campaign SET state = ?2, why = ?3, until = ?4 WHERE id = ?1")?
            .execute(params![id.0, state, why, until.map(millis)])?;
        Ok(())
    }

    pub(super) fn pause(
        &mut self,
        id: CampaignId,
        why: &str,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Done<()> {
        let campaign = self.campaign_numbered(id)?;
        match &campaign.state {
            CampaignState::Running => {}
            CampaignState::Paused { why: before, until: then } => {
                // A person's pause without an end is not shortened by an account that rests for an hour.
                let stays = match (then, until) {
                    (None, Some(_)) => true,
                    (Some(then), Some(until)) => *then >= until,
                    (None, None) => before == why,
                    (Some(_), None) => false,
                };
                if stays {
                    return Ok(());
                }
            }
            CampaignState::Finished => {
                return refused(format!(
                    "campaign {} has finished; there is nothing to pause",
                    campaign.name
                ));
            }
            CampaignState::Cancelled => {
                return refused(format!(
                    "campaign {} is cancelled; there is nothing to pause",
                    campaign.name
                ));
            }
        }
        self.set_state(id, PAUSED, Some(why), until)?;
        let note = match until {
            Some(until) => format!("{why}; until {until}"),
            None => why.to_owned(),
        };
        self.of_campaign(id.0, &campaign.name, now, "paused", Some(note))
    }

    pub(super) fn resume(&mut self, id: CampaignId, now: Timestamp, note: Option<String>) -> Done<()> {
        let campaign = self.campaign_numbered(id)?;
        match campaign.state {
            CampaignState::Running => Ok(()),
            CampaignState::Paused { .. } => {
                self.set_state(id, RUNNING, None, None)?;
                self.of_campaign(id.0, &campaign.name, now, "resumed", note)
            }
            CampaignState::Finished => {
                refused(format!("campaign {} has finished; there is nothing to resume", campaign.name))
            }
            CampaignState::Cancelled => refused(format!(
                "campaign {} is cancelled, and that is for good; launch one of another name",
                campaign.name
            )),
        }
    }

    /// Cancels for good; returns what that ended.
    pub(super) fn cancel(&mut self, id: CampaignId, why: &str, now: Timestamp) -> Done<Withdrawn> {
        let campaign = self.campaign_numbered(id)?;
        if campaign.state == CampaignState::Cancelled {
            return Ok(Withdrawn::default());
        }
        self.set_state(id, CANCELLED, Some(why), None)?;
        self.of_campaign(id.0, &campaign.name, now, "cancelled", Some(why.to_owned()))?;
        let mut ended = Withdrawn::default();
        loop {
            // By the hundred, so that a campaign of a million rows does not fill the memory.
            let some: Vec<(i64, bool)> = self
                .conn
                .prepare_cached(
                    "SELECT id, state = 9 FROM delivery WHERE campaign = ?1 AND state IN (0, 8, 9) LIMIT 500",
                )?
                .query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            if some.is_empty() {
                return Ok(ended);
            }
            for (delivery, is_task) in some {
                self.withdraw(delivery, &format!("the campaign was cancelled: {why}"), now)?;
                *(if is_task { &mut ended.tasks } else { &mut ended.letters }) += 1;
            }
        }
    }

    /// Finishes the campaign if nothing is left that could still change: nothing queued and no task open on the
    /// roster, nothing in flight, nothing in doubt, and no further letter to come. Returns where it stands.
    pub(super) fn finish_if_done(
        &mut self,
        id: CampaignId,
        sequence: Option<&Sequence>,
        now: Timestamp,
    ) -> Done<CampaignState> {
        let campaign = self.campaign_numbered(id)?;
        if campaign.state != CampaignState::Running || campaign.roster_open {
            return Ok(campaign.state);
        }
        let mut left = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE campaign = ?1 AND pass = ?2 AND state = 0)
                 OR EXISTS (SELECT 1 FROM delivery WHERE campaign = ?1 AND pass = ?2 AND state = ?5)
                 OR EXISTS (SELECT 1 FROM delivery WHERE campaign = ?1 AND state IN (?3, ?4))",
        )?;
        let codes = params![
            id.0,
            campaign.roster_pass,
            State::InFlight.code(),
            State::InDoubt.code(),
            State::Task.code()
        ];
        if left.query_row(codes, |row| row.get(0))? {
            return Ok(campaign.state);
        }
        // Without the sequence nobody can say whether a further letter comes.
        let further = match sequence {
            Some(sequence) => campaign.steps > 1 && may_go_on(self.conn, id, sequence)?,
            None => campaign.steps > 1,
        };
        if further {
            return Ok(campaign.state);
        }
        self.set_state(id, FINISHED, None, None)?;
        self.of_campaign(id.0, &campaign.name, now, "finished", None)?;
        Ok(CampaignState::Finished)
    }

    /// Lets a finished campaign run again because there is something to send.
    pub(super) fn reopen(&mut self, id: CampaignId, note: &str, now: Timestamp) -> Done<()> {
        let campaign = self.campaign_numbered(id)?;
        if campaign.state == CampaignState::Finished {
            self.set_state(id, RUNNING, None, None)?;
            self.of_campaign(id.0, &campaign.name, now, "resumed", Some(note.to_owned()))?;
        }
        Ok(())
    }
}
