//! `postduif inbox FILE…`: reads messages from files and says what they are. Records nothing, sends nothing, changes no file.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Context, ledger_failed, sent_list, shown_path};
use crate::cli::Inbox;
use crate::delivery::inbound::{Class, Kind, Reading};
use crate::engine::sent::{self, Letters};
use crate::exit::Exit;
use crate::inbox::{self, Settings};
use crate::ledger::Ledger;
use crate::mail::parsed;
use crate::report::{Failure, Style, count};

/// How many files are read before their lines are printed: enough to keep the threads busy, and memory flat.
const BATCH: usize = 256;

/// Explains messages.
///
/// # Errors
/// When a file cannot be read; all the others have been explained then.
pub fn run(context: &Context, what: &Inbox) -> Result<Exit, Failure> {
    let letters = match &what.sent {
        Some(list) => Letters { sent: sent_list::read(list)?, ..Letters::default() },
        None => of_the_ledger(context, what)?.unwrap_or_default(),
    };
    // Without anything that was sent, nothing is matched.
    let sent = Some(&letters.sent).filter(|sent| what.sent.is_some() || !sent.is_empty());
    let mut trouble = Vec::new();
    let mut files = Vec::new();
    for path in &what.files {
        collect(path, true, &mut files, &mut trouble);
    }
    let settings = Settings {
        sent,
        today: context.clock.now().to_zoned_datetime(jiff::tz::TimeZone::system()).date(),
        own_lines: &letters.own_lines,
    };
    let mut told = 0;
    for batch in files.chunks(BATCH) {
        let mut lines = Vec::new();
        for (path, found) in batch.iter().zip(explain(batch, settings)) {
            match found {
                Ok(readings) => {
                    for (name, reading) in readings {
                        told += 1;
                        lines.push(if what.json {
                            reading.to_json(&name).to_string()
                        } else {
                            in_words(&name, &reading, context.report.out)
                        });
                    }
                }
                Err(error) => trouble.push(format!("{} cannot be read: {error}", shown_path(path))),
            }
        }
        if !lines.is_empty() {
            context.report.result(&lines.join("\n"));
        }
    }
    match trouble.first() {
        None => Ok(Exit::Done),
        Some(first) => {
            trouble.iter().skip(1).for_each(|line| context.report.warn(line));
            Err(Failure::input(first.clone())
                .safe(format!("{} explained all the same; nothing was recorded", was(told))))
        }
    }
}

/// What was sent by the campaign in this folder, where there is one.
fn of_the_ledger(context: &Context, what: &Inbox) -> Result<Option<Letters>, Failure> {
    if what.no_campaign || !context.folder.join("config.toml").exists() {
        return Ok(None);
    }
    let config = context.config().map_err(|failure| failure.hint("`--no-campaign` does without one"))?;
    let Some(reader) = Ledger::read(&config.ledger).map_err(ledger_failed)? else { return Ok(None) };
    sent::letters(&reader).map(Some).map_err(ledger_failed)
}

fn was(number: u64) -> String {
    format!("{} {}", count(number, "message"), if number == 1 { "was" } else { "were" })
}

/// Reads files on as many threads as there is work for, and returns the results in their order.
fn explain(batch: &[PathBuf], settings: Settings<'_>) -> Vec<io::Result<Vec<(String, Reading)>>> {
    let threads = thread::available_parallelism().map_or(2, usize::from).clamp(2, 8).min(batch.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = batch.get(nth) else { return done };
            done.push((nth, one(path, settings)));
        }
    };
    let found = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_default());
        }
        done
    });
    let mut results: Vec<_> =
        batch.iter().map(|_| Err(io::Error::other("that is a mistake of ours"))).collect();
    for (nth, result) in found {
        results[nth] = result;
    }
    results
}

