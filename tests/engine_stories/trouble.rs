//! Relays that fall silent, refuse, or ask for less, in the middle of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postduif::account::{Login, Secret};
use postduif::delivery::attempt::Stage;
use postduif::delivery::patience::Patience;
use postduif::delivery::state::State;
use postduif::engine::deliver::Ended;
use postduif::ledger::record::{CampaignState, Wish};
use postduif::transport::rehearsal::{Behaviour, RelayLogin, RelaySettings};

use super::stage::{HOUR, MINUTE, Town, pace, people, refs};

fn all_accepted(town: &Town, everybody: &[String]) {
    for address in everybody {
        assert_eq!((town.copies(address), town.state("appeal", address)), (1, State::Accepted), "{address}");
    }
}

#[tokio::test]
async fn the_server_drops_the_connection_after_some_thousand_mails() {
    // Field bug 8: the rest is counted as failed. Here after three, with a 421 and without a word.
    for (name, polite) in [("says 421", true), ("says nothing", false)] {
        let heard = Arc::new(AtomicU32::new(0));
        let mut settings = RelaySettings::default();
        if polite {
            settings.letters_per_connection = Some(3);
        }
        let town = Town::with(
            settings,
            Box::new(move |_, _, spelled| {
                let nth = heard.fetch_add(1, Ordering::SeqCst);
                if !polite && nth % 4 == 3 { Behaviour::Vanish { at: Stage::RcptTo } } else { spelled }
            }),
        )
        .await;
        let everybody = people(14);
        let run = town.run("appeal", &refs(&everybody)).await;
        assert_eq!(town.deliver(run).await, Ended::Done, "{name}");
        all_accepted(&town, &everybody);
    }
}

#[tokio::test]
async fn a_421_and_then_the_end_of_the_line() {
    // Field bug 9: taken for a permanent failure.
    let town = Town::new().await;
    let everybody: Vec<String> =
        ["shutdown+once@een.example", "shutdown-body+once@twee.example", "ada@drie.example"]
            .map(str::to_owned)
            .into();
    let run = town.run("appeal", &refs(&everybody)).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    all_accepted(&town, &everybody);
}

#[tokio::test]
async fn a_login_per_message() {
    // Field bug 10: "too many login attempts".
    let login = RelayLogin { at_most: Some(2), ..RelayLogin::of(&["PLAIN"], "desk", "secret") };
    let settings = RelaySettings { login: Some(login), ..RelaySettings::default() };
    let mut town = Town::with(settings, Box::new(|_, _, spelled| spelled)).await;
    town.way.server.login =
        Some(Login { username: "desk".into(), secret: Secret::Password("secret".into()) });
    let mut everybody = people(40);
    everybody.push("nobody@een.example".to_owned());
    let run = town.run("appeal", &refs(&everybody)).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    assert_eq!((town.relay.taken(), town.relay.logins()), (40, 1));
}

#[tokio::test]
async fn an_empty_or_expired_token_in_the_middle_of_a_run() {
    // Field bug 26.
    for stale in ["expired", ""] {
        let login = RelayLogin::of(&["XOAUTH2"], "desk", "fresh");
        let settings = RelaySettings { login: Some(login), ..RelaySettings::default() };
        let mut town = Town::with(settings, Box::new(|_, _, spelled| spelled)).await;
        let token = town.file("token");
        std::fs::write(&token, "fresh\n").unwrap();
        town.way.letters_per_connection = 3;
        town.way.server.login = Some(Login {
            username: "desk".into(),
            secret: Secret::TokenCommand(format!("cat '{}'", token.display())),
        });
        let everybody = people(9);
        let mut run = town.run("appeal", &refs(&everybody)).await;
        run.pace = pace(&[(60, MINUTE)]);
        let sending = town.start(run);
        sending.drive_until(|| town.relay.taken() == 2).await;
        std::fs::write(&token, format!("{stale}\n")).unwrap();
        let ended = sending.end().await;
        assert!(matches!(&ended, Ended::Paused { .. }), "{stale}: {ended:?}");
        assert_eq!(town.relay.taken(), 3, "{stale}: one connection's worth");
        // One try with the bad token, none with no token at all, and no letter suffered.
        assert_eq!(town.relay.logins(), if stale.is_empty() { 1 } else { 2 });
        assert!(matches!(town.standing("appeal"), CampaignState::Paused { until: None, .. }));
        let states = town.states("appeal");
        assert_eq!(states.values().filter(|&&state| state == State::Queued).count(), 6, "{states:?}");
        // With a fresh token, and a person's word, it goes on.
        std::fs::write(&token, "fresh\n").unwrap();
        town.wish(&Wish::Resume { campaign: "appeal".into() });
        let run = town.run("appeal", &refs(&everybody)).await;
        assert_eq!(town.deliver(run).await, Ended::Done);
        all_accepted(&town, &everybody);
    }
}

