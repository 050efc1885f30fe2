//! Reading the ledger while somebody else may be writing it: no lock, nothing made, nothing changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use super::LedgerError;
use super::campaigns::{CAMPAIGN, begun, campaign, sender_domain};
use super::claim::{RECIPIENT, account_room, continuation, recipient};
use super::files;
use super::history::{self, id_left, instant, message_id};
use super::inbound::{self, Returns};
use super::record::{
    Campaign, CampaignId, Counts, CursorRecord, DeliveryRecord, EnrolledRecord, Event, InboundRecord,
    MailboxRead, MessageMark, Noted, Onward, OutcomeRecord, RecipientRecord, Story, Suppression,
};
use super::schema::{MIGRATIONS, STATEMENTS, beside, sentence, too_new, unavailable, version};
use super::sequence;
use super::suppression;
use crate::campaign::enclosure::Fingerprint;
use crate::campaign::recipient::{Errand, Recipient};
use crate::delivery::enrollment::Sequence;
use crate::delivery::pace::Pace;
use crate::delivery::state::State;
use crate::mail::address::Address;
use crate::mail::smtp_reply::SmtpReply;

/// A window on a ledger.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    path: PathBuf,
    /// Of a ledger that nobody had open: the file as it was then. If it changes, what was read may be torn.
    still: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    changed: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self { changed: about.modified().ok(), length: about.len() })
    }
}

