//! The sequence in the ledger: what is next for each recipient, and the release of letters that are due. The deciding itself is
//! [`crate::delivery::enrollment`]'s; here is where its facts come from, and where they are looked at again before a letter is queued.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::campaigns::{refused, sender_domain};
use super::history::{About, id_left, instant, message_id, millis, plain};
use super::inbound::{Returns, stop_code};
use super::record::{CampaignId, CampaignState, Onward, Released, Wanted};
use super::suppression;
use super::writer::{Done, Writing};
use crate::campaign::recipient::Errand;
use crate::campaign::sequence::Continuation;
use crate::delivery::enrollment::{Facts, Next, Reason, Sequence, StepTaken};
use crate::delivery::inbound::Stop;
use crate::delivery::standing::Came;
use crate::delivery::state::State;
use crate::mail::threading::Earlier;

/// Each recipient with its deliveries, in the order in which they were written down.
const WAYS: &str =
    "SELECT r.id, r.key, r.organisation, r.deadline, r.fields, r.channel, r.pass = c.roster_pass, r.hold,
        r.address, r.canonical, d.step, d.state, d.ended_at, d.not_before,
        r.fields_now
    FROM recipient r CROSS JOIN campaign c ON c.id = r.campaign LEFT JOIN delivery d ON d.recipient = r.id";

/// One recipient's way so far.
struct Way {
    id: i64,
    key: String,
    organisation: Option<String>,
    deadline: Option<String>,
    fields: String,
    fields_now: Option<String>,
    channel: String,
    on_roster: bool,
    hold: Option<String>,
    address: Option<String>,
    canonical: Option<String>,
    taken: Vec<StepTaken>,
    queued_since: Option<Timestamp>,
}

impl Way {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            key: row.get(1)?,
            organisation: row.get(2)?,
            deadline: row.get(3)?,
            fields: row.get(4)?,
            fields_now: row.get(14)?,
            channel: row.get(5)?,
            on_roster: row.get(6)?,
            hold: row.get(7)?,
            address: row.get(8)?,
            canonical: row.get(9)?,
            taken: Vec::new(),
            queued_since: None,
        })
    }

    /// Adds the delivery of a row; rows come by step and generation, and the newest of a step counts.
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let Some(step) = row.get::<_, Option<u32>>(10)? else { return Ok(()) };
        let state = State::from_code(row.get(11)?).unwrap_or(State::InDoubt);
        // A further letter that was withdrawn, or lapsed, never went: where the reason is gone, it is due again.
        if step > 1 && matches!(state, State::Cancelled | State::Lapsed) {
            return Ok(());
        }
        let ended = row.get::<_, Option<i64>>(12)?.map(instant);
        let taken = StepTaken { state, accepted_at: ended.filter(|_| state == State::Accepted) };
        self.taken.truncate(usize::try_from(step.saturating_sub(1)).unwrap_or(usize::MAX));
        self.taken.push(taken);
        let not_before = row.get::<_, Option<i64>>(13)?.map(instant);
        self.queued_since = not_before.filter(|_| state == State::Queued);
        Ok(())
    }

    /// Returns the columns that the roster has and the frozen row has not.
    fn new_columns(&self) -> Vec<(String, String)> {
        let Some(now) = &self.fields_now else { return Vec::new() };
        let frozen = fields_of(&self.fields);
        let is_new = |(name, _): &(String, String)| !frozen.iter().any(|(known, _)| known == name);
        fields_of(now).into_iter().filter(is_new).collect()
    }

    fn onward(self, next: Next) -> Onward {
        let Self { key, address, hold, queued_since, .. } = self;
        Onward { key, address, next, hold, queued_since }
    }

    /// Asks what is next.
    fn next(
        &self,
        conn: &Connection,
        suppressing: bool,
        came: &Came,
        despite_reply: bool,
        sequence: &Sequence,
        now: Timestamp,
    ) -> rusqlite::Result<Next> {
        let suppressed = match (&self.canonical, suppressing) {
            (Some(canonical), true) => {
                let domain = canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
                suppression::reason(conn, canonical, domain)?.is_some()
            }
            _ => false,
        };
        let fields: Vec<(String, String)> = if sequence.has_conditions() {
            fields_of(self.fields_now.as_ref().unwrap_or(&self.fields))
        } else {
            Vec::new()
        };
        let own = self.deadline.as_deref().and_then(|day| day.parse().ok());
        Ok(sequence.next(&Facts {
            taken: &self.taken,
            came,
            fields: &fields,
            suppressed,
            on_roster: self.on_roster,
            by_hand: Errand::named(&self.channel).is_some(),
            on_hold: self.hold.is_some(),
            despite_reply,
            deadline: sequence.deadlines.day(own),
            now,
        }))
    }
}