#[tokio::test]
async fn a_password_that_is_refused_from_some_moment_on_is_not_tried_again() {
    let mut login = RelayLogin::of(&["PLAIN"], "desk", "secret");
    login.at_most = Some(1);
    let settings = RelaySettings { login: Some(login), ..RelaySettings::default() };
    let mut town = Town::with(settings, Box::new(|_, _, spelled| spelled)).await;
    town.way.server.login =
        Some(Login { username: "desk".into(), secret: Secret::Password("secret".into()) });
    town.way.letters_per_connection = 2;
    let everybody = people(8);
    let run = town.run("appeal", &refs(&everybody)).await;
    let ended = town.deliver(run).await;
    assert!(matches!(&ended, Ended::Paused { why } if why.contains("log")), "{ended:?}");
    // "Too many login attempts" passes by itself, so it is a pause with an end.
    assert!(matches!(town.standing("appeal"), CampaignState::Paused { until: Some(_), .. }));
    assert_eq!((town.relay.taken(), town.relay.logins()), (2, 2));
}

#[tokio::test]
async fn two_refused_messages_stop_the_campaign_and_the_others_stay_queued() {
    let town = Town::new().await;
    let mut everybody = vec!["refuse-body@een.example".to_owned(), "refuse-body@twee.example".to_owned()];
    everybody.extend(people(20));
    let run = town.run("appeal", &refs(&everybody)).await;
    let ended = town.deliver(run).await;
    assert!(matches!(&ended, Ended::Paused { why } if why.contains("refuses the letter")), "{ended:?}");
    assert_eq!(town.relay.taken(), 0);
    let states = town.states("appeal");
    assert_eq!(states.values().filter(|&&state| state == State::Refused).count(), 2);
    assert_eq!(states.values().filter(|&&state| state == State::Queued).count(), 20);
}

#[tokio::test]
async fn addresses_that_do_not_exist_stop_nobody() {
    let town = Town::new().await;
    let mut everybody: Vec<String> = (0..30).map(|n| format!("nobody@town{n}.example")).collect();
    everybody.extend(people(10));
    let run = town.run("appeal", &refs(&everybody)).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    assert_eq!(town.relay.taken(), 10);
    assert_eq!(town.states("appeal").values().filter(|&&state| state == State::Refused).count(), 30);
}

#[tokio::test]
async fn a_quota_pauses_until_a_time_and_then_the_campaign_runs_by_itself() {
    let town = Town::new().await;
    let everybody: Vec<String> =
        ["ada@een.example", "quota+once@twee.example", "ben@drie.example"].map(str::to_owned).into();
    let run = town.run("appeal", &refs(&everybody)).await;
    let ended = town.deliver(run).await;
    assert!(matches!(ended, Ended::Paused { .. }), "{ended:?}");
    let CampaignState::Paused { until: Some(until), .. } = town.standing("appeal") else {
        unreachable!("a quota has an end")
    };
    assert_eq!(town.since(until), 24 * 3600);
    assert_eq!(town.relay.taken(), 1);
    town.clock.advance(HOUR * 23);
    let run = town.run("appeal", &refs(&everybody)).await;
    assert!(matches!(town.deliver(run).await, Ended::Called { off: false, .. }));
    assert_eq!(town.relay.taken(), 1);
    town.clock.advance(HOUR);
    let run = town.run("appeal", &refs(&everybody)).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    all_accepted(&town, &everybody);
}

