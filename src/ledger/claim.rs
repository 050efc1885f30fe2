//! The claim: who is next, whether there is room, and whether we may write to them at all, in one transaction.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::campaigns::refused;
use super::files;
use super::history::{id_left, instant, message_id, millis};
use super::inbound::is_read;
use super::record::{Again, Campaign, CampaignState, Claim, ClaimRequest, ClaimTicket, Claims, WaitsFor};
use super::suppression;
use super::writer::{Done, Writing};
use crate::campaign::recipient::{Addressees, Channel, Errand, Recipient};
use crate::campaign::sequence::Continuation;
use crate::delivery::pace::{Limit, Pace, Used, room};
use crate::delivery::state::State;
use crate::mail::address::Address;

/// A claim looks at so many suppressed or lapsing recipients at most before it lets its neighbours in the commit go on.
const PATIENCE: usize = 4096;

static TAKEN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {RECIPIENT}, d.step, d.generation, d.attempts, d.counted, d.fence, d.id_left, c.sender_domain,
             (SELECT list FROM enclosures WHERE id = d.enclosures), d.continues
         FROM delivery d JOIN recipient r ON r.id = d.recipient JOIN campaign c ON c.id = d.campaign
         WHERE d.id = ?1"
    )
});

/// A row of the queue.
struct Candidate {
    id: i64,
    step: u32,
    not_before: i64,
    position: i64,
    domain: String,
    not_after: Option<i64>,
}

/// What a domain has used up.
#[derive(Default)]
struct DomainUse {
    /// Ends within the window, oldest first.
    ended: Vec<i64>,
    in_flight: u32,
}

impl DomainUse {
    fn used(&self, limit: &Limit) -> Used {
        let ended = u32::try_from(self.ended.len()).unwrap_or(u32::MAX);
        let must_leave = must_leave(limit, ended, self.in_flight);
        let oldest = must_leave.and_then(|nth| self.ended.get(nth as usize - 1)).map(|at| instant(*at));
        Used { ended, in_flight: self.in_flight, oldest }
    }
}

/// How many must leave the window before one more may go; nothing if there is room, or if waiting alone cannot help.
fn must_leave(limit: &Limit, ended: u32, in_flight: u32) -> Option<u32> {
    let over = (ended.saturating_add(in_flight) + 1).checked_sub(limit.letters)?;
    (over > 0 && over <= ended).then_some(over)
}

/// The instant before which a letter of a later step is overdue.
fn earliest_further(request: &ClaimRequest) -> i64 {
    request.not_overdue_since.map_or(i64::MIN, millis)
}

/// The instant after which an end counts within the window at `now`.
fn window_start(now: Timestamp, limit: &Limit) -> i64 {
    let window = i64::try_from(limit.window.as_millis()).unwrap_or(i64::MAX);
    millis(now).saturating_sub(window)
}

