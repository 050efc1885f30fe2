//! What came back about a letter, and what follows from it.
//!
//! The reading itself is made in `inbox`; here are its words, since the ledger keeps them, and the consequences.

use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::state::{Event, State};

use crate::mail::smtp_reply::EnhancedCode;

/// The kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Every kind.
    pub const ALL: [Kind; 7] = [
        Kind::Reply,
        Kind::AutoReply,
        Kind::Bounce,
        Kind::Complaint,
        Kind::Unsubscribe,
        Kind::Receipt,
        Kind::Unrelated,
    ];

    /// Returns the kind of a word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// For good: this letter will not arrive.
    Hard,
    /// For now: it is still tried, or a later letter may arrive.
    Soft,
}

/// What kind of automatic answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The recipient's key.
    pub key: String,
    /// The step of the sequence, where it is known.
    pub step: Option<u32>,
    /// By what.
    pub by: Evidence,
    /// The evidence itself: the id, the token, the address.
    pub evidence: String,
    /// The same letter by its number in the ledger, where it was found there.
    #[serde(skip)]
    pub letter: Option<LetterNumber>,
}

/// A letter that went out, by its numbers in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LetterNumber {
    /// Its campaign.
    pub campaign: i64,
    /// The delivery.
    pub delivery: i64,
}

/// By what a message was matched, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// A person says so.
    Word,
}

impl Evidence {
    /// Says it in words, to stand before the evidence itself.
    pub fn words(self) -> &'static str {
        match self {
            Evidence::Token => "the token in the address",
            Evidence::MessageId => "the Message-ID",
            Evidence::EnvelopeId => "the envelope id",
            Evidence::Reference => "the reference",
            Evidence::Recipient => "the failed recipient",
            Evidence::From => "the sender",
            Evidence::Organisation => "the sender's domain and the subject",
            Evidence::Word => "the word of",
        }
    }

    /// Whether it is sure enough to act on: what is not waits for a person.
    pub fn is_sure(self) -> bool {
        self <= Evidence::Recipient || self == Evidence::Word
    }
}

/// What was read out of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What it is.
    pub kind: Kind,
    /// Of a bounce: whether it is for good.
    pub class: Option<Class>,
    /// Of a bounce: whether the failure is permanent (class 5). Says nothing about the address.
    pub permanent: bool,
    /// Of a bounce: whether it is still being tried, so that nothing is decided yet.
    pub delayed: bool,
    /// Of a bounce: whether the address itself is bad, so that nobody should write to it again.
    pub address_bad: bool,
    /// Of a bounce: the enhanced status code (RFC 3463), as given or as the words say.
    pub status: Option<EnhancedCode>,
    /// Whom it is about, in lower case where it matters: failed recipients, or who complains.
    pub recipients: Vec<String>,
    /// The letter it belongs to.
    pub matched: Option<Matched>,
    /// Of an absence: the day of return.
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
            delayed: false,
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

    /// Returns whether a bounce says that the mailbox is full (RFC 3463 §3.3). A server that calls that a failure for good only
    /// means that it does not try again by itself.
    pub fn says_full(&self) -> bool {
        self.status.is_some_and(|status| (status.subject, status.detail) == (2, 2))
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

/// What a recipient's enrollment stops for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The organisation answered.
    Replied,
    /// They want no more letters.
    OptedOut,
    /// They called it spam.
    Complained,
    /// The letter came back.
    Bounced,
}

/// What follows from a reading; the ledger carries it out in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Consequence {
    /// What happens to the delivery that it names.
    pub event: Option<Event>,
    /// Why the enrollment stops: the recipient's own, and for an answer that of the whole organisation.
    pub stop: Option<Stop>,
    /// Why the address is not written to any more, in any campaign.
    pub suppress: Option<String>,
    /// After how long the same step goes again, as a delivery of its own.
    pub again: Option<Duration>,
    /// Whether a person has to judge; until then the organisation's next letters wait.
    pub review: bool,
}

/// After a mailbox was full, the letter goes again after two days.
const AFTER_SOFT: Duration = Duration::from_secs(2 * 86_400);
/// And so many times; then the bounce stands.
const MOST_SOFT: u32 = 3;

