//! `--sent FILE`: what was sent, as a list, in the place of a ledger.

use std::fs::File;
use std::path::Path;

use super::shown_path;
use crate::inbox::{Sent, SentLetter};
use crate::report::Failure;

/// The columns that are known; of the first five, `key` must be there, and one of `message_id` and `address`.
const COLUMNS: [&str; 9] =
    ["key", "message_id", "address", "subject", "sent_at", "step", "wire_id", "envelope_id", "reference"];

/// Reads the list. Other columns are left alone; a cell may be empty.
///
/// `sent_at` is a moment (RFC 3339, or RFC 5322 as in a mail's `Date`) or a number of seconds since 1970.
///
/// # Errors
/// When the file cannot be read or has not the columns.
pub(super) fn read(path: &Path) -> Result<Sent, Failure> {
    let shown = shown_path(path);
    let cannot = |error: String| Failure::input(format!("{shown} cannot be read: {error}"));
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let headings = reader.headers().map_err(|error| cannot(error.to_string()))?.clone();
    let at = COLUMNS.map(|name| {
        headings
            .iter()
            .position(|heading| heading.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(name))
    });
    let [Some(key), message_id, address, ..] = at else {
        return Err(Failure::input(format!("{shown} has no column `key`"))
            .hint(format!("the columns are {}", COLUMNS[..5].join(", "))));
    };
    if message_id.is_none() && address.is_none() {
        return Err(Failure::input(format!(
            "{shown} has neither a column `message_id` nor `address`, so nothing can be recognised by it"
        )));
    }
    let mut sent = Sent::default();
    let mut wrong: Vec<String> = Vec::new();
    for (nth, row) in reader.into_byte_records().enumerate() {
        let row = row.map_err(|error| cannot(error.to_string()))?;
        let cell = |nth: usize| {
            at[nth]
                .and_then(|at| row.get(at))
                .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
                .unwrap_or_default()
        };
        let some = |nth: usize| Some(cell(nth)).filter(|cell| !cell.is_empty());
        let moment = some(4).map(|text| (moment(&text), text));
        if let Some((None, text)) = &moment {
            wrong.push(format!("{shown}:{}: `{text}` is no moment", nth + 2));
        }
        sent.add(SentLetter {
            number: None,
            key: row.get(key).map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).unwrap_or_default(),
            message_id: cell(1),
            address: cell(2),
            subject: cell(3),
            sent_at: moment.and_then(|(moment, _)| moment),
            step: some(5).and_then(|step| step.parse().ok()),
            wire_id: some(6),
            envelope_id: some(7),
            reference: some(8),
        });
    }
    match wrong.first() {
        Some(first) => Err(Failure::input(first.clone())
            .fact("rows", wrong.len().to_string())
            .hint("write it like 2025-09-01T10:00:00+02:00, or leave it empty")),
        None => Ok(sent),
    }
}

/// Reads a moment in any of the forms that lists have.
fn moment(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a moment's fraction does not matter, and it saturates"
        )]
        return Some(seconds as i64);
    }
    let spaced = text.replacen(' ', "T", 1);
    let rfc3339 =
        || text.parse::<jiff::Timestamp>().or_else(|_| spaced.parse()).ok().map(jiff::Timestamp::as_second);
    let without_zone = || {
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| text.parse::<jiff::civil::Date>().map(|day| day.at(0, 0, 0, 0)));
        civil
            .ok()
            .and_then(|civil| civil.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok())
            .map(|moment| moment.timestamp().as_second())
    };
    rfc3339().or_else(without_zone).or_else(|| crate::mail::parsed::moment(text).map(|moment| moment.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Sent, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sent.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_list_is_read_with_its_moments_in_any_form() {
        for sent_at in [
            "2025-09-01T08:00:00Z",
            "2025-09-01 10:00:00+02:00",
            "1756713600",
            "Mon, 01 Sep 2025 10:00:00 +0200",
            "2025-09-01T08:00:00",
        ] {
            assert_eq!(moment(sent_at), Some(1_756_713_600), "{sent_at}");
        }
        let sent = list("\u{feff}Key,message_id,address,subject,sent_at\nADA,<1@x.example>,ada@y.example,\"Hi, there\",\n").unwrap();
        assert_eq!(sent.by_id("1@x.example").map(|letter| letter.subject.as_str()), Some("Hi, there"));
    }

    #[test]
    fn a_list_that_says_nothing_is_refused() {
        assert!(list("message_id\n<1@x.example>\n").unwrap_err().said.contains("no column `key`"));
        assert!(list("key\nADA\n").unwrap_err().said.contains("neither"));
        assert!(
            list("key,address,sent_at\nADA,a@b.example,soon\n")
                .unwrap_err()
                .said
                .contains(":2: `soon` is no moment")
        );
    }
}
