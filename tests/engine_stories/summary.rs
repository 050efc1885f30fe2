//! The daily summary, by a clock that the test holds, over the real relay.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use postduif::engine::shutdown::{Haste, Shutdown};
use postduif::engine::summary::Summaries;
use postduif::ledger::record::{Mark, Verdict, Wish};

use super::stage::Town;

const DAY: Duration = Duration::from_secs(86_400);

/// The summaries that the relay took: they go to the sender alone.
fn taken(town: &Town) -> Vec<String> {
    let all = town.relay.accepted().into_iter();
    let own = all.filter(|letter| letter.forward_path == "desk@ngo.example");
    own.map(|letter| String::from_utf8(letter.message).unwrap()).collect()
}

/// Lets the sockets and the disk work until so many summaries are there.
async fn until_taken(town: &Town, number: usize) {
    while taken(town).len() < number {
        let _ = tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
    }
}

#[tokio::test]
async fn the_sender_is_told_once_a_day_what_happened_and_nobody_else_is() {
    let town = Town::new().await;
    let run = town.run("appeal", &["ada@x.example", "bo@y.example"]).await;
    let (ledger, transport, campaign) = (run.ledger.clone(), run.transport.clone(), run.campaign.clone());
    let sender = run.press.definition().sender.clone();
    town.deliver(run).await;
    let summaries = |shutdown: &Shutdown| Summaries {
        ledger: ledger.clone(),
        transport: transport.clone(),
        clock: town.clock.clone(),
        campaign: campaign.clone(),
        sender: sender.clone(),
        at: Time::constant(8, 0, 0, 0),
        zone: TimeZone::get("Europe/Amsterdam").unwrap(),
        shutdown: shutdown.clone(),
    };
    let answered = Wish::Mark {
        campaign: "appeal".to_owned(),
        key: "ada@x.example".to_owned(),
        step: None,
        mark: Mark::Came(Verdict::Reply),
        note: None,
    };
    town.wish(&answered);
    let shutdown = Shutdown::default();
    let keeping = tokio::spawn(summaries(&shutdown).keep());
    tokio::task::yield_now().await;
    assert!(taken(&town).is_empty(), "it waits for its time");
    town.clock.advance(DAY);
    until_taken(&town, 1).await;
    let first = taken(&town).remove(0);
    assert!(first.contains("Subject: appeal: 1 answered, 2 sent"), "{first}");
    assert!(
        first.contains("To: \"Desk\" <desk@ngo.example>") || first.contains("To: Desk <desk@ngo.example>"),
        "{first}"
    );
    assert!(first.contains("Auto-Submitted: auto-generated"), "{first}");
    shutdown.ask(Haste::Soon);
    keeping.await.unwrap().unwrap();
    // Another process goes on where the last one stopped: nothing is told twice, and a day without news has no mail.
    let shutdown = Shutdown::default();
    let keeping = tokio::spawn(summaries(&shutdown).keep());
    for _ in 0..3 {
        town.clock.advance(DAY);
        tokio::task::yield_now().await;
    }
    town.wish(&Wish::Pause { campaign: "appeal".to_owned(), why: "a question".to_owned(), until: None });
    town.clock.advance(DAY);
    until_taken(&town, 2).await;
    let second = taken(&town).remove(1);
    assert!(second.contains("1 need you") && second.contains("paused: a question"), "{second}");
    assert!(!second.contains("Answered"), "{second}");
    shutdown.ask(Haste::Soon);
    keeping.await.unwrap().unwrap();
}
