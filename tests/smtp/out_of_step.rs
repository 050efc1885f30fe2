//! Relays that fall silent, speak out of turn, or answer nonsense.

use std::time::Duration;

use postduif::account::{Login, Secret};
use postduif::delivery::attempt::{Ending, Stage};
use postduif::delivery::judgement::{Verdict, judge};
use postduif::transport::Timeouts;
use proptest::prelude::*;

use crate::faults::brief;
use crate::relay::{LETTER, envelope, impatient, send};
use crate::stub::{Answer, Stub, say, usual};

#[tokio::test]
async fn every_phase_has_a_limit_of_its_own() {
    for (phase, ending) in [
        ("hello", "broken at greeting"),
        ("EHLO", "broken at hello"),
        ("AUTH", "broken at auth"),
        ("MAIL", "broken at mail-from"),
        ("RCPT", "broken at rcpt-to"),
        ("DATA", "broken at data"),
        (".", "silence"),
    ] {
        for pipelining in [true, false] {
            let stub = Stub::start(move |_, heard| match heard {
                _ if heard == phase => Answer::Deaf,
                "EHLO" if !pipelining => say("250-stub.example\r\n250 AUTH PLAIN"),
                _ => usual(heard),
            });
            let login = Login { username: "ada".into(), secret: Secret::Password("x".into()) };
            let mut stub = stub.await.login(login);
            // Only the phase at hand is impatient, so that the limit is seen to be its own.
            let (limits, short) = (Timeouts::default(), impatient());
            stub.way.timeouts = match phase {
                "hello" => Timeouts { greeting: short.greeting, ..limits },
                "DATA" => Timeouts { data: short.data, ..limits },
                "." => Timeouts { end_of_data: short.end_of_data, ..limits },
                _ => Timeouts { command: short.command, ..limits },
            };
            let ended = send(&mut stub.lane().await, "ada").await;
            assert_eq!(brief(&ended), ending, "{phase}: {ended}");
            assert!(ended.to_string().contains("silent for 300ms"), "{ended}");
        }
    }
}

#[tokio::test]
async fn a_relay_that_stops_reading_in_the_body_is_given_up_and_nothing_was_sent() {
    let stub = Stub::start(|_, heard| if heard == "body" { Answer::Deaf } else { usual(heard) });
    let mut stub = stub.await;
    stub.way.timeouts = Timeouts { block: Duration::from_millis(300), ..Timeouts::default() };
    let long = [LETTER, "a line of the letter\r\n".repeat(1_500_000).as_bytes()].concat();
    let ended = stub.lane().await.attempt(&envelope("ada@town.example"), &long, async { Ok(()) }).await;
    assert_eq!(brief(&ended), "broken at body", "{ended}");
}

#[tokio::test]
async fn a_line_that_breaks_while_logging_in_is_no_wrong_password() {
    let stub = Stub::start(|_, heard| match heard {
        "AUTH" => Answer::SayAndClose(Vec::new()),
        _ => usual(heard),
    });
    let login = Login { username: "ada".into(), secret: Secret::Password("x".into()) };
    let ended = send(&mut stub.await.login(login).lane().await, "ada").await;
    assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("broken at auth", Verdict::Reconnect));
}

#[tokio::test]
async fn a_reply_too_many_is_not_taken_for_the_next_letters() {
    let stub =
        Stub::start(|_, heard| if heard == "." { say("250 ok\r\n250 ok\r\n250 ok") } else { usual(heard) });
    let stub = stub.await;
    let mut lane = stub.lane().await;
    for _ in 0..3 {
        assert_eq!(brief(&send(&mut lane, "ada").await), "accepted 250");
    }
    assert_eq!(stub.heard().iter().filter(|heard| *heard == "hello").count(), 3);
}

#[tokio::test]
async fn a_yes_to_data_or_words_behind_the_354_end_the_line_before_the_letter_leaves() {
    for nonsense in ["250 ok", "354 go on\r\n250 accepted already"] {
        let stub = Stub::start(move |_, heard| if heard == "DATA" { say(nonsense) } else { usual(heard) });
        let stub = stub.await;
        let ended = send(&mut stub.lane().await, "ada").await;
        assert_eq!(
            (brief(&ended).as_str(), judge(&ended).verdict),
            ("broken at data", Verdict::TryLater),
            "{ended}"
        );
        assert!(!stub.heard().contains(&".".to_owned()));
    }
}

