//! The files that go along with letters, from the ledger; those used last stay in memory, so that one for all is read once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::campaign::enclosure::{Enclosure, Fingerprint};
use crate::ledger::{Ledger, LedgerError};
use crate::mail::mime::Attachment;

/// So many octets of files stay in memory; one that is larger than all of it stays for its own letter only.
const KEPT: usize = 32 << 20;
/// And so many files, since they are looked through one by one.
const MOST: usize = 100;

/// The files of a run.
#[derive(Debug, Default)]
pub struct Files {
    /// Used last, last.
    kept: Mutex<Vec<(Fingerprint, Arc<[u8]>)>>,
}

impl Files {
    /// Returns the files of one letter.
    ///
    /// # Errors
    /// When the ledger cannot be read, or has not got one that is frozen: then nothing may go.
    pub async fn attachments(
        &self,
        ledger: &Ledger,
        enclosures: &[Enclosure],
    ) -> Result<Vec<Attachment>, LedgerError> {
        let mut attachments = Vec::with_capacity(enclosures.len());
        for Enclosure { name, file } in enclosures {
            let bytes = match self.known(&file.digest) {
                Some(bytes) => bytes,
                None => {
                    let bytes = ledger.file(file.digest).await?.ok_or_else(|| lost(ledger, name))?;
                    self.keep(file.digest, bytes.into())
                }
            };
            attachments.push(Attachment { name: name.clone(), media_type: file.media_type.clone(), bytes });
        }
        Ok(attachments)
    }

    fn known(&self, digest: &Fingerprint) -> Option<Arc<[u8]>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == digest)?;
        let found = kept.remove(at);
        let bytes = Arc::clone(&found.1);
        kept.push(found);
        Some(bytes)
    }

    fn keep(&self, digest: Fingerprint, bytes: Arc<[u8]>) -> Arc<[u8]> {
        if bytes.len() > KEPT {
            return bytes;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut size: usize = bytes.len();
        let fits = kept.iter().rev().take(MOST - 1).take_while(|(_, bytes)| {
            size += bytes.len();
            size <= KEPT
        });
        let gone = kept.len() - fits.count();
        kept.drain(..gone);
        kept.push((digest, Arc::clone(&bytes)));
        bytes
    }
}

fn lost(ledger: &Ledger, name: &str) -> LedgerError {
    let why = format!("the file `{name}` that goes along with a letter is not in it");
    LedgerError::Unavailable { path: ledger.path().display().to_string(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(files: &Files) -> Vec<usize> {
        files.kept.lock().unwrap().iter().map(|(_, bytes)| bytes.len()).collect()
    }

    #[test]
    fn what_was_used_last_stays_within_its_room() {
        let files = Files::default();
        let sizes = [KEPT / 2, KEPT / 4, KEPT / 4, 10, KEPT + 1];
        let digests = sizes.map(|size| Fingerprint::of(&size.to_le_bytes()));
        let keep = |at: usize| drop(files.keep(digests[at], vec![0; sizes[at]].into()));
        keep(0);
        keep(1);
        assert!(files.known(&digests[0]).is_some());
        keep(3);
        assert_eq!(held(&files), [KEPT / 4, KEPT / 2, 10], "used, it went to the end");
        files.keep(Fingerprint::of(b"other"), vec![0; KEPT / 4].into());
        assert_eq!(held(&files), [KEPT / 2, 10, KEPT / 4], "the one not used for longest has gone");
        keep(4);
        assert_eq!(held(&files), [KEPT / 2, 10, KEPT / 4], "what is larger than all room stays with nobody");
        assert!(files.known(&digests[4]).is_none());
        for small in 0..2 * MOST {
            files.keep(Fingerprint::of(&small.to_be_bytes()), vec![0; 1].into());
        }
        assert_eq!(held(&files).len(), MOST);
    }
}