impl Writing<'_> {
    pub(super) fn claim(&mut self, request: &ClaimRequest) -> Done<Claims> {
        let mut campaign = self.campaign_numbered(request.campaign)?;
        if let CampaignState::Paused { until: Some(until), .. } = campaign.state
            && until <= request.now
        {
            self.resume(request.campaign, request.now, Some("the pause has ended".to_owned()))?;
            campaign.state = CampaignState::Running;
        }
        let mut claims = Claims { state: Some(campaign.state.clone()), ..Claims::default() };
        if campaign.state != CampaignState::Running {
            return Ok(claims);
        }
        if campaign.roster_open {
            return refused(format!(
                "the roster of {} is being read; nothing is sent meanwhile",
                campaign.name
            ));
        }
        let account = self.account(&request.account)?;
        let (mut space, _) = self.account_room(account, request)?;
        let mut domains = match &request.pace.per_domain {
            Some(limit) => self.domain_use(limit, request.now)?,
            None => HashMap::new(),
        };
        space = space.min(request.most);
        let suppressing = self.suppressing()?;
        let mut domain_again: Option<Timestamp> = None;
        let mut after = (i64::MIN, i64::MIN, i64::MIN);
        let mut withdrawn = 0;
        // Nobody is reminded before the mailbox is known to the minute.
        let read = match &request.mailbox {
            Some(read) if campaign.steps > 1 => is_read(self.conn, read, request.now)?,
            _ => false,
        };
        let last_step = if read { u32::MAX } else { 1 };
        claims.unread = request.mailbox.is_some() && !read && self.is_further_due(&campaign, request)?;
        let mut only = (!request.only.is_empty()).then(|| self.only(&campaign, request)).transpose()?;
        if let Some(only) = &mut only {
            let earliest = earliest_further(request);
            only.retain(|one| one.step <= last_step && (one.step == 1 || one.not_before >= earliest));
        }
        let mut out_of_patience = false;
        'pages: while space > 0 {
            let page = match &mut only {
                Some(rows) => std::mem::take(rows),
                None => self.due(&campaign, request, after, space, last_step)?,
            };
            let Some(last) = page.last() else { break };
            after = (last.not_before, last.position, last.id);
            for candidate in page {
                if space == 0 {
                    break 'pages;
                }
                if let Some(limit) = &request.pace.per_domain {
                    let of = domains.entry(candidate.domain.clone()).or_default();
                    let (free, again) = room(limit, &of.used(limit));
                    if free == 0 {
                        domain_again = earliest(domain_again, again);
                        continue;
                    }
                }
                if candidate.not_after.is_some_and(|end| end <= millis(request.now)) {
                    self.lapse(candidate.id, request.now)?;
                    withdrawn += 1;
                    if withdrawn >= PATIENCE {
                        out_of_patience = true;
                        break 'pages;
                    }
                    continue;
                }
                if suppressing && let Some(reason) = self.suppression_of(candidate.id)? {
                    self.withdraw(candidate.id, &format!("suppressed: {reason}"), request.now)?;
                    withdrawn += 1;
                    if withdrawn >= PATIENCE {
                        out_of_patience = true;
                        break 'pages;
                    }
                    continue;
                }
                if candidate.step > 1 && self.is_hindered(candidate.id, request.now)? {
                    withdrawn += 1;
                    if withdrawn >= PATIENCE {
                        out_of_patience = true;
                        break 'pages;
                    }
                    continue;
                }
                claims.claims.push(self.take(&candidate, account, &campaign, request)?);
                space -= 1;
                if let Some(of) = domains.get_mut(&candidate.domain) {
                    of.in_flight += 1;
                }
            }
        }
        if out_of_patience {
            claims.again_at = Some(Again { at: request.now, why: WaitsFor::Pace });
        } else if claims.claims.len() < request.most as usize {
            claims.again_at = self.again(&campaign, account, request, domain_again)?;
        }
        Ok(claims)
    }

    /// When something more may be claimed, if waiting alone helps.
    fn again(
        &self,
        campaign: &Campaign,
        account: i64,
        request: &ClaimRequest,
        domain_again: Option<Timestamp>,
    ) -> Done<Option<Again>> {
        let pace = |at| Again { at, why: WaitsFor::Pace };
        let retry = |at| Again { at, why: WaitsFor::Retry };
        let last_step = if request.mailbox.is_some() { u32::MAX } else { 1 };
        let next: Option<i64> = if request.only.is_empty() {
            self.conn
                .prepare_cached(
                    "SELECT not_before FROM delivery WHERE state = 0 AND campaign = ?1 AND pass = ?2 AND step <= ?3
                     ORDER BY not_before LIMIT 1",
                )?
                .query_row(params![campaign.id.0, campaign.roster_pass, last_step], |row| row.get(0))
                .optional()?
        } else {
            let queued = self.queued_of(campaign, request)?;
            queued.iter().filter(|row| row.step <= last_step).map(|candidate| candidate.not_before).min()
        };
        let Some(next) = next else { return Ok(None) };
        // Of those that are due now only full domains keep any back, or the account does.
        let future = if next > millis(request.now) {
            Some(next)
        } else if request.only.is_empty() {
            self.conn
                .prepare_cached(
                    "SELECT not_before FROM delivery WHERE state = 0 AND campaign = ?1 AND pass = ?2
                         AND not_before > ?3 AND step <= ?4 ORDER BY not_before LIMIT 1",
                )?
                .query_row(
                    params![campaign.id.0, campaign.roster_pass, millis(request.now), last_step],
                    |row| row.get(0),
                )
                .optional()?
        } else {
            self.queued_of(campaign, request)?
                .iter()
                .filter(|candidate| candidate.step <= last_step)
                .map(|candidate| candidate.not_before)
                .filter(|at| *at > millis(request.now))
                .min()
        };
        let due = next <= millis(request.now);
        let (space, account_again) = self.account_room(account, request)?;
        if space == 0 {
            let Some(at) = account_again else { return Ok(None) };
            let first = instant(next);
            return Ok(Some(if !due && first > at { retry(first) } else { pace(at) }));
        }
        let by_domain = domain_again.filter(|_| due).map(pace);
        let by_retry = future.map(|at| retry(instant(at)));
        Ok(by_domain.into_iter().chain(by_retry).min_by_key(|again| again.at))
    }

    /// Whether a letter of a later step waits for nothing but its turn.
    fn is_further_due(&self, campaign: &Campaign, request: &ClaimRequest) -> Done<bool> {
        if campaign.steps < 2 {
            return Ok(false);
        }
        let mut find = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE state = 0 AND campaign = ?1 AND pass = ?2 AND not_before <= ?3
                 AND step > 1 AND not_before >= ?4)",
        )?;
        let params =
            params![campaign.id.0, campaign.roster_pass, millis(request.now), earliest_further(request)];
        Ok(find.query_row(params, |row| row.get(0))?)
    }

    /// Returns the number of an account, which is written down the first time.
    fn account(&self, name: &str) -> Done<i64> {
        let find = "SELECT id FROM account WHERE name = ?1";
        let found = self.conn.prepare_cached(find)?.query_row([name], |row| row.get(0)).optional()?;
        match found {
            Some(id) => Ok(id),
            None => Ok(self.conn.prepare_cached("INSERT INTO account (name) VALUES (?1)")?.insert([name])?),
        }
    }

    fn account_room(&self, account: i64, request: &ClaimRequest) -> Done<(u32, Option<Timestamp>)> {
        Ok(account_room(self.conn, account, &request.pace, request.now)?)
    }

    /// What each recipient domain has used up within the window, over all campaigns and accounts.
    fn domain_use(&self, limit: &Limit, now: Timestamp) -> Done<HashMap<String, DomainUse>> {
        let mut domains: HashMap<String, DomainUse> = HashMap::new();
        let mut ended = self.conn.prepare_cached(
            "SELECT d.domain, d.ended_at FROM account a JOIN delivery d
                 ON d.account = a.id AND d.ended_at > ?1 AND d.ended_at IS NOT NULL",
        )?;
        let mut rows = ended.query([window_start(now, limit)])?;
        while let Some(row) = rows.next()? {
            domains.entry(row.get(0)?).or_default().ended.push(row.get(1)?);
        }
        let mut in_flight = self.conn.prepare_cached("SELECT domain FROM delivery WHERE state = 1")?;
        let mut rows = in_flight.query([])?;
        while let Some(row) = rows.next()? {
            domains.entry(row.get(0)?).or_default().in_flight += 1;
        }
        domains.values_mut().for_each(|of| of.ended.sort_unstable());
        Ok(domains)
    }

    /// The next page of what is due, in the order of the queue, behind `after`.
    fn due(
        &self,
        campaign: &Campaign,
        request: &ClaimRequest,
        after: (i64, i64, i64),
        space: u32,
        last_step: u32,
    ) -> Done<Vec<Candidate>> {
        // With limits for domains many rows may have to be passed over.
        let page = if request.pace.per_domain.is_some() { space.max(512) } else { space };
        let rows = self
            .conn
            .prepare_cached(
                "SELECT id, not_before, position, domain, not_after, step FROM delivery
                 WHERE state = 0 AND campaign = ?1 AND pass = ?2 AND not_before <= ?3
                     AND (not_before, position, id) > (?4, ?5, ?6) AND step <= ?8 AND (step = 1 OR not_before >= ?9)
                 ORDER BY not_before, position, id LIMIT ?7",
            )?
            .query_map(
                params![
                    campaign.id.0,
                    campaign.roster_pass,
                    millis(request.now),
                    after.0,
                    after.1,
                    after.2,
                    page,
                    last_step,
                    earliest_further(request)
                ],
                candidate,
            )?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// What is queued of the keys asked for, in the order of the queue.
    fn queued_of(&self, campaign: &Campaign, request: &ClaimRequest) -> Done<Vec<Candidate>> {
        let mut rows: Vec<Candidate> = Vec::new();
        let mut find = self.conn.prepare_cached(
            "SELECT d.id, d.not_before, d.position, d.domain, d.not_after, d.step FROM recipient r
                 JOIN delivery d ON d.recipient = r.id AND d.state = 0 AND d.pass = ?3
             WHERE r.campaign = ?1 AND r.key = ?2",
        )?;
        for key in &request.only {
            let found = find.query_map(params![campaign.id.0, key, campaign.roster_pass], candidate)?;
            for row in found {
                rows.push(row?);
            }
        }
        rows.sort_by_key(|row| (row.not_before, row.position, row.id));
        rows.dedup_by_key(|row| row.id);
        Ok(rows)
    }

    fn only(&self, campaign: &Campaign, request: &ClaimRequest) -> Done<Vec<Candidate>> {
        let mut rows = self.queued_of(campaign, request)?;
        rows.retain(|row| row.not_before <= millis(request.now));
        Ok(rows)
    }

    /// Takes one: it is in flight from here on.
    fn take(
        &mut self,
        candidate: &Candidate,
        account: i64,
        campaign: &Campaign,
        request: &ClaimRequest,
    ) -> Done<Claim> {
        let lease = request.now.saturating_add(request.lease).unwrap_or(Timestamp::MAX);
        let mut find = self.conn.prepare_cached(&TAKEN)?;
        let mut rows = find.query([candidate.id])?;
        let Some(row) = rows.next()? else { return refused("a delivery went away between two looks") };
        let mut recipient = recipient(row)?;
        let (step, generation): (u32, u32) = (row.get(8)?, row.get(9)?);
        let (attempts, fence): (u32, i64) = (row.get(10)?, row.get(12)?);
        let left = match row.get::<_, Option<String>>(13)? {
            Some(left) => left,
            None => id_left(&campaign.seed, candidate.id, &recipient.key, step, generation),
        };
        let without = self.leave_out_suppressed(&mut recipient)?;
        let claim = Claim {
            ticket: ClaimTicket {
                delivery: candidate.id,
                owner: request.owner.clone(),
                fence: fence + 1,
                step,
            },
            message_id: message_id(&left, &row.get::<_, String>(14)?),
            recipient,
            step,
            generation,
            attempt: attempts + 1,
            counted: row.get(11)?,
            enclosures: files::listed(15, row.get(15)?)?,
            continues: continuation(16, row.get(16)?)?,
        };
        self.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?2, owner = ?3, fence = fence + 1, lease_until = ?4,
                     attempts = attempts + 1, account = ?5, id_left = ?6, without = ?7 WHERE id = ?1 AND state = 0",
            )?
            .execute(params![
                candidate.id,
                State::InFlight.code(),
                request.owner,
                millis(lease),
                account,
                left,
                without
            ])?;
        Ok(claim)
    }

    /// Takes those of the addressees out that are on the suppression list, the first excepted, and returns them as JSON.
    fn leave_out_suppressed(&mut self, recipient: &mut Recipient) -> Done<Option<String>> {
        let Channel::Mail(addressees) = &mut recipient.channel else { return Ok(None) };
        if addressees.others().next().is_none() || !self.suppressing()? {
            return Ok(None);
        }
        let mut failed = None;
        let gone = addressees.leave_out(|address| {
            match suppression::reason(self.conn, &address.canonical(), address.domain()) {
                Ok(reason) => reason.is_some(),
                Err(error) => {
                    failed = Some(error);
                    true
                }
            }
        });
        match failed {
            Some(error) => Err(error.into()),
            None if gone.is_empty() => Ok(None),
            None => Ok(serde_json::to_string(&gone).ok()),
        }
    }
}