#[tokio::test]
async fn a_relay_that_wants_a_message_although_it_refused_the_recipient_gets_none() {
    let stub = Stub::start(|nth, heard| match heard {
        "RCPT" if nth == 0 => say("550 5.1.1 nobody"),
        _ => usual(heard),
    });
    let stub = stub.await;
    let mut lane = stub.lane().await;
    assert_eq!(brief(&send(&mut lane, "nobody").await), "550 at rcpt-to");
    assert_eq!(brief(&send(&mut lane, "ada").await), "accepted 250");
    let heard = stub.heard();
    assert_eq!(heard.iter().filter(|heard| *heard == "hello").count(), 2, "{heard:?}");
    assert_eq!(heard.iter().filter(|heard| *heard == ".").count(), 1, "{heard:?}");
}

#[tokio::test]
async fn a_relay_that_says_why_before_it_stops_reading_is_heard() {
    let stub = Stub::start(|_, heard| match heard {
        "body" => Answer::SayAndClose(b"552 5.3.4 too big for us\r\n".to_vec()),
        _ => usual(heard),
    });
    let stub = stub.await;
    let long = [LETTER, "a line of the letter\r\n".repeat(1_500_000).as_bytes()].concat();
    let ended = stub.lane().await.attempt(&envelope("ada@town.example"), &long, async { Ok(()) }).await;
    assert_eq!(
        (brief(&ended).as_str(), judge(&ended).verdict),
        ("552 at body", Verdict::BadMessage),
        "{ended}"
    );
}

#[tokio::test]
async fn a_kept_line_that_dies_is_replaced_once_and_not_for_ever() {
    let stub = Stub::start(|nth, heard| match heard {
        "MAIL" if nth > 0 => Answer::SayAndClose(b"421 busy\r\n".to_vec()),
        "." => Answer::SayAndClose(b"250 ok\r\n421 idle\r\n".to_vec()),
        _ => usual(heard),
    });
    let stub = stub.await;
    let mut lane = stub.lane().await;
    assert_eq!(brief(&send(&mut lane, "ada").await), "accepted 250");
    let ended = send(&mut lane, "grace").await;
    assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("421 at mail-from", Verdict::TryLater));
    assert_eq!(stub.heard().iter().filter(|heard| *heard == "hello").count(), 2);
}

/// Anything that a server might say, decent or not.
fn any_answer() -> impl Strategy<Value = Answer> {
    let lines = prop::sample::select(vec![
        "220 ok",
        "250 ok",
        "250",
        "251 forwarded",
        "354 go on",
        "354",
        "421 bye",
        "450 later",
        "503 what",
        "550 no",
        "250-a\r\n250 b",
        "2",
        "",
        "nonsense",
        "250 a\r\n250 b",
        "334 ",
        "999 x",
        "25",
    ]);
    (lines, any::<bool>(), any::<bool>()).prop_map(|(line, ends, closes)| {
        let bytes = if ends || !closes { format!("{line}\r\n") } else { line.to_owned() }.into_bytes();
        if closes { Answer::SayAndClose(bytes) } else { Answer::Say(bytes) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn whatever_a_relay_says_only_a_yes_to_the_whole_letter_is_a_yes(
        odd in prop::collection::vec((prop::sample::select(vec!["hello", "EHLO", "MAIL", "RCPT", "DATA", ".", "RSET"]), any_answer()), 0..3),
        pipelining in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let told = odd.clone();
            let stub = Stub::start(move |_, heard| match told.iter().find(|(at, _)| *at == heard) {
                Some((_, answer)) => answer.clone(),
                None if heard == "EHLO" && !pipelining => say("250 stub.example"),
                None => usual(heard),
            });
            let mut stub = stub.await;
            stub.way.timeouts = Timeouts { connect: Duration::from_secs(30), ..impatient() };
            let mut lane = stub.lane().await;
            for _ in 0..2 {
                let before = stub.heard().iter().filter(|heard| *heard == ".").count();
                let ended = send(&mut lane, "ada").await;
                let whole = stub.heard().iter().filter(|heard| *heard == ".").count() - before;
                prop_assert!(whole <= 1, "one attempt hands over one letter at most: {:?}", odd);
                match &ended {
                    Ending::Accepted { reply, .. } => prop_assert!(whole == 1 && reply.is_positive(), "{odd:?} {ended}"),
                    Ending::Rejected { stage: Stage::EndOfData, .. } => prop_assert_eq!(whole, 1),
                    Ending::Silence { .. } => {}
                    _ => prop_assert!(whole == 0, "{odd:?} {ended}"),
                }
            }
            Ok(())
        })?;
    }
}
