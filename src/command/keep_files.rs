//! The files that go along are put into the ledger, each once, before anything that names them.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::enclosures::Cabinet;
use super::ledger_failed;
use crate::campaign::attachments::Wanted;
use crate::campaign::definition::Definition;
use crate::campaign::enclosure::{Enclosure, FileMark, Fingerprint};
use crate::campaign::recipient::Recipient;
use crate::engine::press::Press;
use crate::ledger::{Answer, Ledger};
use crate::report::Failure;

/// Puts the files that go along with every letter into the ledger, before the definition that names them.
///
/// # Errors
/// When one of them is no longer what the plan was shown with, or the ledger cannot be written.
pub(super) fn keep_files_for_all(
    ledger: &Ledger,
    definition: &Definition,
    cabinet: &Cabinet,
) -> Result<(), Failure> {
    for (path, mark) in &definition.attachments {
        if ledger.has_file(mark.digest).wait().map_err(ledger_failed)? {
            continue;
        }
        let changed = || {
            Failure::input(format!("attachments/{path} has changed since the plan was shown"))
                .hint("run `postduif send` again")
                .safe("nothing was sent")
        };
        let (found, bytes) = cabinet.read(path).map_err(|_| changed())?;
        if found.digest != mark.digest {
            return Err(changed());
        }
        ledger.keep_file(bytes).wait().map_err(ledger_failed)?;
    }
    Ok(())
}

/// Puts the files of each recipient into the ledger while the roster is enrolled, with flat memory.
pub(super) struct Keeping<'a> {
    ledger: &'a Ledger,
    cabinet: &'a Cabinet,
    /// What was handed to the ledger in this pass, by path.
    kept: HashMap<String, FileMark>,
    /// What is being written, and how many octets that is.
    under_way: VecDeque<(usize, Answer<Fingerprint>)>,
    octets: usize,
}

impl<'a> Keeping<'a> {
    /// So many octets may be on their way to the disk.
    const UNDER_WAY: usize = 8 << 20;
    /// So many paths are remembered; the files of others are read again for each recipient, and kept once all the same.
    const REMEMBERED: usize = 10_000;

    pub(super) fn new(ledger: &'a Ledger, cabinet: &'a Cabinet) -> Self {
        Self { ledger, cabinet, kept: HashMap::new(), under_way: VecDeque::new(), octets: 0 }
    }

    /// Returns the files that go along with a recipient's letter; the ledger has them, or is about to, before it hears of
    /// the recipient. What cannot be read is left out, which the plan's digest shows.
    pub(super) fn enclosures(
        &mut self,
        press: &Press,
        recipient: &Recipient,
        now: Timestamp,
    ) -> Result<Vec<Enclosure>, Failure> {
        let letter = press.letter(1).filter(|_| recipient.errand().is_none());
        let input = press.input(recipient, now);
        let Some(Ok(wanted)) = letter.map(|letter| letter.wanted(&input)) else { return Ok(Vec::new()) };
        let mut enclosures = Vec::with_capacity(wanted.len());
        for Wanted { path, name, frozen, .. } in wanted {
            if let Some(file) = frozen.cloned().or_else(|| self.kept.get(&path).cloned()) {
                enclosures.push(Enclosure { name, file });
                continue;
            }
            let Ok((file, bytes)) = self.cabinet.read(&path) else { continue };
            self.keep(bytes)?;
            if self.kept.len() < Self::REMEMBERED {
                self.kept.insert(path, file.clone());
            }
            enclosures.push(Enclosure { name, file });
        }
        Ok(enclosures)
    }

    fn keep(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        self.octets += bytes.len();
        self.under_way.push_back((bytes.len(), self.ledger.keep_file(bytes)));
        while self.octets > Self::UNDER_WAY {
            self.wait_for_one()?;
        }
        Ok(())
    }

    fn wait_for_one(&mut self) -> Result<(), Failure> {
        let Some((octets, answer)) = self.under_way.pop_front() else { return Ok(()) };
        self.octets -= octets;
        answer.wait().map(drop).map_err(ledger_failed)
    }

    /// Waits until all is on the disk.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        while !self.under_way.is_empty() {
            self.wait_for_one()?;
        }
        Ok(())
    }
}