/// How many more letters every limit of an account leaves room for, over all campaigns, and when there is room again.
pub(super) fn account_room(
    conn: &Connection,
    account: i64,
    pace: &Pace,
    now: Timestamp,
) -> rusqlite::Result<(u32, Option<Timestamp>)> {
    let limits = &pace.limits;
    if limits.is_empty() {
        return Ok((u32::MAX, None));
    }
    let in_flight: u32 = conn
        .prepare_cached("SELECT count(*) FROM delivery WHERE state = 1 AND account = ?1")?
        .query_row([account], |row| row.get(0))?;
    let (mut least, mut latest, mut time_helps) = (u32::MAX, None, true);
    for limit in limits {
        let start = window_start(now, limit);
        let ended: u32 = conn
            .prepare_cached(
                "SELECT count(*) FROM delivery WHERE account = ?1 AND ended_at > ?2 AND ended_at IS NOT NULL",
            )?
            .query_row(params![account, start], |row| row.get(0))?;
        let oldest = match must_leave(limit, ended, in_flight) {
            Some(nth) => conn.prepare_cached(
                    "SELECT ended_at FROM delivery WHERE account = ?1 AND ended_at > ?2 AND ended_at IS NOT NULL
                     ORDER BY ended_at LIMIT 1 OFFSET ?3",
                )?
                .query_row(params![account, start, nth - 1], |row| row.get::<_, i64>(0))
                .optional()?
                .map(instant),
            None => None,
        };
        let (space, again) = room(limit, &Used { ended, in_flight, oldest });
        least = least.min(space);
        if space == 0 {
            match again {
                Some(at) => latest = latest.max(Some(at)),
                None => time_helps = false,
            }
        }
    }
    Ok((least, latest.filter(|_| time_helps)))
}

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        id: row.get(0)?,
        not_before: row.get(1)?,
        position: row.get(2)?,
        domain: row.get(3)?,
        not_after: row.get(4)?,
        step: row.get(5)?,
    })
}

