//! One SMTP conversation about one delivery: how far it got, and how it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::mail::address::Address;
use crate::mail::smtp_reply::SmtpReply;

/// How far a conversation got (RFC 5321 §4.1.4). Ordered: it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Name lookup and TCP.
    Connect,
    /// The TLS handshake, at once or after STARTTLS.
    Tls,
    /// Waiting for the 220.
    Greeting,
    /// EHLO, or HELO.
    Hello,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    MailFrom,
    /// RCPT TO.
    RcptTo,
    /// DATA, until the 354.
    Data,
    /// The message is on its way; its final dot is not.
    Body,
    /// The final dot was handed over; its reply is what we wait for.
    EndOfData,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 10] = [
        Stage::Connect,
        Stage::Tls,
        Stage::Greeting,
        Stage::Hello,
        Stage::Auth,
        Stage::MailFrom,
        Stage::RcptTo,
        Stage::Data,
        Stage::Body,
        Stage::EndOfData,
    ];

    /// Returns the name that logs, rules and the ledger use.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Tls => "tls",
            Stage::Greeting => "greeting",
            Stage::Hello => "hello",
            Stage::Auth => "auth",
            Stage::MailFrom => "mail-from",
            Stage::RcptTo => "rcpt-to",
            Stage::Data => "data",
            Stage::Body => "body",
            Stage::EndOfData => "end-of-data",
        }
    }

    /// Returns whether a conversation about one letter had begun, as against the session around it.
    pub fn in_transaction(self) -> bool {
        self >= Stage::MailFrom
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How one attempt ended: what was observed, without any opinion about it.
///
/// [`Ending::Silence`] is the only ending in doubt: the line broke between the handing over of the final dot
/// and the first byte of its reply. Everything else is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
pub enum Ending {
    /// 2yz to end-of-data: the relay took responsibility (RFC 5321 §6.1).
    Accepted {
        /// The whole reply; its text often names the queue id.
        reply: SmtpReply,
        /// Those beside the one that the letter is for whom the relay did not take, with its words.
        without: Vec<(Address, SmtpReply)>,
    },
    /// A complete reply that was not the one to go on with.
    Rejected {
        /// What was being asked.
        stage: Stage,
        /// What the relay said.
        reply: SmtpReply,
    },
    /// The line broke, timed out, or we gave up, before the final dot was handed over: nothing was sent.
    Broken {
        /// How far it had got.
        stage: Stage,
        /// What happened, as a clause for people.
        why: String,
    },
    /// The letter cannot go over this relay as it is (it needs SMTPUTF8, or exceeds SIZE): nothing was sent.
    Unfit {
        /// What is missing, as a clause for people.
        why: String,
    },
    /// Nobody knows: the final dot was handed over and no reply came.
    Silence {
        /// What happened, as a clause for people.
        why: String,
    },
}

impl Ending {
    /// Returns how far the conversation had got.
    pub fn stage(&self) -> Stage {
        match self {
            Ending::Accepted { .. } | Ending::Silence { .. } => Stage::EndOfData,
            Ending::Rejected { stage, .. } | Ending::Broken { stage, .. } => *stage,
            Ending::Unfit { .. } => Stage::MailFrom,
        }
    }

    /// Returns what the relay said, where it said anything.
    pub fn reply(&self) -> Option<&SmtpReply> {
        match self {
            Ending::Accepted { reply, .. } | Ending::Rejected { reply, .. } => Some(reply),
            Ending::Broken { .. } | Ending::Unfit { .. } | Ending::Silence { .. } => None,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Accepted { reply, without } => {
                write!(f, "{reply}")?;
                without.iter().try_for_each(|(address, reply)| write!(f, "; without {address}: {reply}"))
            }
            Ending::Rejected { stage, reply } => write!(f, "{reply} (at {stage})"),
            Ending::Broken { stage, why } => write!(f, "{why} (at {stage})"),
            Ending::Unfit { why } => f.write_str(why),
            Ending::Silence { why } => {
                write!(f, "{why} after the final dot: nobody knows whether it went out")
            }
        }
    }
}
