//! The promises of the ledger, a test each, named as a sentence.

mod ledger_support;

use ledger_support::*;
use postduif::delivery::pace::Pace;
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError};

#[test]
fn promise_1_planning_twice_plans_once() {
    let home = Home::new();
    let ledger = home.open();
    let first = launch(&ledger, "appeal");
    let again = ledger.launch(new_campaign("appeal"), at(9)).wait().unwrap();
    assert_eq!(first, again);

    assert_eq!(roster(&ledger, &first, &people(3)), vec![Enrollment::Added; 3]);
    let known = vec![Enrollment::Known { state: State::Queued }; 3];
    assert_eq!(roster(&ledger, &first, &people(3)), known);
    let counts = ledger.counts(first.id).wait().unwrap();
    assert_eq!((counts.recipients, counts.queued), (3, 3));
}

#[test]
fn promise_2_a_claim_is_exclusive() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(5));
    let one = claim(&ledger, &campaign, "one", 3);
    let two = claim(&ledger, &campaign, "two", 3);
    assert_eq!(keys(&one), ["p1", "p2", "p3"]);
    assert_eq!(keys(&two), ["p4", "p5"]);
    assert_eq!(claim(&ledger, &campaign, "one", 3).claims, vec![]);
}

#[test]
fn promise_2_a_claim_ends_by_itself_and_the_late_worker_is_told_no() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    let old = claim(&ledger, &campaign, "late", 1).claims.remove(0);

    assert_eq!(ledger.rescue("next", false, at(59)).wait().unwrap(), Rescued::default());
    assert_eq!(ledger.renew("late", at(90)).wait().unwrap(), 1);
    assert_eq!(ledger.rescue("next", false, at(60)).wait().unwrap(), Rescued::default());
    let rescued = ledger.rescue("next", false, at(90)).wait().unwrap();
    assert_eq!(rescued, Rescued { requeued: 1, in_doubt: 0 });

    let mut request = request(&campaign, "next", 1);
    request.now = at(90);
    let new = ledger.claim(request).wait().unwrap().claims.remove(0);
    assert_eq!((new.attempt, new.counted), (2, 0));
    assert_eq!(new.message_id, old.message_id);
    let no = ledger.note_end_of_data(&old.ticket, mark(), at(91)).wait();
    assert!(matches!(no, Err(LedgerError::NotOurs { .. })), "{no:?}");
    let no = end(&ledger, &old.ticket, accepted(), State::Accepted, at(91));
    assert!(matches!(no, Err(LedgerError::NotOurs { .. })), "{no:?}");
    ledger.note_end_of_data(&new.ticket, mark(), at(92)).wait().unwrap();
    end(&ledger, &new.ticket, accepted(), State::Accepted, at(93)).unwrap();
}

#[test]
fn promise_7_limits_are_counted_in_the_ledger_over_restarts_and_campaigns() {
    let home = Home::new();
    let ledger = home.open();
    let one = launch(&ledger, "one");
    roster(&ledger, &one, &people(4));
    let mut wanted = request(&one, "w", 10);
    wanted.pace = Pace { limits: vec![limit(5, 60)], ..Pace::default() };
    let claims = ledger.claim(wanted.clone()).wait().unwrap();
    assert_eq!(claims.claims.len(), 4);
    for (n, held) in claims.claims.iter().enumerate() {
        ledger.note_end_of_data(&held.ticket, mark(), at(n as i64)).wait().unwrap();
        end(&ledger, &held.ticket, accepted(), State::Accepted, at(n as i64)).unwrap();
    }
    drop(ledger);

    let ledger = home.open();
    let two = launch(&ledger, "two");
    roster(&ledger, &two, &people(4));
    wanted.campaign = two.id;
    wanted.now = at(30);
    let claims = ledger.claim(wanted.clone()).wait().unwrap();
    assert_eq!(claims.claims.len(), 1);
    assert_eq!(claims.again_at, Some(Again { at: at(60), why: WaitsFor::Pace }));
    end(&ledger, &claims.claims[0].ticket, silence(), State::InDoubt, at(31)).unwrap();
    wanted.now = at(59);
    assert_eq!(ledger.claim(wanted.clone()).wait().unwrap().claims.len(), 0);
    wanted.now = at(60);
    assert_eq!(ledger.claim(wanted.clone()).wait().unwrap().claims.len(), 1);
}

#[test]
fn promise_3_the_end_of_data_and_the_outcome_are_durable_before_anybody_hears_of_them() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    ledger.note_end_of_data(&held.ticket, mark(), at(1)).wait().unwrap();
    // Another connection sees it at once, without any help of the writer.
    assert_eq!(state_of(&ledger, &campaign, "p1").mark, Some(mark()));
    end(&ledger, &held.ticket, accepted(), State::Accepted, at(2)).unwrap();
    let record = state_of(&ledger, &campaign, "p1");
    assert_eq!((record.state, record.ended_at), (State::Accepted, Some(at(2))));
}

