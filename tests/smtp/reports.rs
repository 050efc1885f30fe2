//! Reports that name the letter (RFC 3461): asked for where the relay offers it and the settings do not say no.

use crate::faults::brief;
use crate::relay::{LETTER, Post, Protection, envelope, spelled};
use postduif::mail::envelope::Envelope;
use postduif::transport::rehearsal::RelaySettings;

/// A letter with a mark, to two addresses.
fn marked() -> Envelope {
    Envelope {
        also: vec![envelope("bo+lists@town.example").forward_path],
        envelope_id: Some("k3v9qmark+1".to_owned()),
        ..envelope("ada@town.example")
    }
}

/// What is said about it, from MAIL to DATA, and how it ends.
async fn said(settings: RelaySettings, envelope: &Envelope, delivery_reports: bool) -> (String, String) {
    let mut post = Post::start(Protection::Plain, settings).await;
    post.way.delivery_reports = delivery_reports;
    let ended = post.lane().await.attempt(envelope, LETTER, async { Ok(()) }).await;
    let commands = post.relay.commands();
    let of_letter = commands.iter().skip_while(|command| !command.starts_with("MAIL"));
    let of_letter: Vec<&str> =
        of_letter.take_while(|command| *command != "DATA").map(String::as_str).collect();
    (of_letter.join("\n"), brief(&ended))
}

fn plain() -> String {
    format!(
        "MAIL FROM:<desk@post.example> SIZE={}\nRCPT TO:<ada@town.example>\nRCPT TO:<bo+lists@town.example>",
        LETTER.len()
    )
}

#[tokio::test]
async fn a_relay_that_offers_reports_is_told_the_mark_and_every_address() {
    for pipelining in [true, false] {
        let settings = RelaySettings { pipelining, ..spelled() };
        let (said, ending) = said(settings, &marked(), true).await;
        let wanted = format!(
            "MAIL FROM:<desk@post.example> SIZE={} RET=HDRS ENVID=k3v9qmark+2B1\n\
             RCPT TO:<ada@town.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ada@town.example\n\
             RCPT TO:<bo+lists@town.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;bo+2Blists@town.example",
            LETTER.len()
        );
        assert_eq!((said, ending.as_str()), (wanted, "accepted 250"));
    }
}

#[tokio::test]
async fn a_relay_that_does_not_offer_them_is_asked_for_nothing() {
    for settings in [RelaySettings { dsn: false, ..spelled() }, RelaySettings { ehlo: false, ..spelled() }] {
        let ehlo = settings.ehlo;
        let (said, ending) = said(RelaySettings { pipelining: ehlo, ..settings }, &marked(), true).await;
        let wanted = if ehlo { plain() } else { plain().replace(&format!(" SIZE={}", LETTER.len()), "") };
        assert_eq!((said, ending.as_str()), (wanted, "accepted 250"));
    }
}

#[tokio::test]
async fn nothing_is_asked_for_where_the_settings_say_no_or_the_letter_has_no_mark() {
    let unmarked = Envelope { envelope_id: None, ..marked() };
    for (envelope, delivery_reports) in [(marked(), false), (unmarked, true)] {
        let (said, ending) = said(spelled(), &envelope, delivery_reports).await;
        assert_eq!((said, ending.as_str()), (plain(), "accepted 250"));
    }
}

#[tokio::test]
async fn an_address_beyond_ascii_is_told_in_ascii() {
    let envelope = Envelope { also: Vec::new(), ..marked() };
    let envelope =
        Envelope { forward_path: crate::relay::envelope("ünal@town.example").forward_path, ..envelope };
    let (said, ending) = said(spelled(), &envelope, true).await;
    assert!(said.ends_with("ORCPT=utf-8;\\x{FC}nal@town.example"), "{said}");
    assert_eq!(ending, "accepted 250");
}
