//! N means N, in every window, for everybody who uses the account; judged by when the relay was asked.

use std::time::Duration;

use jiff::Timestamp;
use postduif::delivery::pace::{Limit, Pace};
use postduif::delivery::patience::{Obstacle, Patience};
use postduif::delivery::state::State;
use postduif::engine::deliver::Ended;
use postduif::engine::shutdown::Haste;
use postduif::ledger::LedgerError;

use super::stage::{HOUR, MINUTE, Town, pace, people, refs};

/// No span of this length holds more than so many.
#[track_caller]
fn holds(minutes: &[Timestamp], letters: usize, window: Duration) {
    for (first, one_too_many) in minutes.iter().zip(minutes.iter().skip(letters)) {
        let apart = Duration::try_from(one_too_many.duration_since(*first)).unwrap();
        assert!(apart >= window, "{} letters from {first} within {apart:?}", letters + 1);
    }
}

#[tokio::test]
async fn a_window_of_n_lets_n_plus_one_through() {
    // Field bug 6. A limit per day is no rhythm: everything it leaves room for goes at once, and not one more.
    for connections in [1, 4] {
        let mut town = Town::new().await;
        town.way.connections = connections;
        let everybody = people(17);
        let mut run = town.run("appeal", &refs(&everybody)).await;
        run.pace = pace(&[(5, Pace::DAY)]);
        assert_eq!(town.deliver(run).await, Ended::Done);
        let minutes = town.minutes();
        assert_eq!(minutes.len(), 17);
        holds(&minutes, 5, Pace::DAY);
        let days: Vec<_> = minutes.iter().map(|&at| town.since(at) / 86_400).collect();
        assert_eq!(days, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]);
    }
}

#[tokio::test]
async fn minute_hour_and_day_hold_together() {
    let town = Town::new().await;
    let everybody = people(30);
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.pace = pace(&[(4, MINUTE), (10, HOUR), (25, Pace::DAY)]);
    assert_eq!(town.deliver(run).await, Ended::Done);
    let minutes = town.minutes();
    holds(&minutes, 4, MINUTE);
    holds(&minutes, 10, HOUR);
    holds(&minutes, 25, Pace::DAY);
    assert!(everybody.iter().all(|address| town.copies(address) == 1));
}

#[tokio::test]
async fn a_restart_resets_no_limit() {
    let town = Town::new().await;
    let everybody = people(12);
    // Whoever starts the program again and again sends no faster.
    for _ in 0..8 {
        let mut run = town.run("appeal", &refs(&everybody)).await;
        run.pace = pace(&[(4, HOUR), (9, Pace::DAY)]);
        run.limit = Some(1);
        town.deliver(run).await;
    }
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.pace = pace(&[(4, HOUR), (9, Pace::DAY)]);
    assert_eq!(town.deliver(run).await, Ended::Done);
    let minutes = town.minutes();
    assert_eq!(minutes.len(), 12);
    holds(&minutes, 4, HOUR);
    holds(&minutes, 9, Pace::DAY);
}

#[tokio::test]
async fn a_limit_kept_per_process() {
    // Field bug 7: five workers send five times too fast. Here: five connections, and two campaigns of one account.
    let mut town = Town::new().await;
    town.way.connections = 5;
    let everybody = people(9);
    for campaign in ["spring", "autumn"] {
        let mut run = town.run(campaign, &refs(&everybody)).await;
        run.pace = pace(&[(6, Pace::DAY)]);
        assert_eq!(town.deliver(run).await, Ended::Done);
    }
    let minutes = town.minutes();
    assert_eq!(minutes.len(), 18);
    holds(&minutes, 6, Pace::DAY);
}

#[tokio::test]
async fn a_domain_has_a_limit_of_its_own_and_others_do_not_wait_for_it() {
    let mut town = Town::new().await;
    town.way.connections = 3;
    let one: Vec<String> = (0..7).map(|n| format!("p{n}@one.example")).collect();
    let mut everybody = one.clone();
    everybody.extend(people(10));
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.pace = Pace { per_domain: Some(Limit { letters: 2, window: MINUTE }), ..Pace::default() };
    assert_eq!(town.deliver(run).await, Ended::Done);
    let mut asked: Vec<_> = one.iter().flat_map(|address| town.asked_for(address)).collect();
    asked.sort();
    assert_eq!(asked.len(), 7);
    holds(&asked, 2, MINUTE);
    assert!(people(10).iter().all(|address| town.since(town.asked_for(address)[0]) == 0));
}

#[tokio::test]
async fn a_letter_in_doubt_counts_as_sent() {
    let town = Town::new().await;
    let roster = ["vanish-after-dot@een.example", "ada@twee.example", "ben@drie.example"];
    let mut run = town.run("appeal", &roster).await;
    run.pace = pace(&[(2, Pace::DAY)]);
    run.patience = Patience::Sitting;
    let Ended::Later(waits) = town.deliver(run).await else { unreachable!("the day is full") };
    assert_eq!(waits.obstacle, Obstacle::Pace);
    assert_eq!(town.state("appeal", "vanish-after-dot@een.example"), State::InDoubt);
    assert_eq!((town.copies("ada@twee.example"), town.minutes().len()), (1, 2));
}

#[tokio::test]
async fn a_run_that_lasts_longer_than_the_locks_time_out() {
    // Field bug 5: a second runner joins in. The lock has no time-out: it ends with its process.
    let town = Town::new().await;
    let roster = ["later@een.example", "ada@twee.example"];
    let sending = town.start(town.run("appeal", &roster).await);
    for days in 1..4 {
        sending.drive_until(|| town.since(town.clock.now()) > days * 86_400).await;
        let held = town.open().unwrap_err();
        assert!(matches!(&held, LedgerError::Held { holder, .. } if holder.contains("process 1")), "{held}");
    }
    sending.shutdown.ask(Haste::Soon);
    sending.end().await;
    assert_eq!(town.copies("ada@twee.example"), 1);
    assert!(town.open().is_ok());
}

#[tokio::test]
async fn jitter_only_ever_slows_down() {
    let town = Town::new().await;
    let everybody = people(9);
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.pace = Pace { jitter: Duration::from_secs(20), ..pace(&[(4, MINUTE)]) };
    assert_eq!(town.deliver(run).await, Ended::Done);
    holds(&town.minutes(), 4, MINUTE);
    assert!(everybody.iter().all(|address| town.copies(address) == 1));
}
