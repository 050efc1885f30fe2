//! The ledger and what comes back: written down once, with everything that follows from it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use jiff::civil::date;
use ledger_support::*;
use postduif::campaign::recipient::{Addressees, Channel, Recipient};
use postduif::delivery::inbound::{AutoReply, Class, Evidence, Kind, Matched, Reading, Stop};
use postduif::delivery::standing::Standing;
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError, Returns};
use postduif::mail::address::{Address, Mailbox};

/// A campaign whose letters to `people` have all been accepted.
fn sent(home: &Home, people: &[Recipient]) -> (Ledger, Campaign) {
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, people);
    claim(&ledger, &campaign, "w", 99).claims.iter().for_each(|held| send(&ledger, held, at(1)));
    (ledger, campaign)
}

fn reading(kind: Kind, by: Evidence) -> Reading {
    let matched = Matched {
        key: String::new(),
        step: Some(1),
        by,
        evidence: "<a.b.1@ngo.example>".to_owned(),
        letter: None,
    };
    Reading { matched: Some(matched), ..Reading::new(kind).because("as told") }
}

fn bounce(permanent: bool, address_bad: bool) -> Reading {
    let class = if permanent { Class::Hard } else { Class::Soft };
    Reading { class: Some(class), permanent, address_bad, ..reading(Kind::Bounce, Evidence::MessageId) }
}

fn arrival(campaign: &Campaign, key: &str, number: u8, reading: Reading) -> Arrival {
    Arrival {
        source: "imap://desk@mail.example/INBOX".to_owned(),
        fingerprint: Some([number; 32]),
        message_id: Some(format!("<{number}@party.example>")),
        sender: Some("someone@party.example".to_owned()),
        subject: Some("Re: An appeal".to_owned()),
        at: at(100 + i64::from(number)),
        campaign: campaign.id,
        key: key.to_owned(),
        delivery: None,
        reading,
        kept: None,
    }
}

fn record(ledger: &Ledger, arrivals: &[Arrival]) -> Vec<Recorded> {
    ledger.record(arrivals.to_vec(), None, at(200)).wait().unwrap()
}

fn returns(ledger: &Ledger, campaign: &Campaign) -> Returns {
    Ledger::read(ledger.path()).unwrap().unwrap().returns(campaign.id).unwrap()
}

fn stands(ledger: &Ledger, campaign: &Campaign, key: &str) -> Standing {
    let story = Ledger::read(ledger.path()).unwrap().unwrap().story(campaign.id, key).unwrap().unwrap();
    let recipient = &story.recipient.recipient;
    let came = returns(ledger, campaign).of(key, recipient.organisation.as_deref());
    let state = story.recipient.deliveries.last().unwrap().state;
    Standing::of(state, false, story.recipient.on_roster, &came)
}

fn history(ledger: &Ledger, campaign: &Campaign, key: &str) -> Vec<String> {
    let story = Ledger::read(ledger.path()).unwrap().unwrap().story(campaign.id, key).unwrap().unwrap();
    story.events.into_iter().map(|event| event.event).collect()
}

#[test]
fn the_same_message_counts_once_and_the_cursor_moves_with_it() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(2));
    let one = arrival(&campaign, "p1", 1, reading(Kind::Reply, Evidence::MessageId));
    let cursor = CursorRecord {
        mailbox: "imap://desk@mail.example".to_owned(),
        folder: "INBOX".to_owned(),
        cursor: "{\"uid\":7}".to_owned(),
        read_to_end_at: Some(at(200)),
    };
    let recorded = ledger.record(vec![one.clone()], Some(cursor.clone()), at(200)).wait().unwrap();
    assert!(matches!(recorded[..], [Recorded::New { review: false, .. }]));
    assert_eq!(
        record(&ledger, std::slice::from_ref(&one)),
        [Recorded::Known],
        "read again after UIDVALIDITY changed"
    );
    let other_folder = Arrival { source: "imap://desk@mail.example/Junk".to_owned(), ..one };
    assert_eq!(record(&ledger, &[other_folder]), [Recorded::Known]);
    let stranger = arrival(&campaign, "nobody", 2, reading(Kind::Reply, Evidence::MessageId));
    assert_eq!(record(&ledger, &[stranger]), [Recorded::Stranger]);
    let kept = ledger.cursor("imap://desk@mail.example", "INBOX").wait().unwrap().unwrap();
    assert_eq!(kept, cursor);
    let later = CursorRecord { cursor: "{\"uid\":9}".to_owned(), read_to_end_at: None, ..cursor.clone() };
    ledger.record(vec![], Some(later), at(300)).wait().unwrap();
    let kept = ledger.cursor("imap://desk@mail.example", "INBOX").wait().unwrap().unwrap();
    assert_eq!((kept.cursor.as_str(), kept.read_to_end_at), ("{\"uid\":9}", cursor.read_to_end_at));
    assert_eq!(history(&ledger, &campaign, "p1"), ["accepted", "replied"]);
}

