//! One process per ledger: an OS lock on `<ledger>.lock`, which ends with the process, however it ends.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::LedgerError;
use super::schema::{beside, private_file, unavailable};

/// The lock, held as long as this value lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock and writes `holder` into its file, so that the next one can say who holds it.
    ///
    /// The file itself is never removed: whoever removed it would let two processes lock two files of one name.
    pub(super) fn take(ledger: &Path, holder: &str) -> Result<Self, LedgerError> {
        let path = beside(ledger, ".lock");
        let said = |error: &std::io::Error| {
            unavailable(ledger, format!("its lock {} cannot be taken: {error}", path.display()))
        };
        let mut file = private_file(&path).map_err(|error| said(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // What cannot be read is not worth a second error: that it is held is what matters.
                let _ = file.read_to_string(&mut text);
                let line = text.lines().next().unwrap_or_default().trim();
                let holder = if line.is_empty() { "another process" } else { line };
                return Err(LedgerError::Held {
                    path: ledger.display().to_string(),
                    holder: holder.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(said(&error)),
        }
        let line = format!("{}\n", holder.replace(['\r', '\n'], " "));
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(line.as_bytes()))
            .map_err(|error| said(&error))?;
        Ok(Self { _file: file })
    }
}
