//! The ledger with recipients who take no mail, with further addressees, and with deadlines.

#![expect(clippy::unwrap_used, reason = "a test may fail")]
#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use ledger_support::*;
use postduif::campaign::calendar::Deadlines;
use postduif::campaign::recipient::{Addressees, Channel, Errand, Recipient};
use postduif::delivery::state::State;
use postduif::ledger::Ledger;
use postduif::ledger::record::*;
use postduif::mail::address::{Address, Mailbox};

fn by_hand(key: &str, errand: Errand) -> Recipient {
    Recipient { channel: Channel::ByHand(errand), ..person(key, "x@party.example") }
}

fn enroll(ledger: &Ledger, campaign: &Campaign, people: &[Recipient], last: Option<Date>) -> Vec<Enrollment> {
    let deadlines = Deadlines { zone: TimeZone::get("Europe/Amsterdam").unwrap(), last };
    let pass = ledger.begin_roster(campaign.id).wait().unwrap();
    let enrolled = ledger.enroll(&pass, 1, people.to_vec(), &deadlines, at(0)).wait().unwrap();
    ledger.end_roster(pass, at(0)).wait().unwrap();
    enrolled.each
}

fn mailbox(address: &str) -> Mailbox {
    Mailbox { name: Some("Één".to_owned()), address: Address::parse(address).unwrap() }
}

#[test]
fn who_takes_no_mail_is_a_task_and_never_claimed() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let rows =
        [by_hand("form", Errand::WebForm), person("ada", "ada@a.example"), by_hand("paper", Errand::Post)];
    assert_eq!(enroll(&ledger, &campaign, &rows, None), [const { Enrollment::Added }; 3]);
    let claims = claim(&ledger, &campaign, "w", 9);
    assert_eq!(keys(&claims), ["ada"]);
    send(&ledger, &claims.claims[0], at(1));
    let counts = ledger.counts(campaign.id).wait().unwrap();
    assert_eq!((counts.tasks, counts.accepted, counts.queued), (2, 1, 0));
    assert_eq!(
        ledger.finish_if_done(campaign.id, None, at(2)).wait().unwrap(),
        CampaignState::Running,
        "there is something to do yet"
    );
    let story = Ledger::read(ledger.path()).unwrap().unwrap().story(campaign.id, "form").unwrap().unwrap();
    assert_eq!(story.recipient.recipient, rows[0]);
    assert_eq!(story.recipient.deliveries[0].state, State::Task);
}

#[test]
fn a_row_may_change_its_channel_until_something_was_done() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    enroll(&ledger, &campaign, &[by_hand("one", Errand::Phone), person("two", "two@b.example")], None);
    let turned = [person("one", "one@a.example"), by_hand("two", Errand::WebForm)];
    assert_eq!(enroll(&ledger, &campaign, &turned, None), [Enrollment::Updated, Enrollment::Updated]);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["one"]);
    assert_eq!(state_of(&ledger, &campaign, "two").state, State::Task);
}

#[test]
fn cancelling_ends_the_tasks_too() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    enroll(&ledger, &campaign, &[by_hand("form", Errand::WebForm), person("ada", "ada@a.example")], None);
    let ended = ledger.cancel(campaign.id, "over", at(1)).wait().unwrap();
    assert_eq!(ended, Withdrawn { letters: 1, tasks: 1 });
    assert_eq!(state_of(&ledger, &campaign, "form").state, State::Cancelled);
}

#[test]
fn after_the_deadline_nothing_goes_and_a_later_deadline_lets_it_go() {
    // 1 800 000 000 is 2027-01-15, 09:00 in Amsterdam.
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let mut rows = people(3);
    rows[0].deadline = Some(date(2027, 1, 14));
    rows[1].deadline = Some(date(2027, 1, 15));
    enroll(&ledger, &campaign, &rows, None);
    let end_of_day = state_of(&ledger, &campaign, "p2").not_after.unwrap();
    assert_eq!(end_of_day.to_string(), "2027-01-15T23:00:00Z", "midnight in Amsterdam");
    let claims = claim(&ledger, &campaign, "w", 1);
    assert_eq!(keys(&claims), ["p2"], "the first lapsed, the second is still in time");
    let lapsed = state_of(&ledger, &campaign, "p1");
    assert_eq!(lapsed.state, State::Lapsed);
    assert_eq!(lapsed.last.unwrap().note.unwrap(), "the deadline passed before it could go");

    // At midnight it is too late for the second, who was put off, and the campaign ends with the third.
    ledger.note_end_of_data(&claims.claims[0].ticket, mark(), at(1)).wait().unwrap();
    end(&ledger, &claims.claims[0].ticket, deferred(), State::Queued, at(1)).unwrap();
    let late = ClaimRequest { now: end_of_day, ..request(&campaign, "w", 9) };
    let claims = ledger.claim(late).wait().unwrap();
    assert_eq!(keys(&claims), ["p3"]);
    assert_eq!(claims.again_at, None);
    send(&ledger, &claims.claims[0], end_of_day);
    assert_eq!(
        ledger.finish_if_done(campaign.id, None, end_of_day).wait().unwrap(),
        CampaignState::Finished,
        "what lapsed holds nothing up"
    );

    // The deadline of the first is moved; the second had been handed over once, so its row stays as it was.
    rows[0].deadline = Some(date(2027, 2, 1));
    rows[1].deadline = None;
    let changed = enroll(&ledger, &campaign, &rows, None);
    assert_eq!(changed[..2], [Enrollment::Updated, Enrollment::Changed { state: State::Lapsed }]);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["p1"]);
    assert_eq!(state_of(&ledger, &campaign, "p2").state, State::Lapsed);
}

