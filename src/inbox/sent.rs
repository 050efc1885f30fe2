//! What was sent, as far as an answer can be recognised by it: filled from the ledger, or from a list.

use std::collections::{HashMap, HashSet};

use super::incoming::base_subject;
use super::words::plain;
use crate::delivery::inbound::LetterNumber;
use crate::mail::message_id::MessageId;

/// One letter that went out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentLetter {
    /// The recipient's key.
    pub key: String,
    /// The step of the sequence, where it is known.
    pub step: Option<u32>,
    /// Its numbers in the ledger, where it is from there.
    pub number: Option<LetterNumber>,
    /// Our Message-ID, with or without angle brackets.
    pub message_id: String,
    /// The provider's Message-ID, where it put one in the place of ours.
    pub wire_id: Option<String>,
    /// The envelope id that was given along (RFC 3461 §4.4).
    pub envelope_id: Option<String>,
    /// What the letter shows as "our reference".
    pub reference: Option<String>,
    /// The recipient's address.
    pub address: String,
    /// The subject, decoded.
    pub subject: String,
    /// When it went, in seconds since 1970.
    pub sent_at: Option<i64>,
}

/// An index over them.
#[derive(Debug, Default)]
pub struct Sent {
    letters: Vec<SentLetter>,
    subjects: Vec<String>,
    by_id: HashMap<String, usize>,
    by_token: HashMap<String, usize>,
    by_envelope_id: HashMap<String, usize>,
    by_reference: HashMap<String, usize>,
    by_address: HashMap<String, Vec<usize>>,
    by_domain: HashMap<String, Vec<usize>>,
    /// The addresses that we write from.
    own: HashSet<String>,
}

impl Sent {
    /// Makes the index.
    pub fn new(letters: impl IntoIterator<Item = SentLetter>) -> Self {
        let mut sent = Self::default();
        letters.into_iter().for_each(|letter| sent.add(letter));
        sent
    }

    /// Adds an address that we write from: what comes from it is a copy of our own, whatever it refers to.
    pub fn add_own(&mut self, address: &str) {
        self.own.insert(address.trim().to_lowercase());
    }

    /// Returns whether we write from an address.
    pub fn is_own(&self, address: &str) -> bool {
        self.own.contains(&address.trim().to_lowercase())
    }

    /// Adds a letter.
    pub fn add(&mut self, letter: SentLetter) {
        let at = self.letters.len();
        let id = bare(&letter.message_id).to_owned();
        for id in [Some(id.as_str()), letter.wire_id.as_deref().map(bare)]
            .into_iter()
            .flatten()
            .filter(|id| !id.is_empty())
        {
            self.by_id.insert(id.to_owned(), at);
        }
        for token in tokens_of(&id) {
            self.by_token.insert(token, at);
        }
        if let Some(envelope_id) = letter.envelope_id.as_deref().filter(|id| !id.is_empty()) {
            self.by_envelope_id.insert(envelope_id.to_owned(), at);
        }
        if let Some(reference) = letter.reference.as_deref().filter(|text| text.len() >= 4) {
            self.by_reference.insert(plain(reference), at);
        }
        let address = letter.address.trim().to_lowercase();
        if let Some((_, domain)) = address.rsplit_once('@') {
            self.by_domain.entry(domain.to_owned()).or_default().push(at);
        }
        self.by_address.entry(address).or_default().push(at);
        self.subjects.push(base_subject(&plain(&letter.subject)).to_owned());
        self.letters.push(letter);
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Returns the letter of that Message-ID, ours or the provider's; brackets may be missing.
    pub fn by_id(&self, id: &str) -> Option<&SentLetter> {
        self.by_id.get(bare(id)).map(|at| &self.letters[*at])
    }

    /// Returns the letter that a token in an address stands for. A token cannot be guessed, so being found is its proof.
    pub fn by_token(&self, token: &str) -> Option<&SentLetter> {
        self.by_token.get(&token.to_lowercase()).map(|at| &self.letters[*at])
    }

    /// Returns the letter of that envelope id.
    pub fn by_envelope_id(&self, id: &str) -> Option<&SentLetter> {
        self.by_envelope_id.get(id.trim_matches(['<', '>', ' '])).map(|at| &self.letters[*at])
    }

    /// Returns the letter whose visible reference stands in a plain text.
    pub(crate) fn by_reference(&self, plain: &str) -> Option<(&SentLetter, &str)> {
        if self.by_reference.is_empty() {
            return None;
        }
        let words = plain
            .split([' ', ',', '(', ')', '"', '>', '<', ':', ';'])
            .map(|word| word.trim_matches(['.', '\'']));
        words
            .filter_map(|word| self.by_reference.get_key_value(word))
            .map(|(word, at)| (&self.letters[*at], word.as_str()))
            .next()
    }

    /// Returns the letters to an address, with their plain subjects.
    pub(crate) fn to_address(&self, address: &str) -> impl Iterator<Item = (&SentLetter, &str)> {
        self.pick(self.by_address.get(&address.trim().to_lowercase()))
    }

    /// Returns the letters to a domain, with their plain subjects.
    pub(crate) fn to_domain(&self, domain: &str) -> impl Iterator<Item = (&SentLetter, &str)> {
        self.pick(self.by_domain.get(domain))
    }

    fn pick<'a>(&'a self, found: Option<&'a Vec<usize>>) -> impl Iterator<Item = (&'a SentLetter, &'a str)> {
        found.into_iter().flatten().map(|at| (&self.letters[*at], self.subjects[*at].as_str()))
    }
}

