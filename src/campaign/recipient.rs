//! One recipient, as the roster tells it.

use serde::{Deserialize, Serialize};

use crate::mail::address::{Address, Mailbox};

/// One row of the roster, read and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// What the campaigner calls this recipient: the key column, or the address where there is none.
    pub key: String,
    /// Where the letter goes.
    pub address: Address,
    /// The display name of the mailbox.
    pub name: Option<String>,
    /// The body the recipient answers for: the party.
    pub organisation: Option<String>,
    /// All columns of the row under their normalised names, in the file's order, blanks trimmed.
    pub fields: Vec<(String, String)>,
}

impl Recipient {
    /// Returns the mailbox for the `To` field.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox {
            name: self.name.clone().or_else(|| self.organisation.clone()),
            address: self.address.clone(),
        }
    }
}
