//! A letter with several addressees: one transaction, one message, and the first of them decides.

use crate::faults::brief;
use crate::relay::{LETTER, Post, Protection, envelope, spelled};
use postduif::delivery::attempt::Ending;
use postduif::delivery::judgement::judge;
use postduif::mail::envelope::Envelope;
use postduif::transport::rehearsal::RelaySettings;

fn to(locals: &[&str], waits_for_others: bool) -> Envelope {
    let one = |local: &str| envelope(&format!("{local}@town.example"));
    Envelope {
        also: locals[1..].iter().map(|local| one(local).forward_path).collect(),
        waits_for_others,
        ..one(locals[0])
    }
}

/// Who it goes to, whether it waits for the others, how it ends, and who gets it.
const CASES: &[(&[&str], bool, &str, &[&str])] = &[
    (&["ada", "bo", "cy"], true, "accepted 250", &["ada", "bo", "cy"]),
    (&["ada", "nobody", "cy"], true, "accepted 250", &["ada", "cy"]),
    (&["ada", "nobody"], false, "accepted 250", &["ada"]),
    (&["ada", "later"], false, "accepted 250", &["ada"]),
    (&["ada", "later", "cy"], true, "451 at rcpt-to", &[]),
    (&["ada", "full"], true, "452 at rcpt-to", &[]),
    (&["ada", "shutdown", "cy"], false, "421 at rcpt-to", &[]),
    (&["nobody", "bo"], true, "550 at rcpt-to", &[]),
    (&["nobody", "bo", "cy"], false, "550 at rcpt-to", &[]),
    (&["later", "bo"], false, "451 at rcpt-to", &[]),
    (&["ada", "vanish-at-rcpt", "cy"], false, "broken at rcpt-to", &[]),
    (&["ada", "refuse-body"], false, "554 at end-of-data", &[]),
    (&["ada", "vanish-after-dot-lost"], false, "silence", &[]),
];

#[tokio::test]
async fn the_first_addressee_decides_and_the_others_are_told_of() {
    for pipelining in [true, false] {
        for nested_mail in [true, false] {
            for (locals, waits, ending, has) in CASES {
                let told = format!("{locals:?} waits {waits} pipelining {pipelining}");
                let settings = RelaySettings { pipelining, nested_mail, ..spelled() };
                let post = Post::start(Protection::Plain, settings).await;
                let mut lane = post.lane().await;
                let ended = lane.attempt(&to(locals, *waits), LETTER, async { Ok(()) }).await;
                assert_eq!(brief(&ended), *ending, "{told}: {ended}");
                let got: Vec<String> = post
                    .relay
                    .accepted()
                    .iter()
                    .flat_map(|letter| [&letter.forward_path].into_iter().chain(&letter.also).cloned())
                    .collect();
                let wanted: Vec<String> = has.iter().map(|local| format!("{local}@town.example")).collect();
                assert_eq!(got, wanted, "{told}");
                // The lane is good for the next letter, and nobody of this one gets that.
                let next = lane.attempt(&to(&["grace"], true), LETTER, async { Ok(()) }).await;
                assert_eq!(brief(&next), "accepted 250", "after {told}: {next}");
                let last = post.relay.accepted().pop().unwrap();
                assert_eq!(
                    (last.forward_path.as_str(), last.also.len()),
                    ("grace@town.example", 0),
                    "{told}"
                );
                lane.close().await;
            }
        }
    }
}

#[tokio::test]
async fn an_addressee_who_was_left_out_stands_in_the_history() {
    let post = Post::start(Protection::Plain, spelled()).await;
    let mut lane = post.lane().await;
    let ended = lane.attempt(&to(&["ada", "nobody"], true), LETTER, async { Ok(()) }).await;
    let Ending::Accepted { without, .. } = &ended else { panic!("{ended}") };
    assert_eq!(without.len(), 1);
    let told = judge(&ended).because;
    assert!(told.contains("but not for nobody@town.example (550"), "{told}");
    lane.close().await;
}