/// Says what follows from a reading about a delivery that stands at `state`, of which `soft` bounces came before.
///
/// What is not sure has no consequence but that a person is asked. A bounce that blames our own side strikes nobody off.
pub fn consequence(reading: &Reading, state: Option<State>, soft: u32) -> Consequence {
    let nothing = Consequence::default();
    let sure = reading.matched.as_ref().is_some_and(|matched| matched.by.is_sure());
    if !sure {
        // Receipts and automatic words of strangers are nobody's work.
        let review = reading.matched.is_some() && !matches!(reading.kind, Kind::Receipt | Kind::Unrelated);
        return Consequence { review, ..nothing };
    }
    // Whatever came back proves that the letter went out.
    let proved = (state == Some(State::InDoubt)).then_some(Event::ProvedSent);
    let status = reading.status.map(|status| format!(" ({status})")).unwrap_or_default();
    match reading.kind {
        Kind::Reply => Consequence {
            event: proved,
            stop: Some(Stop::Replied),
            review: reading.needs_a_person,
            ..nothing
        },
        Kind::AutoReply => {
            let undated = reading.auto_reply == Some(AutoReply::Away) && reading.until.is_none();
            Consequence { event: proved, review: reading.needs_a_person || undated, ..nothing }
        }
        Kind::Receipt => Consequence { event: proved, ..nothing },
        Kind::Unsubscribe => Consequence {
            event: proved,
            stop: Some(Stop::OptedOut),
            suppress: Some("asked for no more letters".to_owned()),
            ..nothing
        },
        Kind::Complaint => Consequence {
            event: proved,
            stop: Some(Stop::Complained),
            suppress: Some("called a letter spam".to_owned()),
            ..nothing
        },
        Kind::Bounce if reading.delayed => Consequence { event: proved, ..nothing },
        Kind::Bounce => {
            let came_back = matches!(state, Some(State::Accepted | State::InDoubt));
            let event = came_back.then_some(Event::CameBack);
            if reading.ours_to_blame {
                return Consequence { event, review: true, ..nothing };
            }
            // A person may send a letter again that came back before.
            let told = state == Some(State::Bounced)
                && reading.matched.as_ref().is_some_and(|matched| matched.by == Evidence::Word);
            let may_go_again = came_back && soft < MOST_SOFT || told;
            let may_arrive = !reading.permanent || reading.says_full();
            let again = (may_arrive && may_go_again).then_some(AFTER_SOFT);
            Consequence {
                event,
                stop: again.is_none().then_some(Stop::Bounced),
                suppress: reading.address_bad.then(|| format!("the address does not exist{status}")),
                again,
                ..nothing
            }
        }
        Kind::Unrelated => nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(kind: Kind, by: Evidence) -> Reading {
        let matched =
            Matched { key: "D66".to_owned(), step: Some(1), by, evidence: "x".to_owned(), letter: None };
        Reading { matched: Some(matched), ..Reading::new(kind) }
    }

    fn bounce(permanent: bool, address_bad: bool) -> Reading {
        let class = if permanent { Class::Hard } else { Class::Soft };
        Reading { permanent, address_bad, class: Some(class), ..reading(Kind::Bounce, Evidence::MessageId) }
    }

    #[test]
    fn what_is_not_sure_is_asked_about_and_changes_nothing() {
        for kind in [Kind::Reply, Kind::AutoReply, Kind::Bounce, Kind::Unsubscribe, Kind::Complaint] {
            let weak = consequence(&reading(kind, Evidence::From), Some(State::Accepted), 0);
            assert_eq!(weak, Consequence { review: true, ..Consequence::default() }, "{kind:?}");
        }
        let receipt = consequence(&reading(Kind::Receipt, Evidence::Organisation), Some(State::Accepted), 0);
        assert_eq!(receipt, Consequence::default());
        assert_eq!(consequence(&Reading::new(Kind::Reply), None, 0), Consequence::default());
    }

    #[test]
    fn whatever_comes_back_lifts_a_doubt() {
        for kind in [Kind::Reply, Kind::AutoReply, Kind::Receipt, Kind::Unsubscribe, Kind::Complaint] {
            let found = reading(kind, Evidence::MessageId);
            assert_eq!(consequence(&found, Some(State::InDoubt), 0).event, Some(Event::ProvedSent));
            assert_eq!(consequence(&found, Some(State::Accepted), 0).event, None);
        }
        let delayed = Reading { delayed: true, ..bounce(false, false) };
        assert_eq!(consequence(&delayed, Some(State::InDoubt), 0).event, Some(Event::ProvedSent));
        assert_eq!(consequence(&bounce(true, true), Some(State::InDoubt), 0).event, Some(Event::CameBack));
    }

    #[test]
    fn only_a_bad_address_is_struck_off() {
        let gone = consequence(&bounce(true, true), Some(State::Accepted), 0);
        assert_eq!((gone.stop, gone.suppress.is_some(), gone.again), (Some(Stop::Bounced), true, None));
        let policy = consequence(&bounce(true, false), Some(State::Accepted), 0);
        assert_eq!((policy.stop, policy.suppress, policy.again), (Some(Stop::Bounced), None, None));
        let ours = Reading { ours_to_blame: true, ..bounce(true, true) };
        let ours = consequence(&ours, Some(State::Accepted), 0);
        assert_eq!((ours.stop, ours.suppress, ours.review), (None, None, true));
    }

    #[test]
    fn a_full_mailbox_is_tried_again_after_two_days_three_times() {
        let full = bounce(false, false);
        for before in 0..3 {
            let found = consequence(&full, Some(State::Accepted), before);
            assert_eq!((found.again, found.stop), (Some(AFTER_SOFT), None), "{before}");
        }
        let for_good = Reading { status: EnhancedCode::parse("5.2.2"), ..bounce(true, false) };
        let found = consequence(&for_good, Some(State::Accepted), 0);
        assert_eq!((found.again, found.stop, found.suppress), (Some(AFTER_SOFT), None, None));
        let last = consequence(&full, Some(State::Accepted), 3);
        assert_eq!((last.again, last.stop, last.suppress), (None, Some(Stop::Bounced), None));
        let told_again = consequence(&full, Some(State::Bounced), 1);
        assert_eq!((told_again.event, told_again.again), (None, None), "the same bounce in another report");
    }

    #[test]
    fn an_absence_without_a_day_waits_for_a_person_and_one_with_a_day_does_not() {
        let away = |until| Reading {
            auto_reply: Some(AutoReply::Away),
            until,
            ..reading(Kind::AutoReply, Evidence::MessageId)
        };
        assert!(consequence(&away(None), Some(State::Accepted), 0).review);
        let dated = consequence(&away(Some(jiff::civil::date(2025, 9, 8))), Some(State::Accepted), 0);
        assert_eq!(dated, Consequence::default());
        let ticket = Reading {
            auto_reply: Some(AutoReply::Acknowledgement),
            ..reading(Kind::AutoReply, Evidence::MessageId)
        };
        assert!(!consequence(&ticket, Some(State::Accepted), 0).review);
    }
}
