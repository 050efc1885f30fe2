//! The campaign as it is frozen into the ledger at launch: who writes, in which language, with which letters.

use std::collections::BTreeMap;

use ring::digest;
use serde::{Deserialize, Serialize};

use super::enclosure::FileMark;
use super::stationery::Stationery;
use crate::mail::address::Mailbox;

/// Everything that decides what a letter says, and nothing of how it travels.
///
/// Its JSON is what the ledger keeps; the same definition and the same recipient give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The campaign's name; within one ledger it is its identity.
    pub name: String,
    /// A language tag (RFC 5646): `nl`.
    pub language: String,
    /// An IANA time zone: `Europe/Amsterdam`. Dates in letters and office hours are told in it.
    pub timezone: String,
    /// Who writes.
    pub sender: Sender,
    /// The letters, in order; the first is step 1.
    pub steps: Vec<LetterSource>,
    /// The files that go along with every letter, by their path below the folder `attachments/`. The ledger has their octets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attachments: BTreeMap<String, FileMark>,
    /// What PDF letters are typeset with; empty where no letter asks for one.
    #[serde(default, skip_serializing_if = "Stationery::is_empty")]
    pub stationery: Stationery,
}

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// `From`.
    pub from: Mailbox,
    /// `Reply-To`, where it differs.
    pub reply_to: Option<Mailbox>,
    /// Whether the reverse path carries the delivery's token (`local+token@domain`, RFC 5233).
    pub verp: bool,
    /// The free keys of `[sender]`, for the letter's foot, under their normalised names (`postal_address`).
    pub fields: BTreeMap<String, String>,
}

/// One letter as its author wrote it, with everything it includes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterSource {
    /// `letter`: the file is `templates/letter.md`. `letter.html`: it is `templates/letter.html`.
    pub name: String,
    /// The whole file, front matter included.
    pub text: String,
    /// Every other file of `templates/` that it may include, by name without the ending `.md`: `foot`, `partij/D66`.
    pub partials: BTreeMap<String, String>,
}

impl LetterSource {
    /// Returns whether the letter is HTML; else it is Markdown. What it includes is of the same kind.
    pub fn is_html(&self) -> bool {
        self.name.ends_with(".html")
    }

    /// Returns the letter's file: `templates/letter.md`.
    pub fn file(&self) -> String {
        self.file_of(self.name.strip_suffix(".html").unwrap_or(&self.name))
    }

    /// Returns the file of something that it includes: `templates/foot.md`.
    pub fn file_of(&self, name: &str) -> String {
        format!("templates/{name}.{}", if self.is_html() { "html" } else { "md" })
    }
}

impl Definition {
    /// Returns the SHA-256 of the definition, as 64 hexadecimal digits.
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex(digest::digest(&digest::SHA256, &json).as_ref())
    }
}

/// Writes bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
