//! What a table of all recipients shows of each, read in runs, and again for those to whom something happened.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};

use super::history::instant;
use super::record::{Campaign, CampaignId, Counts};
use super::{LedgerError, Reader};
use crate::campaign::recipient::Errand;
use crate::delivery::state::State;

/// One recipient and where its newest letter stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the ledger: recipients are numbered as they are written down.
    pub number: i64,
    /// Its place in the roster.
    pub position: i64,
    /// What the campaigner calls it.
    pub key: String,
    /// The name beside the address.
    pub name: Option<String>,
    /// The body that it answers for.
    pub organisation: Option<String>,
    /// Its address, where it takes mail.
    pub address: Option<String>,
    /// The same in the one spelling that the suppression list has.
    pub canonical: Option<String>,
    /// What a person does for one who takes no mail.
    pub errand: Option<Errand>,
    /// Its own deadline.
    pub deadline: Option<Date>,
    /// Whether the last pass over the roster saw it.
    pub on_roster: bool,
    /// The newest letter's step; 0 where there is none.
    pub step: u32,
    /// Where that letter stands.
    pub state: State,
    /// When it was accepted or came into doubt.
    pub ended_at: Option<Timestamp>,
    /// When the relay was last spoken to about it, or a person did something.
    pub last_at: Option<Timestamp>,
    /// All its letters.
    pub letters: Box<[LineLetter]>,
}

/// How far somebody who keeps lines has followed the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Follow {
    campaign: Option<CampaignId>,
    roster_pass: i64,
    /// The newest event that was heard of.
    seq: i64,
    /// The number of the last recipient that was told.
    last: i64,
}

/// What is told to who follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing that is kept holds any more; everybody is told anew.
    Anew,
    /// Recipients as they are now, known before or not.
    Lines(Vec<Line>),
}

/// Recipients read together.
const RUN: u32 = 2000;

/// One delivery of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineLetter {
    /// Where it stands.
    pub state: State,
    /// When it was accepted or came into doubt.
    pub ended_at: Option<Timestamp>,
    /// Whether the last pass over the roster saw it.
    pub on_roster: bool,
    /// Whether another delivery of the same step came after it, so that it counts no more.
    pub replaced: bool,
}

/// What the letters of many lines add up to, kept in step as lines change: as [`Reader::counts`] has it, without looking at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// By state.
    pub counts: Counts,
    /// How many ended within each hour, by the hour's number since 1970.
    hours: BTreeMap<i64, u64>,
}

const HOUR: i64 = 3_600_000;

impl Sums {
    /// Adds a line, or takes it off again.
    pub fn change(&mut self, line: &Line, adds: bool) {
        let turn = |count: &mut u64| *count = if adds { *count + 1 } else { count.saturating_sub(1) };
        turn(&mut self.counts.recipients);
        for letter in &line.letters {
            if let Some(at) = letter.ended_at {
                turn(self.hours.entry(at.as_millisecond().div_euclid(HOUR)).or_default());
            }
            if letter.replaced {
                continue;
            }
            turn(self.counts.of_mut(letter.state));
            match letter.state {
                State::Queued if !letter.on_roster => turn(&mut self.counts.off_roster),
                State::Task if !letter.on_roster => turn(&mut self.counts.tasks_off_roster),
                _ => {}
            }
        }
    }

    /// Returns the hours in which letters were accepted or came into doubt: when each began, and how many.
    pub fn hours(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        let begun = self.hours.iter().filter(|(_, count)| **count > 0);
        begun.map(|(hour, count)| (instant(hour.saturating_mul(HOUR)), *count))
    }
}

/// Those to whom something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The newest event that was looked at.
    pub seq: i64,
    /// The recipients' numbers.
    pub recipients: BTreeSet<i64>,
    /// The words of what happened.
    pub events: BTreeSet<String>,
    /// Whether something happened to the campaign as a whole.
    pub campaign: bool,
}

const LINE: &str = "SELECT r.id, r.position, r.key, r.name, r.organisation, r.address, r.canonical, r.channel, r.deadline,
        r.pass = (SELECT roster_pass FROM campaign c WHERE c.id = r.campaign), coalesce(d.step, 0), coalesce(d.state, 0),
        d.ended_at, e.at
    FROM recipient r
    LEFT JOIN delivery d ON d.id = (SELECT max(id) FROM delivery WHERE recipient = r.id)
    LEFT JOIN event e ON e.seq = d.last_event";

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    let (channel, deadline): (String, Option<String>) = (row.get(7)?, row.get(8)?);
    Ok(Line {
        number: row.get(0)?,
        position: row.get(1)?,
        key: row.get(2)?,
        name: row.get(3)?,
        organisation: row.get(4)?,
        address: row.get(5)?,
        canonical: row.get(6)?,
        errand: Errand::named(&channel),
        deadline: deadline.and_then(|day| day.parse().ok()),
        on_roster: row.get(9)?,
        step: row.get(10)?,
        state: State::from_code(row.get(11)?).unwrap_or(State::InDoubt),
        ended_at: row.get::<_, Option<i64>>(12)?.map(instant),
        last_at: row.get::<_, Option<i64>>(13)?.map(instant),
        letters: Box::default(),
    })
}

