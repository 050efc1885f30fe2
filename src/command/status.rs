//! `postduif status`: where the campaign stands, by state and recipient; with `--json`, a contract for other programs.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Context, bar, ledger_failed, one_key, outcome_file, tasks};
use crate::campaign::recipient::Recipient;
use crate::campaign::task::TaskColumns;
use crate::cli::Status;
use crate::config::Config;
use crate::delivery::enrollment::{Next, Reason};
use crate::delivery::inbound::{Kind, Matched, Stop};
use crate::delivery::standing::{Came, Standing};
use crate::delivery::state::State;
use crate::exit::Exit;
use crate::ledger::record::{
    Campaign, CampaignState, Counts, DeliveryRecord, InboundRecord, RecipientRecord, Review,
};
use crate::ledger::{Ledger, Reader, Returns};
use crate::mail::smtp_reply::SmtpReply;
use crate::report::{Failure, Style, grouped};

/// How many recipients are listed one by one without being asked for.
const LISTED: u64 = 60;

/// The counts, as other programs read them.
#[derive(Debug, Serialize)]
struct CountsLine {
    recipients: u64,
    queued: u64,
    in_flight: u64,
    accepted: u64,
    refused: u64,
    bounced: u64,
    expired: u64,
    in_doubt: u64,
    cancelled: u64,
    lapsed: u64,
    tasks: u64,
    done: u64,
}

impl From<Counts> for CountsLine {
    fn from(counts: Counts) -> Self {
        Self {
            recipients: counts.recipients,
            queued: counts.queued,
            in_flight: counts.in_flight,
            accepted: counts.accepted,
            refused: counts.refused,
            bounced: counts.bounced,
            expired: counts.expired,
            in_doubt: counts.in_doubt,
            cancelled: counts.cancelled,
            lapsed: counts.lapsed,
            tasks: counts.tasks,
            done: counts.done,
        }
    }
}

/// One recipient, as other programs read it.
#[derive(Debug, Serialize)]
struct RecipientLine<'a> {
    key: &'a str,
    address: Option<String>,
    organisation: Option<&'a str>,
    channel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    standing: Standing,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    overdue: bool,
    steps: Vec<StepLine<'a>>,
    inbound: Vec<InboundLine>,
}

/// Something that came back, as other programs read it.
#[derive(Debug, Serialize)]
struct InboundLine {
    kind: Kind,
    at: Timestamp,
    from: Option<String>,
    evidence: Option<Matched>,
    subject: Option<String>,
    review: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Date>,
    reasons: Vec<String>,
}

impl From<InboundRecord> for InboundLine {
    fn from(record: InboundRecord) -> Self {
        Self {
            kind: record.kind,
            at: record.at,
            from: record.sender,
            evidence: record.reading.matched,
            subject: record.subject,
            review: record.review == Review::Open,
            until: record.until,
            reasons: record.reading.reasons,
        }
    }
}

/// One delivery, as other programs read it.
#[derive(Debug, Serialize)]
struct StepLine<'a> {
    step: u32,
    state: &'static str,
    attempts: u32,
    message_id: Option<&'a str>,
    accepted_at: Option<Timestamp>,
    reply: Option<&'a SmtpReply>,
}

/// Shows where the campaign stands.
///
/// # Errors
/// When the settings or the ledger cannot be read, or no recipient has that key.
pub fn run(context: &Context, what: &Status) -> Result<Exit, Failure> {
    let config = context.config()?;
    let reader = Ledger::read(&config.ledger).map_err(ledger_failed)?;
    let campaign = match &reader {
        Some(reader) => reader.campaign(&config.name).map_err(ledger_failed)?,
        None => None,
    };
    let Some((reader, campaign)) = reader.zip(campaign) else {
        return Ok(not_launched(context, &config, what));
    };
    let key = what.key.as_deref().map(|key| one_key(&reader, &campaign, key)).transpose()?;
    let now = context.clock.now();
    if what.json {
        as_json(&config, &reader, &campaign, key.as_deref(), now).map_err(ledger_failed)?;
    } else {
        let text = as_text(&config, &reader, &campaign, key.as_deref(), now, context.report.out)
            .map_err(ledger_failed)?;
        context.report.result(&text);
        outcome_file::rewrite(context, &config);
    }
    Ok(Exit::Done)
}

