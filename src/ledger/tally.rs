//! What a whole campaign adds up to, for who watches it from outside.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::history::instant;
use super::record::CampaignId;
use super::{LedgerError, Reader};
use crate::delivery::inbound::Kind;
use crate::delivery::state::State;

/// A campaign in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Recipients, those off the roster included.
    pub recipients: u64,
    /// Each step's deliveries by state; what went again to another address, or after a bounce, counts by its newest one alone.
    pub deliveries: HashMap<(u32, State), u64>,
    /// Each step's attempts, of all its deliveries.
    pub attempts: BTreeMap<u32, u64>,
    /// What came back, by kind, judgements included.
    pub inbound: HashMap<Kind, u64>,
    /// What waits for a person's judgement.
    pub open_reviews: u64,
    /// Addresses and domains that we do not write to, in any campaign.
    pub suppressed: u64,
    /// When each folder of each mailbox was last read to its end: mailbox, folder, instant.
    pub folders: Vec<(String, String, Option<Timestamp>)>,
}

impl Reader {
    /// Adds a campaign up; looks at every delivery, so it is nothing to ask for every second.
    pub fn tally(&self, id: CampaignId) -> Result<Tally, LedgerError> {
        self.ask(|conn| {
            // One transaction, so that all numbers are of the same moment.
            let turn = conn.unchecked_transaction()?;
            let tally = tally(&turn, id)?;
            drop(turn);
            Ok(tally)
        })
    }
}

fn tally(conn: &Connection, id: CampaignId) -> rusqlite::Result<Tally> {
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let one = |sql: &str| conn.query_row(sql, [id.0], |row| row.get(0)).map(number);
    let mut tally = Tally {
        recipients: one("SELECT count(*) FROM recipient WHERE campaign = ?1")?,
        open_reviews: one("SELECT count(*) FROM inbound WHERE campaign = ?1 AND review = 1")?,
        suppressed: conn.query_row("SELECT count(*) FROM suppression", [], |row| row.get(0)).map(number)?,
        ..Tally::default()
    };
    let mut find = conn.prepare_cached(
        "SELECT step, state, count(*), sum(attempts) FROM delivery WHERE campaign = ?1 GROUP BY step, state",
    )?;
    let mut rows = find.query([id.0])?;
    while let Some(row) = rows.next()? {
        let step: u32 = row.get(0)?;
        *tally.attempts.entry(step).or_default() += number(row.get(3)?);
        if let Some(state) = State::from_code(row.get(1)?) {
            *tally.deliveries.entry((step, state)).or_default() += number(row.get(2)?);
        }
    }
    let mut find = conn.prepare_cached(
        "SELECT o.step, o.state, count(DISTINCT o.id) FROM delivery d JOIN delivery o ON o.recipient = d.recipient
             AND o.step = d.step AND o.generation < d.generation
         WHERE d.campaign = ?1 AND d.generation > 0 GROUP BY o.step, o.state",
    )?;
    let mut rows = find.query([id.0])?;
    while let Some(row) = rows.next()? {
        if let Some(state) = State::from_code(row.get(1)?)
            && let Some(count) = tally.deliveries.get_mut(&(row.get(0)?, state))
        {
            *count = count.saturating_sub(number(row.get(2)?));
        }
    }
    let mut find =
        conn.prepare_cached("SELECT kind, count(*) FROM inbound WHERE campaign = ?1 GROUP BY kind")?;
    let mut rows = find.query(params![id.0])?;
    while let Some(row) = rows.next()? {
        if let Some(kind) = Kind::named(row.get_ref(0)?.as_str()?) {
            *tally.inbound.entry(kind).or_default() += number(row.get(1)?);
        }
    }
    let mut find =
        conn.prepare_cached("SELECT mailbox, folder, read_to_end_at FROM cursor ORDER BY mailbox, folder")?;
    tally.folders = find
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?.map(instant))))?
        .collect::<Result<_, _>>()?;
    Ok(tally)
}
