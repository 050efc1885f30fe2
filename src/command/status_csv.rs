//! `logs/status.csv`: the user's own rows in the user's own order, with what became of each.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// The columns that are added, at the end of each row.
pub const COLUMNS: [&str; 8] = [
    "postduif standing",
    "postduif state",
    "postduif step",
    "postduif attempts",
    "postduif accepted at",
    "postduif reply",
    "postduif what happened",
    "postduif message-id",
];

/// What became of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The standing: one word.
    pub standing: String,
    /// The state of the latest delivery: one word.
    pub state: String,
    /// Of which step.
    pub step: String,
    /// How many attempts there were.
    pub attempts: String,
    /// When the relay took it, in the campaign's zone.
    pub accepted_at: String,
    /// What the relay said last.
    pub reply: String,
    /// What that means, in words.
    pub what_happened: String,
    /// The message's name.
    pub message_id: String,
}

impl Outcome {
    fn cells(&self) -> [String; COLUMNS.len()] {
        [
            &self.standing,
            &self.state,
            &self.step,
            &self.attempts,
            &self.accepted_at,
            &self.reply,
            &self.what_happened,
            &self.message_id,
        ]
        .map(|cell| harmless(cell))
    }
}

/// Writes the whole file anew, beside the old one first, mode 0600, so that a reader sees the old or the new one whole.
///
/// # Errors
/// When the file cannot be written; the old one is then as it was.
pub fn write<'a, R>(path: &Path, headings: &[String], separator: u8, rows: R) -> io::Result<()>
where
    R: Iterator<Item = io::Result<(Vec<String>, Option<Outcome>)>> + 'a,
{
    let beside = path.with_extension("csv.new");
    let written = write_to(&beside, headings, separator, rows).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_to<R>(path: &Path, headings: &[String], separator: u8, rows: R) -> io::Result<()>
where
    R: Iterator<Item = io::Result<(Vec<String>, Option<Outcome>)>>,
{
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = BufWriter::new(options.open(path)?);
    // The mark tells a spreadsheet that this is UTF-8.
    file.write_all("\u{feff}".as_bytes())?;
    let mut csv = csv::WriterBuilder::new().delimiter(separator).from_writer(file);
    csv.write_record(headings.iter().map(String::as_str).chain(COLUMNS))?;
    for row in rows {
        let (cells, outcome) = row?;
        csv.write_record(cells.into_iter().chain(outcome.unwrap_or_default().cells()))?;
    }
    csv.flush()?;
    let file = csv.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

/// Makes a cell of ours harmless for a spreadsheet: what a stranger's server said must not be a formula.
fn harmless(cell: &str) -> String {
    let text: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_keep_their_order_and_their_text_and_get_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.csv");
        let accepted = Outcome {
            standing: "awaiting-reply".into(),
            reply: "=HYPERLINK(\"x\")\nmore".into(),
            ..Outcome::default()
        };
        let rows = vec![
            Ok((vec!["D66".to_owned(), "één; twee".to_owned()], Some(accepted))),
            Ok((vec!["VVD".to_owned(), "=1+1".to_owned()], None)),
        ];
        write(&path, &["Afkorting".to_owned(), "Noot".to_owned()], b';', rows.into_iter()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        insta::assert_snapshot!(text.trim_start_matches('\u{feff}'), @r#"
        Afkorting;Noot;postduif standing;postduif state;postduif step;postduif attempts;postduif accepted at;postduif reply;postduif what happened;postduif message-id
        D66;"één; twee";awaiting-reply;;;;;"'=HYPERLINK(""x"") more";;
        VVD;=1+1;;;;;;;;
        "#);
    }

    #[test]
    fn a_failure_leaves_the_old_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.csv");
        fs::write(&path, "old").unwrap();
        let rows = vec![Err(io::Error::other("the roster went away"))];
        assert!(write(&path, &["a".to_owned()], b',', rows.into_iter()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
