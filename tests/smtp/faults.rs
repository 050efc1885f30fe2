//! Everything that can go wrong on the line, with and without PIPELINING, plain and protected: what matters is
//! that nothing is ever taken for sent that was not, nor the other way round, and that only silence after the
//! final dot is doubt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::relay::{LETTER, Post, Protection, envelope, envelope_from, impatient, send, spelled};
use postduif::delivery::attempt::{Ending, Stage};
use postduif::delivery::judgement::{Verdict, judge};
use postduif::transport::rehearsal::RelaySettings;

/// What an ending looks like in the tables below.
pub(crate) fn brief(ending: &Ending) -> String {
    match ending {
        Ending::Accepted { reply, .. } => format!("accepted {}", reply.code),
        Ending::Rejected { stage, reply } => format!("{} at {stage}", reply.code),
        Ending::Broken { stage, .. } => format!("broken at {stage}"),
        Ending::Unfit { .. } => "unfit".into(),
        Ending::Silence { .. } => "silence".into(),
    }
}

/// Local part, ending, verdict, letters that the relay has afterwards.
const FAULTS: &[(&str, &str, Verdict, u64)] = &[
    ("ada", "accepted 250", Verdict::Accepted, 1),
    ("slow", "accepted 250", Verdict::Accepted, 1),
    ("empty250", "accepted 250", Verdict::Accepted, 1),
    ("latin1", "accepted 250", Verdict::Accepted, 1),
    ("overlong", "accepted 250", Verdict::Accepted, 1),
    ("multi", "accepted 250", Verdict::Accepted, 1),
    ("cut250", "accepted 250", Verdict::Accepted, 1),
    ("close-after", "accepted 250", Verdict::Accepted, 1),
    ("nobody", "550 at rcpt-to", Verdict::BadRecipient, 0),
    ("later", "451 at rcpt-to", Verdict::TryLater, 0),
    ("full", "452 at rcpt-to", Verdict::TryLater, 0),
    ("quota", "550 at rcpt-to", Verdict::PauseAccount, 0),
    ("busy", "450 at rcpt-to", Verdict::SlowDown, 0),
    ("shutdown", "421 at rcpt-to", Verdict::TryLater, 0),
    ("refuse-data", "554 at data", Verdict::BadMessage, 0),
    ("refuse-body", "554 at end-of-data", Verdict::BadMessage, 0),
    ("defer-body", "451 at end-of-data", Verdict::TryLater, 0),
    ("shutdown-body", "421 at end-of-data", Verdict::TryLater, 0),
    ("vanish-at-rcpt", "broken at rcpt-to", Verdict::TryLater, 0),
    ("vanish-at-data", "broken at data", Verdict::TryLater, 0),
    ("vanish-after-dot", "silence", Verdict::InDoubt, 1),
    ("vanish-after-dot-lost", "silence", Verdict::InDoubt, 0),
    ("cut2", "silence", Verdict::InDoubt, 1),
    ("garbage", "silence", Verdict::InDoubt, 1),
    ("go-on", "silence", Verdict::InDoubt, 0),
];

const PROTECTIONS: [Protection; 3] = [Protection::Plain, Protection::StartTls, Protection::Implicit];

#[tokio::test]
async fn every_fault_has_its_ending_with_and_without_pipelining_plain_and_protected() {
    for protection in PROTECTIONS {
        for pipelining in [true, false] {
            for (local, ending, verdict, has) in FAULTS {
                let told = format!("{local} {protection:?} pipelining {pipelining}");
                let post = Post::start(protection, RelaySettings { pipelining, ..spelled() }).await;
                let mut lane = post.lane().await;
                let ended = send(&mut lane, local).await;
                assert_eq!(brief(&ended), *ending, "{told}: {ended}");
                assert_eq!(judge(&ended).verdict, *verdict, "{told}: {ended}");
                assert_eq!(post.relay.taken(), *has, "{told}");
                // Whatever it was, the lane is good for the next letter, and that one arrives whole and alone.
                let next = send(&mut lane, "grace").await;
                assert_eq!(brief(&next), "accepted 250", "after {told}: {next}");
                let accepted = post.relay.accepted();
                assert_eq!(accepted.len() as u64, has + 1, "after {told}");
                let last = accepted.last().unwrap();
                assert_eq!((last.forward_path.as_str(), &last.message[..]), ("grace@town.example", LETTER));
                lane.close().await;
            }
        }
    }
}

