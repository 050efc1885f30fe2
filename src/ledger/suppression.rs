//! The suppression list: addresses and domains we do not write to, whatever the campaign.

use std::iter;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::LedgerError;
use super::history::{About, instant, millis, plain};
use super::record::Suppression;
use super::writer::{Done, Writing};
use crate::mail::address::Address;

/// Brings what a person names into the form that is looked up: `ada@x.example` or `x.example`.
pub(super) fn normal(what: &str) -> Result<String, LedgerError> {
    let wrong = |why: &str| LedgerError::Refused { why: format!("`{what}` cannot be suppressed: {why}") };
    let text = what.trim();
    if text.contains('@') && !text.starts_with('@') {
        return Address::parse(text).map(|address| address.canonical()).map_err(|error| wrong(&error.why));
    }
    // A domain, also written `@x.example` or `*.x.example`: read as the domain of an address.
    let domain = text.trim_start_matches('@').trim_start_matches("*.").trim_end_matches('.');
    if domain.is_empty() || domain.contains(char::is_whitespace) || domain.starts_with('.') {
        return Err(wrong("it is neither an address nor a domain"));
    }
    Address::parse(&format!("x@{domain}"))
        .map(|address| address.domain().to_owned())
        .map_err(|error| wrong(&error.why))
}

/// Returns the reason why we do not write to an address, if there is one: its own, its domain's, or that of a
/// domain above it.
pub(super) fn reason(conn: &Connection, canonical: &str, domain: &str) -> rusqlite::Result<Option<String>> {
    let mut find = conn.prepare_cached("SELECT reason FROM suppression WHERE what = ?1")?;
    for what in entries(canonical, domain) {
        if let Some(reason) = find.query_row([what], |row| row.get(0)).optional()? {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}

/// Returns the entries of the list that keep letters from an address: itself, its domain, and each domain above that.
pub(crate) fn entries<'a>(canonical: &'a str, domain: &'a str) -> impl Iterator<Item = &'a str> {
    let domains = iter::successors(Some(domain), |name| name.split_once('.').map(|(_, above)| above));
    iter::once(canonical).chain(domains)
}

/// Returns the list, in alphabetical order.
pub(super) fn list(conn: &Connection) -> rusqlite::Result<Vec<Suppression>> {
    conn.prepare_cached("SELECT what, reason, at FROM suppression ORDER BY what")?
        .query_map([], |row| {
            Ok(Suppression { what: row.get(0)?, reason: row.get(1)?, at: instant(row.get(2)?) })
        })?
        .collect()
}

/// Whether there is any suppression at all.
pub(super) fn any(conn: &Connection) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM suppression)")?.query_row([], |row| row.get(0))
}

impl Writing<'_> {
    /// Whether there is any suppression at all; looked up once for each transaction.
    pub(super) fn suppressing(&mut self) -> Done<bool> {
        if let Some(known) = self.suppressing {
            return Ok(known);
        }
        let any = any(self.conn)?;
        self.suppressing = Some(any);
        Ok(any)
    }

    /// Why the recipient of a delivery is not written to, if so.
    pub(super) fn suppression_of(&self, delivery: i64) -> Done<Option<String>> {
        let found: Option<(String, String)> = self
            .conn
            .prepare_cached(
                "SELECT r.canonical, d.domain FROM delivery d JOIN recipient r ON r.id = d.recipient WHERE d.id = ?1",
            )?
            .query_row([delivery], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match found {
            Some((canonical, domain)) => Ok(reason(self.conn, &canonical, &domain)?),
            None => Ok(None),
        }
    }

    pub(super) fn suppress(&mut self, what: &str, reason: &str, now: Timestamp) -> Done<bool> {
        let what = normal(what)?;
        let added = self
            .conn
            .prepare_cached(
                "INSERT INTO suppression (what, reason, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![what, reason, millis(now)])?;
        self.suppressing = None;
        if added == 1 {
            self.happened(About::default(), plain(now, "", "suppressed", Some(format!("{what}: {reason}"))))?;
        }
        Ok(added == 1)
    }

    pub(super) fn unsuppress(&mut self, what: &str, now: Timestamp) -> Done<bool> {
        let what = normal(what)?;
        let removed =
            self.conn.prepare_cached("DELETE FROM suppression WHERE what = ?1")?.execute([&what])?;
        self.suppressing = None;
        if removed == 1 {
            self.happened(About::default(), plain(now, "", "unsuppressed", Some(what)))?;
        }
        Ok(removed == 1)
    }
}
