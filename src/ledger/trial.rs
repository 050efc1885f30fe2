//! Letters that somebody wants to see in their own mailbox before the others get theirs: wishes of the page, which whoever sends takes
//! up once. They are no deliveries.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::campaigns::refused;
use super::history::{instant, millis};
use super::{Ledger, LedgerError, Reader, wish};
use crate::mail::address::Address;

/// A letter wanted as a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its number.
    pub id: i64,
    /// Whose letter.
    pub key: String,
    /// Which of the sequence, from 1.
    pub step: u32,
    /// Where to.
    pub address: String,
    /// When it was wished.
    pub at: Timestamp,
    /// When whoever sends took it up.
    pub taken_at: Option<Timestamp>,
    /// What became of it: what the relay said, or why it did not go.
    pub ended: Option<(TrialEnd, String)>,
}

/// How one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    /// The relay took it.
    Sent,
    /// It did not go.
    Failed,
    /// Whoever took it up is gone: it may have arrived.
    InDoubt,
}

/// So many may wait at once: somebody tries a letter or two, and whoever wants all has the list of recipients for that.
const MOST_WAITING: i64 = 10;

impl Ledger {
    /// Wishes that a recipient's letter goes to somebody else as a test. One that waits already is not wished twice.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where too many wait.
    pub fn wish_trial(
        path: &Path,
        campaign: &str,
        (key, step): (&str, u32),
        address: &Address,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        wish::beside(path, |writing| {
            let address = address.to_string();
            let waiting = "SELECT COUNT(*), COALESCE(SUM(key = ?2 AND step = ?3 AND address = ?4), 0) FROM trial \
                 WHERE campaign = ?1 AND taken_at IS NULL";
            let (waiting, same): (i64, i64) =
                writing.conn.query_row(waiting, params![campaign, key, step, address], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            if same > 0 {
                return Ok(());
            }
            if waiting >= MOST_WAITING {
                return refused(format!("{waiting} test letters wait already"));
            }
            writing.conn.execute(
                "INSERT INTO trial (campaign, key, step, address, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![campaign, key, step, address, millis(now)],
            )?;
            Ok(())
        })
    }

    /// Takes up the oldest that waits.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub fn take_trial(path: &Path, campaign: &str, now: Timestamp) -> Result<Option<Trial>, LedgerError> {
        wish::beside(path, |writing| {
            let Some(waiting) = waiting_trial(writing.conn, campaign)? else { return Ok(None) };
            let taken = "UPDATE trial SET taken_at = ?2 WHERE id = ?1";
            writing.conn.execute(taken, params![waiting.id, millis(now)])?;
            Ok(Some(waiting))
        })
    }

    /// Writes down what became of one.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub fn trial_ended(
        path: &Path,
        id: i64,
        ended: &Result<String, String>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let (failed, said) = match ended {
            Ok(said) => (false, said),
            Err(why) => (true, why),
        };
        wish::beside(path, |writing| {
            let sql = "UPDATE trial SET ended_at = ?2, failed = ?3, said = ?4 WHERE id = ?1";
            writing.conn.execute(sql, params![id, millis(now), failed, said])?;
            Ok(())
        })
    }

    /// Ends those that nobody ended: whoever took them up is gone, and nobody wants a letter that surprises.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub fn abandon_trials(path: &Path, campaign: &str, now: Timestamp) -> Result<(), LedgerError> {
        wish::beside(path, |writing| {
            let sql = "UPDATE trial SET failed = CASE WHEN taken_at IS NULL THEN 1 ELSE 2 END, ended_at = ?2, \
                 taken_at = COALESCE(taken_at, ?2), said = CASE WHEN taken_at IS NULL THEN 'the page was closed before it went' \
                 ELSE 'the page was closed while it went: it may have arrived' END \
                 WHERE campaign = ?1 AND ended_at IS NULL";
            writing.conn.execute(sql, params![campaign, millis(now)])?;
            Ok(())
        })
    }
}

impl Reader {
    /// Returns whether a test letter waits to be taken up.
    pub fn trial_waits(&self, campaign: &str) -> Result<bool, LedgerError> {
        self.ask(|conn| Ok(waiting_trial(conn, campaign)?.is_some()))
    }

    /// Returns the test letters made of a recipient's, the newest first, at most so many.
    pub fn trials(&self, campaign: &str, key: &str, most: u32) -> Result<Vec<Trial>, LedgerError> {
        self.ask(|conn| {
            let sql = format!("{TRIAL} WHERE campaign = ?1 AND key = ?2 ORDER BY id DESC LIMIT ?3");
            conn.prepare_cached(&sql)?.query_map(params![campaign, key, most], trial)?.collect()
        })
    }
}

const TRIAL: &str = "SELECT id, key, step, address, at, taken_at, failed, said, ended_at FROM trial";

fn trial(row: &Row<'_>) -> rusqlite::Result<Trial> {
    let (failed, said): (i64, Option<String>) = (row.get(6)?, row.get(7)?);
    let ended = row.get::<_, Option<i64>>(8)?.map(|_| said.unwrap_or_default());
    Ok(Trial {
        id: row.get(0)?,
        key: row.get(1)?,
        step: row.get(2)?,
        address: row.get(3)?,
        at: instant(row.get(4)?),
        taken_at: row.get::<_, Option<i64>>(5)?.map(instant),
        ended: ended.map(|said| {
            let end = match failed {
                0 => TrialEnd::Sent,
                1 => TrialEnd::Failed,
                _ => TrialEnd::InDoubt,
            };
            (end, said)
        }),
    })
}

fn waiting_trial(conn: &Connection, campaign: &str) -> rusqlite::Result<Option<Trial>> {
    let sql = format!("{TRIAL} WHERE campaign = ?1 AND taken_at IS NULL ORDER BY id LIMIT 1");
    conn.prepare_cached(&sql)?.query_row([campaign], trial).optional()
}
