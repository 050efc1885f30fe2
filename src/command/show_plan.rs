//! The plan as people read it: how many, to whom not and why, when, under which digest.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::reading::Reading;
use super::{Context, bar};
use crate::campaign::plan::SHOWN_DIGITS;
use crate::campaign::roster::Detected;
use crate::campaign::task::told;
use crate::command::survey::Survey;
use crate::report::{count, grouped, span};
use crate::transport::Settings;

/// Says how the roster was read, and what the letter calls its columns.
pub fn how_it_was_read(context: &Context, reading: &Reading, recipients: u64) {
    let Some(roster) = &reading.roster else { return };
    context.report.say(&read_as(reading, roster, recipients));
    context.report.say(&format!("  in the letter: {}", fields(roster)));
}

/// `recipients.csv: read as UTF-8, separator `;`, 27 rows`.
fn read_as(reading: &Reading, roster: &Detected, recipients: u64) -> String {
    format!("{}: {roster}, {}", reading.config.recipients.file, count(recipients, "row"))
}

/// The columns as the letter names them, each with its heading where that is another.
fn fields(roster: &Detected) -> String {
    let names: Vec<String> = roster
        .headings
        .iter()
        .filter(|heading| !heading.key.is_empty())
        .map(|heading| {
            if heading.original == heading.key {
                format!("{{{{{}}}}}", heading.key)
            } else {
                format!("{{{{{}}}}} (\"{}\")", heading.key, heading.original)
            }
        })
        .collect();
    names.join(", ")
}

/// Writes the plan down for people.
pub fn text(reading: &Reading, surveyed: &Survey, now: Timestamp) -> String {
    let (config, plan) = (&reading.config, &surveyed.plan);
    let mut text = format!(
        "{}: {} to {}\n",
        plan.campaign,
        count(plan.letters, "letter"),
        count(plan.recipients, "recipient")
    );
    let mut line = |word: &str, said: String| {
        let _ = writeln!(text, "  {word:<10}{said}");
    };
    if let Some(roster) = &reading.roster {
        line("roster", read_as(reading, roster, plan.recipients));
        line("fields", fields(roster));
    }
    line("from", config.sender.from.to_string());
    line("through", way(&config.transport));
    line("pace", config.pace.said.clone());
    if let Some(told) = plan.forecast {
        let takes = std::time::Duration::try_from(told.last.duration_since(told.first)).unwrap_or_default();
        let when = |at| bar::when(at, now, &config.zone);
        if plan.letters == 1 || takes.is_zero() {
            line("when", format!("from {}", when(told.first)));
        } else {
            line(
                "when",
                format!("first {}, last about {} ({})", when(told.first), when(told.last), span(takes)),
            );
        }
    }
    if let Some(volume) = &surveyed.volume {
        line("size", format!("about {volume}"));
    }
    if let Some(spam) = &surveyed.spam {
        line("spam", spam.clone());
    }
    let today = config.deadlines.today(now);
    if let Some(last) = config.deadlines.last {
        line("deadline", format!("{}; nothing goes out after that day", told(last, today)));
    }
    if plan.tasks > 0 {
        let some: Vec<String> =
            plan.some_tasks.iter().map(|task| format!("{} ({})", task.key, task.words(today))).collect();
        let more = if plan.tasks > some.len() as u64 { ", …" } else { "" };
        line("by hand", format!("{} for a person: {}{more}", count(plan.tasks, "task"), some.join(", ")));
    }
    for (why, group) in &plan.left_out {
        let mut said = format!("{} {}", grouped(group.count), why.words());
        if !matches!(why, crate::campaign::plan::LeftOut::NotAsked) {
            let more = if group.count as usize > group.examples.len() { ", …" } else { "" };
            let _ = write!(said, ": {}{more}", group.examples.join(", "));
        }
        line("left out", said);
    }
    if !surveyed.changed.is_empty() {
        line(
            "changed",
            format!("rows of people already written to, not sent again: {}", surveyed.changed.join(", ")),
        );
    }
    if config.rules.len() > 1 {
        let later = config.steps.iter().zip(&config.rules).skip(1);
        let later = later.filter_map(|(name, rule)| Some(format!("{name} after {}", rule.after?)));
        let later: Vec<String> = later.collect();
        line(
            "then",
            format!("to whoever has not answered: {}; `postduif follow-up` or `run`", later.join(", ")),
        );
    }
    line("plan", plan.digest.chars().take(SHOWN_DIGITS).collect());
    text
}

/// Says in words where letters go.
pub fn way(settings: &Settings) -> String {
    match settings {
        Settings::Rehearsal { .. } => "the rehearsal relay; nothing leaves this machine".to_owned(),
        Settings::Folder { path } => format!("the folder {}; nothing is sent", path.display()),
        Settings::Smtp(smtp) => smtp.server.describe(),
    }
}