#[test]
fn one_answer_counts_for_the_whole_organisation_and_cancels_what_is_queued() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let party = |key: &str| Recipient {
        organisation: Some("Party".to_owned()),
        ..person(key, &format!("{key}@party.example"))
    };
    let rows = [party("ada"), party("bo"), person("cy", "cy@other.example")];
    roster(&ledger, &campaign, &rows);
    let first = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    send(&ledger, &first, at(1));
    record(&ledger, &[arrival(&campaign, "ada", 1, reading(Kind::Reply, Evidence::MessageId))]);
    assert_eq!(state_of(&ledger, &campaign, "bo").state, State::Cancelled);
    assert_eq!(stands(&ledger, &campaign, "ada"), Standing::Replied);
    assert_eq!(stands(&ledger, &campaign, "bo"), Standing::Replied);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["cy"]);
    let came = returns(&ledger, &campaign).of("bo", Some("Party"));
    assert_eq!((came.stop, came.answered_by.as_deref()), (Some(Stop::Replied), Some("ada")));

    // Who joins the roster afterwards is of an organisation that answered.
    let mut more = rows.to_vec();
    more.push(party("di"));
    roster(&ledger, &campaign, &more);
    assert_eq!(state_of(&ledger, &campaign, "di").state, State::Cancelled);
}

#[test]
fn number_19_a_full_mailbox_is_written_to_again_and_not_struck_off() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    for round in 0_u8..4 {
        let full = arrival(&campaign, "p1", round + 1, bounce(false, false));
        record(&ledger, &[full]);
        let again = claim(&ledger, &campaign, "w", 9);
        assert!(again.claims.is_empty(), "not at once");
        let two_days =
            ClaimRequest { now: at(200 + 2 * 86_400 + i64::from(round)), ..request(&campaign, "w", 9) };
        let claims = ledger.claim(two_days.clone()).wait().unwrap();
        if round == 3 {
            assert!(claims.claims.is_empty(), "after three times the bounce stands");
            break;
        }
        assert_eq!((claims.claims[0].generation, claims.claims.len()), (u32::from(round) + 1, 1));
        send(&ledger, &claims.claims[0], two_days.now);
    }
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::Bounced);
    assert!(ledger.suppressions().wait().unwrap().is_empty(), "the address is as good as before");
}

#[test]
fn a_bad_address_is_struck_off_and_a_corrected_one_gets_the_letter() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    let before = people(1);
    record(&ledger, &[arrival(&campaign, "p1", 1, bounce(true, true))]);
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::Bounced);
    assert_eq!(ledger.suppressions().wait().unwrap()[0].what, "p1@party1.example");
    assert_eq!(roster(&ledger, &campaign, &before), [Enrollment::Known { state: State::Bounced }]);

    let mut corrected = before.clone();
    corrected[0].channel = Channel::Mail(Addressees::one(Address::parse("new@party1.example").unwrap()));
    assert_eq!(roster(&ledger, &campaign, &corrected), [Enrollment::Corrected]);
    let claims = claim(&ledger, &campaign, "w", 9);
    assert_eq!(claims.claims[0].recipient, corrected[0]);
    assert_eq!(claims.claims[0].generation, 1);
    send(&ledger, &claims.claims[0], at(9));
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::AwaitingReply);
    let story = Ledger::read(ledger.path()).unwrap().unwrap().story(campaign.id, "p1").unwrap().unwrap();
    let [old, new] = &story.recipient.deliveries[..] else { unreachable!() };
    assert_eq!((old.state, new.state), (State::Bounced, State::Accepted));
    assert_eq!(old.frozen.as_ref(), Some(&before[0]), "the old letter can still be shown as it went");
    assert_ne!(old.message_id, new.message_id);
    assert_eq!(new.frozen, None);

    // A report about the old letter that comes late says nothing of the new one.
    let late = Arrival { delivery: Some(old.id), ..arrival(&campaign, "p1", 2, bounce(true, true)) };
    record(&ledger, &[late]);
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::AwaitingReply);
}

#[test]
fn a_report_about_a_cc_strikes_off_the_cc_alone() {
    let home = Home::new();
    let mailbox = |address: &str| Mailbox { name: None, address: Address::parse(address).unwrap() };
    let addressees = Addressees {
        cc: vec![mailbox("cc@a.example")],
        ..Addressees::one(Address::parse("ada@a.example").unwrap())
    };
    let row = Recipient { channel: Channel::Mail(addressees), ..person("ada", "ada@a.example") };
    let (ledger, campaign) = sent(&home, &[row]);
    let about_cc = Reading { recipients: vec!["CC@a.example".to_owned()], ..bounce(true, true) };
    record(&ledger, &[arrival(&campaign, "ada", 1, about_cc)]);
    assert_eq!(state_of(&ledger, &campaign, "ada").state, State::Accepted);
    assert_eq!(ledger.suppressions().wait().unwrap()[0].what, "cc@a.example");
}