#[tokio::test]
async fn every_fault_in_turn_over_one_lane_leaves_no_letter_in_the_wrong_envelope() {
    for pipelining in [true, false] {
        for nested_mail in [true, false] {
            let post =
                Post::start(Protection::Plain, RelaySettings { pipelining, nested_mail, ..spelled() }).await;
            let mut lane = post.lane().await;
            let mut has = 0;
            for (local, ending, _, taken) in FAULTS {
                let mail = format!("Subject: to {local}\r\n\r\nDear {local}\r\n");
                let to = envelope(&format!("{local}@town.example"));
                let ended = lane.attempt(&to, mail.as_bytes(), async { Ok(()) }).await;
                assert_eq!(brief(&ended), *ending, "{local} pipelining {pipelining} nested {nested_mail}");
                has += taken;
            }
            let accepted = post.relay.accepted();
            assert_eq!(accepted.len() as u64, has);
            for letter in accepted {
                let local = letter.forward_path.split('@').next().unwrap();
                assert_eq!(
                    String::from_utf8(letter.message).unwrap(),
                    format!("Subject: to {local}\r\n\r\nDear {local}\r\n")
                );
            }
        }
    }
}

#[tokio::test]
async fn a_relay_that_is_silent_after_the_dot_leaves_a_doubt() {
    for protection in PROTECTIONS {
        let mut post = Post::start(protection, spelled()).await;
        post.way.timeouts = impatient();
        let ended = send(&mut post.lane().await, "silent-after-dot").await;
        assert_eq!(brief(&ended), "silence", "{ended}");
    }
}

#[tokio::test]
async fn a_relay_that_never_greets_is_given_up_before_anything_was_sent() {
    let settings = RelaySettings { greeting: Some(String::new()), ..spelled() };
    let mut post = Post::start(Protection::Plain, settings).await;
    post.way.timeouts = impatient();
    let ended = send(&mut post.lane().await, "ada").await;
    assert_eq!(brief(&ended), "broken at greeting", "{ended}");
}

#[tokio::test]
async fn a_relay_that_turns_us_away_at_the_door() {
    for (greeting, ending, verdict) in [
        ("554 5.7.1 Not you", "554 at greeting", Verdict::Stop),
        ("421 4.3.2 Too many connections", "421 at greeting", Verdict::SlowDown),
        ("421 4.3.2 Shutting down", "421 at greeting", Verdict::Reconnect),
        ("SSH-2.0-OpenSSH", "broken at greeting", Verdict::Reconnect),
    ] {
        let post =
            Post::start(Protection::Plain, RelaySettings { greeting: Some(greeting.into()), ..spelled() })
                .await;
        let ended = send(&mut post.lane().await, "ada").await;
        assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), (ending, verdict), "{ended}");
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_tried_later() {
    let post = Post::start(Protection::Plain, spelled()).await;
    let mut lane = post.lane().await;
    drop(post);
    tokio::task::yield_now().await;
    let ended = send(&mut lane, "ada").await;
    assert_eq!(brief(&ended), "broken at connect", "{ended}");
    assert_eq!(judge(&ended).verdict, Verdict::Reconnect);
}

#[tokio::test]
async fn refusals_of_the_sender_come_at_mail() {
    for pipelining in [true, false] {
        let post = Post::start(Protection::Plain, RelaySettings { pipelining, ..spelled() }).await;
        let mut lane = post.lane().await;
        for (from, ending) in [
            ("refuse-mail@post.example", "550 at mail-from"),
            ("vanish-at-mail@post.example", "broken at mail-from"),
            ("desk@post.example", "accepted 250"),
        ] {
            let ended =
                lane.attempt(&envelope_from(from, "ada@town.example"), LETTER, async { Ok(()) }).await;
            assert_eq!(brief(&ended), ending, "{ended}");
        }
    }
}