fn not_launched(context: &Context, config: &Config, what: &Status) -> Exit {
    if what.json {
        let counts = serde_json::to_value(CountsLine::from(Counts::default())).unwrap_or_default();
        let line = serde_json::json!({
            "campaign": config.name, "state": "not-launched", "plan": null, "counts": counts, "recipients": [],
        });
        context.report.result(&line.to_string());
    } else {
        context.report.result(&format!("{}: nothing has been sent yet", config.name));
        context.report.say("  look     postduif preview\n  begin    postduif send");
    }
    Exit::Done
}

/// Returns the word for where a campaign stands.
pub fn state_word(state: &CampaignState) -> &'static str {
    match state {
        CampaignState::Running => "running",
        CampaignState::Paused { .. } => "paused",
        CampaignState::Finished => "finished",
        CampaignState::Cancelled => "cancelled",
    }
}

/// Writes recipient by recipient, so that a million of them need no memory.
fn as_json(
    config: &Config,
    reader: &Reader,
    campaign: &Campaign,
    key: Option<&str>,
    now: Timestamp,
) -> Result<(), crate::ledger::LedgerError> {
    let counts = CountsLine::from(reader.counts(campaign.id)?);
    let mut out = BufWriter::new(io::stdout().lock());
    let text = |value: &dyn erased::Json| value.json();
    let head = format!(
        "{{\"campaign\":{},\"state\":{},\"plan\":{},\"counts\":{},\"recipients\":[",
        text(&campaign.name),
        text(&state_word(&campaign.state)),
        text(&campaign.plan),
        text(&counts),
    );
    // A reader that hangs up is no failure.
    let mut gone = out.write_all(head.as_bytes()).is_err();
    let mut first = true;
    let around = Around::new(config, reader, campaign)?;
    let mut failed = None;
    let today = config.deadlines.today(now);
    reader.each_recipient(campaign.id, |record| {
        if key.is_none_or(|key| key == record.recipient.key) {
            let comma = if first { "\n" } else { ",\n" };
            first = false;
            let stands = around.stands(&record);
            // Asked one by one only of those from whom anything came.
            let inbound = match stands.came.last {
                Some(_) => reader.came_from(campaign.id, &record.recipient.key).unwrap_or_else(|error| {
                    failed = Some(error);
                    Vec::new()
                }),
                None => Vec::new(),
            };
            let inbound = inbound.into_iter().map(InboundLine::from).collect();
            let line = text(&line(config, &record, stands.standing, inbound, today));
            gone = gone || out.write_all(format!("{comma}{line}").as_bytes()).is_err();
        }
        !gone
    })?;
    let _ = out.write_all(b"\n]}\n").and_then(|()| out.flush());
    failed.map_or(Ok(()), Err)
}

/// Serialises anything, for lines that are put together by hand.
mod erased {
    use serde::Serialize;

    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
        }
    }
}

/// What decides beside the letters themselves how recipients stand: the suppression list, asked only if there is anything on
/// it, and what came back.
pub(super) struct Around<'a> {
    reader: &'a Reader,
    columns: &'a TaskColumns,
    suppressing: bool,
    returns: Returns,
}

/// How one recipient stands, and why.
pub(super) struct Stands {
    /// The word.
    pub(super) standing: Standing,
    /// Why the address is not written to, if so.
    pub(super) suppressed: Option<String>,
    /// What came back.
    pub(super) came: Came,
}

impl<'a> Around<'a> {
    pub(super) fn new(
        config: &'a Config,
        reader: &'a Reader,
        campaign: &Campaign,
    ) -> Result<Self, crate::ledger::LedgerError> {
        let suppressing = !reader.suppressions()?.is_empty();
        Ok(Self { reader, columns: &config.tasks, suppressing, returns: reader.returns(campaign.id)? })
    }

    /// Says how a recipient stands, by its latest delivery and by what came back.
    pub(super) fn stands(&self, record: &RecipientRecord) -> Stands {
        let state = record.deliveries.last().map_or(State::Queued, |delivery| delivery.state);
        self.of(&record.recipient, state, record.on_roster)
    }

