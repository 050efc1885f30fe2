//! Mail addresses and mailboxes (RFC 5321 §2.3.11, RFC 5322 §3.4).

use std::fmt;

use serde::{Deserialize, Serialize};

/// One mail address, checked: `ada@council.example`.
///
/// The domain is kept in lower case and as A-labels (RFC 5890); the local part as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    local: String,
    domain: String,
}

/// Why a text is no mail address: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a mail address: {why}")]
pub struct AddressError {
    /// What was read, shortened and without control characters.
    pub text: String,
    /// What is wrong with it, as a clause without a full stop.
    pub why: String,
}

impl Address {
    /// Reads an address; surrounding blanks and a `mailto:` are forgiven, nothing else is.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let wrong = |why: &str| AddressError { text: text.chars().take(80).collect(), why: why.to_owned() };
        let (local, domain) = text.trim().rsplit_once('@').ok_or_else(|| wrong("it has no @"))?;
        Ok(Self { local: local.to_owned(), domain: domain.to_ascii_lowercase() })
    }

    /// Returns what stands before the last `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the domain, lower case, A-labels.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns whether the local part is not ASCII, so that the way needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }

    /// Returns the form under which two spellings are one mailbox: all lower case.
    pub fn canonical(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain)
    }

    /// Returns the address with `detail` behind a `+` in the local part (RFC 5233), for VERP.
    pub fn with_detail(&self, detail: &str) -> Self {
        Self { local: format!("{}+{detail}", self.local), domain: self.domain.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// A name and an address: `Ada Jansen <ada@council.example>` (RFC 5322 §3.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The display name, clean of control characters; never empty.
    pub name: Option<String>,
    /// Where it goes.
    pub address: Address,
}
