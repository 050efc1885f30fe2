//! What comes back, read from files: each message has its expected reading beside it.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be read has failed")]

mod field;
mod fixtures;
mod mutilated;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};
use postduif::delivery::inbound::Reading;
use postduif::inbox::{self, Sent, SentLetter, Settings};

/// The day on which the messages without a date are read.
pub(crate) const TODAY: Date = date(2025, 9, 1);

/// The folder of the messages.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mail")
}

/// Every message below the folder, sorted.
pub(crate) fn messages() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "eml") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&folder(), &mut found);
    found.sort();
    found
}

/// What was sent, from `sent.csv`.
pub(crate) fn sent() -> Sent {
    let text = fs::read_to_string(folder().join("sent.csv")).unwrap();
    Sent::new(text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let some = |at: usize| Some(cells[at].to_owned()).filter(|cell| !cell.is_empty());
        SentLetter {
            number: None,
            key: cells[0].to_owned(),
            message_id: cells[1].to_owned(),
            address: cells[2].to_owned(),
            subject: cells[3].to_owned(),
            sent_at: Some(cells[4].parse::<jiff::Timestamp>().unwrap().as_second()),
            step: some(5).map(|step| step.parse().unwrap()),
            wire_id: some(6),
            envelope_id: some(7),
            reference: some(8),
        }
    }))
}

/// Reads a message against what was sent.
pub(crate) fn read(bytes: &[u8], sent: &Sent) -> Reading {
    inbox::read(bytes, Settings { sent: Some(sent), today: TODAY, own_lines: &[] })
}

/// Reads a message of the folder.
pub(crate) fn read_file(name: &str) -> Reading {
    read(&fs::read(folder().join(name)).unwrap(), &sent())
}
