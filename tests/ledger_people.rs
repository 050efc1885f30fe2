//! The ledger and the people who use it: rosters that change, pauses, doubts, and errors in words.

#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::sync::{Arc, Mutex};

use ledger_support::*;
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError};

#[test]
fn the_template_or_the_csv_is_edited_between_two_attempts_and_nobody_gets_another_letter() {
    // Field bug 23.
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(3));
    let again = |text: &str, digest: &str| {
        ledger.refreeze(campaign.id, definition(text), digest.to_owned(), at(3)).wait().unwrap()
    };
    assert!(again("Dear friend", "d2"), "nothing was handed over yet");
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    assert!(!again("Dear enemy", "d3"), "one is in flight");
    ledger.note_end_of_data(&held.ticket, mark(), at(4)).wait().unwrap();
    end(&ledger, &held.ticket, deferred(), State::Queued, at(4)).unwrap();
    assert!(!again("Dear enemy", "d3"), "the bytes were handed over once");
    assert!(again("Dear friend", "d2"), "the same is no change");
    let frozen = ledger.campaign("appeal").wait().unwrap().unwrap();
    assert_eq!((frozen.definition, frozen.digest), (definition("Dear friend"), "d2".to_owned()));

    let mut edited = people(3);
    edited.iter_mut().for_each(|person| person.fields[0].1 = "Other".to_owned());
    let changed = Enrollment::Changed { state: State::Queued };
    assert_eq!(roster(&ledger, &campaign, &edited), [changed, Enrollment::Updated, Enrollment::Updated]);
    let claims = claim(&ledger, &campaign, "w", 9).claims;
    assert_eq!(claims[0].recipient, people(3)[0], "the letter of before");
    assert_eq!(claims[1].recipient, edited[1]);
}

#[test]
fn who_is_off_the_roster_is_not_written_to_and_comes_back_with_it() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let all = people(4);
    roster(&ledger, &campaign, &all);
    roster(&ledger, &campaign, &[all[3].clone(), all[1].clone()]);
    let counts = ledger.counts(campaign.id).wait().unwrap();
    assert_eq!((counts.queued, counts.off_roster), (4, 2));
    let claims = claim(&ledger, &campaign, "w", 9);
    assert_eq!(keys(&claims), ["p4", "p2"], "in the order of the roster");
    assert_eq!(claims.again_at, None);
    claims.claims.iter().for_each(|held| send(&ledger, held, at(1)));
    let ended = ledger.finish_if_done(campaign.id, None, at(2)).wait().unwrap();
    assert_eq!(ended, CampaignState::Finished);

    roster(&ledger, &campaign, &all);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["p1", "p3"], "and the campaign runs again");
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let mut order = Vec::new();
    reader
        .each_recipient(campaign.id, |row| {
            order.push(row.recipient.key);
            true
        })
        .unwrap();
    assert_eq!(order, ["p1", "p2", "p3", "p4"]);
}

#[test]
fn a_pass_over_the_roster_that_was_cut_off_lets_nothing_out_and_is_mended() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(3));
    let cut = ledger.begin_roster(campaign.id).wait().unwrap();
    ledger.enroll(&cut, 1, people(5)[3..].to_vec(), &no_deadlines(), at(1)).wait().unwrap();
    drop(ledger);

    let ledger = home.open();
    let no = ledger.claim(request(&campaign, "w", 9)).wait();
    assert!(matches!(no, Err(LedgerError::Refused { .. })), "{no:?}");
    let pass = ledger.begin_roster(campaign.id).wait().unwrap();
    let no = ledger.enroll(&cut, 1, people(1), &no_deadlines(), at(1)).wait();
    assert!(matches!(no, Err(LedgerError::Refused { .. })), "{no:?}");
    ledger.enroll(&pass, 1, people(2), &no_deadlines(), at(1)).wait().unwrap();
    ledger.end_roster(pass, at(1)).wait().unwrap();
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["p1", "p2"]);
}