/// Reads what a further letter builds on, of this column.
pub(super) fn continuation(column: usize, json: Option<String>) -> rusqlite::Result<Option<Continuation>> {
    json.map(|json| serde_json::from_str(&json)).transpose().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// The columns of a recipient, in the order in which [`recipient`] reads them, from the first on.
pub(super) const RECIPIENT: &str =
    "r.key, r.channel, r.address, r.addressees, r.name, r.organisation, r.deadline, r.fields";

/// Puts a stored recipient together again; [`RECIPIENT`] stands first in the row.
pub(super) fn recipient(row: &rusqlite::Row<'_>) -> rusqlite::Result<Recipient> {
    let damaged = |column: usize, error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
    };
    let (channel, address): (String, Option<String>) = (row.get(1)?, row.get(2)?);
    let addressees: Option<String> = row.get(3)?;
    let channel = match (Errand::named(&channel), addressees, address) {
        (Some(errand), ..) => Channel::ByHand(errand),
        (None, Some(json), _) => {
            Channel::Mail(serde_json::from_str(&json).map_err(|error| damaged(3, error.into()))?)
        }
        (None, None, address) => {
            let address = Address::parse(&address.unwrap_or_default());
            Channel::Mail(Addressees::one(address.map_err(|error| damaged(2, error.into()))?))
        }
    };
    let deadline: Option<String> = row.get(6)?;
    let deadline = deadline.map(|day| day.parse()).transpose();
    Ok(Recipient {
        key: row.get(0)?,
        channel,
        name: row.get(4)?,
        organisation: row.get(5)?,
        deadline: deadline.map_err(|error: jiff::Error| damaged(6, error.into()))?,
        fields: serde_json::from_str(&row.get::<_, String>(7)?).map_err(|error| damaged(7, error.into()))?,
    })
}
