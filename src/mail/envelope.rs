//! The envelope of a message, as against its header fields (RFC 5321 §2.3.1).

use super::address::Address;

/// Who gets the message, and where a report about it goes.
///
/// Always one forward path: one transaction carries one recipient, so a refusal is about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `MAIL FROM:<…>`; `None` is the null reverse path `<>`.
    pub reverse_path: Option<Address>,
    /// `RCPT TO:<…>`.
    pub forward_path: Address,
}

impl Envelope {
    /// Returns whether the transaction needs `SMTPUTF8` (RFC 6531 §3.4): a path is not ASCII.
    pub fn needs_smtputf8(&self) -> bool {
        self.forward_path.needs_smtputf8() || self.reverse_path.as_ref().is_some_and(Address::needs_smtputf8)
    }
}
