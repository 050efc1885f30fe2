//! What came back when, hour by hour: for a drawing over time.

use jiff::Timestamp;
use rusqlite::params;

use super::history::instant;
use super::record::CampaignId;
use super::{LedgerError, Reader};
use crate::delivery::inbound::Kind;

const HOUR: i64 = 3_600_000;

/// How much came back within one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning.
    pub at: Timestamp,
    /// What came back.
    pub kind: Kind,
    /// How many.
    pub count: u64,
}

impl Reader {
    /// Returns the hours in which anything came back, without what waits for a judgement.
    pub fn hours(&self, id: CampaignId) -> Result<Vec<Hour>, LedgerError> {
        self.ask(|conn| {
            let number = |count: i64| u64::try_from(count).unwrap_or_default();
            let mut hours = Vec::new();
            let mut find = conn.prepare_cached(
                "SELECT at / ?2, kind, count(*) FROM inbound WHERE campaign = ?1 AND review <> 1 GROUP BY 1, 2",
            )?;
            let mut rows = find.query(params![id.0, HOUR])?;
            while let Some(row) = rows.next()? {
                let at = instant(row.get::<_, i64>(0)?.saturating_mul(HOUR));
                if let Some(kind) = Kind::named(row.get_ref(1)?.as_str()?) {
                    hours.push(Hour { at, kind, count: number(row.get(2)?) });
                }
            }
            Ok(hours)
        })
    }

    /// Counts the letters that a worker holds at this moment.
    pub fn in_flight(&self, id: CampaignId) -> Result<u64, LedgerError> {
        self.ask(|conn| {
            conn.prepare_cached("SELECT count(*) FROM delivery WHERE state = 1 AND campaign = ?1")?
                .query_row([id.0], |row| {
                    row.get(0).map(|count: i64| u64::try_from(count).unwrap_or_default())
                })
        })
    }

    /// Counts what waits for a person's judgement.
    pub fn open_reviews_count(&self, id: CampaignId) -> Result<u64, LedgerError> {
        self.ask(|conn| {
            conn.prepare_cached("SELECT count(*) FROM inbound WHERE campaign = ?1 AND review = 1")?
                .query_row([id.0], |row| {
                    row.get(0).map(|count: i64| u64::try_from(count).unwrap_or_default())
                })
        })
    }
}
