//! The files that go along with letters: found in the folder `attachments/`, read, hashed once each, and handed over.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::campaign::attachments::{FOLDER, Wanted};
use crate::campaign::enclosure::{Enclosure, FileMark, Fingerprint};
use crate::campaign::headings::normalised;
use crate::campaign::problem::Problem;
use crate::mail::mime::Attachment;

/// The largest file that is read at all; `check` has its say long before.
pub const LARGEST: u64 = 64 << 20;

/// Why a file cannot go along.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is none.
    #[error("there is no such file")]
    Missing {
        /// A file of the same folder with almost that name.
        near: Option<String>,
    },
    /// A link leads out of the folder.
    #[error("a link in it leads out of the folder `{FOLDER}/`")]
    Outside,
    /// A folder, a device, a pipe.
    #[error("it is no file")]
    NoFile,
    /// Nobody takes a mail of that size.
    #[error("the file has {} MB, and a letter takes {} at most", .0 / 1_000_000, LARGEST / 1_000_000)]
    TooLarge(u64),
    /// The system says no.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is another than the one that was frozen, which is nowhere else.
    #[error("it is no longer the file that was frozen")]
    Changed,
}

/// The folder of a campaign's attachments. Remembers what it read, so that a file for all is read and hashed once.
#[derive(Debug)]
pub struct Cabinet {
    folder: PathBuf,
    /// The folder itself, without links; nothing where there is none.
    root: Option<PathBuf>,
    marks: Mutex<HashMap<String, FileMark>>,
}

impl Cabinet {
    /// So many files are remembered; those beyond are read anew each time, so that memory stays flat.
    const REMEMBERED: usize = 10_000;

    /// Opens the folder of a campaign; it need not be there.
    pub fn of(campaign: &Path) -> Self {
        let folder = campaign.join(FOLDER);
        let root = folder.canonicalize().ok();
        Self { folder, root, marks: Mutex::default() }
    }

    /// Returns what is known of a file.
    ///
    /// # Errors
    /// [`Trouble`] where it cannot go along.
    pub fn look(&self, path: &str) -> Result<FileMark, Trouble> {
        if let Some(mark) = self.marks.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(mark.clone());
        }
        self.read(path).map(|(mark, _)| mark)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Trouble`] where it cannot go along.
    pub fn read(&self, path: &str) -> Result<(FileMark, Vec<u8>), Trouble> {
        let bytes = self.bytes(path)?;
        let mark = FileMark::of(path, &bytes);
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() < Self::REMEMBERED {
            marks.insert(path.to_owned(), mark.clone());
        }
        drop(marks);
        Ok((mark, bytes))
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, Trouble> {
        let missing = || Trouble::Missing { near: self.near(path) };
        let root = self.root.as_ref().ok_or_else(missing)?;
        // Links are followed first: what they lead to must still be within the folder.
        let whole = self.folder.join(path).canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(),
            _ => Trouble::Unreadable(error),
        })?;
        if !whole.starts_with(root) {
            return Err(Trouble::Outside);
        }
        let about = fs::metadata(&whole)?;
        // A pipe would wait for ever, and a device has no end.
        if !about.is_file() {
            return Err(Trouble::NoFile);
        }
        if about.len() > LARGEST {
            return Err(Trouble::TooLarge(about.len()));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default());
        fs::File::open(&whole)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        // It may have grown since.
        if bytes.len() as u64 > LARGEST {
            return Err(Trouble::TooLarge(bytes.len() as u64));
        }
        Ok(bytes)
    }

    /// Finds a file of the same folder whose name differs in case, blanks or marks alone. One that is only similar may be
    /// another party's.
    fn near(&self, path: &str) -> Option<String> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let entries = fs::read_dir(self.folder.join(folder)).ok()?;
        let mut names =
            entries.take(Self::REMEMBERED).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.find(|known| normalised(known) == normalised(name))
    }

    /// Returns the files that a row's letter asks for, as far as they are there; and which must be there and are not, or cannot
    /// be read, with the letter's own place.
    pub fn enclosures(&self, wanted: Vec<Wanted<'_>>) -> (Vec<Enclosure>, Vec<Problem>) {
        let (mut enclosures, mut problems) = (Vec::new(), Vec::new());
        for wanted in wanted {
            let found = match wanted.frozen {
                Some(frozen) => Ok(frozen.clone()),
                None => self.look(&wanted.path),
            };
            match found {
                Ok(file) => enclosures.push(Enclosure { name: wanted.name, file }),
                Err(Trouble::Missing { .. }) if wanted.optional => {}
                Err(trouble) => problems.push(problem(&wanted, &trouble)),
            }
        }
        (enclosures, problems)
    }

    /// Reads the files that a row's letter asks for. One that was frozen comes from where it was kept, if the file
    /// here is another by now.
    ///
    /// # Errors
    /// What keeps the letter from going.
    pub fn attachments(
        &self,
        wanted: Vec<Wanted<'_>>,
        kept: &dyn Fn(&Fingerprint) -> Option<Vec<u8>>,
    ) -> Result<Vec<Attachment>, Vec<Problem>> {
        let (mut attachments, mut problems) = (Vec::new(), Vec::new());
        for wanted in wanted {
            let found = self.read(&wanted.path);
            let found = match (wanted.frozen, found) {
                (None, found) => found,
                (Some(frozen), Ok((mark, bytes))) if mark.digest == frozen.digest => {
                    Ok((frozen.clone(), bytes))
                }
                (Some(frozen), found) => match (kept(&frozen.digest), found) {
                    (Some(bytes), _) => Ok((frozen.clone(), bytes)),
                    (None, Ok(_)) => Err(Trouble::Changed),
                    (None, Err(trouble)) => Err(trouble),
                },
            };
            match found {
                Ok((mark, bytes)) => attachments.push(Attachment {
                    name: wanted.name,
                    media_type: mark.media_type,
                    bytes: bytes.into(),
                }),
                Err(Trouble::Missing { .. }) if wanted.optional => {}
                Err(trouble) => problems.push(problem(&wanted, &trouble)),
            }
        }
        if problems.is_empty() { Ok(attachments) } else { Err(problems) }
    }
}

fn problem(wanted: &Wanted<'_>, trouble: &Trouble) -> Problem {
    let said = format!("`{FOLDER}/{}`: {trouble}", wanted.path);
    let problem = Problem::error("no-attachment", wanted.place.clone(), said);
    match trouble {
        Trouble::Missing { near: Some(near) } => problem.hint(format!("did you mean `{near}`?")),
        Trouble::Missing { near: None } => problem.hint("with `optional = true` a letter goes without it"),
        _ => problem,
    }
}