/// Reads one file: one message, or those of a mailbox file.
fn one(path: &Path, settings: Settings<'_>) -> io::Result<Vec<(String, Reading)>> {
    // As it was typed, so that a program that asked finds its file again.
    let name = path.display().to_string();
    let is_mailbox = path
        .extension()
        .is_some_and(|kind| ["mbox", "mbx"].iter().any(|known| kind.eq_ignore_ascii_case(known)));
    if is_mailbox {
        let bytes = fs::read(path)?;
        let messages = messages(&bytes);
        return Ok(messages
            .iter()
            .enumerate()
            .map(|(nth, message)| (format!("{name}#{}", nth + 1), inbox::read(message, settings)))
            .collect());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(parsed::LIMIT as u64).read_to_end(&mut bytes)?;
    Ok(vec![(name, inbox::read(&bytes, settings))])
}

/// Cuts a mailbox file (RFC 4155) into its messages.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut begins = Vec::new();
    let mut at = 0;
    let mut blank = true;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        // A sentence may begin with "From", too; it names no time.
        let time = line.windows(3).any(|w| w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit());
        if blank && time && line.starts_with(b"From ") {
            begins.push(at);
        }
        blank = line.trim_ascii().is_empty();
        at += line.len();
    }
    if begins.first() != Some(&0) {
        begins.insert(0, 0);
    }
    let ends = begins.iter().skip(1).copied().chain([bytes.len()]);
    begins
        .iter()
        .zip(ends)
        .map(|(from, to)| &bytes[*from..to])
        .filter(|message| !message.trim_ascii().is_empty())
        .collect()
}

/// Collects files; of folders all that is in them, but what is hidden and what is no mail.
fn collect(path: &Path, named: bool, files: &mut Vec<PathBuf>, trouble: &mut Vec<String>) {
    if path.is_dir() {
        match fs::read_dir(path) {
            Ok(entries) => {
                let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                inside.sort();
                inside.iter().for_each(|path| collect(path, false, files, trouble));
            }
            Err(error) => trouble.push(format!("{} cannot be read: {error}", shown_path(path))),
        }
        return;
    }
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let other = path.extension().is_some_and(|kind| {
        ["json", "jsonl", "csv", "toml", "md"].iter().any(|known| kind.eq_ignore_ascii_case(known))
    });
    if named || !hidden && !other {
        files.push(path.to_owned());
    }
}

/// Says it for people.
fn in_words(name: &str, reading: &Reading, style: Style) -> String {
    let mut what = reading.kind.name().to_owned();
    if let Some(kind) = reading.auto_reply {
        what = format!("{what}: {}", kind.words());
    }
    if reading.kind == Kind::Bounce {
        let class = if reading.class == Some(Class::Hard) { "hard" } else { "soft" };
        let status = reading.status.map_or("no status".to_owned(), |status| status.to_string());
        let address =
            if reading.address_bad { "the address is bad" } else { "says nothing against the address" };
        what = format!("{what}, {class}, {status}; {address}");
    }
    let mut text = format!("{}\n  {what}\n", style.bold(name));
    let mut line =
        |word: &str, value: &str| text.push_str(&format!("  {} {value}\n", style.dim(&format!("{word:<7}"))));
    if !reading.recipients.is_empty() {
        line("whom", &reading.recipients.join(", "));
    }
    if let Some(matched) = &reading.matched {
        let step = matched.step.map_or(String::new(), |step| format!(", step {step}"));
        line("letter", &format!("{}{step}, by {}", matched.key, matched.evidence));
    }
    if let Some(day) = reading.until {
        line("until", &day.to_string());
    }
    for reason in &reading.reasons {
        line("why", reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_file_is_cut_into_its_messages() {
        let bytes = b"From a Mon Sep  1 10:00:00 2025\nSubject: 1\n\nFrom here on\n\nFrom b Tue Sep  2 10:00:00 2025\nSubject: 2\n\n>From c\n";
        let found = messages(bytes);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].starts_with(b"From b"));
        assert_eq!(messages(b"Subject: x\n\ny\n").len(), 1);
        assert!(messages(b"").is_empty());
    }
}
