//! What came back, in the ledger: written down with everything that follows from it, and with how far the mailbox was read.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::campaigns::refused;
use super::history::{About, instant, millis, plain};
use super::record::{
    Arrival, CampaignId, CursorRecord, InboundId, InboundRecord, Judgement, MailboxRead, Recorded, Review,
    Verdict,
};
use super::writer::{Done, Writing};
use crate::campaign::recipient::Recipient;
use crate::delivery::inbound::{Consequence, Evidence, Kind, Matched, Reading, Stop, consequence};
use crate::delivery::standing::Came;
use crate::delivery::state::State;
use crate::mail::address::Address;

/// Where an arrival comes from that a person told us of.
pub(super) const BY_HAND: &str = "by hand";

/// What an arrival is about, as the ledger has it.
struct Subject {
    campaign: CampaignId,
    name: String,
    recipient: i64,
    row: Recipient,
    delivery: Option<Named>,
}

/// The delivery that an arrival names.
#[derive(Clone, Copy)]
struct Named {
    id: i64,
    step: u32,
    state: State,
}

impl Subject {
    fn about(&self) -> About {
        About {
            campaign: Some(self.campaign.0),
            recipient: Some(self.recipient),
            delivery: self.delivery.map(|delivery| delivery.id),
            began: None,
        }
    }

    /// The addressee beside the first whom a report names, where it does not name the first.
    fn other_addressee(&self, reading: &Reading) -> Option<Address> {
        let addressees = self.row.addressees()?;
        let named = |address: &Address| {
            reading.recipients.iter().any(|named| named.to_lowercase() == address.canonical())
        };
        if reading.kind != Kind::Bounce || named(&addressees.to.address) {
            return None;
        }
        addressees.others().map(|mailbox| &mailbox.address).find(|address| named(address)).cloned()
    }
}

