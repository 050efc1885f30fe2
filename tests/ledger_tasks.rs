//! What the ledger promises about a person's word on tasks: granted while another process sends, written down with its
//! event, and refused where it makes no sense.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::sync::{Arc, Mutex};

use ledger_support::*;
use postduif::campaign::recipient::{Channel, Errand, Recipient};
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError};

fn by_hand(key: &str) -> Recipient {
    Recipient { channel: Channel::ByHand(Errand::WebForm), ..person(key, "x@party.example") }
}

fn word(ledger: &Ledger, key: &str, mark: Mark, note: Option<&str>) -> Result<Granted, LedgerError> {
    let note = note.map(str::to_owned);
    let wish = Wish::Mark { campaign: "appeal".to_owned(), key: key.to_owned(), step: None, mark, note };
    Ledger::wish(ledger.path(), &wish, at(5))
}

fn refusal(ledger: &Ledger, key: &str, mark: Mark) -> String {
    match word(ledger, key, mark, None) {
        Err(LedgerError::Refused { why }) => why,
        other => panic!("not refused: {other:?}"),
    }
}

fn events(ledger: &Ledger) -> Vec<(String, Option<String>, Option<String>)> {
    let events = ledger.events_after(0, 100).wait().unwrap();
    events.into_iter().map(|event| (event.event, event.key, event.note)).collect()
}

#[test]
fn a_task_is_done_while_another_process_sends_and_both_histories_are_whole() {
    let home = Home::new();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&told);
    let sink: postduif::ledger::EventSink = Arc::new(move |events: &[Event]| {
        sink.lock().unwrap().extend(events.iter().map(|event| event.event.clone()));
    });
    let ledger = Ledger::open(&home.path(), "process 1, `postduif send`", Some(sink)).unwrap();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &[by_hand("form"), person("ada", "ada@a.example")]);
    let held = claim(&ledger, &campaign, "w", 1).claims.remove(0);
    word(&ledger, "form", Mark::Done, Some("receipt 12")).unwrap();
    send(&ledger, &held, at(6));

    let done = state_of(&ledger, &campaign, "form");
    let last = done.last.unwrap();
    assert_eq!((done.state, last.event.as_str(), last.at), (State::Done, "done", at(5)));
    assert_eq!((last.note.as_deref(), last.step, last.attempt), (Some("receipt 12"), Some(1), None));
    assert_eq!(*told.lock().unwrap(), ["launched", "done", "accepted"], "the sender's log has it, too");
    assert_eq!(ledger.finish_if_done(campaign.id, None, at(7)).wait().unwrap(), CampaignState::Finished);
}

#[test]
fn the_last_task_done_finishes_the_campaign_and_opened_again_it_runs() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &[by_hand("one"), by_hand("two")]);
    let state = || ledger.campaign("appeal").wait().unwrap().unwrap().state;
    word(&ledger, "one", Mark::Done, None).unwrap();
    assert_eq!(state(), CampaignState::Running);
    word(&ledger, "two", Mark::Done, None).unwrap();
    assert_eq!(state(), CampaignState::Finished);
    word(&ledger, "one", Mark::Open, Some("the form had an error")).unwrap();
    assert_eq!(state(), CampaignState::Running);
    let one = state_of(&ledger, &campaign, "one");
    assert_eq!((one.state, one.last.unwrap().event.as_str()), (State::Task, "open"));
    let named: Vec<String> = events(&ledger).into_iter().map(|(event, ..)| event).collect();
    assert_eq!(named, ["launched", "done", "done", "finished", "open", "resumed"]);
    let counts = ledger.counts(campaign.id).wait().unwrap();
    assert_eq!((counts.tasks, counts.done), (1, 1));
}

#[test]
fn a_letter_that_still_waits_keeps_the_campaign_running_when_the_last_task_is_done() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &[by_hand("form"), person("ada", "ada@a.example")]);
    word(&ledger, "form", Mark::Done, None).unwrap();
    assert_eq!(ledger.campaign("appeal").wait().unwrap().unwrap().state, CampaignState::Running);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["ada"]);
}

