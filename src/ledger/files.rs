//! The files that go along with letters: each kept once, under its digest, before anything that names it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::campaigns::refused;
use super::writer::{Done, Writing};
use crate::campaign::enclosure::{Enclosure, Fingerprint};

/// Returns a file's octets.
pub(super) fn content(conn: &Connection, digest: &Fingerprint) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached("SELECT content FROM file WHERE digest = ?1")?
        .query_row([digest.0], |row| row.get(0))
        .optional()
}

/// Returns whether a file is kept.
pub(super) fn is_kept(conn: &Connection, digest: &Fingerprint) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM file WHERE digest = ?1)")?
        .query_row([digest.0], |row| row.get(0))
}

/// Reads a stored list; none is an empty one.
pub(super) fn listed(column: usize, json: Option<String>) -> rusqlite::Result<Vec<Enclosure>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    serde_json::from_str(&json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

/// Writes a list; an empty one is none.
pub(super) fn list(enclosures: &[Enclosure]) -> Option<String> {
    (!enclosures.is_empty()).then(|| serde_json::to_string(enclosures).unwrap_or_default())
}

impl Writing<'_> {
    pub(super) fn keep_file(&mut self, bytes: &[u8]) -> Done<Fingerprint> {
        let digest = Fingerprint::of(bytes);
        self.conn
            .prepare_cached(
                "INSERT INTO file (digest, content) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
            )?
            .execute(params![digest.0, bytes])?;
        Ok(digest)
    }

    /// Says no to a list of which a file is not kept: what was sent could not be shown again.
    pub(super) fn all_kept(&self, enclosures: &[Enclosure]) -> Done<()> {
        for enclosure in enclosures {
            if !is_kept(self.conn, &enclosure.file.digest)? {
                return refused(format!("the ledger has not got the file `{}`", enclosure.name));
            }
        }
        Ok(())
    }

    /// Returns the number of a list, which is written down the first time.
    pub(super) fn enclosures(&self, enclosures: &[Enclosure]) -> Done<Option<i64>> {
        let Some(list) = list(enclosures) else { return Ok(None) };
        let find = "SELECT id FROM enclosures WHERE list = ?1";
        let known = self.conn.prepare_cached(find)?.query_row([&list], |row| row.get(0)).optional()?;
        match known {
            Some(known) => Ok(Some(known)),
            None => {
                let insert = "INSERT INTO enclosures (list) VALUES (?1)";
                Ok(Some(self.conn.prepare_cached(insert)?.insert([&list])?))
            }
        }
    }
}