/// What stands before a reference of ours, in a letter that shows one.
const LABELS: [&str; 5] =
    ["ons kenmerk", "our reference", "unser zeichen", "notre reference", "us skaaimerk"];

/// Returns the reference that a letter shows: the word behind `Ons kenmerk:` and its like, of at least four characters.
pub fn visible_reference(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let (label, rest) = line.split_once(':')?;
        let label = plain(label);
        let word = rest.split_whitespace().next()?.trim_matches(['*', '_', '.', ',']);
        (LABELS.contains(&label.trim_matches(['*', '_', ' '])) && word.chars().count() >= 4).then_some(word)
    })
}

/// Takes off what may stand around an id.
fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// What of a Message-ID may stand in an address: the token of our own reverse paths, and the whole left part without dots.
fn tokens_of(id: &str) -> Vec<String> {
    let left = id.split('@').next().unwrap_or_default().to_lowercase();
    let token = MessageId::stored(format!("<{id}>")).return_token().to_lowercase();
    let whole: String = left.split('.').collect();
    let mut tokens = Vec::new();
    if token.len() == MessageId::RETURN_TOKEN && left.contains('.') {
        tokens.push(token);
    }
    // Short ones could be anybody's name.
    for token in [left, whole] {
        if token.len() >= 16 && !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_that_a_letter_shows_is_found() {
        for (text, found) in [
            ("Geachte,\n\nOns kenmerk: SVP2025/D66\nBetreft: x", Some("SVP2025/D66")),
            ("Our reference: A-17.", Some("A-17")),
            ("Notre référence: 2025-0042 du 3 mars", Some("2025-0042")),
            ("Uw kenmerk: 2025-0042", None),
            ("Ons kenmerk: x", None),
            ("Ons kenmerk", None),
            ("", None),
        ] {
            assert_eq!(visible_reference(text), found, "{text}");
        }
    }

    #[test]
    fn an_answer_that_shows_our_reference_is_found_by_it() {
        let letter = SentLetter {
            key: "D66".to_owned(),
            reference: Some("SVP2025/D66".to_owned()),
            ..SentLetter::default()
        };
        let sent = Sent::new([letter]);
        let (found, word) = sent.by_reference(&plain("Uw kenmerk: SVP2025/D66, Geachte")).unwrap();
        assert_eq!((found.key.as_str(), word), ("D66", plain("SVP2025/D66").as_str()));
        assert!(sent.by_reference(&plain("Uw kenmerk: SVP2025/CDA")).is_none());
    }
}
