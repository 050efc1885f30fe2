//! The ledger and the page: approvals of plans, the wish to begin, filed answers, and lines that follow the history.
#![expect(clippy::panic, reason = "a test may fail")]

#[path = "ledger_support/follower.rs"]
mod follower;
#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use follower::Follower;
use ledger_support::*;
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use postduif::ledger::{AnswerWord, Filed, Ledger, LedgerError, Sums, TrialEnd};
use proptest::prelude::*;

fn refused_by_relay() -> postduif::delivery::attempt::Ending {
    ledger_support::refused()
}

fn refused<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> String {
    match result {
        Err(LedgerError::Refused { why }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plan_begins_with_as_many_different_people_as_are_asked_for_and_once() {
    let home = Home::new();
    let path = home.path();
    // Before the first letter there is no campaign yet, and not even a ledger.
    Ledger::approve(&path, "appeal", "abc", "Ada", at(1)).unwrap();
    Ledger::approve(&path, "appeal", "abc", "  ada ", at(2)).unwrap();
    Ledger::approve(&path, "appeal", "other", "Bo", at(3)).unwrap();
    assert!(refused(Ledger::approve(&path, "appeal", "abc", "  ", at(3))).contains("needs a name"));
    let said = refused(Ledger::wish_start(&path, "appeal", "abc", 2, at(4)));
    assert_eq!(said, "this plan has 1 of the 2 approvals that it needs");
    Ledger::approve(&path, "appeal", "abc", "Bo", at(5)).unwrap();
    Ledger::wish_start(&path, "appeal", "abc", 2, at(6)).unwrap();
    assert_eq!(Ledger::take_start(&path, "elsewhere", at(7)).unwrap(), None);
    let taken = Ledger::take_start(&path, "appeal", at(7)).unwrap().unwrap();
    assert_eq!(taken.plan, "abc");
    assert_eq!(Ledger::take_start(&path, "appeal", at(8)).unwrap(), None, "a wish is taken up once");
    Ledger::start_failed(&path, taken.id, "the relay is away").unwrap();
    let reader = Ledger::read(&path).unwrap().unwrap();
    let newest = reader.newest_start("appeal").unwrap().unwrap();
    assert_eq!((newest.taken_at, newest.failed.as_deref()), (Some(at(7)), Some("the relay is away")));
    let approvals = reader.approvals("appeal").unwrap();
    assert_eq!(approvals.len(), 3);
    drop(reader);
    Ledger::withdraw_approval(&path, "appeal", approvals[0].id, at(9)).unwrap();
    refused(Ledger::withdraw_approval(&path, "appeal", approvals[0].id, at(9)));
    refused(Ledger::wish_start(&path, "appeal", "abc", 2, at(10)));
}

#[test]
fn what_is_filed_is_kept_and_needs_a_campaign() {
    let home = Home::new();
    let answer = Filed {
        party: "Party p1".to_owned(),
        point: "work".to_owned(),
        word: AnswerWord::Partly,
        quote: "\"Ja\", maar".to_owned(),
        source: "their letter".to_owned(),
        person: "Bo".to_owned(),
        at: at(3),
    };
    let ledger = home.open();
    refused(Ledger::file_answer(&home.path(), "appeal", &answer));
    let campaign = launch(&ledger, "appeal");
    Ledger::file_answer(&home.path(), "appeal", &answer).unwrap();
    Ledger::file_answer(&home.path(), "appeal", &Filed { word: AnswerWord::None, ..answer.clone() }).unwrap();
    let reader = Ledger::read(&home.path()).unwrap().unwrap();
    let filed = reader.answers(campaign.id).unwrap();
    assert_eq!((filed.len(), &filed[0]), (2, &answer));
}

#[test]
fn lines_say_where_the_newest_letter_stands_and_the_history_says_which_to_read_again() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(5));
    let reader = || Ledger::read(&home.path()).unwrap().unwrap();
    let before = reader().touched_after(campaign.id, 0).unwrap();
    let first = reader().lines_after(campaign.id, 0, 3).unwrap();
    assert_eq!(first.len(), 3);
    let rest = reader().lines_after(campaign.id, first[2].number, 99).unwrap();
    assert_eq!(rest.iter().map(|line| line.key.as_str()).collect::<Vec<_>>(), ["p4", "p5"]);
    assert!(rest.iter().all(|line| line.state == State::Queued && line.on_roster && line.ended_at.is_none()));
    send(&ledger, &claim(&ledger, &campaign, "w", 1).claims[0], at(7));
    let touched = reader().touched_after(campaign.id, before.seq).unwrap();
    assert_eq!(touched.recipients.iter().copied().collect::<Vec<_>>(), [first[0].number]);
    let again = reader().lines_of(touched.recipients).unwrap();
    assert_eq!((again[0].state, again[0].ended_at), (State::Accepted, Some(at(7))));
    let mut sums = Sums::default();
    sums.change(&again[0], true);
    assert_eq!(sums.hours().map(|(hour, count)| (hour <= at(7), count)).collect::<Vec<_>>(), [(true, 1)]);
    sums.change(&again[0], false);
    assert_eq!((sums.hours().count(), sums.counts), (0, Counts::default()));
    let quiet = reader().touched_after(campaign.id, touched.seq).unwrap();
    assert!(quiet.recipients.is_empty() && quiet.seq == touched.seq);
}

#[test]
fn a_test_letter_is_taken_up_once_and_what_nobody_ended_is_abandoned() {
    let home = Home::new();
    let path = home.path();
    let address = |text: &str| postduif::mail::address::Address::parse(text).unwrap();
    let ada = address("ada@alliance.example");
    Ledger::wish_trial(&path, "appeal", ("p1", 1), &ada, at(1)).unwrap();
    Ledger::wish_trial(&path, "appeal", ("p1", 1), &ada, at(2)).unwrap();
    Ledger::wish_trial(&path, "appeal", ("p1", 2), &ada, at(3)).unwrap();
    let reader = || Ledger::read(&path).unwrap().unwrap();
    assert!(reader().trial_waits("appeal").unwrap() && !reader().trial_waits("elsewhere").unwrap());
    let first = Ledger::take_trial(&path, "appeal", at(4)).unwrap().unwrap();
    assert_eq!((first.key.as_str(), first.step, first.address.as_str()), ("p1", 1, "ada@alliance.example"));
    Ledger::trial_ended(&path, first.id, &Ok("250 2.0.0 taken".to_owned()), at(5)).unwrap();
    let second = Ledger::take_trial(&path, "appeal", at(6)).unwrap().unwrap();
    assert_eq!(second.step, 2);
    assert_eq!(Ledger::take_trial(&path, "appeal", at(7)).unwrap(), None, "each is taken up once");
    Ledger::wish_trial(&path, "appeal", ("p1", 3), &ada, at(8)).unwrap();
    Ledger::abandon_trials(&path, "appeal", at(9)).unwrap();
    let ended: Vec<_> =
        reader().trials("appeal", "p1", 9).unwrap().into_iter().map(|trial| trial.ended).collect();
    assert_eq!(
        ended,
        [
            Some((TrialEnd::Failed, "the page was closed before it went".to_owned())),
            Some((TrialEnd::InDoubt, "the page was closed while it went: it may have arrived".to_owned())),
            Some((TrialEnd::Sent, "250 2.0.0 taken".to_owned())),
        ]
    );
    assert_eq!(reader().trials("appeal", "p1", 1).unwrap().len(), 1);
    for nth in 0..10 {
        let to = address(&format!("a{nth}@alliance.example"));
        Ledger::wish_trial(&path, "appeal", ("p1", 1), &to, at(10)).unwrap();
    }
    assert_eq!(
        refused(Ledger::wish_trial(&path, "appeal", ("p1", 9), &ada, at(11))),
        "10 test letters wait already"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Numbers that follow the history are those that are counted over all letters, whatever happens in whatever order.
    #[test]
    fn what_follows_the_history_is_what_is_counted(deeds in prop::collection::vec((0usize..11, 1usize..7), 1..40)) {
        let home = Home::new();
        let ledger = home.open();
        let campaign = launch(&ledger, "appeal");
        let mut list = people(5);
        roster(&ledger, &campaign, &list);
        let mut follower = Follower::default();
        follower.follow(&ledger, "appeal");
        let mut held = Vec::new();
        for (nth, (deed, whom)) in deeds.into_iter().enumerate() {
            let now = at(i64::try_from(nth).unwrap() * 7200 + 10);
            let key = format!("p{whom}");
            let mark = |mark| {
                // What makes no sense of somebody is refused, and changes nothing.
                let wish = Wish::Mark { campaign: "appeal".to_owned(), key: key.clone(), step: None, mark, note: None };
                let _ = Ledger::wish(&home.path(), &wish, now);
            };
            match deed {
                0 | 1 => held.extend(ledger.claim(ClaimRequest { now, ..request(&campaign, "w", 1) }).wait().unwrap().claims),
                2 => held.pop().into_iter().for_each(|claim| send(&ledger, &claim, now)),
                3 => held.pop().into_iter().for_each(|claim| end(&ledger, &claim.ticket, refused_by_relay(), State::Refused, now).unwrap()),
                4 => held.pop().into_iter().for_each(|claim| end(&ledger, &claim.ticket, deferred(), State::Queued, now).unwrap()),
                5 => held.pop().into_iter().for_each(|claim| {
                    ledger.note_end_of_data(&claim.ticket, ledger_support::mark(), now).wait().unwrap();
                    end(&ledger, &claim.ticket, silence(), State::InDoubt, now).unwrap();
                }),
                6 => mark(Mark::Came(Verdict::Bounced)),
                7 => mark(Mark::Came(Verdict::SendAgain)),
                8 if held.is_empty() => {
                    // Somebody moves, somebody comes or goes.
                    list.retain(|one| one.key != key);
                    if whom % 2 == 0 {
                        list.push(person(&key, &format!("new{nth}@party{whom}.example")));
                    }
                    roster(&ledger, &campaign, &list);
                }
                9 => {
                    let settlement = if whom % 2 == 0 { Settlement::Accepted } else { Settlement::Again };
                    let wish = Wish::Settle { campaign: "appeal".to_owned(), key, step: 1, settlement, note: String::new() };
                    let _ = Ledger::wish(&home.path(), &wish, now);
                }
                10 if nth > 30 => {
                    let wish = Wish::Cancel { campaign: "appeal".to_owned(), why: "enough".to_owned() };
                    let _ = Ledger::wish(&home.path(), &wish, now);
                    follower.follow(&ledger, "appeal");
                    break;
                }
                _ => {}
            }
            follower.follow(&ledger, "appeal");
        }
    }
}
