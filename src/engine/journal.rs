//! `logs/delivery.jsonl`: one line for each event of the ledger, append-only, never a secret.
//!
//! The file is a projection of the ledger's history: each line carries the event's number (`seq`), and a line that a
//! crash kept from being written is written at the next start.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::ledger::record::Event;
use crate::ledger::{Ledger, LedgerError};
use crate::mail::smtp_reply::SmtpReply;

/// One line, as other programs read it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    seq: i64,
    at: String,
    campaign: &'a str,
    key: Option<&'a str>,
    step: Option<u32>,
    event: &'a str,
    attempt: Option<u32>,
    stage: Option<&'static str>,
    reply: Option<&'a SmtpReply>,
    note: Option<&'a str>,
    message_id: Option<&'a str>,
}

/// The open file; may be shared between the thread that writes the ledger and whoever mends the file.
#[derive(Debug)]
pub struct Journal(Mutex<Writing>);

#[derive(Debug)]
struct Writing {
    file: File,
    last: i64,
    failed: Option<String>,
}

impl Journal {
    /// Opens or makes the file, mode 0600, and finds the last event in it.
    ///
    /// A last line that a crash cut short is ended, so that the next one stands alone.
    ///
    /// # Errors
    /// When the file can be neither read nor written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let (last, whole) = last_seq(&file)?;
        if !whole {
            file.write_all(b"\n")?;
        }
        Ok(Self(Mutex::new(Writing { file, last, failed: None })))
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of the last event written.
    pub fn last(&self) -> i64 {
        self.writing().last
    }

    /// Returns why the file could not be written, the first time that happened.
    pub fn failure(&self) -> Option<String> {
        self.writing().failed.clone()
    }

    /// Appends events that are newer than the last, in one write.
    ///
    /// # Errors
    /// When the file cannot be written; the ledger has the events all the same.
    pub fn append(&self, events: &[Event]) -> io::Result<()> {
        let mut writing = self.writing();
        let written = writing.append(events);
        if let Err(error) = &written {
            writing.failed.get_or_insert_with(|| error.to_string());
        }
        written
    }
}

impl Writing {
    fn append(&mut self, events: &[Event]) -> io::Result<()> {
        let mut lines = Vec::new();
        let mut last = self.last;
        for event in events.iter().filter(|event| event.seq > self.last) {
            let line = Line {
                seq: event.seq,
                at: event.at.to_string(),
                campaign: &event.campaign,
                key: event.key.as_deref(),
                step: event.step,
                event: &event.event,
                attempt: event.attempt,
                stage: event.stage.map(crate::delivery::attempt::Stage::name),
                reply: event.reply.as_ref(),
                note: event.note.as_deref(),
                message_id: event.message_id.as_deref(),
            };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
            last = last.max(event.seq);
        }
        self.file.write_all(&lines)?;
        self.last = last;
        Ok(())
    }
}

/// Adds the events that a journal lacks: those of a run that was cut off, or of a command that did not send.
///
/// # Errors
/// When the ledger cannot be read, or the file not be written.
pub fn mend(ledger: &Ledger, journal: &Journal) -> Result<(), MendError> {
    loop {
        let events = ledger.events_after(journal.last(), PAGE).wait()?;
        if events.is_empty() {
            return Ok(());
        }
        journal.append(&events)?;
    }
}

/// So many events are read at once.
const PAGE: u32 = 1000;

/// Why a journal could not be mended.
#[derive(Debug, thiserror::Error)]
pub enum MendError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Finds the highest `seq` in the last 256 kB of the file, and whether the file ends with a line's end.
fn last_seq(mut file: &File) -> io::Result<(i64, bool)> {
    const TAIL: u64 = 256 * 1024;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let (mut last, mut whole) = (0, true);
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        whole = line.ends_with(b"\n");
        // A line that does not parse is the cut beginning of the tail, or the cut end of a crash.
        if let Ok(value) = serde_json::from_slice::<serde_json::Value>(&line)
            && let Some(seq) = value.get("seq").and_then(serde_json::Value::as_i64)
        {
            last = last.max(seq);
        }
        line.clear();
    }
    Ok((last, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: i64) -> Event {
        Event {
            seq,
            at: jiff::Timestamp::UNIX_EPOCH,
            campaign: "spring".into(),
            key: Some("D66".into()),
            step: Some(1),
            event: "accepted".into(),
            attempt: Some(1),
            stage: Some(crate::delivery::attempt::Stage::EndOfData),
            reply: Some(SmtpReply {
                code: 250,
                enhanced: Some("2.0.0".into()),
                text: "queued\nas \"x\"".into(),
            }),
            note: None,
            message_id: Some("<a.b.1@post.example>".into()),
        }
    }

    #[test]
    fn each_event_is_one_line_and_none_is_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delivery.jsonl");
        Journal::open(&path).unwrap().append(&[event(1), event(2)]).unwrap();
        let again = Journal::open(&path).unwrap();
        assert_eq!(again.last(), 2);
        again.append(&[event(1), event(2), event(3)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        insta::assert_snapshot!(text.lines().next_back().unwrap(), @r#"{"seq":3,"at":"1970-01-01T00:00:00Z","campaign":"spring","key":"D66","step":1,"event":"accepted","attempt":1,"stage":"end-of-data","reply":{"code":250,"enhanced":"2.0.0","text":"queued\nas \"x\""},"note":null,"message_id":"<a.b.1@post.example>"}"#);
    }

    #[test]
    fn a_line_cut_short_by_a_crash_is_left_alone_and_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delivery.jsonl");
        Journal::open(&path).unwrap().append(&[event(1), event(2)]).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
        let again = Journal::open(&path).unwrap();
        assert_eq!(again.last(), 1);
        again.append(&[event(2)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count(),
            2
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delivery.jsonl");
        Journal::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
