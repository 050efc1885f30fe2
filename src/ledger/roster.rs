//! The roster in the ledger: passes over it, and recipients with their deliveries.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::campaigns::refused;
use super::history::{About, plain};
use super::record::{CampaignId, CampaignState, Enrolled, Enrollment, RosterPass};
use super::writer::{Done, Writing};
use crate::campaign::recipient::Recipient;
use crate::delivery::state::State;

struct Known {
    id: i64,
    position: i64,
    pass: i64,
    same: bool,
}

struct Newest {
    state: State,
    handed_over: bool,
}

impl Writing<'_> {
    pub(super) fn begin_roster(&mut self, id: CampaignId) -> Done<RosterPass> {
        let campaign = self.campaign_numbered(id)?;
        if campaign.state == CampaignState::Cancelled {
            return refused(format!("campaign {} is cancelled; its roster takes nobody", campaign.name));
        }
        // A pass that was never ended is passed over: its number is not used again.
        let number: i64 = self
            .conn
            .prepare_cached(
                "UPDATE campaign SET open_pass = max(roster_pass, coalesce(open_pass, 0)) + 1, open_position = 0
                 WHERE id = ?1 RETURNING open_pass",
            )?
            .query_row([id.0], |row| row.get(0))?;
        Ok(RosterPass { campaign: id, number })
    }

    fn open_position(&self, pass: &RosterPass) -> Done<i64> {
        let position: Option<i64> = self
            .conn
            .prepare_cached("SELECT open_position FROM campaign WHERE id = ?1 AND open_pass = ?2")?
            .query_row(params![pass.campaign.0, pass.number], |row| row.get(0))
            .optional()?;
        match position {
            Some(position) => Ok(position),
            None => refused("this pass over the roster has ended, or another one has begun"),
        }
    }

    pub(super) fn enroll(
        &mut self,
        pass: &RosterPass,
        step: u32,
        recipients: &[Recipient],
        now: Timestamp,
    ) -> Done<Enrolled> {
        let mut position = self.open_position(pass)?;
        let campaign = self.campaign_numbered(pass.campaign)?;
        let mut each = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            position += 1;
            each.push(self.enroll_one(pass, &campaign.name, step, recipient, position, now)?);
        }
        self.conn
            .prepare_cached("UPDATE campaign SET open_position = ?2 WHERE id = ?1")?
            .execute(params![pass.campaign.0, position])?;
        Ok(Enrolled { each })
    }

    fn enroll_one(
        &mut self,
        pass: &RosterPass,
        campaign: &str,
        step: u32,
        recipient: &Recipient,
        position: i64,
        now: Timestamp,
    ) -> Done<Enrollment> {
        let address = recipient.address.to_string();
        let canonical = recipient.address.canonical();
        let fields = serde_json::to_string(&recipient.fields).unwrap_or_default();
        let known = self
            .conn
            .prepare_cached(
                "SELECT id, position, pass, address = ?3 AND name IS ?4 AND organisation IS ?5 AND fields = ?6
                 FROM recipient WHERE campaign = ?1 AND key = ?2",
            )?
            .query_row(
                params![pass.campaign.0, recipient.key, address, recipient.name, recipient.organisation, fields],
                |row| Ok(Known { id: row.get(0)?, position: row.get(1)?, pass: row.get(2)?, same: row.get(3)? }),
            )
            .optional()?;
        if known.as_ref().is_none_or(|known| !known.same) {
            let other: Option<(i64, String)> = self
                .conn
                .prepare_cached("SELECT id, key FROM recipient WHERE campaign = ?1 AND canonical = ?2")?
                .query_row(params![pass.campaign.0, canonical], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            if let Some((id, as_key)) = other
                && known.as_ref().is_none_or(|known| known.id != id)
            {
                return Ok(Enrollment::SameAddress { as_key });
            }
        }
        let Some(known) = known else {
            let id = self
                .conn
                .prepare_cached(
                    "INSERT INTO recipient (campaign, key, position, pass, address, canonical, name, organisation, fields)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .insert(params![
                    pass.campaign.0,
                    recipient.key,
                    position,
                    pass.number,
                    address,
                    canonical,
                    recipient.name,
                    recipient.organisation,
                    fields
                ])?;
            self.queue(pass, id, step, position, recipient.address.domain())?;
            return Ok(Enrollment::Added);
        };
        if known.pass != pass.number || known.position != position {
            self.conn
                .prepare_cached("UPDATE recipient SET pass = ?2, position = ?3 WHERE id = ?1")?
                .execute(params![known.id, pass.number, position])?;
            // Those that have ended for good are never claimed again and need no place in the queue.
            self.conn
                .prepare_cached(
                    "UPDATE delivery SET pass = ?2, position = ?3 WHERE recipient = ?1 AND state IN (0, 1, 5)",
                )?
                .execute(params![known.id, pass.number, position])?;
        }
        let (newest, written_to) = self.deliveries_of(known.id, step)?;
        let enrollment = if known.same {
            newest.as_ref().map_or(Enrollment::Added, |newest| Enrollment::Known { state: newest.state })
        } else if let Some(newest) = newest.as_ref().filter(|_| written_to) {
            Enrollment::Changed { state: newest.state }
        } else {
            self.conn
                .prepare_cached(
                    "UPDATE recipient SET address = ?2, canonical = ?3, name = ?4, organisation = ?5, fields = ?6
                     WHERE id = ?1",
                )?
                .execute(params![
                    known.id,
                    address,
                    canonical,
                    recipient.name,
                    recipient.organisation,
                    fields
                ])?;
            self.conn
                .prepare_cached("UPDATE delivery SET domain = ?2 WHERE recipient = ?1 AND state = 0")?
                .execute(params![known.id, recipient.address.domain()])?;
            let mut event = plain(now, campaign, "updated", Some("the roster has other values".to_owned()));
            event.key = Some(recipient.key.clone());
            let about =
                About { campaign: Some(pass.campaign.0), recipient: Some(known.id), ..About::default() };
            self.happened(about, event)?;
            Enrollment::Updated
        };
        if newest.is_none() {
            self.queue(pass, known.id, step, position, recipient.address.domain())?;
        }
        Ok(enrollment)
    }

    fn queue(&self, pass: &RosterPass, recipient: i64, step: u32, position: i64, domain: &str) -> Done<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO delivery (campaign, recipient, step, pass, position, domain)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![pass.campaign.0, recipient, step, pass.number, position, domain])?;
        Ok(())
    }

    /// Returns the newest delivery of a step, and whether anything at all was ever handed over to this recipient.
    fn deliveries_of(&self, recipient: i64, step: u32) -> Done<(Option<Newest>, bool)> {
        let rows: Vec<(u32, Newest)> = self
            .conn
            .prepare_cached(
                "SELECT step, state, message IS NOT NULL FROM delivery WHERE recipient = ?1
                 ORDER BY generation DESC",
            )?
            .query_map([recipient], |row| {
                let state = State::from_code(row.get(1)?).unwrap_or(State::InDoubt);
                let handed_over = state != State::Queued || row.get(2)?;
                Ok((row.get(0)?, Newest { state, handed_over }))
            })?
            .collect::<Result<_, _>>()?;
        let written_to = rows.iter().any(|(_, delivery)| delivery.handed_over);
        Ok((rows.into_iter().find(|(of, _)| *of == step).map(|(_, newest)| newest), written_to))
    }

    pub(super) fn end_roster(&mut self, pass: &RosterPass, now: Timestamp) -> Done<()> {
        self.open_position(pass)?;
        self.conn
            .prepare_cached(
                "UPDATE campaign SET roster_pass = open_pass, open_pass = NULL, open_position = 0 WHERE id = ?1",
            )?
            .execute([pass.campaign.0])?;
        let queued: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM delivery WHERE campaign = ?1 AND pass = ?2 AND state = 0)",
            )?
            .query_row(params![pass.campaign.0, pass.number], |row| row.get(0))?;
        if queued {
            self.reopen(pass.campaign, "the roster has recipients that were not written to", now)?;
        }
        Ok(())
    }
}
