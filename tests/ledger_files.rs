//! Files that go along, in the ledger: each kept once, frozen with the row, and shown again.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::sync::Arc;

use ledger_support::*;
use postduif::campaign::enclosure::{Enclosure, FileMark, Fingerprint};
use postduif::campaign::recipient::{Channel, Recipient};
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError};
use postduif::mail::address::{Address, Mailbox};

fn enclosure(name: &str, bytes: &[u8]) -> Enclosure {
    Enclosure { name: name.to_owned(), file: FileMark::of(name, bytes) }
}

fn keep(ledger: &Ledger, bytes: &[u8]) -> Fingerprint {
    ledger.keep_file(bytes.to_vec()).wait().unwrap()
}

/// A pass over the roster in which each row has these files.
fn enroll(
    ledger: &Ledger,
    campaign: &Campaign,
    rows: Vec<(Recipient, Vec<Enclosure>)>,
) -> Result<Enrolled, LedgerError> {
    let pass = ledger.begin_roster(campaign.id).wait().unwrap();
    let enrolled = ledger.enroll_with(&pass, 1, rows, &no_deadlines(), at(0)).wait()?;
    ledger.end_roster(pass, at(0)).wait().unwrap();
    Ok(enrolled)
}

fn rows(list: &[Enclosure], people: Vec<Recipient>) -> Vec<(Recipient, Vec<Enclosure>)> {
    people.into_iter().map(|person| (person, list.to_vec())).collect()
}

fn count(home: &Home, table: &str) -> i64 {
    let conn = rusqlite::Connection::open(home.path()).unwrap();
    conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_file_is_kept_once_for_everybody_and_comes_back_octet_for_octet() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let list = [enclosure("b.pdf", &bytes), enclosure("a.txt", b"")];
    for _ in 0..3 {
        assert_eq!(keep(&ledger, &bytes), list[0].file.digest);
    }
    assert!(!ledger.has_file(list[1].file.digest).wait().unwrap());
    keep(&ledger, b"");
    enroll(&ledger, &campaign, rows(&list, people(50))).unwrap();
    let claims = claim(&ledger, &campaign, "w", 50).claims;
    assert!(claims.len() == 50 && claims.iter().all(|claim| claim.enclosures == list), "in their order");
    assert_eq!((count(&home, "file"), count(&home, "enclosures")), (2, 1));
    assert_eq!(ledger.file(list[0].file.digest).wait().unwrap().unwrap(), bytes);
    let reader = Ledger::read(&home.path()).unwrap().unwrap();
    assert_eq!(reader.file(&list[1].file.digest).unwrap(), Some(Vec::new()));
    assert_eq!(reader.file(&Fingerprint::of(b"other")).unwrap(), None);
}

#[test]
fn nobody_is_enrolled_with_a_file_that_is_not_kept_and_nothing_is_half_written() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    keep(&ledger, b"kept");
    let mut rows = rows(&[enclosure("kept.txt", b"kept")], people(3));
    rows[2].1.push(enclosure("lost.txt", b"lost"));
    let error = enroll(&ledger, &campaign, rows).unwrap_err();
    assert!(
        matches!(error, LedgerError::Refused { .. }) && error.to_string().contains("`lost.txt`"),
        "{error}"
    );
    assert_eq!((count(&home, "recipient"), count(&home, "delivery"), count(&home, "enclosures")), (0, 0, 0));
}

