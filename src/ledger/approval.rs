//! Approvals: who read a plan and wants it sent, and the wish that it begins. Both go by the campaign's name, since a campaign is
//! in the ledger only once its first letter goes; an approval is of one plan, and says nothing about any other.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::campaigns::refused;
use super::history::{instant, millis};
use super::writer::{Done, Writing};
use super::{Ledger, LedgerError, Reader, wish};

/// Somebody's word that a plan may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its number.
    pub id: i64,
    /// The digest of the plan.
    pub plan: String,
    /// Who approved.
    pub person: String,
    /// When.
    pub at: Timestamp,
    /// When it was taken back.
    pub withdrawn_at: Option<Timestamp>,
}

/// The wish that an approved plan is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its number.
    pub id: i64,
    /// The digest of the plan.
    pub plan: String,
    /// When it was wished.
    pub at: Timestamp,
    /// When whoever sends took it up.
    pub taken_at: Option<Timestamp>,
    /// Why nothing came of it.
    pub failed: Option<String>,
}

impl Ledger {
    /// Writes down that somebody approves a plan; the same person approves it once.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] without a name.
    pub fn approve(
        path: &Path,
        campaign: &str,
        plan: &str,
        person: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        wish::beside(path, |writing| writing.approve(campaign, plan, person, now))
    }

    /// Takes an approval back.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where there is none of that number.
    pub fn withdraw_approval(
        path: &Path,
        campaign: &str,
        id: i64,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        wish::beside(path, |writing| {
            let sql = "UPDATE approval SET withdrawn_at = ?3 WHERE id = ?1 AND campaign = ?2 AND withdrawn_at IS NULL";
            match writing.conn.execute(sql, params![id, campaign, millis(now)])? {
                0 => refused("there is no such approval, or it was withdrawn already".to_owned()),
                _ => Ok(()),
            }
        })
    }

    /// Wishes that a plan is sent, if so many people as `needed` approve it at this moment.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where too few do.
    pub fn wish_start(
        path: &Path,
        campaign: &str,
        plan: &str,
        needed: usize,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        wish::beside(path, |writing| writing.wish_start(campaign, plan, needed, now))
    }

    /// Takes up the newest wish to start that nobody took up yet, and lays aside those before it.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub fn take_start(path: &Path, campaign: &str, now: Timestamp) -> Result<Option<Start>, LedgerError> {
        wish::beside(path, |writing| {
            let start = newest_start(writing.conn, campaign)?.filter(|start| start.taken_at.is_none());
            writing.conn.execute(
                "UPDATE start SET taken_at = ?2 WHERE campaign = ?1 AND taken_at IS NULL",
                params![campaign, millis(now)],
            )?;
            Ok(start)
        })
    }

    /// Writes down why nothing came of a wish to start.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub fn start_failed(path: &Path, start: i64, why: &str) -> Result<(), LedgerError> {
        wish::beside(path, |writing| {
            writing.conn.execute("UPDATE start SET failed = ?2 WHERE id = ?1", params![start, why])?;
            Ok(())
        })
    }
}

impl Writing<'_> {
    fn approve(&mut self, campaign: &str, plan: &str, person: &str, now: Timestamp) -> Done<()> {
        let person = person.trim();
        if person.is_empty() {
            return refused("an approval needs a name".to_owned());
        }
        let known = approvals(self.conn, campaign)?.into_iter().any(|approval| {
            approval.withdrawn_at.is_none()
                && approval.plan == plan
                && approval.person.to_lowercase() == person.to_lowercase()
        });
        if !known {
            self.conn.execute(
                "INSERT INTO approval (campaign, plan, person, at) VALUES (?1, ?2, ?3, ?4)",
                params![campaign, plan, person, millis(now)],
            )?;
        }
        Ok(())
    }

    fn wish_start(&mut self, campaign: &str, plan: &str, needed: usize, now: Timestamp) -> Done<()> {
        let holds = |approval: &Approval| approval.withdrawn_at.is_none() && approval.plan == plan;
        let approved = approvals(self.conn, campaign)?.iter().filter(|approval| holds(approval)).count();
        if approved < needed {
            return refused(format!("this plan has {approved} of the {needed} approvals that it needs"));
        }
        self.conn.execute(
            "INSERT INTO start (campaign, plan, at) VALUES (?1, ?2, ?3)",
            params![campaign, plan, millis(now)],
        )?;
        Ok(())
    }
}

impl Reader {
    /// Returns the approvals of a campaign's plans, oldest first, those withdrawn included.
    pub fn approvals(&self, campaign: &str) -> Result<Vec<Approval>, LedgerError> {
        self.ask(|conn| approvals(conn, campaign))
    }

    /// Returns the newest wish to start.
    pub fn newest_start(&self, campaign: &str) -> Result<Option<Start>, LedgerError> {
        self.ask(|conn| newest_start(conn, campaign))
    }
}

fn approvals(conn: &Connection, campaign: &str) -> rusqlite::Result<Vec<Approval>> {
    conn.prepare_cached(
        "SELECT id, plan, person, at, withdrawn_at FROM approval WHERE campaign = ?1 ORDER BY id",
    )?
    .query_map([campaign], |row| {
        Ok(Approval {
            id: row.get(0)?,
            plan: row.get(1)?,
            person: row.get(2)?,
            at: instant(row.get(3)?),
            withdrawn_at: row.get::<_, Option<i64>>(4)?.map(instant),
        })
    })?
    .collect()
}

fn newest_start(conn: &Connection, campaign: &str) -> rusqlite::Result<Option<Start>> {
    let start = |row: &Row<'_>| {
        Ok(Start {
            id: row.get(0)?,
            plan: row.get(1)?,
            at: instant(row.get(2)?),
            taken_at: row.get::<_, Option<i64>>(3)?.map(instant),
            failed: row.get(4)?,
        })
    };
    conn.prepare_cached(
        "SELECT id, plan, at, taken_at, failed FROM start WHERE campaign = ?1 ORDER BY id DESC LIMIT 1",
    )?
    .query_row([campaign], start)
    .optional()
}
