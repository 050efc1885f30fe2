//! One recipient, as the roster tells it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::mail::address::{Address, Mailbox};

/// One row of the roster, read and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// What the campaigner calls this recipient: the key column, or the address where there is none.
    pub key: String,
    /// By which way the recipient is reached.
    pub channel: Channel,
    /// The name from the column for it.
    pub name: Option<String>,
    /// The body the recipient answers for: the party.
    pub organisation: Option<String>,
    /// The last day, in the campaign's zone, on which anything may go to this recipient.
    pub deadline: Option<Date>,
    /// All columns of the row under their normalised names, in the file's order, blanks trimmed.
    pub fields: Vec<(String, String)>,
}

/// By which way a recipient is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// By mail.
    Mail(Addressees),
    /// By hand: a task for a person.
    ByHand(Errand),
}

/// What a person does for a recipient who takes no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Errand {
    /// Fills in a form on a web site.
    WebForm,
    /// Posts a letter on paper.
    Post,
    /// Rings up.
    Phone,
}

impl Errand {
    /// Every errand.
    pub const ALL: [Errand; 3] = [Errand::WebForm, Errand::Post, Errand::Phone];

    /// Returns the name that the ledger, logs and JSON use.
    pub fn name(self) -> &'static str {
        match self {
            Errand::WebForm => "web-form",
            Errand::Post => "post",
            Errand::Phone => "phone",
        }
    }

    /// Returns what is done, in words for people.
    pub fn words(self) -> &'static str {
        match self {
            Errand::WebForm => "web form",
            Errand::Post => "post",
            Errand::Phone => "telephone",
        }
    }

    /// Returns the errand of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|errand| errand.name() == name)
    }
}

/// The mailboxes that one letter goes to; each address stands in it once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressees {
    /// The one that the letter is for: its refusal is the letter's refusal.
    pub to: Mailbox,
    /// Further mailboxes of the same cell, beside it in `To`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_to: Vec<Mailbox>,
    /// `Cc`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Mailbox>,
    /// In the envelope alone (RFC 5322 §3.6.3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<Mailbox>,
}

impl Addressees {
    /// One address and nobody else.
    pub fn one(address: Address) -> Self {
        let to = Mailbox { name: None, address };
        Self { to, also_to: Vec::new(), cc: Vec::new(), bcc: Vec::new() }
    }

    /// Returns everybody beside the one that the letter is for.
    pub fn others(&self) -> impl Iterator<Item = &Mailbox> {
        self.also_to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// Takes out those of the others that a test says no to, and returns their addresses.
    pub fn leave_out(&mut self, mut is_left_out: impl FnMut(&Address) -> bool) -> Vec<Address> {
        let mut gone = Vec::new();
        for list in [&mut self.also_to, &mut self.cc, &mut self.bcc] {
            list.retain(|mailbox| {
                let leave = is_left_out(&mailbox.address);
                if leave {
                    gone.push(mailbox.address.clone());
                }
                !leave
            });
        }
        gone
    }
}

impl Recipient {
    /// Returns whom the letter goes to, for a recipient who is reached by mail.
    pub fn addressees(&self) -> Option<&Addressees> {
        match &self.channel {
            Channel::Mail(addressees) => Some(addressees),
            Channel::ByHand(_) => None,
        }
    }

    /// Returns the address that the letter is for.
    pub fn address(&self) -> Option<&Address> {
        self.addressees().map(|addressees| &addressees.to.address)
    }

    /// Returns whether a text is one of the addresses that the letter goes to.
    pub fn has_address(&self, text: &str) -> bool {
        let all = self.addressees().into_iter().flat_map(|all| [&all.to].into_iter().chain(all.others()));
        all.map(|mailbox| mailbox.address.canonical()).any(|address| address == text.to_lowercase())
    }

    /// Returns what a person is to do, for a recipient who is not reached by mail.
    pub fn errand(&self) -> Option<Errand> {
        match self.channel {
            Channel::Mail(_) => None,
            Channel::ByHand(errand) => Some(errand),
        }
    }

    /// Returns the name of the way that the ledger, logs and JSON use: `mail`, or the errand's.
    pub fn way(&self) -> &'static str {
        self.errand().map_or("mail", Errand::name)
    }

    /// Returns the mailbox that the letter is for, under the name of its column, of its cell, or of the organisation.
    pub fn mailbox(&self) -> Option<Mailbox> {
        let to = &self.addressees()?.to;
        let name = self.name.clone().or_else(|| to.name.clone()).or_else(|| self.organisation.clone());
        Some(Mailbox { name, address: to.address.clone() })
    }

    /// Returns the address as people read it, or what is done instead of writing to one.
    pub fn whereto(&self) -> String {
        match &self.channel {
            Channel::Mail(addressees) => addressees.to.address.to_string(),
            Channel::ByHand(errand) => errand.words().to_owned(),
        }
    }
}