#[tokio::test]
async fn a_line_that_breaks_in_a_long_body_is_never_taken_for_sent() {
    for protection in PROTECTIONS {
        let post = Post::start(protection, spelled()).await;
        let mut lane = post.lane().await;
        // More than the kernel takes off our hands at once.
        let long = [LETTER, "a line of the letter\r\n".repeat(1_500_000).as_bytes()].concat();
        let to = envelope("vanish-in-body@town.example");
        let ended = lane.attempt(&to, &long, async { Ok(()) }).await;
        assert_eq!(brief(&ended), "broken at body", "{protection:?} {ended}");
        assert_eq!(brief(&send(&mut lane, "ada").await), "accepted 250");
        // A short letter is in the kernel's hands whole before the line breaks: then nobody knows.
        let ended = send(&mut lane, "vanish-in-body").await;
        assert!(["broken at body", "silence"].contains(&brief(&ended).as_str()), "{ended}");
        assert_eq!(post.relay.taken(), 1);
    }
}

#[tokio::test]
async fn when_nothing_could_be_written_down_the_dot_does_not_leave() {
    for pipelining in [true, false] {
        let post = Post::start(Protection::Plain, RelaySettings { pipelining, ..spelled() }).await;
        let mut lane = post.lane().await;
        let full = async { Err("the disk is full".to_owned()) };
        let ended = lane.attempt(&envelope("ada@town.example"), LETTER, full).await;
        assert_eq!(ended, Ending::Broken { stage: Stage::Body, why: "the disk is full".into() });
        assert_eq!(post.relay.taken(), 0);
        assert_eq!(brief(&send(&mut lane, "grace").await), "accepted 250");
        assert_eq!(post.relay.accepted().len(), 1);
    }
}