#[test]
fn promise_3_a_request_is_under_way_when_it_is_made_not_when_it_is_awaited() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    let never_awaited = ledger.note_end_of_data(&held.ticket, mark(), at(1));
    ledger.campaign("appeal").wait().unwrap();
    assert_eq!(state_of(&ledger, &campaign, "p1").mark, Some(mark()));
    drop(never_awaited);
}

#[test]
fn promise_4_a_crash_leaves_a_letter_to_send_or_a_doubt_to_settle() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(3));
    let claims = claim(&ledger, &campaign, "gone", 2).claims;
    ledger.note_end_of_data(&claims[1].ticket, mark(), at(1)).wait().unwrap();
    drop(ledger);

    let ledger = home.open();
    let rescued = ledger.rescue("next", true, at(5)).wait().unwrap();
    assert_eq!(rescued, Rescued { requeued: 1, in_doubt: 1 });
    assert_eq!(keys(&claim(&ledger, &campaign, "next", 9)), ["p1", "p3"]);
    assert_eq!(state_of(&ledger, &campaign, "p2").state, State::InDoubt);
    let names: Vec<String> =
        ledger.events_after(0, 100).wait().unwrap().into_iter().map(|event| event.event).collect();
    assert_eq!(names, ["launched", "requeued", "in-doubt"]);
}

#[test]
fn promise_4_an_older_attempts_end_of_data_puts_no_later_attempt_in_doubt() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    ledger.note_end_of_data(&held.ticket, mark(), at(1)).wait().unwrap();
    end(&ledger, &held.ticket, deferred(), State::Queued, at(1)).unwrap();
    assert_eq!(claim(&ledger, &campaign, "w", 1).claims.len(), 1);
    let rescued = ledger.rescue("next", true, at(2)).wait().unwrap();
    assert_eq!(rescued, Rescued { requeued: 1, in_doubt: 0 });
}

#[test]
fn promise_5_state_and_history_change_together() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(2));
    let claims = claim(&ledger, &campaign, "w", 2).claims;
    let later =
        AttemptEnd { ending: deferred(), because: "greylisted".to_owned(), began: at(1), wire_id: None };
    let moved =
        postduif::delivery::state::Move { to: State::Queued, not_before: Some(at(300)), counts: true };
    ledger.end_attempt(&claims[0].ticket, later, moved, at(2)).wait().unwrap();
    end(&ledger, &claims[1].ticket, refused(), State::Refused, at(3)).unwrap();
    // The late word about a delivery that has ended changes neither state nor history.
    assert!(end(&ledger, &claims[1].ticket, accepted(), State::Accepted, at(4)).is_err());

    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let story = reader.story(campaign.id, "p1").unwrap().unwrap();
    let delivery = &story.recipient.deliveries[0];
    assert_eq!((delivery.state, delivery.counted, delivery.not_before), (State::Queued, 1, at(300)));
    let [event] = &story.events[..] else { panic!("{:?}", story.events) };
    assert_eq!((event.event.as_str(), event.attempt, event.at), ("deferred", Some(1), at(2)));
    assert_eq!(event.stage, Some(postduif::delivery::attempt::Stage::RcptTo));
    assert_eq!(event.reply, Some(reply(450, "later")));
    assert_eq!(event.note.as_deref(), Some("greylisted"));
    assert_eq!(event.message_id.as_deref(), Some(delivery.message_id.as_str()));
    assert_eq!(delivery.last.as_ref(), Some(event));
    let story = reader.story(campaign.id, "p2").unwrap().unwrap();
    assert_eq!(story.events.len(), 1);
    assert_eq!(story.recipient.deliveries[0].state, State::Refused);

    let mut soon = request(&campaign, "w", 5);
    soon.now = at(299);
    let claims = ledger.claim(soon.clone()).wait().unwrap();
    assert_eq!(claims.claims, vec![]);
    assert_eq!(claims.again_at, Some(Again { at: at(300), why: WaitsFor::Retry }));
    soon.now = at(300);
    let claims = ledger.claim(soon).wait().unwrap();
    assert_eq!((claims.claims[0].attempt, claims.claims[0].counted), (2, 1));
}

