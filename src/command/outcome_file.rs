//! Keeps `logs/status.csv` in step with the ledger: rewritten after each command that may have changed something.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use jiff::Timestamp;

use super::Context;
use super::status::{self, Around, Stands};
use super::status_csv::{self, Outcome};
use crate::campaign::roster::{self, RosterReader, Row};
use crate::campaign::task::due;
use crate::config::Config;
use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::ledger::record::{CampaignId, OutcomeRecord};
use crate::ledger::{Ledger, LedgerError, Reader};

/// Writes the file anew; a failure is a warning, since the ledger has it all.
pub fn rewrite(context: &Context, config: &Config) {
    if let Err(why) = write(config, &context.logs().join("status.csv"), context.clock.now()) {
        context.report.warn(&format!("logs/status.csv was not rewritten: {why}"));
    }
}

fn write(config: &Config, path: &Path, now: Timestamp) -> Result<(), String> {
    let reader = Ledger::read(&config.ledger).map_err(|error| error.to_string())?;
    let campaign = match &reader {
        Some(reader) => reader.campaign(&config.name).map_err(|error| error.to_string())?,
        None => None,
    };
    let Some((reader, campaign)) = reader.zip(campaign) else { return Ok(()) };
    let read = |error: io::Error| format!("{}: {error}", config.roster.display());
    let mut file = File::open(&config.roster).map_err(read)?;
    let detected = roster::detect(&mut BufReader::new(&mut file), &config.recipients)
        .map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default())?;
    let headings: Vec<String> = detected.headings.iter().map(|heading| heading.original.clone()).collect();
    let separator = u8::try_from(detected.separator()).unwrap_or(b';');
    let rows = RosterReader::new(BufReader::new(file), &config.recipients, &detected);
    let around = Around::new(config, &reader, &campaign).map_err(|error| error.to_string())?;
    let ahead = Ledger::read(&config.ledger).map_err(|error| error.to_string())?;
    let Some(ahead) = ahead else { return Ok(()) };
    let mut outcomes = Outcomes::new(&reader, ahead, campaign.id);
    let lines = rows.filter_map(|row| match row {
        Row::Recipient { recipient, .. } | Row::LeftOut { recipient, .. } => {
            let known = outcomes.of(&recipient.key);
            let outcome = known.map(|record| {
                // Another row under the same key is not the one that was written to; who took mail, and takes none
                // any more, is the same.
                let address = recipient.address().map(ToString::to_string);
                let same = |record: &OutcomeRecord| {
                    record.address.is_none() || address.is_none() || record.address == address
                };
                record.filter(same).map(|record| {
                    let stands = around.of(&recipient, record.state, record.on_roster);
                    outcome(record, &stands, config, now)
                })
            });
            let cells = recipient.fields.into_iter().map(|(_, value)| value).collect();
            Some(outcome.map(|outcome| (cells, outcome)).map_err(|error| io::Error::other(error.to_string())))
        }
        // `check` tells what is wrong with it; there is nothing to tell about it here.
        Row::Wrong { .. } => None,
    });
    status_csv::write(path, &headings, separator, lines).map_err(|error| error.to_string())
}

/// Outcomes by key: read ahead in runs by another thread, since roster and ledger are mostly in the same order.
struct Outcomes<'a> {
    reader: &'a Reader,
    campaign: CampaignId,
    runs: Receiver<Result<Vec<OutcomeRecord>, LedgerError>>,
    ahead: HashMap<String, OutcomeRecord>,
}

impl<'a> Outcomes<'a> {
    const RUN: u32 = 500;
    /// With the roster in quite another order, what was read ahead must not fill the memory.
    const AHEAD: usize = 5000;

    fn new(reader: &'a Reader, ahead: Reader, campaign: CampaignId) -> Self {
        let (give, runs) = sync_channel(2);
        thread::spawn(move || {
            let mut last = 0;
            loop {
                let run = ahead.outcomes_after(campaign, last, Self::RUN);
                let end = run.as_ref().map_or(None, |run| run.last().map(|(last, _)| *last));
                let run = run.map(|run| run.into_iter().map(|(_, record)| record).collect());
                // The other end goes away when it has seen enough.
                let (Ok(()), Some(end)) = (give.send(run), end) else { return };
                last = end;
            }
        });
        Self { reader, campaign, runs, ahead: HashMap::new() }
    }

    fn of(&mut self, key: &str) -> Result<Option<OutcomeRecord>, LedgerError> {
        if let Some(record) = self.ahead.remove(key) {
            return Ok(Some(record));
        }
        if self.ahead.len() < Self::AHEAD
            && let Ok(run) = self.runs.recv()
        {
            self.ahead.extend(run?.into_iter().map(|record| (record.key.clone(), record)));
            if let Some(record) = self.ahead.remove(key) {
                return Ok(Some(record));
            }
        }
        // Somewhere else in the ledger, or not in it.
        self.reader.outcome(self.campaign, key)
    }
}

fn outcome(record: OutcomeRecord, stands: &Stands, config: &Config, now: Timestamp) -> Outcome {
    let local =
        |at: Timestamp| at.to_zoned_datetime(config.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let (standing, today) = (stands.standing, config.deadlines.today(now));
    let came = status::came(&stands.came, now, &config.zone);
    let what_happened = match (standing, record.errand, record.note) {
        (Standing::Task, Some(errand), _) => match config.deadlines.day(record.deadline) {
            Some(day) => format!("{}, {}", errand.words(), due(day, today)),
            None => errand.words().to_owned(),
        },
        (Standing::Done, _, note) => {
            let at = record.last_at.map(|at| format!("done by hand {}", local(at)));
            [at, note].into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        (_, _, note) => came.or(note).unwrap_or_default(),
    };
    let accepted = matches!(record.state, State::Accepted | State::Bounced);
    let accepted_at = record.ended_at.filter(|_| accepted).map(local);
    Outcome {
        standing: standing.name().to_owned(),
        state: record.state.key().to_owned(),
        step: record.step.to_string(),
        attempts: record.attempts.to_string(),
        accepted_at: accepted_at.unwrap_or_default(),
        reply: record.reply.map(|reply| reply.to_string()).unwrap_or_default(),
        what_happened,
        // What a person does has no message.
        message_id: record.errand.map_or(record.message_id, |_| String::new()),
    }
}