impl Writing<'_> {
    /// Writes down what came back and what follows from it, and how far the folder was read.
    pub(super) fn record(
        &mut self,
        arrivals: &[Arrival],
        cursor: Option<&CursorRecord>,
        now: Timestamp,
    ) -> Done<Vec<Recorded>> {
        let recorded = arrivals.iter().map(|arrival| self.take_in(arrival, now)).collect::<Done<_>>()?;
        if let Some(cursor) = cursor {
            self.conn
                .prepare_cached(
                    "INSERT INTO cursor (mailbox, folder, cursor, read_to_end_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (mailbox, folder) DO UPDATE SET cursor = excluded.cursor,
                         read_to_end_at = coalesce(excluded.read_to_end_at, read_to_end_at)",
                )?
                .execute(params![
                    cursor.mailbox,
                    cursor.folder,
                    cursor.cursor,
                    cursor.read_to_end_at.map(millis)
                ])?;
        }
        Ok(recorded)
    }

    fn take_in(&mut self, arrival: &Arrival, now: Timestamp) -> Done<Recorded> {
        if let Some(fingerprint) = &arrival.fingerprint
            && is_known(self.conn, fingerprint)?
        {
            return Ok(Recorded::Known);
        }
        let Some(subject) = self.subject(arrival.campaign, &arrival.key, arrival.delivery)? else {
            return Ok(Recorded::Stranger);
        };
        let follows = self.follows(&subject, &arrival.reading)?;
        let id = self
            .conn
            .prepare_cached(
                "INSERT INTO inbound (campaign, recipient, delivery, source, fingerprint, message_id, sender, subject, at,
                     read_at, kind, reading, stop, until, review, kept)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .insert(params![
                subject.campaign.0,
                subject.recipient,
                subject.delivery.map(|delivery| delivery.id),
                arrival.source,
                arrival.fingerprint,
                arrival.message_id,
                arrival.sender,
                arrival.subject,
                millis(arrival.at),
                millis(now),
                arrival.reading.kind.name(),
                serde_json::to_string(&arrival.reading).unwrap_or_default(),
                follows.stop.map(stop_code),
                arrival.reading.until.map(|day| day.to_string()),
                i64::from(follows.review),
                arrival.kept
            ])?;
        let what = if follows.review && follows.stop.is_none() { "review" } else { word(&arrival.reading) };
        self.tell(&subject, what, said(&arrival.reading, arrival.sender.as_deref()), &follows, now)?;
        self.carry_out(&subject, &arrival.reading, &follows, now)?;
        Ok(Recorded::New { id: InboundId(id), review: follows.review })
    }

    /// Finds what an arrival is about: the delivery that it names, or the newest that was handed over.
    fn subject(&self, campaign: CampaignId, key: &str, delivery: Option<i64>) -> Done<Option<Subject>> {
        let mut find = self.conn.prepare_cached(&format!(
            "SELECT {}, r.id, c.name FROM recipient r JOIN campaign c ON c.id = r.campaign
             WHERE r.campaign = ?1 AND r.key = ?2",
            super::claim::RECIPIENT
        ))?;
        let found = find
            .query_row(params![campaign.0, key], |row| {
                Ok((super::claim::recipient(row)?, row.get::<_, i64>(8)?, row.get::<_, String>(9)?))
            })
            .optional()?;
        let Some((row, recipient, name)) = found else { return Ok(None) };
        let delivery = self
            .conn
            .prepare_cached(
                "SELECT id, step, state FROM delivery WHERE recipient = ?1
                     AND (id = ?2 OR (?2 IS NULL AND (message IS NOT NULL OR state IN (2, 5, 6, 10))))
                 ORDER BY step DESC, generation DESC LIMIT 1",
            )?
            .query_row(params![recipient, delivery], |row| {
                let state = State::from_code(row.get(2)?).unwrap_or(State::InDoubt);
                Ok(Named { id: row.get(0)?, step: row.get(1)?, state })
            })
            .optional()?;
        Ok(Some(Subject { campaign, name, recipient, row, delivery }))
    }

    fn follows(&self, subject: &Subject, reading: &Reading) -> Done<Consequence> {
        let soft: u32 = match subject.delivery {
            Some(delivery) => self
                .conn
                .prepare_cached(
                    "SELECT count(DISTINCT i.delivery) FROM inbound i JOIN delivery d ON d.id = i.delivery
                     WHERE i.recipient = ?1 AND i.kind = 'bounce' AND d.step = ?2 AND d.state = 6 AND d.id <> ?3",
                )?
                .query_row(params![subject.recipient, delivery.step, delivery.id], |row| row.get(0))?,
            None => 0,
        };
        let state = subject.delivery.map(|delivery| delivery.state);
        if subject.other_addressee(reading).is_some() {
            // The letter itself arrived, as far as anybody knows; only the address is looked at.
            let alone = consequence(reading, None, soft);
            return Ok(Consequence { suppress: alone.suppress, ..Consequence::default() });
        }
        let follows = consequence(reading, state, soft);
        let newer = follows.again.is_some() && self.has_newer(subject)?;
        Ok(if newer { Consequence { again: None, ..follows } } else { follows })
    }

    /// Whether the step that a delivery is of goes, or went, again already.
    fn has_newer(&self, subject: &Subject) -> Done<bool> {
        let Some(delivery) = subject.delivery else { return Ok(false) };
        let mut find = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery d JOIN delivery o ON o.recipient = d.recipient AND o.step = d.step
                 AND o.generation > d.generation WHERE d.id = ?1)",
        )?;
        Ok(find.query_row([delivery.id], |row| row.get(0))?)
    }

    /// Writes the event; a bounce becomes the newest word on its delivery.
    fn tell(
        &mut self,
        subject: &Subject,
        what: &str,
        note: String,
        follows: &Consequence,
        now: Timestamp,
    ) -> Done<()> {
        let mut event = plain(now, &subject.name, what, Some(note));
        event.key = Some(subject.row.key.clone());
        event.step = subject.delivery.map(|delivery| delivery.step);
        let seq = self.happened(subject.about(), event)?;
        if let Some(delivery) = subject.delivery.filter(|_| follows.event.is_some()) {
            self.conn
                .prepare_cached("UPDATE delivery SET last_event = ?2 WHERE id = ?1")?
                .execute(params![delivery.id, seq])?;
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        subject: &Subject,
        reading: &Reading,
        follows: &Consequence,
        now: Timestamp,
    ) -> Done<()> {
        if let (Some(delivery), Some(event)) = (subject.delivery, &follows.event) {
            let held = self.delivery(delivery.id)?;
            let moved = self.lawful(&held, event, now)?;
            self.conn
                .prepare_cached("UPDATE delivery SET state = ?2 WHERE id = ?1")?
                .execute(params![delivery.id, moved.to.code()])?;
        }
        if let Some(reason) = &follows.suppress {
            let address = subject.other_addressee(reading).or_else(|| subject.row.address().cloned());
            if let Some(address) = address {
                self.suppress(&address.to_string(), reason, now)?;
            }
        }
        match follows.stop {
            Some(Stop::Replied) => {
                let why = format!("{} answered", subject.row.key);
                for id in self.waiting_of_organisation(subject)? {
                    self.withdraw(id, &why, now)?;
                }
            }
            Some(Stop::OptedOut | Stop::Complained | Stop::Bounced) => {
                let why =
                    follows.suppress.clone().unwrap_or_else(|| "an earlier letter came back".to_owned());
                for id in self.waiting_of(subject.recipient)? {
                    self.withdraw(id, &why, now)?;
                }
            }
            None => {}
        }
        if let (Some(delivery), Some(wait)) = (subject.delivery, follows.again) {
            self.queue_again(delivery.id, now.saturating_add(wait).unwrap_or(Timestamp::MAX))?;
            self.reopen(subject.campaign, "a letter that came back goes again", now)?;
        }
        Ok(())
    }

    /// What waits to be sent or done for a recipient.
    fn waiting_of(&self, recipient: i64) -> Done<Vec<i64>> {
        Ok(self
            .conn
            .prepare_cached("SELECT id FROM delivery WHERE recipient = ?1 AND state IN (0, 8, 9)")?
            .query_map([recipient], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// The same for everybody of the recipient's organisation.
    fn waiting_of_organisation(&self, subject: &Subject) -> Done<Vec<i64>> {
        let Some(organisation) = &subject.row.organisation else {
            return self.waiting_of(subject.recipient);
        };
        Ok(self
            .conn
            .prepare_cached(
                "SELECT d.id FROM recipient r JOIN delivery d ON d.recipient = r.id AND d.state IN (0, 8, 9)
                 WHERE r.campaign = ?1 AND r.organisation = ?2",
            )?
            .query_map(params![subject.campaign.0, organisation], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// Queues the same step once more, as a delivery with a name of its own.
    pub(super) fn queue_again(&self, delivery: i64, not_before: Timestamp) -> Done<i64> {
        Ok(self
            .conn
            .prepare_cached(
                "INSERT INTO delivery (campaign, recipient, step, generation, not_before, pass, position, domain, not_after,
                     enclosures)
                 SELECT d.campaign, d.recipient, d.step,
                     (SELECT max(generation) + 1 FROM delivery o WHERE o.recipient = d.recipient AND o.step = d.step),
                     ?2, r.pass, r.position, d.domain, d.not_after, d.enclosures
                 FROM delivery d JOIN recipient r ON r.id = d.recipient WHERE d.id = ?1",
            )?
            .insert(params![delivery, millis(not_before)])?)
    }

    /// Takes a person's word on something that came back.
    pub(super) fn judge(&mut self, id: InboundId, judgement: &Judgement, now: Timestamp) -> Done<()> {
        let Some(record) = one(self.conn, id)? else {
            return refused(format!("there is nothing numbered {} that came back", id.0));
        };
        if record.review == Review::None {
            return refused(format!(
                "number {} needs no judgement: it counts as {}",
                id.0,
                record.kind.name()
            ));
        }
        let key = judgement.key.as_deref().unwrap_or(&record.key);
        let delivery = judgement.key.is_none().then_some(record.delivery).flatten();
        let Some(subject) = self.subject(record.campaign, key, delivery)? else {
            return refused(format!("no recipient has the key `{key}`"));
        };
        let reading = judged(&record.reading, judgement.verdict, &subject.row.key);
        let follows = Consequence { review: false, ..self.follows(&subject, &reading)? };
        self.conn
            .prepare_cached(
                "UPDATE inbound SET recipient = ?2, delivery = ?3, kind = ?4, stop = ?5, until = ?6, review = 2,
                     judged_at = ?7, judged = ?8 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                subject.recipient,
                subject.delivery.map(|delivery| delivery.id),
                reading.kind.name(),
                follows.stop.map(stop_code),
                reading.until.map(|day| day.to_string()),
                millis(now),
                judgement.note
            ])?;
        let note = match &judgement.note {
            Some(note) => format!("judged by a person: {note}"),
            None => "judged by a person".to_owned(),
        };
        self.tell(&subject, word(&reading), note, &follows, now)?;
        self.carry_out(&subject, &reading, &follows, now)
    }

    /// Writes down what a person says of a recipient, as something that came back.
    pub(super) fn told(
        &mut self,
        campaign: CampaignId,
        key: &str,
        reading: Reading,
        note: Option<&str>,
        now: Timestamp,
    ) -> Done<()> {
        let arrival = Arrival {
            source: BY_HAND.to_owned(),
            fingerprint: None,
            message_id: None,
            sender: None,
            subject: note.map(str::to_owned),
            at: now,
            campaign,
            key: key.to_owned(),
            delivery: None,
            reading,
            kept: None,
        };
        match self.take_in(&arrival, now)? {
            Recorded::Stranger => refused(format!("no recipient has the key `{key}`")),
            Recorded::Known | Recorded::New { .. } => Ok(()),
        }
    }

    /// Writes a remark into the history of a recipient.
    pub(super) fn remark(&mut self, campaign: CampaignId, key: &str, note: &str, now: Timestamp) -> Done<()> {
        let Some(subject) = self.subject(campaign, key, None)? else {
            return refused(format!("no recipient has the key `{key}`"));
        };
        self.tell(&subject, "note", note.to_owned(), &Consequence::default(), now)
    }

    /// Takes back what stopped a recipient, for the whole organisation where it was an answer; returns how much that was.
    pub(super) fn take_back(
        &mut self,
        campaign: CampaignId,
        key: &str,
        note: Option<&str>,
        now: Timestamp,
    ) -> Done<u64> {
        let Some(subject) = self.subject(campaign, key, None)? else {
            return refused(format!("no recipient has the key `{key}`"));
        };
        let taken = self
            .conn
            .prepare_cached(
                "UPDATE inbound SET stop = NULL, review = 2, judged_at = ?4, judged = ?5
                 WHERE (stop IS NOT NULL OR review = 1) AND recipient IN (SELECT id FROM recipient
                     WHERE id = ?1 OR (campaign = ?2 AND organisation = ?3))",
            )?
            .execute(params![
                subject.recipient,
                campaign.0,
                subject.row.organisation,
                millis(now),
                note.unwrap_or("taken back")
            ])?;
        if taken > 0 {
            let said = note.unwrap_or("what stopped the next letters was taken back").to_owned();
            self.tell(&subject, "open", said, &Consequence::default(), now)?;
        }
        Ok(taken as u64)
    }
}

/// What a reading is once a person has said what it is.
fn judged(reading: &Reading, verdict: Verdict, key: &str) -> Reading {
    let step = reading.matched.as_ref().and_then(|matched| matched.step);
    let matched = Matched {
        key: key.to_owned(),
        step,
        by: Evidence::Word,
        evidence: "a person".to_owned(),
        letter: None,
    };
    let (kind, permanent, address_bad) = match verdict {
        Verdict::Reply => (Kind::Reply, false, false),
        Verdict::AutoReply => (Kind::AutoReply, false, false),
        Verdict::Away(_) => (Kind::AutoReply, false, false),
        Verdict::Bounced => (Kind::Bounce, true, false),
        Verdict::WrongAddress => (Kind::Bounce, true, true),
        Verdict::SendAgain => (Kind::Bounce, false, false),
        Verdict::OptedOut => (Kind::Unsubscribe, false, false),
        Verdict::Complaint => (Kind::Complaint, false, false),
        Verdict::Nothing => (Kind::Unrelated, false, false),
    };
    let until = match verdict {
        Verdict::Away(until) => Some(until),
        _ => reading.until.filter(|_| kind == Kind::AutoReply),
    };
    Reading {
        kind,
        permanent,
        address_bad,
        until,
        delayed: false,
        ours_to_blame: false,
        needs_a_person: false,
        matched: Some(matched),
        ..reading.clone()
    }
}

/// Makes a reading out of a person's word.
pub(super) fn by_word(verdict: Verdict, key: &str) -> Reading {
    let told = Reading::new(Kind::Unrelated).because("a person says so");
    judged(&told, verdict, key)
}

/// The word of the history for a reading.
fn word(reading: &Reading) -> &'static str {
    match reading.kind {
        Kind::Reply => "replied",
        Kind::AutoReply => "auto-replied",
        Kind::Bounce if reading.delayed => "delayed",
        Kind::Bounce => "bounced",
        Kind::Complaint => "complained",
        Kind::Unsubscribe => "opted-out",
        Kind::Receipt => "receipt",
        Kind::Unrelated => "noted",
    }
}

/// Says for the history what was read and by what it was known.
fn said(reading: &Reading, sender: Option<&str>) -> String {
    let mut said = reading.reasons.join("; ");
    if let Some(matched) = reading.matched.as_ref().filter(|matched| matched.by != Evidence::Word) {
        said.push_str(&format!("; known by {} {}", matched.by.words(), matched.evidence));
    }
    match sender {
        Some(sender) => format!("from {sender}: {said}"),
        None => said,
    }
}

pub(super) fn stop_code(stop: Stop) -> i64 {
    match stop {
        Stop::Replied => 1,
        Stop::OptedOut => 2,
        Stop::Complained => 3,
        Stop::Bounced => 4,
    }
}

pub(super) fn stop_of(code: i64) -> Option<Stop> {
    [Stop::Replied, Stop::OptedOut, Stop::Complained, Stop::Bounced]
        .into_iter()
        .find(|stop| stop_code(*stop) == code)
}

/// Whether a message was recorded before.
pub(super) fn is_known(conn: &Connection, fingerprint: &[u8; 32]) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM inbound WHERE fingerprint = ?1)")?
        .query_row([fingerprint], |row| row.get(0))
}

/// Returns how far a folder was read.
pub(super) fn cursor(
    conn: &Connection,
    mailbox: &str,
    folder: &str,
) -> rusqlite::Result<Option<CursorRecord>> {
    conn.prepare_cached("SELECT cursor, read_to_end_at FROM cursor WHERE mailbox = ?1 AND folder = ?2")?
        .query_row([mailbox, folder], |row| {
            Ok(CursorRecord {
                mailbox: mailbox.to_owned(),
                folder: folder.to_owned(),
                cursor: row.get(0)?,
                read_to_end_at: row.get::<_, Option<i64>>(1)?.map(instant),
            })
        })
        .optional()
}

/// Whether all folders were read to their end within the span; a reading that lies ahead of `now` proves nothing, since the clock
/// was moved.
pub(super) fn is_read(conn: &Connection, read: &MailboxRead, now: Timestamp) -> rusqlite::Result<bool> {
    let oldest = now.saturating_sub(read.within).unwrap_or(Timestamp::MIN);
    let mut fresh = !read.folders.is_empty();
    for folder in &read.folders {
        let at = cursor(conn, &read.mailbox, folder)?.and_then(|known| known.read_to_end_at);
        fresh &= at.is_some_and(|at| oldest <= at && at <= now);
    }
    Ok(fresh)
}

const INBOUND: &str =
    "SELECT i.id, i.campaign, r.key, d.step, i.delivery, i.source, i.message_id, i.sender, i.subject, i.at,
        i.read_at, i.kind, i.reading, i.stop, i.until, i.review, i.judged_at, i.judged, i.kept
    FROM inbound i JOIN recipient r ON r.id = i.recipient LEFT JOIN delivery d ON d.id = i.delivery";

fn record(row: &Row<'_>) -> rusqlite::Result<InboundRecord> {
    let reading: String = row.get(12)?;
    let reading: Reading = serde_json::from_str(&reading).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(12, rusqlite::types::Type::Text, error.into())
    })?;
    let kind: String = row.get(11)?;
    let until: Option<String> = row.get(14)?;
    Ok(InboundRecord {
        id: InboundId(row.get(0)?),
        campaign: CampaignId(row.get(1)?),
        key: row.get(2)?,
        step: row.get(3)?,
        delivery: row.get(4)?,
        source: row.get(5)?,
        message_id: row.get(6)?,
        sender: row.get(7)?,
        subject: row.get(8)?,
        at: instant(row.get(9)?),
        read_at: instant(row.get(10)?),
        kind: Kind::named(&kind).unwrap_or(reading.kind),
        reading,
        stop: row.get::<_, Option<i64>>(13)?.and_then(stop_of),
        until: until.and_then(|day| day.parse().ok()),
        review: match row.get(15)? {
            0_i64 => Review::None,
            1 => Review::Open,
            _ => Review::Judged,
        },
        judged_at: row.get::<_, Option<i64>>(16)?.map(instant),
        judged: row.get(17)?,
        kept: row.get(18)?,
    })
}

