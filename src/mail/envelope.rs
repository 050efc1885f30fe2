//! The envelope of a message, as against its header fields (RFC 5321 §2.3.1).

use super::address::Address;

/// Who gets the message, and where a report about it goes.
///
/// One transaction carries one recipient's letter, so a refusal is about one person: the refusal of the first forward
/// path is the letter's, and what the relay says of the others (of a `Cc`) goes with its acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `MAIL FROM:<…>`; `None` is the null reverse path `<>`.
    pub reverse_path: Option<Address>,
    /// `RCPT TO:<…>`: the one that the letter is for.
    pub forward_path: Address,
    /// Further `RCPT TO:<…>`, each once and none twice.
    pub also: Vec<Address>,
    /// Whether the letter waits when one of the others is put off (a 4yz), instead of going without it.
    pub waits_for_others: bool,
    /// `ENVID`: what a report about the letter gives back (RFC 3461 §4.4), at most 100 characters; `None` asks for nothing.
    pub envelope_id: Option<String>,
}

impl Envelope {
    /// An envelope with one forward path.
    pub fn one(reverse_path: Option<Address>, forward_path: Address) -> Self {
        Self { reverse_path, forward_path, also: Vec::new(), waits_for_others: true, envelope_id: None }
    }

    /// Returns every forward path, that of the one the letter is for first.
    pub fn forward_paths(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.forward_path).chain(&self.also)
    }

    /// Returns whether the transaction needs `SMTPUTF8` (RFC 6531 §3.4): a path is not ASCII.
    pub fn needs_smtputf8(&self) -> bool {
        self.forward_paths().any(Address::needs_smtputf8)
            || self.reverse_path.as_ref().is_some_and(Address::needs_smtputf8)
    }
}