/// Gives lines, which are sorted by their numbers, their letters: those of all recipients from the first to the last of them.
fn with_letters(conn: &Connection, lines: &mut [Line]) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(()) };
    let mut find = conn.prepare_cached(
        "SELECT d.recipient, d.step, d.state, d.ended_at, d.pass = c.roster_pass FROM delivery d
             JOIN campaign c ON c.id = d.campaign
         WHERE d.recipient BETWEEN ?1 AND ?2 ORDER BY d.recipient, d.step, d.generation",
    )?;
    let mut rows = find.query([first.number, last.number])?;
    let mut letters: Vec<(i64, u32, LineLetter)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, step) = (row.get(0)?, row.get(1)?);
        if let Some((_, _, before)) = letters.last_mut().filter(|(of, at, _)| (*of, *at) == (number, step)) {
            before.replaced = true;
        }
        let letter = LineLetter {
            state: State::from_code(row.get(2)?).unwrap_or(State::InDoubt),
            ended_at: row.get::<_, Option<i64>>(3)?.map(instant),
            on_roster: row.get(4)?,
            replaced: false,
        };
        letters.push((number, step, letter));
    }
    for of_one in letters.chunk_by(|(one, ..), (other, ..)| one == other) {
        let number = of_one.first().map(|(number, ..)| *number);
        // Recipients of other campaigns may stand between them.
        let at = number.map(|number| lines.binary_search_by_key(&number, |line| line.number));
        if let Some(line) = at.and_then(|at| lines.get_mut(at.ok()?)) {
            line.letters = of_one.iter().map(|(.., letter)| *letter).collect();
        }
    }
    Ok(())
}

impl Reader {
    /// Returns at most `most` recipients that were written down after the one numbered `after`, in that order.
    pub fn lines_after(&self, id: CampaignId, after: i64, most: u32) -> Result<Vec<Line>, LedgerError> {
        self.ask(|conn| {
            // The plus keeps SQLite from going by campaign and sorting all of them for each run.
            let mut lines: Vec<Line> = conn
                .prepare_cached(&format!(
                    "{LINE} WHERE +r.campaign = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3"
                ))?
                .query_map(params![id.0, after, most], line)?
                .collect::<Result<_, _>>()?;
            with_letters(conn, &mut lines)?;
            Ok(lines)
        })
    }

    /// Returns these recipients.
    pub fn lines_of(&self, numbers: impl IntoIterator<Item = i64>) -> Result<Vec<Line>, LedgerError> {
        self.ask(|conn| {
            let mut find = conn.prepare_cached(&format!("{LINE} WHERE r.id = ?1"))?;
            let one = |number| {
                let mut line = find.query_row([number], line)?;
                with_letters(conn, std::slice::from_mut(&mut line))?;
                Ok(line)
            };
            numbers.into_iter().map(one).collect()
        })
    }

    /// Tells those again to whom something happened since, and those who were written down since. Returns what happened, and
    /// nothing where nothing did.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]; who follows hears the same again the next time.
    pub fn follow(
        &self,
        campaign: &Campaign,
        follow: &mut Follow,
        mut tell: impl FnMut(News),
    ) -> Result<Option<Touched>, LedgerError> {
        let new = follow.campaign != Some(campaign.id) || follow.roster_pass != campaign.roster_pass;
        let touched = self.touched_after(campaign.id, if new { 0 } else { follow.seq })?;
        let anew = new || touched.campaign && touched.events.contains("cancelled");
        if anew {
            let roster_pass = campaign.roster_pass;
            *follow = Follow { campaign: Some(campaign.id), roster_pass, ..Follow::default() };
            tell(News::Anew);
        } else {
            // Who was not told yet comes below.
            let known = touched.recipients.iter().copied().filter(|number| *number <= follow.last);
            tell(News::Lines(self.lines_of(known)?));
        }
        // Rows that were written down since, without an event.
        loop {
            let run = self.lines_after(campaign.id, follow.last, RUN)?;
            let Some(end) = run.last() else { break };
            follow.last = end.number;
            tell(News::Lines(run));
        }
        let happened = anew || touched.seq != follow.seq;
        follow.seq = touched.seq;
        Ok(happened.then_some(touched))
    }

    /// Returns to whom something happened after the event numbered `seq`.
    pub fn touched_after(&self, id: CampaignId, seq: i64) -> Result<Touched, LedgerError> {
        self.ask(|conn| touched(conn, id, seq))
    }
}

fn touched(conn: &Connection, id: CampaignId, seq: i64) -> rusqlite::Result<Touched> {
    let mut touched = Touched { seq, ..Touched::default() };
    let mut find =
        conn.prepare_cached("SELECT seq, campaign, recipient, event FROM event WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = find.query([seq])?;
    while let Some(row) = rows.next()? {
        touched.seq = row.get(0)?;
        let campaign: Option<i64> = row.get(1)?;
        // An event of no campaign is about the suppression list, which is everybody's.
        if campaign.is_none_or(|campaign| campaign == id.0) {
            let recipient: Option<i64> = row.get(2)?;
            touched.campaign |= campaign.is_some() && recipient.is_none();
            touched.recipients.extend(recipient);
            let event = row.get_ref(3)?.as_str()?;
            if !touched.events.contains(event) {
                touched.events.insert(event.to_owned());
            }
        }
    }
    Ok(touched)
}