#[test]
fn a_word_that_makes_no_sense_is_refused_with_a_sentence_and_changes_nothing() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(
        &ledger,
        &campaign,
        &[by_hand("open"), by_hand("done"), person("queued", "q@a.example"), person("sent", "s@a.example")],
    );
    word(&ledger, "done", Mark::Done, None).unwrap();
    let mut only = request(&campaign, "w", 1);
    only.only = vec!["sent".to_owned()];
    send(&ledger, &ledger.claim(only).wait().unwrap().claims[0], at(2));
    let before = events(&ledger);
    for (key, mark, why) in [
        ("done", Mark::Done, "the task `done` is done already"),
        ("open", Mark::Open, "the task `open` is open already"),
        ("queued", Mark::Done, "`queued` is no task: its letter goes by mail (queued)"),
        ("sent", Mark::Open, "`sent` is no task: its letter goes by mail (accepted)"),
        ("nobody", Mark::Done, "the campaign has no recipient `nobody`"),
    ] {
        assert_eq!(refusal(&ledger, key, mark), why);
    }
    let second = Wish::Mark {
        campaign: "appeal".to_owned(),
        key: "open".to_owned(),
        step: Some(2),
        mark: Mark::Done,
        note: None,
    };
    let no = Ledger::wish(ledger.path(), &second, at(5)).unwrap_err();
    assert_eq!(no.to_string(), "the campaign has no step 2 for `open`");
    assert_eq!(events(&ledger), before);
    let counts = ledger.counts(campaign.id).wait().unwrap();
    assert_eq!((counts.tasks, counts.done, counts.queued, counts.accepted), (1, 1, 1, 1));
}

#[test]
fn in_a_campaign_that_was_cancelled_a_done_task_stays_done_and_an_open_one_cancelled() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &[by_hand("open"), by_hand("done")]);
    word(&ledger, "done", Mark::Done, None).unwrap();
    ledger.cancel(campaign.id, "over", at(3)).wait().unwrap();
    assert_eq!(
        refusal(&ledger, "done", Mark::Open),
        "campaign appeal is cancelled: the task `done` cannot be opened again"
    );
    assert_eq!(
        refusal(&ledger, "open", Mark::Done),
        "what was planned for `open` was cancelled, and that stays so"
    );
    assert_eq!(state_of(&ledger, &campaign, "done").state, State::Done);
}

#[test]
fn a_task_off_the_roster_holds_nothing_up_and_can_still_be_done() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &[by_hand("gone"), by_hand("here")]);
    roster(&ledger, &campaign, &[by_hand("here")]);
    let counts = ledger.counts(campaign.id).wait().unwrap();
    assert_eq!((counts.tasks, counts.tasks_off_roster, counts.off_roster), (2, 1, 0));
    let mut open = Vec::new();
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    reader
        .open_tasks(campaign.id, |recipient| {
            open.push(recipient.key);
            true
        })
        .unwrap();
    assert_eq!(open, ["here"]);
    word(&ledger, "here", Mark::Done, None).unwrap();
    assert_eq!(ledger.campaign("appeal").wait().unwrap().unwrap().state, CampaignState::Finished);
    word(&ledger, "gone", Mark::Done, Some("before the row went")).unwrap();
    assert_eq!(state_of(&ledger, &campaign, "gone").state, State::Done);
}

#[test]
fn a_task_of_who_must_not_be_written_to_is_withdrawn_and_nothing_else_is() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &[by_hand("open"), by_hand("done"), person("ada", "ada@a.example")]);
    word(&ledger, "done", Mark::Done, None).unwrap();
    let all = ["open", "done", "ada", "nobody"].map(|key| (key.to_owned(), "suppressed: asked".to_owned()));
    assert_eq!(ledger.withdraw_tasks(campaign.id, all.to_vec(), at(6)).wait().unwrap(), 1);
    let open = state_of(&ledger, &campaign, "open");
    assert_eq!(
        (open.state, open.last.unwrap().note.as_deref()),
        (State::Cancelled, Some("suppressed: asked"))
    );
    assert_eq!(state_of(&ledger, &campaign, "done").state, State::Done);
    assert_eq!(keys(&claim(&ledger, &campaign, "w", 9)), ["ada"]);
}

#[test]
fn the_log_that_a_wish_wrote_no_line_of_is_told_after_a_crash() {
    let home = Home::new();
    let ledger = home.open();
    let campaign = launch(&ledger, "appeal");
    roster(&ledger, &campaign, &[by_hand("form")]);
    drop(ledger);
    let wish = Wish::Mark {
        campaign: "appeal".to_owned(),
        key: "form".to_owned(),
        step: Some(1),
        mark: Mark::Done,
        note: Some("by post".to_owned()),
    };
    Ledger::wish(&home.path(), &wish, at(5)).unwrap();
    let ledger = home.open();
    let done = ("done".to_owned(), Some("form".to_owned()), Some("by post".to_owned()));
    assert!(events(&ledger).contains(&done));
    let nowhere = home.folder.path().join("nowhere.db");
    let no = Ledger::wish(&nowhere, &wish, at(5)).unwrap_err();
    assert!(no.to_string().contains("nothing was sent") && !nowhere.exists(), "{no}");
}
