//! The campaign as it is frozen into the ledger at launch: who writes, in which language, with which letters.

use std::collections::{BTreeMap, BTreeSet};

use ring::digest;
use serde::{Deserialize, Serialize};

use super::enclosure::FileMark;
use super::parts::used;
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

    /// Takes the parts that the letter does not include from another reading of the same folder: the text of a letter that is
    /// yet to come stands among them, and may still change. What the letter includes stays, and nothing is added to that.
    fn follow_in_what_is_unused(&mut self, read: &LetterSource) {
        let names = |letter: &LetterSource| used(letter).into_iter().cloned().collect::<BTreeSet<String>>();
        let included = names(self);
        self.partials.retain(|name, _| included.contains(name));
        for (name, text) in &read.partials {
            self.partials.entry(name.clone()).or_insert_with(|| text.clone());
        }
        let by_now = names(self);
        self.partials.retain(|name, _| included.contains(name) || !by_now.contains(name));
    }

    /// Returns the file of something that it includes: `templates/foot.md`.
    pub fn file_of(&self, name: &str) -> String {
        format!("templates/{name}.{}", if self.is_html() { "html" } else { "md" })
    }
}

impl Definition {
    /// Returns whether a letter follows another.
    pub fn is_later(&self, letter: &LetterSource) -> bool {
        self.steps.iter().skip(1).any(|step| step.name == letter.name)
    }

    /// Returns what goes on from a frozen campaign whose first `begun` letters were handed over: the frozen one, with the later
    /// letters of this one, that of the files. Of pictures and files that both name, the frozen ones stay.
    #[must_use]
    pub fn continuing(&self, frozen: &Definition, begun: usize) -> Definition {
        let mut continued = frozen.clone();
        continued.steps.truncate(begun);
        for (frozen, own) in continued.steps.iter_mut().zip(&self.steps) {
            frozen.follow_in_what_is_unused(own);
        }
        continued.steps.extend(self.steps.iter().skip(begun).cloned());
        let add = |to: &mut BTreeMap<String, String>, from: &BTreeMap<String, String>| {
            for (name, value) in from {
                to.entry(name.clone()).or_insert_with(|| value.clone());
            }
        };
        add(&mut continued.stationery.texts, &self.stationery.texts);
        add(&mut continued.stationery.pictures, &self.stationery.pictures);
        add(&mut continued.stationery.fonts, &self.stationery.fonts);
        for (path, mark) in &self.attachments {
            continued.attachments.entry(path.clone()).or_insert_with(|| mark.clone());
        }
        continued
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::address::Address;

    fn definition(name: &str, letters: &[&str]) -> Definition {
        let letter = |text: &&str| LetterSource {
            name: "letter".to_owned(),
            text: (*text).to_owned(),
            partials: BTreeMap::new(),
        };
        Definition {
            name: "appeal".to_owned(),
            language: "nl".to_owned(),
            timezone: "Europe/Amsterdam".to_owned(),
            sender: Sender {
                from: Mailbox {
                    name: Some(name.to_owned()),
                    address: Address::parse("desk@ngo.example").unwrap(),
                },
                reply_to: None,
                verp: false,
                fields: BTreeMap::new(),
            },
            steps: letters.iter().map(letter).collect(),
            attachments: BTreeMap::from([(format!("{name}.pdf"), FileMark::of("a.pdf", name.as_bytes()))]),
            stationery: Stationery {
                texts: BTreeMap::from([("brief.typ".to_owned(), name.to_owned())]),
                ..Stationery::default()
            },
        }
    }

    #[test]
    fn letters_that_were_handed_over_stay_as_they_were_and_later_ones_may_change() {
        let frozen = definition("Then", &["first", "second"]);
        let files = definition("Now", &["first, edited", "second, edited", "third"]);
        let texts = |begun| -> Vec<String> {
            files.continuing(&frozen, begun).steps.into_iter().map(|step| step.text).collect()
        };
        assert_eq!(texts(1), ["first", "second, edited", "third"]);
        assert_eq!(texts(2), ["first", "second", "third"]);
        let fewer = definition("Now", &["first, edited"]).continuing(&frozen, 1);
        assert_eq!(fewer.steps.len(), 1);
        let continued = files.continuing(&frozen, 1);
        assert_eq!(continued.sender, frozen.sender);
        assert_eq!(continued.stationery, frozen.stationery);
        assert_eq!(continued.attachments.keys().collect::<Vec<_>>(), ["Now.pdf", "Then.pdf"]);
        // What goes on once goes on as it is.
        assert_eq!(files.continuing(&continued, 1), continued);
        assert_eq!(frozen.continuing(&frozen, 1), frozen);
    }

    #[test]
    fn a_letter_that_is_under_way_keeps_the_parts_it_includes_and_lets_go_of_the_others() {
        let with = |parts: &[(&str, &str)]| {
            let mut definition =
                definition("Then", &["{{> foot}} {{> (lookup this \"partij\")}} {{> partij/}}", "Twee"]);
            let parts = parts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            definition.steps[0].partials = parts.collect();
            definition
        };
        let frozen = with(&[("foot", "old"), ("partij/A", "a"), ("reminder", "old"), ("gone", "old")]);
        let files = with(&[
            ("foot", "new"),
            ("partij/A", "b"),
            ("partij/B", "b"),
            ("reminder", "new"),
            ("more", "x"),
        ]);
        let continued = files.continuing(&frozen, 1);
        let expected = with(&[("foot", "old"), ("partij/A", "a"), ("reminder", "new"), ("more", "x")]);
        assert_eq!(continued.steps[0].partials, expected.steps[0].partials);
    }
}
