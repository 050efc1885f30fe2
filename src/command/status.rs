//! `postduif status`: where the campaign stands, by state and recipient; with `--json`, a contract for other programs.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::{Context, bar, ledger_failed, one_key, outcome_file, tasks};
use crate::campaign::task::TaskColumns;
use crate::cli::Status;
use crate::config::Config;
use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::exit::Exit;
use crate::ledger::record::{Campaign, CampaignState, Counts, DeliveryRecord, RecipientRecord};
use crate::ledger::{Ledger, Reader};
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
    let suppressed = Suppressed::new(config, reader)?;
    let today = config.deadlines.today(now);
    reader.each_recipient(campaign.id, |record| {
        if key.is_none_or(|key| key == record.recipient.key) {
            let comma = if first { "\n" } else { ",\n" };
            first = false;
            let line = text(&line(config, &record, suppressed.reason(&record).is_some(), today));
            gone = gone || out.write_all(format!("{comma}{line}").as_bytes()).is_err();
        }
        !gone
    })?;
    let _ = out.write_all(b"\n]}\n").and_then(|()| out.flush());
    Ok(())
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

/// The suppression list, asked only if there is anything on it.
struct Suppressed<'a> {
    reader: &'a Reader,
    columns: &'a TaskColumns,
    any: bool,
}

impl<'a> Suppressed<'a> {
    fn new(config: &'a Config, reader: &'a Reader) -> Result<Self, crate::ledger::LedgerError> {
        Ok(Self { reader, columns: &config.tasks, any: !reader.suppressions()?.is_empty() })
    }

    fn reason(&self, record: &RecipientRecord) -> Option<String> {
        if !self.any {
            return None;
        }
        tasks::suppression(self.reader, &record.recipient, self.columns).ok().flatten()
    }
}

fn line<'a>(
    config: &Config,
    record: &'a RecipientRecord,
    suppressed: bool,
    today: Date,
) -> RecipientLine<'a> {
    let recipient = &record.recipient;
    let task = tasks::task(config, recipient);
    let standing = standing(record, suppressed);
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
    }
}

/// Returns how a recipient stands, by its latest delivery.
pub fn standing(record: &RecipientRecord, suppressed: bool) -> Standing {
    let state = record.deliveries.last().map_or(State::Queued, |delivery| delivery.state);
    Standing::of(state, suppressed, record.on_roster)
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
    }
    let mut table = Vec::new();
    let suppressed = Suppressed::new(config, reader)?;
    let all = counts.recipients <= LISTED;
    reader.each_recipient(campaign.id, |record| {
        let why_not = suppressed.reason(&record);
        let standing = standing(&record, why_not.is_some());
        let wanted = match key {
            Some(key) => key == record.recipient.key,
            None => all || !matches!(standing, Standing::AwaitingReply | Standing::Queued | Standing::Done),
        };
        if wanted {
            table.push([
                record.recipient.key.clone(),
                standing.name().replace('-', " "),
                what_happened(config, &record, why_not, now),
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

/// Tells the latest thing that happened to a recipient, in one clause.
///
/// `suppressed` is why we do not write to the address, if there is a reason.
pub fn what_happened(
    config: &Config,
    record: &RecipientRecord,
    suppressed: Option<String>,
    now: Timestamp,
) -> String {
    let zone = &config.zone;
    let Some(delivery) = record.deliveries.last() else { return "nothing is planned".to_owned() };
    if let Some(reason) = suppressed
        && standing(record, true) == Standing::Suppressed
    {
        return reason;
    }
    if standing(record, false) == Standing::Task
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
    match (&event.reply, &event.note) {
        (Some(reply), _) => {
            let _ = write!(text, "  {reply}");
        }
        (None, Some(note)) => {
            let _ = write!(text, "  {note}");
        }
        (None, None) => {}
    }
    if delivery.state == State::Queued && delivery.not_before > now {
        let _ = write!(text, "; again {}", bar::when(delivery.not_before, now, zone));
    }
    text
}