/// Shows what is next for every recipient; holds one at a time. `show` ends it early with `false`.
pub(super) fn each_onward(
    conn: &Connection,
    campaign: CampaignId,
    sequence: &Sequence,
    now: Timestamp,
    mut show: impl FnMut(Onward) -> bool,
) -> rusqlite::Result<()> {
    let returns = Returns::read(conn, campaign)?;
    let suppressing = suppression::any(conn)?;
    // The plus keeps SQLite from going by campaign and sorting them all.
    let mut find =
        conn.prepare_cached(&format!("{WAYS} WHERE +r.campaign = ?1 ORDER BY r.id, d.step, d.generation"))?;
    let mut rows = find.query([campaign.0])?;
    let mut way: Option<Way> = None;
    let mut tell = |way: Way| -> rusqlite::Result<bool> {
        let came = returns.of(&way.key, way.organisation.as_deref());
        let next = way.next(conn, suppressing, &came, false, sequence, now)?;
        Ok(show(way.onward(next)))
    };
    while let Some(row) = rows.next()? {
        if way.as_ref().is_none_or(|way| row.get(0).is_ok_and(|id: i64| id != way.id))
            && let Some(whole) = way.replace(Way::of(row)?)
            && !tell(whole)?
        {
            return Ok(());
        }
        if let Some(way) = &mut way {
            way.add(row)?;
        }
    }
    way.map_or(Ok(true), tell).map(drop)
}

/// Returns what is next for one recipient; nothing where there is none of that key.
pub(super) fn onward(
    conn: &Connection,
    campaign: CampaignId,
    key: &str,
    (sequence, now): (&Sequence, Timestamp),
    despite_reply: bool,
) -> rusqlite::Result<Option<Onward>> {
    let Some(way) = way(conn, campaign, key)? else { return Ok(None) };
    let came = Returns::read(conn, campaign)?.of(&way.key, way.organisation.as_deref());
    let next = way.next(conn, suppression::any(conn)?, &came, despite_reply, sequence, now)?;
    Ok(Some(way.onward(next)))
}

fn fields_of(json: &str) -> Vec<(String, String)> {
    serde_json::from_str(json).unwrap_or_default()
}

fn way(conn: &Connection, campaign: CampaignId, key: &str) -> rusqlite::Result<Option<Way>> {
    let mut find = conn.prepare_cached(&format!(
        "{WAYS} WHERE r.campaign = ?1 AND r.key = ?2 ORDER BY d.step, d.generation"
    ))?;
    let mut rows = find.query(params![campaign.0, key])?;
    let mut way: Option<Way> = None;
    while let Some(row) = rows.next()? {
        let way = match &mut way {
            Some(way) => way,
            none => none.insert(Way::of(row)?),
        };
        way.add(row)?;
    }
    Ok(way)
}

/// Why a letter of a later step that is queued must not go now.
pub(super) enum Hindrance {
    /// It never goes: they answered, or want no more.
    Over(String),
    /// It waits: for a person's judgement, or because a person holds it back.
    Held,
}

