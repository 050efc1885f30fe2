//! `postduif suppress`: whom we do not write to, in any campaign of this ledger.

use std::fmt::Write as _;

use super::{Context, ledger_failed, log_file, outcome_file};
use crate::cli::SuppressWhat;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::ledger::record::Wish;
use crate::report::Failure;

/// Adds, removes or lists.
///
/// # Errors
/// When the text is neither an address nor a domain, or the ledger cannot be used.
pub fn run(context: &Context, what: &SuppressWhat) -> Result<Exit, Failure> {
    let config = context.config()?;
    let wish = |wish| Ledger::wish(&config.ledger, &wish, context.clock.now()).map_err(ledger_failed);
    match what {
        SuppressWhat::Add { what, reason } => {
            let granted = wish(Wish::Suppress { what: what.clone(), reason: reason.clone() })?;
            let told = if granted.changed { "is on the list" } else { "was on the list already" };
            context.report.say(&format!("{what} {told}: no letter goes there"));
            log_file::mend(context, &config);
            outcome_file::rewrite(context, &config);
        }
        SuppressWhat::Remove { what } => {
            let granted = wish(Wish::Unsuppress { what: what.clone() })?;
            let told = if granted.changed { "is off the list" } else { "was not on the list" };
            context.report.say(&format!("{what} {told}"));
            log_file::mend(context, &config);
            outcome_file::rewrite(context, &config);
        }
        SuppressWhat::List { json } => {
            let reader = Ledger::read(&config.ledger).map_err(ledger_failed)?;
            let list = match reader {
                Some(reader) => reader.suppressions().map_err(ledger_failed)?,
                None => Vec::new(),
            };
            let mut text = String::new();
            for entry in &list {
                let day = entry.at.to_zoned_datetime(config.zone.clone()).date();
                let _ = if *json {
                    let line =
                        serde_json::json!({"what": entry.what, "reason": entry.reason, "at": entry.at});
                    writeln!(text, "{line}")
                } else {
                    writeln!(text, "{}  {day}  {}", entry.what, entry.reason)
                };
            }
            if !text.is_empty() {
                context.report.result(&text);
            } else if !json {
                context.report.say("the suppression list is empty");
            }
        }
    }
    Ok(Exit::Done)
}