fn one(conn: &Connection, id: InboundId) -> rusqlite::Result<Option<InboundRecord>> {
    conn.prepare_cached(&format!("{INBOUND} WHERE i.id = ?1"))?.query_row([id.0], record).optional()
}

/// Returns what came back from one recipient, oldest first.
pub(super) fn of_recipient(conn: &Connection, recipient: i64) -> rusqlite::Result<Vec<InboundRecord>> {
    conn.prepare_cached(&format!("{INBOUND} WHERE i.recipient = ?1 ORDER BY i.at, i.id"))?
        .query_map([recipient], record)?
        .collect()
}

/// Returns what waits for a person's judgement, oldest first.
pub(super) fn open_reviews(conn: &Connection, campaign: CampaignId) -> rusqlite::Result<Vec<InboundRecord>> {
    conn.prepare_cached(&format!("{INBOUND} WHERE i.campaign = ?1 AND i.review = 1 ORDER BY i.at, i.id"))?
        .query_map([campaign.0], record)?
        .collect()
}

/// What came back of a campaign, by recipient and by organisation; few beside the recipients.
#[derive(Clone, Debug, Default)]
pub struct Returns {
    came: HashMap<String, Came>,
    answered: HashMap<String, String>,
    under_review: HashSet<String>,
}

impl Returns {
    /// Reads it all.
    pub(super) fn read(conn: &Connection, campaign: CampaignId) -> rusqlite::Result<Self> {
        let mut returns = Self::default();
        let mut find = conn.prepare_cached(
            "SELECT r.key, r.organisation, i.stop, i.review, i.kind, i.until, i.at, i.sender, i.source, i.judged,
                 i.subject
             FROM inbound i
             JOIN recipient r ON r.id = i.recipient WHERE i.campaign = ?1 ORDER BY i.at, i.id",
        )?;
        let mut rows = find.query([campaign.0])?;
        while let Some(row) = rows.next()? {
            let (key, organisation): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            let stop = row.get::<_, Option<i64>>(2)?.and_then(stop_of);
            let (review, kind): (i64, String) = (row.get(3)?, row.get(4)?);
            let until: Option<Date> = row.get::<_, Option<String>>(5)?.and_then(|day| day.parse().ok());
            let came = returns.came.entry(key.clone()).or_default();
            came.stop = stronger(came.stop, stop);
            came.review |= review == 1;
            came.auto_replied |= kind == Kind::AutoReply.name();
            came.until = came.until.max(until);
            let kind = Kind::named(&kind).unwrap_or(Kind::Unrelated);
            // What nothing followed from says nothing here.
            if kind != Kind::Unrelated {
                let (sender, judged): (Option<String>, Option<String>) = (row.get(7)?, row.get(9)?);
                // A person's word has what they said in the place of a subject.
                let by_hand = row.get::<_, String>(8)? == BY_HAND;
                let said: Option<String> = if by_hand { row.get(10)? } else { None };
                let note = judged.or(said);
                came.last = Some((instant(row.get(6)?), words(kind, review == 1, sender, note)));
            }
            if let Some(organisation) = organisation {
                if review == 1 {
                    returns.under_review.insert(organisation.clone());
                }
                if stop == Some(Stop::Replied) {
                    returns.answered.entry(organisation).or_insert(key);
                }
            }
        }
        Ok(returns)
    }