    /// The same by the state of the latest delivery.
    pub(super) fn of(&self, recipient: &Recipient, state: State, on_roster: bool) -> Stands {
        let asked = self.suppressing.then(|| tasks::suppression(self.reader, recipient, self.columns));
        let suppressed = asked.and_then(Result::ok).flatten();
        let came = self.returns.of(&recipient.key, recipient.organisation.as_deref());
        let standing = Standing::of(state, suppressed.is_some(), on_roster, &came);
        Stands { standing, suppressed, came }
    }
}

fn line<'a>(
    config: &Config,
    record: &'a RecipientRecord,
    standing: Standing,
    inbound: Vec<InboundLine>,
    today: Date,
) -> RecipientLine<'a> {
    let recipient = &record.recipient;
    let task = tasks::task(config, recipient);
    let overdue = task.as_ref().is_some_and(|task| task.is_overdue(today));
    let (link, limit) = task.map(|task| (task.link, task.limit)).unwrap_or_default();
    RecipientLine {
        key: &recipient.key,
        channel: recipient.way(),
        deadline: config.deadlines.day(recipient.deadline),
        link,
        limit,
        overdue: overdue && standing == Standing::Task,
        address: recipient.address().map(ToString::to_string),
        organisation: recipient.organisation.as_deref(),
        standing,
        steps: record
            .deliveries
            .iter()
            .map(|delivery| StepLine {
                step: delivery.step,
                state: delivery.state.key(),
                attempts: delivery.attempts,
                // What a person does has no message.
                message_id: recipient.address().map(|_| delivery.message_id.as_str()),
                accepted_at: accepted_at(delivery),
                reply: delivery.last.as_ref().and_then(|event| event.reply.as_ref()),
            })
            .collect(),
        inbound,
    }
}

/// Returns when the relay took a letter.
pub fn accepted_at(delivery: &DeliveryRecord) -> Option<Timestamp> {
    delivery.ended_at.filter(|_| matches!(delivery.state, State::Accepted | State::Bounced))
}

