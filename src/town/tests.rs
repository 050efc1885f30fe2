//! What people write is read by our own reader as what it is meant to be, and laid into a mailbox in its time.

use jiff::civil::date;

use super::post::Letter;
use super::script::{Deed, Person};
use super::*;
use crate::delivery::inbound::{AutoReply, Class, Evidence, Kind, Reading};
use crate::inbox::{self, Sent, SentLetter, own_lines};
use crate::mail::address::Mailbox;
use crate::mail::message_id::MessageId;
use crate::mail::mime::{Parts, compose};

const ID: &str = "<k3f7q2m9a.bcdefghijklmn.opqrstuvwxyza.1@samen.example>";
const TEXT: &str = "Geachte leden van de programmacommissie,\n\nWij vragen u om ruimte in uw programma.\n\nMet vriendelijke groet,\nMarijn Voorbeeld\n\n---\n\nLiever geen post van ons? Beantwoord deze mail met het woord ‘afmelden’.\n";

fn zone() -> TimeZone {
    TimeZone::get("Europe/Amsterdam").unwrap()
}

fn message(id: &str, to: &str, dated: Timestamp) -> Vec<u8> {
    compose(&Parts {
        from: &Mailbox::parse("Marijn Voorbeeld <oproep@samen.example>").unwrap(),
        to: &[Mailbox::parse(to).unwrap()],
        cc: &[],
        reply_to: None,
        subject: "Oproep aan de Partij: één menselijk beleid",
        dated: &dated.to_zoned_datetime(zone()),
        message_id: &MessageId::stored(id.to_owned()),
        language: "nl",
        text: TEXT,
        html: "<p>Geachte leden,</p>\n",
        attachments: &[],
        extra: &[],
    })
}

/// What comes back about the letter, if anything: when, and its bytes.
fn comes_back(deed: &Deed) -> Option<(Timestamp, Vec<u8>)> {
    // A Monday, at half past nine in Amsterdam.
    let at: Timestamp = "2025-09-08T07:30:00Z".parse().unwrap();
    let bytes = message(ID, "Programmacommissie Partij <programma@partij.example>", at);
    let mail = ParsedMail::read(&bytes);
    let letter = Letter {
        key: "PARTIJ",
        name: "Programmacommissie Partij",
        address: &Address::parse("programma@partij.example").unwrap(),
        at,
        zone: &zone(),
        bytes: &bytes,
        mail: &mail,
        reverse_path: "oproep@samen.example",
        envelope_id: Some("k3f7q2m9abcdefghijklmn"),
    };
    people::writes(&Script::default(), deed, &letter).map(|(at, mail)| (at, mail.0))
}

/// How our own reader reads it.
fn read(bytes: &[u8]) -> Reading {
    let sent = Sent::new([SentLetter {
        key: "PARTIJ".to_owned(),
        step: Some(1),
        message_id: ID.to_owned(),
        envelope_id: Some("k3f7q2m9abcdefghijklmn".to_owned()),
        address: "programma@partij.example".to_owned(),
        subject: "Oproep aan de Partij: één menselijk beleid".to_owned(),
        sent_at: Some(1_757_316_600),
        ..SentLetter::default()
    }]);
    let own = own_lines(TEXT);
    inbox::read(bytes, inbox::Settings { sent: Some(&sent), today: date(2025, 9, 8), own_lines: &own })
}

fn usual(habit: Habit) -> Deed {
    Deed::usual(1, habit)
}

#[test]
fn what_comes_back_is_read_as_what_it_is_meant_to_be() {
    let kinds = [
        (Habit::Answers, Kind::Reply),
        (Habit::ColleagueAnswers, Kind::Reply),
        (Habit::AnswersFromHome, Kind::Reply),
        (Habit::AnswersAnew, Kind::Reply),
        (Habit::Away, Kind::AutoReply),
        (Habit::AwaySaysPostmaster, Kind::AutoReply),
        (Habit::Acknowledges, Kind::AutoReply),
        (Habit::OptsOut, Kind::Unsubscribe),
        (Habit::Complains, Kind::Complaint),
        (Habit::Bounces, Kind::Bounce),
        (Habit::BouncesFull, Kind::Bounce),
    ];
    let writing = Habit::WORDS.iter().filter(|(habit, _)| comes_back(&usual(*habit)).is_some()).count();
    assert_eq!(writing, kinds.len(), "every habit that writes is here");
    for (habit, kind) in kinds {
        // Whatever chance chooses for the words.
        for letter in 1..=12 {
            let (_, bytes) = comes_back(&Deed::usual(letter, habit)).unwrap();
            let reading = read(&bytes);
            let told = format!("{habit:?}, {letter}: {reading:#?}\n{}", String::from_utf8_lossy(&bytes));
            assert_eq!(reading.kind, kind, "{told}");
            let matched = reading.matched.as_ref().unwrap_or_else(|| panic!("belongs to no letter: {told}"));
            assert_eq!(matched.key, "PARTIJ", "{told}");
            let is_sure = habit != Habit::AnswersAnew;
            assert_eq!(matched.by.is_sure(), is_sure, "{told}");
            assert_eq!(reading.needs_a_person, !is_sure, "{told}");
        }
    }
}

