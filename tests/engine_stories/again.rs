//! Letters that were put off, hours in which nothing goes, and wishes that come in while a run waits.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use postduif::campaign::calendar::Window;
use postduif::delivery::patience::{Obstacle, Patience};
use postduif::delivery::retry::RetryPolicy;
use postduif::delivery::state::State;
use postduif::engine::deliver::Ended;
use postduif::engine::shutdown::Haste;
use postduif::ledger::record::{CampaignState, Wish};

use super::stage::{MINUTE, Town, pace, people, refs};

fn office() -> Window {
    Window {
        zone: TimeZone::get("Europe/Amsterdam").unwrap(),
        days: vec![Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday],
        from: Time::constant(9, 0, 0, 0),
        until: Time::constant(17, 0, 0, 0),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_greylisted_letter_goes_again_after_five_minutes_and_is_accepted() {
    let town = Town::new().await;
    let run = town.run("appeal", &["ada@een.example", "later+once@twee.example", "ben@drie.example"]).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    let asked = town.asked_for("later+once@twee.example");
    assert_eq!(asked.iter().map(|&at| town.since(at)).collect::<Vec<_>>(), [0, 300]);
    assert_eq!(
        town.since(town.asked_for("ben@drie.example")[0]),
        0,
        "nobody waits for a greylisted neighbour"
    );
    assert!(town.states("appeal").values().all(|&state| state == State::Accepted));
}

#[tokio::test]
async fn who_is_always_put_off_is_tried_for_days_and_then_expires() {
    let town = Town::new().await;
    let run = town.run("appeal", &["later@een.example", "full@twee.example"]).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    let asked: Vec<_> = town.asked_for("later@een.example").iter().map(|&at| town.since(at) / 60).collect();
    assert_eq!(asked[..5], [0, 5, 20, 80, 260]);
    let last = *asked.last().unwrap();
    assert!((4 * 24 * 60..5 * 24 * 60).contains(&last), "the last try after {last} minutes");
    assert_eq!(town.state("appeal", "later@een.example"), State::Expired);
    assert_eq!(town.state("appeal", "full@twee.example"), State::Expired);
    // A new run does not begin again with them.
    let run = town.run("appeal", &["later@een.example", "full@twee.example"]).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    assert_eq!(town.asked_for("later@een.example").len(), asked.len());
}

#[tokio::test]
async fn the_last_try_of_a_policy_is_the_last() {
    let town = Town::new().await;
    let mut run = town.run("appeal", &["later@een.example"]).await;
    run.retry = RetryPolicy::of([1, 2].map(|minutes| MINUTE * minutes).into());
    assert_eq!(town.deliver(run).await, Ended::Done);
    let asked: Vec<_> = town.asked_for("later@een.example").iter().map(|&at| town.since(at)).collect();
    assert_eq!(asked, [0, 60, 180]);
    assert_eq!(town.state("appeal", "later@een.example"), State::Expired);
}

#[tokio::test]
async fn a_sitting_leaves_a_greylisted_letter_to_the_next_run() {
    let town = Town::new().await;
    let roster = ["later+once@een.example", "ada@twee.example"];
    let mut run = town.run("appeal", &roster).await;
    run.patience = Patience::Sitting;
    let Ended::Later(waits) = town.deliver(run).await else { unreachable!("it was to leave") };
    assert_eq!((waits.obstacle, town.since(waits.until)), (Obstacle::Retry, 300));
    assert_eq!(town.copies("ada@twee.example"), 1);
    // Too early: it leaves again and asks the relay nothing.
    town.clock.advance(Duration::from_secs(200));
    let mut run = town.run("appeal", &roster).await;
    run.patience = Patience::Sitting;
    // 100 seconds are more than the minute that a sitting stays for.
    assert!(matches!(town.deliver(run).await, Ended::Later(_)));
    assert_eq!(town.asked_for("later+once@een.example").len(), 1);
    town.clock.advance(Duration::from_secs(100));
    let mut run = town.run("appeal", &roster).await;
    run.patience = Patience::Sitting;
    assert_eq!(town.deliver(run).await, Ended::Done);
    assert_eq!((town.copies("later+once@een.example"), town.copies("ada@twee.example")), (1, 1));
}

#[tokio::test]
async fn nothing_goes_outside_office_hours_and_it_goes_on_when_they_open() {
    let town = Town::new().await;
    // Friday, 16:57 in Amsterdam: the second try would be due at 17:02.
    town.clock.advance(Duration::from_secs(4 * 3600 + 57 * 60));
    let mut run = town.run("appeal", &["later+once@een.example", "ada@twee.example"]).await;
    run.window = Some(office());
    assert_eq!(town.deliver(run).await, Ended::Done);
    assert_eq!(
        town.asked_for("later+once@een.example"),
        [at("2025-09-05T14:57:00Z"), at("2025-09-08T07:00:00Z")]
    );
    assert_eq!(town.asked_for("ada@twee.example"), [at("2025-09-05T14:57:00Z")]);
}

#[tokio::test]
async fn a_letter_that_waited_for_its_turn_until_the_office_closed_waits_for_the_next_morning() {
    let town = Town::new().await;
    let begin = at("2025-09-05T14:50:00Z");
    town.clock.advance(Duration::try_from(begin.duration_since(town.clock.now())).unwrap());
    let mut run = town.run("appeal", &["ada@een.example", "ben@twee.example"]).await;
    run.window = Some(office());
    // Half an hour between two letters; ten minutes are left of the day.
    run.pace = pace(&[(2, 60 * MINUTE)]);
    let sending = town.start(run);
    sending.until_taken(1).await;
    assert_eq!(sending.end().await, Ended::Done);
    assert_eq!(town.asked_for("ada@een.example"), [begin]);
    let asked = town.asked_for("ben@twee.example");
    assert!(asked.len() == 1 && asked[0] >= at("2025-09-08T07:00:00Z"), "{asked:?}");
}

#[tokio::test]
async fn a_run_begun_after_hours_waits_for_monday_or_leaves() {
    let town = Town::new().await;
    town.clock.advance(Duration::from_secs(6 * 3600));
    let everybody = people(20);
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.window = Some(office());
    run.patience = Patience::Sitting;
    let Ended::Later(waits) = town.deliver(run).await else { unreachable!("it was to leave") };
    assert_eq!((waits.obstacle, waits.until), (Obstacle::Window, at("2025-09-08T07:00:00Z")));
    assert_eq!(town.minutes(), []);
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.window = Some(office());
    assert_eq!(town.deliver(run).await, Ended::Done);
    assert_eq!(town.minutes(), vec![at("2025-09-08T07:00:00Z"); 20]);
}

#[tokio::test]
async fn a_run_for_so_many_letters_sends_so_many() {
    let town = Town::new().await;
    let everybody = people(7);
    for (limit, sent) in [(2, 2), (0, 2), (3, 5), (9, 7)] {
        let mut run = town.run("appeal", &refs(&everybody)).await;
        run.limit = Some(limit);
        let ended = town.deliver(run).await;
        assert_eq!(town.relay.taken(), sent);
        assert_eq!(ended == Ended::Done, sent == 7, "{ended:?}");
    }
}

#[tokio::test]
async fn who_is_suppressed_while_the_run_waits_gets_nothing_more() {
    let town = Town::new().await;
    let run = town.run("appeal", &["later@een.example", "later@twee.example", "ada@drie.example"]).await;
    let sending = town.start(run);
    sending.until_it_waits().await;
    for what in ["een.example", "Later@TWEE.example"] {
        town.wish(&Wish::Suppress { what: what.into(), reason: "they asked".into() });
    }
    assert_eq!(sending.end().await, Ended::Done);
    for address in ["later@een.example", "later@twee.example"] {
        assert_eq!((town.asked_for(address).len(), town.state("appeal", address)), (1, State::Cancelled));
    }
    assert_eq!(town.copies("ada@drie.example"), 1);
}

#[tokio::test]
async fn a_pause_holds_a_run_and_a_resumed_campaign_goes_on() {
    let town = Town::new().await;
    let everybody = people(6);
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.pace = pace(&[(60, MINUTE)]);
    let sending = town.start(run);
    sending.drive_until(|| town.relay.taken() == 3).await;
    town.wish(&Wish::Pause { campaign: "appeal".into(), why: "a mistake in it".into(), until: None });
    let before = town.relay.taken();
    assert_eq!(sending.end().await, Ended::Called { off: false, why: "a mistake in it".into() });
    // What had its final dot before may still arrive; nothing that came after the wish.
    assert!(town.relay.taken() <= before + 1);
    let run = town.run("appeal", &refs(&everybody)).await;
    assert!(matches!(town.deliver(run).await, Ended::Called { off: false, .. }));
    assert!(town.relay.taken() <= before + 1);
    town.wish(&Wish::Resume { campaign: "appeal".into() });
    let run = town.run("appeal", &refs(&everybody)).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    assert!(everybody.iter().all(|address| town.copies(address) == 1));
}

#[tokio::test]
async fn a_cancelled_campaign_sends_nothing_more_ever() {
    let town = Town::new().await;
    let roster = ["ada@een.example", "later+once@twee.example"];
    let sending = town.start(town.run("appeal", &roster).await);
    sending.until_it_waits().await;
    town.wish(&Wish::Cancel { campaign: "appeal".into(), why: "over".into() });
    assert!(matches!(sending.end().await, Ended::Called { off: true, .. }));
    assert_eq!(town.relay.taken(), 1);
    assert_eq!(town.state("appeal", "later+once@twee.example"), State::Cancelled);
    assert_eq!(town.standing("appeal"), CampaignState::Cancelled);
}

#[tokio::test]
async fn a_run_that_is_asked_to_end_ends_while_it_waits() {
    let town = Town::new().await;
    let sending = town.start(town.run("appeal", &["later@een.example"]).await);
    sending.until_it_waits().await;
    sending.shutdown.ask(Haste::Soon);
    assert_eq!(sending.end().await, Ended::Stopped);
    assert_eq!(town.state("appeal", "later@een.example"), State::Queued);
}
