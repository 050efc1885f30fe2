//! The container of `.docx` and `.odt` files: a ZIP archive of which a few parts are read, each up to a bound.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use super::Unreadable;

/// A part may not be larger than this once it is unpacked: a letter has some hundred kilobytes of XML.
const LARGEST_PART: u64 = 8 << 20;
/// An office document has some ten to some hundred parts.
const MOST_PARTS: usize = 10_000;

/// An opened container.
pub(super) struct Archive<'b>(ZipArchive<Cursor<&'b [u8]>>);

impl<'b> Archive<'b> {
    /// Opens a container; reads its table of contents only.
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, Unreadable> {
        match ZipArchive::new(Cursor::new(bytes)) {
            Ok(archive) if archive.len() <= MOST_PARTS => Ok(Self(archive)),
            Ok(_) => Err(Unreadable::TooLarge),
            Err(_) => Err(Unreadable::Broken),
        }
    }

    /// Returns whether there is a part of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.index_for_name(name).is_some()
    }

    /// Returns whether any part's name begins like this.
    pub(super) fn has_any(&self, beginning: &str) -> bool {
        self.0.file_names_raw().any(|name| name.starts_with(beginning.as_bytes()))
    }

    /// Unpacks a part; nothing if there is none of that name.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let part = match self.0.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(_) | ZipError::InvalidPassword) => {
                return Err(Unreadable::Encrypted);
            }
            Err(_) => return Err(Unreadable::Broken),
        };
        // What the table of contents says of the size need not be true.
        let mut bytes = Vec::new();
        part.take(LARGEST_PART + 1).read_to_end(&mut bytes).map_err(|_| Unreadable::Broken)?;
        if bytes.len() as u64 > LARGEST_PART { Err(Unreadable::TooLarge) } else { Ok(Some(bytes)) }
    }
}