/// Looks at what may have come in since a letter was queued.
pub(super) fn hindrance(conn: &Connection, delivery: i64) -> rusqlite::Result<Option<Hindrance>> {
    type Whose = (i64, i64, Option<String>, Option<String>, bool, u32);
    let found: Option<Whose> = conn
        .prepare_cached(
            "SELECT r.id, r.campaign, r.organisation, r.hold, d.despite_reply, d.step FROM delivery d
             JOIN recipient r ON r.id = d.recipient WHERE d.id = ?1",
        )?
        .query_row([delivery], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    let Some((recipient, campaign, organisation, hold, despite_reply, step)) = found else { return Ok(None) };
    if step < 2 {
        return Ok(None);
    }
    let stop: Option<(i64, String)> = conn
        .prepare_cached(
            "SELECT i.stop, r.key FROM inbound i JOIN recipient r ON r.id = i.recipient
             WHERE i.recipient IN (SELECT ?1 UNION SELECT id FROM recipient WHERE campaign = ?2 AND organisation = ?3)
                 AND i.stop IS NOT NULL AND (?5 = 0 OR i.stop <> ?4) AND (r.id = ?1 OR i.stop = ?4)
             ORDER BY i.stop, i.id LIMIT 1",
        )?
        .query_row(
            params![recipient, campaign, organisation, stop_code(Stop::Replied), despite_reply],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some((stop, key)) = stop {
        let what = match super::inbound::stop_of(stop) {
            Some(Stop::OptedOut) => "wants no more letters",
            Some(Stop::Complained) => "called a letter spam",
            Some(Stop::Bounced) => "cannot be reached: a letter came back",
            Some(Stop::Replied) | None => "answered",
        };
        return Ok(Some(Hindrance::Over(format!("{key} {what}"))));
    }
    let under_review: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM inbound i WHERE i.review = 1 AND i.recipient IN
                 (SELECT ?1 UNION SELECT id FROM recipient WHERE campaign = ?2 AND organisation = ?3))",
        )?
        .query_row(params![recipient, campaign, organisation], |row| row.get(0))?;
    Ok((under_review || hold.is_some()).then_some(Hindrance::Held))
}

