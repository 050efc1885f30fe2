//! What a message in our mailbox is to us.

use jiff::civil::Date;
use serde::Serialize;

use crate::mail::smtp_reply::EnhancedCode;

/// The kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A person wrote back. Only that.
    Reply,
    /// A machine wrote back (RFC 3834).
    AutoReply,
    /// A letter was not delivered, or not yet (RFC 3464).
    Bounce,
    /// Somebody calls a letter spam (RFC 5965).
    Complaint,
    /// Somebody wants no more letters.
    Unsubscribe,
    /// A letter was opened, thrown away or delivered, says a machine (RFC 8098).
    Receipt,
    /// It has nothing to do with our letters, as far as can be seen.
    Unrelated,
}

impl Kind {
    /// Returns its word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Reply => "reply",
            Kind::AutoReply => "auto-reply",
            Kind::Bounce => "bounce",
            Kind::Complaint => "complaint",
            Kind::Unsubscribe => "unsubscribe",
            Kind::Receipt => "receipt",
            Kind::Unrelated => "unrelated",
        }
    }
}

/// Whether a bounce is for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// For good: this letter will not arrive.
    Hard,
    /// For now: it is still tried, or a later letter may arrive.
    Soft,
}

/// What kind of automatic answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutoReply {
    /// They are away, perhaps until a day.
    Away,
    /// "We have received your message."
    Acknowledgement,
    /// The person has left: somebody must look for another.
    LeftOrganisation,
    /// The address goes on to nobody: somebody must look for another.
    AddressRetired,
    /// The sender is to prove something first: somebody must do it.
    Challenge,
    /// They answer only a form, or want more particulars: somebody must do it.
    UseOurForm,
    /// Automatic, and no more is known.
    Other,
}

impl AutoReply {
    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            AutoReply::Away => "they are away",
            AutoReply::Acknowledgement => "receipt is acknowledged",
            AutoReply::LeftOrganisation => "the person has left the organisation",
            AutoReply::AddressRetired => "the address is no longer used",
            AutoReply::Challenge => "the sender is asked to prove something first",
            AutoReply::UseOurForm => "they ask for something else than a letter, such as a form",
            AutoReply::Other => "an automatic answer of no particular kind",
        }
    }

    /// Whether somebody has to do something about it.
    pub fn needs_a_person(self) -> bool {
        !matches!(self, AutoReply::Away | AutoReply::Acknowledgement | AutoReply::Other)
    }
}

/// The letter that a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matched {
    /// The recipient's key.
    pub key: String,
    /// The step of the sequence, where it is known.
    pub step: Option<u32>,
    /// By what.
    pub by: Evidence,
    /// The evidence itself: the id, the token, the address.
    pub evidence: String,
}

/// By what a message was matched, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The token in the address it came to.
    Token,
    /// A Message-ID, ours or the provider's, returned or referred to.
    MessageId,
    /// The envelope id (RFC 3461 §4.4).
    EnvelopeId,
    /// The letter's reference, visible in the text.
    Reference,
    /// The recipient that a report names.
    Recipient,
    /// The address it came from.
    From,
    /// The domain of the organisation, and our subject.
    Organisation,
}

impl Evidence {
    /// Whether it is sure enough to act on: what is not waits for a person.
    pub fn is_sure(self) -> bool {
        self <= Evidence::Recipient
    }
}

/// What was read out of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it is.
    pub kind: Kind,
    /// Of a bounce: whether it is for good.
    pub class: Option<Class>,
    /// Of a bounce: whether the failure is permanent (class 5). Says nothing about the address.
    pub permanent: bool,
    /// Of a bounce: whether the address itself is bad, so that nobody should write to it again.
    pub address_bad: bool,
    /// Of a bounce: the enhanced status code (RFC 3463), as given or as the words say.
    pub status: Option<EnhancedCode>,
    /// Whom it is about, as written: failed recipients (the one we wrote to before the one it was forwarded to), or who complains.
    pub recipients: Vec<String>,
    /// The letter it belongs to.
    pub matched: Option<Matched>,
    /// Of an absence: the day that they name; behind "t/m" the last day away, behind "terug op" the first day back.
    pub until: Option<Date>,
    /// Of an automatic answer: which kind.
    pub auto_reply: Option<AutoReply>,
    /// Of a bounce: it is a limit, a policy or a setting of our own side, and strikes nobody off.
    pub ours_to_blame: bool,
    /// Whether a person should look at it, because it is not certain or asks for something.
    pub needs_a_person: bool,
    /// Why, in words; never empty.
    pub reasons: Vec<String>,
}

impl Reading {
    /// Begins a reading of that kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            class: None,
            permanent: false,
            address_bad: false,
            status: None,
            recipients: Vec::new(),
            matched: None,
            until: None,
            auto_reply: None,
            ours_to_blame: false,
            needs_a_person: false,
            reasons: Vec::new(),
        }
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }

    /// Returns the reading as the object of one JSON line, for the file that it was read from.
    pub fn to_json(&self, file: &str) -> serde_json::Value {
        serde_json::json!({
            "file": file,
            "kind": self.kind,
            "class": self.class,
            "permanent": self.permanent,
            "address_bad": self.address_bad,
            "status": self.status.map(|status| status.to_string()),
            "recipients": self.recipients,
            "matched": self.matched,
            "until": self.until,
            "reasons": self.reasons,
        })
    }
}