#[test]
fn one_mailbox_in_two_spellings_gets_one_letter() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let twice = [person("a", "Office@party.example"), person("b", "office@Party.example")];
    let same = Enrollment::SameAddress { as_key: "a".to_owned() };
    assert_eq!(roster(&ledger, &campaign, &twice), [Enrollment::Added, same.clone()]);
    let moved = [person("a", "Office@party.example"), person("c", "c@party.example")];
    roster(&ledger, &campaign, &moved);
    let clash = [moved[0].clone(), person("c", "office@party.example")];
    assert_eq!(
        roster(&ledger, &campaign, &clash),
        [Enrollment::Known { state: State::Queued }, same],
        "and nothing was changed"
    );
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["a"], "c is off the roster");
}

#[test]
fn only_the_keys_asked_for_are_claimed() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(4));
    let mut wanted = request(&campaign, "w", 9);
    wanted.only = ["p3", "p1", "nobody", "p3"].map(str::to_owned).to_vec();
    let claims = ledger.claim(wanted.clone()).wait().unwrap();
    assert_eq!((keys(&claims), claims.again_at), (vec!["p1", "p3"], None));
    end(&ledger, &claims.claims[0].ticket, deferred(), State::Queued, at(0)).unwrap();
    wanted.most = 1;
    assert_eq!(keys(&ledger.claim(wanted).wait().unwrap()), ["p1"]);
}

#[test]
fn a_pause_from_another_process_stops_at_the_last_moment() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(2));
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    let wish = |wish| Ledger::wish(ledger.path(), &wish, at(1));
    let name = || "appeal".to_owned();
    wish(Wish::Pause { campaign: name(), why: "lunch".to_owned(), until: None }).unwrap();

    let no = ledger.note_end_of_data(&held.ticket, mark(), at(2)).wait().unwrap_err();
    assert!(matches!(no, LedgerError::Stopped { .. }), "{no}");
    ledger.give_back(vec![held.ticket], at(2)).wait().unwrap();
    let none = claim(&ledger, &campaign, "w", 9);
    let paused = CampaignState::Paused { why: "lunch".to_owned(), until: None };
    assert_eq!((none.claims.len(), none.state), (0, Some(paused.clone())));
    ledger.pause(campaign.id, "the relay rests", Some(at(9)), at(3)).wait().unwrap();
    assert_eq!(ledger.campaign("appeal").wait().unwrap().unwrap().state, paused, "lunch goes on");

    wish(Wish::Resume { campaign: name() }).unwrap();
    let claims = claim(&ledger, &campaign, "w", 9);
    assert_eq!(keys(&claims), ["p1", "p2"]);
    assert_eq!(claims.claims[0].attempt, 1, "giving back costs nothing");
}

#[test]
fn a_cancelled_campaign_sends_nothing_more_whatever_was_in_flight() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(4));
    let claims = claim(&ledger, &campaign, "w", 3).claims;
    ledger.note_end_of_data(&claims[0].ticket, mark(), at(1)).wait().unwrap();
    let cancel = Wish::Cancel { campaign: "appeal".to_owned(), why: "a mistake".to_owned() };
    assert_eq!(Ledger::wish(ledger.path(), &cancel, at(2)).unwrap().ended.letters, 1);

    let no = ledger.note_end_of_data(&claims[1].ticket, mark(), at(3)).wait();
    assert!(matches!(no, Err(LedgerError::Stopped { .. })), "{no:?}");
    end(&ledger, &claims[0].ticket, accepted(), State::Accepted, at(3)).unwrap();
    end(&ledger, &claims[1].ticket, deferred(), State::Queued, at(3)).unwrap();
    ledger.give_back(vec![claims[2].ticket.clone()], at(3)).wait().unwrap();
    let counts = ledger.counts(campaign.id).wait().unwrap();
    assert_eq!((counts.accepted, counts.cancelled, counts.recipients), (1, 3, 4));
    assert!(ledger.begin_roster(campaign.id).wait().is_err());
    assert!(ledger.resume(campaign.id, at(4)).wait().is_err());
}