#[test]
fn promise_6_suppression_is_looked_at_in_the_claim_itself() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let people = [
        person("exact", "Ada@one.example"),
        person("below", "x@mail.two.example"),
        person("beside", "x@nottwo.example"),
        person("late", "x@three.example"),
    ];
    roster(&ledger, &campaign, &people);
    let suppress = |what: &str| {
        let wish = Wish::Suppress { what: what.to_owned(), reason: "asked us to stop".to_owned() };
        Ledger::wish(ledger.path(), &wish, at(1)).unwrap()
    };
    assert!(suppress("ADA@one.example").changed);
    assert!(!suppress("ada@One.example").changed);
    assert!(suppress("*.two.example").changed);
    let claims = claim(&ledger, &campaign, "w", 9);
    assert_eq!(keys(&claims), ["beside", "late"]);
    let record = state_of(&ledger, &campaign, "below");
    assert_eq!(record.state, State::Cancelled);
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let story = reader.story(campaign.id, "exact").unwrap().unwrap();
    assert_eq!(story.events[0].event, "cancelled");
    assert_eq!(story.events[0].note.as_deref(), Some("suppressed: asked us to stop"));

    // What comes in after the claim still counts, up to the final dot.
    suppress("three.example");
    let late = &claims.claims[1].ticket;
    let no = ledger.note_end_of_data(late, mark(), at(2)).wait();
    assert!(matches!(no, Err(LedgerError::Stopped { .. })), "{no:?}");
    ledger.give_back(vec![late.clone()], at(2)).wait().unwrap();
    assert_eq!(claim(&ledger, &campaign, "w", 9).claims, vec![]);
    assert_eq!(state_of(&ledger, &campaign, "late").state, State::Cancelled);
    ledger.note_end_of_data(&claims.claims[0].ticket, mark(), at(2)).wait().unwrap();
}

#[test]
fn promise_7_n_means_n_in_one_claim_and_over_many() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(30));
    let mut wanted = request(&campaign, "w", 10);
    wanted.pace = Pace { limits: vec![limit(7, 60), limit(9, 3600)], ..Pace::default() };
    let first = ledger.claim(wanted.clone()).wait().unwrap();
    assert_eq!(first.claims.len(), 7);
    assert_eq!(first.again_at, None, "only the letters in flight can make room");
    first.claims.iter().for_each(|held| send(&ledger, held, at(1)));
    let again = ledger.claim(wanted.clone()).wait().unwrap();
    assert_eq!((again.claims.len(), again.again_at.unwrap().at), (0, at(61)));
    wanted.now = at(61);
    assert_eq!(ledger.claim(wanted.clone()).wait().unwrap().claims.len(), 2);
}

#[test]
fn promise_7_a_domain_has_its_own_limit_and_the_others_go_on() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let mut people = people(2);
    people.extend((0..700).map(|n| person(&format!("b{n}"), &format!("b{n}@big.example"))));
    people.push(person("last", "last@small.example"));
    roster(&ledger, &campaign, &people);
    let mut wanted = request(&campaign, "w", 6);
    wanted.pace = Pace { per_domain: Some(limit(2, 60)), ..Pace::default() };
    let claims = ledger.claim(wanted.clone()).wait().unwrap();
    assert_eq!(keys(&claims), ["p1", "p2", "b0", "b1", "last"]);
    claims.claims.iter().for_each(|held| send(&ledger, held, at(3)));
    let none = ledger.claim(wanted.clone()).wait().unwrap();
    assert_eq!(none.claims, vec![]);
    assert_eq!(none.again_at, Some(Again { at: at(63), why: WaitsFor::Pace }));
    wanted.now = at(63);
    assert_eq!(keys(&ledger.claim(wanted).wait().unwrap()), ["b2", "b3"]);
}

#[test]
fn promise_9_time_is_an_argument() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    ledger.pause(campaign.id, "the relay is full", Some(at(500)), at(1)).wait().unwrap();
    assert_eq!(claim(&ledger, &campaign, "w", 1).claims, vec![]);
    let mut later = request(&campaign, "w", 1);
    later.now = at(500);
    let claims = ledger.claim(later).wait().unwrap();
    assert_eq!((claims.claims.len(), claims.state), (1, Some(CampaignState::Running)));
    let all = ledger.events_after(0, 99).wait().unwrap();
    assert_eq!(all.iter().map(|event| event.at).collect::<Vec<_>>(), [at(0), at(1), at(500)]);
}

#[test]
fn promise_10_what_was_sent_can_be_shown_again() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &people(1));
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    send(&ledger, &held, at(2));
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let story = reader.story(campaign.id, "p1").unwrap().unwrap();
    assert_eq!(story.definition, definition("Dear reader"));
    assert_eq!(story.recipient.recipient, people(1)[0]);
    let delivery = &story.recipient.deliveries[0];
    assert_eq!(delivery.mark, Some(mark()));
    assert_eq!(delivery.message_id, held.message_id);
    assert!(held.message_id.ends_with(".1@ngo.example>"), "{}", held.message_id);
    let found = ledger.find_by_message_id(&held.message_id).wait().unwrap();
    assert_eq!(found, Some((campaign.id, "p1".to_owned(), 1)));
    assert_eq!(reader.find_by_message_id("<nobody@ngo.example>").unwrap(), None);
}