impl Reader {
    /// Opens the ledger for reading; nothing where there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, LedgerError> {
        match std::fs::metadata(path) {
            Ok(about) if about.is_dir() => return Err(unavailable(path, "it is a folder, not a file")),
            Ok(about) if about.len() == 0 && !beside(path, "-wal").exists() => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(path, format!("it cannot be read: {error}"))),
        }
        let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |about| about.len());
        let (conn, still) = if log == 0 {
            // Nobody has it open, so everything is in the one file. Opened as unchangeable, SQLite makes no files
            // beside it; that needs watching, because somebody may begin to write.
            let stamp = Stamp::of(path);
            (Self::connect(path, true)?, stamp)
        } else {
            (Self::connect(path, false)?, None)
        };
        let reader = Self { conn, path: path.to_owned(), still };
        let found = reader.ask(version)?;
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(too_new(path, found, known));
        }
        if found == 0 {
            return Ok(None);
        }
        if found < known {
            return Err(unavailable(
                path,
                "it is of an older postduif; `postduif send` brings it up to date",
            ));
        }
        Ok(Some(reader))
    }

    fn connect(path: &Path, unchangeable: bool) -> Result<Connection, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = if unchangeable {
            let mut name = String::from("file:");
            for byte in path.as_os_str().as_encoded_bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                        name.push(char::from(*byte));
                    }
                    other => name.push_str(&format!("%{other:02x}")),
                }
            }
            name.push_str("?immutable=1");
            Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_URI)
        } else {
            Connection::open_with_flags(path, flags)
        };
        opened
            .and_then(|conn| {
                conn.busy_timeout(Duration::from_secs(10))?;
                conn.pragma_update(None, "cache_size", -4096)?;
                conn.set_prepared_statement_cache_capacity(STATEMENTS);
                // Else SQLite plans a statement anew whenever a bound value might matter to a partial index.
                conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
                Ok(conn)
            })
            .map_err(|error| unavailable(path, sentence(&error)))
    }

    pub(super) fn ask<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let result = read(&self.conn);
        if self.still.is_some_and(|stamp| Stamp::of(&self.path) != Some(stamp)) {
            return Err(unavailable(&self.path, "somebody began to write while it was read; ask again"));
        }
        result.map_err(|error| unavailable(&self.path, sentence(&error)))
    }

    /// Returns the campaign of that name.
    pub fn campaign(&self, name: &str) -> Result<Option<Campaign>, LedgerError> {
        self.ask(|conn| conn.query_row(&format!("{CAMPAIGN} WHERE name = ?1"), [name], campaign).optional())
    }

    /// Returns all campaigns, in the order of their launch.
    pub fn campaigns(&self) -> Result<Vec<Campaign>, LedgerError> {
        self.ask(|conn| conn.prepare(&format!("{CAMPAIGN} ORDER BY id"))?.query_map([], campaign)?.collect())
    }

    /// Counts the deliveries of a campaign by state, and its recipients.
    pub fn counts(&self, id: CampaignId) -> Result<Counts, LedgerError> {
        self.ask(|conn| counts(conn, id))
    }

    /// Shows every recipient of a campaign in the order of the roster, those who are off the roster last, each with
    /// its deliveries. Holds one at a time. `show` ends it early with `false`.
    pub fn each_recipient(
        &self,
        id: CampaignId,
        mut show: impl FnMut(RecipientRecord) -> bool,
    ) -> Result<(), LedgerError> {
        let campaign = self.numbered(id)?;
        self.ask(|conn| {
            // One transaction, so that all rows are of the same moment.
            let turn = conn.unchecked_transaction()?;
            let domain = sender_domain(conn, id)?;
            // Rows are read in the order they were written, which is the roster's own unless rows were moved.
            let moved: bool = conn.query_row(
                "SELECT EXISTS (SELECT 1 FROM (SELECT position, lag(position, 1, 0) OVER (ORDER BY id) AS before
                     FROM recipient WHERE campaign = ?1) WHERE position < before)
                     OR EXISTS (SELECT 1 FROM recipient WHERE campaign = ?1 AND pass <> ?2)",
                params![id.0, campaign.roster_pass],
                |row| row.get(0),
            )?;
            let order = if moved { "ORDER BY r.pass <> ?2, r.position, r.id" } else { "ORDER BY r.id" };
            let mut find = conn.prepare(&format!(
                "SELECT {RECIPIENT}, r.id, r.position, r.pass = ?2 FROM recipient r
                 WHERE r.campaign = ?1 {order}"
            ))?;
            let mut rows = find.query(params![id.0, campaign.roster_pass])?;
            while let Some(row) = rows.next()? {
                if !show(record(conn, row, &campaign, &domain)?) {
                    break;
                }
            }
            drop(rows);
            drop(find);
            drop(turn);
            Ok(())
        })
    }

    /// Returns the frozen row of a recipient and where its first letter stands, and nothing else: fast.
    pub fn enrolled(&self, id: CampaignId, key: &str) -> Result<Option<EnrolledRecord>, LedgerError> {
        self.ask(|conn| {
            conn.prepare_cached(&ENROLLED)?
                .query_row(params![id.0, key], |row| {
                    Ok(EnrolledRecord {
                        recipient: recipient(row)?,
                        state: State::from_code(row.get(8)?).unwrap_or(State::InDoubt),
                        handed_over: row.get(9)?,
                    })
                })
                .optional()
        })
    }

    /// Shows the recipients on the roster whose task is open, in its order; `show` ends it early with `false`.
    pub fn open_tasks(
        &self,
        id: CampaignId,
        mut show: impl FnMut(Recipient) -> bool,
    ) -> Result<(), LedgerError> {
        let campaign = self.numbered(id)?;
        self.ask(|conn| {
            let mut find = conn.prepare(&format!(
                "SELECT {RECIPIENT} FROM delivery d JOIN recipient r ON r.id = d.recipient
                 WHERE d.campaign = ?1 AND d.pass = ?2 AND d.state = ?3 ORDER BY d.position, d.id"
            ))?;
            let mut rows = find.query(params![id.0, campaign.roster_pass, State::Task.code()])?;
            while let Some(row) = rows.next()? {
                if !show(recipient(row)?) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Returns what became of at most `most` recipients that were written down after the one numbered `after`, in that
    /// order, each with its number: a run of them, for who walks along a roster in mostly the same order.
    pub fn outcomes_after(
        &self,
        id: CampaignId,
        after: i64,
        most: u32,
    ) -> Result<Vec<(i64, OutcomeRecord)>, LedgerError> {
        let campaign = self.numbered(id)?;
        self.ask(|conn| {
            let domain = sender_domain(conn, id)?;
            conn.prepare_cached(&outcomes_after())?
                .query_map(params![id.0, after, most], |row| {
                    Ok((row.get(0)?, outcome(row, &campaign, &domain)?))
                })?
                .collect()
        })
    }

    /// Returns what became of one recipient.
    pub fn outcome(&self, id: CampaignId, key: &str) -> Result<Option<OutcomeRecord>, LedgerError> {
        let campaign = self.numbered(id)?;
        self.ask(|conn| {
            let domain = sender_domain(conn, id)?;
            conn.prepare_cached(&format!("{OUTCOME} WHERE r.campaign = ?1 AND r.key = ?2"))?
                .query_row(params![id.0, key], |row| outcome(row, &campaign, &domain))
                .optional()
        })
    }

    /// Returns everything about one recipient: the frozen row, its deliveries, and its whole history.
    pub fn story(&self, id: CampaignId, key: &str) -> Result<Option<Story>, LedgerError> {
        let campaign = self.numbered(id)?;
        self.ask(|conn| {
            let domain = sender_domain(conn, id)?;
            let mut find = conn.prepare(&format!(
                "SELECT {RECIPIENT}, r.id, r.position, r.pass = ?3 FROM recipient r
                 WHERE r.campaign = ?1 AND r.key = ?2"
            ))?;
            let mut rows = find.query(params![id.0, key, campaign.roster_pass])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let number: i64 = row.get(8)?;
            let recipient = record(conn, row, &campaign, &domain)?;
            Ok(Some(Story {
                recipient,
                events: history::of_recipient(conn, number)?,
                definition: campaign.definition.clone(),
            }))
        })
    }

    /// Returns the keys that a person may mean: the exact one, or else all that differ only in case.
    pub fn find_keys(&self, id: CampaignId, key: &str) -> Result<Vec<String>, LedgerError> {
        self.ask(|conn| {
            let exact: Option<String> = conn
                .query_row(
                    "SELECT key FROM recipient WHERE campaign = ?1 AND key = ?2",
                    params![id.0, key],
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(exact) = exact {
                return Ok(vec![exact]);
            }
            let wanted = key.to_lowercase();
            let mut find =
                conn.prepare("SELECT key FROM recipient WHERE campaign = ?1 ORDER BY position, id")?;
            let mut rows = find.query([id.0])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                if row.get_ref(0)?.as_str()?.to_lowercase() == wanted {
                    found.push(row.get(0)?);
                }
            }
            Ok(found)
        })
    }

    /// Finds a delivery by its Message-ID, with or without angle brackets: the campaign, the key and the step.
    pub fn find_by_message_id(&self, id: &str) -> Result<Option<(CampaignId, String, u32)>, LedgerError> {
        self.ask(|conn| find_by_message_id(conn, id))
    }

    /// Returns when the limits of an account leave room for a letter, if they do not at `now`.
    pub fn room_again(
        &self,
        account: &str,
        pace: &Pace,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerError> {
        self.ask(|conn| {
            let find = "SELECT id FROM account WHERE name = ?1";
            let known: Option<i64> = conn.query_row(find, [account], |row| row.get(0)).optional()?;
            match known {
                Some(account) => account_room(conn, account, pace, now).map(|(_, again)| again),
                None => Ok(None),
            }
        })
    }

    /// Shows what is next in the sequence for every recipient, in the order in which they were written down; holds one at a
    /// time. `show` ends it early with `false`.
    pub fn each_onward(
        &self,
        id: CampaignId,
        sequence: &Sequence,
        show: impl FnMut(Onward) -> bool,
    ) -> Result<(), LedgerError> {
        self.ask(|conn| sequence::each_onward(conn, id, sequence, show))
    }

    /// Returns what is next in the sequence for one recipient; `despite_reply` leaves aside that the organisation answered.
    pub fn onward(
        &self,
        id: CampaignId,
        key: &str,
        sequence: &Sequence,
        despite_reply: bool,
    ) -> Result<Option<Onward>, LedgerError> {
        self.ask(|conn| sequence::onward(conn, id, key, sequence, despite_reply))
    }

    /// Returns whether all these folders of a mailbox were read to their end within a span.
    pub fn is_read(&self, read: &MailboxRead, now: Timestamp) -> Result<bool, LedgerError> {
        self.ask(|conn| inbound::is_read(conn, read, now))
    }

    /// Counts the letters of the sequence of which any was ever handed over: their text stays as it is frozen.
    pub fn begun(&self, id: CampaignId) -> Result<usize, LedgerError> {
        self.ask(|conn| begun(conn, id))
    }

    /// Returns the number of the newest event: it changes with everything that happens.
    pub fn newest_event(&self) -> Result<i64, LedgerError> {
        self.ask(history::newest)
    }

    /// Returns what came back, as far as it decides how recipients stand.
    pub fn returns(&self, id: CampaignId) -> Result<Returns, LedgerError> {
        self.ask(|conn| Returns::read(conn, id))
    }

    /// Returns what came back from one recipient, oldest first.
    pub fn came_from(&self, id: CampaignId, key: &str) -> Result<Vec<InboundRecord>, LedgerError> {
        self.ask(|conn| {
            let find = "SELECT id FROM recipient WHERE campaign = ?1 AND key = ?2";
            let number: Option<i64> =
                conn.query_row(find, params![id.0, key], |row| row.get(0)).optional()?;
            number.map_or_else(|| Ok(Vec::new()), |number| inbound::of_recipient(conn, number))
        })
    }

    /// Returns what waits for a person's judgement, oldest first.
    pub fn open_reviews(&self, id: CampaignId) -> Result<Vec<InboundRecord>, LedgerError> {
        self.ask(|conn| inbound::open_reviews(conn, id))
    }

    /// Returns whether a message was recorded before.
    pub fn is_known(&self, fingerprint: &[u8; 32]) -> Result<bool, LedgerError> {
        self.ask(|conn| inbound::is_known(conn, fingerprint))
    }

    /// Returns how far a folder of a mailbox was read.
    pub fn cursor(&self, mailbox: &str, folder: &str) -> Result<Option<CursorRecord>, LedgerError> {
        self.ask(|conn| inbound::cursor(conn, mailbox, folder))
    }

    /// Returns when the attempts of a delivery began, by the number of the event that each ended with.
    pub fn began(&self, delivery: i64) -> Result<BTreeMap<i64, Timestamp>, LedgerError> {
        self.ask(|conn| {
            conn.prepare_cached(
                "SELECT seq, began FROM event WHERE recipient = (SELECT recipient FROM delivery WHERE id = ?1)
                     AND delivery = ?1 AND began IS NOT NULL",
            )?
            .query_map([delivery], |row| Ok((row.get(0)?, instant(row.get(1)?))))?
            .collect()
        })
    }

    /// Returns the octets of a file that went along with a letter.
    pub fn file(&self, digest: &Fingerprint) -> Result<Option<Vec<u8>>, LedgerError> {
        self.ask(|conn| files::content(conn, digest))
    }

    /// Returns the suppression list.
    pub fn suppressions(&self) -> Result<Vec<Suppression>, LedgerError> {
        self.ask(suppression::list)
    }

    /// Returns why we do not write to an address, if there is a reason.
    pub fn suppressed(&self, address: &Address) -> Result<Option<String>, LedgerError> {
        self.ask(|conn| suppression::reason(conn, &address.canonical(), address.domain()))
    }

    /// Returns why we do not write to anybody at a host, if there is a reason: its own, or that of a domain above it.
    pub fn suppressed_host(&self, host: &str) -> Result<Option<String>, LedgerError> {
        let Ok(domain) = suppression::normal(host) else { return Ok(None) };
        self.ask(|conn| suppression::reason(conn, &domain, &domain))
    }

    /// Returns at most `most` events that came after `seq`, oldest first: what a log file may lack after a kill.
    pub fn events_after(&self, seq: i64, most: u32) -> Result<Vec<Event>, LedgerError> {
        self.ask(|conn| history::after(conn, seq, most))
    }

    fn numbered(&self, id: CampaignId) -> Result<Campaign, LedgerError> {
        self.ask(|conn| conn.query_row(&format!("{CAMPAIGN} WHERE id = ?1"), [id.0], campaign))
    }
}

static ENROLLED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {RECIPIENT}, d.state, EXISTS (SELECT 1 FROM delivery e
             WHERE e.recipient = r.id AND (e.state NOT IN (0, 8, 9) OR e.message IS NOT NULL))
         FROM recipient r
         JOIN delivery d ON d.recipient = r.id WHERE r.campaign = ?1 AND r.key = ?2 AND d.step = 1
         ORDER BY d.generation DESC LIMIT 1"
    )
});

/// A recipient with its latest delivery and that one's last event; deliveries are numbered as they are made.
const OUTCOME: &str =
    "SELECT r.id, r.key, r.address, r.pass, d.step, d.state, d.attempts, d.ended_at, d.id_left, d.generation,
        e.code, e.enhanced, e.text, e.note, d.id, e.at, r.channel, r.deadline
    FROM recipient r CROSS JOIN delivery d ON d.id = (SELECT max(id) FROM delivery WHERE recipient = r.id)
    LEFT JOIN event e ON e.seq = d.last_event";

/// The plus keeps SQLite from going by campaign and sorting a million rows for each run.
fn outcomes_after() -> String {
    format!("{OUTCOME} WHERE +r.campaign = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3")
}

fn outcome(row: &Row<'_>, campaign: &Campaign, sender_domain: &str) -> rusqlite::Result<OutcomeRecord> {
    let (key, step): (String, u32) = (row.get(1)?, row.get(4)?);
    let left = match row.get::<_, Option<String>>(8)? {
        Some(left) => left,
        None => id_left(&campaign.seed, row.get(14)?, &key, step, row.get(9)?),
    };
    let reply = match row.get(10)? {
        Some(code) => Some(SmtpReply {
            code,
            enhanced: row.get(11)?,
            text: row.get::<_, Option<String>>(12)?.unwrap_or_default(),
        }),
        None => None,
    };
    let (channel, deadline): (String, Option<String>) = (row.get(16)?, row.get(17)?);
    Ok(OutcomeRecord {
        key,
        errand: Errand::named(&channel),
        address: row.get(2)?,
        deadline: deadline.and_then(|day| day.parse().ok()),
        on_roster: row.get::<_, i64>(3)? == campaign.roster_pass,
        step,
        state: State::from_code(row.get(5)?).unwrap_or(State::InDoubt),
        attempts: row.get(6)?,
        ended_at: row.get::<_, Option<i64>>(7)?.map(instant),
        message_id: message_id(&left, sender_domain),
        reply,
        note: row.get(13)?,
        last_at: row.get::<_, Option<i64>>(15)?.map(instant),
    })
}

/// Counts the deliveries of a campaign by state, and its recipients.
pub(super) fn counts(conn: &Connection, id: CampaignId) -> rusqlite::Result<Counts> {
    let mut counts = Counts {
        recipients: conn
            .query_row("SELECT count(*) FROM recipient WHERE campaign = ?1", [id.0], |row| count(row, 0))?,
        ..Counts::default()
    };
    let mut find = conn.prepare_cached(
        "SELECT d.state, count(*), sum(d.pass <> c.roster_pass) FROM delivery d JOIN campaign c ON c.id = d.campaign
         WHERE d.campaign = ?1 GROUP BY d.state",
    )?;
    let mut rows = find.query([id.0])?;
    while let Some(row) = rows.next()? {
        if let Some(state) = State::from_code(row.get(0)?) {
            *counts.of_mut(state) = count(row, 1)?;
            match state {
                State::Queued => counts.off_roster = count(row, 2)?,
                State::Task => counts.tasks_off_roster = count(row, 2)?,
                _ => {}
            }
        }
    }
    // What goes again to another address, or after a bounce, counts by its newest delivery alone.
    let mut find = conn.prepare_cached(
        "SELECT o.state, count(DISTINCT o.id) FROM delivery d JOIN delivery o ON o.recipient = d.recipient AND o.step = d.step
             AND o.generation < d.generation
         WHERE d.campaign = ?1 AND d.generation > 0 GROUP BY o.state",
    )?;
    let mut rows = find.query([id.0])?;
    while let Some(row) = rows.next()? {
        if let Some(state) = State::from_code(row.get(0)?) {
            let of = counts.of_mut(state);
            *of = of.saturating_sub(count(row, 1)?);
        }
    }
    Ok(counts)
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

pub(super) fn find_by_message_id(
    conn: &Connection,
    id: &str,
) -> rusqlite::Result<Option<(CampaignId, String, u32)>> {
    let bare = id.trim().trim_start_matches('<').trim_end_matches('>');
    let Some((left, domain)) = bare.rsplit_once('@') else { return Ok(None) };
    conn.prepare_cached(
        "SELECT d.campaign, r.key, d.step FROM delivery d JOIN recipient r ON r.id = d.recipient
             JOIN campaign c ON c.id = d.campaign WHERE d.id_left = ?1 AND c.sender_domain = ?2",
    )?
    .query_row([left, &domain.to_ascii_lowercase()], |row| {
        Ok((CampaignId(row.get(0)?), row.get(1)?, row.get(2)?))
    })
    .optional()
}

fn record(
    conn: &Connection,
    row: &Row<'_>,
    campaign: &Campaign,
    sender_domain: &str,
) -> rusqlite::Result<RecipientRecord> {
    let recipient = recipient(row)?;
    let number: i64 = row.get(8)?;
    let mut find = conn.prepare_cached(
        "SELECT id, step, generation, state, attempts, counted, not_before, ended_at, message, dated, size, id_left,
             last_event, (SELECT name FROM account a WHERE a.id = d.account), not_after, without,
             (SELECT list FROM enclosures e WHERE e.id = d.enclosures), noted_without, made, frozen, wire_id,
             d.continues
         FROM delivery d WHERE recipient = ?1 ORDER BY step, generation",
    )?;
    let mut deliveries = Vec::new();
    let mut rows = find.query([number])?;
    while let Some(row) = rows.next()? {
        let (step, generation): (u32, u32) = (row.get(1)?, row.get(2)?);
        let left = match row.get::<_, Option<String>>(11)? {
            Some(left) => left,
            None => id_left(&campaign.seed, row.get(0)?, &recipient.key, step, generation),
        };
        let addresses = |column| -> rusqlite::Result<Vec<Address>> {
            let json: Option<String> = row.get(column)?;
            Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
        };
        let frozen: Option<String> = row.get(19)?;
        let mark = match row.get::<_, Option<[u8; 32]>>(8)? {
            Some(digest) => Some(MessageMark {
                digest,
                dated: instant(row.get(9)?),
                size: u64::try_from(row.get::<_, i64>(10)?).unwrap_or_default(),
            }),
            None => None,
        };
        let last = match row.get::<_, Option<i64>>(12)? {
            Some(seq) => history::number(conn, seq)?,
            None => None,
        };
        deliveries.push(DeliveryRecord {
            id: row.get(0)?,
            step,
            generation,
            state: State::from_code(row.get(3)?).unwrap_or(State::InDoubt),
            attempts: row.get(4)?,
            counted: row.get(5)?,
            not_before: instant(row.get(6)?),
            ended_at: row.get::<_, Option<i64>>(7)?.map(instant),
            mark,
            message_id: message_id(&left, sender_domain),
            account: row.get(13)?,
            last,
            not_after: row.get::<_, Option<i64>>(14)?.map(instant),
            without: addresses(15)?,
            enclosures: files::listed(16, row.get(16)?)?,
            noted: Noted { without: addresses(17)?, made: files::listed(18, row.get(18)?)? },
            frozen: frozen.and_then(|json| serde_json::from_str(&json).ok()),
            wire_id: row.get(20)?,
            continues: continuation(21, row.get(21)?)?,
        });
    }
    Ok(RecipientRecord { recipient, position: row.get(9)?, on_roster: row.get(10)?, deliveries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::schema::open_for_writing;

    #[test]
    fn a_run_of_outcomes_is_read_in_the_order_of_the_rows_and_not_sorted() {
        let home = tempfile::tempdir().unwrap();
        let conn = open_for_writing(&home.path().join("ledger.db")).unwrap();
        let plan: Vec<String> = conn
            .prepare(&format!("EXPLAIN QUERY PLAN {}", outcomes_after()))
            .unwrap()
            .query_map(params![1, 0, 500], |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(plan.iter().any(|step| step.contains("r USING INTEGER PRIMARY KEY (rowid>?)")), "{plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
    }
}