fn as_text(
    config: &Config,
    reader: &Reader,
    campaign: &Campaign,
    key: Option<&str>,
    now: Timestamp,
    style: Style,
) -> Result<String, crate::ledger::LedgerError> {
    let (counts, zone) = (reader.counts(campaign.id)?, &config.zone);
    let mut text = String::new();
    if key.is_none() {
        let _ = write!(text, "{}: {}", style.bold(&campaign.name), state_word(&campaign.state));
        if let CampaignState::Paused { why, until } = &campaign.state {
            let _ = write!(text, ", because {why}");
            if let Some(until) = until {
                let _ = write!(text, "; goes on {}", bar::when(*until, now, zone));
            }
        }
        let _ = writeln!(text);
        text.push_str(&summary(&counts, style));
        text.push_str(&further(config, reader, campaign, now)?);
    }
    let mut table = Vec::new();
    let around = Around::new(config, reader, campaign)?;
    let all = counts.recipients <= LISTED;
    reader.each_recipient(campaign.id, |record| {
        let stands = around.stands(&record);
        let standing = stands.standing;
        let wanted = match key {
            Some(key) => key == record.recipient.key,
            None => all || !matches!(standing, Standing::AwaitingReply | Standing::Queued | Standing::Done),
        };
        if wanted {
            table.push([
                record.recipient.key.clone(),
                standing.name().replace('-', " "),
                what_happened(config, &record, &stands, now),
            ]);
        }
        // A list of hundreds helps nobody; the file has them all.
        table.len() < 200
    })?;
    if !table.is_empty() {
        let widths =
            [0, 1].map(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        let _ = writeln!(text);
        for [key, standing, happened] in &table {
            let _ = writeln!(text, "  {key:<0$}  {standing:<1$}  {happened}", widths[0], widths[1]);
        }
    }
    Ok(text)
}

/// Tells how many letters of later steps are due, and when the next is.
fn further(
    config: &Config,
    reader: &Reader,
    campaign: &Campaign,
    now: Timestamp,
) -> Result<String, crate::ledger::LedgerError> {
    if config.steps.len() < 2 || matches!(campaign.state, CampaignState::Cancelled | CampaignState::Finished)
    {
        return Ok(String::new());
    }
    let (mut due, mut later, mut held) = (0, Vec::new(), 0);
    reader.each_onward(campaign.id, &config.sequence(), now, |onward| {
        match onward.next {
            Next::Letter { due: at, .. } if at <= now => due += 1,
            Next::Letter { due: at, .. } => later.push(at),
            Next::Nothing(Reason::Queued(_) | Reason::NotBegun) => {}
            Next::Nothing(reason) => held += u64::from(!reason.is_final()),
        }
        true
    })?;
    let mut text = String::new();
    let mut line = |number: u64, said: &str| {
        if number > 0 {
            let _ = writeln!(text, "  {:>9} {said}", grouped(number));
        }
    };
    let letters = |number: u64| if number == 1 { "further letter" } else { "further letters" };
    line(due, &format!("{} due: `postduif follow-up` shows them", letters(due)));
    if let Some(first) = later.iter().min() {
        line(
            later.len() as u64,
            &format!(
                "{} to come, the first {}",
                letters(later.len() as u64),
                bar::when(*first, now, &config.zone)
            ),
        );
    }
    line(held, "held back; `postduif follow-up --dry-run` says why");
    Ok(text)
}

/// Returns the counts by state, a line each, those that are nothing left out.
pub fn summary(counts: &Counts, style: Style) -> String {
    let mut text = format!("  {:>9} recipients\n", grouped(counts.recipients));
    for state in State::ALL {
        let number = counts.of(state);
        if number == 0 {
            continue;
        }
        let word = match state {
            State::Task if number == 1 => "task for a person, open".to_owned(),
            State::Task => "tasks for a person, open".to_owned(),
            State::Done => "done by hand".to_owned(),
            _ => state.name().replace('-', " "),
        };
        let word = match state {
            State::Accepted => style.green(&word),
            State::Refused | State::Bounced | State::Expired => style.red(&word),
            State::InDoubt | State::Lapsed | State::Task => style.yellow(&word),
            State::Done => style.green(&word),
            State::Queued | State::InFlight | State::Cancelled => word,
        };
        let _ = writeln!(text, "  {:>9} {word}", grouped(number));
    }
    if counts.off_roster > 0 {
        let _ = writeln!(
            text,
            "  of the queued, {} are no longer on the roster and wait",
            grouped(counts.off_roster)
        );
    }
    if counts.tasks_off_roster > 0 {
        let _ = writeln!(
            text,
            "  of the tasks, {} are no longer on the roster",
            grouped(counts.tasks_off_roster)
        );
    }
    text
}

/// Tells what came back last, or whose answer counts.
pub(super) fn came(came: &Came, now: Timestamp, zone: &TimeZone) -> Option<String> {
    if let Some(by) = came.answered_by.as_ref().filter(|_| came.stop == Some(Stop::Replied)) {
        return Some(format!("{by} of the same organisation answered"));
    }
    let (at, words) = came.last.as_ref()?;
    Some(format!("{}  {words}", bar::when(*at, now, zone)))
}

/// Tells the latest thing that happened to a recipient, in one clause.
pub(super) fn what_happened(
    config: &Config,
    record: &RecipientRecord,
    stands: &Stands,
    now: Timestamp,
) -> String {
    let zone = &config.zone;
    let Some(delivery) = record.deliveries.last() else { return "nothing is planned".to_owned() };
    if let (Standing::Suppressed, Some(reason)) = (stands.standing, &stands.suppressed) {
        return reason.clone();
    }
    if let Some(told) = came(&stands.came, now, zone) {
        return told;
    }
    if stands.standing == Standing::Task
        && let Some(task) = tasks::task(config, &record.recipient)
    {
        let link = task.link.as_ref().map(|link| format!(": {link}")).unwrap_or_default();
        return format!("{}{link}", task.words(config.deadlines.today(now)));
    }
    let Some(event) = &delivery.last else {
        return if record.on_roster {
            "waits for its turn".to_owned()
        } else {
            "is not on the roster".to_owned()
        };
    };
    let mut text = bar::when(event.at, now, zone);
    if let Some(said) = event.said() {
        let _ = write!(text, "  {said}");
    }
    if delivery.state == State::Queued && delivery.not_before > now {
        let _ = write!(text, "; again {}", bar::when(delivery.not_before, now, zone));
    }
    text
}
