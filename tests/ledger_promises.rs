//! The promises of the ledger, a test each, named as a sentence.

mod ledger_support;

use ledger_support::*;
use postduif::delivery::pace::Pace;
use postduif::delivery::state::State;
use postduif::ledger::LedgerError;
use postduif::ledger::record::*;

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