#[test]
fn what_comes_back_lifts_a_doubt_by_itself() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(2));
    for held in claim(&ledger, &campaign, "w", 9).claims {
        ledger.note_end_of_data(&held.ticket, mark(), at(1)).wait().unwrap();
        end(&ledger, &held.ticket, silence(), State::InDoubt, at(1)).unwrap();
    }
    let away = Reading {
        auto_reply: Some(AutoReply::Away),
        until: Some(date(2027, 2, 1)),
        ..reading(Kind::AutoReply, Evidence::MessageId)
    };
    record(&ledger, &[arrival(&campaign, "p1", 1, away), arrival(&campaign, "p2", 2, bounce(true, true))]);
    assert_eq!(state_of(&ledger, &campaign, "p1").state, State::Accepted);
    assert_eq!(state_of(&ledger, &campaign, "p2").state, State::Bounced);
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::AutoReplied);
    assert_eq!(returns(&ledger, &campaign).of("p1", None).until, Some(date(2027, 2, 1)));
}

#[test]
fn weak_evidence_waits_for_a_person_whose_word_is_final() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(3));
    let weak = |key, number| arrival(&campaign, key, number, reading(Kind::Reply, Evidence::From));
    let recorded = record(&ledger, &[weak("p1", 1), weak("p2", 2)]);
    let [Recorded::New { id: one, review: true }, Recorded::New { id: two, review: true }] = recorded[..]
    else {
        unreachable!("{recorded:?}")
    };
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::Review);
    let reader = || Ledger::read(ledger.path()).unwrap().unwrap();
    assert_eq!(reader().open_reviews(campaign.id).unwrap().len(), 2);
    let judge = |id, verdict, key: Option<&str>| {
        let judgement =
            Judgement { verdict, key: key.map(str::to_owned), note: Some("I rang them".to_owned()) };
        ledger.judge(id, judgement, at(300)).wait()
    };
    // The first is an answer, but of somebody else; the second is nothing.
    judge(one, Verdict::Reply, Some("p3")).unwrap();
    judge(two, Verdict::Nothing, None).unwrap();
    assert!(reader().open_reviews(campaign.id).unwrap().is_empty());
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::AwaitingReply);
    assert_eq!(stands(&ledger, &campaign, "p2"), Standing::AwaitingReply);
    assert_eq!(stands(&ledger, &campaign, "p3"), Standing::Replied);
    let judged = reader().came_from(campaign.id, "p3").unwrap();
    assert_eq!((judged[0].review, judged[0].judged.as_deref()), (Review::Judged, Some("I rang them")));
    // A word can be changed.
    judge(one, Verdict::Nothing, None).unwrap();
    assert_eq!(stands(&ledger, &campaign, "p3"), Standing::AwaitingReply);
    let sure = record(&ledger, &[arrival(&campaign, "p1", 3, reading(Kind::Reply, Evidence::MessageId))]);
    let [Recorded::New { id, .. }] = sure[..] else { unreachable!() };
    assert!(matches!(judge(id, Verdict::Nothing, None), Err(LedgerError::Refused { .. })));
}

#[test]
fn what_came_by_telephone_counts_like_a_mail_and_can_be_taken_back() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(4));
    let mark = |key: &str, mark, note: Option<&str>| {
        let wish = Wish::Mark {
            campaign: "appeal".to_owned(),
            key: key.to_owned(),
            step: None,
            mark,
            note: note.map(str::to_owned),
        };
        Ledger::wish(ledger.path(), &wish, at(300))
    };
    mark("p1", Mark::Came(Verdict::Reply), Some("rang on Friday")).unwrap();
    mark("p2", Mark::Came(Verdict::OptedOut), None).unwrap();
    mark("p3", Mark::Came(Verdict::WrongAddress), None).unwrap();
    mark("p4", Mark::Note, Some("will answer next week")).unwrap();
    let all: Vec<Standing> = (1..=4).map(|n| stands(&ledger, &campaign, &format!("p{n}"))).collect();
    assert_eq!(all, [Standing::Replied, Standing::OptedOut, Standing::Bounced, Standing::AwaitingReply]);
    let suppressed: Vec<String> =
        ledger.suppressions().wait().unwrap().into_iter().map(|one| one.what).collect();
    assert_eq!(suppressed, ["p2@party2.example", "p3@party3.example"]);
    assert_eq!(history(&ledger, &campaign, "p4"), ["accepted", "note"]);
    mark("p1", Mark::Open, Some("that was another party")).unwrap();
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::AwaitingReply);
    assert!(mark("p4", Mark::Open, None).is_err(), "there is nothing to take back");
}

#[test]
fn our_own_side_s_limit_strikes_nobody_off() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    let ours = Reading { ours_to_blame: true, ..bounce(true, true) };
    record(&ledger, &[arrival(&campaign, "p1", 1, ours)]);
    assert_eq!(stands(&ledger, &campaign, "p1"), Standing::Review);
    assert!(ledger.suppressions().wait().unwrap().is_empty());
    let id = Ledger::read(ledger.path()).unwrap().unwrap().open_reviews(campaign.id).unwrap()[0].id;
    let again = Judgement { verdict: Verdict::SendAgain, key: None, note: None };
    ledger.judge(id, again, at(300)).wait().unwrap();
    let later = ClaimRequest { now: at(300 + 3 * 86_400), ..request(&campaign, "w", 9) };
    assert_eq!(ledger.claim(later).wait().unwrap().claims.len(), 1);
}