    /// Returns what came back from one recipient, with what a colleague's answer means for it.
    pub fn of(&self, key: &str, organisation: Option<&str>) -> Came {
        let mut came = self.came.get(key).cloned().unwrap_or_default();
        let Some(organisation) = organisation else { return came };
        if let Some(by) = self.answered.get(organisation).filter(|by| *by != key) {
            came.stop = stronger(came.stop, Some(Stop::Replied));
            came.answered_by = Some(by.clone());
        }
        came.colleague_under_review = !came.review && self.under_review.contains(organisation);
        came
    }
}

/// Tells in a clause what came.
fn words(kind: Kind, review: bool, sender: Option<String>, note: Option<String>) -> String {
    let what = match kind {
        Kind::Reply => "an answer",
        Kind::AutoReply => "an automatic answer",
        Kind::Bounce => "a report that the letter did not arrive",
        Kind::Complaint => "a complaint",
        Kind::Unsubscribe => "a wish for no more letters",
        Kind::Receipt => "a receipt",
        Kind::Unrelated => "something else",
    };
    let from = sender.map(|sender| format!(" from {sender}")).unwrap_or_default();
    let note = note.map(|note| format!("; {note}")).unwrap_or_default();
    let waits = if review { "; a person must look at it: `postduif review`" } else { "" };
    format!("{what}{from}{note}{waits}")
}

/// An answer, then a wish for no more letters, then a complaint, then a bounce.
fn stronger(one: Option<Stop>, other: Option<Stop>) -> Option<Stop> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if stop_code(one) <= stop_code(other) { one } else { other }),
        (one, other) => one.or(other),
    }
}