#[tokio::test]
async fn who_is_asked_to_slow_down_goes_at_half_the_rate() {
    let town = Town::new().await;
    let mut everybody = people(4);
    everybody.push("busy+once@een.example".to_owned());
    everybody.extend((5..9).map(|n| format!("q{n}@party{n}.example")));
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.pace = pace(&[(6, MINUTE)]);
    assert_eq!(town.deliver(run).await, Ended::Done);
    all_accepted(&town, &everybody);
    let asked = town.asked_for("busy+once@een.example");
    assert!(asked[1].duration_since(asked[0]).as_secs() >= 30, "{asked:?}");
    let after: Vec<_> = town.minutes().into_iter().filter(|at| *at > asked[0]).collect();
    assert!(after.windows(2).all(|two| two[1].duration_since(two[0]).as_secs() >= 20), "{after:?}");
}

#[tokio::test]
async fn a_relay_that_is_gone_for_a_while_costs_nobody_a_letter() {
    let heard = Arc::new(AtomicU32::new(0));
    let mood = move |_: &str, _: u32, spelled| match heard.fetch_add(1, Ordering::SeqCst) {
        4 => Behaviour::Vanish { at: Stage::RcptTo },
        5 => Behaviour::Vanish { at: Stage::Data },
        _ => spelled,
    };
    let town = Town::with(RelaySettings::default(), Box::new(mood)).await;
    let everybody = people(10);
    let run = town.run("appeal", &refs(&everybody)).await;
    assert_eq!(town.deliver(run).await, Ended::Done);
    all_accepted(&town, &everybody);
}

#[tokio::test]
async fn a_relay_that_stays_away_ends_the_run_and_every_letter_is_queued() {
    let mood = |_: &str, _: u32, _| Behaviour::Vanish { at: Stage::RcptTo };
    let town = Town::with(RelaySettings::default(), Box::new(mood)).await;
    let everybody = people(30);
    let run = town.run("appeal", &refs(&everybody)).await;
    let ended = town.deliver(run).await;
    assert!(matches!(ended, Ended::Unreachable { .. }), "{ended:?}");
    assert!(town.minutes().len() <= 6, "it was left alone after {} tries", town.minutes().len());
    assert!(town.states("appeal").values().all(|&state| state == State::Queued));
    assert_eq!(town.standing("appeal"), CampaignState::Running);
}

#[tokio::test]
async fn a_relay_that_only_makes_doubts_is_left_alone() {
    let town = Town::new().await;
    let everybody: Vec<String> = (0..12).map(|n| format!("vanish-after-dot@town{n}.example")).collect();
    let mut run = town.run("appeal", &refs(&everybody)).await;
    run.patience = Patience::Sitting;
    let ended = town.deliver(run).await;
    assert!(matches!(&ended, Ended::Paused { why } if why.contains("in doubt")), "{ended:?}");
    let states = town.states("appeal");
    assert_eq!(states.values().filter(|&&state| state == State::InDoubt).count(), 3, "{states:?}");
    assert!(everybody.iter().all(|address| town.copies(address) <= 1));
}

#[tokio::test]
async fn a_letter_in_doubt_never_goes_again_by_itself() {
    let town = Town::new().await;
    let roster = ["vanish-after-dot@een.example", "vanish-after-dot-lost@twee.example", "ada@drie.example"];
    for _ in 0..3 {
        let run = town.run("appeal", &roster).await;
        town.deliver(run).await;
        town.clock.advance(Duration::from_secs(10 * 86_400));
    }
    for address in &roster[..2] {
        assert_eq!(town.asked_for(address).len(), 1, "{address}");
        assert_eq!(town.state("appeal", address), State::InDoubt);
    }
}