#[test]
fn the_campaigns_deadline_holds_for_everybody_and_can_be_moved() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let mut rows = people(2);
    rows[1].deadline = Some(date(2030, 1, 1));
    enroll(&ledger, &campaign, &rows, Some(date(2027, 1, 14)));
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), Vec::<&str>::new());
    assert_eq!(ledger.counts(campaign.id).wait().unwrap().lapsed, 2);
    let known = Enrollment::Known { state: State::Lapsed };
    assert_eq!(enroll(&ledger, &campaign, &rows, Some(date(2027, 1, 16))), [known.clone(), known]);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["p1", "p2"]);
}

/// A row turned into a task after its letter had lapsed was queued again with nobody to go to.
#[test]
fn a_letter_that_lapsed_and_whose_row_turned_into_a_task_is_a_task() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let late = Recipient { deadline: Some(date(2027, 1, 14)), ..person("one", "one@a.example") };
    enroll(&ledger, &campaign, std::slice::from_ref(&late), None);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), Vec::<&str>::new());
    assert_eq!(state_of(&ledger, &campaign, "one").state, State::Lapsed);
    let task = Recipient { deadline: Some(date(2027, 2, 1)), ..by_hand("one", Errand::WebForm) };
    assert_eq!(enroll(&ledger, &campaign, &[task], None), [Enrollment::Updated]);
    assert_eq!(state_of(&ledger, &campaign, "one").state, State::Task);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), Vec::<&str>::new());
}

/// The letter kept the deadline of the task that its row had been, and lapsed too early.
#[test]
fn a_task_whose_row_turned_into_mail_has_the_deadline_of_the_row() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let task = Recipient { deadline: Some(date(2027, 1, 14)), ..by_hand("one", Errand::Phone) };
    enroll(&ledger, &campaign, &[task], None);
    let mail = Recipient { deadline: Some(date(2027, 1, 15)), ..person("one", "one@a.example") };
    enroll(&ledger, &campaign, &[mail], None);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["one"]);
}

/// A row that had changed kept the campaign's old deadline, and its letter went after the new one.
#[test]
fn the_campaigns_deadline_holds_also_for_a_row_that_changed_after_its_letter_was_handed_over() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let mut rows = people(1);
    enroll(&ledger, &campaign, &rows, Some(date(2027, 1, 20)));
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    ledger.note_end_of_data(&held.ticket, mark(), at(1)).wait().unwrap();
    end(&ledger, &held.ticket, deferred(), State::Queued, at(1)).unwrap();
    rows[0].name = Some("Another".to_owned());
    let changed = Enrollment::Changed { state: State::Queued };
    assert_eq!(enroll(&ledger, &campaign, &rows, Some(date(2027, 1, 14))), [changed]);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), Vec::<&str>::new());
    assert_eq!(state_of(&ledger, &campaign, "p1").state, State::Lapsed);
}

/// Tasks that nobody had done yet, and letters that had lapsed, froze the text.
#[test]
fn a_text_that_nobody_has_is_not_frozen() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let late = Recipient { deadline: Some(date(2027, 1, 14)), ..person("late", "late@a.example") };
    enroll(&ledger, &campaign, &[by_hand("form", Errand::WebForm), late], None);
    claim(&ledger, &campaign, "w", 9);
    let again =
        |text: &str| ledger.refreeze(campaign.id, definition(text), text.to_owned(), at(1)).wait().unwrap();
    assert!(again("another text"));
    let wish = Wish::Mark {
        campaign: "appeal".to_owned(),
        key: "form".to_owned(),
        step: None,
        mark: Mark::Done,
        note: None,
    };
    Ledger::wish(ledger.path(), &wish, at(2)).unwrap();
    assert!(!again("a third text"), "somebody has the second one");
}

#[test]
fn further_addressees_come_back_and_the_suppressed_among_them_are_left_out() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    let addressees = Addressees {
        to: mailbox("ada@a.example"),
        also_to: vec![mailbox("bo@a.example")],
        cc: vec![mailbox("cy@gone.example"), mailbox("di@a.example")],
        bcc: vec![mailbox("ed@a.example")],
    };
    let row = Recipient { channel: Channel::Mail(addressees.clone()), ..person("p", "ada@a.example") };
    enroll(&ledger, &campaign, std::slice::from_ref(&row), None);
    ledger.suppress("gone.example", "asked", at(0)).wait().unwrap();
    ledger.suppress("ed@a.example", "asked", at(0)).wait().unwrap();
    let claims = claim(&ledger, &campaign, "w", 9);
    let kept = Addressees { cc: vec![mailbox("di@a.example")], bcc: vec![], ..addressees };
    assert_eq!(claims.claims[0].recipient.channel, Channel::Mail(kept));
    send(&ledger, &claims.claims[0], at(1));
    let story = Ledger::read(ledger.path()).unwrap().unwrap().story(campaign.id, "p").unwrap().unwrap();
    assert_eq!(story.recipient.recipient, row, "as frozen");
    let without: Vec<String> =
        story.recipient.deliveries[0].without.iter().map(ToString::to_string).collect();
    assert_eq!(without, ["cy@gone.example", "ed@a.example"], "and who was left out");
}
