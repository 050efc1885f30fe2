//! Keeps `logs/delivery.jsonl` in step with the ledger after a command that wrote into it without sending.

use super::Context;
use crate::config::Config;
use crate::engine::journal::{self, Journal};
use crate::ledger::{Ledger, LedgerError};

/// Adds the events that the file lacks; a failure is a warning, since the ledger has them all.
///
/// A process that is sending holds the ledger and writes the file itself.
pub fn mend(context: &Context, config: &Config) {
    let path = context.logs().join("delivery.jsonl");
    let holder = format!("postduif, process {}, since {}", std::process::id(), context.clock.now());
    let ledger = match Ledger::open(&config.ledger, &holder, None) {
        Ok(ledger) => ledger,
        Err(LedgerError::Held { .. }) => return,
        Err(error) => return context.report.warn(&error.to_string()),
    };
    if let Err(why) = append(&ledger, &path) {
        context.report.warn(&format!("logs/delivery.jsonl was not written: {why}; the next run mends it"));
    }
}

fn append(ledger: &Ledger, path: &std::path::Path) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let journal = Journal::open(path).map_err(|error| error.to_string())?;
    journal::mend(ledger, &journal).map_err(|error| error.to_string())
}