#[tokio::test]
async fn the_note_before_the_dot_is_asked_for_once_and_only_after_the_relay_said_go_on() {
    let asked = Arc::new(AtomicU32::new(0));
    let post = Post::start(Protection::Plain, spelled()).await;
    let mut lane = post.lane().await;
    for (local, times) in
        [("nobody", 0), ("refuse-data", 0), ("ada", 1), ("close-after", 2), ("ada", 3), ("refuse-body", 4)]
    {
        let asked_too = Arc::clone(&asked);
        let note = async move {
            asked_too.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        lane.attempt(&envelope(&format!("{local}@town.example")), LETTER, note).await;
        assert_eq!(asked.load(Ordering::SeqCst), times, "{local}");
    }
}

#[tokio::test]
async fn an_attempt_that_is_dropped_in_the_middle_spoils_no_other() {
    for pipelining in [true, false] {
        let post = Post::start(Protection::Plain, RelaySettings { pipelining, ..spelled() }).await;
        let mut lane = post.lane().await;
        assert_eq!(brief(&send(&mut lane, "ada").await), "accepted 250");
        let (reached, wait) = tokio::sync::oneshot::channel();
        let to = envelope("dropped@town.example");
        tokio::select! {
            ended = lane.attempt(&to, LETTER, async move { let _ = reached.send(()); std::future::pending().await }) => panic!("{ended}"),
            _ = wait => {}
        }
        assert_eq!(brief(&send(&mut lane, "grace").await), "accepted 250");
        let to: Vec<_> = post.relay.accepted().into_iter().map(|letter| letter.forward_path).collect();
        assert_eq!(to, ["ada@town.example", "grace@town.example"]);
    }
}

#[tokio::test]
async fn number_8_the_relay_closes_the_line_after_some_letters_and_the_rest_goes_out_all_the_same() {
    for limit in [1, 2, 7] {
        let settings = RelaySettings { letters_per_connection: Some(limit), ..spelled() };
        let post = Post::start(Protection::Plain, settings).await;
        let mut lane = post.lane().await;
        for nth in 0..20 {
            assert_eq!(brief(&send(&mut lane, &format!("r{nth}")).await), "accepted 250");
        }
        assert_eq!(post.relay.taken(), 20);
        assert_eq!(post.relay.connections(), u64::from(20_u32.div_ceil(limit)));
    }
}

#[tokio::test]
async fn we_close_the_line_ourselves_after_as_many_letters_as_agreed() {
    let mut post = Post::start(Protection::Plain, spelled()).await;
    post.way.letters_per_connection = 3;
    let mut lane = post.lane().await;
    for nth in 0..7 {
        send(&mut lane, &format!("r{nth}")).await;
    }
    lane.close().await;
    assert_eq!(post.relay.connections(), 3);
    let quits = post.relay.commands().iter().filter(|command| *command == "QUIT").count();
    assert_eq!(quits, 3);
}

#[tokio::test]
async fn a_relay_that_closes_an_idle_line_is_reached_anew_and_nobody_need_know() {
    for protection in PROTECTIONS {
        let post = Post::start(protection, spelled()).await;
        let mut lane = post.lane().await;
        for nth in 0..5 {
            let ended = send(&mut lane, &format!("close-after.r{nth}")).await;
            assert_eq!(brief(&ended), "accepted 250", "{protection:?} {nth} {ended}");
        }
        assert_eq!((post.relay.taken(), post.relay.connections()), (5, 5));
    }
}

#[tokio::test]
async fn number_9_a_421_and_then_the_end_of_the_line_is_for_later() {
    for pipelining in [true, false] {
        let post = Post::start(Protection::Plain, RelaySettings { pipelining, ..spelled() }).await;
        let mut lane = post.lane().await;
        for _ in 0..3 {
            let ended = send(&mut lane, "shutdown").await;
            assert_eq!(
                (brief(&ended).as_str(), judge(&ended).verdict),
                ("421 at rcpt-to", Verdict::TryLater)
            );
        }
    }
}

#[tokio::test]
async fn a_refused_recipient_costs_no_new_connection_even_where_the_relay_remembers_mail() {
    for pipelining in [true, false] {
        let post =
            Post::start(Protection::Plain, RelaySettings { pipelining, nested_mail: true, ..spelled() })
                .await;
        let mut lane = post.lane().await;
        for nth in 0..6 {
            let (local, ending) =
                if nth % 2 == 0 { ("nobody", "550 at rcpt-to") } else { ("ada", "accepted 250") };
            assert_eq!(brief(&send(&mut lane, local).await), ending);
        }
        assert_eq!(post.relay.connections(), 1);
    }
}

#[tokio::test]
async fn a_letter_that_the_relay_cannot_carry_is_not_begun() {
    let settings = RelaySettings { smtputf8: false, eight_bit_mime: false, size: 1000, ..spelled() };
    let post = Post::start(Protection::Plain, settings).await;
    let mut lane = post.lane().await;
    let long = "a line\r\n".repeat(200);
    for (to, letter, verdict) in [
        ("ünal@town.example", LETTER, Verdict::BadRecipient),
        ("ada@town.example", long.as_bytes(), Verdict::BadMessage),
        ("ada@town.example", "Subject: x\r\n\r\ngrüße\r\n".as_bytes(), Verdict::BadMessage),
    ] {
        let ended = lane.attempt(&envelope(to), letter, async { Ok(()) }).await;
        assert_eq!((brief(&ended).as_str(), judge(&ended).verdict), ("unfit", verdict), "{ended}");
    }
    let ended =
        lane.attempt(&envelope_from("bürö@post.example", "ada@town.example"), LETTER, async { Ok(()) }).await;
    assert_eq!(judge(&ended).verdict, Verdict::Stop, "{ended}");
    assert!(!post.relay.commands().iter().any(|command| command.starts_with("MAIL")));
}

#[tokio::test]
async fn number_11_an_umlaut_in_the_letter_needs_no_smtputf8_and_in_the_address_it_is_asked_for() {
    let letter = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\ngrüße\r\n".as_bytes();
    let post = Post::start(Protection::Plain, RelaySettings { smtputf8: false, ..spelled() }).await;
    let ended = post.lane().await.attempt(&envelope("ada@town.example"), letter, async { Ok(()) }).await;
    assert_eq!(brief(&ended), "accepted 250");
    assert_eq!(post.relay.accepted()[0].message, letter);
    let mail = format!("MAIL FROM:<desk@post.example> SIZE={} BODY=8BITMIME", letter.len());
    assert!(post.relay.commands().contains(&mail), "{:?}", post.relay.commands());

    let post = Post::start(Protection::Plain, spelled()).await;
    let ended = post.lane().await.attempt(&envelope("ünal@town.example"), LETTER, async { Ok(()) }).await;
    assert_eq!(brief(&ended), "accepted 250", "{ended}");
    let mail = format!("MAIL FROM:<desk@post.example> SIZE={} SMTPUTF8", LETTER.len());
    assert!(post.relay.commands().contains(&mail), "{:?}", post.relay.commands());
}

#[tokio::test]
async fn a_letter_cannot_smuggle_another_one_past_a_relay_that_takes_a_bare_lf_for_a_line_end() {
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\n\r.\n", "\r\r\n.\r\r\n"] {
        let smuggled = "MAIL FROM:<eve@post.example>\r\nRCPT TO:<victim@town.example>\r\nDATA\r\nSubject: forged\r\n\r\nforged\r\n.\r\n";
        let letter = format!("Subject: x\r\n\r\nhello{end}{smuggled}");
        let post = Post::start(Protection::Plain, spelled()).await;
        let ended = post
            .lane()
            .await
            .attempt(&envelope("ada@town.example"), letter.as_bytes(), async { Ok(()) })
            .await;
        assert_eq!(brief(&ended), "accepted 250");
        let accepted = post.relay.accepted();
        assert_eq!(accepted.len(), 1, "{end:?}");
        assert!(accepted[0].message.ends_with(b"forged\r\n.\r\n"), "{end:?}");
    }
}

