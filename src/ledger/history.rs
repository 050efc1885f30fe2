//! The history: events are written with the state they tell of, and never changed.

use std::sync::LazyLock;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::record::Event;
use super::writer::{Done, Writing};
use crate::delivery::attempt::Stage;
use crate::mail::message_id::{MessageId, Ordinal, Token};
use crate::mail::smtp_reply::SmtpReply;

/// Milliseconds since 1970, as the ledger keeps time.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The instant of stored milliseconds.
pub(super) fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// What an event is about, by the numbers of the rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About {
    pub(super) campaign: Option<i64>,
    pub(super) recipient: Option<i64>,
    pub(super) delivery: Option<i64>,
    pub(super) began: Option<i64>,
}

impl Writing<'_> {
    /// Writes an event down and returns its number; `event.seq` is set by it.
    pub(super) fn happened(&mut self, about: About, mut event: Event) -> Done<i64> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO event (at, campaign, recipient, delivery, step, event, attempt, began, stage, code, enhanced, text, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        let reply = event.reply.as_ref();
        event.seq = insert.insert(params![
            millis(event.at),
            about.campaign,
            about.recipient,
            about.delivery,
            event.step,
            event.event,
            event.attempt,
            about.began,
            event.stage.map(Stage::name),
            reply.map(|reply| reply.code),
            reply.and_then(|reply| reply.enhanced.as_deref()),
            reply.map(|reply| reply.text.as_str()),
            event.note,
        ])?;
        let seq = event.seq;
        if self.events.len() < Self::KEPT {
            self.events.push(event);
        } else {
            self.more_events = true;
        }
        Ok(seq)
    }
}

impl Writing<'_> {
    /// Writes an event about a campaign or a recipient that changes neither.
    pub(super) fn note_event(&mut self, event: Event) -> Done<i64> {
        let campaign = self.campaign_named(&event.campaign)?.map(|campaign| campaign.id.0);
        let recipient = match (&campaign, &event.key) {
            (Some(campaign), Some(key)) => self
                .conn
                .prepare_cached("SELECT id FROM recipient WHERE campaign = ?1 AND key = ?2")?
                .query_row(params![campaign, key], |row| row.get(0))
                .optional()?,
            _ => None,
        };
        self.happened(About { campaign, recipient, ..About::default() }, event)
    }
}

/// An event of a campaign as a whole.
pub(super) fn plain(at: Timestamp, campaign: &str, what: &str, note: Option<String>) -> Event {
    Event { note, ..Event::of_campaign(at, campaign, what) }
}

/// Returns the number of the newest event, 0 where there is none.
pub(super) fn newest(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("SELECT coalesce(max(seq), 0) FROM event", [], |row| row.get(0))
}

const EVENT: &str =
    "SELECT e.seq, e.at, c.name, r.key, e.step, e.event, e.attempt, e.stage, e.code, e.enhanced, e.text,
        e.note, d.id_left, c.sender_domain
    FROM event e LEFT JOIN campaign c ON c.id = e.campaign LEFT JOIN recipient r ON r.id = e.recipient
        LEFT JOIN delivery d ON d.id = e.delivery";

static AFTER: LazyLock<String> =
    LazyLock::new(|| format!("{EVENT} WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2"));
static OF_RECIPIENT: LazyLock<String> =
    LazyLock::new(|| format!("{EVENT} WHERE e.recipient = ?1 ORDER BY e.seq"));
static NUMBER: LazyLock<String> = LazyLock::new(|| format!("{EVENT} WHERE e.seq = ?1"));

/// Returns at most `most` events that came after `seq`, oldest first.
pub(super) fn after(conn: &Connection, seq: i64, most: u32) -> rusqlite::Result<Vec<Event>> {
    conn.prepare_cached(&AFTER)?.query_map(params![seq, most], event)?.collect()
}

/// Returns everything that happened to one recipient.
pub(super) fn of_recipient(conn: &Connection, recipient: i64) -> rusqlite::Result<Vec<Event>> {
    conn.prepare_cached(&OF_RECIPIENT)?.query_map([recipient], event)?.collect()
}

/// Returns one event.
pub(super) fn number(conn: &Connection, seq: i64) -> rusqlite::Result<Option<Event>> {
    conn.prepare_cached(&NUMBER)?.query_row([seq], event).optional()
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let stage: Option<String> = row.get(7)?;
    let code: Option<u16> = row.get(8)?;
    let reply = match code {
        Some(code) => Some(SmtpReply {
            code,
            enhanced: row.get(9)?,
            text: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
        }),
        None => None,
    };
    let id_left: Option<String> = row.get(12)?;
    let message_id = match id_left {
        Some(left) => Some(message_id(&left, &row.get::<_, String>(13)?)),
        None => None,
    };
    Ok(Event {
        seq: row.get(0)?,
        at: instant(row.get(1)?),
        campaign: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        key: row.get(3)?,
        step: row.get(4)?,
        event: row.get(5)?,
        attempt: row.get(6)?,
        stage: stage.and_then(|name| Stage::ALL.into_iter().find(|stage| stage.name() == name)),
        reply,
        note: row.get(11)?,
        message_id,
    })
}

/// Puts a stored left part and the sender's domain together again.
pub(super) fn message_id(id_left: &str, sender_domain: &str) -> String {
    format!("<{id_left}@{sender_domain}>")
}

/// Derives the left part of a delivery's Message-ID.
pub(super) fn id_left(seed: &[u8; 32], delivery: i64, key: &str, step: u32, generation: u32) -> String {
    let ordinal = Ordinal::derive(seed, u64::try_from(delivery).unwrap_or_default());
    // The domain plays no part in the left half, so any will do.
    let id = MessageId::of(&ordinal, &Token::derive(seed, key, step, generation), step, "x");
    let id = id.as_str();
    id.strip_prefix('<').and_then(|id| id.rsplit_once('@')).map_or(id, |(left, _)| left).to_owned()
}
