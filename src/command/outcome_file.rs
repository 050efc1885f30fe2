//! Keeps `logs/status.csv` in step with the ledger: rewritten after each command that may have changed something.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use super::Context;
use super::status_csv::{self, Outcome};
use crate::campaign::roster::{self, RosterReader, Row};
use crate::config::Config;
use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::ledger::record::{CampaignId, OutcomeRecord};
use crate::ledger::{Ledger, LedgerError, Reader};

/// Writes the file anew; a failure is a warning, since the ledger has it all.
pub fn rewrite(context: &Context, config: &Config) {
    if let Err(why) = write(config, &context.logs().join("status.csv")) {
        context.report.warn(&format!("logs/status.csv was not rewritten: {why}"));
    }
}

fn write(config: &Config, path: &Path) -> Result<(), String> {
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
    let separator = u8::try_from(detected.separator).unwrap_or(b';');
    let rows = RosterReader::new(BufReader::new(file), &config.recipients, &detected);
    let suppressing = !reader.suppressions().map_err(|error| error.to_string())?.is_empty();
    let mut outcomes = Outcomes { reader: &reader, campaign: campaign.id, ahead: HashMap::new(), last: 0 };
    let lines = rows.filter_map(|row| match row {
        Row::Recipient { recipient, .. } | Row::LeftOut { recipient, .. } => {
            let known = outcomes.of(&recipient.key);
            let outcome = known.map(|record| {
                // Another row under the same key is not the one that was written to.
                record.filter(|record| record.address == recipient.address.to_string()).map(|record| {
                    let suppressed = suppressing
                        && reader.suppressed(&recipient.address).is_ok_and(|reason| reason.is_some());
                    outcome(record, suppressed, config)
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

/// Outcomes by key, read in runs, since roster and ledger are mostly in the same order.
struct Outcomes<'a> {
    reader: &'a Reader,
    campaign: CampaignId,
    ahead: HashMap<String, OutcomeRecord>,
    last: i64,
}

impl Outcomes<'_> {
    const RUN: u32 = 500;

    fn of(&mut self, key: &str) -> Result<Option<OutcomeRecord>, LedgerError> {
        if let Some(record) = self.ahead.remove(key) {
            return Ok(Some(record));
        }
        // With the roster in quite another order, what was read ahead must not fill the memory.
        let most = if self.ahead.len() < 10 * Self::RUN as usize { Self::RUN } else { 0 };
        let run = self.reader.outcomes_after(self.campaign, self.last, most)?;
        if let Some((last, _)) = run.last() {
            self.last = *last;
            self.ahead.extend(run.into_iter().map(|(_, record)| (record.key.clone(), record)));
        }
        if let Some(record) = self.ahead.remove(key) {
            return Ok(Some(record));
        }
        // Somewhere else in the ledger, or not in it.
        self.reader.outcome(self.campaign, key)
    }
}

fn outcome(record: OutcomeRecord, suppressed: bool, config: &Config) -> Outcome {
    let accepted = matches!(record.state, State::Accepted | State::Bounced);
    let accepted_at = record
        .ended_at
        .filter(|_| accepted)
        .map(|at| at.to_zoned_datetime(config.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string());
    Outcome {
        standing: Standing::of(record.state, suppressed, record.on_roster).name().to_owned(),
        state: record.state.key().to_owned(),
        step: record.step.to_string(),
        attempts: record.attempts.to_string(),
        accepted_at: accepted_at.unwrap_or_default(),
        reply: record.reply.map(|reply| reply.to_string()).unwrap_or_default(),
        what_happened: record.note.unwrap_or_default(),
        message_id: record.message_id,
    }
}
