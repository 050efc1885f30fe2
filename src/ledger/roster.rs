//! The roster in the ledger: passes over it, and recipients with their deliveries.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::campaigns::refused;
use super::claim::{RECIPIENT, recipient};
use super::history::{About, millis, plain};
use super::inbound::stop_code;
use super::record::{CampaignId, CampaignState, Enrolled, Enrollment, RosterPass};
use super::writer::{Done, Writing};
use crate::campaign::calendar::Deadlines;
use crate::campaign::enclosure::Enclosure;
use crate::campaign::recipient::{Addressees, Recipient};
use crate::delivery::inbound::Stop;
use crate::delivery::state::State;
use crate::mail::address::Address;

struct Known {
    id: i64,
    position: i64,
    pass: i64,
    same: bool,
    deadline: Option<String>,
    /// The row has another channel or another address than before.
    other_way: bool,
}

struct Newest {
    id: i64,
    state: State,
    not_after: Option<i64>,
    enclosures: Option<i64>,
    handed_over: bool,
}

impl Newest {
    /// Whether what goes along may still change: what was handed over once goes again as it was.
    fn is_open(&self) -> bool {
        !self.handed_over
    }
}

/// A recipient in the form in which it is stored.
struct Row<'a> {
    recipient: &'a Recipient,
    step: u32,
    position: i64,
    channel: &'static str,
    address: Option<String>,
    canonical: Option<String>,
    addressees: Option<String>,
    deadline: Option<String>,
    fields: String,
    deadlines: &'a Deadlines,
    enclosures: Option<i64>,
}

impl<'a> Row<'a> {
    fn of(
        recipient: &'a Recipient,
        enclosures: Option<i64>,
        step: u32,
        position: i64,
        deadlines: &'a Deadlines,
    ) -> Self {
        let address = recipient.address();
        let plain = |addressees: &&Addressees| **addressees == Addressees::one(addressees.to.address.clone());
        let more = recipient.addressees().filter(|addressees| !plain(addressees));
        Self {
            recipient,
            step,
            position,
            channel: recipient.way(),
            address: address.map(ToString::to_string),
            canonical: address.map(Address::canonical),
            addressees: more.and_then(|addressees| serde_json::to_string(addressees).ok()),
            deadline: recipient.deadline.map(|day| day.to_string()),
            fields: serde_json::to_string(&recipient.fields).unwrap_or_default(),
            deadlines,
            enclosures,
        }
    }

    fn not_after(&self) -> Option<Timestamp> {
        self.deadlines.end(self.recipient.deadline)
    }

    fn domain(&self) -> &str {
        self.recipient.address().map_or("", Address::domain)
    }

