//! What the tests of the ledger share.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "shared by test files; a test may fail")]

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use postduif::campaign::calendar::Deadlines;
use postduif::campaign::recipient::{Addressees, Channel, Recipient};
use postduif::delivery::attempt::{Ending, Stage};
use postduif::delivery::pace::{Limit, Pace};
use postduif::delivery::state::{Move, State};
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError};
use postduif::mail::address::Address;
use postduif::mail::smtp_reply::SmtpReply;

pub struct Home {
    pub folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("logs").join("ledger.db")
    }

    pub fn open(&self) -> Ledger {
        Ledger::open(&self.path(), "process 1, `postduif send`", None).unwrap()
    }
}

/// A second of the test's own time.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub fn definition(text: &str) -> String {
    format!(r#"{{"sender":{{"from":{{"name":null,"address":"desk@ngo.example"}}}},"text":"{text}"}}"#)
}

pub fn new_campaign(name: &str) -> NewCampaign {
    let mut seed = [0; 32];
    seed.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    NewCampaign {
        name: name.to_owned(),
        definition: definition("Dear reader"),
        digest: "d1".to_owned(),
        seed,
    }
}

pub fn launch(ledger: &Ledger, name: &str) -> Campaign {
    ledger.launch(new_campaign(name), at(0)).wait().unwrap()
}

pub fn person(key: &str, address: &str) -> Recipient {
    Recipient {
        key: key.to_owned(),
        channel: Channel::Mail(Addressees::one(Address::parse(address).unwrap())),
        deadline: None,
        name: None,
        organisation: Some(format!("Party {key}")),
        fields: vec![("naam".to_owned(), "Ünal, \"A\"".to_owned()), ("key".to_owned(), key.to_owned())],
    }
}

pub fn no_deadlines() -> Deadlines {
    Deadlines::none(TimeZone::UTC)
}

pub fn people(count: usize) -> Vec<Recipient> {
    (1..=count).map(|n| person(&format!("p{n}"), &format!("p{n}@party{n}.example"))).collect()
}

pub fn roster(ledger: &Ledger, campaign: &Campaign, people: &[Recipient]) -> Vec<Enrollment> {
    let pass = ledger.begin_roster(campaign.id).wait().unwrap();
    let enrolled = ledger.enroll(&pass, 1, people.to_vec(), &no_deadlines(), at(0)).wait().unwrap();
    ledger.end_roster(pass, at(0)).wait().unwrap();
    enrolled.each
}

pub fn request(campaign: &Campaign, owner: &str, most: u32) -> ClaimRequest {
    ClaimRequest {
        campaign: campaign.id,
        owner: owner.to_owned(),
        account: "smtp://desk@relay.example:587".to_owned(),
        most,
        pace: Pace::default(),
        only: vec![],
        mailbox: None,
        not_overdue_since: None,
        lease: Duration::from_secs(60),
        now: at(0),
    }
}

pub fn claim(ledger: &Ledger, campaign: &Campaign, owner: &str, most: u32) -> Claims {
    ledger.claim(request(campaign, owner, most)).wait().unwrap()
}

pub fn keys(claims: &Claims) -> Vec<&str> {
    claims.claims.iter().map(|claim| claim.recipient.key.as_str()).collect()
}

pub fn limit(letters: u32, seconds: u64) -> Limit {
    Limit { letters, window: Duration::from_secs(seconds) }
}

pub fn mark() -> MessageMark {
    MessageMark { digest: [5; 32], dated: at(1), size: 25_000 }
}

pub fn reply(code: u16, text: &str) -> SmtpReply {
    SmtpReply { code, enhanced: None, text: text.to_owned() }
}

pub fn accepted() -> Ending {
    Ending::Accepted { reply: reply(250, "queued as 1234"), without: Vec::new() }
}

pub fn deferred() -> Ending {
    Ending::Rejected { stage: Stage::RcptTo, reply: reply(450, "later") }
}

pub fn refused() -> Ending {
    Ending::Rejected { stage: Stage::RcptTo, reply: reply(550, "no such user") }
}

pub fn silence() -> Ending {
    Ending::Silence { why: "the line broke".to_owned() }
}

pub fn to(state: State) -> Move {
    Move { to: state, not_before: None, counts: true }
}

pub fn end(
    ledger: &Ledger,
    ticket: &ClaimTicket,
    ending: Ending,
    state: State,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let because = "as told".to_owned();
    ledger
        .end_attempt(ticket, AttemptEnd { ending, because, began: now, wire_id: None }, to(state), now)
        .wait()
}

/// Sends one letter as the engine does.
pub fn send(ledger: &Ledger, held: &Claim, now: Timestamp) {
    ledger.note_end_of_data(&held.ticket, mark(), now).wait().unwrap();
    end(ledger, &held.ticket, accepted(), State::Accepted, now).unwrap();
}

pub fn state_of(ledger: &Ledger, campaign: &Campaign, key: &str) -> DeliveryRecord {
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    reader.story(campaign.id, key).unwrap().unwrap().recipient.deliveries.remove(0)
}