#[tokio::test]
async fn a_relay_of_the_old_kind_that_knows_only_helo_is_spoken_to() {
    let settings = RelaySettings { ehlo: false, pipelining: false, ..spelled() };
    let post = Post::start(Protection::Plain, settings).await;
    assert_eq!(brief(&send(&mut post.lane().await, "ada").await), "accepted 250");
    let commands = post.relay.commands();
    assert_eq!(commands[..3], ["EHLO [127.0.0.1]", "HELO [127.0.0.1]", "MAIL FROM:<desk@post.example>"]);
}

#[tokio::test]
async fn many_lanes_side_by_side_mix_nothing_up() {
    let mut post = Post::start(Protection::Plain, spelled()).await;
    post.way.connections = 8;
    let transport =
        postduif::transport::Transport::open(postduif::transport::Settings::Smtp(post.way.clone()))
            .await
            .unwrap();
    let mut lanes = tokio::task::JoinSet::new();
    for lane_nth in 0..8 {
        let mut lane = transport.lane();
        lanes.spawn(async move {
            for nth in 0..50 {
                let to = format!("r{lane_nth}.{nth}@town.example");
                let letter = format!("Subject: {to}\r\n\r\n{to}\r\n");
                let ended = lane.attempt(&envelope(&to), letter.as_bytes(), async { Ok(()) }).await;
                assert_eq!(brief(&ended), "accepted 250");
            }
        });
    }
    while let Some(done) = lanes.join_next().await {
        done.unwrap();
    }
    let accepted = post.relay.accepted();
    assert_eq!((accepted.len(), post.relay.connections()), (400, 8));
    for letter in accepted {
        assert_eq!(
            String::from_utf8(letter.message).unwrap(),
            format!("Subject: {0}\r\n\r\n{0}\r\n", letter.forward_path)
        );
    }
}