#[test]
fn who_is_away_says_until_when_or_does_not() {
    for habit in [Habit::Away, Habit::AwaySaysPostmaster] {
        for threaded in [true, false] {
            // Five days after a Monday is a Saturday, on which nobody is back.
            let deed = Deed { back_after: Some(5), threaded, ..usual(habit) };
            let reading = read(&comes_back(&deed).unwrap().1);
            assert_eq!(
                (reading.auto_reply, reading.until),
                (Some(AutoReply::Away), Some(date(2025, 9, 15))),
                "{habit:?}, {threaded}: {reading:#?}"
            );
        }
        let reading = read(&comes_back(&usual(habit)).unwrap().1);
        assert_eq!((reading.auto_reply, reading.until), (Some(AutoReply::Away), None));
    }
}

#[test]
fn an_automatic_answer_without_a_thread_is_known_by_its_sender_and_the_subject() {
    let deed = Deed { threaded: false, ..usual(Habit::Away) };
    let reading = read(&comes_back(&deed).unwrap().1);
    assert_eq!(reading.matched.unwrap().by, Evidence::From);
    let deed = Deed { threaded: false, ..usual(Habit::AwaySaysPostmaster) };
    let reading = read(&comes_back(&deed).unwrap().1);
    assert_eq!(reading.matched.unwrap().by, Evidence::Organisation);
}

#[test]
fn a_bounce_says_whether_the_address_or_the_mailbox_is_to_blame() {
    let gone = read(&comes_back(&usual(Habit::Bounces)).unwrap().1);
    assert!(gone.class == Some(Class::Hard) && gone.address_bad, "{gone:#?}");
    let full = read(&comes_back(&usual(Habit::BouncesFull)).unwrap().1);
    assert!(full.says_full() && !full.address_bad, "{full:#?}");
}

#[test]
fn people_write_in_office_hours_and_machines_at_once() {
    for letter in 1..200 {
        for (habit, _) in Habit::WORDS {
            let Some((at, _)) = comes_back(&Deed::usual(letter, habit)) else { continue };
            let local = at.to_zoned_datetime(zone());
            if habit.is_a_persons() {
                assert!((8..18).contains(&local.hour()), "{habit:?} at {local}");
                assert!(local.weekday().to_monday_zero_offset() < 5, "{habit:?} at {local}");
            } else if habit != Habit::BouncesFull {
                assert_eq!(local.date(), date(2025, 9, 8), "{habit:?} at {local}");
            }
        }
    }
    let deed = Deed { after: Some(Duration::from_secs(3600)), ..usual(Habit::Answers) };
    assert_eq!(comes_back(&deed).unwrap().0, "2025-09-08T08:30:00Z".parse().unwrap());
}

#[test]
fn own_words_are_written_as_they_stand() {
    let deed = Deed { text: Some("Wij nemen punt 2 over.".to_owned()), ..usual(Habit::Answers) };
    let bytes = String::from_utf8(comes_back(&deed).unwrap().1).unwrap();
    assert!(bytes.contains("\r\nWij nemen punt 2 over.\r\n"), "{bytes}");
}

#[test]
fn what_comes_back_looks_like_this() {
    let mut all = String::new();
    for (habit, word) in Habit::WORDS {
        let deed = Deed { back_after: Some(7), after: Some(Duration::from_secs(5400)), ..usual(habit) };
        let Some((_, bytes)) = comes_back(&deed) else { continue };
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{word}: lines end in CRLF");
        all.push_str(&format!("--- {word}\n{}\n", text.replace("\r\n", "\n")));
    }
    insta::assert_snapshot!(all);
}

