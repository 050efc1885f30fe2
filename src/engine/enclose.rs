//! The files that go along with a letter of a later step: looked for when it is due, and put into the ledger before it is queued.

use std::sync::Arc;

use jiff::Timestamp;

use super::press::Press;
use crate::campaign::attachments::{FOLDER, Wanted};
use crate::campaign::enclosure::{Enclosure, FileMark};
use crate::ledger::record::CampaignId;
use crate::ledger::{Ledger, LedgerError};

/// Reads a file below the folder of attachments. Nothing where there is none; or says why one that is there cannot be read.
pub type ReadFile = Arc<dyn Fn(&str) -> Result<Option<(FileMark, Vec<u8>)>, String> + Send + Sync>;

/// Where the files are.
#[derive(Clone)]
pub struct Enclosing {
    read: ReadFile,
}

impl Enclosing {
    /// Reads them by this.
    pub fn new(read: ReadFile) -> Self {
        Self { read }
    }

    /// Returns what goes along with a recipient's letter of a step; the ledger has it then. Or says what is missing.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger cannot be used.
    pub async fn for_letter(
        &self,
        (ledger, press): (&Ledger, &Press),
        campaign: CampaignId,
        key: &str,
        step: u32,
        now: Timestamp,
    ) -> Result<Result<Vec<Enclosure>, String>, LedgerError> {
        let Some(letter) = press.letter(step).filter(|letter| letter.encloses()) else {
            return Ok(Ok(Vec::new()));
        };
        let recipient = match Ledger::read(ledger.path())? {
            Some(reader) => reader.enrolled(campaign, key)?.map(|enrolled| enrolled.recipient),
            None => None,
        };
        let Some(recipient) = recipient else { return Ok(Ok(Vec::new())) };
        let wanted = match letter.wanted(&press.row(&recipient, step, now, None).input()) {
            Ok(wanted) => wanted,
            Err(problems) => {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                return Ok(Err(told.join("; ")));
            }
        };
        let mut enclosures = Vec::with_capacity(wanted.len());
        for Wanted { path, name, frozen, optional, .. } in wanted {
            if let Some(file) = frozen {
                enclosures.push(Enclosure { name, file: file.clone() });
                continue;
            }
            match (self.read)(&path) {
                Ok(Some((file, bytes))) => {
                    ledger.keep_file(bytes).await?;
                    enclosures.push(Enclosure { name, file });
                }
                Ok(None) if optional => {}
                Ok(None) => return Ok(Err(format!("{FOLDER}/{path}: there is no such file"))),
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(Ok(enclosures))
    }
}