    fn begins_as(&self) -> State {
        if self.recipient.errand().is_some() { State::Task } else { State::Queued }
    }
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
        recipients: &[(Recipient, Vec<Enclosure>)],
        deadlines: &Deadlines,
        now: Timestamp,
    ) -> Done<Enrolled> {
        let mut position = self.open_position(pass)?;
        let campaign = self.campaign_numbered(pass.campaign)?;
        let mut each = Vec::with_capacity(recipients.len());
        // Mostly it is the same list for all. Each is looked at before anything is written.
        let mut looked: &[Enclosure] = &[];
        for (_, enclosures) in recipients.iter().filter(|(_, enclosures)| !enclosures.is_empty()) {
            if looked != enclosures.as_slice() {
                self.all_kept(enclosures)?;
                looked = enclosures;
            }
        }
        let mut last: (&[Enclosure], Option<i64>) = (&[], None);
        for (recipient, enclosures) in recipients {
            position += 1;
            if last.0 != enclosures.as_slice() {
                last = (enclosures, self.enclosures(enclosures)?);
            }
            let row = Row::of(recipient, last.1, step, position, deadlines);
            each.push(self.enroll_one(pass, &campaign.name, &row, now)?);
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
        row: &Row<'_>,
        now: Timestamp,
    ) -> Done<Enrollment> {
        let known = self
            .conn
            .prepare_cached(
                "SELECT id, position, pass, channel = ?3 AND address IS ?4 AND addressees IS ?5 AND name IS ?6
                     AND organisation IS ?7 AND deadline IS ?8 AND fields = ?9, deadline,
                     channel <> ?3 OR canonical IS NOT ?10
                 FROM recipient WHERE campaign = ?1 AND key = ?2",
            )?
            .query_row(
                params![
                    pass.campaign.0,
                    row.recipient.key,
                    row.channel,
                    row.address,
                    row.addressees,
                    row.recipient.name,
                    row.recipient.organisation,
                    row.deadline,
                    row.fields,
                    row.canonical
                ],
                |row| {
                    Ok(Known {
                        id: row.get(0)?,
                        position: row.get(1)?,
                        pass: row.get(2)?,
                        same: row.get(3)?,
                        deadline: row.get(4)?,
                        other_way: row.get(5)?,
                    })
                },
            )
            .optional()?;
        if known.as_ref().is_none_or(|known| !known.same)
            && let Some(canonical) = &row.canonical
        {
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
                    "INSERT INTO recipient (campaign, key, position, pass, channel, address, canonical, addressees,
                         name, organisation, deadline, fields)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                )?
                .insert(params![
                    pass.campaign.0,
                    row.recipient.key,
                    row.position,
                    pass.number,
                    row.channel,
                    row.address,
                    row.canonical,
                    row.addressees,
                    row.recipient.name,
                    row.recipient.organisation,
                    row.deadline,
                    row.fields
                ])?;
            let delivery = self.queue(pass, id, row, 0)?;
            if let Some(by) = self.answered(pass.campaign, row.recipient.organisation.as_deref())? {
                self.withdraw(delivery, &format!("{by} of the same organisation answered"), now)?;
            }
            return Ok(Enrollment::Added);
        };
        if known.pass != pass.number || known.position != row.position {
            self.conn
                .prepare_cached("UPDATE recipient SET pass = ?2, position = ?3 WHERE id = ?1")?
                .execute(params![known.id, pass.number, row.position])?;
            // Those that have ended for good are never claimed again and need no place in the queue.
            self.conn
                .prepare_cached(
                    "UPDATE delivery SET pass = ?2, position = ?3 WHERE recipient = ?1 AND state IN (0, 1, 5, 8, 9)",
                )?
                .execute(params![known.id, pass.number, row.position])?;
        }
        let (mut newest, written_to) = self.deliveries_of(known.id, row.step)?;
        let other_files =
            newest.as_ref().is_some_and(|newest| newest.enclosures != row.enclosures && newest.is_open());
        let enrollment = if known.same && other_files {
            let what = "other files go along than before";
            self.updated(pass, campaign, known.id, row, what, now)?;
            Enrollment::Updated
        } else if known.same {
            newest.as_ref().map_or(Enrollment::Added, |newest| Enrollment::Known { state: newest.state })
        } else if newest.as_ref().is_some_and(|newest| newest.state.did_not_arrive()) && known.other_way {
            self.keep_as_it_was(pass, &row.recipient.key)?;
            self.take_over(pass, campaign, known.id, row, now)?;
            self.correct(pass, campaign, known.id, row, now)?;
            newest = self.deliveries_of(known.id, row.step)?.0;
            Enrollment::Corrected
        } else if let Some(newest) = newest.as_ref().filter(|_| written_to) {
            Enrollment::Changed { state: newest.state }
        } else {
            self.take_over(pass, campaign, known.id, row, now)?;
            newest = self.deliveries_of(known.id, row.step)?.0;
            Enrollment::Updated
        };
        // What is frozen stays, and whom a later letter leaves out is asked of the row as it is.
        let fields_now = matches!(enrollment, Enrollment::Changed { .. }).then_some(&row.fields);
        self.conn
            .prepare_cached("UPDATE recipient SET fields_now = ?2 WHERE id = ?1 AND fields_now IS NOT ?2")?
            .execute(params![known.id, fields_now])?;
        // A row that stays as it was frozen keeps its own deadline; the campaign's is everybody's.
        let not_after = match enrollment {
            Enrollment::Changed { .. } => {
                row.deadlines.end(known.deadline.as_deref().and_then(|day| day.parse().ok()))
            }
            _ => row.not_after(),
        };
        match newest {
            None => self.queue(pass, known.id, row, 0).map(|_| ())?,
            Some(newest) => {
                self.set_deadline(&newest, not_after, now)?;
                if other_files && !matches!(enrollment, Enrollment::Changed { .. }) {
                    self.conn
                        .prepare_cached("UPDATE delivery SET enclosures = ?2 WHERE id = ?1")?
                        .execute(params![newest.id, row.enclosures])?;
                }
            }
        }
        Ok(enrollment)
    }

    /// Takes over the changed row of somebody who was never written to.
    fn take_over(
        &mut self,
        pass: &RosterPass,
        campaign: &str,
        id: i64,
        row: &Row<'_>,
        now: Timestamp,
    ) -> Done<()> {
        self.conn
            .prepare_cached(
                "UPDATE recipient SET channel = ?2, address = ?3, canonical = ?4, addressees = ?5, name = ?6,
                     organisation = ?7, deadline = ?8, fields = ?9 WHERE id = ?1",
            )?
            .execute(params![
                id,
                row.channel,
                row.address,
                row.canonical,
                row.addressees,
                row.recipient.name,
                row.recipient.organisation,
                row.deadline,
                row.fields
            ])?;
        // Who took mail may be a task for a person by now, and the other way round. A letter that lapsed stays so
        // until its deadline is looked at.
        self.conn
            .prepare_cached(
                "UPDATE delivery SET domain = ?2, state = CASE WHEN ?3 = 0 AND state = 8 THEN 8 ELSE ?3 END
                 WHERE recipient = ?1 AND state IN (0, 8, 9)",
            )?
            .execute(params![id, row.domain(), row.begins_as().code()])?;
        self.updated(pass, campaign, id, row, "the roster has other values", now)
    }

    fn updated(
        &mut self,
        pass: &RosterPass,
        campaign: &str,
        id: i64,
        row: &Row<'_>,
        what: &str,
        now: Timestamp,
    ) -> Done<()> {
        let mut event = plain(now, campaign, "updated", Some(what.to_owned()));
        event.key = Some(row.recipient.key.clone());
        let about = About { campaign: Some(pass.campaign.0), recipient: Some(id), ..About::default() };
        self.happened(about, event)?;
        Ok(())
    }

    /// Keeps the recipient's row with the letters that went by it, so that they can be shown again.
    fn keep_as_it_was(&self, pass: &RosterPass, key: &str) -> Done<()> {
        let mut find = self.conn.prepare_cached(&format!(
            "SELECT {RECIPIENT}, r.id FROM recipient r WHERE campaign = ?1 AND key = ?2"
        ))?;
        let (before, id): (Recipient, i64) =
            find.query_row(params![pass.campaign.0, key], |row| Ok((recipient(row)?, row.get(8)?)))?;
        self.conn
            .prepare_cached(
                "UPDATE delivery SET frozen = ?2 WHERE recipient = ?1 AND frozen IS NULL AND message IS NOT NULL",
            )?
            .execute(params![id, serde_json::to_string(&before).ok()])?;
        Ok(())
    }

    /// Queues the letter of a corrected address as a delivery of its own; what became of the old one stays.
    fn correct(
        &mut self,
        pass: &RosterPass,
        campaign: &str,
        id: i64,
        row: &Row<'_>,
        now: Timestamp,
    ) -> Done<()> {
        let generation = self
            .conn
            .prepare_cached("SELECT max(generation) + 1 FROM delivery WHERE recipient = ?1 AND step = ?2")?
            .query_row(params![id, row.step], |row| row.get(0))?;
        self.queue(pass, id, row, generation)?;
        // What came back from the old address stops nothing any more.
        self.conn
            .prepare_cached("UPDATE inbound SET stop = NULL WHERE recipient = ?1 AND stop = ?2")?
            .execute(params![id, stop_code(Stop::Bounced)])?;
        let whereto = row.recipient.whereto();
        let mut event =
            plain(now, campaign, "corrected", Some(format!("the letter goes again, to {whereto}")));
        event.key = Some(row.recipient.key.clone());
        event.step = Some(row.step);
        let about = About { campaign: Some(pass.campaign.0), recipient: Some(id), ..About::default() };
        self.happened(about, event)?;
        Ok(())
    }

    /// Holds what is queued or has lapsed to the deadline as it is now; a task only remembers it.
    fn set_deadline(&mut self, newest: &Newest, not_after: Option<Timestamp>, now: Timestamp) -> Done<()> {
        let end = not_after.map(millis);
        if !matches!(newest.state, State::Queued | State::Lapsed | State::Task) || newest.not_after == end {
            return Ok(());
        }
        self.conn
            .prepare_cached("UPDATE delivery SET not_after = ?2 WHERE id = ?1")?
            .execute(params![newest.id, end])?;
        if newest.state == State::Lapsed && not_after.is_none_or(|end| end > now) {
            self.revive(newest.id, now)?;
        }
        Ok(())
    }

    /// Returns who of an organisation has answered.
    fn answered(&self, campaign: CampaignId, organisation: Option<&str>) -> Done<Option<String>> {
        let Some(organisation) = organisation else { return Ok(None) };
        Ok(self
            .conn
            .prepare_cached(
                "SELECT r.key FROM inbound i JOIN recipient r ON r.id = i.recipient
                 WHERE i.campaign = ?1 AND i.stop = ?3 AND r.organisation = ?2 ORDER BY i.id LIMIT 1",
            )?
            .query_row(params![campaign.0, organisation, stop_code(Stop::Replied)], |row| row.get(0))
            .optional()?)
    }

    fn queue(&self, pass: &RosterPass, recipient: i64, row: &Row<'_>, generation: u32) -> Done<i64> {
        Ok(self
            .conn
            .prepare_cached(
                "INSERT INTO delivery (campaign, recipient, step, pass, position, domain, state, not_after, enclosures,
                     generation)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .insert(params![
                pass.campaign.0,
                recipient,
                row.step,
                pass.number,
                row.position,
                row.domain(),
                row.begins_as().code(),
                row.not_after().map(millis),
                row.enclosures,
                generation
            ])?)
    }

    /// Returns the newest delivery of a step, and whether anything at all was ever handed over to this recipient.
    fn deliveries_of(&self, recipient: i64, step: u32) -> Done<(Option<Newest>, bool)> {
        let rows: Vec<(u32, Newest)> = self
            .conn
            .prepare_cached(
                "SELECT step, state, message IS NOT NULL, id, not_after, enclosures FROM delivery WHERE recipient = ?1
                 ORDER BY generation DESC",
            )?
            .query_map([recipient], |row| {
                let state = State::from_code(row.get(1)?).unwrap_or(State::InDoubt);
                let untouched = matches!(state, State::Queued | State::Lapsed | State::Task);
                let handed_over = !untouched || row.get(2)?;
                let (id, not_after, enclosures) = (row.get(3)?, row.get(4)?, row.get(5)?);
                Ok((row.get(0)?, Newest { id, state, not_after, enclosures, handed_over }))
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
                "SELECT EXISTS (SELECT 1 FROM delivery WHERE campaign = ?1 AND pass = ?2 AND state IN (0, 9))",
            )?
            .query_row(params![pass.campaign.0, pass.number], |row| row.get(0))?;
        if queued {
            self.reopen(pass.campaign, "the roster has recipients that were not written to", now)?;
        }
        Ok(())
    }
}
