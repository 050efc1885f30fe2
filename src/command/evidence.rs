//! What a proof says, as facts for programs; `proof_page` tells them to people.
//!
//! It is made to be handed on. So blind copies are not in it, nor anything secret, and it claims no more than is known:
//! that the relay took the letter is not that somebody has it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::proof_page;
use super::show::Sent;
use crate::campaign::definition::Definition;
use crate::campaign::enclosure::Enclosure;
use crate::campaign::words::Tongue;
use crate::delivery::state::State;
use crate::ledger::record::{Campaign, Event};
use crate::mail::address::{Address, Mailbox};
use crate::mail::queue_id;
use crate::mail::smtp_reply::SmtpReply;

/// The version of `proof.json`.
const FORMAT: u32 = 1;

/// Everything that a proof says.
#[derive(Debug, Serialize)]
pub(super) struct Evidence {
    pub(super) format: u32,
    pub(super) made_by: &'static str,
    pub(super) campaign: String,
    /// SHA-256 of the frozen letters and settings.
    pub(super) definition_sha256: String,
    pub(super) recipient: Whom,
    pub(super) step: u32,
    pub(super) state: &'static str,
    /// What that means, and what it does not.
    pub(super) means: String,
    pub(super) message: Message,
    pub(super) envelope: Envelope,
    pub(super) relay: Relay,
    pub(super) attempts: Vec<Attempt>,
    /// What happened beside the attempts: a bounce, a person's word.
    pub(super) later: Vec<Later>,
    #[serde(skip)]
    pub(super) dutch: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Whom {
    pub(super) key: String,
    pub(super) name: Option<String>,
    pub(super) organisation: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub(super) file: &'static str,
    pub(super) message_id: String,
    pub(super) dated: At,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    pub(super) subject: String,
    pub(super) octets: u64,
    pub(super) sha256: String,
    pub(super) attachments: Vec<Enclosure>,
}

#[derive(Debug, Serialize)]
pub(super) struct Envelope {
    /// `MAIL FROM`
    pub(super) reverse_path: Option<String>,
    /// `RCPT TO`, without blind copies.
    pub(super) forward_paths: Vec<String>,
    /// Addressees of the row who were left out, because they are on the suppression list.
    pub(super) left_out: Vec<String>,
    /// Addressees whom the relay did not take.
    pub(super) not_taken: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Relay {
    /// `smtp://user@host:port`
    pub(super) account: Option<String>,
    /// The reply to end-of-data.
    pub(super) reply: Option<SmtpReply>,
    /// What the relay calls the letter in its own logs, if it told.
    pub(super) queue_id: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Attempt {
    pub(super) number: Option<u32>,
    pub(super) began: Option<At>,
    pub(super) ended: At,
    pub(super) outcome: String,
    /// How far the conversation got.
    pub(super) stage: Option<&'static str>,
    pub(super) reply: Option<SmtpReply>,
    pub(super) note: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Later {
    pub(super) at: At,
    pub(super) what: String,
    pub(super) reply: Option<SmtpReply>,
    pub(super) note: Option<String>,
}

/// An instant, for a machine and for people.
#[derive(Debug, Serialize)]
pub(super) struct At {
    pub(super) utc: String,
    pub(super) local: String,
    #[serde(skip)]
    pub(super) told: String,
}

impl At {
    fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let local = at.to_zoned_datetime(zone.clone());
        let name = zone.iana_name().unwrap_or("UTC");
        let told = format!("{} {name}, {}", local.strftime("%F %T"), at.strftime("%F %T UTC"));
        Self { utc: at.to_string(), local: local.to_string(), told }
    }
}

/// What attempts end in; the rest of a history is told apart.
const OUTCOMES: [&str; 6] = ["accepted", "deferred", "refused", "expired", "in-doubt", "requeued"];

impl Evidence {
    /// Gathers it; `began` has the beginning of each attempt by the number of the event it ended with.
    pub(super) fn of(
        campaign: &Campaign,
        sent: &Sent,
        began: &BTreeMap<i64, Timestamp>,
    ) -> Result<Self, serde_json::Error> {
        let definition: Definition = serde_json::from_str(&sent.story.definition)?;
        let zone = TimeZone::get(&definition.timezone).unwrap_or(TimeZone::UTC);
        let (delivery, reprint) = (sent.delivery(), &sent.reprint);
        let recipient = &reprint.recipient;
        let blind: Vec<Address> = sent
            .story
            .recipient
            .recipient
            .addressees()
            .map(|all| all.bcc.iter().map(|mailbox| mailbox.address.clone()).collect())
            .unwrap_or_default();
        let open = |address: &&Address| !blind.contains(address);
        let note = |event: &Event| {
            // A note may name an addressee whom nobody else knows of.
            event.note.clone().filter(|note| !blind.iter().any(|address| note.contains(&address.to_string())))
        };
        let events: Vec<&Event> = sent
            .story
            .events
            .iter()
            .filter(|event| event.message_id.as_ref() == Some(&delivery.message_id))
            .collect();
        let is_attempt = |event: &&&Event| OUTCOMES.contains(&event.event.as_str());
        let accepted = events.iter().rfind(|event| event.event == "accepted");
        let reply = accepted.and_then(|event| event.reply.clone());
        let addressees = recipient.addressees();
        let to =
            recipient.mailbox().into_iter().chain(addressees.into_iter().flat_map(|all| all.also_to.clone()));
        let written = |mailboxes: &[Mailbox]| mailboxes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let forward: Vec<&Address> = reprint.printed.envelope.forward_paths().filter(open).collect();
        // The history tells it in words: "…, but not for ada@x.example (550 …)".
        let not_taken = |address: &&&Address| {
            let told = format!("but not for {address} (");
            accepted.and_then(|event| event.note.as_ref()).is_some_and(|note| note.contains(&told))
        };
        let dutch = Tongue::of(&definition.language) == Some(Tongue::Dutch);
        let settled = accepted.is_none() && delivery.state == State::Accepted;
        Ok(Self {
            format: FORMAT,
            made_by: concat!("postduif ", env!("CARGO_PKG_VERSION")),
            campaign: campaign.name.clone(),
            definition_sha256: campaign.digest.clone(),
            recipient: Whom {
                key: recipient.key.clone(),
                name: recipient.name.clone(),
                organisation: recipient.organisation.clone(),
            },
            step: delivery.step,
            state: delivery.state.key(),
            means: proof_page::meaning(delivery.state, settled, delivery.account.as_deref(), dutch),
            message: Message {
                file: "letter.eml",
                message_id: delivery.message_id.clone(),
                dated: At::of(reprint.dated(), &zone),
                from: definition.sender.from.to_string(),
                to: to.map(|mailbox| mailbox.to_string()).collect(),
                cc: addressees.map(|all| written(&all.cc)).unwrap_or_default(),
                subject: reprint.printed.subject.clone(),
                octets: reprint.mark.size,
                sha256: crate::campaign::definition::hex(&reprint.mark.digest),
                attachments: reprint.enclosures.clone(),
            },
            envelope: Envelope {
                reverse_path: reprint.printed.envelope.reverse_path.as_ref().map(ToString::to_string),
                forward_paths: forward.iter().map(ToString::to_string).collect(),
                left_out: delivery.noted.without.iter().filter(open).map(ToString::to_string).collect(),
                not_taken: forward.iter().filter(not_taken).map(ToString::to_string).collect(),
            },
            relay: Relay {
                account: delivery.account.clone(),
                queue_id: reply.as_ref().and_then(|reply| queue_id::of(&reply.text)),
                reply,
            },
            attempts: events
                .iter()
                .filter(is_attempt)
                .map(|event| Attempt {
                    number: event.attempt,
                    began: began.get(&event.seq).map(|at| At::of(*at, &zone)),
                    ended: At::of(event.at, &zone),
                    outcome: event.event.clone(),
                    stage: event.stage.map(|stage| stage.name()),
                    reply: event.reply.clone(),
                    note: note(event),
                })
                .collect(),
            later: events
                .iter()
                .filter(|event| !is_attempt(event))
                .map(|event| Later {
                    at: At::of(event.at, &zone),
                    what: event.event.clone(),
                    reply: event.reply.clone(),
                    note: note(event),
                })
                .collect(),
            dutch,
        })
    }
}