/// A town with that script; whoever is named in it lives there.
fn town(folder: &Path, script: Script, clock: &Clock) -> Town {
    let mut keys: Vec<String> = script.people.iter().map(|person| person.key.clone()).collect();
    keys.dedup();
    let resident = |key: &String| Resident {
        key: key.clone(),
        name: key.clone(),
        addresses: vec![
            Address::parse(&format!("programma@{key}.example")).unwrap(),
            Address::parse(&format!("kopie@{key}.example")).unwrap(),
        ],
    };
    let settings = Settings {
        residents: keys.iter().map(resident).collect(),
        script,
        zone: zone(),
        maildir: folder.join("Maildir"),
        letters: None,
    };
    Town::open(settings, clock.clone()).unwrap()
}

fn person(key: &str, deed: Deed) -> Person {
    Person { key: key.to_owned(), deed }
}

fn taken(key: &str, step: u32, at: Timestamp) -> Accepted {
    let id = format!("<k3f7q2m9a.bcdefghijklmn.{key}.{step}@samen.example>");
    Accepted {
        reverse_path: "oproep@samen.example".to_owned(),
        forward_path: format!("programma@{key}.example"),
        also: vec![format!("kopie@{key}.example")],
        envelope_id: None,
        message: message(&id, &format!("programma@{key}.example"), at),
    }
}

#[test]
fn at_the_door_each_deed_holds_so_many_times_and_the_next_letter_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let clock = Clock::manual("2025-09-08T07:30:00Z".parse().unwrap());
    let script = Script {
        people: vec![
            person("a", Deed { times: 2, ..usual(Habit::Greylists) }),
            person("a", usual(Habit::LosesTheLetter)),
            person("a", Deed::usual(2, Habit::Refuses)),
        ],
        ..Script::default()
    };
    let town = town(folder.path(), script, &clock);
    let (path, met) = ("Programma@a.example", || town.shared.meets("Programma@a.example"));
    let later = |behaviour: &Behaviour| matches!(behaviour, Behaviour::Refuse { reply, .. } if reply.starts_with("451"));
    assert!(later(&met()) && later(&met()), "{path}");
    assert_eq!(town.shared.meets("kopie@a.example"), Behaviour::Accept, "a copy is nobody's first address");
    assert_eq!(met(), Behaviour::AfterDot(AfterDot::Vanish { keeps: false }));
    assert_eq!(met(), Behaviour::Accept);
    town.shared.takes(&taken("a", 1, clock.now()));
    assert!(matches!(met(), Behaviour::Refuse { reply, .. } if reply.starts_with("550")));
}

#[test]
fn what_is_written_lies_in_the_mailbox_at_its_time_and_a_second_copy_is_answered_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::running_ahead("2025-09-08T07:30:00Z".parse().unwrap());
    let new = folder.path().join("Maildir/new");
    let lies = || fs::read_dir(&new).unwrap().count();
    runtime.block_on(clock.lead(async {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        let script = Script {
            people: vec![
                person("a", Deed { after: hours(30), ..usual(Habit::Answers) }),
                person("a", Deed { after: hours(1), ..usual(Habit::Away) }),
            ],
            ..Script::default()
        };
        let town = town(folder.path(), script, &clock);
        town.shared.takes(&taken("a", 1, clock.now()));
        town.shared.takes(&taken("a", 1, clock.now()));
        assert_eq!(town.next_post(), Some("2025-09-08T08:30:00Z".parse().unwrap()));
        clock.sleep(Duration::from_secs(3599)).await;
        assert_eq!(lies(), 0);
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(lies(), 1);
        clock.sleep(Duration::from_secs(30 * 3600)).await;
        assert_eq!((lies(), town.next_post()), (2, None));
        let seen = town.seen();
        assert_eq!(seen.copies.len(), 2);
        let posted: Vec<(&str, Habit)> = seen.posted.iter().map(|it| (it.key.as_str(), it.habit)).collect();
        assert_eq!(posted, [("a", Habit::Away), ("a", Habit::Answers)]);
        let modified =
            fs::read_dir(&new).unwrap().map(|it| it.unwrap().metadata().unwrap().modified().unwrap());
        let last = modified.max().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(i64::try_from(last.as_secs()).unwrap(), seen.posted[1].at.as_second());
    }));
}