impl Writing<'_> {
    /// Queues the letters that are due, of those asked for; each is decided on again here.
    pub(super) fn release(
        &mut self,
        campaign: CampaignId,
        sequence: &Sequence,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Done<Vec<Released>> {
        let row = self.campaign_numbered(campaign)?;
        match &row.state {
            CampaignState::Running | CampaignState::Finished => {}
            CampaignState::Paused { until: Some(until), .. } if *until <= now => {
                self.resume(campaign, now, Some("the pause has ended".to_owned()))?;
            }
            CampaignState::Paused { why, .. } => {
                return refused(format!("campaign {} is paused: {why}", row.name));
            }
            CampaignState::Cancelled => return refused(format!("campaign {} is cancelled", row.name)),
        }
        for wanted in wanted {
            self.all_kept(&wanted.enclosures)?;
        }
        let returns = Returns::read(self.conn, campaign)?;
        let (suppressing, domain) = (self.suppressing()?, sender_domain(self.conn, campaign)?);
        let mut released = Vec::with_capacity(wanted.len());
        for Wanted { key, despite_reply, enclosures } in wanted {
            let Some(way) = way(self.conn, campaign, key)? else {
                return refused(format!("no recipient has the key `{key}`"));
            };
            let came = returns.of(&way.key, way.organisation.as_deref());
            let next = way.next(self.conn, suppressing, &came, *despite_reply, sequence, now)?;
            let (step, away_until) = match next {
                Next::Letter { step, due, put_off_by } if due <= now => (step, put_off_by),
                next => {
                    released.push(Released::Not { key: key.clone(), next });
                    continue;
                }
            };
            let continues = Continuation {
                earlier: self.earlier(way.id, step, &row.seed, &domain, key)?,
                away_until,
                auto_replied: came.auto_replied,
                columns: way.new_columns(),
            };
            let own = way.deadline.as_deref().and_then(|day| day.parse().ok());
            let last = sequence.last_day(step, own);
            let delivery = self
                .conn
                .prepare_cached(
                    "INSERT INTO delivery (campaign, recipient, step, not_before, pass, position, domain, not_after,
                         enclosures, continues, despite_reply, generation)
                     SELECT r.campaign, r.id, ?2, ?3, r.pass, r.position, ?4, ?5, ?6, ?7, ?8,
                         (SELECT coalesce(max(generation) + 1, 0) FROM delivery WHERE recipient = ?1 AND step = ?2)
                     FROM recipient r WHERE r.id = ?1",
                )?
                .insert(params![
                    way.id,
                    step,
                    millis(now),
                    way.address.as_deref().and_then(|address| address.rsplit_once('@')).map_or("", |(_, d)| d),
                    last.map(millis),
                    self.enclosures(enclosures)?,
                    serde_json::to_string(&continues).ok(),
                    *despite_reply && came.stop == Some(Stop::Replied)
                ])?;
            let said = match away_until {
                Some(day) => format!("letter {step} is due; they were away until {day}"),
                None => format!("letter {step} is due"),
            };
            let mut event = plain(now, &row.name, "due", Some(said));
            (event.key, event.step) = (Some(key.clone()), Some(step));
            let about = About {
                campaign: Some(campaign.0),
                recipient: Some(way.id),
                delivery: Some(delivery),
                began: None,
            };
            self.happened(about, event)?;
            released.push(Released::Queued { key: key.clone(), step });
        }
        if released.iter().any(|one| matches!(one, Released::Queued { .. })) {
            self.reopen(campaign, "a further letter is due", now)?;
        }
        Ok(released)
    }

    /// Holds the letters of later steps that are queued to the last days as they are now.
    pub(super) fn hold_to_last_days(&mut self, campaign: CampaignId, sequence: &Sequence) -> Done<()> {
        let queued: Vec<(i64, u32, Option<String>)> = self
            .conn
            .prepare_cached(
                "SELECT d.id, d.step, r.deadline FROM delivery d JOIN recipient r ON r.id = d.recipient
                 WHERE d.campaign = ?1 AND d.state = 0 AND d.step > 1",
            )?
            .query_map([campaign.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        for (id, step, own) in queued {
            let own = own.and_then(|day| day.parse().ok());
            self.conn
                .prepare_cached("UPDATE delivery SET not_after = ?2 WHERE id = ?1")?
                .execute(params![id, sequence.last_day(step, own).map(millis)])?;
        }
        Ok(())
    }

    /// The letters before a step that the relay took, as the recipient has them.
    fn earlier(
        &self,
        recipient: i64,
        step: u32,
        seed: &[u8; 32],
        domain: &str,
        key: &str,
    ) -> Done<Vec<Earlier>> {
        let letters = self
            .conn
            .prepare_cached(
                "SELECT id, step, generation, id_left, wire_id, coalesce(dated, ended_at) FROM delivery d
                 WHERE recipient = ?1 AND step < ?2 AND state = 2 AND generation = (SELECT max(generation)
                     FROM delivery o WHERE o.recipient = d.recipient AND o.step = d.step)
                 ORDER BY step",
            )?
            .query_map(params![recipient, step], |row| {
                let left = match row.get::<_, Option<String>>(3)? {
                    Some(left) => left,
                    None => id_left(seed, row.get(0)?, key, row.get(1)?, row.get(2)?),
                };
                Ok(Earlier {
                    message_id: message_id(&left, domain),
                    wire_id: row.get(4)?,
                    dated: instant(row.get(5)?),
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(letters)
    }

    /// Withdraws a letter of a later step that must not go any more; returns what stands in its way.
    pub(super) fn hindered(&mut self, delivery: i64, now: Timestamp) -> Done<Option<Hindrance>> {
        let hindrance = hindrance(self.conn, delivery)?;
        if let Some(Hindrance::Over(why)) = &hindrance {
            self.withdraw(delivery, why, now)?;
        }
        Ok(hindrance)
    }

    /// Holds the further letters of a recipient back, or lets them go again.
    pub(super) fn hold(
        &mut self,
        campaign: CampaignId,
        key: &str,
        hold: Option<&str>,
        now: Timestamp,
    ) -> Done<()> {
        let Some(way) = way(self.conn, campaign, key)? else {
            return refused(format!("no recipient has the key `{key}`"));
        };
        if way.hold.is_none() && hold.is_none() {
            return refused(format!("the next letter to `{key}` is not held back"));
        }
        self.conn
            .prepare_cached("UPDATE recipient SET hold = ?2 WHERE id = ?1")?
            .execute(params![way.id, hold])?;
        let name = self.campaign_numbered(campaign)?.name;
        let (what, note) = match hold {
            Some(why) => ("held", why.to_owned()),
            None => ("released", "the next letter is no longer held back".to_owned()),
        };
        let mut event = plain(now, &name, what, Some(note));
        event.key = Some(key.to_owned());
        let about = About { campaign: Some(campaign.0), recipient: Some(way.id), ..About::default() };
        self.happened(about, event).map(drop)
    }
}

/// Returns whether a further letter may still come for anybody.
pub(super) fn may_go_on(
    conn: &Connection,
    campaign: CampaignId,
    sequence: &Sequence,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let mut on = false;
    each_onward(conn, campaign, sequence, now, |onward| {
        on = match &onward.next {
            Next::Letter { .. } => true,
            Next::Nothing(reason) => !reason.is_final() && *reason != Reason::OffRoster,
        };
        !on
    })?;
    Ok(on)
}