#[test]
fn only_a_person_ends_a_doubt_and_only_a_doubt() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(3));
    for held in claim(&ledger, &campaign, "w", 2).claims {
        ledger.note_end_of_data(&held.ticket, mark(), at(1)).wait().unwrap();
        end(&ledger, &held.ticket, silence(), State::InDoubt, at(1)).unwrap();
    }
    assert_eq!(ledger.finish_if_done(campaign.id, None, at(1)).wait().unwrap(), CampaignState::Running);
    let settle =
        |key: &str, settlement| ledger.settle(campaign.id, key, 1, settlement, "seen in Sent", at(5)).wait();
    settle("p1", Settlement::Accepted).unwrap();
    settle("p2", Settlement::Again).unwrap();
    let told = settle("p1", Settlement::Again).unwrap_err().to_string();
    assert_eq!(told, "the letter to `p1` is not in doubt: it is accepted, and that stays so");
    assert!(settle("nobody", Settlement::Again).is_err());
    let record = state_of(&ledger, &campaign, "p1");
    assert_eq!((record.state, record.ended_at), (State::Accepted, Some(at(1))));
    let mut later = request(&campaign, "w", 9);
    later.now = at(5);
    assert_eq!(keys(&ledger.claim(later).wait().unwrap()), ["p3", "p2"]);
}

#[test]
fn every_event_reaches_the_sink_once_and_in_order_also_those_of_other_processes() {
    let home = Home::new();
    let heard: Arc<Mutex<Vec<(i64, String)>>> = Arc::default();
    let sink = {
        let heard = Arc::clone(&heard);
        Arc::new(move |events: &[Event]| {
            heard.lock().unwrap().extend(events.iter().map(|event| (event.seq, event.event.clone())));
        })
    };
    let ledger = Ledger::open(&home.path(), "one", Some(sink)).unwrap();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(5000));
    let pause = Wish::Pause { campaign: "appeal".to_owned(), why: "lunch".to_owned(), until: None };
    Ledger::wish(ledger.path(), &pause, at(1)).unwrap();
    ledger.resume(campaign.id, at(2)).wait().unwrap();
    ledger.cancel(campaign.id, "enough", at(3)).wait().unwrap();
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 5004);
    assert!(heard.iter().zip(1..).all(|((seq, _), n)| *seq == n));
    let names: Vec<&str> = heard[..4].iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["launched", "paused", "resumed", "cancelled"]);
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    assert_eq!(reader.events_after(5002, 10).unwrap().len(), 2, "what a log lacks can be had again");
}

#[test]
fn a_test_letter_leaves_a_line_in_the_history_and_no_delivery() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    let event = Event {
        seq: 0,
        at: at(3),
        campaign: "appeal".to_owned(),
        key: Some("p1".to_owned()),
        step: Some(1),
        event: "test".to_owned(),
        attempt: None,
        stage: None,
        reply: Some(reply(250, "ok")),
        note: Some("to me@ngo.example".to_owned()),
        message_id: None,
    };
    let seq = ledger.note_event(event.clone()).wait().unwrap();
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let story = reader.story(campaign.id, "p1").unwrap().unwrap();
    assert_eq!(story.events, [Event { seq, ..event }]);
    assert_eq!(story.recipient.deliveries[0].state, State::Queued);
}

#[test]
fn keys_are_found_as_a_person_types_them() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let people = [person("D66", "a@x.example"), person("d66", "b@x.example"), person("VVD", "c@x.example")];
    roster(&ledger, &campaign, &people);
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    assert_eq!(reader.find_keys(campaign.id, "d66").unwrap(), ["d66"]);
    assert_eq!(reader.find_keys(campaign.id, "vvd").unwrap(), ["VVD"]);
    assert_eq!(reader.find_keys(campaign.id, "D66 ").unwrap(), Vec::<String>::new());
}

#[test]
fn two_campaigns_cannot_share_a_seed() {
    let home = Home::new();
    let ledger = home.open();
    launch(&ledger, "one");
    let twin = NewCampaign { name: "two".to_owned(), ..new_campaign("one") };
    assert!(ledger.launch(twin, at(0)).wait().is_err());
}