#[test]
fn other_files_are_taken_until_the_letter_was_handed_over_once() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let (old, new) = ([enclosure("x.txt", b"old")], [enclosure("x.txt", b"new")]);
    keep(&ledger, b"old");
    keep(&ledger, b"new");
    enroll(&ledger, &campaign, rows(&old, people(4))).unwrap();
    let claims = claim(&ledger, &campaign, "w", 3).claims;
    // The first was accepted, the second deferred after its data, the third before.
    send(&ledger, &claims[0], at(1));
    ledger.note_end_of_data(&claims[1].ticket, mark(), at(1)).wait().unwrap();
    for held in &claims[1..3] {
        end(&ledger, &held.ticket, deferred(), State::Queued, at(1)).unwrap();
    }
    let each = enroll(&ledger, &campaign, rows(&new, people(4))).unwrap().each;
    assert_eq!(
        each,
        [
            Enrollment::Known { state: State::Accepted },
            Enrollment::Known { state: State::Queued },
            Enrollment::Updated,
            Enrollment::Updated
        ]
    );
    let frozen: Vec<Vec<Enclosure>> =
        people(4).iter().map(|one| state_of(&ledger, &campaign, &one.key).enclosures).collect();
    assert_eq!(frozen, [&old, &old, &new, &new]);
    let told = ledger.events_after(0, 99).wait().unwrap();
    let updated: Vec<_> =
        told.iter().filter(|event| event.event == "updated").map(|event| event.key.as_deref()).collect();
    assert_eq!(updated, [Some("p3"), Some("p4")]);
    // Nothing goes along any more; and once more the same is no change.
    assert_eq!(enroll(&ledger, &campaign, rows(&[], people(4))).unwrap().each[3], Enrollment::Updated);
    assert_eq!(state_of(&ledger, &campaign, "p4").enclosures, []);
    let each = enroll(&ledger, &campaign, rows(&[], people(4))).unwrap().each;
    assert_eq!(each[3], Enrollment::Known { state: State::Queued });
}

#[test]
fn what_was_made_when_a_message_was_printed_is_kept_with_its_end_of_data() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    let first = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    let made = |text: &str| (enclosure("brief.pdf", text.as_bytes()), Arc::from(text.as_bytes()));
    ledger.note_with(&first.ticket, mark(), vec![made("monday")], at(1)).wait().unwrap();
    end(&ledger, &first.ticket, deferred(), State::Queued, at(1)).unwrap();
    assert_eq!(state_of(&ledger, &campaign, "p1").noted.made, [enclosure("brief.pdf", b"monday")]);
    let mut later = request(&campaign, "w", 1);
    later.now = at(90_000);
    let second = ledger.claim(later).wait().unwrap().claims.remove(0);
    let mark = MessageMark { digest: [6; 32], ..mark() };
    ledger.note_with(&second.ticket, mark.clone(), vec![made("tuesday")], at(90_000)).wait().unwrap();
    end(&ledger, &second.ticket, accepted(), State::Accepted, at(90_000)).unwrap();
    let delivery = state_of(&ledger, &campaign, "p1");
    assert_eq!((delivery.mark, delivery.noted.made), (Some(mark), vec![enclosure("brief.pdf", b"tuesday")]));
    let reader = Ledger::read(&home.path()).unwrap().unwrap();
    assert_eq!(reader.file(&Fingerprint::of(b"tuesday")).unwrap().unwrap(), b"tuesday");
    // A late worker keeps nothing.
    let late = ledger.note_with(&first.ticket, mark2(), vec![made("wednesday")], at(90_001)).wait();
    assert!(matches!(late, Err(LedgerError::NotOurs { .. })));
    assert_eq!(reader.file(&Fingerprint::of(b"wednesday")).unwrap(), None);
}

fn mark2() -> MessageMark {
    MessageMark { digest: [7; 32], ..mark() }
}

#[test]
fn who_was_left_out_belongs_to_the_message_that_was_noted_and_not_to_a_later_claim() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let mut one = person("p1", "p1@party1.example");
    let Channel::Mail(addressees) = &mut one.channel else { unreachable!("it takes mail") };
    addressees.cc =
        vec![Mailbox::parse("c@party1.example").unwrap(), Mailbox::parse("d@party1.example").unwrap()];
    roster(&ledger, &campaign, &[one]);
    ledger.suppress("c@party1.example", "asked", at(0)).wait().unwrap();
    let first = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    ledger.note_end_of_data(&first.ticket, mark(), at(1)).wait().unwrap();
    end(&ledger, &first.ticket, deferred(), State::Queued, at(1)).unwrap();
    ledger.suppress("d@party1.example", "asked", at(2)).wait().unwrap();
    let second = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    // It breaks off before the data: the message that anybody may have is still the first.
    end(&ledger, &second.ticket, refused(), State::Refused, at(2)).unwrap();
    let delivery = state_of(&ledger, &campaign, "p1");
    let address = |text: &str| Address::parse(text).unwrap();
    assert_eq!(delivery.without, [address("c@party1.example"), address("d@party1.example")]);
    assert_eq!(delivery.noted.without, [address("c@party1.example")]);
}
